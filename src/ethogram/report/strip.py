"""The strip chart of the first screen: a few traits on one axis, a dot for each model.

Chosen here, drawn by the page's template as one SVG whose places are shares of its width, so that
its letters keep their size on every screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.analysis.analyse import Analysis
from ethogram.ratings.numbers import say_interval, say_number
from ethogram.ratings.profile import Profile

MOST_ROWS = 12
"""With as few traits all are shown."""

ROW, ROW_NAMED, HEAD, AXIS = 25, 41, 30, 26
"""Pixels: a row, one with the names of its ends, the head of a group, the axis."""


@dataclass(frozen=True)
class Dot:
    """One model's rating of a trait; places in percent of the axis."""

    model: str
    said: str
    side: str
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One trait: its dots, and the models at both ends where they are named."""

    trait: str
    y: int
    dots: tuple[Dot, ...]
    least: str = ""
    most: str = ""


@dataclass(frozen=True)
class Group:
    """Rows under one head; the only group has none."""

    head: str
    y: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Strip:
    """What is drawn.

    Attributes
    ----------
    groups : tuple of Group
    ticks : tuple of (str, float)
        Rating and place on the axis.
    middle : float
        Place of 1000.
    height : int
    intervals : bool
        Whether every dot has its interval as a line.
    labels : tuple of str
        Of the models; two are told apart by their dots.
    note : str
        What a dot is, and how wide its interval.
    """

    groups: tuple[Group, ...]
    ticks: tuple[tuple[str, float], ...]
    middle: float
    height: int
    intervals: bool
    labels: tuple[str, ...]
    note: str

    @property
    def names_ends(self) -> bool:
        """Whether the models at both ends of some rows are named."""
        return any(row.least for group in self.groups for row in group.rows)


def draw_strip(
    profiles: Sequence[Profile], labels: Sequence[str], analysis: Analysis | None
) -> Strip | None:
    """Choose the traits and place everything; None where no trait is rated in all profiles."""
    if not profiles:
        return None
    ratings = _Ratings(profiles)
    if not ratings.traits:
        return None
    chosen = _choose(ratings, analysis)
    axis = _Axis.around(ratings, [t for _, traits, _ in chosen for t in traits])
    groups, y = [], AXIS
    for head, traits, named in chosen:
        top, rows = y, []
        y += HEAD if head else 0
        for trait in traits:
            rows.append(_row(ratings, labels, axis, trait, y, named=named))
            y += ROW_NAMED if named else ROW
        groups.append(Group(head, top, tuple(rows)))
    return Strip(
        groups=tuple(groups),
        ticks=tuple((say_number(v), axis.place(v)) for v in axis.ticks()),
        middle=axis.place(1000),
        height=y + 4,
        intervals=len(profiles) < 3,
        labels=tuple(labels),
        note=_note(profiles),
    )


class _Ratings:
    """Ratings of the traits that all profiles share, shape (models, traits)."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.profiles = profiles
        self.traits = [t for t in profiles[0].traits if all(t in p.traits for p in profiles)]
        self.at = [[p.traits.index(t) for t in self.traits] for p in profiles]
        pairs = list(zip(profiles, self.at, strict=True))
        self.value = np.array([p.ratings[at] for p, at in pairs])
        self.low = np.array([p.rating_low[at] for p, at in pairs])
        self.high = np.array([p.rating_high[at] for p, at in pairs])

    def ordered(self) -> list[int]:
        """Traits by mean rating, highest first."""
        return [int(i) for i in np.argsort(-self.value.mean(axis=0), kind="stable")]


def _choose(ratings: _Ratings, analysis: Analysis | None) -> list[tuple[str, list[int], bool]]:
    """Groups of traits: a head, the traits, and whether the models at the ends are named."""
    order, models = ratings.ordered(), len(ratings.profiles)
    if len(order) <= MOST_ROWS:
        return [("", order, False)]
    if models == 1:
        return [("Highest", order[:6], False), ("Lowest", order[-6:], False)]
    highest, lowest = order[:4], order[-4:]
    groups = [("Highest on average", highest, False), ("Lowest on average", lowest, False)]
    apart = _most_apart(ratings, analysis)
    disputed = [i for i in apart if i not in highest + lowest][:4]
    if disputed:
        head = "Furthest apart" if models == 2 else "Most disputed"
        of = "" if disputed == apart[: len(disputed)] else " of the others"
        groups.insert(1, (head + of, disputed, models > 2))
    return groups


def _most_apart(ratings: _Ratings, analysis: Analysis | None) -> list[int]:
    """Traits by their spread over models, of those that differ by more than noise."""
    spread = ratings.value.std(axis=0)
    order = [int(i) for i in np.argsort(-spread, kind="stable")]
    deviations = analysis.deviations if analysis is not None else None
    if deviations is None:
        return []
    differs = np.flatnonzero(np.asarray(deviations.significant).any(axis=0))
    clear = {deviations.traits[i] for i in differs}
    return [i for i in order if ratings.traits[i] in clear]


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    @classmethod
    def around(cls, ratings: _Ratings, traits: Sequence[int]) -> _Axis:
        """From the lowest to the highest of what is drawn, 1000 among it."""
        ends = ratings.value if len(ratings.profiles) > 2 else None
        low, high = (ratings.low, ratings.high) if ends is None else (ends, ends)
        least, most = min(950.0, low[:, traits].min()), max(1050.0, high[:, traits].max())
        pad = 0.03 * (most - least)
        return cls(float(least - pad), float(most + pad))

    def place(self, value: float) -> float:
        """Percent of the axis."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self) -> list[int]:
        """Round ratings, 1000 among them, about four."""
        span = self.high - self.low
        step = next(
            k * 10**n for n in range(1, 9) for k in (5, 10, 20, 25) if span <= 5 * k * 10**n
        )
        first = math.ceil((self.low - 1000) / step)
        last = math.floor((self.high - 1000) / step)
        return [1000 + step * k for k in range(first, last + 1)]


def _row(
    ratings: _Ratings, labels: Sequence[str], axis: _Axis, trait: int, y: int, *, named: bool
) -> Row:
    dots = []
    for m, label in enumerate(labels):
        value, low, high = (float(a[m, trait]) for a in (ratings.value, ratings.low, ratings.high))
        side = "up" if low > 1000 else "down" if high < 1000 else "open"
        said = f"{label}: {say_number(value)} ({say_interval(low, high)})"
        dots.append(Dot(label, said, side, *(axis.place(v) for v in (value, low, high))))
    ordered = sorted(dots, key=lambda dot: dot.at)
    ends = (ordered[0].model, ordered[-1].model) if named else ("", "")
    return Row(ratings.traits[trait], y, tuple(dots), *ends)


def _note(profiles: Sequence[Profile]) -> str:
    """What a dot is, with how far it may be off."""
    half = [float(np.median(p.rating_high - p.rating_low)) / 2 for p in profiles]
    level = f"{profiles[0].level:.0%}"
    mean = "Elo points; 1000 is the mean of all traits."
    if len(profiles) < 3:
        return f"{mean} Lines: {level} intervals."
    reach = say_number(min(half))
    if say_number(max(half)) != reach:
        reach = f"{reach} to {say_number(max(half))}"
    return (
        f"One dot per model, in {mean} A dot’s {level} interval reaches about {reach} either way."
    )
