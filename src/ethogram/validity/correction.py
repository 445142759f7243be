"""Ratings corrected for the judge's errors, as measured on planted replies and by people.

The plants say how often the judge finds each trait, but a few a trait say little: their
accuracies are therefore drawn toward a common value, and strengths, accuracies and the spreads of
both are estimated together, so that the intervals carry what is not known of the judge.

Pure numpy; `validity.accuracy` measures the judge, `ratings.rate` makes the plain ratings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from ethogram.errors import InputError, NotInformative
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.profile import Effect, Profile
from ethogram.ratings.quantiles import central_range, normal_quantile
from ethogram.ratings.rate import rate
from ethogram.ratings.spread import resampled_spread
from ethogram.validity.accuracy import JudgeAccuracy, Plants, judge_accuracy
from ethogram.validity.labels import LabelAccuracy, Labels, label_accuracy
from ethogram.validity.misclassification import Evidence, climb, sample, split_rhat
from ethogram.validity.proportions import wilson

CHAINS = 2
DRAWS = 400
"""Draws kept of each chain."""

NOISE_LIMIT = 0.6
PLANT_LIMIT = 150
"""Corrected ratings are preferred where noise is at most this share of their variance, and at least
so many plants say what the judge finds: elsewhere they lose to the plain ones about as often as
they win (simulations in docs/validity.md)."""

_LEAST_GAP = 0.05  # of accuracy over false share, below which a win rate says nothing


@dataclass(frozen=True)
class Corrected:
    """Ratings corrected for the judge's errors, beside the plain ones.

    Attributes
    ----------
    profile : Profile
        Corrected; `effects` hold the model's position effect, inside p.
    plain : Profile
        As the judge's verdicts have it.
    accuracy, accuracy_low, accuracy_high : float array, shape (K,)
        The judge's accuracy for each trait, from plants and comparisons together.
    judge : JudgeAccuracy
        The judge on plants alone.
    noise : float
        Posterior variance of the strengths over their whole variance: 0 sharp, 1 nothing known.
    preferred : bool
        The corrected ratings are the better estimate: `noise` is at most `NOISE_LIMIT`, and the
        judge was measured on at least `PLANT_LIMIT` plants.
    reason : str
    convergence : float
        Largest split R-hat of any strength; near 1 is good.
    labelled : LabelAccuracy or None
        The judge beside people on this model's chosen replies, where labels are used.
    """

    profile: Profile
    plain: Profile
    accuracy: FloatArray
    accuracy_low: FloatArray
    accuracy_high: FloatArray
    judge: JudgeAccuracy
    noise: float
    preferred: bool
    reason: str
    convergence: float
    labelled: LabelAccuracy | None = None


def correct(
    comparisons: Comparisons,
    plants: Plants,
    *,
    labels: Labels | None = None,
    plain: Profile | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Corrected:
    """Rate traits, corrected for what planted and labelled replies say of the judge's errors.

    Parameters
    ----------
    comparisons : Comparisons
    plants : Plants
        Of the same judge, over the same traits in the same order, and of the same model: a judge
        may read one model's replies better than another's.
    labels : Labels, optional
        People's, of chosen replies of the same model, beside the same judge. The judge's accuracy
        is then that on chosen replies; planted ones may be easier, or harder, all alike.
    plain : Profile, optional
        The uncorrected profile, if it is there already.
    draws : int
        Draws of each of the `CHAINS` chains.
    seed : int

    Returns
    -------
    Corrected

    Raises
    ------
    InputError
        Other traits.
    NotInformative
        A judge whose informedness is not clearly above zero: there is nothing then that a
        correction could recover.

    Notes
    -----
    Assumes that the judge errs on chosen replies as it does on planted ones (with labels: but for
    one shift in logits), that an error does not depend on the other trait of the pair, that people
    are right, and that verdicts are independent (where prompts are shared, their weight is lowered
    by the design effect of the plain fit). A labelled reply's verdict counts among the comparisons
    too.

    References
    ----------
    Misclassified binary outcomes: Hausman, Abrevaya & Scott-Morton (1998), Journal of Econometrics
    87. Validation data and model fitted together: Carroll et al. (2006), Measurement Error in
    Nonlinear Models, 2nd ed., ch. 15.
    """
    labelled = _used_labels(comparisons.traits, labels)
    beside = label_accuracy(labelled) if labelled is not None else None
    judge = _check_judge(comparisons.traits, plants, beside)
    plain = rate(comparisons) if plain is None else plain
    evidence = _evidence(comparisons, plants)
    evidence = evidence if labelled is None else _with_labels(evidence, labelled)
    start = climb(_start(plain, judge, beside), evidence)
    seeds = np.random.SeedSequence(seed).generate_state(CHAINS)
    chains = np.stack([sample(start, evidence, draws=draws, seed=int(one)) for one in seeds])
    return _corrected(chains, plain, judge, beside)


def _used_labels(traits: tuple[str, ...], labels: Labels | None) -> Labels | None:
    """Return the labels that say what a judge finds; None where there are too few."""
    if labels is None:
        return None
    if labels.traits != traits:
        raise InputError(
            f"the labels are of {len(labels.traits)} traits, the comparisons of {len(traits)}: "
            "expected the same traits in the same order"
        )
    return labels.take(labels.usable) if labels.is_enough else None


def _check_judge(
    traits: tuple[str, ...], plants: Plants, beside: LabelAccuracy | None = None
) -> JudgeAccuracy:
    """Measure the judge; refuse one that knows nothing, by labels if there are any."""
    if plants.traits != traits:
        raise InputError(
            f"the plants are of {len(plants.traits)} traits, the comparisons of "
            f"{len(traits)}: expected the same traits in the same order"
        )
    judge = judge_accuracy(plants)
    if beside is not None:
        if not beside.above_chance:
            raise NotInformative(
                f"the judge names what people see in {beside.overall.percent} of chosen replies, "
                "not clearly above chance: its verdicts cannot be corrected; use a better judge, "
                "or label more replies"
            )
        return judge
    if not judge.tested:
        raise NotInformative(
            "no planted reply has a verdict, so that the judge's errors are not known: its "
            "verdicts cannot be corrected; use a better judge, or plant more replies"
        )
    if judge.informedness.low <= 0:
        made = judge.informedness
        raise NotInformative(
            f"the judge's informedness is {made.estimate:.2f} (95% interval {made.low:.2f} to "
            f"{made.high:.2f}) on {judge.n} planted replies, not clearly above zero: its verdicts "
            "cannot be corrected; use a better judge, or plant more replies"
        )
    return judge


def _evidence(comparisons: Comparisons, plants: Plants) -> Evidence:
    """Lay out the data as the model reads them."""
    read = plants.take(plants.read)
    return Evidence(
        first=comparisons.first,
        second=comparisons.second,
        outcome=np.where(comparisons.tie, 0.5, comparisons.outcome),
        place=comparisons.judge_first.astype(np.float64),
        weight=_weight(comparisons),
        planted=read.planted,
        hit=read.hit.astype(np.float64),
        planted_place=np.where(read.planted_first, 1.0, -1.0),
        k=comparisons.n_traits,
    )


def _with_labels(evidence: Evidence, labels: Labels) -> Evidence:
    """Add labels to the replies of known trait, weighted as drawn, with their effective number."""
    weight, n = labels.weights(), len(evidence.planted)
    weight = weight * weight.sum() / (weight**2).sum()
    first_shown = (labels.shown == labels.first) == labels.named_first
    return replace(
        evidence,
        planted=np.concatenate([evidence.planted, labels.shown]),
        hit=np.concatenate([evidence.hit, labels.hit.astype(np.float64)]),
        planted_place=np.concatenate([evidence.planted_place, np.where(first_shown, 1.0, -1.0)]),
        acted=np.concatenate([np.ones(n), np.zeros(len(labels))]),
        known_weight=np.concatenate([np.ones(n), weight]),
    )


def _weight(comparisons: Comparisons) -> float:
    """What a comparison counts for where some share a prompt: one over the plain design effect."""
    known = comparisons.prompt[comparisons.prompt >= 0]
    if len(np.unique(known)) == len(known):
        return 1.0
    alone = replace(comparisons, prompt=np.full(len(comparisons), -1))
    single, shared = (
        float(rate(x, ties="half", interval="clustered", splits=0).variances.sum())
        for x in (alone, comparisons)
    )
    return min(1.0, single / shared)


def _start(plain: Profile, judge: JudgeAccuracy, beside: LabelAccuracy | None) -> FloatArray:
    """Where to begin: the plain strengths, stretched for the judge's errors."""
    k = len(plain.traits)
    informed = (
        2 * beside.overall.estimate - 1 if beside is not None else judge.informedness.estimate
    )
    strengths = plain.strengths / max(informed, 0.3)
    tail = [0.0, 0.0, judge.mean, np.log(max(judge.spread, 0.1)), np.log(strengths.std() + 0.1)]
    tail += [] if beside is None else [0.0]
    return np.concatenate([strengths, np.full(k, judge.mean), tail])


