"""How well scores tell replies apart, held out: one with the label against one without it.

The share of such pairs in which the one with the label scores higher (ties count half) is the area
under the ROC curve; chance is one half however rare the label is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.ratings.quantiles import t_quantile
from ethogram.validity.proportions import Estimate, cluster_sizes, wilson


@dataclass(frozen=True)
class Separation:
    """How well each of T labels is told, with what each row adds to it.

    Attributes
    ----------
    accuracy : float array, shape (T,)
        NaN for a label that no fold has both with and without.
    pulls : float array, shape (n, T)
        What each row adds to the error of `accuracy`: summed over all rows, 0.
    positives : int array, shape (T,)
        Rows with the label.
    positive_prompts : int array, shape (T,)
        Prompts with such rows.
    prompt : int array, shape (n,)
    prompts : int
        Prompts with any row that has a label.
    folds : int
    """

    accuracy: FloatArray
    pulls: FloatArray
    positives: IntArray
    positive_prompts: IntArray
    prompt: IntArray
    prompts: int
    folds: int

    @property
    def told(self) -> BoolArray:
        """Which labels have an accuracy."""
        known: BoolArray = ~np.isnan(self.accuracy)
        return known

    def of(self, label: int) -> Estimate:
        """Accuracy of one label, with an interval clustered by prompt."""
        n = int(self.positive_prompts[label])
        return _share(self.accuracy[label], self.pulls[:, label], self.prompt, n, self.folds)

    def mean(self) -> Estimate:
        """Mean accuracy of all labels, with an interval clustered by prompt."""
        if not self.told.any():
            return Estimate(float("nan"), 0.0, 1.0, 0)
        pulls = self.pulls[:, self.told].mean(axis=1)
        p = float(self.accuracy[self.told].mean())
        return _share(p, pulls, self.prompt, self.prompts, self.folds)

    def less(self, other: Separation, label: int | None = None) -> Estimate:
        """Difference to other scores of the same rows (of one label, or of the mean), by prompt."""
        both = self.told & other.told
        if label is not None:
            both = both & (np.arange(len(both)) == label)
        if not both.any():
            return Estimate(float("nan"), -1.0, 1.0, 0)
        difference = float((self.accuracy - other.accuracy)[both].mean())
        pulls = (self.pulls - other.pulls)[:, both].mean(axis=1)
        freedom = (self.prompts if label is None else int(self.positive_prompts[label])) - 1
        if freedom < 1:
            return Estimate(difference, -1.0, 1.0, freedom + 1)
        half = float(t_quantile(freedom)) * np.sqrt(_variance(pulls, self.prompt, self.folds))
        low, high = max(difference - half, -1.0), min(difference + half, 1.0)
        return Estimate(difference, low, high, freedom + 1)


def separate(
    scores: FloatArray, labels: BoolArray, known: BoolArray, fold: IntArray, prompt: IntArray
) -> Separation:
    """Compare rows with a label and rows without it, within each fold.

    Parameters
    ----------
    scores : float array, shape (n, T)
        Those of one fold are comparable: one scorer gave them, fitted on other folds.
    labels : bool array, shape (n, T)
    known : bool array, shape (n,)
        Which rows have labels at all.
    fold, prompt : int array, shape (n,)
    """
    n, width = labels.shape
    accuracy, pulls = np.full(width, np.nan), np.zeros((n, width))
    positive_prompts = np.zeros(width, dtype=np.int64)
    for label in range(width):
        blocks = _blocks(labels[:, label], known, fold)
        m = sum(len(with_it) for with_it, _ in blocks)
        if not m:
            continue
        hits = [_higher(scores[a, label], scores[b, label]) for a, b in blocks]
        accuracy[label] = sum(h.mean(axis=1).sum() for h in hits) / m
        for (a, b), h in zip(blocks, hits, strict=True):
            pulled = (h - accuracy[label]) / (m * len(b))
            pulls[a, label] += pulled.sum(axis=1)
            pulls[b, label] += pulled.sum(axis=0)
        positive_prompts[label] = len(np.unique(prompt[np.concatenate([a for a, _ in blocks])]))
    positives = (labels & known[:, None]).sum(axis=0)
    prompts = len(np.unique(prompt[known & labels.any(axis=1)]))
    folds = len(np.unique(fold[known]))
    return Separation(accuracy, pulls, positives, positive_prompts, prompt, prompts, folds)


def _blocks(label: BoolArray, known: BoolArray, fold: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Rows with and rows without a label, for each fold that has both."""
    sides = [
        (np.flatnonzero(known & label & (fold == f)), np.flatnonzero(known & ~label & (fold == f)))
        for f in np.unique(fold)
    ]
    return [(a, b) for a, b in sides if len(a) and len(b)]


def _higher(a: FloatArray, b: FloatArray) -> FloatArray:
    """1 where a row of `a` scores above one of `b`, one half where they are equal."""
    higher: FloatArray = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    return higher


def _variance(pulls: FloatArray, prompt: IntArray, folds: int) -> float:
    """Variance of a mean from what each row pulls it by, clustered by prompt.

    Scorers of k folds share most of what they were fitted on. Their results are taken to be
    correlated by 1 / k, the share that is held out, which multiplies the variance by 2 - 1 / k
    (Nadeau & Bengio 2003, Machine Learning 52). In simulations intervals of a difference held the
    truth in 89% without, and in 95% with it.
    """
    sizes, of = cluster_sizes(prompt, len(pulls))
    groups = len(sizes)
    sums = np.bincount(of, pulls)
    return float((2 - 1 / max(folds, 1)) * groups / max(groups - 1, 1) * (sums**2).sum())


def _share(p: float, pulls: FloatArray, prompt: IntArray, n: int, folds: int) -> Estimate:
    """Wilson's interval on as many observations as the clustered variance is worth, at most n."""
    if not n or np.isnan(p):
        return Estimate(float("nan"), 0.0, 1.0, 0)
    variance = _variance(pulls, prompt, folds)
    worth = min(float(n), p * (1 - p) / variance) if variance > 0 else float(n)
    low, high = wilson(p * worth, worth, z=t_quantile(max(n - 1, 1)))
    return Estimate(float(p), min(float(p), float(low)), max(float(p), float(high)), n)
