"""Can the model act? How often its planted replies show their trait, net of the judge's errors.

Three things are told apart: whether the judge can **see** a trait (exemplars), whether the model
can **act** it (its planted replies, read by a judge known to see), and whether it **prefers** it
(its chosen replies). A rating of a trait that is not seen, or not acted, says little about
preference.
Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.ratings.quantiles import normal_quantile
from ethogram.validity.accuracy import JudgeAccuracy, Plants, judge_accuracy, place_lean
from ethogram.validity.exemplars import Sight
from ethogram.validity.proportions import Estimate

DRAWS = 4000
LEAST_SEEN = 0.1
"""How far above one half a judge's accuracy must be for acting to be told through it."""
UNACTED_BELOW = 0.3
"""A trait counts as not acted where its score is below and the interval reaches 0."""


@dataclass(frozen=True)
class Acting:
    """How often a model's planted replies show their trait, as far as a judge can tell.

    Attributes
    ----------
    model, judge : str
    overall : Estimate
        Share of planted replies that show their trait, mean over the traits, each weighted by how
        well the judge sees it; NaN where the judge is not known to see.
    traits : tuple of str
    score, low, high : float array, shape (K,)
        By trait, 95%; NaN where the judge does not see the trait.
    unseen : tuple of str
        Traits that the judge hardly sees on exemplars (its `blind`): nothing is known of acting.
    unacted : tuple of str
        Traits that the model is not shown to act.
    plants : JudgeAccuracy
        What it was measured on.
    """

    model: str
    judge: str
    overall: Estimate
    traits: tuple[str, ...]
    score: FloatArray
    low: FloatArray
    high: FloatArray
    unseen: tuple[str, ...]
    unacted: tuple[str, ...]
    plants: JudgeAccuracy

    @property
    def said(self) -> str:
        """The share that is acted, or that it is unknown."""
        return "unknown" if np.isnan(self.overall.estimate) else self.overall.percent

    @property
    def can_act(self) -> bool:
        """Whether the model is shown to act at all."""
        return self.overall.low > 0

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        if not self.overall.n:
            return (
                f"{self.model}: whether it can act a trait is unknown, as no planted reply has a "
                f"verdict by {self.judge}."
            )
        if np.isnan(self.overall.estimate):
            return (
                f"{self.model}: whether it can act a trait is unknown, as {self.judge} is not "
                "known to see any."
            )
        if self.overall.few:
            return f"{self.model}: planted replies read by {self.judge}: {self.overall.few}."
        share = self.overall.percent
        if not self.can_act:
            return (
                f"{self.model} is not shown to act: {share} of its planted replies show their "
                f"trait, net of {self.judge}'s errors. Its ratings say little about preference."
            )
        said = f"{self.model} acts: {share} of its planted replies show their trait, net of "
        said += f"{self.judge}'s errors."
        if self.unacted:
            shown = ", ".join(self.unacted[:12]) + (" ..." if len(self.unacted) > 12 else "")
            said += f" Not shown to act {len(self.unacted)} of {len(self.traits)} traits: {shown}."
        return said


