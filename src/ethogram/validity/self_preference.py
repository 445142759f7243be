"""Self-preference: is a judge more accurate on, or kinder to, replies of its own model family?

On planted replies, where the truth is known. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.validity.accuracy import Plants
from ethogram.validity.proportions import Estimate, contrast, proportion


@dataclass(frozen=True)
class SelfPreference:
    """Whether a judge treats replies of its own family otherwise.

    Attributes
    ----------
    family : tuple of str
        The models that count as the judge's own.
    own, other : Estimate
        Accuracy on planted replies of its own family and of the others.
    accuracy_gain : Estimate
        Accuracy on its own minus accuracy on the others. With a second judge as reference: beyond
        the difference that the reference finds between the same replies.
    kindness : Estimate or None
        How much more often it names the more favourable of the two traits on its own family's
        replies, at equal planted traits; None where no trait is said to be favourable.
    reference : str
        The judge that differences are taken against; "" if none.
    caveats : tuple of str
    """

    judge: str
    family: tuple[str, ...]
    own: Estimate
    other: Estimate
    accuracy_gain: Estimate
    kindness: Estimate | None
    reference: str
    caveats: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        said = [f"On its own family's planted replies the judge is {_more(self.accuracy_gain)}"]
        if self.kindness is not None:
            said.append(f"and {_kinder(self.kindness)}")
        return " ".join(said) + "."


def _more(gain: Estimate) -> str:
    """Accuracy gain in words."""
    return _compared(
        gain, "more accurate", "less accurate", "not shown to be more or less accurate"
    )


def _kinder(gain: Estimate) -> str:
    """Kindness in words."""
    return _compared(gain, "kinder", "harsher", "not shown to be kinder or harsher")


def _compared(gain: Estimate, up: str, down: str, neither: str) -> str:
    """Choose the words that the interval allows, and add the figures in points."""
    word = up if gain.low > 0 else down if gain.high < 0 else neither
    low, middle, high = (f"{100 * x:+.0f}" for x in (gain.low, gain.estimate, gain.high))
    return f"{word} ({middle} points, {low} to {high})"


def self_preference(
    plants: Plants,
    family: Sequence[str],
    *,
    favour: Sequence[float] | FloatArray | None = None,
    reference: Plants | None = None,
) -> SelfPreference:
    """Compare a judge's verdicts on its own family's planted replies with those on others'.

    Parameters
    ----------
    plants : Plants
        Replies of at least two models, one of the judge's family.
    family : sequence of str
        The models of the judge's own family (others in it are ignored).
    favour : float array, shape (K,), optional
        How favourable each trait is, on any scale (say, the judge's own ratings of the words); of
        a pair, the higher one is the favourable trait.
    reference : Plants, optional
        Another judge's verdicts on the same replies, row by row: differences beyond its own
        cannot come from one family acting better than the other.

    Raises
    ------
    InputError
        No reply of the family, none of others, or a reference on other replies.

    Notes
    -----
    Both are contrasts of rates, with errors clustered by prompt. Accuracy gain: hit rate on its own
    minus hit rate on the others. Kindness: P(names the favourable trait), averaged over plants of
    the favourable and of the other trait with equal weight, own minus others (the shift of the
    criterion in signal detection: a judge that is only better at its own has none).
    """
    own = np.isin(np.array(plants.models), list(family))[plants.model]
    if not own.any() or own.all():
        raise InputError(
            f"family {list(family)} against the models {list(plants.models)}: expected planted "
            "replies of at least one model in the family and of one outside it"
        )
    _check_same(plants, reference)
    keep = plants.read if reference is None else plants.read & reference.read
    rows, mine = plants.take(keep), own[keep]
    score, span = rows.hit.astype(float), 1.0
    if reference is not None:
        score, span = score - reference.take(keep).hit, 2.0
    families = (~mine).astype(np.int64)
    favoured = None if favour is None else np.asarray(favour)
    return SelfPreference(
        judge=plants.judge,
        family=tuple(name for name in plants.models if name in set(family)),
        own=proportion(rows.hit[mine], clusters=rows.prompt[mine]),
        other=proportion(rows.hit[~mine], clusters=rows.prompt[~mine]),
        accuracy_gain=contrast(score, families, (1, -1), clusters=rows.prompt, span=span),
        kindness=None if favoured is None else _kindness(rows, mine, favoured, score, span),
        reference="" if reference is None else reference.judge,
        caveats=_preference_caveats(plants, reference, keep),
    )


def _kindness(
    rows: Plants, mine: BoolArray, favour: FloatArray, score: FloatArray, span: float
) -> Estimate:
    """Shift toward the favourable trait on the judge's own family's replies."""
    lead = favour[rows.planted] - favour[rows.foil]
    uneven = lead != 0
    # Naming the planted trait is naming the favourable one where that is planted, else the other.
    toward = (np.sign(lead) * score)[uneven]
    cell = (2 * ~mine + (lead < 0))[uneven].astype(np.int64)
    clusters = rows.prompt[uneven]
    return contrast(toward, cell, (0.5, 0.5, -0.5, -0.5), clusters=clusters, span=span)


def _check_same(plants: Plants, reference: Plants | None) -> None:
    """Refuse a reference judge that was asked about other replies."""
    if reference is not None and not plants.same_as(reference):
        raise InputError(
            f"the reference judge {reference.judge!r} has verdicts on other planted replies than "
            f"{plants.judge!r}; give both in the same rows"
        )


def _preference_caveats(
    plants: Plants, reference: Plants | None, keep: BoolArray
) -> tuple[str, ...]:
    """What a reader must know beside the figures."""
    said = []
    if reference is None:
        said.append(
            "With one judge, higher accuracy on its own family may also mean that this family acts "
            "more clearly; a second judge on the same replies tells these apart."
        )
    lost = len(keep) - int(keep.sum())
    if lost:
        said.append(f"{lost} of {len(plants)} planted replies have no verdict to compare.")
    return tuple(said)
