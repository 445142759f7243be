"""A judge beside people on chosen replies: how often it is right there, and what that rests on.

Planted replies are acted; only people can say whether a judge reads the replies that are rated. The
replies are a draw with known probabilities (`ethogram.validity.label_sampling`), and each counts
for as many as it stands for. Pure numpy; knows nothing of stores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.quantiles import t_quantile
from ethogram.validity.accuracy import without_chance
from ethogram.validity.agreement import cohen_kappa, krippendorff_alpha
from ethogram.validity.proportions import FEWEST, Estimate, cluster_sizes, shrink, wilson

FIRST, SECOND, BOTH, NEITHER, UNSURE = 0, 1, 2, 3, -1
"""What a label says: the trial's first trait, its second, both, neither, or that nobody can say."""


LABEL_LIMIT = 20
"""Labelled replies with which a judge's accuracy is taken from people; with fewer, it is taken
from written or planted replies."""

_LEAST_LEFT = 0.02  # of a stratum: the variance of a share is never nothing


@dataclass(frozen=True)
class Labels:
    """People's labels of chosen replies, beside one judge's verdicts; a row per label.

    Attributes
    ----------
    traits : tuple of str, length K
    trial, prompt : int array, shape (n,)
    first, second : int array, shape (n,)
        Indices into `traits`.
    answer : int array, shape (n,)
        FIRST, SECOND, BOTH, NEITHER or UNSURE.
    named : int array, shape (n,)
        Index of the trait that the judge named; -1 where it named none.
    named_first : bool array, shape (n,)
        The judge was shown the trial's first trait first.
    labeller, model : int array, shape (n,)
        Indices into `labellers` and `models`.
    stratum : int array, shape (n,)
        Of the draw; -1 where the reply was not drawn, so that nobody knows its probability.
    replies : int array, shape (strata,)
        How many replies each stratum stands for.
    labellers, models : tuple of str
    judge : str
    weight : float array, shape (n,), or None
        What each label stands for, where these are some of all labels; else `weights` counts.
    """

    traits: tuple[str, ...]
    trial: IntArray
    prompt: IntArray
    first: IntArray
    second: IntArray
    answer: IntArray
    named: IntArray
    named_first: BoolArray
    labeller: IntArray
    model: IntArray
    stratum: IntArray
    replies: IntArray
    labellers: tuple[str, ...] = ("",)
    models: tuple[str, ...] = ("",)
    judge: str = ""
    weight: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.trial)

    def take(self, rows: NDArray[Any]) -> Labels:
        """Return these rows only (indices or a mask)."""
        arrays: dict[str, Any] = {
            name: value[rows]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray) and name != "replies"
        }
        return replace(self, **arrays)

    def of(self, model: str, traits: tuple[str, ...]) -> Labels:
        """Return the labels of one model's replies, on these traits, weighted as among all."""
        place = np.array([traits.index(t) if t in traits else -1 for t in self.traits])
        mine = np.array([name == model for name in self.models])[self.model]
        rows = replace(self, weight=self.weights()).take(
            mine & (place[self.first] >= 0) & (place[self.second] >= 0)
        )
        named = np.where(rows.named >= 0, place[rows.named], -1)
        return replace(
            rows, traits=traits, first=place[rows.first], second=place[rows.second], named=named
        )

    @property
    def shown(self) -> IntArray:
        """The trait that the person saw, as an index into `traits`; -1 for none, both, unsure."""
        made: IntArray = np.where(
            self.answer == FIRST, self.first, np.where(self.answer == SECOND, self.second, -1)
        )
        return made

    @property
    def decided(self) -> BoolArray:
        """Where the person saw one trait and the judge named one, shape (n,)."""
        return (self.shown >= 0) & (self.named >= 0)

    @property
    def usable(self) -> BoolArray:
        """Where a label says whether the judge is right, with a known weight, shape (n,)."""
        return self.decided & (self.stratum >= 0)

    @property
    def is_enough(self) -> bool:
        """Whether so many replies are labelled that the judge's accuracy is taken from them."""
        return len(np.unique(self.trial[self.usable])) >= LABEL_LIMIT

    @property
    def hit(self) -> BoolArray:
        """Where the judge named what the person saw, shape (n,)."""
        return np.equal(self.shown, self.named)

    def weights(self) -> FloatArray:
        """What each label stands for: one over the share of its stratum that was labelled.

        Several labels of one reply share its weight. 0 where a reply was not drawn.
        """
        if self.weight is not None:
            return self.weight
        drawn = self.stratum >= 0
        each = self.replies / np.maximum(self._labelled(), 1)
        _, of, times = np.unique(self.trial, return_inverse=True, return_counts=True)
        made = np.zeros(len(self))
        made[drawn] = each[self.stratum[drawn]] / times[of[drawn]]
        return made

    def left(self) -> FloatArray:
        """Share of each stratum that has no label yet."""
        made: FloatArray = 1 - self._labelled() / np.maximum(self.replies, 1)
        return made

    def _labelled(self) -> IntArray:
        """How many replies of each stratum have a label."""
        at = np.unique(self.trial, return_index=True)[1]
        found = self.stratum[at]
        return np.bincount(found[found >= 0], minlength=len(self.replies))


