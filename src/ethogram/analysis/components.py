"""Principal components of profiles: models as rows, centred trait by trait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.analysis.cohort import Cohort, draw_strengths, measured_interval
from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray, IntArray

MINIMUM_MODELS = 3


@dataclass(frozen=True)
class Components:
    """Principal components of M models on K traits; C = min(M - 1, K) of them.

    Attributes
    ----------
    models : tuple of str, length M
    traits : tuple of str, length K
    standardised : bool
        Each profile was divided by its own standard deviation over traits first.
    explained, explained_low, explained_high : float array, shape (C,)
        Share of the variance; 95% interval of the measurement.
    null_explained : float array, shape (C,)
        95th percentile of that share when models are permuted within each trait.
    above_null : int
        Leading components whose share exceeds `null_explained`.
    positions : float array, shape (M, C)
        Scores of the models.
    position_covariance : float array, shape (M, 2, 2)
        Measurement covariance of the first two scores (1 x 1 if there is one component),
        from bootstrap draws rotated onto `positions` (orthogonal Procrustes).
    loadings : float array, shape (C, K)
        Unit vectors; the largest entry of each is positive.
    n_draws : int
    """

    models: tuple[str, ...]
    traits: tuple[str, ...]
    standardised: bool
    explained: FloatArray
    explained_low: FloatArray
    explained_high: FloatArray
    null_explained: FloatArray
    above_null: int
    positions: FloatArray
    position_covariance: FloatArray
    loadings: FloatArray
    n_draws: int

    def strongest(self, component: int, count: int = 10) -> IntArray:
        """Return the traits with the largest absolute loading (indices), largest first."""
        return np.argsort(-np.abs(self.loadings[component]), kind="stable")[:count]

    def poles(self, component: int, count: int = 2) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Name a component's two ends by the traits that load most on it.

        Returns
        -------
        low, high : tuple of str
            Traits with the largest negative and the largest positive loadings, the largest
            first; fewer than `count`, or none, where that side has no more.
        """
        loading = self.loadings[component]
        ends = [
            [i for i in np.argsort(side * loading, kind="stable")[:count] if side * loading[i] < 0]
            for side in (1, -1)
        ]
        low, high = (tuple(self.traits[i] for i in end) for end in ends)
        return low, high


def find_components(
    cohort: Cohort, *, standardised: bool = True, n_draws: int = 1000, seed: int = 0
) -> Components:
    """Find the principal components of a cohort, their spread and how many exceed chance.

    Raises
    ------
    InputError
        Fewer than three models: two models differ along one line only.

    References
    ----------
    Horn (1965), Psychometrika 30(2), with permuted instead of normal data.
    """
    if len(cohort.models) < MINIMUM_MODELS:
        raise InputError(
            f"principal components of {len(cohort.models)} models, expected at least "
            f"{MINIMUM_MODELS}; two models are compared by their shift"
        )
    rng = np.random.default_rng(seed)
    rows = center(cohort.strengths, standardised=standardised)
    left, singular, loadings = _decompose(rows)
    positions = left * singular
    explained = share(singular**2)
    drawn = center(draw_strengths(cohort, n_draws, rng), standardised=standardised)
    drawn_positions, drawn_variance = principal_positions(drawn, len(singular))
    low, high = measured_interval(explained, share(drawn_variance))
    null = _permuted_shares(rows, len(singular), n_draws, rng)
    above = explained > null
    return Components(
        models=cohort.models,
        traits=cohort.traits,
        standardised=standardised,
        explained=explained,
        explained_low=np.clip(low, 0, 1),
        explained_high=np.clip(high, 0, 1),
        null_explained=null,
        above_null=int(above.argmin()) if not above.all() else len(above),
        positions=positions,
        position_covariance=_covariance(rotate_onto(drawn_positions, positions)[:, :, :2]),
        loadings=loadings,
        n_draws=n_draws,
    )


def center(strengths: FloatArray, *, standardised: bool) -> FloatArray:
    """Standardise each profile (last axis) if wanted, then centre each trait over models."""
    rows = strengths
    if standardised:
        rows = rows - rows.mean(axis=-1, keepdims=True)
        spread = rows.std(axis=-1, keepdims=True)
        rows = np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 0)
    return np.asarray(rows - rows.mean(axis=-2, keepdims=True))


def principal_positions(rows: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Scores (n, M, count) and their squared norms (n, count) of many centred tables.

    From the M x M products of rows: M models are far fewer than K traits.
    """
    values, vectors = np.linalg.eigh(rows @ np.swapaxes(rows, -1, -2))
    values = np.clip(values[..., ::-1][..., :count], 0, None)
    return vectors[..., ::-1][..., :count] * np.sqrt(values)[..., None, :], values


def explained_shares(strengths: FloatArray) -> FloatArray:
    """Share of variance of each component of one or many tables (..., M, K), standardised."""
    rows = center(strengths, standardised=True)
    return share(principal_positions(rows, rows.shape[-2])[1])


def rotate_onto(tables: FloatArray, target: FloatArray) -> FloatArray:
    """Rotate and reflect each table (n, M, C) to lie closest to the target (M, C).

    References
    ----------
    Schonemann (1966), Psychometrika 31(1).
    """
    left, _, right = np.linalg.svd(np.swapaxes(tables, -1, -2) @ target)
    return np.asarray(tables @ (left @ right))


def share(variance: FloatArray) -> FloatArray:
    """Shares of the total along the last axis; 0 where there is no variance."""
    total = variance.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(variance, total, out=np.zeros_like(variance), where=total > 0))


def _decompose(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Singular value decomposition with a fixed sign; the last, empty component is dropped."""
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    count = min(len(rows) - 1, rows.shape[1])
    left, singular, right = left[:, :count], singular[:count], right[:count]
    peak = np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1)[:, 0]
    sign = np.where(peak < 0, -1.0, 1.0)
    return left * sign, singular, right * sign[:, None]


def _permuted_shares(
    rows: FloatArray, count: int, n_draws: int, rng: np.random.Generator
) -> FloatArray:
    """95th percentile of explained shares when each trait's values go to random models."""
    tables = rng.permuted(np.repeat(rows[None], n_draws, axis=0), axis=1)
    _, variance = principal_positions(tables, count)
    return np.asarray(np.quantile(share(variance), 0.95, axis=0))


def _covariance(draws: FloatArray) -> FloatArray:
    """Covariance over draws (n, M, C) of each model's position, shape (M, C, C)."""
    deviation = draws - draws.mean(axis=0)
    return np.asarray(np.einsum("nmc,nmd->mcd", deviation, deviation) / (len(draws) - 1))
