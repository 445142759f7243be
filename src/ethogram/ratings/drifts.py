"""A character over several releases: each against one before them, none of the looks for free."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ethogram.ratings.differences import Difference, trait_interval
from ethogram.ratings.gates import Interval

MOST_CHARTED = 8


def spend(alpha: float, number: int) -> float:
    """Error that the n-th comparison may spend: alpha 6 / (pi^2 n^2), which adds up to alpha.

    However many releases will come, and whenever someone stops looking.
    """
    return alpha * 6 / (math.pi * number) ** 2


@dataclass(frozen=True)
class Drift:
    """Each release against one before them.

    Attributes
    ----------
    since : str
        The model that all are compared with.
    differences : tuple of Difference
        One per release, in order.
    traits : tuple of str
        Those that were named; all if none was.
    joint : float
        Probability that the intervals of all traits and all releases hold, those to come included.
    """

    since: str
    differences: tuple[Difference, ...]
    traits: tuple[str, ...]
    joint: float

    def __repr__(self) -> str:
        return f"<Drift since {self.since or 'unnamed model'}: {', '.join(self.releases)}>"

    @property
    def releases(self) -> tuple[str, ...]:
        """Names of the releases."""
        return tuple(one.after for one in self.differences)

    @property
    def charted(self) -> tuple[str, ...]:
        """The traits that were named, else those that are furthest from before in any release."""
        if self.traits:
            return self.traits
        furthest: dict[str, float] = {}
        for one in self.differences:
            for row in one.rows:
                size = abs(row.interval.estimate)
                furthest[row.trait] = max(size, furthest.get(row.trait, 0.0))
        return tuple(sorted(furthest, key=lambda trait: -furthest[trait])[:MOST_CHARTED])

    def path(self, trait: str) -> tuple[Interval | None, ...]:
        """One trait's shift from `since` at each release; None where a release lacks the trait."""
        return tuple(
            trait_interval(one.shift, one.shift.traits.index(trait))
            if trait in one.shift.traits
            else None
            for one in self.differences
        )