@dataclass(frozen=True)
class LabelAccuracy:
    """A judge beside people on chosen replies.

    Attributes
    ----------
    judge : str
    n : int
        Labelled replies on which both named one trait; `overall` rests on them.
    lost : int
        Labelled replies without a verdict of the judge.
    labels, labellers : int
    overall : Estimate
        Share of the chosen replies on which the judge names what people see; chance is one half.
    net : Estimate or None
        The judge's accuracy where people's own errors are taken out, as far as labellers disagree
        with each other; None where too few replies have two labels.
    people : Estimate or None
        Accuracy of one labeller, by the same reckoning.
    undecided : Estimate
        Share of the replies of which people say both, neither, or that they cannot tell.
    kappa : mapping of (labeller, labeller) to Estimate
    alpha : Estimate or None
        Krippendorff's, between labellers; both and neither are answers of their own.
    traits : tuple of str
    counts : float array, shape (K,)
        Effective labels of each trait, where people see it.
    accuracy, low, high : float array, shape (K,)
        Of each trait, drawn toward the common value.
    above_chance, below_chance : bool
        By more than as many replies of another study like this one would vary. `overall` is about
        this study's replies: where all of these are labelled, it is known almost exactly.
    caveats : tuple of str
    """

    judge: str
    n: int
    lost: int
    labels: int
    labellers: int
    overall: Estimate
    net: Estimate | None
    people: Estimate | None
    undecided: Estimate
    kappa: dict[tuple[str, str], Estimate]
    alpha: Estimate | None
    traits: tuple[str, ...]
    counts: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray
    above_chance: bool
    below_chance: bool
    caveats: tuple[str, ...]
    source: Literal["labels"] = "labels"

    @property
    def tested(self) -> bool:
        """Whether the judge is beside people on any reply."""
        return self.n > 0

    @property
    def sentence(self) -> str:
        """The finding in plain words, for a report or a terminal."""
        if self.overall.few:
            return (
                f"Chosen replies that people labelled: {self.overall.few} whether the judge is "
                "right."
            )
        what = (
            f"it names the trait that people see in {self.overall.percent} of chosen replies "
            f"({self.n:,} of them labelled); chance is 50%"
        )
        if not self.above_chance:
            below = "below" if self.below_chance else "not shown to be above"
            luck = (self.overall.low > 0.5 or self.overall.high < 0.5) and not self.below_chance
            if luck:
                return (
                    f"The judge is {below} chance: {what}, and a coin could name as many of so few."
                )
            return f"The judge is {below} chance: {what}. {without_chance(self.overall)}"
        return f"The judge is above chance: {what}."

    def findings(self) -> list[str]:
        """What else the labels say, one sentence each."""
        said = []
        if self.net is not None and self.people is not None:
            said.append(
                f"Where people's own errors are taken out (one person is right in "
                f"{self.people.percent}, by how often two agree), the judge is right in "
                f"{self.net.interval} of chosen replies."
            )
        if not self.undecided.few:
            said.append(
                f"People see both traits, neither, or cannot tell in {self.undecided.percent} of "
                "chosen replies: no verdict can be right there."
            )
        said += [
            f"{a} and {b}: Cohen's kappa on {k.n:,} replies: {_number(k)}."
            for (a, b), k in self.kappa.items()
        ]
        if self.alpha is not None:
            said.append(f"All labellers: Krippendorff's alpha: {_number(self.alpha)}.")
        return [*said, *self.caveats]


