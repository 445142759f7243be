"""Curvatures of `ratings.pairs` against the plain matrix product."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.ratings.covariance import design_matrix
from ethogram.ratings.pairs import pair_rows


def rows(kind, n=400, k=12, seed=3):
    """Return comparisons with no, few, many dense, or one covariate per item."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    if kind == "per item":
        columns = np.zeros((n, k))
        columns[np.arange(n), first] = rng.normal(size=n)
        columns[np.arange(n), second] = rng.normal(size=n)
    else:
        columns = rng.normal(size=(n, {"none": 0, "few": 2, "many": 20}[kind]))
    return pair_rows(first, second, rng.integers(0, 2, n), k, covariates=columns), rng.random(n)


@pytest.mark.parametrize("kind", ["none", "few", "many", "per item"])
def test_the_information_is_x_w_x(kind):
    """X' diag(weights) X, whichever way the covariates are multiplied."""
    pairs, weights = rows(kind)
    assert (pairs._sparse_covariates is not None) == (kind == "per item")
    x = design_matrix(pairs).toarray()
    assert np.allclose(pairs.information(weights), x.T @ (weights[:, None] * x), atol=1e-12)
