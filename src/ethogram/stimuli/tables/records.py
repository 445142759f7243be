"""Records of a table in a file of any kind: CSV, TSV, JSON, JSONL, Parquet, Arrow, Feather."""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ethogram.errors import InputError
from ethogram.stimuli.tables.contents import foreign_content
from ethogram.stimuli.tables.delimited import check_columns, read_delimited
from ethogram.stimuli.tables.text import open_bytes, open_text, read_text

if TYPE_CHECKING:
    import polars as pl

DELIMITED = (".csv", ".tsv", ".tab")
LINES = (".jsonl", ".ndjson")
BINARY = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
SUFFIXES = (*LINES, ".json", *DELIMITED, *BINARY)
_PACKED = (".gz", ".gzip")
_STREAM = b"\xff\xff\xff\xff"

Record = tuple[str, dict[str, Any]]


def kind_of(path: Path) -> str:
    """Return a file's ending without that of gzip, in lower case: ".csv" of "a.CSV.gz"."""
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def stem_of(path: Path) -> str:
    """Return a file's name without its ending and that of gzip: "my.v2" of "my.v2.CSV.gz"."""
    name = path.name
    for ending in (*_PACKED, kind_of(path)):
        if ending and name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name or path.name


def read_records(path: Path) -> Iterator[Record]:
    """Yield the place ("line 2" of text, "row 1" of other kinds) and the cells of each record.

    Raises
    ------
    InputError
        Another kind of file, or one that cannot be read.
    """
    kind = kind_of(path)
    if kind in DELIMITED:
        return read_delimited(path, separator=usual_separator(path))
    if kind in LINES:
        return read_lines(path)
    if kind == ".json":
        return _json(path)
    if kind in BINARY:
        return _rows(read_frame(path))
    raise InputError(f"{path} is not one of {', '.join(SUFFIXES)}: convert it to one of these")


def usual_separator(path: Path) -> str | None:
    """Return what parts the cells of a file called so; nothing where it may be any of them."""
    return None if kind_of(path) == ".csv" else "\t"


def read_lines(path: Path) -> Iterator[Record]:
    """Yield the objects of a JSONL file; blank lines are passed over."""
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip("\ufeff \t\r\n"):
                yield f"line {number}", _object(line, f"{path}, line {number}")


def read_frame(path: Path) -> pl.DataFrame:
    """Read a Parquet, Arrow or Feather file whole; its first bytes say which it is.

    Raises
    ------
    InputError
    """
    import polars as pl

    try:
        with open_bytes(path) as file:
            whole = file.read()
        if whole.startswith(b"PAR1"):
            frame = pl.read_parquet(io.BytesIO(whole))
        elif whole.startswith(b"ARROW1"):
            frame = pl.read_ipc(io.BytesIO(whole))
        else:
            frame = _read_stream(whole, path)
    except FileNotFoundError:
        raise InputError(f"no file at {path}") from None
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error
    except pl.exceptions.PanicException as error:  # it is not an Exception
        raise InputError(f"{path} cannot be read: it is damaged ({first_line(error)})") from error
    check_columns(frame.columns, path)
    return frame


def _read_stream(whole: bytes, path: Path) -> pl.DataFrame:
    """Read an Arrow stream, which has no sign of its own in older files; or say what it is."""
    import polars as pl

    kind = "Parquet" if kind_of(path) in (".parquet", ".pq") else "Arrow"
    if not whole:
        raise InputError(f"{path} cannot be read: it is empty, expected {kind}")
    if kind == "Arrow":
        try:
            return pl.read_ipc_stream(io.BytesIO(whole))
        except pl.exceptions.PolarsError as error:
            if whole.startswith(_STREAM):
                raise InputError(f"{path} cannot be read: {first_line(error)}") from error
    found = "" if whole.startswith(_STREAM) else foreign_content(whole[:400])
    holds = f"; it holds {found}" if found else ""
    raise InputError(f"{path} cannot be read: it is no {kind} file{holds}")


def first_line(error: BaseException) -> str:
    """Return what an error says, without its advice."""
    return str(error).strip().partition("\n")[0]


def _rows(frame: pl.DataFrame) -> Iterator[Record]:
    for number, record in enumerate(frame.iter_rows(named=True), start=1):
        yield f"row {number}", record


def _json(path: Path) -> Iterator[Record]:
    """Yield the objects of a JSON list, or of a table by columns; else of lines of JSON."""
    text = read_text(path)
    try:
        whole = loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        if "\n" in text.strip() and text.lstrip("\ufeff \t\r\n").startswith("{"):
            yield from read_lines(path)
            return
        raise InputError(f"{path} is not JSON: {error}") from error
    found = whole if isinstance(whole, list) else _by_columns(whole)
    rows = [whole] if found is None else found
    for number, record in enumerate(rows, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}, row {number} is not an object, expected a list of objects")
    if isinstance(whole, list):
        _refuse_repeats(text, rows, lambda row: f"{path}, row {row + 1}")
    for number, record in enumerate(rows, start=1):
        yield f"row {number}", record


def _by_columns(whole: Any) -> list[Any] | None:
    """Return the rows of ``{"data": [...]}`` or of columns, as pandas writes them."""
    if not isinstance(whole, Mapping) or not whole:
        return None
    for key in ("data", "rows"):
        if isinstance(whole.get(key), list) and all(isinstance(r, dict) for r in whole[key]):
            return list(whole[key])
    if _is_split(whole):
        return [dict(zip(whole["columns"], row, strict=True)) for row in whole["data"]]
    columns = list(whole.values())
    if all(isinstance(column, Mapping) for column in columns):  # cells by the index of their row
        index = dict.fromkeys(row for column in columns for row in column)
        return [{name: column.get(row) for name, column in whole.items()} for row in index]
    if not all(isinstance(c, list) and len(c) == len(columns[0]) for c in columns):
        return None
    return [dict(zip(whole, row, strict=True)) for row in zip(*columns, strict=True)]


def _is_split(whole: Mapping[str, Any]) -> bool:
    """Whether this is ``{"columns": [...], "data": [[...]]}``, pandas's form called split."""
    names, rows = whole.get("columns"), whole.get("data")
    return (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )


def _refuse_repeats(
    text: str, rows: Sequence[Mapping[str, Any]], place: Callable[[int], str]
) -> None:
    """Refuse objects that have a key twice, of which readers would take the last.

    Counting is quick and lets through what has none; the rest is read once more.
    """
    keys = Counter(key for row in rows for key in row)
    if all(text.count(f"{orjson.dumps(key).decode()}") <= n for key, n in keys.items()):
        return
    again = json.loads(text.strip("\ufeff"), object_pairs_hook=_Pairs)
    for number, pairs in enumerate([again] if isinstance(again, _Pairs) else again):
        names = Counter(name for name, _ in pairs)
        twice = next((name for name, n in names.items() if n > 1), None)
        if twice is not None:
            raise InputError(
                f"{place(number)} has {twice!r} twice in one object: rename or delete one"
            )


class _Pairs(list[Any]):
    """The keys and values of an object, as written."""


def loads(text: str) -> Any:
    """Read JSON; NaN and Infinity, which some programs write, are read as null.

    Raises
    ------
    ValueError
        It is not JSON, or holds what no text can.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            return orjson.loads(orjson.dumps(json.loads(text)))
        except (ValueError, TypeError, RecursionError):
            raise error from None


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        record = loads(line.strip("\ufeff"))
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f'{place} is not an object such as {{"prompt": ...}}')
    _refuse_repeats(line, [record], lambda _: place)
    return record
