"""Which traits stand in the top or the bottom half of every list, whatever their true rank.

By rank ranges that hold for all traits of a profile at once, so that any trait of the top side
is rated above any of the bottom side by more than noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.ratings.comparisons import BoolArray
from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class Sides:
    """The traits on one side of the middle in all of some profiles.

    Attributes
    ----------
    traits : tuple of str
        That every profile has.
    up, down : tuple of str
        In the top, and in the bottom half of all; the furthest (by mean rating) first.
    """

    traits: tuple[str, ...]
    up: tuple[str, ...]
    down: tuple[str, ...]


def upper_half(profile: Profile) -> BoolArray:
    """Which traits rank in the top half of the list, whatever the rank in their range."""
    return np.asarray(profile.rank_high <= len(profile.traits) // 2)


def lower_half(profile: Profile) -> BoolArray:
    """Which traits rank in the bottom half, whatever the rank in their range."""
    return np.asarray(profile.rank_low > (len(profile.traits) + 1) // 2)


def shared_sides(profiles: Sequence[Profile]) -> Sides:
    """Find the traits that are on one side in all profiles."""
    places = [{trait: i for i, trait in enumerate(p.traits)} for p in profiles]
    common = [t for t in profiles[0].traits if all(t in place for place in places)]
    pairs = list(zip(profiles, places, strict=True))
    mean = {t: float(np.mean([p.strengths[at[t]] for p, at in pairs])) for t in common}
    up, down = (
        [t for t in common if all(half[at[t]] for half, at in zip(halves, places, strict=True))]
        for halves in ([f(p) for p in profiles] for f in (upper_half, lower_half))
    )
    return Sides(
        tuple(common),
        tuple(sorted(up, key=lambda t: -mean[t])),
        tuple(sorted(down, key=lambda t: mean[t])),
    )


def rank_limits(profiles: Sequence[Profile], trait: str) -> tuple[int, int]:
    """Best and worst rank that a trait may have in any of the profiles."""
    at = [p.traits.index(trait) for p in profiles]
    low = min(int(p.rank_low[i]) for p, i in zip(profiles, at, strict=True))
    return low, max(int(p.rank_high[i]) for p, i in zip(profiles, at, strict=True))
