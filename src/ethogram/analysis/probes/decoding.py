"""Held-out scores of every layer, and of the layer that an inner split chooses.

One pass over the layers: only one layer's rows are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ethogram.analysis.probes.directions import Fit, fit_logistic
from ethogram.analysis.probes.separation import Separation, separate
from ethogram.analysis.probes.splits import Labelled
from ethogram.ratings.comparisons import BoolArray, FloatArray
from ethogram.validity.proportions import Estimate


class Site(NamedTuple):
    """Where activations are read: after which block (0: the embeddings), over which tokens."""

    layer: int
    over: str

    def __str__(self) -> str:
        return f"layer {self.layer}, {self.over}"


ReadRows = Callable[[Site], FloatArray]
"""Gives the activations of all rows at a site, shape (n, d)."""


@dataclass(frozen=True)
class Decoded:
    """What one kind of probe tells, held out.

    Attributes
    ----------
    scores : float array, shape (n, T)
        Of each row by the scorer that was fitted without its prompt, at the chosen site.
    separation : Separation
        Of those scores.
    chosen : dict of int to Site
        The site that the inner split chose, by fold.
    by_site : dict of Site to Estimate
        Mean accuracy at each site, without a choice.
    best : Site
        Where the inner accuracy is highest over all folds.
    """

    scores: FloatArray
    separation: Separation
    chosen: dict[int, Site]
    by_site: dict[Site, Estimate]
    best: Site


def decode(
    read: ReadRows, sites: Sequence[Site], rows: Labelled, *, fit: Fit = fit_logistic
) -> Decoded:
    """Score every row by probes that never saw its prompt; choose the site inside the training.

    Parameters
    ----------
    read : function of a site
    sites : sequence of Site
        Candidates.
    rows : Labelled
    fit : function
        Of rows and labels to a `Scorer`.
    """
    held, inner = zip(*(_cross_fit(read(site), rows, fit) for site in sites), strict=True)
    accuracy = np.array(inner)  # (sites, folds)
    picks = np.argmax(np.nan_to_num(accuracy, nan=-1.0), axis=0)
    scores = np.zeros_like(held[0])
    for fold, pick in zip(rows.folds, picks, strict=True):
        of_fold = rows.fold == fold
        scores[of_fold] = held[pick][of_fold]
    return Decoded(
        scores=scores,
        separation=separate_rows(scores, rows),
        chosen={f: sites[pick] for f, pick in zip(rows.folds, picks, strict=True)},
        by_site={s: separate_rows(h, rows).mean() for s, h in zip(sites, held, strict=True)},
        best=sites[int(np.argmax(np.nan_to_num(accuracy, nan=-1.0).mean(axis=1)))],
    )


def score_held_out(features: FloatArray, rows: Labelled, *, fit: Fit = fit_logistic) -> FloatArray:
    """Score every row by what was fitted without its prompt; shape (n, T). No choice of a site."""
    scores = np.zeros(rows.labels.shape)
    for fold in rows.folds:
        scores[rows.fold == fold] = _score(features, rows, fit, (fold,), rows.fold == fold)
    return scores


def separate_rows(scores: FloatArray, rows: Labelled) -> Separation:
    """Compare the held-out scores of labelled rows."""
    return separate(scores, rows.labels, rows.known, rows.fold, rows.prompt)


def _cross_fit(features: FloatArray, rows: Labelled, fit: Fit) -> tuple[FloatArray, FloatArray]:
    """Held-out scores at one site, and the inner accuracy for each fold that is held out.

    For fold i the inner split holds out each other fold j in turn. What is fitted without i and j
    serves both, so that k folds need k (k - 1) / 2 fits.
    """
    features = np.asarray(features, dtype=np.float64)
    found: dict[int, list[float]] = {fold: [] for fold in rows.folds}
    for one, other in combinations(rows.folds, 2):
        in_either = np.isin(rows.fold, (one, other))
        scores = np.zeros(rows.labels.shape)
        scores[in_either] = _score(features, rows, fit, (one, other), in_either)
        found[one].append(_accuracy_in(other, scores, rows))
        found[other].append(_accuracy_in(one, scores, rows))
    return score_held_out(features, rows, fit=fit), np.array([_mean(v) for v in found.values()])


def _score(
    features: FloatArray, rows: Labelled, fit: Fit, out: Iterable[int], wanted: BoolArray
) -> FloatArray:
    fitted = rows.fitted(*out)
    if not fitted.any():
        return np.zeros((int(wanted.sum()), rows.labels.shape[1]))
    return fit(features[fitted], rows.labels[fitted]).score(features[wanted])


def _accuracy_in(fold: int, scores: FloatArray, rows: Labelled) -> float:
    known = rows.known & (rows.fold == fold)
    accuracy = separate(scores, rows.labels, known, rows.fold, rows.prompt).accuracy
    return _mean(accuracy[~np.isnan(accuracy)].tolist())


def _mean(values: Sequence[float]) -> float:
    kept = [v for v in values if not np.isnan(v)]
    return float(np.mean(kept)) if kept else float("nan")
