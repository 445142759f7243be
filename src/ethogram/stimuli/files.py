"""Rows of prompts from files of the user's own: JSONL, CSV and Parquet.

Reading only: what is kept of the rows is decided in `ethogram.stimuli.prompts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from ethogram.errors import InputError

TEXT_COLUMNS = ("prompt", "text", "content")
OTHER_COLUMNS = ("id", "language", "topic", "toxic", "redacted")
SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")
_SLICE = 2_000  # WildChat's rows are about 13 kB each, so a slice of them is 27 MB


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt as its source has it; `text` is None where the source has none."""

    text: str | None
    id: str
    language: str = ""
    topic: str = ""
    toxic: bool = False
    redacted: bool = False


def read_rows(path: Path, *, column: str | None = None) -> Iterator[Row]:
    """Yield the rows of a JSONL, CSV or Parquet file.

    The text is in `column`, or else in the first of the columns prompt, text and content. The
    columns id, language, topic, toxic and redacted are used where they are there; a row
    without an id is called by its number, "row1" first.

    Raises
    ------
    InputError
        Another kind of file, one that cannot be read, or no such column.
    """
    name = ""
    for number, record in enumerate(_records(path, column=column), start=1):
        # The columns of the first record are those of the file.
        name = name or text_column(record, wanted=column, path=path)
        yield _row(record, name=name, number=number, path=path)


def text_column(names: Iterable[str], *, wanted: str | None, path: Path) -> str:
    """Return the column that holds the text: the one wanted, or the first usual name."""
    found = list(names)
    for name in [wanted] if wanted else TEXT_COLUMNS:
        if name in found:
            return name
    expected = repr(wanted) if wanted else f"called {' or '.join(TEXT_COLUMNS)}"
    raise InputError(
        f"{path} has no column {expected}; it has {', '.join(found) or 'none'}: "
        "name the one with the text as column in the table [prompts]"
    )


def scan_slices(path: Path, *columns: str | pl.Expr) -> Iterator[pl.DataFrame]:
    """Yield these columns of a Parquet file, one slice of the rows at a time.

    Slices of a lazy scan take half the memory of `LazyFrame.collect_batches`, which reads ahead.
    """
    try:
        lazy = pl.scan_parquet(path, glob=False)
        length = lazy.select(pl.len()).collect().item()
        for start in range(0, length, _SLICE):
            yield lazy.slice(start, _SLICE).select(*columns).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from error


def parquet_schema(path: Path) -> dict[str, pl.DataType]:
    """Return the columns of a Parquet file and their types."""
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from error


def _records(path: Path, *, column: str | None) -> Iterator[dict[str, Any]]:
    """Yield the records of a file, read as its suffix says."""
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return _jsonl(path)
        case ".csv":
            return _csv(path)
        case ".parquet":
            return _parquet(path, column=column)
    raise InputError(f"{path} is not one of {', '.join(SUFFIXES)}: convert it to one of these")


def _row(record: Mapping[str, Any], *, name: str, number: int, path: Path) -> Row:
    """Return a record as a row."""
    text = record.get(name)
    if text is not None and not isinstance(text, str):
        raise InputError(f"{path}, row {number}: {name} is {text!r}, expected text")
    return Row(
        text=text,
        id=str(record.get("id") or f"row{number}"),
        language=str(record.get("language") or ""),
        topic=str(record.get("topic") or ""),
        toxic=_flag(record.get("toxic")),
        redacted=_flag(record.get("redacted")),
    )


def _flag(value: object) -> bool:
    """Return a flag, which in a CSV file is a word."""
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file; blank lines are passed over."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError as error:
                raise InputError(f"{path}, line {number} is not JSON: {error}") from error
            if not isinstance(record, dict):
                raise InputError(
                    f'{path}, line {number} is not an object such as {{"prompt": ...}}'
                )
            yield record


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a CSV file, every cell as text."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read as CSV: {_first_line(error)}") from error
    return table.iter_rows(named=True)


def _parquet(path: Path, *, column: str | None) -> Iterator[dict[str, Any]]:
    """Yield the records of a Parquet file, of the useful columns only."""
    schema = parquet_schema(path)
    text = text_column(schema, wanted=column, path=path)
    for table in scan_slices(
        path, text, *(name for name in OTHER_COLUMNS if name in schema and name != text)
    ):
        yield from table.iter_rows(named=True)


def _first_line(error: Exception) -> str:
    """Return what an error says, without its advice."""
    return str(error).strip().partition("\n")[0]