def _number(estimate: Estimate) -> str:
    if estimate.few:
        return estimate.few
    if np.isnan(estimate.estimate):
        return "undefined, as all gave one and the same answer"
    ends = f"{estimate.low:.2f} to {estimate.high:.2f}"
    return f"{estimate.estimate:.2f} ({ends})".replace("-", "\u2212")


def label_accuracy(labels: Labels) -> LabelAccuracy:
    """Measure a judge by what people see in chosen replies.

    Parameters
    ----------
    labels : Labels

    Notes
    -----
    Replies are weighted by one over the share of their stratum that was labelled. The interval is
    Wilson's, on the number of independent observations that the weighted variance is worth, with
    prompts as clusters.

    References
    ----------
    Weighted shares and their effective size: Korn & Graubard (1998), Survey Methodology 24; the
    ratio of two estimated totals: Särndal, Swensson & Wretman (1992), Model Assisted Survey
    Sampling, 5.6.
    """
    decided = labels.usable
    rows, weight = labels.take(decided), labels.weights()
    left = labels.left()
    overall, anywhere = (
        weighted_share(
            rows.hit,
            weight[decided],
            strata=rows.stratum,
            trial=rows.trial,
            prompt=rows.prompt,
            left=unknown,
        )
        for unknown in (left, None)
    )
    drawn = labels.take(labels.stratum >= 0)
    own = weight[labels.stratum >= 0]
    counts, by_trait = _by_trait(rows, weight[decided])
    people, net = _without_human_error(rows, weight[decided], overall, left)
    return LabelAccuracy(
        judge=labels.judge,
        n=len(np.unique(rows.trial)),
        lost=len(np.unique(labels.trial[labels.named < 0])),
        labels=len(labels),
        labellers=len(np.unique(labels.labeller)),
        overall=overall,
        net=net,
        people=people,
        undecided=weighted_share(
            drawn.shown < 0,
            own,
            strata=drawn.stratum,
            trial=drawn.trial,
            prompt=drawn.prompt,
            left=left,
        ),
        kappa=_kappas(labels),
        alpha=_alpha(labels),
        traits=labels.traits,
        counts=counts,
        accuracy=by_trait.estimate,
        low=by_trait.low,
        high=by_trait.high,
        above_chance=bool(anywhere.low > 0.5),
        below_chance=bool(anywhere.high < 0.5),
        caveats=_caveats(labels),
    )


def weighted_share(
    hits: BoolArray,
    weight: FloatArray,
    *,
    strata: IntArray,
    trial: IntArray,
    prompt: IntArray,
    left: FloatArray | None = None,
) -> Estimate:
    """Share of hits, weighted, with an interval that heeds strata, repeated labels and prompts.

    Parameters
    ----------
    hits, weight, strata, trial, prompt : array, shape (n,)
        A row per label.
    left : float array, shape (strata,), optional
        Share of each stratum that has no label: what is not known of it (the finite population
        correction). Else 1.

    Notes
    -----
    The variance is the larger of two: the linearised one, summed by prompt; and that of shares
    drawn toward one half in each stratum (half a hit and half a miss added), as a few labels that
    are all right would else say that there are no errors.
    """
    n = len(np.unique(trial))
    if not n or not weight.sum():
        return Estimate(float("nan"), 0.0, 1.0, 0)
    share = 1.0 if hits.all() else float(weight @ hits / weight.sum())  # sums round
    remaining = _remaining(left, strata)
    pull = weight * (hits - share) / weight.sum() * np.sqrt(remaining[strata])
    variance = max(
        _clustered_variance(pull, strata, prompt),
        _smoothed_variance(hits, weight, strata, trial, remaining),
    )
    by_reply = np.bincount(np.unique(trial, return_inverse=True)[1], weight)
    return _interval(share, variance, n, prompt, _kish(by_reply.astype(np.float64)))


