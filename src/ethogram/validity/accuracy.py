"""Judge accuracy on planted traits: overall, by trait, by class of pair, and by model family.

A **plant** is a reply whose model was told to answer in the manner of one named trait; the judge,
given that trait and a **foil**, must find it. Pure numpy; knows nothing of requests or stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.validity.proportions import (
    Estimate,
    bounded,
    contrast,
    effective_counts,
    proportion,
    shifted,
    shrink,
    wilson,
)

BLIND_BELOW = 0.65
"""A trait counts as blind where the judge's estimated accuracy is below and its interval reaches
chance. The interval alone would call one in ten well-seen traits blind with 8 plants a trait."""

_SHOWN = 12

Source = Literal["plants", "exemplars"]


class _Words(NamedTuple):
    """What is said of replies whose trait is known."""

    replies: str
    trait: str
    what: str
    caveat: str
    asked: str

    @property
    def reply(self) -> str:
        """One of them."""
        return f"{self.replies.removesuffix('ies')}y"


_WORDS: dict[Source, _Words] = {
    "plants": _Words(
        "planted replies",
        "planted trait",
        "replies",
        "A planted reply is acted on request and often stronger than one that a model chose: "
        "accuracy on chosen replies may be lower.",
        "planted replies",
    ),
    "exemplars": _Words(
        "written replies",
        "trait",
        "verdicts on written replies",
        "A written reply overdoes one trait: accuracy on chosen replies may be lower.",
        "questions about written replies",
    ),
}


@dataclass(frozen=True)
class Plants:
    """Verdicts of one judge on planted replies.

    Attributes
    ----------
    traits : tuple of str, length K
    planted, foil : int array, shape (n,)
        Indices into `traits`: the trait that the reply was told to show, and the other one offered.
    named : int array, shape (n,)
        The trait that the judge named; -1 where there is no verdict (none, both, or unreadable).
    planted_first : bool array, shape (n,)
        The judge was shown the planted trait first.
    tied : bool array, shape (n,)
        The verdict is a tie, or one half for each: it counts only where no verdict names a trait.
    prompt : int array, shape (n,)
        Which prompt was asked (cluster); -1 where unknown.
    model : int array, shape (n,)
        Index into `models`: who wrote the reply.
    models : tuple of str
    judge : str
    """

    traits: tuple[str, ...]
    planted: IntArray
    foil: IntArray
    named: IntArray
    planted_first: BoolArray
    tied: BoolArray
    prompt: IntArray
    model: IntArray
    models: tuple[str, ...] = ("",)
    judge: str = ""

    def __len__(self) -> int:
        return len(self.planted)

    @property
    def read(self) -> BoolArray:
        """Where there is a verdict, shape (n,)."""
        return self.named >= 0

    @property
    def hit(self) -> BoolArray:
        """Where the judge named the planted trait, shape (n,)."""
        return np.equal(self.named, self.planted)

    @property
    def told(self) -> BoolArray:
        """Where a verdict counts: where a trait is named, or nowhere is one, the ties."""
        return self.read if self.read.any() else self.tied

    @property
    def score(self) -> FloatArray:
        """How right each verdict is: 1 for a hit, one half for a tie, shape (n,)."""
        return np.where(self.tied & ~self.read, 0.5, self.hit)

    def same_as(self, other: Plants) -> bool:
        """Whether another judge's verdicts are on the same replies, row by row."""
        columns = ("planted", "foil", "prompt", "model")
        return self.models == other.models and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in columns
        )

    def take(self, rows: NDArray[Any]) -> Plants:
        """Return these rows only (indices or a mask)."""
        columns = ("planted", "foil", "named", "planted_first", "tied", "prompt", "model")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def hits_by_trait(self) -> tuple[IntArray | FloatArray, IntArray]:
        """Hits and verdicts of each planted trait, each of shape (K,); a tie is half a hit."""
        k, read = len(self.traits), self.read
        if not read.any():
            counts = np.bincount(self.planted[self.tied], minlength=k)
            return counts / 2, counts
        hits = np.bincount(self.planted[read & self.hit], minlength=k)
        return hits, np.bincount(self.planted[read], minlength=k)


