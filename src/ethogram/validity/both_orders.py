"""Verdicts in both orders of the same reply as one verdict, as the ratings take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ethogram.ratings.comparisons import FloatArray
from ethogram.store.read import Verdicts


def has_probabilities(rows: Verdicts) -> bool:
    """Whether any verdict came with a probability: only such are averaged."""
    return bool((~np.isnan(rows.p_first)).any())


def merge_verdicts(rows: Verdicts) -> Verdicts:
    """Make one verdict of both orders of a trial's reply.

    It is the mean of the probabilities; a word counts as 0 or 1, and a tie as one half. Where one
    order is lost, the other stands alone. A mean of one half is a tie; where both are lost there
    is no verdict.
    """
    p = np.where(np.isnan(rows.p_first), _as_probability(rows), rows.p_first)
    trials, keep, group = np.unique(rows.trial, return_index=True, return_inverse=True)
    known = ~np.isnan(p)
    count = np.bincount(group, known, minlength=len(trials))
    total = np.bincount(group, np.where(known, p, 0.0), minlength=len(trials))
    mean = np.divide(total, count, out=np.full(len(trials), np.nan), where=count > 0)
    is_even = np.isclose(mean, 0.5, rtol=0, atol=1e-12)  # p and 1 - p do not always sum to 1
    code = np.where(is_even | np.isnan(mean), -1, mean > 0.5).astype(np.int64)
    return replace(rows.take(keep), code=code, p_first=mean, tied=is_even)


def _as_probability(rows: Verdicts) -> FloatArray:
    """Return words as probabilities; NaN where there is no verdict."""
    p: FloatArray = np.where(rows.code < 0, np.where(rows.tied, 0.5, np.nan), rows.code)
    return p
