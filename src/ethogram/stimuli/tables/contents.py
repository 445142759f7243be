"""What a file holds by its first bytes, where its name says otherwise."""

from __future__ import annotations

from pathlib import Path

from ethogram.errors import InputError

_SAVE = "save the table as CSV (UTF-8)"
_SIGNS = (  # each from its format's own description
    (b"PAR1", "Parquet", "call it .parquet"),
    (b"ARROW1", "an Arrow file", "call it .arrow"),
    (b"\xff\xff\xff\xff", "an Arrow stream", "call it .arrow"),
    (b"PK\x03\x04", "a ZIP archive or a workbook (.xlsx, .ods)", f"unpack it, or {_SAVE}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old workbook (.xls)", _SAVE),
    (b"\x1f\x8b", "a file that is packed twice", "unpack it"),
    (b"\xfd7zXZ\x00", "a file packed by xz", "unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd", "unpack it, or pack it by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"SQLite format 3\x00", "an SQLite database", "a store of ethogram's is called .db"),
    (b"%PDF-", "a PDF", _SAVE),
    (b"\x93NUMPY", "a numpy array", _SAVE),
    (b"\x89HDF\r\n", "HDF5", _SAVE),
    (b"version https://git-lfs.", "a Git LFS pointer, not the file", "fetch it: git lfs pull"),
)
_BZIP2 = (b"BZh", b"1AY&SY", "a file packed by bzip2", "unpack it, or pack it by gzip")
_WEB = (b"<!doctype html", b"<html")


def refuse_foreign(path: Path, start: bytes) -> None:
    """Refuse a text or a table that is something else, and say what it is.

    Parameters
    ----------
    path : Path
    start : bytes
        The first bytes, unpacked.

    Raises
    ------
    InputError
    """
    found = foreign_content(start)
    if found:
        raise InputError(f"{path} holds {found}")


def foreign_content(start: bytes) -> str:
    """Return what bytes are and what to do ("Parquet: call it .parquet"); "" if none is known."""
    for sign, what, advice in _SIGNS:
        if start.startswith(sign):
            return f"{what}: {advice}"
    head, block, what, advice = _BZIP2
    if start.startswith(head) and start[4:].startswith(block):
        return f"{what}: {advice}"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB):
        return "a web page (HTML): fetch the file itself"
    return ""