def collect_plants(
    traits: Sequence[str],
    planted: Sequence[int] | IntArray,
    foil: Sequence[int] | IntArray,
    named: Sequence[int] | IntArray,
    *,
    planted_first: Sequence[bool] | BoolArray | None = None,
    tied: Sequence[bool] | BoolArray | None = None,
    prompt: Sequence[int] | IntArray | None = None,
    model: Sequence[str] | None = None,
    judge: str = "",
) -> Plants:
    """Build `Plants` from plain sequences.

    Raises
    ------
    InputError
        Arrays of different lengths, a trait as its own foil, or a named trait that was not offered.
    """
    n = len(planted)
    names = [""] * n if model is None else list(model)
    models = tuple(sorted(set(names))) or ("",)
    made = Plants(
        traits=tuple(traits),
        planted=np.asarray(planted, dtype=np.int64),
        foil=np.asarray(foil, dtype=np.int64),
        named=np.asarray(named, dtype=np.int64),
        planted_first=np.ones(n, dtype=bool)
        if planted_first is None
        else np.asarray(planted_first, dtype=bool),
        tied=np.zeros(n, dtype=bool) if tied is None else np.asarray(tied, dtype=bool),
        prompt=np.full(n, -1) if prompt is None else np.asarray(prompt, dtype=np.int64),
        model=np.array([models.index(name) for name in names], dtype=np.int64),
        models=models,
        judge=judge,
    )
    _check(made)
    return made


def _check(made: Plants) -> None:
    """Refuse arrays that do not describe plants."""
    n, k = len(made.planted), len(made.traits)
    for name in ("foil", "named", "planted_first", "tied", "prompt", "model"):
        if len(getattr(made, name)) != n:
            raise InputError(
                f"{name} has {len(getattr(made, name))} entries, expected {n} as in planted"
            )
    offered = (made.named == made.planted) | (made.named == made.foil) | (made.named == -1)
    known = (made.planted >= 0) & (made.planted < k) & (made.foil >= 0) & (made.foil < k)
    bad = np.flatnonzero(~offered | ~known | (made.planted == made.foil))
    if bad.size:
        row = bad[0]
        raise InputError(
            f"plant {row}: planted {made.planted[row]}, foil {made.foil[row]}, named "
            f"{made.named[row]}: expected two different traits from 0 to {k - 1}, and one of them "
            "(or -1) as named"
        )


LITTLE = 0.6
"""Of verdicts on known replies: with no more right, ratings show little but the judge's errors."""


def without_chance(overall: Estimate) -> str:
    """Say what a judge that is not above chance leaves of its ratings; few verdicts tell less."""
    if overall.high < LITTLE:
        return "Its ratings carry no information about the model."
    return "Nothing shows that its ratings carry information about the model."


