"""Loading weights with transformers: a Hugging Face id, a folder, a GGUF file, or `local/NAME`.

A folder may hold a LoRA adapter: its base is loaded, and the adapter put in.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ethogram.engine.local import local_file
from ethogram.errors import EndpointError, InputError
from ethogram.stimuli.paths import named_path

NEEDED = ("torch", "transformers")
ADAPTER = "adapter_config.json"
BLOCK, BLOCKS = 4096, 1024  # bytes that tell weights apart, and how many such places
INSTALL = "probes need torch and transformers: run `pip install 'ethogram[probes]'`"


def check_installed() -> None:
    """Refuse to go on without the extra `probes`.

    Raises
    ------
    InputError
    """
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise InputError(INSTALL)


def find_source(weights: str, *, base: Path | None = None) -> str | Path:
    """Return the file or folder that `weights` names, or the id of a model on the hub.

    Raises
    ------
    EndpointError
        It names a file that is not there.
    """
    if weights.startswith("local/"):
        return local_file(weights, base=base)
    path = named_path(weights, base=base)
    if path.exists():
        return path
    if weights.endswith(".gguf") or weights.count("/") != 1 or weights[0] in ".~/":
        raise EndpointError(
            f"no weights at {path}: expected a folder, a GGUF file, local/NAME, or OWNER/NAME "
            "of a model on the Hugging Face hub"
        )
    return weights


def identify(source: str | Path) -> str:
    """Name weights by the names, sizes and bytes of their files; of large ones, a sample of bytes.

    A tuned model has files of the same names and sizes as its base.
    """
    if isinstance(source, str):
        return source
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        for piece in _sample(path):
            digest.update(piece)
    return f"{source.name} {digest.hexdigest()}"


def _sample(path: Path) -> Iterator[bytes]:
    """Yield blocks of a file, evenly spaced; the whole of a small one."""
    size = path.stat().st_size
    step = max(BLOCK, size // BLOCKS)
    with path.open("rb") as file:
        for start in range(0, size, step):
            file.seek(start)
            yield file.read(BLOCK)


def adapter_base(source: str | Path) -> str:
    """Return the model that a LoRA adapter's folder was trained on; "": it is no adapter's.

    Raises
    ------
    EndpointError
        It is one, and does not say of what.
    InputError
        peft is not installed.
    """
    file = Path(source) / ADAPTER
    if isinstance(source, str) or not file.is_file():
        return ""
    try:
        base = json.loads(file.read_text("utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = None
    if not isinstance(base, str) or not base:
        raise EndpointError(f"{file} names no base_model_name_or_path: expected that of its model")
    if importlib.util.find_spec("peft") is None:
        raise InputError(f"{source} is a LoRA adapter, which needs peft: run `pip install peft`")
    return base


def _words(source: str | Path, where: dict[str, Any]) -> dict[str, Any]:
    """Return where the tokenizer is: of an adapter without one, its base's."""
    base = adapter_base(source)
    if base and not (Path(source) / "tokenizer_config.json").is_file():
        return {"pretrained_model_name_or_path": base}
    return where


def _check_whole(source: str | Path, told: dict[str, Any]) -> None:
    """Refuse weights some of which are not there: transformers puts random numbers for them.

    Raises
    ------
    EndpointError
    """
    lost = sorted(map(str, {*told.get("missing_keys", ()), *told.get("mismatched_keys", ())}))
    if lost:
        raise EndpointError(
            f"the weights {source} are not whole: {len(lost):,} parts of the model are not there "
            f"or of another size, such as {lost[0]}"
        )


def load_weights(source: str | Path) -> tuple[Any, Any]:
    """Load (model, tokenizer), in the precision of the weights on a GPU, else in float32.

    Raises
    ------
    EndpointError
        They cannot be loaded.
    """
    check_installed()
    adapter_base(source)
    os.environ.setdefault("TQDM_DISABLE", "1")  # its bars would run into ours
    import torch
    import transformers

    where: dict[str, Any] = {"pretrained_model_name_or_path": str(source)}
    if isinstance(source, Path) and source.is_file():
        where = {
            "pretrained_model_name_or_path": str(source.parent),
            "gguf_file": source.name,
        }
    gpu = torch.cuda.is_available()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**_words(source, where))
        model, told = transformers.AutoModelForCausalLM.from_pretrained(
            **where, dtype="auto" if gpu else torch.float32, output_loading_info=True
        )
    except Exception as error:
        raise EndpointError(
            f"the weights {source} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    _check_whole(source, told)
    return model.to("cuda" if gpu else "cpu").eval(), tokenizer
