"""Comparisons counted by pair: what the ratings are fitted to.

Comparisons of the same pair under the same covariates are interchangeable, so they are counted
first, and the cost of a fit no longer grows with their number. Knows nothing of any rating model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components

from ethogram.errors import DisconnectedError
from ethogram.ratings.budget import DENSE
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray

_WIDE = 8  # covariates, above which they are multiplied as a sparse matrix where they are one
_SPARSE = 16  # squared items, for each row, from which their curvature is kept sparse
_DENSE = 4  # possible kinds of comparison, for each row, up to which a table of them is kept


@dataclass(frozen=True)
class PairCounts:
    """Comparisons counted by pair and covariates; one row per kind of comparison.

    Attributes
    ----------
    first, second : int array, shape (m,)
    count : float array, shape (m,)
        How many comparisons (or their weight).
    wins : float array, shape (m,)
        How many of them `first` won: a tie is half a win, a soft verdict its probability.
    ties : float array, shape (m,)
        How many of them were ties.
    covariates : float array, shape (m, c)
    n_items : int
    """

    first: IntArray
    second: IntArray
    count: FloatArray
    wins: FloatArray
    ties: FloatArray
    covariates: FloatArray
    n_items: int

    def differences(self, strengths: FloatArray, effects: FloatArray) -> FloatArray:
        """Log odds of each row, shape (m,)."""
        gap = strengths[self.first] - strengths[self.second]
        return gap + self.covariates @ effects if effects.size else gap

    def sum_by_parameter(self, values: FloatArray) -> FloatArray:
        """Sum row values into the parameters, with the sign each enters with: X' values."""
        k = self.n_items
        by_item = tally(self.first, values, k) - tally(self.second, values, k)
        return np.concatenate([by_item, values @ self.covariates])

    def information(self, weights: FloatArray) -> FloatArray:
        """X' diag(weights) X: the curvature of the likelihood, shape (K + c, K + c)."""
        k = self.n_items
        off = tally(self.first * k + self.second, weights, k * k).reshape(k, k)
        items = -(off + off.T)
        items[np.diag_indices(k)] -= items.sum(axis=1)
        if not self.covariates.shape[1]:
            return items
        if (sparse := self._sparse_covariates) is not None:
            scaled = sparse.copy()
            scaled.data *= np.repeat(weights, np.diff(sparse.indptr))
            across = (incidence(self).T @ scaled).toarray()
            return np.block([[items, across], [across.T, (sparse.T @ scaled).toarray()]])
        weighted = weights[:, None] * self.covariates
        across = incidence(self).T @ weighted
        return np.block([[items, across], [across.T, self.covariates.T @ weighted]])

    def sparse_information(self, weights: FloatArray) -> csr_array:
        """As `information`, sparse: a number for each pair that met, shape (K + c, K + c)."""
        k, c = self.n_items, self.covariates.shape[1]
        ends = np.concatenate([self.first, self.second])
        met = (np.tile(weights, 2), (ends, np.concatenate([self.second, self.first])))
        off = csr_array(met, shape=(k, k))
        items = diags_array(np.asarray(off.sum(axis=1))) - off
        if not c:
            return csr_array(items)
        scaled = csr_array(self.covariates * weights[:, None])
        across = incidence(self).T @ scaled
        inside = csr_array(self.covariates).T @ scaled
        return csr_array(block_array([[items, across], [across.T, inside]], format="csr"))

    @property
    def many_items(self) -> bool:
        """Whether there are so many items, and few of the pairs met, that sparse is better."""
        size = self.n_items + self.covariates.shape[1]
        return bool(size > DENSE and _SPARSE * len(self.first) < size**2)

    @cached_property
    def _sparse_covariates(self) -> csr_array | None:
        """The covariates where there are many and a row has few: one column per item, say."""
        n_columns = self.covariates.shape[1]
        if n_columns <= _WIDE or 4 * np.count_nonzero(self.covariates) > self.covariates.size:
            return None
        return csr_array(self.covariates)