def _corrected(
    chains: FloatArray, plain: Profile, judge: JudgeAccuracy, beside: LabelAccuracy | None
) -> Corrected:
    """Sum up the draws, shape (chains, draws, size)."""
    k = len(plain.traits)
    by_chain = chains[:, :, :k] - chains[:, :, :k].mean(axis=2, keepdims=True)
    pooled = chains.reshape(-1, chains.shape[2])
    strengths = by_chain.reshape(-1, k)
    low, high = central_range(strengths)
    skills = expit(pooled[:, k : 2 * k])
    skill_low, skill_high = central_range(skills)
    noise = strengths.var(axis=0).mean() / strengths.var(axis=1).mean()
    convergence = split_rhat(by_chain)
    known = judge.n + (beside.n if beside is not None else 0)
    profile = replace(
        plain,
        method="bradley-terry, corrected",
        strengths=strengths.mean(axis=0),
        covariance=resampled_spread(strengths),
        low=low,
        high=high,
        effects=(_effect("model_position", pooled[:, 2 * k]),),
        reliability=None,
        interval_method="posterior quantiles; they carry what is not known of the judge's accuracy",
        prior_effect=float("nan"),
        caveats=(*plain.caveats, *_caveats(judge, convergence, beside)),
    )
    return Corrected(
        profile=profile,
        plain=plain,
        accuracy=skills.mean(axis=0),
        accuracy_low=skill_low,
        accuracy_high=skill_high,
        judge=judge,
        noise=float(noise),
        preferred=bool(noise <= NOISE_LIMIT and known >= PLANT_LIMIT),
        reason=_reason(float(noise), judge.n, beside.n if beside is not None else 0),
        convergence=convergence,
        labelled=beside,
    )


