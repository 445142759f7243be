"""One reply judged in both orders: the average of what its judge said."""

from __future__ import annotations

import numpy as np

from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray


def merge_orders(
    reply: FloatArray | IntArray,
    outcome: FloatArray,
    judge_first: IntArray,
    tie: BoolArray,
    weight: FloatArray | None = None,
) -> tuple[IntArray, FloatArray, IntArray, BoolArray]:
    """Average a probability over the orders that a reply was judged in: one row per reply.

    A tie in one order only is half a win there, and no tie of the whole.

    Parameters
    ----------
    reply : array, shape (n,)
        Which reply a row is about.
    outcome, judge_first, tie : arrays, shape (n,)
        As in `Comparisons`.
    weight : float array, shape (n,), optional
        Of each row in its reply's mean; else all count alike.

    Returns
    -------
    keep : int array, shape (m,)
        The first row of each reply, in the order of the rows.
    outcome, judge_first, tie : arrays, shape (m,)
    """
    _, keep, group, count = np.unique(
        reply, return_index=True, return_inverse=True, return_counts=True
    )
    share = np.ones(len(group)) if weight is None else weight
    mean = np.bincount(group, share * outcome) / np.bincount(group, share)
    tied = np.bincount(group, tie) == count
    order = np.argsort(keep)
    keep, mean, count, tied = keep[order], mean[order], count[order], tied[order]
    return keep, mean, np.where(count == 1, judge_first[keep], 0), tied
