"""Text files: UTF-8, or what a byte-order mark says; packed by gzip or not."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from ethogram.errors import InputError
from ethogram.stimuli.tables.contents import refuse_foreign

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_UTF8 = "utf-8"
_LONG_RUN = re.compile(rb"[\x80-\xff]{3}")
_MAC_LETTER = re.compile(rb"[A-Za-z][\x80-\x90\x95-\x9f][a-z]")  # letters there, signs in cp1252
_WESTERN_LETTER = re.compile(rb"[\xc0-\xff]")


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file; its line ends are left as they are.

    Raises
    ------
    InputError
        No such file, one that cannot be read, or bytes that are no UTF-8 text: it says which
        encoding they look like.
    """
    try:
        with open_bytes(path) as file:
            encoding = _encoding(path, file)
            with io.TextIOWrapper(file, encoding=encoding, newline="") as text:
                yield text
    except UnicodeDecodeError:
        raise _undecodable(path, encoding) from None
    except FileNotFoundError:
        raise InputError(f"no file at {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {why}") from error


def read_text(path: Path) -> str:
    """Return the whole text of a file; errors as in `open_text`."""
    with open_text(path) as file:
        return file.read()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file of bytes, unpacked if it is packed by gzip; not a pipe, which could hang."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is no regular file: save what comes from it first")
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


def _encoding(path: Path, file: IO[bytes]) -> str:
    """Return the encoding that the mark at the start says; refuse what is no UTF-8 without one."""
    start = file.read(400)
    file.seek(0)
    refuse_foreign(path, start)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    wide = _wide(start)
    if wide:
        raise InputError(f"{path} looks like {wide} without a byte-order mark: save it as UTF-8")
    return _UTF8


def _wide(start: bytes) -> str:
    """Return "UTF-16" or "UTF-32" where separators and ASCII stand as characters of that width."""
    for width, name in ((4, "UTF-32"), (2, "UTF-16")):
        whole = len(start) // width * width
        for at in (0, width - 1):  # the byte that is not 0 comes first or last
            bytes_at = [start[i::width][: whole // width] for i in range(width)]
            letters = bytes_at.pop(at)
            zeros = sum(half.count(0) for half in bytes_at)
            if whole >= 2 * width and zeros > 0.8 * len(letters) * (width - 1):
                return name
    return ""


def _undecodable(path: Path, encoding: str) -> InputError:
    """Return the error that names the line and what the bytes look like."""
    if encoding not in (_UTF8, "utf-8-sig"):
        return InputError(
            f"{path} begins like {encoding.upper()} but is broken after that: save it as UTF-8"
        )
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(_UTF8)
            except UnicodeDecodeError as error:
                at = error.start
                return InputError(
                    f"{path}, line {number} is not UTF-8 text (byte {at} is 0x{line[at]:02X})"
                    f"{_guess(line)}: save the file as UTF-8"
                )
    return InputError(f"{path} is not UTF-8 text: save it as UTF-8")


def _guess(line: bytes) -> str:
    """Say which encoding a line looks like, by where its bytes above ASCII stand."""
    if b"\x00" in line:
        return ""
    if _LONG_RUN.search(line):  # words of such bytes: no language that cp1252 is for
        return "; it looks like an encoding of other scripts, such as cp1251, Shift-JIS or GBK"
    if _MAC_LETTER.search(line) and not _WESTERN_LETTER.search(line):
        return "; it looks like Mac Roman"
    try:
        line.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "; it looks like cp1252 or Latin-1, as Excel's plain CSV"