@dataclass(frozen=True)
class JudgeAccuracy:
    """How often a judge found the planted trait.

    Attributes
    ----------
    judge : str
    n, lost : int
        Plants with and without a verdict; the lost ones are in no figure below.
    overall : Estimate
        Share found; chance is one half.
    informedness : Estimate
        Hit rate plus correct-rejection rate minus 1: 0 for a judge that does not look, 1 for one
        that never errs.
    lean : Estimate
        Toward the trait shown first: 0 none, 1 always (see `place_lean`).
    traits : tuple of str
    hits, counts : int array, shape (K,)
        Where there is nothing but ties, each of them is half a hit.
    raw_low, raw_high : float array, shape (K,)
        Wilson's interval of each trait alone.
    accuracy, low, high : float array, shape (K,)
        Each trait's accuracy, drawn toward the common value, with its interval.
    mean, spread : float
        Centre and spread of the traits' accuracies (logits).
    by_class : mapping of str to Estimate
        By class of pair, where classes were given.
    above_chance : bool
        The lower bound of `overall` lies above one half.
    blind : tuple of str
        Traits that the judge hardly sees: accuracy below `BLIND_BELOW`, with an interval that
        reaches one half. All, where the judge as a whole is not above chance.
    unproven : tuple of str
        Other traits whose interval reaches one half: too few plants to tell.
    caveats : tuple of str
    source : "plants" or "exemplars"
        What the replies are: a model's, that was told to act; or written to show their trait.
    tied : bool
        Every verdict is a tie or one half, so that each counts as half right.
    """

    judge: str
    n: int
    lost: int
    overall: Estimate
    informedness: Estimate
    lean: Estimate
    traits: tuple[str, ...]
    hits: IntArray | FloatArray
    counts: IntArray
    raw_low: FloatArray
    raw_high: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray
    mean: float
    spread: float
    by_class: Mapping[str, Estimate]
    above_chance: bool
    blind: tuple[str, ...]
    unproven: tuple[str, ...]
    caveats: tuple[str, ...]
    source: Source = "plants"
    tied: bool = False

    @property
    def tested(self) -> bool:
        """Whether any planted reply has a verdict."""
        return self.n > 0

    @property
    def sentence(self) -> str:
        """The finding in plain words, for a report or a terminal."""
        words = _WORDS[self.source]
        if not self.tested:
            return f"Nothing is known of the judge: no {words.reply} has a verdict."
        if self.overall.few:
            return (
                f"{words.replies.capitalize()} with a verdict: {self.overall.few} whether the "
                "judge is right."
            )
        if self.tied:
            return self._tied_sentence
        what = (
            f"it found the {words.trait} in {self.overall.percent} of {self.n:,} {words.what}; "
            "chance is 50%"
        )
        if not self.above_chance:
            below = "below" if self.overall.high < 0.5 else "not shown to be above"
            return f"The judge is {below} chance: {what}. {without_chance(self.overall)}"
        return f"The judge is above chance: {what}. {self._blind_sentence}"

    @property
    def _tied_sentence(self) -> str:
        """Why nothing but ties says nothing: one place in both orders, or no decision at all."""
        words, lean = _WORDS[self.source], self.lean.estimate
        so = "Its ratings carry no information about the model."
        if abs(lean) < 1 or np.isnan(lean):
            return (
                f"The judge decides nothing: each of its {self.n:,} verdicts on {words.replies} is "
                f"a tie. {so}"
            )
        place = "first" if lean > 0 else "second"
        return (
            f"The judge goes by place alone: of {self.n:,} {words.asked} asked in both orders, "
            f"every one got the word shown {place} both times. {so}"
        )

    @property
    def _blind_sentence(self) -> str:
        """Which traits the judge hardly sees, and for how many the sample is too small to tell.

        Of the traits with a verdict: of the others nothing is known.
        """
        asked = {name for name, n in zip(self.traits, self.counts, strict=True) if n}
        blind = [name for name in self.blind if name in asked]
        unproven = [name for name in self.unproven if name in asked]
        count, k = len(blind), len(asked)
        shown = ", ".join(blind[:_SHOWN])
        more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
        said = (
            f"It is blind, or nearly blind, to {count} of {k} traits: {shown}{more}."
            if count
            else f"None of the {k} traits is clearly invisible to it."
            if k > 1
            else "The one trait that was tried is not clearly invisible to it."
        )
        if unproven:
            said += f" For {len(unproven)} more the sample is too small to tell."
        return said


