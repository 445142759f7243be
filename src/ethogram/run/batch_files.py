"""The file form of batches: what is pending as JSON lines, and answers as whoever ran them wrote.

`vllm run-batch`, a Slurm array or any service that takes OpenAI's batch files can be in between.
Nothing is called here. A line that was written is left alone until its answer is read, or the user
says that it will not come. Here is what writing (`ethogram.run.batch_write`) and reading
(`ethogram.run.batch_read`) have in common, and the manifest of a folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from ethogram.engine.transport import Response, Transport
from ethogram.errors import EthogramError, InputError
from ethogram.store.batches import BatchBook

MANIFEST = "ethogram-batch.json"


class FileTransports:
    """What writing and reading have in common: no call is made."""

    calls = False

    def __init__(self, folder: Path, store: Path) -> None:
        self._folder = folder
        self._book = BatchBook(store)

    def start(self, transport: Transport, keep: Callable[[str, Response], None]) -> None:
        """Do nothing: nothing is under way."""

    async def close(self) -> None:
        """Do nothing."""

    def close_book(self) -> None:
        """Do nothing."""

    def left(self) -> EthogramError | None:
        """Return nothing: what is left pending is counted."""
        return None


class FileTransport:
    """A transport that answers from a file, or writes to one.

    It takes all that there is at once: no limit of a service holds it back, and no failure of one
    line says anything of the next.
    """

    at_once = True

    def expect_no_more(self) -> None:
        """Do nothing."""

    def shut(self) -> None:
        """Do nothing."""


def write_manifest(folder: Path, study: Path | None, text: str, store: Path) -> None:
    """Write down whose batches a folder has, so that answers find their way."""
    if study is None:
        study = folder / "study.toml"
        study.write_text(text, encoding="utf-8")
    told = {
        "study": str(study.resolve()),
        "store": str(store.resolve()),
        "from_here": {
            "study": os.path.relpath(study.resolve(), folder.resolve()),
            "store": os.path.relpath(store.resolve(), folder.resolve()),
        },
    }
    (folder / MANIFEST).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


def read_manifest(folder: Path) -> dict[str, Path]:
    """Return the study and the store of a folder of batches, also where all were moved together.

    Raises
    ------
    InputError
        `ethogram batch write` did not make it.
    """
    try:
        told = orjson.loads((folder / MANIFEST).read_bytes())
        return {what: _there(folder, told, what) for what in ("study", "store")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder} is no folder of batches (no {MANIFEST}): expected one that `ethogram batch "
            "write` made"
        ) from error


def _there(folder: Path, told: dict[str, Any], what: str) -> Path:
    """Return where a thing is: at its own place, or where it lay as seen from the folder."""
    path = Path(str(told[what]))
    nearby = (told.get("from_here") or {}).get(what)
    if not path.exists() and nearby and (folder / str(nearby)).exists():
        return folder / str(nearby)
    return path
