"""Curvatures of many traits, solved: conjugate gradients, and one inverse made in place.

With some thousand traits a curvature is sparse (a trait has met few of the others), and traits by
traits a matrix of hundreds of megabytes. Knows nothing of any rating model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array

from ethogram.ratings.comparisons import FloatArray

_BLOCK = 512  # rows mirrored at once


def conjugate_gradients(
    multiply: Callable[[FloatArray], FloatArray],
    wanted: FloatArray,
    diagonal: FloatArray,
    *,
    tol: float = 1e-12,
    max_iter: int = 2000,
) -> FloatArray:
    """Solve A x = b for every column of b at once, A symmetric and positive.

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
    goal = tol * np.sqrt(np.einsum("pb,pb->b", wanted, wanted))
    for _ in range(max_iter):
        left = np.sqrt(np.einsum("pb,pb->b", residual, residual))
        if (left <= goal).all():
            break
        along = multiply(direction)
        bend = np.einsum("pb,pb->b", direction, along)
        going = (bend > 0) & (left > goal)
        length = np.where(going, fit / np.where(going, bend, 1), 0)
        x += length * direction
        residual -= length * along
        z = residual / diagonal
        now = np.einsum("pb,pb->b", residual, z)
        direction *= np.where(fit > 0, now / np.where(fit > 0, fit, 1), 0)
        direction += z
        fit = now
    return x


def solve_sparse(
    matrix: csr_array | FloatArray, wanted: FloatArray, *, tol: float = 1e-12
) -> FloatArray:
    """Solve a system, sparse as a rule, for `wanted` of shape (P,) or (P, b)."""
    columns = wanted.reshape(len(wanted), -1)
    diagonal = np.maximum(matrix.diagonal(), 1e-300)[:, None]
    solved = conjugate_gradients(lambda v: np.asarray(matrix @ v), columns, diagonal, tol=tol)
    return solved.reshape(wanted.shape)


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