def _effect(name: str, draws: FloatArray) -> Effect:
    """A covariate's posterior mean and interval."""
    low, high = central_range(draws)
    return Effect(name, float(draws.mean()), float(low), float(high))


def _reason(noise: float, plants: int, labels: int) -> str:
    """Why the corrected ratings are, or are not, the better estimate."""
    beside = f" and {labels} labelled" if labels else ""
    said = f"noise is {100 * noise:.0f}% of the variance of the corrected ratings (limit "
    said += f"{100 * NOISE_LIMIT:.0f}%)"
    said += f", on {plants} planted{beside} replies (at least {PLANT_LIMIT})"
    if noise <= NOISE_LIMIT and plants + labels >= PLANT_LIMIT:
        return f"The corrected ratings are the better estimate: {said}."
    return (
        f"The plain ratings stay the default: {said}; beyond these limits "
        "correcting does not reliably bring ratings nearer to the truth."
    )


def _caveats(
    judge: JudgeAccuracy, convergence: float, beside: LabelAccuracy | None
) -> tuple[str, ...]:
    """What a reader must know beside the figures."""
    said = [
        f"Corrected for the judge's errors on {judge.n} planted replies, assuming the "
        "same errors on chosen ones."
        if beside is None
        else f"Corrected for the judge's errors on {beside.n} chosen replies that people labelled "
        f"and {judge.n} planted ones, taking people to be right.",
        "Strengths and accuracies are drawn toward their common values by a prior.",
    ]
    if convergence > 1.1:
        said.append(
            f"The posterior was not sampled well (R-hat {convergence:.2f}, expected at most 1.1): "
            "raise `draws`."
        )
    return tuple(said)


# ---- win rates -----------------------------------------------------------------------------


@dataclass(frozen=True)
class WinRates:
    """Win rates, as judged and corrected.

    Attributes
    ----------
    traits : tuple of str
    judged : float array, shape (K,)
        Share of its comparisons that the judge gave to each trait; NaN where it has none.
    corrected, low, high : float array, shape (K,)
        Share in which the reply showed it, with a 95% interval, cut to 0 and 1; NaN and 0 to 1
        where it has no comparison.
    """

    traits: tuple[str, ...]
    judged: FloatArray
    corrected: FloatArray
    low: FloatArray
    high: FloatArray


def rogan_gladen(profile: Profile, plants: Plants) -> WinRates:
    """Correct win rates for the judge's errors.

    w = r a + (1 - r) f gives r = (w - f) / (a - f): w is the judged win rate of a trait, a the
    judge's accuracy for it, f how often it is named when the other trait is shown, here one less
    the mean accuracy for the others.

    Parameters
    ----------
    profile : Profile
        Plain, for its wins and comparisons of each trait.
    plants : Plants

    Raises
    ------
    InputError, NotInformative
        As `correct`.

    Notes
    -----
    The interval of w is Wilson's, at the possible rate nearest to it (r is 0 to 1), and that of the
    accuracies is added in squares (Zou & Donner 2008, Statistics in Medicine 27): no interval at
    the ends has width 0. Comparisons are taken as independent, also where they share a prompt.

    References
    ----------
    Rogan & Gladen (1978), American Journal of Epidemiology 107; the variance by the delta method,
    with that of the accuracies, as in Greenland (1988), Statistics in Medicine 7.
    """
    judge = _check_judge(profile.traits, plants)
    n = profile.n_by_trait.astype(np.float64)
    k, some = len(n), np.maximum(n, 1)
    judged = np.where(n > 0, profile.wins_by_trait / some, np.nan)
    accuracy, error = judge.accuracy, (judge.high - judge.low) / (2 * normal_quantile())
    others = (accuracy.sum() - accuracy) / (k - 1)
    false_share = 1 - others
    # The others' errors are partly one, that of their common value: half the overall interval.
    common = (judge.overall.high - judge.overall.low) / (2 * normal_quantile())
    gap = np.maximum(accuracy - false_share, _LEAST_GAP)
    made = np.clip((judged - false_share) / gap, 0, 1)
    possible = false_share + made * gap
    ends = wilson(np.nan_to_num(possible) * n, n)
    unsure = np.sqrt((made * error) ** 2 + ((1 - made) * common) ** 2)
    low, high = (
        made + sign * np.hypot(end - possible, unsure) / gap
        for sign, end in zip((-1, 1), ends, strict=True)
    )
    low, high = np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=1.0)
    return WinRates(profile.traits, judged, made, np.maximum(low, 0), np.minimum(high, 1))
