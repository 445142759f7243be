"""Files that ethogram writes: none that is someone else's is replaced, and each is whole or absent.

What it writes ends with a mark: its name, and a digest of all that stands before the mark. A file
with such a mark is as ethogram left it and may be written anew. A table of rows has no place for
a mark; there, the same columns stand for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ethogram import __version__
from ethogram.errors import InputError, Problems

_MARK = re.compile(rb"written by ethogram \S+ sha256:([0-9a-f]{64})")
_CLOSINGS = (b"", b"-->", b'"}}')  # what may follow a mark: ends of a comment and an object
_TAIL = 400  # bytes at the end of a file that hold its mark
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"  # the last chunk of every PNG


def sign(content: bytes, ending: str) -> bytes:
    """Return a file's content with the mark that says who wrote it, in a place for such things.

    Parameters
    ----------
    content : bytes
    ending : str
        Such as ".html"; a kind of file without a place for the mark stays as it is.
    """
    place = _PLACES.get(ending.lower())
    return place(content) if place else content


def is_ours(path: Path, *, columns: Sequence[str] | None = None) -> bool:
    """Whether a file is as ethogram left it, so that nothing is lost when it is replaced.

    Parameters
    ----------
    path : Path
        A file that is there. An empty one holds nothing.
    columns : sequence of str, optional
        Of a table that would be written there: one of the same columns counts as ours.
    """
    if not path.stat().st_size:
        return True
    if columns is not None:
        return _columns(path) == list(columns)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        if not _MARK.search(file.read()):  # the whole of a large file is not read for nothing
            return False
    content = path.read_bytes()
    *_, found = _MARK.finditer(content, max(0, len(content) - _TAIL))
    rest = content[found.end() :]
    closes = rest.strip() in _CLOSINGS or (rest[4:] == _END)  # a picture: the sum, its end
    return closes and _digest(content[: found.start()]) == found[1]


def check_outputs(
    paths: Iterable[Path],
    *,
    force: bool = False,
    sources: Iterable[Path] = (),
    columns: Sequence[str] | None = None,
) -> None:
    """Refuse, before any work, files that cannot be written or that are someone else's.

    Parameters
    ----------
    paths : iterable of Path
    force : bool
        Also replace files that ethogram did not write.
    sources : iterable of Path
        What is read: never replaced.
    columns : sequence of str, optional
        Of the tables that are written, see `is_ours`.

    Raises
    ------
    InputError
        The text names every file that is in the way, and what to do.
    """
    kept, problems = [*sources], Problems()
    in_the_way, written, tried = [], dict[str, Path](), set[Path]()
    for path in paths:
        with problems.gather(), _named(path):
            _check_place(path, sources=kept)
            if (same := written.setdefault(os.path.realpath(path), path)) is not path:
                raise InputError(f"{path} is the same file as {same}, which is written too")
            if not force and path.exists() and not is_ours(path, columns=columns):
                in_the_way.append(path)
            folder = Path(os.path.realpath(path)).parent
            if folder not in tried:  # what is wrong with a folder is said once
                tried.add(folder)
                _try_writing(folder)
    if in_the_way:
        problems.add(InputError(_say_in_the_way(in_the_way, columns)))
    problems.raise_any()


def check_folder(folder: Path) -> None:
    """Refuse, before any work, a folder that cannot be made or written into.

    Raises
    ------
    InputError
    """
    with _named(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} cannot be written: it is a file, expected a folder")
        _try_writing(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file with its mark: under another name first, then in one step under its own.

    Folders that are missing are made; through a symbolic link, the file it leads to is written.

    Raises
    ------
    InputError
        It cannot be written there.
    """
    with partial_file(path) as partial:
        partial.write_bytes(sign(content, path.suffix))


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Yield a new name in the same folder, and rename what was written there when all went well.

    Raises
    ------
    InputError
        It cannot be written there.
    """
    with _named(path):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".ethogram-{uuid.uuid4().hex}{target.suffix[:8]}")
        try:
            yield partial
            if target.exists():
                partial.chmod(stat.S_IMODE(target.stat().st_mode))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _check_place(path: Path, *, sources: Sequence[Path]) -> None:
    """Refuse what is no file, and what is read."""
    if any(os.path.realpath(path) == os.path.realpath(source) for source in sources):
        raise InputError(f"{path} is what is read: name another file to write")
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file")
    if path.exists():
        if any(source.exists() and path.samefile(source) for source in sources):  # a hard link
            raise InputError(f"{path} is what is read: name another file to write")
        if not path.is_file():
            raise InputError(f"{path} is not a regular file: name another")


def _say_in_the_way(paths: Sequence[Path], columns: Sequence[str] | None) -> str:
    """Name the files that ethogram did not write, and say what to do."""
    *most, last = map(str, paths)
    names = f"{', '.join(most)} and {last}" if most else last
    exist, them, other = (
        ("exist", "them", "other files") if most else ("exists", "it", "another file")
    )
    marked = columns is not None or any(path.suffix.lower() in _PLACES for path in paths)
    return (
        f"{names} {exist}{f', and not as ethogram wrote {them}' if marked else ''}: move {them}, "
        f"name {other}, or replace {them} with --force (in Python, force=True)"
    )


def _try_writing(folder: Path) -> None:
    """Write a file into a folder, or into the first above it that is there, and remove it."""
    folder = Path(os.path.realpath(folder))
    while not folder.exists():
        folder = folder.parent
    probe = folder / f".ethogram-{uuid.uuid4().hex}"
    probe.touch(exist_ok=False)
    probe.unlink()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the system says of a path into one clear line; refuse names nobody means."""
    if not str(path).isprintable():
        raise InputError(f"{str(path)[:300]!r} cannot be written: a name has no such characters")
    if path.stem == "-":
        raise InputError(f"{path} cannot be written: nothing goes to standard output, name a file")
    try:
        yield
    except NotADirectoryError as error:
        raise InputError(f"{path} cannot be written: a part of it is a file, no folder") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{str(path)[:300]} cannot be written: {why}") from error


