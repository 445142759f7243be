"""A store as a data set in the form of the Hugging Face hub: Parquet tables and their card.

`datasets.load_dataset(FOLDER, TABLE)` loads it, `ethogram ratings hf:FOLDER` rates it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from ethogram import __version__
from ethogram.errors import InputError
from ethogram.ratings.dataset_folders import FACTS, FORM, ROWS, describe_groups
from ethogram.ratings.results import Rated
from ethogram.report.bridges.dataset_card import CARD, CardTable, dataset_card
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file, write_whole
from ethogram.store.counts import StageCount
from ethogram.store.export import EXPORTED, export_tables
from ethogram.validity.results import StoreResults

_SAID = {
    "comparisons": "each verdict that ratings rest on; `trait_1` was shown to the model first (a "
    "reply that was judged in both orders has two rows)",
    "ratings": "every trait's rating with its interval, per model, judge and condition",
    "counts": "planned, done and lost answers per stage, with the statuses of those lost",
    "trials": "what was asked: two traits and a prompt, with system text and earlier turns",
    "replies": "what each model answered, with status, tokens and cost",
    "verdicts": "what each judge said of each reply, in its words, with status",
}
"""The tables, in the order of the card: the first is loaded where none is named."""


def export_dataset(
    results: StoreResults, folder: Path, *, force: bool = False
) -> Iterator[tuple[Path, int]]:
    """Write the tables, what no row can say, and the card; yields each file and its rows.

    Parameters
    ----------
    results : StoreResults
    folder : Path
        Made if it is not there.
    force : bool
        Also replace files that ethogram did not write.

    Raises
    ------
    InputError
        The store has no comparisons, or a file cannot be written or is not ethogram's.
    """
    comparisons = results.comparisons()
    if not any(len(c) for c in comparisons):
        raise InputError(
            f"{results.store.path} has no comparisons: a data set is written of a study with "
            "verdicts (`ethogram run STUDY.toml`)"
        )
    check_folder(folder)
    check_outputs([folder / CARD, folder / FACTS], force=force)
    rated = results.rated()
    made = {
        "ratings": pl.DataFrame(_rating_rows(rated), infer_schema_length=None),
        "counts": pl.DataFrame([_count_row(c) for c in results.counts], infer_schema_length=None),
    }
    for name, frame in made.items():
        path = folder / f"{name}.parquet"
        check_outputs([path], force=force, columns=frame.columns)
    rows = {}
    for path, n in export_tables(results.store, EXPORTED, folder, "parquet", force=force):
        rows[path.stem] = n
        yield path, n
    for name, frame in made.items():
        path = folder / f"{name}.parquet"
        with partial_file(path) as partial:
            frame.write_parquet(partial)
        rows[name] = len(frame)
        yield path, len(frame)
    tables = [CardTable(name, rows[name], said) for name, said in _SAID.items() if rows[name]]
    groups = describe_groups(comparisons)
    facts = {"form": FORM, "ethogram": __version__, "groups": groups}
    write_whole(folder / FACTS, orjson.dumps(facts, option=orjson.OPT_INDENT_2))
    yield folder / FACTS, len(groups)
    write_whole(folder / CARD, dataset_card(results, rated, tables).encode())
    yield folder / CARD, len(tables)


def dataset_files(folder: Path) -> list[Path]:
    """Return the files of such a folder, whatever else has been put into it.

    Raises
    ------
    InputError
        It is no folder that `export_dataset` wrote.
    """
    needed = [folder / name for name in (CARD, FACTS, ROWS)]
    for path in needed:
        if not path.is_file():
            raise InputError(
                f"{folder} has no {path.name}: expected a folder that `ethogram export --format hf "
                "-o FOLDER` wrote"
            )
    tables = [folder / f"{name}.parquet" for name in _SAID]
    return [*needed[:2], *(path for path in tables if path.is_file())]


def _rating_rows(rated: Rated) -> list[dict[str, Any]]:
    """Return a row per trait of every profile, with the profile's denominators."""
    return [
        {
            "model": p.model,
            "judge": p.judge,
            "condition": p.condition,
            **row,
            "mark": row["mark"] or "",
            "level": p.level,
            "comparisons": p.n,
            "lost": p.lost,
        }
        for p in rated.profiles
        for row in p.frame().to_dicts()
    ]


def _count_row(count: StageCount) -> dict[str, Any]:
    """Return a stage's counts; what was lost by status as JSON."""
    kept = ("stage", "model", "judge", "part", "condition", "planned", "done")
    whole = asdict(count)
    return {
        **{name: str(whole[name]) if name == "stage" else whole[name] for name in kept},
        "part": str(count.part),
        "lost": count.lost,
        "pending": count.pending,
        "truncated": count.truncated,
        "named": count.named,
        "losses": orjson.dumps(count.losses, option=orjson.OPT_SORT_KEYS).decode(),
    }


def describe_folder(files: Sequence[Path]) -> list[str]:
    """Say of each file how large it is, and of a table how many rows it has."""
    lines = []
    for path in files:
        rows = ""
        if path.suffix == ".parquet":
            n = pl.scan_parquet(path).select(pl.len()).collect().item()
            rows = f"{n:,} rows, "
        lines.append(f"{path.name}: {rows}{path.stat().st_size / 1000:,.1f} kB")
    return lines
