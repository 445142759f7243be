"""Curvatures of many traits, solved: conjugate gradients, and one inverse made in place.

With some thousand traits a curvature is sparse (a trait has met few of the others), and traits by
traits a matrix of hundreds of megabytes. Knows nothing of any rating model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array

from ethogram.errors import NotConverged
from ethogram.ratings.budget import inverse_fits
from ethogram.ratings.comparisons import BoolArray, FloatArray

MOST_STEPS = 2000
"""Of conjugate gradients: several times what well-posed ratings of thousands of traits take."""

_BLOCK = 512  # rows mirrored at once


class Solution(NamedTuple):
    """What conjugate gradients reached: x of shape (P, b), and (b,) whether to the tolerance."""

    x: FloatArray
    converged: BoolArray


def conjugate_gradients(
    multiply: Callable[[FloatArray], FloatArray],
    wanted: FloatArray,
    diagonal: FloatArray,
    *,
    tol: float = 1e-12,
    max_iter: int = MOST_STEPS,
) -> Solution:
    """Solve A x = b for every column of b at once, A symmetric and positive.

    A column stops, not converged, at `max_iter` steps or where A is not positive along its step.

    Parameters
    ----------
    multiply : callable
        A times a table of columns; A may differ from column to column.
    wanted, diagonal : float array, shape (P, b)
        b, and A's diagonal (the preconditioner).
    tol : float
        Largest residual left over, relative to b.

    References
    ----------
    Hestenes & Stiefel (1952), Journal of Research of the NBS 49(6).
    """
    x = np.zeros_like(wanted)
    residual = wanted.copy()
    z = residual / diagonal
    direction = z.copy()
    fit = np.einsum("pb,pb->b", residual, z)
    left = np.sqrt(np.einsum("pb,pb->b", wanted, wanted))
    goal = tol * left
    going = left > goal
    for _ in range(max_iter):
        if not going.any():
            break
        along = multiply(direction)
        bend = np.einsum("pb,pb->b", direction, along)
        going &= bend > 0
        length = np.where(going, fit / np.where(going, bend, 1), 0)
        x += length * direction
        residual -= length * along
        z = residual / diagonal
        now = np.einsum("pb,pb->b", residual, z)
        direction *= np.where(fit > 0, now / np.where(fit > 0, fit, 1), 0)
        direction += z
        fit = now
        left = np.sqrt(np.einsum("pb,pb->b", residual, residual))
        going &= left > goal
    return Solution(x, left <= goal)


def solve_sparse(
    matrix: csr_array | FloatArray, wanted: FloatArray, *, tol: float = 1e-12
) -> FloatArray:
    """Solve a system, sparse as a rule, for `wanted` of shape (P,) or (P, b).

    By conjugate gradients; by a factorisation where these do not get there and it fits the memory.

    Raises
    ------
    NotConverged
        Neither does.
    """
    columns = wanted.reshape(len(wanted), -1)
    diagonal = np.maximum(matrix.diagonal(), 1e-300)[:, None]
    solved = conjugate_gradients(lambda v: np.asarray(matrix @ v), columns, diagonal, tol=tol)
    x = solved.x if solved.converged.all() else _factorise(matrix, columns)
    return x.reshape(wanted.shape)


def _factorise(matrix: csr_array | FloatArray, columns: FloatArray) -> FloatArray:
    """Solve by Cholesky, in one matrix of P by P."""
    n = len(columns)
    if not inverse_fits(n):
        raise NotConverged(
            f"a system of {n:,} parameters was not solved in {MOST_STEPS:,} steps, and a "
            "factorisation does not fit in memory; rate fewer traits, or with a larger ridge"
        )
    dense = matrix.toarray() if isinstance(matrix, csr_array) else matrix.copy()
    try:
        factor = cho_factor(dense, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        raise NotConverged(
            f"a system of {n:,} parameters is not positive definite as far as numbers of 16 "
            "digits tell; rate with a larger ridge"
        ) from error
    return np.asarray(cho_solve(factor, columns, check_finite=False))


def invert_in_place(matrix: FloatArray) -> FloatArray:
    """Inverse of a symmetric positive matrix (C order), which is overwritten: no second one."""
    factor, wrong = dpotrf(matrix.T, lower=True, overwrite_a=True, clean=False)
    if not wrong:
        factor, wrong = dpotri(factor, lower=True, overwrite_c=True)
    if wrong:
        raise np.linalg.LinAlgError(f"not positive definite (row {abs(wrong)})")
    n = len(factor)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        corner = np.tril(factor[start:stop, start:stop])
        factor[start:stop, start:stop] = corner + np.tril(corner, -1).T
        factor[start:stop, stop:] = factor[stop:, start:stop].T
    return np.asarray(factor.T)
