"""Comparisons: the one table that ratings are made from.

Pure numpy. Knows nothing of stores, services or files; `ethogram.store.read` and
`ethogram.ratings.comparison_files` make these from what they read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparisons:
    """What one judge said of one model's replies under one condition.

    Attributes
    ----------
    traits : tuple of str, length K
    first, second : int array, shape (n,)
        Indices into `traits`; `first` is the trait that the tested model was shown as choice 1.
    outcome : float array, shape (n,)
        Probability that `first` won: 1.0 or 0.0 for a plain verdict, between for a soft one.
        Ignored where `tie` is true (it is 0.5 there).
    tie : bool array, shape (n,)
        The judge answered "both" or "neither".
    prompt : int array, shape (n,)
        Which prompt was asked: the cluster for clustered errors. -1 throughout where unknown.
    judge_first : int array, shape (n,)
        +1 where the judge was shown `first` first, -1 where second, 0 where unknown.
    length : float array, shape (n,)
        Characters of the reply; NaN where unknown. Diagnosis only.
    weight : float array, shape (n,)
        How many comparisons each counts as; 1 throughout where nothing else is known.
    lost : int
        Planned comparisons that have no verdict, and so are in none of the arrays.
    notes : tuple of str
        What a reader must know of how they were read; carried into the profile's caveats.
    model, judge, condition : str
        Labels carried into the profile.
    """

    traits: tuple[str, ...]
    first: IntArray
    second: IntArray
    outcome: FloatArray
    tie: BoolArray
    prompt: IntArray
    judge_first: IntArray
    length: FloatArray
    weight: FloatArray
    lost: int = 0
    model: str = ""
    judge: str = ""
    condition: str = "feels"
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.first)

    @property
    def n_traits(self) -> int:
        """How many traits there are, compared or not."""
        return len(self.traits)

    def take(self, rows: IntArray | BoolArray) -> Comparisons:
        """Return these rows only (indices or a mask), in the order given."""
        return replace(
            self,
            first=self.first[rows],
            second=self.second[rows],
            outcome=self.outcome[rows],
            tie=self.tie[rows],
            prompt=self.prompt[rows],
            judge_first=self.judge_first[rows],
            length=self.length[rows],
            weight=self.weight[rows],
        )


def compare(
    traits: Sequence[str],
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    *,
    tie: Sequence[bool] | BoolArray | None = None,
    prompt: Sequence[int] | IntArray | None = None,
    judge_first: Sequence[int] | IntArray | None = None,
    length: Sequence[float] | FloatArray | None = None,
    weight: Sequence[float] | FloatArray | None = None,
    lost: int = 0,
    model: str = "",
    judge: str = "",
    condition: str = "feels",
    notes: Sequence[str] = (),
) -> Comparisons:
    """Build `Comparisons` from plain sequences, filling in what is unknown.

    Raises
    ------
    InputError
        Arrays of different lengths, an index outside the traits, a trait against itself,
        an outcome outside 0 to 1, or a weight that is no positive number.
    """
    n = len(first)
    comparisons = Comparisons(
        traits=tuple(traits),
        first=np.asarray(first, dtype=np.int64),
        second=np.asarray(second, dtype=np.int64),
        outcome=np.asarray(outcome, dtype=np.float64),
        tie=np.zeros(n, dtype=bool) if tie is None else np.asarray(tie, dtype=bool),
        prompt=np.full(n, -1) if prompt is None else np.asarray(prompt, dtype=np.int64),
        judge_first=np.zeros(n, dtype=np.int64)
        if judge_first is None
        else np.asarray(judge_first, dtype=np.int64),
        length=np.full(n, np.nan) if length is None else np.asarray(length, dtype=np.float64),
        weight=np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64),
        lost=lost,
        model=model,
        judge=judge,
        condition=condition,
        notes=tuple(notes),
    )
    _check(comparisons)
    return comparisons


def _check(comparisons: Comparisons) -> None:
    """Refuse arrays that do not describe comparisons."""
    n, k = len(comparisons.first), comparisons.n_traits
    arrays = ("second", "outcome", "tie", "prompt", "judge_first", "length", "weight")
    for name in arrays:
        if len(getattr(comparisons, name)) != n:
            raise InputError(
                f"{name} has {len(getattr(comparisons, name))} entries, expected {n} as in first"
            )
    for name in ("first", "second"):
        bad = np.flatnonzero((getattr(comparisons, name) < 0) | (getattr(comparisons, name) >= k))
        if bad.size:
            value = getattr(comparisons, name)[bad[0]]
            raise InputError(
                f"row {bad[0]}: {name} is {value}, expected an index from 0 to {k - 1}"
            )
    same = np.flatnonzero(comparisons.first == comparisons.second)
    if same.size:
        trait = comparisons.traits[comparisons.first[same[0]]]
        raise InputError(f"row {same[0]}: {trait!r} is compared with itself")
    bad = np.flatnonzero(~((comparisons.outcome >= 0) & (comparisons.outcome <= 1)))
    if bad.size:
        value = comparisons.outcome[bad[0]]
        raise InputError(f"row {bad[0]}: outcome is {value}, expected a number from 0 to 1")
    bad = np.flatnonzero(~((comparisons.weight > 0) & np.isfinite(comparisons.weight)))
    if bad.size:
        value = comparisons.weight[bad[0]]
        raise InputError(f"row {bad[0]}: weight is {value}, expected a positive number")
