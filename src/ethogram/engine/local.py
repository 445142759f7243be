"""Local models: `local/NAME` and `local/PATH.gguf`, served in this process by llama.cpp."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ethogram.engine.cores import free_cores
from ethogram.engine.weights import find_weights, kept_file
from ethogram.errors import EndpointError
from ethogram.stimuli.paths import named_path

LOCAL_SLOTS = 4
MAGIC = b"GGUF"  # the first bytes of every such file
LOCAL_CONTEXT = 4096  # tokens per slot
LOCAL_CACHE = 512  # MiB of prompts read before, beside the slots; llama.cpp's own limit is 8 GiB


def local_file(model: str, *, base: Path | None = None) -> Path:
    """Find the weights of `local/NAME` (a known model) or `local/PATH.gguf`.

    Raises
    ------
    EndpointError
        There is no such file, and the text says how to get it; or it has other bytes than the
        known model of this name, or is no GGUF file.
    """
    name = model.removeprefix("local/")
    if is_path(name):
        path = named_path(name, base=base)
        if not path.is_file():
            raise EndpointError(f"no model file at {path}: expected local/NAME or local/PATH.gguf")
        check_gguf(path)
        return path
    weights = find_weights(name)
    path_kept = kept_file(weights)
    if path_kept is None:
        raise EndpointError(
            f"the weights of {model} are not on this machine: run "
            f"`ethogram models fetch {weights.name}` ({weights.size / 1e6:,.0f} MB)"
        )
    return path_kept


def check_gguf(path: Path) -> None:
    """Refuse a file that does not begin as a GGUF file does, such as a page or a pointer to it.

    Raises
    ------
    EndpointError
        The text has the file's size, and what was found in place of its first bytes.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise EndpointError(f"{path} cannot be read: {error.strerror}") from error
    if start != MAGIC:
        found = f"begins with {ascii(start)[1:]}" if start else "is empty"
        raise EndpointError(
            f"{path} ({_size(path)}) {found}, expected a GGUF file, which begins with 'GGUF': "
            "fetch the file itself; an error page or a Git LFS pointer may stand in its place"
        )


def _size(path: Path) -> str:
    """Return a file's size as it is listed, and in bytes where that is little."""
    size = path.stat().st_size
    return f"{size / 1e6:,.0f} MB" if size >= 10_000_000 else f"{size:,} bytes"


def is_path(name: str) -> bool:
    """Whether the part after `local/` is a path and no name of a known model."""
    return name.endswith(".gguf") or "/" in name or os.sep in name


@contextmanager
def local_servers(models: Iterable[str], *, base: Path | None = None) -> Iterator[dict[str, str]]:
    """Serve local models in this process while the block runs.

    Yields
    ------
    dict
        Address by model name, such as {"local/smollm2": "http://127.0.0.1:40123/v1"}.
    """
    wanted = sorted({model for model in models if model.startswith("local/")})
    servers: list[Any] = []
    files = [local_file(model, base=base) for model in wanted]
    shares = share_cores([file.stat().st_size for file in files], free_cores())
    try:
        addresses = {}
        for model, file, threads in zip(wanted, files, shares, strict=True):
            server = start_server(model, file, threads)
            servers.append(server)
            addresses[model] = f"{server.listening_address.rstrip('/')}/v1"
        yield addresses
    finally:
        servers.clear()  # dropping the last reference stops a server


def share_cores(sizes: Sequence[int], cores: int) -> list[int]:
    """Return how many threads each of several models gets, by the bytes of its weights.

    Time per token goes with them, so equal shares would leave the small ones waiting for the large
    one. Each has one at least; no more are made than there are cores, as threads of one model wait
    for each other busily, and take from the others what they cannot use.
    """
    shares = [1] * len(sizes)
    while sum(shares) < cores and sizes:
        least = max(range(len(sizes)), key=lambda i: sizes[i] / shares[i])
        shares[least] += 1
    return shares


def check_llama() -> None:
    """Refuse to go on without llama.cpp.

    Raises
    ------
    EndpointError
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise EndpointError('local models need xllamacpp: run `pip install "ethogram[local]"`')


def start_server(model: str, file: Path, threads: int) -> Any:
    """Start llama.cpp on one file, with its share of the cores that are free."""
    check_llama()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {model}
    params.n_parallel = LOCAL_SLOTS
    params.n_ctx = LOCAL_SLOTS * LOCAL_CONTEXT
    params.cpuparams.n_threads = threads
    params.verbosity = -1
    params.cache_ram_mib = LOCAL_CACHE
    params.warmup = True
    params.port = 0
    try:
        return xllamacpp.Server(params)
    except Exception as error:
        why = str(error).strip().rstrip(".")
        raise EndpointError(
            f"{file} ({_size(file)}) cannot be loaded by llama.cpp: {why}; if it is smaller than "
            "where it came from, fetch it again; if not, a newer llama.cpp may know its kind of "
            "model: `pip install --upgrade xllamacpp`"
        ) from error
