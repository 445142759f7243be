"""Rows of prompts from WildChat: what people first wrote to a chat service.

The source is the Hugging Face hub, streamed, or Parquet files on this machine; both have one
record per conversation, of which the first message of the user is the prompt. What is kept of
the rows is decided in `ethogram.stimuli.prompts`.

References
----------
Zhao et al. (2024), WildChat: 1M ChatGPT interaction logs in the wild. The data set is
licensed under ODC-BY. The hub's open version leaves out toxic conversations; for these, ask
for access to WildChat-4.8M-Full and give its files.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from ethogram.errors import InputError
from ethogram.stimuli.chats import ROLES, TEXTS, USERS, turn_text, turns_before, user_turn
from ethogram.stimuli.files import Row, Turns, label, parquet_schema, row_id, scan_slices
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.tables.flags import flag_of

HUB_NAME = "allenai/WildChat-4.8M"
COLUMNS = ("conversation_hash", "conversation", "language", "toxic", "redacted")
_TURN_FIELDS = (*ROLES, *TEXTS, "language", "toxic", "redacted")
_BUFFER = 1_000  # whole conversations: about 13 MB


def find_parquet(pattern: str, *, base: Path | None = None) -> list[Path]:
    """Return the Parquet files of a file name, folder or glob pattern, sorted.

    Raises
    ------
    InputError
        There are none.
    """
    path = named_path(pattern, base=base)
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
    else:
        # Not Path.glob: it takes no absolute pattern.
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207
    if not found:
        raise InputError(
            f"no Parquet file at {path}: give a file, a folder or a pattern such as data/*.parquet"
        )
    return found


def is_wildchat(path: Path) -> bool:
    """Whether a file is Parquet with WildChat's column of conversations."""
    return path.suffix.lower() == ".parquet" and "conversation" in parquet_schema(path)


def rows_from_parquet(paths: Iterable[Path], *, turn: int | None = 1) -> Iterator[Row]:
    """Yield a user message of every conversation in files of WildChat's schema.

    Polars picks the first one, so that the rest of a conversation never becomes a Python object.
    """
    if turn != 1:
        yield from _later_turns(paths, turn)
        return
    number = 0
    for path in paths:
        fields = [field.name for field in _conversation_type(path).fields]
        role = next(name for name in ROLES if name in fields)
        said = pl.element().struct.field(role).str.strip_chars().str.to_lowercase()
        users = pl.element().filter(said.is_in(sorted(USERS)))
        said_first = pl.col("conversation").list.eval(users).list.first()
        picked = said_first.struct.field(*(name for name in _TURN_FIELDS if name in fields))
        row = 0
        for table in scan_slices(path, *_others(path), pl.struct(picked).alias("turn")):
            for record in table.iter_rows(named=True):
                number, row = number + 1, row + 1
                yield _row(record, record["turn"], number=number, place=f"{path}, row {row}")


def _later_turns(paths: Iterable[Path], turn: int | None) -> Iterator[Row]:
    """Yield a later user message, with what stands before it."""
    number = 0
    for path in paths:
        _conversation_type(path)
        row = 0
        for table in scan_slices(path, *_others(path), "conversation"):
            for record in table.iter_rows(named=True):
                number, row = number + 1, row + 1
                yield _from_record(record, turn, number=number, place=f"{path}, row {row}")


def rows_from_records(
    records: Iterable[Mapping[str, Any]], *, turn: int | None = 1
) -> Iterator[Row]:
    """Yield a user message of every record of WildChat's schema."""
    for number, record in enumerate(records, start=1):
        yield _from_record(record, turn, number=number, place=f"record {number}")


def _from_record(record: Mapping[str, Any], turn: int | None, *, number: int, place: str) -> Row:
    turns = record.get("conversation")
    # Nothing stands before a first message, as where Polars picks it from Parquet.
    before = () if turn == 1 else turns_before(turns, turn)[0]
    return _row(record, user_turn(turns, turn), number=number, place=place, before=before)


def rows_from_hub(*, seed: int = 0, turn: int | None = 1) -> Iterator[Row]:
    """Yield prompts of WildChat from the Hugging Face hub, in a seeded order.

    The stream (datasets 5.0 or newer) mixes ten of the 85 files through a buffer of 1,000
    conversations, so what comes first is from the beginnings of those files: people who wrote
    several times in a row are over-represented, and not every month is there. A filter that
    few pass, such as a rare language, is slow, because what it drops is downloaded too.

    Raises
    ------
    InputError
        The library `datasets` is missing, or the hub cannot be reached.
    """
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            "prompts = 'wildchat' streams from the Hugging Face hub with the library datasets: "
            "pip install 'ethogram[wildchat]', or download the Parquet files and give "
            "prompts = 'wildchat:FOLDER'"
        ) from error
    try:
        stream = datasets.load_dataset(
            HUB_NAME, split="train", streaming=True, columns=list(COLUMNS)
        )
        with closing(iter(stream.shuffle(seed=seed, buffer_size=_BUFFER))) as records:
            yield from rows_from_records(records, turn=turn)
    except OSError as error:
        raise InputError(f"{HUB_NAME} cannot be read from the Hugging Face hub: {error}") from error


def _conversation_type(path: Path) -> pl.Struct:
    """Return the type of a turn, or refuse a file without turns of role and content."""
    column = parquet_schema(path).get("conversation")
    turn = column.inner if isinstance(column, pl.List) else None
    fields = {field.name for field in turn.fields} if isinstance(turn, pl.Struct) else set()
    if not isinstance(turn, pl.Struct) or not (fields & {*ROLES} and fields & {*TEXTS}):
        raise InputError(
            f"{path} does not have WildChat's schema: expected a column conversation, "
            "a list of turns with role and content (or from and value)"
        )
    return turn


def _others(path: Path) -> list[str]:
    """Return the useful columns beside the conversation; a moderation's where toxic has gaps.

    It has a list of scores for each turn, which is not read for nothing.
    """
    schema = parquet_schema(path)
    useful = [*COLUMNS, "conversation_id"]  # LMSYS-Chat-1M calls its ids so
    if "openai_moderation" in schema and _has_gaps(path, schema.get("toxic")):
        useful.append("openai_moderation")
    return [name for name in useful if name in schema and name != "conversation"]


def _has_gaps(path: Path, kind: pl.DataType | None) -> bool:
    """Whether a file's column toxic is not there, or says nothing in some rows."""
    if kind != pl.Boolean:
        return True
    return any(table["toxic"].null_count() for table in scan_slices(path, "toxic"))


def _row(
    record: Mapping[str, Any],
    turn: Mapping[str, Any],
    *,
    number: int,
    place: str,
    before: Turns = (),
) -> Row:
    """Return a conversation as a row.

    Language is the conversation's, which is surer than that of one short message; the turn's
    stands in for it. A row is toxic or redacted where either says so.
    """
    language = record.get("language") or turn.get("language")
    return Row(
        text=turn_text(turn),
        id=row_id(record, number=number, place=place),
        language=label(language, place=f"{place}: language"),
        toxic=flag_of(record, "toxic", place=place) or flag_of(turn, "toxic", place=place),
        redacted=flag_of(record, "redacted", place=place) or flag_of(turn, "redacted", place=place),
        turns=before,
    )
