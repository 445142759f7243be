"""A profile: the ratings of all traits of one model, with intervals and caveats.

The record only; `ethogram.ratings.rate` makes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import rankdata

from ethogram.errors import InputError
from ethogram.ratings.cards import card_html, card_text
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.covariance import SIZE_CAVEATS, rank_ranges, size_caveats
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.phases import say_phase
from ethogram.ratings.plots import plot_profile
from ethogram.ratings.quantiles import LEVEL
from ethogram.ratings.spread import against_their_mean, variances
from ethogram.ratings.summaries import profile_card, profile_line

if TYPE_CHECKING:
    from ethogram.ratings.plots import Figure, Theme

_FLAT = 1e-9  # logits: a solver leaves other last bits of equal strengths


@dataclass(frozen=True)
class Effect:
    """What a covariate adds to the log odds of the trait it favours.

    Attributes
    ----------
    name : str
        "model_position" (being choice 1 in the model's prompt) or "judge_position" (being shown
        first to the judge).
    estimate, low, high : float
        Logits, with the 95% interval.
    """

    name: str
    estimate: float
    low: float
    high: float

    @property
    def percent(self) -> float:
        """Extra wins between equal traits, in percentage points."""
        return _extra_percent(self.estimate)

    @property
    def percent_low(self) -> float:
        """Lower end of the 95% interval of `percent`."""
        return _extra_percent(self.low)

    @property
    def percent_high(self) -> float:
        """Upper end of the 95% interval of `percent`."""
        return _extra_percent(self.high)


def _extra_percent(logits: float) -> float:
    return float(100 * expit(logits) - 50)


@dataclass(frozen=True)
class Profile:
    """The ratings of one model's traits.

    Attributes
    ----------
    model, judge, condition : str
    method : str
        "bradley-terry", "davidson" or "elo".
    traits : tuple of str, length K
    strengths : float array, shape (K,)
        Logits, mean 0.
    covariance : float array, shape (K, K), or (K,)
        Of the strengths, logits squared; the variances alone where there are so many traits that
        a table of traits by traits would take too much memory (`ethogram.ratings.budget`).
    low, high : float array, shape (K,)
        Pointwise interval at `level`, logits; `interval` says how it was made.
    n_by_trait : int array, shape (K,)
        Comparisons that each trait was in.
    wins_by_trait : float array, shape (K,)
        How many it won; a tie is half a win.
    n, lost, ties : int
        Comparisons used; planned ones without a verdict; ties among those used.
    effects : tuple of Effect
        Position effects that were fitted along.
    reliability : float or None
        Split-half, by prompt, Spearman-Brown; None where it cannot be estimated.
    interval_method : str
        How `low` and `high` were made, in plain words.
    prior_effect : float
        How far the prior moves any strength, in logits, against one ten times weaker.
    caveats : tuple of str
        What is left out or coarser for the number of traits follows from `covariance`.
    order_spread : float or None
        Elo only: by how many points reshuffling the comparisons moves a rating (standard
        deviation, mean over traits).
    level : float
        Of the intervals.
    soft : bool
        Verdicts are probabilities: wins are expected, not counted.
    marks : mapping of trait to str
        Traits whose rating says little about preference, and why: see `ethogram.ratings.marks`.
    """

    model: str
    judge: str
    condition: str
    method: str
    traits: tuple[str, ...]
    strengths: FloatArray
    covariance: FloatArray
    low: FloatArray
    high: FloatArray
    n_by_trait: IntArray
    wins_by_trait: FloatArray
    n: int
    lost: int
    ties: int
    effects: tuple[Effect, ...]
    reliability: float | None
    interval_method: str
    prior_effect: float
    caveats: tuple[str, ...]
    order_spread: float | None = None
    level: float = LEVEL
    soft: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Whatever replaces the covariance replaces what is said of it.
        others = tuple(caveat for caveat in self.caveats if caveat not in SIZE_CAVEATS)
        object.__setattr__(self, "caveats", others + size_caveats(self.covariance))

    def __repr__(self) -> str:
        return profile_line(self)

    def __str__(self) -> str:
        return card_text(profile_card(self))

    def _repr_html_(self) -> str:
        return str(card_html(profile_card(self)))

    @property
    def interval(self) -> str:
        """Level and method of the intervals, in plain words."""
        return f"{self.level:.0%}, {self.interval_method}"

    @property
    def variances(self) -> FloatArray:
        """Squared standard errors of the strengths, shape (K,)."""
        return variances(self.covariance)

    @property
    def is_flat(self) -> bool:
        """Whether all ratings are the same, so that there is no spread and no order of traits."""
        return bool(np.ptp(self.strengths) < _FLAT)

    @property
    def ratings(self) -> FloatArray:
        """Strengths on the Elo scale: mean 1000, 173.7 points per logit."""
        return 1000 + ELO_PER_LOGIT * self.strengths

    @property
    def rating_low(self) -> FloatArray:
        """Lower ends of the 95% intervals on the Elo scale."""
        return 1000 + ELO_PER_LOGIT * self.low

    @property
    def rating_high(self) -> FloatArray:
        """Upper ends of the 95% intervals on the Elo scale."""
        return 1000 + ELO_PER_LOGIT * self.high

    @property
    def ranks(self) -> FloatArray:
        """1 for the strongest trait; equal ones share their mean rank."""
        ranked: FloatArray = rankdata(-self.strengths)
        return ranked

    @property
    def rank_low(self) -> IntArray:
        """Best rank; with `rank_high` true of all traits at once in at least 95% of studies."""
        return self._rank_ranges[0]

    @property
    def rank_high(self) -> IntArray:
        """Worst rank of each trait; see `rank_low`."""
        return self._rank_ranges[1]

    @cached_property
    def _rank_ranges(self) -> tuple[IntArray, IntArray]:
        say_phase("rank ranges")
        return rank_ranges(self.strengths, self.covariance)

    def frame(self) -> pl.DataFrame:
        """One row per trait, the strongest first; ratings on the Elo scale."""
        columns = {
            "trait": self.traits,
            "rating": self.ratings,
            "low": self.rating_low,
            "high": self.rating_high,
            "rank": self.ranks,
            "rank_low": self.rank_low,
            "rank_high": self.rank_high,
            "n": self.n_by_trait,
            "wins": self.wins_by_trait,
            "mark": [self.marks.get(trait, "") for trait in self.traits],
        }
        return pl.DataFrame(columns).sort("rating", descending=True, maintain_order=True)

    def plot(self, name: str = "ranked", *, theme: Theme = "light") -> Figure:
        """Draw a figure of this profile alone, which a notebook shows.

        Parameters
        ----------
        name : str
            "ranked" (every trait with its interval), "radial" or "distributions"; `ethogram.figure`
            draws those of several profiles.
        theme : "light" or "dark"

        Raises
        ------
        InputError
            An unknown name, or a figure of several models.
        """
        return plot_profile(self, name, theme)

    def needed(self, points: float) -> int:
        """Comparisons in all for the median trait's 95% interval to be +- `points` (Elo).

        Takes it that intervals shrink with the root of the number of comparisons, which, where
        prompts are shared, wants new prompts. On the safe side for small studies, whose intervals
        shrink faster than that.
        """
        if not points > 0:
            raise InputError(f"points is {points}, expected a positive half-width such as 50")
        half = float(np.median(self.rating_high - self.rating_low)) / 2
        return math.ceil(self.n * (half / points) ** 2)

    def restrict(self, traits: Sequence[str]) -> Profile:
        """Keep these traits only, in the order given; strengths get mean 0 among them.

        `n`, `lost`, `ties` and `reliability` stay those of the whole profile.

        Raises
        ------
        InputError
            A trait that the profile does not have, or one named twice.
        """
        keep = _positions(self.traits, traits)
        strengths = self.strengths[keep] - self.strengths[keep].mean()
        covariance = against_their_mean(self.covariance, keep)
        # The interval of a trait against another mean: as wide as before, rescaled.
        before = np.sqrt(self.variances[keep])
        ratio = np.sqrt(variances(covariance)) / np.where(before > 0, before, 1)
        centre = self.strengths[keep]
        return replace(
            self,
            traits=tuple(traits),
            strengths=strengths,
            covariance=covariance,
            low=strengths - ratio * (centre - self.low[keep]),
            high=strengths + ratio * (self.high[keep] - centre),
            n_by_trait=self.n_by_trait[keep],
            wins_by_trait=self.wins_by_trait[keep],
            marks={trait: mark for trait, mark in self.marks.items() if trait in traits},
        )


def _positions(have: Sequence[str], wanted: Sequence[str]) -> IntArray:
    """Where each wanted trait stands among those there are."""
    place = {trait: i for i, trait in enumerate(have)}
    unknown = [trait for trait in wanted if trait not in place]
    if unknown:
        raise InputError(
            f"the profile has no trait {unknown[0]!r}; expected some of its {len(have)}"
        )
    if len(set(wanted)) < len(wanted) or not wanted:
        raise InputError(f"traits are {list(wanted)!r}, expected at least one, each once")
    return np.array([place[trait] for trait in wanted])


def won_number(wins: float) -> str:
    """How many comparisons a trait won: halves are ties, all else is rounded to one decimal."""
    return f"{wins:.1f}".removesuffix(".0")


def won_words(profile: Profile) -> str:
    """What the numbers of wins are: counted, or expected where verdicts are probabilities."""
    return "expected wins" if profile.soft else "won"