def _interval(share: float, variance: float, n: int, prompt: IntArray, alone: float) -> Estimate:
    """Wilson's interval of a share with this variance; of none or all, on so many independent."""
    size = share * (1 - share) / variance if 0 < share < 1 else alone
    clusters = len(cluster_sizes(prompt, len(prompt))[0])
    low, high = wilson(share * size, size, z=t_quantile(max(clusters - 1, 1)))
    return Estimate(share, min(share, float(low)), max(share, float(high)), n)


def _remaining(left: FloatArray | None, strata: IntArray) -> FloatArray:
    """Share of each stratum that is not known."""
    return np.ones(int(strata.max()) + 1) if left is None else np.maximum(left, _LEAST_LEFT)


def _clustered_variance(pull: FloatArray, strata: IntArray, prompt: IntArray) -> float:
    """Variance of a sum of linearised values, centred by stratum, with prompts as clusters."""
    totals = np.bincount(strata, pull)
    centred = pull - (totals / np.maximum(np.bincount(strata), 1))[strata]
    sizes, of = cluster_sizes(prompt, len(prompt))
    g = len(sizes)
    sums = np.bincount(of, centred)
    return float((sums**2).sum() * g / max(g - 1, 1))


def _smoothed_variance(
    hits: BoolArray, weight: FloatArray, strata: IntArray, trial: IntArray, left: FloatArray
) -> float:
    """Variance of independent replies, each stratum's share drawn toward one half."""
    made = 0.0
    for one in np.unique(strata):
        rows = strata == one
        n = len(np.unique(trial[rows]))
        share = (float(weight[rows] @ hits[rows] / weight[rows].sum()) * n + 0.5) / (n + 1)
        part = weight[rows].sum() / weight.sum()
        made += left[one] * part**2 * share * (1 - share) / n
    return made


def _kish(weight: FloatArray) -> float:
    """How many equal weights these are worth (Kish 1965, Survey Sampling, 11.7)."""
    return float(weight.sum() ** 2 / (weight**2).sum()) if weight.size else 0.0


def _by_trait(rows: Labels, weight: FloatArray) -> tuple[FloatArray, Any]:
    """Effective labels and accuracy of each trait where people see it."""
    k = len(rows.traits)
    total, squares = (np.bincount(rows.shown, w, k) for w in (weight, weight**2))
    right = np.bincount(rows.shown, weight * rows.hit, k)
    some = total > 0
    counts = np.divide(total**2, squares, out=np.zeros(k), where=some)
    hits = np.divide(right, total, out=np.zeros(k), where=some) * counts
    return counts, shrink(np.minimum(hits, counts), counts)


def _pairs(rows: Labels) -> list[tuple[int, int]]:
    """Rows of two labels of one reply, every pair of labellers once."""
    order = np.argsort(rows.trial, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(rows.trial[order])) + 1)
    return [(int(a), int(b)) for g in groups for i, a in enumerate(g) for b in g[i + 1 :]]


def _without_human_error(
    rows: Labels, weight: FloatArray, overall: Estimate, left: FloatArray
) -> tuple[Estimate | None, Estimate | None]:
    """Accuracy of one labeller, and the judge's with people's errors taken out.

    Two people who err independently, each right with probability h, agree with probability
    A = h^2 + (1 - h)^2; a judge that is right with probability j agrees with one of them with
    probability a = j h + (1 - j)(1 - h). So, with r = sqrt(2 A - 1), h = (1 + r) / 2 and
    j = (a + h - 1) / r. Variance by linearisation of both together: a person's error lowers both.
    """
    pairs = np.array(_pairs(rows), dtype=np.int64).reshape(-1, 2)
    if len(pairs) < 2 * FEWEST or overall.few:
        return None, None
    one, other = rows.take(pairs[:, 0]), rows.take(pairs[:, 1])
    alike, own = one.answer == other.answer, weight[pairs[:, 0]]
    same = weighted_share(
        alike, own, strata=one.stratum, trial=one.trial, prompt=one.prompt, left=left
    )
    if same.low <= 0.5:
        return None, None
    r, a = np.sqrt(2 * same.estimate - 1), overall.estimate
    human = (1 + r) / 2
    ends = (1 + np.sqrt(2 * np.array([same.low, same.high]) - 1)) / 2
    people = Estimate(float(human), float(ends[0]), float(ends[1]), same.n)
    judge = float(np.clip((a + human - 1) / r, 0, 1))
    strata, prompt = (
        np.concatenate([getattr(rows, name), getattr(one, name)]) for name in ("stratum", "prompt")
    )
    by_person = (1 - 2 * a) / (2 * r**3) * own * (alike - same.estimate) / own.sum()
    pull = np.concatenate([weight * (rows.hit - a) / weight.sum() / r, by_person])
    pull *= np.sqrt(_remaining(left, strata)[strata])
    kind = strata + np.repeat([0, len(rows.replies)], [len(rows), len(one)])
    variance = max(
        _clustered_variance(pull, kind, prompt),
        _smoothed_variance(
            rows.hit, weight, rows.stratum, rows.trial, _remaining(left, rows.stratum)
        ),
    )
    return people, _interval(judge, variance, overall.n, rows.prompt, overall.n)


