"""Comparisons: the one table that ratings are made from.

Pure numpy. Knows nothing of stores, services or files; `ethogram.store.read` and
`ethogram.ratings.comparison_files` make these from what they read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings import arrays
from ethogram.ratings.arrays import BoolArray, FloatArray, IntArray, check_number

__all__ = ["BoolArray", "Comparisons", "FloatArray", "IntArray", "compare"]

_EVEN = 1e-9  # p and 1 - p do not always sum to 1


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
    source_notes : tuple of str
        The same of the whole file, for all its models: said once (`Rated.notes`), in no caveats.
    model, judge, condition : str
        Labels carried into the profile.
    adaptive : bool
        Pairs were chosen from the answers before them: `rate` takes that into account.
    wording : int array, shape (n,)
        Which paraphrase of the instruction was used: `rate` takes how far these differ into its
        intervals. Empty where there was one.
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
    source_notes: tuple[str, ...] = ()
    adaptive: bool = False
    wording: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.first)

    @property
    def n_traits(self) -> int:
        """How many traits there are, compared or not."""
        return len(self.traits)

    @property
    def undecided(self) -> bool:
        """Whether every verdict is a tie or one half, so that nothing tells traits apart."""
        even = self.tie | (np.abs(self.outcome - 0.5) < _EVEN)
        return bool(len(self) and even.all())

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
            wording=self.wording[rows] if len(self.wording) else self.wording,
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
    adaptive: bool = False,
    wording: Sequence[int] | IntArray | None = None,
) -> Comparisons:
    """Build `Comparisons` from plain sequences, filling in what is unknown.

    Parameters are as the attributes of `Comparisons`; prompts may also be texts.

    Raises
    ------
    InputError
        A name with a character that no name can have, a trait that is given twice (also in other
        forms of Unicode) or is called "tie", a collection without an order (a set), arrays of
        different lengths, an index that is not a whole number from 0 or outside the traits, a trait
        against itself, an outcome outside 0 to 1, a position other than 1, -1 and 0, or a weight
        that is not a positive number.
    """
    names = arrays.trait_names(traits)
    arrays.check_labels(model=model, judge=judge, condition=condition)
    first = arrays.in_order(first, "first")
    n = len(first)
    check_number(lost, "lost", least=0, whole=True)
    tied = np.zeros(n, dtype=bool) if tie is None else arrays.flags(tie, "tie")
    comparisons = Comparisons(
        traits=names,
        first=arrays.indices(first, "first", len(names)),
        second=arrays.indices(second, "second", len(names)),
        outcome=arrays.shares(outcome, "outcome"),
        tie=tied,
        prompt=np.full(n, -1) if prompt is None else arrays.labels(prompt, "prompt"),
        judge_first=np.zeros(n, dtype=np.int64)
        if judge_first is None
        else arrays.signs(judge_first, "judge_first"),
        length=np.full(n, np.nan) if length is None else arrays.sizes(length, "length"),
        weight=np.ones(n) if weight is None else arrays.weights(weight, "weight"),
        lost=int(lost),
        model=model,
        judge=judge,
        condition=condition,
        notes=(notes,) if isinstance(notes, str) else tuple(notes),
        adaptive=adaptive,
        wording=np.zeros(0, dtype=np.int64)
        if wording is None
        else arrays.labels(wording, "wording"),
    )
    _check(comparisons)
    return replace(comparisons, outcome=np.where(tied, 0.5, comparisons.outcome))


def _check(comparisons: Comparisons) -> None:
    """Refuse arrays that do not describe comparisons."""
    n = len(comparisons.first)
    for name in ("second", "outcome", "tie", "prompt", "judge_first", "length", "weight"):
        if len(getattr(comparisons, name)) != n:
            raise InputError(
                f"{name} has {len(getattr(comparisons, name))} entries, expected {n} as in first"
            )
    if len(comparisons.wording) not in (0, n):
        raise InputError(f"wording has {len(comparisons.wording)} entries, expected {n}, or none")
    same = np.flatnonzero(comparisons.first == comparisons.second)
    if same.size:
        trait = comparisons.traits[comparisons.first[same[0]]]
        raise InputError(f"row {same[0]}: {trait!r} is compared with itself")