def measure_acting(
    plants: JudgeAccuracy, sight: JudgeAccuracy, *, model: str, seed: int = 0
) -> Acting:
    """Tell acting from seeing.

    Parameters
    ----------
    plants : JudgeAccuracy
        One judge on one model's planted replies, of traits that have exemplars.
    sight : JudgeAccuracy
        The same judge on exemplars, read in the same way: both orders averaged, or each alone.
    model : str
    seed : int

    Notes
    -----
    A reply shows its trait with probability a, and then the judge finds it with probability s, its
    accuracy on exemplars; else the judge names one of the two words by chance. So it finds the
    planted trait in h = a s + (1 - a) / 2 of the replies, and a = (h - 1/2) / (s - 1/2), as Rogan &
    Gladen (1978, American Journal of Epidemiology 107) correct a prevalence. A word that the judge
    likes anyway counts as acted in part; over the traits this evens out, as each is foil as often
    as planted. Exemplars overdo their trait, so that s is high and a low, if anything. Intervals
    are percentiles over draws of h and s; those of a trait rest on estimates drawn toward the
    common value. Where few exemplars leave open whether the judge sees a trait, the interval of
    its score is wide; only traits that the judge is blind to have none.
    """
    rng = np.random.default_rng([seed, 0xAC])
    place = {trait: i for i, trait in enumerate(sight.traits)}
    of = np.array([place.get(trait, -1) for trait in plants.traits])
    tried = (of >= 0) & (sight.counts[of] > 0)
    h = _draws(plants, np.arange(len(of)), rng)
    s = _draws(sight, of, rng)
    clear = np.array([trait not in sight.blind for trait in plants.traits])
    seen = tried & clear & (sight.accuracy[of] - 0.5 >= LEAST_SEEN)
    score, low, high = np.full((3, len(of)), np.nan)
    if sight.above_chance and plants.n and seen.any():
        drawn = (h[:, seen] - 0.5) / np.maximum(s[:, seen] - 0.5, 0.02)
        score[seen] = (plants.accuracy[seen] - 0.5) / (sight.accuracy[of][seen] - 0.5)
        low[seen], high[seen] = np.quantile(drawn, [0.025, 0.975], axis=0)
    score, low, high = (np.clip(x, 0.0, 1.0) for x in (score, low, high))
    weak = seen & (low <= 0) & (score < UNACTED_BELOW)
    return Acting(
        model=model,
        judge=plants.judge,
        overall=_overall(plants, sight, rng),
        traits=plants.traits,
        score=score,
        low=low,
        high=high,
        unseen=_names(plants.traits, tried & ~seen),
        unacted=_names(plants.traits, weak),
        plants=plants,
    )


def act_by_model(plants: Plants, each: Plants, sight: Sight) -> dict[str, Acting]:
    """Tell how far each model acts, by the planted replies of each.

    Plants of traits without an exemplar are left out: nothing can be told by these. `each` has
    the verdicts before orders were averaged, for the judge's lean.
    """
    return {
        model: measure_acting(
            replace(
                judge_accuracy(_of_model(plants, i, sight)),
                lean=place_lean(_of_model(each, i, sight)),
            ),
            sight.accuracy,
            model=model,
        )
        for i, model in enumerate(plants.models)
    }


def _of_model(plants: Plants, model: int, sight: Sight) -> Plants:
    """Return one model's plants on traits that have exemplars."""
    tried = sight.accuracy.counts[plants.planted] > 0
    return plants.take(tried & (plants.model == model))


def _overall(plants: JudgeAccuracy, sight: JudgeAccuracy, rng: np.random.Generator) -> Estimate:
    """Correct the share of all planted replies whose trait was found."""
    found, seen = plants.overall, sight.overall
    if not sight.above_chance or seen.estimate - 0.5 < LEAST_SEEN or not found.n:
        return Estimate(float("nan"), 0.0, 1.0, found.n)
    h, s = (_around(one, rng) for one in (found, seen))
    drawn = (h - 0.5) / np.maximum(s - 0.5, 0.02)
    low, high = np.clip(np.quantile(drawn, [0.025, 0.975]), 0.0, 1.0)
    share = (found.estimate - 0.5) / (seen.estimate - 0.5)
    return Estimate(float(np.clip(share, 0.0, 1.0)), float(low), float(high), found.n)


def _draws(judge: JudgeAccuracy, of: np.ndarray, rng: np.random.Generator) -> FloatArray:
    """Draw each trait's accuracy from its estimate; shape (DRAWS, K)."""
    return _logit_normal(judge.accuracy[of], judge.low[of], judge.high[of], rng)


def _around(one: Estimate, rng: np.random.Generator) -> FloatArray:
    """Draw a share from its interval; shape (DRAWS,)."""
    p, low, high = (np.array([x]) for x in (one.estimate, one.low, one.high))
    return _logit_normal(p, low, high, rng)[:, 0]


def _logit_normal(
    p: FloatArray, low: FloatArray, high: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw shares whose logits are normal, with these 95% intervals; shape (DRAWS, n)."""
    p, low, high = (logit(np.clip(x, 1e-3, 1 - 1e-3)) for x in (p, low, high))
    spread = (high - low) / (2 * normal_quantile())
    drawn: FloatArray = expit(p + spread * rng.standard_normal((DRAWS, len(p))))
    return drawn


def _names(traits: Sequence[str], chosen: BoolArray) -> tuple[str, ...]:
    return tuple(trait for trait, is_chosen in zip(traits, chosen, strict=True) if is_chosen)
