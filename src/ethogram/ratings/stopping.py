"""When a study knows enough: rules on what its ratings tell so far.

A rule looks at widths, never at which trait won, so stopping by it hardly bends what is found; how
much it does was simulated (see docs/how-many.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.power import found_size
from ethogram.ratings.profile import Profile

HALF_WIDTH, RANK_RANGE, SHIFT = "half_width", "rank_range", "shift"
STOP_KEYS = (HALF_WIDTH, RANK_RANGE, SHIFT)


def measure(profile: Profile, key: str) -> float:
    """Return what a rule looks at.

    Parameters
    ----------
    profile : Profile
    key : str
        "half_width" (points: half a rating's 95% interval, mean over traits), "rank_range" (ranks
        in a trait's joint 95% range, mean over traits) or "shift" (points: the smallest move of a
        trait between two such profiles that simultaneous intervals find in 80% of cases).
    """
    if key == HALF_WIDTH:
        return float(ELO_PER_LOGIT * np.mean(profile.high - profile.low) / 2)
    if key == RANK_RANGE:
        return float(np.mean(profile.rank_high - profile.rank_low + 1))
    half = (profile.high - profile.low) / 2
    return ELO_PER_LOGIT * found_size(half, np.sqrt(profile.variances))


def measure_all(profiles: Sequence[Profile], keys: Iterable[str]) -> dict[str, float]:
    """Measure profiles by each key; the widest counts."""
    return {key: max(measure(profile, key) for profile in profiles) for key in keys}


def is_met(told: Mapping[str, float], rule: Mapping[str, float]) -> bool:
    """Whether all that a rule names is as narrow as it asks."""
    return all(told[key] <= most for key, most in rule.items())
