"""Rows of prompts from files of the user's own: JSONL, JSON, CSV, TSV, Parquet and Arrow.

Reading only: what is kept of the rows is decided in `ethogram.stimuli.prompts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ethogram.errors import InputError
from ethogram.stimuli.chats import is_chat, read_chat, turns_before
from ethogram.stimuli.tables.delimited import check_columns, column_key
from ethogram.stimuli.tables.flags import flag_of
from ethogram.stimuli.tables.names import cell_text, check_name
from ethogram.stimuli.tables.records import first_line, read_records

TEXT_COLUMNS = ("prompt", "text", "content")
CHAT_COLUMNS = ("messages", "conversations", "conversation")
ID_COLUMNS = ("id", "conversation_hash", "conversation_id")
FLAGS = ("toxic", "openai_moderation", "redacted")
OTHER_COLUMNS = (*ID_COLUMNS, "language", "topic", *FLAGS)
Turns = tuple[dict[str, str], ...]
_SLICE = 2_000  # WildChat's rows are about 13 kB each, so a slice of them is 27 MB


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt as its source has it; `text` is None where the source has none.

    `chat` says that it is a user message of a chat, in a file of the user's own; `turns` is what
    was said before it.
    """

    text: str | None
    id: str
    language: str = ""
    topic: str = ""
    toxic: bool = False
    redacted: bool = False
    chat: bool = False
    turns: Turns = ()


def read_rows(path: Path, *, column: str | None = None, turn: int | None = 1) -> Iterator[Row]:
    """Yield the rows of a file of records: JSONL, JSON, CSV, TSV, Parquet, Arrow or Feather.

    The text is in `column`, or else in the first of the columns prompt, text and content, or it is
    a user message of the chat in messages, conversations or conversation: the `turn`th, or the last
    where that is None, with all that was said before it. The columns id,
    language, topic, toxic (or openai_moderation) and redacted are used where they are there; a row
    without an id is called by its number, "row1" first. Case and space around a column's name do
    not count.

    Raises
    ------
    InputError
        Another kind of file, one that cannot be read, no such column, or a cell that cannot be
        what its column holds.
    """
    known = False
    for number, (place, cells) in enumerate(_records(path, column=column), start=1):
        record = {column_key(name): value for name, value in cells.items()}
        # Lines of JSON may each have their own columns; the first must have the text's.
        if not known:
            text_column(cells, wanted=column, path=path)
            known = True
        yield _row(record, column=column, turn=turn, number=number, place=f"{path}, {place}")


def text_column(names: Iterable[str], *, wanted: str | None, path: Path) -> str:
    """Return the column that holds the text: the one wanted, or the first usual name."""
    found = {column_key(name): name for name in names}
    for name in _text_columns(wanted):
        if name in found:
            return found[name]
    expected = repr(wanted) if wanted else f"called {' or '.join((*TEXT_COLUMNS, *CHAT_COLUMNS))}"
    raise InputError(
        f"{path} has no column {expected}; it has {', '.join(found.values()) or 'none'}: "
        "name the one with the text as column in the table [prompts]"
    )


def _text_columns(wanted: str | None) -> tuple[str, ...]:
    return (column_key(wanted),) if wanted else (*TEXT_COLUMNS, *CHAT_COLUMNS)


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
        raise InputError(f"{path} cannot be read as Parquet: {first_line(error)}") from error


def parquet_schema(path: Path) -> dict[str, pl.DataType]:
    """Return the columns of a Parquet file and their types."""
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {first_line(error)}") from error


def _records(path: Path, *, column: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the places and records of a file; of a large Parquet file, a slice at a time."""
    return _parquet(path, column=column) if is_parquet(path) else read_records(path)


def is_parquet(path: Path) -> bool:
    """Whether a file is called like Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


def _row(
    record: Mapping[str, Any], *, column: str | None, turn: int | None, number: int, place: str
) -> Row:
    """Return a record as a row."""
    there = [name for name in _text_columns(column) if name in record]
    name = next((n for n in there if record[n] is not None), "")
    value, at = record.get(name), f"{place}: {name}"
    said = read_chat(value, place=at) if name in CHAT_COLUMNS else value
    text, chat, turns = _said(said, turn, place=at)
    return Row(
        text=text,
        id=row_id(record, number=number, place=place),
        language=label(record.get("language"), place=f"{place}: language"),
        topic=label(record.get("topic"), place=f"{place}: topic"),
        toxic=flag_of(record, "toxic", place=place),
        redacted=flag_of(record, "redacted", place=place),
        chat=chat,
        turns=turns,
    )


def _said(value: Any, turn: int | None, *, place: str) -> tuple[str | None, bool, Turns]:
    """Return a prompt's text, whether it is of a chat, and what was said before it there."""
    if value is None or isinstance(value, str):
        alone = turn in (1, None)  # a text is the one message of its user
        return _no_surrogates(value, place=place) if alone else None, False, ()
    if is_chat(value):
        before, text = turns_before(value, turn)
        for said in before:
            _no_surrogates(said["content"], place=place)
        return _no_surrogates(text, place=place), True, before
    raise InputError(f"{place} is {repr(value)[:80]}, expected text or a chat")


def _no_surrogates(text: str | None, *, place: str) -> str | None:
    """Refuse half a character, which cannot be sent."""
    if text is not None and any("\ud800" <= char <= "\udfff" for char in text):
        raise InputError(f"{place} holds half a character (a lone surrogate): delete it")
    return text


def row_id(record: Mapping[str, Any], *, number: int, place: str) -> str:
    """Return a record's id, 0 being one; where there is none, its number, as "row1"."""
    for name in ID_COLUMNS:
        found = label(record.get(name), place=f"{place}: {name}")
        if found:
            return found
    return f"row{number}"


def label(value: Any, *, place: str) -> str:
    """Return a cell as a name in its one spelling; empty where there is nothing in it."""
    text = cell_text(value)
    return check_name(text, place=place, what="the name") if text else ""


def _parquet(path: Path, *, column: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the records of a Parquet file, of the useful columns only."""
    schema = parquet_schema(path)
    text_column(schema, wanted=column, path=path)
    useful = {*_text_columns(column), *OTHER_COLUMNS}
    names = [name for name in schema if column_key(name) in useful]
    check_columns(names, path)
    number = 0
    for table in scan_slices(path, *names):
        for record in table.iter_rows(named=True):
            number += 1
            yield f"row {number}", record
