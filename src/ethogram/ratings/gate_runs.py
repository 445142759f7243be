"""What a gate said once, as it is kept for its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ethogram.ratings.gates import Bound, Interval, Kind, Row, Verdict


@dataclass(frozen=True)
class GateRun:
    """One run of a gate.

    Attributes
    ----------
    time : float
        Seconds since 1970.
    gate, digest : str
        Name of the gate, and a tagged hash of its file's text.
    before, after : str
        The two sides.
    judge, condition : str
    verdict : Verdict
    rows : tuple of Row
        One per bound.
    """

    time: float
    gate: str
    digest: str
    before: str
    after: str
    judge: str
    condition: str
    verdict: Verdict
    rows: tuple[Row, ...]


def row_plain(row: Row) -> dict[str, Any]:
    """Return a bound's row as JSON has it; from the whole profile, the trait is None."""
    shown = row.interval
    plain: dict[str, Any] = {
        "trait": row.trait or None,
        "shift": shown.estimate,
        "low": shown.low,
        "high": shown.high,
        "digits": shown.digits,
        "movement": row.movement,
    }
    if row.bound is None:
        return plain
    return plain | {
        "bound": str(row.bound.kind),
        "points": row.bound.points,
        "asked": row.bound.words,
        "verdict": str(row.verdict),
        "further_comparisons": row.further,
    }


def run_plain(run: GateRun) -> dict[str, Any]:
    """Return a run as JSON has it."""
    names = ("time", "gate", "digest", "before", "after", "judge", "condition")
    plain: dict[str, Any] = {name: getattr(run, name) for name in names}
    return plain | {"verdict": str(run.verdict), "rows": [row_plain(row) for row in run.rows]}


def read_rows(plain: Sequence[dict[str, Any]]) -> tuple[Row, ...]:
    """Return rows from JSON."""
    return tuple(
        Row(
            row["trait"] or "",
            Interval(row["shift"], row["low"], row["high"], row["digits"]),
            Bound(row["trait"] or "", Kind(row["bound"]), row["points"]),
            Verdict(row["verdict"]),
            row["further_comparisons"],
        )
        for row in plain
    )
