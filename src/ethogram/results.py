"""Results: from a store or a comparison file to rated profiles, and to their JSON form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ethogram.comparisons import Comparisons, compare
from ethogram.errors import DisconnectedError, InputError
from ethogram.profiles import Profile, rate, rate_elo
from ethogram.records import read_comparisons
from ethogram.store import Store

METHODS = ("bradley-terry", "elo")


@dataclass(frozen=True)
class Unrated:
    """Comparisons that cannot be rated, and why."""

    model: str
    judge: str
    condition: str
    n: int
    lost: int
    reason: str


@dataclass(frozen=True)
class Rated:
    """Profiles, and what could not be rated."""

    profiles: tuple[Profile, ...]
    unrated: tuple[Unrated, ...]


def read_source(
    path: str | Path, *, without: Sequence[str] = (), model: str | None = None
) -> list[Comparisons]:
    """Read the comparisons of a store, or of a CSV or Parquet file of other people's.

    Raises
    ------
    InputError
        A comparison file that lacks a column or holds a row that is no comparison.
    """
    path = Path(path)
    if is_table(path):
        if without:
            raise InputError("--without needs a store: a comparison file does not say it")
        found = read_table(path)
        return [c for c in found if model in (None, c.model)]
    with Store.read(path) as store:
        return read_comparisons(store, without=without, model=model)


def is_table(path: Path) -> bool:
    """Whether a path names a comparison file, by its ending."""
    return path.suffix.lower() in (".csv", ".parquet", ".pq")


def pick_two(
    before: Path,
    after: Path | None,
    models: Sequence[str] = (),
    judge: str | None = None,
    condition: str | None = None,
) -> tuple[Comparisons, Comparisons]:
    """Find the two sets of comparisons that a shift is between.

    Raises
    ------
    InputError
        The choice is not clear; the text says what there is.
    """
    sides = [read_source(before), read_source(after or before)]
    sides = [
        [c for c in side if judge in (None, c.judge) and condition in (None, c.condition)]
        for side in sides
    ]
    if len(models) not in (0, 2):
        raise InputError(f"{len(models)} models named; give --model twice, in order, or not at all")
    if models:
        sides = [[c for c in side if c.model == m] for side, m in zip(sides, models, strict=True)]
    elif after is None:
        if len(sides[0]) == 1:
            only = sides[0][0].model
            raise InputError(f"{before} holds one model ({only}); a shift is between two")
        sides = [sides[0][:1], sides[1][1:]]
    for side, path in zip(sides, (before, after or before), strict=True):
        if len(side) != 1:
            there = ", ".join(f"{c.model} by {c.judge} ({c.condition})" for c in read_source(path))
            raise InputError(
                f"{len(side)} sets of comparisons fit in {path}, expected one; it has {there}: "
                "choose with --model (twice), --judge and --condition"
            )
    return sides[0][0], sides[1][0]


def rate_all(
    comparisons: Iterable[Comparisons], *, method: str = "bradley-terry", **options: Any
) -> Rated:
    """Rate each; comparisons that give no common scale are said to be unrated, with the reason."""
    if method not in METHODS:
        raise InputError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    rated, unrated = [], []
    for found in comparisons:
        try:
            profile = (rate if method == "bradley-terry" else rate_elo)(found, **options)
        except DisconnectedError as error:
            unrated.append(_unrated(found, str(error)))
        else:
            rated.append(profile)
    return Rated(tuple(rated), tuple(unrated))


def _unrated(found: Comparisons, reason: str) -> Unrated:
    return Unrated(found.model, found.judge, found.condition, len(found), found.lost, reason)


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


def as_json(rated: Rated) -> dict[str, Any]:
    """Return the JSON form of `ethogram ratings`."""
    return {
        "profiles": [_profile_json(profile) for profile in rated.profiles],
        "unrated": [
            {
                "model": u.model,
                "judge": u.judge,
                "condition": u.condition,
                "n": u.n,
                "lost": u.lost,
                "reason": u.reason,
            }
            for u in rated.unrated
        ],
    }


def _profile_json(profile: Profile) -> dict[str, Any]:
    return {
        "model": profile.model,
        "judge": profile.judge,
        "condition": profile.condition,
        "method": profile.method,
        "n": profile.n,
        "lost": profile.lost,
        "ties": profile.ties,
        "interval": profile.interval,
        "reliability": profile.reliability,
        "effects": [
            {
                "name": e.name,
                "estimate": e.estimate,
                "low": e.low,
                "high": e.high,
                "percent": e.percent,
            }
            for e in profile.effects
        ],
        "caveats": list(profile.caveats),
        "ratings": [
            {
                "trait": row["trait"],
                "rating": row["rating"],
                "low": row["low"],
                "high": row["high"],
                "rank": row["rank"],
                "n": row["n"],
            }
            for row in profile.frame().sort("rank").to_dicts()
        ],
    }
