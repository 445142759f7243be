"""Ratings as a table that another program reads: CSV or Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ethogram.cli.terminal import ends
from ethogram.ratings.marks import with_sign
from ethogram.ratings.numbers import rank_words, say_interval, say_number, say_range

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.results import Rated

_COLUMNS = ("rank", "rank_low", "rank_high", "trait", "rating", "low", "high", "wins", "n", "mark")


def _rows(rated: Rated, top: int | None, columns: Sequence[str] = _COLUMNS) -> list[dict[str, Any]]:
    """Return a row per trait of each profile; with `top`, those of either end."""
    return [
        {"model": p.model, "judge": p.judge, "condition": p.condition}
        | {column: row[column] for column in columns}
        for p in rated.profiles
        for row in ends(_numbered(p), top)
        if row is not None
    ]


def _numbered(profile: Profile) -> list[dict[str, Any]]:
    """Return a profile's rows, strongest first, each with its place in words."""
    rows = profile.frame().to_dicts()
    places = rank_words(profile.frame()["rating"].to_numpy())
    return [{**row, "place": place} for row, place in zip(rows, places, strict=True)]


def ratings_csv(rated: Rated, top: int | None) -> str:
    """Return all profiles as one CSV table, numbers unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "judge", "condition", *_COLUMNS])
    writer.writerows(row.values() for row in _rows(rated, top))
    return text.getvalue()


def ratings_md(rated: Rated, top: int | None) -> str:
    """Return all profiles as one Markdown table, of whole rating points."""
    lines = [
        "| model | judge | condition | rank | ranks (95%) | trait | rating | 95% interval |",
        "|---|---|---|---:|---:|---|---:|---:|",
    ]
    lines += [_md_row(row) for row in _rows(rated, top, ("place", *_COLUMNS))]
    return "\n".join(lines) + "\n"


def _md_row(row: dict[str, Any]) -> str:
    names = [_plain(str(row[what])) for what in ("model", "judge", "condition")]
    numbers = [row["place"], say_range(row["rank_low"], row["rank_high"])]
    rating, interval = say_number(row["rating"]), say_interval(row["low"], row["high"])
    cells: Sequence[str] = [
        *names,
        *numbers,
        _plain(with_sign(row["trait"], row["mark"])),
        rating,
        interval,
    ]
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Escape what would end a cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|")


FORMATS: dict[str, Callable[[Any, int | None], str]] = {"csv": ratings_csv, "md": ratings_md}