def _table(labels: Labels) -> tuple[IntArray, IntArray]:
    """Answers by reply and labeller, shape (replies, labellers), and each reply's prompt."""
    trials, at, of = np.unique(labels.trial, return_index=True, return_inverse=True)
    made = np.full((len(trials), len(labels.labellers)), -1)
    made[of, labels.labeller] = labels.answer
    return made, labels.prompt[at]


def _kappas(labels: Labels) -> dict[tuple[str, str], Estimate]:
    """Cohen's kappa of every two labellers with replies in common."""
    table, prompt = _table(labels)
    made = {}
    for i, a in enumerate(labels.labellers):
        for j, b in enumerate(labels.labellers[i + 1 :], start=i + 1):
            if ((table[:, i] >= 0) & (table[:, j] >= 0)).any():
                made[a, b] = cohen_kappa(table[:, i], table[:, j], clusters=prompt)
    return made


def _alpha(labels: Labels) -> Estimate | None:
    """Krippendorff's alpha of all labellers; None where no reply has two labels."""
    table, prompt = _table(labels)
    if not ((table >= 0).sum(axis=1) >= 2).any():
        return None
    return krippendorff_alpha(table, clusters=prompt)


def _caveats(labels: Labels) -> tuple[str, ...]:
    """What a reader must know beside the figures."""
    said = []
    outside = len(np.unique(labels.trial[labels.stratum < 0]))
    if outside:
        said.append(
            f"{outside:,} labelled replies were not drawn at random (imported, or of an earlier "
            "draw): they count for the agreement of labellers only."
        )
    empty = int(
        (np.bincount(labels.stratum[labels.stratum >= 0], minlength=len(labels.replies)) == 0).sum()
    )
    if empty and len(labels):
        said.append(f"{empty} of {len(labels.replies)} strata have no label yet.")
    if len(labels.models) > 1:
        said.append(f"The labelled replies were written by {len(labels.models)} models.")
    return tuple(said)


def labels_needed(half_width: float, *, accuracy: float, n: int = 0, half: float = 1.0) -> int:
    """How many more labels an interval of this half width takes.

    Parameters
    ----------
    half_width : float
        Wanted, such as 0.05 for 5 points.
    accuracy : float
        The judge's, as far as it is known: from labels, else from plants.
    n, half : int, float
        Labels there are, and the half width that they give; without them, labels are taken to be
        worth as much as independent observations with equal weights.

    Raises
    ------
    InputError
        A half width that is not between 0 and 0.5.
    """
    if not 0 < half_width < 0.5:
        raise InputError(f"half width {half_width}: expected more than 0 and less than 0.5")
    worth = 1.0
    if n >= FEWEST:
        worth = min(1.0, _size_for(half, accuracy) / n)
    return max(0, int(np.ceil(_size_for(half_width, accuracy) / worth)) - n)


def _size_for(half_width: float, accuracy: float) -> float:
    """How many independent observations give Wilson's interval this half width."""
    low, high = 1.0, 1e8
    for _ in range(80):
        middle = np.sqrt(low * high)
        ends = wilson(accuracy * middle, middle)
        wide = (ends[1] - ends[0]) / 2 > half_width
        low, high = (middle, high) if wide else (low, middle)
    return float(high)
