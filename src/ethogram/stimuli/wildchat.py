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
from ethogram.stimuli.files import Row, parquet_schema, scan_slices
from ethogram.stimuli.paths import named_path

HUB_NAME = "allenai/WildChat-4.8M"
COLUMNS = ("conversation_hash", "conversation", "language", "toxic", "redacted")
_TURN_FIELDS = ("content", "language", "toxic", "redacted")
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


def rows_from_parquet(paths: Iterable[Path]) -> Iterator[Row]:
    """Yield the first user message of every conversation in files of WildChat's schema.

    Polars picks it, so that the rest of a conversation never becomes a Python object.
    """
    number = 0
    for path in paths:
        conversation = _conversation_type(path)
        fields = [field.name for field in conversation.fields]
        is_user = pl.element().struct.field("role") == "user"
        turn = pl.col("conversation").list.eval(pl.element().filter(is_user)).list.first()
        picked = turn.struct.field(*(name for name in _TURN_FIELDS if name in fields))
        others = [
            name for name in COLUMNS if name in parquet_schema(path) and name != "conversation"
        ]
        for table in scan_slices(path, *others, pl.struct(picked).alias("turn")):
            for record in table.iter_rows(named=True):
                number += 1
                yield _row(record, record["turn"], number=number)


def rows_from_records(records: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the first user message of every record of WildChat's schema."""
    for number, record in enumerate(records, start=1):
        turns: list[Mapping[str, Any]] = record.get("conversation") or []
        first: Mapping[str, Any] = next((turn for turn in turns if turn.get("role") == "user"), {})
        yield _row(record, first, number=number)


def rows_from_hub(*, seed: int = 0) -> Iterator[Row]:
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
            yield from rows_from_records(records)
    except OSError as error:
        raise InputError(f"{HUB_NAME} cannot be read from the Hugging Face hub: {error}") from error


def _conversation_type(path: Path) -> pl.Struct:
    """Return the type of a turn, or refuse a file without turns of role and content."""
    column = parquet_schema(path).get("conversation")
    turn = column.inner if isinstance(column, pl.List) else None
    if not isinstance(turn, pl.Struct) or not {"role", "content"} <= {f.name for f in turn.fields}:
        raise InputError(
            f"{path} does not have WildChat's schema: expected a column conversation, "
            "a list of turns with role and content"
        )
    return turn


def _row(record: Mapping[str, Any], turn: Mapping[str, Any], *, number: int) -> Row:
    """Return a conversation as a row.

    Language is the conversation's, which is surer than that of one short message; the turn's
    stands in for it. A row is toxic or redacted where either says so.
    """
    return Row(
        text=turn.get("content"),
        id=str(record.get("conversation_hash") or f"row{number}"),
        language=record.get("language") or turn.get("language") or "",
        toxic=bool(record.get("toxic") or turn.get("toxic")),
        redacted=bool(record.get("redacted") or turn.get("redacted")),
    )
