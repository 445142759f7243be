"""Comparison files of other people's: CSV and Parquet in, comparisons out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.comparisons import Comparisons, compare


def is_table(path: Path) -> bool:
    """Whether a path names a comparison file, by its ending."""
    return path.suffix.lower() in (".csv", ".parquet", ".pq")


_NEEDED = ("model", "trait_1", "trait_2", "winner")


def read_table(path: Path) -> list[Comparisons]:
    """Read a CSV or Parquet file of comparisons.

    Columns model, trait_1 (shown first), trait_2, winner (one of the two, or "tie"); optional
    prompt_id, judge, judge_first (the trait the judge was shown first), condition.
    """
    import polars as pl

    try:
        if path.suffix.lower() == ".csv":
            table = pl.read_csv(path, infer_schema=False)
        else:
            table = pl.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"no file at {path}") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise InputError(
            f"{path} lacks the column {missing[0]!r}; it has {', '.join(table.columns) or 'none'}, "
            f"needed are {', '.join(_NEEDED)}"
        )
    keep = [
        *_NEEDED,
        *(c for c in ("prompt_id", "judge", "judge_first", "condition") if c in table.columns),
    ]
    table = table.select(pl.col(c).cast(pl.String, strict=False).str.strip_chars() for c in keep)
    table = table.with_columns(
        pl.lit("").alias(c) for c in ("judge", "condition") if c not in table.columns
    ).with_columns(pl.col("judge", "condition").fill_null(""))
    _check_table(table, path)
    keys = ("model", "judge", "condition")
    return [_from_table(part, key) for key, part in table.group_by(keys, maintain_order=True)]


def _check_table(table: Any, path: Path) -> None:
    """Refuse a row that is no comparison, naming the row."""
    import polars as pl

    if not len(table):
        raise InputError(f"{path} holds no comparisons")
    one, two, winner = pl.col("trait_1"), pl.col("trait_2"), pl.col("winner")
    rules = [
        (
            pl.any_horizontal(pl.col(c).is_null() | (pl.col(c) == "") for c in _NEEDED),
            "an empty cell",
        ),
        (one == two, "a trait against itself"),
        ((winner != one) & (winner != two) & (winner != "tie"), "a winner that is neither trait"),
    ]
    if "judge_first" in table.columns:
        shown = pl.col("judge_first")
        wrong = shown.is_not_null() & (shown != "") & (shown != one) & (shown != two)
        rules.append((wrong, "a judge_first that is neither trait"))
    for rule, what in rules:
        bad = table.with_row_index("row", offset=2).filter(rule)
        if len(bad):
            row = bad.row(0, named=True)
            said = ", ".join(f"{name} {row[name]!r}" for name in _NEEDED[1:])
            raise InputError(f"{path}, line {row['row']}: {what} ({said})")


def _from_table(part: Any, key: tuple[Any, ...]) -> Comparisons:
    """Turn one model's rows into comparisons."""
    one, two, winner = (part[name].to_numpy() for name in ("trait_1", "trait_2", "winner"))
    traits = sorted({*one, *two})
    place = {trait: i for i, trait in enumerate(traits)}
    first, second = (np.array([place[t] for t in side]) for side in (one, two))
    tie = winner == "tie"
    shown = part["judge_first"].to_numpy() if "judge_first" in part.columns else None
    prompts = part["prompt_id"] if "prompt_id" in part.columns else None
    return compare(
        traits,
        first,
        second,
        np.where(tie, 0.5, winner == one),
        tie=tie,
        prompt=None if prompts is None else _codes(prompts),
        judge_first=None
        if shown is None
        else np.where(shown == one, 1, np.where(shown == two, -1, 0)),
        model=key[0],
        judge=key[1],
        condition=key[2],
    )


def _codes(prompts: Any) -> Any:
    """Number the prompts; an empty id is -1, unknown."""
    codes = np.unique(prompts.fill_null("").to_numpy().astype(str), return_inverse=True)[1]
    return np.where(prompts.fill_null("").to_numpy() == "", -1, codes)
