"""Bounds on how far traits may move, and the verdict on each: pass, fail or undecided.

A bound allows a region of shifts. Its interval inside the region passes, wholly outside fails, and
across its edge is undecided. `decide` is the only place that says so, from the very numbers that
are shown. Knows nothing of how a shift is measured, or of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ethogram.errors import InputError, Problems, guess
from ethogram.ratings.numbers import say_number

MOST_MORE = 400
"""Times as many comparisons beyond which a bound counts as one that cannot be settled."""


class Verdict(StrEnum):
    """What is said of a bound, or of a whole gate."""

    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"


class Kind(StrEnum):
    """What a bound asks for; the keys of a gate file."""

    RISES_AT_MOST = "rises_at_most"
    FALLS_AT_MOST = "falls_at_most"
    MOVES_AT_MOST = "moves_at_most"
    RISES_AT_LEAST = "rises_at_least"
    FALLS_AT_LEAST = "falls_at_least"
    MUST_RISE = "must_rise"
    MUST_FALL = "must_fall"
    DISTANCE_AT_MOST = "distance_at_most"


_WORDS = {
    Kind.RISES_AT_MOST: "may rise at most {}",
    Kind.FALLS_AT_MOST: "may fall at most {}",
    Kind.MOVES_AT_MOST: "may move at most {}",
    Kind.RISES_AT_LEAST: "must rise at least {}",
    Kind.FALLS_AT_LEAST: "must fall at least {}",
    Kind.MUST_RISE: "must rise",
    Kind.MUST_FALL: "must fall",
    Kind.DISTANCE_AT_MOST: "distance at most {}",
}

RISEN, FALLEN, UNMOVED = "risen", "fallen", "not shown to have moved"

OVERALL = "overall"
"""What stands in place of a trait where a bound is on the whole profile."""


@dataclass(frozen=True)
class Bound:
    """One thing that a gate asks for.

    Attributes
    ----------
    trait : str
        "" for the whole profile.
    kind : Kind
    points : float
        Rating points; 0 where the kind has none.
    """

    trait: str
    kind: Kind
    points: float = 0.0

    @property
    def region(self) -> tuple[float, float]:
        """The shifts that it allows, ends included but for `MUST_RISE` and `MUST_FALL`."""
        x = self.points
        return {
            Kind.RISES_AT_MOST: (-math.inf, x),
            Kind.FALLS_AT_MOST: (-x, math.inf),
            Kind.MOVES_AT_MOST: (-x, x),
            Kind.RISES_AT_LEAST: (x, math.inf),
            Kind.FALLS_AT_LEAST: (-math.inf, -x),
            Kind.MUST_RISE: (0.0, math.inf),
            Kind.MUST_FALL: (-math.inf, 0.0),
            Kind.DISTANCE_AT_MOST: (-math.inf, x),
        }[self.kind]

    @property
    def strict(self) -> bool:
        """Whether an end of the region is outside: no shift is neither a rise nor a fall."""
        return self.kind in (Kind.MUST_RISE, Kind.MUST_FALL)

    @property
    def words(self) -> str:
        """What it asks for, such as "may rise at most 50"."""
        return _WORDS[self.kind].format(f"{self.points:,.10g}")


def decide(low: float, high: float, bound: Bound) -> Verdict:
    """Return the verdict on a bound from an interval, as it is shown.

    Parameters
    ----------
    low, high : float
        Rating points, from `outward`.
    bound : Bound
    """
    least, most = bound.region
    if bound.strict:
        inside = low > least and high < most
        outside = high <= least or low >= most
    else:
        inside = low >= least and high <= most
        outside = high < least or low > most
    if inside:
        return Verdict.PASS
    return Verdict.FAIL if outside else Verdict.UNDECIDED


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return fail if any fails, else undecided if any is undecided, else pass."""
    given = set(verdicts)
    worst = (Verdict.FAIL, Verdict.UNDECIDED)
    return next((verdict for verdict in worst if verdict in given), Verdict.PASS)


@dataclass(frozen=True)
class Interval:
    """An interval as it is shown: ends rounded outward, so that no verdict rests on hidden digits.

    Attributes
    ----------
    estimate, low, high : float
        Rating points.
    digits : int
        After the decimal point.
    """

    estimate: float
    low: float
    high: float
    digits: int

    @property
    def words(self) -> str:
        """Both ends, with their signs."""
        return self._say(sign=True)

    @property
    def unsigned(self) -> str:
        """Both ends, of a distance."""
        return self._say(sign=False)

    def _say(self, *, sign: bool) -> str:
        ends = (say_number(end, self.digits, sign=sign) for end in (self.low, self.high))
        return " to ".join(ends)


