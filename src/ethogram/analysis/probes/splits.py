"""Splits that keep a prompt whole: no reply is scored by what was fitted on its prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, IntArray

FOLDS = 5


@dataclass(frozen=True)
class Labelled:
    """Rows with labels, and the folds in which they are held out.

    Attributes
    ----------
    labels : bool array, shape (n, T)
    known : bool array, shape (n,)
        False for rows that are scored and never fitted.
    prompt, fold : int array, shape (n,)
    pair : int array, shape (n,)
        Rows of a pair that is in a fold are not fitted for that fold either; −1: alone.
    """

    labels: BoolArray
    known: BoolArray
    prompt: IntArray
    fold: IntArray
    pair: IntArray

    def __post_init__(self) -> None:
        if len({*zip(self.prompt.tolist(), self.fold.tolist(), strict=True)}) > len(
            np.unique(self.prompt)
        ):
            raise InputError("a prompt is in more than one fold: expected each prompt in one")

    @property
    def folds(self) -> list[int]:
        """The folds that have rows."""
        return [int(f) for f in np.unique(self.fold)]

    def fitted(self, *out: int) -> BoolArray:
        """Which rows may be fitted where these folds are held out."""
        held = np.isin(self.fold, out)
        pairs = np.unique(self.pair[held & (self.pair >= 0)])
        rows: BoolArray = self.known & ~held & ~np.isin(self.pair, pairs)
        return rows


def label_rows(
    labels: BoolArray,
    prompt: IntArray,
    *,
    known: BoolArray | None = None,
    pair: IntArray | None = None,
    seed: int = 0,
    folds: int = FOLDS,
) -> Labelled:
    """Assign prompts to folds by lot and keep the labels beside them.

    Parameters
    ----------
    labels : bool array, shape (n, T)
    prompt : int array, shape (n,)
    known, pair : as in `Labelled`; by default all, and none
    seed : int
    folds : int

    Raises
    ------
    InputError
        Fewer than three prompts: there is nothing to hold out and to choose a layer on.
    """
    prompts, of = np.unique(prompt, return_inverse=True)
    if len(prompts) < 3:
        raise InputError(f"{len(prompts)} prompts have replies to probe, expected at least 3")
    folds = min(folds, len(prompts))
    lot = np.random.default_rng([seed, 0x9B]).permutation(len(prompts)) % folds
    n = len(prompt)
    return Labelled(
        labels=labels,
        known=np.ones(n, dtype=bool) if known is None else known,
        prompt=prompt,
        fold=lot[of],
        pair=np.full(n, -1) if pair is None else pair,
    )


def shuffled(rows: Labelled, *, seed: int) -> Labelled:
    """Deal the labels of the known rows out anew: what is told of these is chance."""
    order = np.arange(len(rows.known))
    known = np.flatnonzero(rows.known)
    order[known] = np.random.default_rng([seed, 0x5F]).permutation(known)
    return Labelled(rows.labels[order], rows.known, rows.prompt, rows.fold, rows.pair)