# -- marks ------------------------------------------------------------------------------------


def _digest(content: bytes) -> bytes:
    """Return the digest of a content, whatever its line ends: version control changes them."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest().encode()


def _mark(before: bytes) -> bytes:
    return b"written by ethogram %s sha256:%s" % (__version__.encode(), _digest(before))


def _in_comment(opening: bytes, closing: bytes) -> Callable[[bytes], bytes]:
    """Put the mark into a comment at the end."""

    def place(content: bytes) -> bytes:
        before = content + (b"" if content.endswith(b"\n") else b"\n") + opening
        return before + _mark(before) + closing

    return place


def _in_object(content: bytes) -> bytes:
    """Put the mark into the last value of a JSON object."""
    before = content.rstrip()
    if not before.endswith(b"}"):
        return content
    comma = b"" if before[:-1].rstrip().endswith(b"{") else b","
    before = before[:-1].rstrip() + comma + b'"usermeta":{"ethogram":"'
    return before + _mark(before) + b'"}}\n'


def _in_picture(content: bytes) -> bytes:
    """Put the mark into a text chunk before the end of a PNG."""
    if not content.endswith(_END):
        return content
    label = b"tEXtSoftware\x00"
    size = len(label) - 4 + len(_mark(b""))
    before = content[: -len(_END)] + struct.pack(">I", size) + label
    chunk = label + _mark(before)
    return before + _mark(before) + struct.pack(">I", zlib.crc32(chunk)) + _END


_PLACES: dict[str, Callable[[bytes], bytes]] = {
    ".html": _in_comment(b"<!-- ", b" -->\n"),
    ".htm": _in_comment(b"<!-- ", b" -->\n"),
    ".svg": _in_comment(b"<!-- ", b" -->\n"),
    ".xml": _in_comment(b"<!-- ", b" -->\n"),
    ".md": _in_comment(b"<!-- ", b" -->\n"),
    ".json": _in_object,
    ".png": _in_picture,
    ".pdf": _in_comment(b"% ", b"\n"),  # after %%EOF, which readers look for near the end
}


def _columns(path: Path) -> list[str] | None:
    """Return the columns of a table, or None where a file is none."""
    import polars as pl

    readers: dict[str, Callable[[Path], pl.LazyFrame]] = {
        ".csv": lambda p: pl.scan_csv(p, infer_schema_length=0),
        ".jsonl": lambda p: pl.scan_ndjson(p, infer_schema_length=1),
        ".parquet": pl.scan_parquet,
    }
    try:
        return readers[path.suffix.lower()](path).collect_schema().names()
    except (KeyError, pl.exceptions.PolarsError, UnicodeError, OSError):
        return None