def outward(estimate: float, low: float, high: float) -> Interval:
    """Round an interval outward: to whole points, or to tenths where it is narrow."""
    digits = 0 if high - low >= 20 else 1
    scale = 10**digits
    ends = math.floor(low * scale) / scale, math.ceil(high * scale) / scale
    return Interval(round(estimate, digits) + 0.0, ends[0] + 0.0, ends[1] + 0.0, digits)


@dataclass(frozen=True)
class Row:
    """One trait, or the whole profile, with what is said of it.

    Attributes
    ----------
    trait : str
        "" for the whole profile.
    interval : Interval
        Simultaneous with the others, rating points.
    bound : Bound or None
        None without a gate.
    verdict : Verdict or None
        Of the bound.
    further : int or None
        Comparisons more on each side that would settle the bound, if the estimate stays; 0 where it
        is settled; None where no number can be counted on.
    """

    trait: str
    interval: Interval
    bound: Bound | None = None
    verdict: Verdict | None = None
    further: int | None = 0

    @property
    def movement(self) -> str:
        """Whether the trait is shown to have risen or fallen."""
        if self.interval.low > 0:
            return RISEN
        return FALLEN if self.interval.high < 0 else UNMOVED


def growth_to_settle(estimate: float, low: float, high: float, bound: Bound) -> float | None:
    """How many times as many comparisons would settle a bound, if the estimate stays where it is.

    Intervals shrink with the root of the number of comparisons.

    Returns
    -------
    float or None
        None where the estimate is so near the edge that no number can be counted on.
    """
    least, most = bound.region
    below, above = max(estimate - low, 1e-12), max(high - estimate, 1e-12)
    if least < estimate < most:
        shrink = min((estimate - least) / below, (most - estimate) / above)
    elif estimate >= most:
        shrink = (estimate - most) / below
    else:
        shrink = (least - estimate) / above
    shrink = min(shrink, 1.0)
    return shrink**-2 if shrink > MOST_MORE**-0.5 else None


@dataclass(frozen=True)
class Gate:
    """Bounds that a change of character has to keep.

    Attributes
    ----------
    bounds : tuple of Bound
        On named traits and on the whole profile.
    others : float or None
        How far any trait without a bound of its own may move.
    name : str
    digest : str
        Of the file's text; "" where there is none.
    """

    bounds: tuple[Bound, ...]
    others: float | None = None
    name: str = "gate"
    digest: str = ""

    def over(self, traits: Sequence[str]) -> tuple[Bound, ...]:
        """Return the bounds on these traits, those of `others` spelt out, the overall one last.

        Raises
        ------
        InputError
            A bound is on a trait that is not there.
        """
        self._check_traits(traits)
        named = {bound.trait for bound in self.bounds}
        rest = [
            Bound(trait, Kind.MOVES_AT_MOST, self.others)
            for trait in traits
            if self.others is not None and trait not in named
        ]
        whole = [bound for bound in self.bounds if not bound.trait]
        return (*(bound for bound in self.bounds if bound.trait), *rest, *whole)

    def _check_traits(self, traits: Sequence[str]) -> None:
        """Refuse bounds on traits that are not shared by both sides."""
        problems, there = Problems(), set(traits)
        for trait in dict.fromkeys(bound.trait for bound in self.bounds if bound.trait):
            if trait not in there:
                problems.add(
                    InputError(
                        f"{self.name}: no trait {trait!r}{guess(trait, traits)} among the "
                        f"{len(traits)} that both sides have"
                    )
                )
        problems.raise_any()


def find_contradictions(bounds: Sequence[Bound]) -> list[str]:
    """Say which bounds on one trait no shift could keep."""
    found = []
    for trait in dict.fromkeys(bound.trait for bound in bounds if bound.trait):
        mine = [bound for bound in bounds if bound.trait == trait]
        least = max(mine, key=lambda bound: (bound.region[0], bound.strict))
        most = min(mine, key=lambda bound: (bound.region[1], not bound.strict))
        low, high = least.region[0], most.region[1]
        if low > high or (low == high and (least.strict or most.strict)):
            found.append(f"{trait!r} {least.words} and {most.words}: no shift does both")
    return found