def count_pairs(
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    n_items: int,
    *,
    tie: Sequence[bool] | BoolArray | None = None,
    covariates: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> PairCounts:
    """Count comparisons by ordered pair and covariates.

    Parameters
    ----------
    first, second : int array, shape (n,)
        Item indices.
    outcome : float array, shape (n,)
        1 where `first` won, 0 where `second` did, between for a soft verdict.
    n_items : int
    tie : bool array, shape (n,), optional
        Ties; their outcome is read as one half.
    covariates : float array, shape (n, c), optional
        What moves the log odds that `first` wins, besides the two strengths.
    weights : float array, shape (n,), optional

    Returns
    -------
    PairCounts
    """
    rows = pair_rows(
        first, second, outcome, n_items, tie=tie, covariates=covariates, weights=weights
    )
    return merge(rows)


def pair_rows(
    first: Sequence[int] | IntArray,
    second: Sequence[int] | IntArray,
    outcome: Sequence[float] | FloatArray,
    n_items: int,
    *,
    tie: Sequence[bool] | BoolArray | None = None,
    covariates: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> PairCounts:
    """Like `count_pairs`, but one row per comparison, in the order given."""
    n = len(first)
    tied = np.zeros(n) if tie is None else np.asarray(tie, dtype=np.float64)
    count = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    won = np.where(tied > 0, 0.5, np.asarray(outcome, dtype=np.float64))
    return PairCounts(
        first=np.asarray(first, dtype=np.int64),
        second=np.asarray(second, dtype=np.int64),
        count=count,
        wins=count * won,
        ties=count * tied,
        covariates=np.zeros((n, 0)) if covariates is None else np.asarray(covariates, dtype=float),
        n_items=n_items,
    )


def tally(code: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Sum the values of each code from 0 to n - 1."""
    return np.bincount(code, values, n).astype(np.float64, copy=False)


def merge(rows: PairCounts) -> PairCounts:
    """Count rows of the same pair and covariates together."""
    kind, n_kinds, example = kinds(rows)
    return replace(
        take(rows, example),
        count=tally(kind, rows.count, n_kinds),
        wins=tally(kind, rows.wins, n_kinds),
        ties=tally(kind, rows.ties, n_kinds),
    )


def take(rows: PairCounts, chosen: IntArray) -> PairCounts:
    """Keep the rows of these numbers, in the order given."""
    return PairCounts(
        first=rows.first[chosen],
        second=rows.second[chosen],
        count=rows.count[chosen],
        wins=rows.wins[chosen],
        ties=rows.ties[chosen],
        covariates=rows.covariates[chosen],
        n_items=rows.n_items,
    )


def kinds(rows: PairCounts) -> tuple[IntArray, int, IntArray]:
    """For each row its kind (pair and covariates), how many kinds, and a row of each."""
    key = rows.first * rows.n_items + rows.second
    width = rows.n_items**2
    for column in rows.covariates.T:
        values = _levels(column)
        if len(values) > 1:
            key = key * len(values) + np.searchsorted(values, column)
            width *= len(values)
        if width > _DENSE * len(key):
            key = np.unique(key, return_inverse=True)[1]
            width = len(key)
    if width > max(_DENSE * len(key), 1_000_000):
        _, example, kind = np.unique(key, return_index=True, return_inverse=True)
        return kind, len(example), example
    # Few possible keys: a table of them is much faster than sorting the rows.
    found = np.flatnonzero(np.bincount(key, minlength=width))
    place = np.zeros(width, dtype=np.int64)
    place[found] = np.arange(len(found))
    kind = place[key]
    example = np.zeros(len(found), dtype=np.int64)
    example[kind] = np.arange(len(kind))
    return kind, len(found), example


def _levels(column: FloatArray) -> FloatArray:
    """The different values of a covariate, sorted; most often 1 and -1, so look for few first."""
    few = np.unique(column[:1000])
    rest = np.searchsorted(few, column).clip(max=len(few) - 1)
    return few if len(few) < 10 and np.array_equal(few[rest], column) else np.unique(column)


def incidence(pairs: PairCounts) -> csr_array:
    """+1 for the first item of each row, -1 for the second, shape (m, K)."""
    m = len(pairs.first)
    columns = np.stack([pairs.first, pairs.second], axis=1).ravel()
    signs = np.tile([1.0, -1.0], m)
    return csr_array((signs, columns, np.arange(0, 2 * m + 1, 2)), shape=(m, pairs.n_items))


def check_connected(pairs: PairCounts, names: Sequence[str] | None = None) -> None:
    """Raise `DisconnectedError` unless a chain of comparisons links every item to every other."""
    seen = pairs.count > 0
    k = pairs.n_items
    if k == 0 or not seen.any():
        raise DisconnectedError(
            "there are no comparisons to rate, expected at least one verdict; run more trials"
        )
    ends = (pairs.first[seen], pairs.second[seen])
    n_parts, part = connected_components(coo_array((np.ones(len(ends[0])), ends), shape=(k, k)))
    if n_parts == 1:
        return
    apart = np.flatnonzero(part != np.bincount(part).argmax())
    shown = ", ".join(str(names[i]) if names else f"item {i}" for i in apart[:5])
    more = f" and {len(apart) - 5} more" if len(apart) > 5 else ""
    raise DisconnectedError(
        f"the comparisons fall into {n_parts} groups with none between them: {shown}{more} never "
        f"meet the others, so there is no common scale; run the missing trials or leave them out"
    )
