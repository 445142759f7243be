"""What a report says of the replies' lengths: which traits win more with longer ones.

A diagnosis beside the ratings, which know nothing of lengths (`ethogram.validity.lengths`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.errors import DisconnectedError, InputError, NotConverged
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.validity.lengths import LengthSlopes, length_slopes

LEVEL = 0.05
MOST_SHOWN = 10
"""Traits of one profile in the page and the Markdown; the JSON has all."""


@dataclass(frozen=True)
class TraitSlope:
    """How one trait's strength goes with the length of the reply.

    Attributes
    ----------
    trait : str
    slope, low, high : float
        Elo points for a reply one standard deviation (of the log length) longer; 95% interval.
    p_adjusted : float
        Of no slope, Benjamini-Hochberg over the profile's traits.
    """

    trait: str
    slope: float
    low: float
    high: float
    p_adjusted: float


@dataclass(frozen=True)
class ReplyLengths:
    """One profile's replies: how long they are, and which traits go with their length.

    Attributes
    ----------
    label : str
        Of the profile.
    n : int
        Comparisons whose reply has a known length.
    median : float
        Characters.
    factor : float
        How many times as long a reply is that is one standard deviation longer.
    slopes : tuple of TraitSlope
        Of every trait, the steepest first; empty where there is no fit.
    interval : str
        How the intervals were made.
    caveats : tuple of str
    reason : str
        Why there is no fit; else empty.
    """

    label: str
    n: int
    median: float
    factor: float
    slopes: tuple[TraitSlope, ...]
    interval: str
    caveats: tuple[str, ...]
    reason: str = ""

    @property
    def clear(self) -> tuple[TraitSlope, ...]:
        """The traits whose slope differs from zero by more than noise."""
        return tuple(slope for slope in self.slopes if slope.p_adjusted <= LEVEL)

    @property
    def shown(self) -> tuple[TraitSlope, ...]:
        """The steepest of the clear ones, from those that win long replies to those that lose."""
        return tuple(sorted(self.clear[:MOST_SHOWN], key=lambda slope: -slope.slope))

    @property
    def sentence(self) -> str:
        """How many traits go with the length, and how long the replies are."""
        if self.reason:
            return f"{self.label}: the slopes could not be estimated. {self.reason}"
        k, clear = len(self.slopes), len(self.clear)
        which = (
            f"none of the {k} traits wins significantly more or less often with longer replies"
            if not clear
            else f"{clear} of {k} traits {'wins' if clear == 1 else 'win'} significantly more or "
            "less often with longer replies"
        )
        cut = f"; the {MOST_SHOWN} steepest are shown" if clear > MOST_SHOWN else ""
        return (
            f"{self.label}: {which} (false discovery rate {LEVEL:.0%}){cut}. {self.n:,} "
            f"comparisons; the median reply has {self.median:,.0f} characters, and one that is a "
            f"standard deviation longer is {self.factor:.2f} times as long."
        )


def relate_lengths(
    labels: Sequence[str], comparisons: Sequence[Comparisons]
) -> tuple[ReplyLengths, ...]:
    """Relate each profile's wins to the lengths of its replies, where any are known."""
    return tuple(
        _relate(label, one)
        for label, one in zip(labels, comparisons, strict=True)
        if (one.length > 0).any()
    )


def _relate(label: str, comparisons: Comparisons) -> ReplyLengths:
    length = comparisons.length[comparisons.length > 0]
    size = (len(length), float(np.median(length)), float(np.exp(np.log(length).std())))
    try:
        fit = length_slopes(comparisons)
    except (InputError, DisconnectedError, NotConverged) as error:
        return ReplyLengths(label, *size, (), "", (), reason=_as_sentence(str(error)))
    return ReplyLengths(label, *size, _steepest_first(fit), fit.interval, fit.caveats)


def _steepest_first(fit: LengthSlopes) -> tuple[TraitSlope, ...]:
    slope, low, high = (ELO_PER_LOGIT * v for v in (fit.slope, fit.low, fit.high))
    return tuple(
        TraitSlope(
            fit.traits[i], float(slope[i]), float(low[i]), float(high[i]), float(fit.p_adjusted[i])
        )
        for i in np.argsort(-np.abs(slope), kind="stable")
    )


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
