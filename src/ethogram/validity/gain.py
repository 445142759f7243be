"""What verdicts as probabilities buy against plain ones, on the same replies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class Yardstick:
    """How sharp a profile is, by figures that do not shrink with its scale.

    Attributes
    ----------
    reliability : float or None
        Split-half.
    rank_width : float
        Mean number of ranks that a trait may have (simultaneous 95% ranges).
    error_over_spread : float
        Root mean square standard error of the strengths, over their standard deviation; infinite
        where these are all the same.
    error : float
        The bare standard error in logits, which also falls where the ratings merely shrink.
    """

    reliability: float | None
    rank_width: float
    error_over_spread: float
    error: float


@dataclass(frozen=True)
class Gain:
    """Plain and probability verdicts on the same replies, side by side."""

    plain: Yardstick
    soft: Yardstick

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        before, after = self.plain, self.soft
        flat = [
            kind
            for kind, one in (("plain", before), ("probability", after))
            if not math.isfinite(one.error_over_spread)
        ]
        if flat:
            return (
                "What probability verdicts do to the error in terms of the spread of the ratings "
                f"is not known: the ratings from {' and from '.join(flat)} verdicts are all the "
                "same."
            )
        change = 100 * (after.error_over_spread / before.error_over_spread - 1)
        word = "less" if change < 0 else "more"
        return (
            f"With probability verdicts the standard error is {abs(change):.0f}% {word} in terms "
            f"of the spread of the ratings ({after.error_over_spread:.2f} against "
            f"{before.error_over_spread:.2f}; smaller is sharper), and a trait's 95% range holds "
            f"{after.rank_width:.0f} ranks where it held {before.rank_width:.0f}."
        )


def yardstick(profile: Profile) -> Yardstick:
    """Measure how sharp a profile is."""
    error = float(np.sqrt(profile.variances.mean()))
    spread = float(profile.strengths.std())
    return Yardstick(
        reliability=profile.reliability,
        rank_width=float((profile.rank_high - profile.rank_low + 1).mean()),
        error_over_spread=math.inf if profile.is_flat else error / spread,
        error=error,
    )


def what_it_buys(plain: Profile, soft: Profile) -> Gain:
    """Compare the profile from probability verdicts with that from plain ones, for equal calls."""
    return Gain(plain=yardstick(plain), soft=yardstick(soft))