def judge_accuracy(
    plants: Plants, *, pair_class: Sequence[str] | None = None, source: Source = "plants"
) -> JudgeAccuracy:
    """Measure a judge on replies whose trait is known.

    Parameters
    ----------
    plants : Plants
    pair_class : sequence of str, length n, optional
        A name for the kind of pair of each plant, such as "near" and "far".
    source : "plants" or "exemplars"

    Returns
    -------
    JudgeAccuracy
    """
    told = plants.take(plants.told)
    hits, counts = plants.hits_by_trait()
    worth = effective_counts(told.score, told.planted, told.prompt, len(plants.traits))
    found = np.divide(hits * worth, counts, out=np.zeros(len(worth)), where=counts > 0)
    raw_low, raw_high = wilson(found, worth)
    traits = shrink(np.minimum(found, worth), worth)
    overall = proportion(told.score, clusters=told.prompt)
    above, unsure = np.bool_(overall.low > 0.5), traits.low <= 0.5
    return JudgeAccuracy(
        judge=plants.judge,
        n=len(told),
        lost=len(plants) - len(told),
        overall=overall,
        informedness=_informedness(overall),
        lean=place_lean(plants),
        traits=plants.traits,
        hits=hits,
        counts=counts,
        raw_low=raw_low,
        raw_high=raw_high,
        accuracy=traits.estimate,
        low=traits.low,
        high=traits.high,
        mean=traits.mean,
        spread=traits.spread,
        by_class=_by_class(plants, pair_class),
        above_chance=bool(above),
        blind=_names(plants.traits, unsure & (traits.estimate < BLIND_BELOW) | ~above),
        unproven=_names(plants.traits, unsure & (traits.estimate >= BLIND_BELOW) & above),
        caveats=_caveats(plants, counts, source),
        source=source,
        tied=bool(len(told) and not told.read.any()),
    )


def _names(traits: tuple[str, ...], chosen: BoolArray) -> tuple[str, ...]:
    """Names of the chosen traits."""
    return tuple(name for name, is_chosen in zip(traits, chosen, strict=True) if is_chosen)


def _informedness(overall: Estimate) -> Estimate:
    """Sensitivity + specificity - 1 (Youden 1950, Cancer 3).

    Each trait is planted as often as it is foil, so that on average over the pairs a hit of one
    trait is a correct rejection of the other, and both rates are the overall accuracy.
    """
    return Estimate(2 * overall.estimate - 1, 2 * overall.low - 1, 2 * overall.high - 1, overall.n)


def place_lean(plants: Plants) -> Estimate:
    """How far the judge leans to the trait shown first, whatever the reply.

    P(names the first | planted first) - P(names the second | planted second), that is
    P(first | planted first) + P(first | planted second) - 1: the share of verdicts that go by
    place. -1 to 1; positive leans to the first.
    """
    read = plants.take(plants.read)
    named_first = read.hit == read.planted_first
    both = contrast(
        named_first, read.planted_first.astype(np.int64), (1.0, 1.0), clusters=read.prompt, span=1.0
    )
    return bounded(shifted(both, -1.0), -1.0, 1.0)


def _by_class(plants: Plants, pair_class: Sequence[str] | None) -> dict[str, Estimate]:
    """Accuracy within each class of pairs."""
    if pair_class is None:
        return {}
    labels = np.asarray(pair_class)
    if len(labels) != len(plants):
        raise InputError(f"pair_class has {len(labels)} entries, expected {len(plants)}")
    rows = {str(name): (labels == name) & plants.told for name in np.unique(labels)}
    return {
        name: proportion(plants.score[row], clusters=plants.prompt[row])
        for name, row in rows.items()
    }


def _caveats(plants: Plants, counts: IntArray, source: Source) -> tuple[str, ...]:
    """What a reader must know beside the figures."""
    words = _WORDS[source]
    said = [words.caveat]
    unseen = [name for name, n in zip(plants.traits, counts, strict=True) if not n]
    if unseen:
        said.append(
            f"{len(unseen)} {'trait has' if len(unseen) == 1 else 'traits have'} no {words.reply} "
            f"with a verdict; {'its' if len(unseen) == 1 else 'their'} accuracy is the "
            f"others' average: {', '.join(unseen[:_SHOWN])}"
        )
    lost = len(plants) - int(plants.told.sum())
    if lost:
        said.append(f"{lost:,} of {len(plants):,} {words.asked} have no verdict.")
    if len(plants.models) > 1:
        said.append(f"The planted replies were written by {len(plants.models)} models.")
    return tuple(said)
