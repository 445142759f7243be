"""A model's file from the Hugging Face hub, by its own client where that is installed."""

from __future__ import annotations

import re
import shutil
import textwrap
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ethogram.engine.weights import Weights
from ethogram.stimuli.tables.contents import foreign_content

_REST = re.compile(
    r"\s+(for url|for more information|so it does not|\(request id|please check).*", re.I
)
"""What the client adds to a reason: addresses, advice and numbers of requests."""


def from_hub(weights: Weights, work: Path) -> Path | str:
    """Return the file from the hub, in a working folder, or why it could not be had."""
    try:
        hub: Any = import_module("huggingface_hub")
    except ImportError:
        return "huggingface_hub is not installed"
    _silence()
    try:
        got = Path(
            hub.hf_hub_download(
                weights.repo, weights.path, revision=weights.revision, local_dir=str(work)
            )
        )
    except Exception as error:  # its errors are of many families
        return f"the Hugging Face hub failed ({_reason(error)})"
    with got.open("rb") as file:
        holds = foreign_content(file.read(400))
    if holds:
        return f"the Hugging Face hub failed (its address sent {holds.partition(':')[0]})"
    if got.is_symlink():  # old clients link to a cache of their own
        got = Path(shutil.copyfile(got, work / "copy"))
    return got


def _silence() -> None:
    """Keep the client's bars and warnings off the terminal: we have our own."""
    with suppress(ImportError, AttributeError):
        utils: Any = import_module("huggingface_hub.utils")
        utils.disable_progress_bars()
        utils.logging.set_verbosity_error()


def _reason(error: BaseException) -> str:
    """Return the first cause of an error: the client's own words for it are often general."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = _REST.sub("", " ".join(str(error).split()))
    return textwrap.shorten(said, 160, placeholder=" ...") or type(error).__name__
