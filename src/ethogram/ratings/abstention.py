"""Ratings where neither trait may be taken: Davidson's model with an abstention rate per trait.

A trial offers traits i and j; the model takes one of them, or neither:

    P(i) : P(j) : P(neither) = exp(s_i + d) : exp(s_j - d) : exp((s_i + s_j) / 2 + a_i + a_j)

Davidson's model (1970) has one constant for ties; here each trait brings its own part of it, a_i,
so that a trait that wins when it must be chosen between, and is never volunteered, shows as such.
d is what position adds.

References
----------
Davidson (1970), Journal of the American Statistical Association 65, 317-328.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.special import expit, logit, softmax

from ethogram.errors import InputError, NotConverged
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.numbers import count_words
from ethogram.ratings.quantiles import normal_quantile, t_quantile

RIDGE = 0.01  # of the strengths, and of what all traits share
APART = 0.5  # of each trait's abstention, against what all traits share
_STEPS, _PRECISION = 200, 1e-8


@dataclass(frozen=True)
class Offered:
    """What was taken in trials that offer two traits.

    Attributes
    ----------
    traits : tuple of str, length K
    first, second : int array, shape (n,)
    taken : int array, shape (n,)
        1 the first, 0 the second, -1 neither.
    judge_first : int array, shape (n,)
        +1 where the judge was shown `first` first, -1 where second.
    cluster : int array, shape (n,)
        Trials of one cluster (a prompt) count as dependent.
    """

    traits: tuple[str, ...]
    first: IntArray
    second: IntArray
    taken: IntArray
    judge_first: IntArray
    cluster: IntArray


@dataclass(frozen=True)
class FreeRatings:
    """Strengths and abstentions.

    Attributes
    ----------
    traits : tuple of str, length K
    strengths, low, high : float array, shape (K,)
        Logits, mean 0; 95% intervals.
    covariance : float array, shape (K, K)
        Of the strengths.
    volunteered, volunteered_low, volunteered_high : float array, shape (K,)
        How often each trait is taken where it is offered, the other being any of the rest.
    neither, neither_low, neither_high : float array, shape (K,)
        How often neither is taken where the trait is offered.
    n_by_trait : int array, shape (K,)
    clusters : int
    """

    traits: tuple[str, ...]
    strengths: FloatArray
    low: FloatArray
    high: FloatArray
    covariance: FloatArray
    volunteered: FloatArray
    volunteered_low: FloatArray
    volunteered_high: FloatArray
    neither: FloatArray
    neither_low: FloatArray
    neither_high: FloatArray
    n_by_trait: IntArray
    clusters: int


def rate_free(offered: Offered) -> FreeRatings:
    """Fit strengths and abstentions, with 95% intervals.

    Raises
    ------
    InputError
        Fewer than three traits, or fewer trials than traits.
    NotConverged

    Notes
    -----
    Weak normal priors keep a trait finite that is always or never taken. Where prompts are shared
    the covariance is the sandwich over prompts (Liang & Zeger 1986), and its quantiles are t's;
    else the inverse curvature. Shares have their intervals on the logit scale (delta method).
    """
    k, n = len(offered.traits), len(offered.first)
    if k < 3 or n < k:
        raise InputError(
            f"{count_words(n, 'trial')} on {count_words(k, 'trait')}, expected at least three "
            "traits, and as many trials as traits"
        )
    rows = _Rows.of(offered)
    theta = _fit(rows)
    curvature = rows.curvature(theta)
    covariance, quantile, clusters = _covariance(rows, theta, curvature, offered.cluster)
    centre = np.eye(k) - 1 / k
    own = centre @ covariance[:k, :k] @ centre
    strengths = theta[:k] - theta[:k].mean()
    half = quantile * np.sqrt(np.diag(own))
    taken, declined = _shares(theta, k)
    counted = np.bincount(offered.first, minlength=k) + np.bincount(offered.second, minlength=k)
    return FreeRatings(
        offered.traits,
        strengths,
        strengths - half,
        strengths + half,
        own,
        *_interval(*taken, covariance, quantile),
        *_interval(*declined, covariance, quantile),
        counted,
        clusters,
    )


@dataclass(frozen=True)
class _Rows:
    """The trials as a multinomial logit: what each side has over neither."""

    one: csr_array
    other: csr_array
    took_one: FloatArray
    took_other: FloatArray
    prior: FloatArray

    @classmethod
    def of(cls, offered: Offered) -> _Rows:
        n, k = len(offered.first), len(offered.traits)
        at = np.arange(n)

        def pick(trait: IntArray) -> csr_array:
            return csr_array((np.ones(n), (at, trait)), shape=(n, k))

        i, j = pick(offered.first), pick(offered.second)
        position = csr_array(0.5 * np.stack([np.ones(n), offered.judge_first], axis=1))
        gap, both = 0.5 * (i - j), -(i + j)
        return cls(
            csr_array(hstack([gap, both, position])),
            csr_array(hstack([-gap, both, -position])),
            (offered.taken == 1).astype(float),
            (offered.taken == 0).astype(float),
            _prior(k),
        )

    def chances(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probability of the first and of the second."""
        logits = np.stack([self.one @ theta, self.other @ theta, np.zeros(len(self.took_one))])
        p = softmax(logits, axis=0)
        return p[0], p[1]

    def loss(self, theta: FloatArray) -> float:
        one, other = self.one @ theta, self.other @ theta
        total = np.logaddexp(np.logaddexp(one, other), 0)
        likelihood = self.took_one @ one + self.took_other @ other - total.sum()
        return float(0.5 * theta @ self.prior @ theta - likelihood)

    def gradient(self, theta: FloatArray) -> FloatArray:
        p, q = self.chances(theta)
        pulled = self.one.T @ (p - self.took_one) + self.other.T @ (q - self.took_other)
        return np.asarray(pulled + self.prior @ theta)

    def scores(self, theta: FloatArray) -> csr_array:
        """Each trial's part of the gradient, shape (n, p)."""
        p, q = self.chances(theta)
        return csr_array(
            self.one.multiply((p - self.took_one)[:, None])
            + self.other.multiply((q - self.took_other)[:, None])
        )

    def curvature(self, theta: FloatArray) -> FloatArray:
        p, q = self.chances(theta)

        def between(left: csr_array, right: csr_array, weight: FloatArray) -> FloatArray:
            return np.asarray((left.T @ right.multiply(weight[:, None]).tocsr()).todense())

        cross = between(self.one, self.other, -p * q)
        own = between(self.one, self.one, p * (1 - p))
        return np.asarray(
            own + between(self.other, self.other, q * (1 - q)) + cross + cross.T + self.prior
        )


def _prior(k: int) -> FloatArray:
    """Curvature of the priors: of strengths, of abstentions apart and together, of position."""
    prior = np.zeros((2 * k + 2, 2 * k + 2))
    prior[:k, :k] = RIDGE * np.eye(k)
    prior[k : 2 * k, k : 2 * k] = APART * (np.eye(k) - 1 / k) + RIDGE / k
    prior[2 * k :, 2 * k :] = RIDGE * np.eye(2)
    return prior


def _fit(rows: _Rows) -> FloatArray:
    """Newton's method with halved steps, from zero."""
    theta = np.zeros(len(rows.prior))
    loss = rows.loss(theta)
    for _ in range(_STEPS):
        step = np.linalg.solve(rows.curvature(theta), rows.gradient(theta))
        size = 1.0
        while rows.loss(theta - size * step) > loss + 1e-10 and size > 1e-6:
            size /= 2
        theta = theta - size * step
        loss = rows.loss(theta)
        if np.abs(size * step).max() < _PRECISION:
            return theta
    raise NotConverged("the ratings of the free choice did not converge")


def _covariance(
    rows: _Rows, theta: FloatArray, curvature: FloatArray, cluster: IntArray
) -> tuple[FloatArray, float, int]:
    """Return the covariance of all parameters, the quantile for it, and how many clusters."""
    inverse = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    labels, of = np.unique(cluster, return_inverse=True)
    n, clusters = len(cluster), len(labels)
    if clusters == n or clusters < 2:
        return inverse, float(normal_quantile()), clusters
    member = csr_array((np.ones(n), (of, np.arange(n))), shape=(clusters, n))
    pulls = np.asarray((member @ rows.scores(theta)).todense())
    meat = clusters / (clusters - 1) * pulls.T @ pulls + rows.prior
    spread: FloatArray = inverse @ meat @ inverse
    return spread, float(t_quantile(clusters - 1)), clusters


def _shares(
    theta: FloatArray, k: int
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Return how often each trait, and neither, is taken; each with its gradient (k, p).

    Over all others as the second trait, both positions of the two averaged.
    """
    s, a = theta[:k], theta[k : 2 * k]
    own, rest = s[:, None], s[None, :]
    taken, declined = np.zeros(k), np.zeros(k)
    d_taken, d_declined = np.zeros((k, len(theta))), np.zeros((k, len(theta)))
    weight = (1 - np.eye(k)) / (2 * (k - 1))
    for sign in (1, -1):
        lead = 0.5 * sign * theta[2 * k]
        even = (own + rest) / 2 + a[:, None] + a[None, :]
        p, q, none = softmax(np.stack([own + lead + 0 * rest, rest - lead + 0 * own, even]), axis=0)
        mean_own, mean_rest = p + none / 2, q + none / 2
        pull = 0.5 * sign * (p - q)
        for made, slope, chance, on_own, on_rest, on_a, on_lead in (
            (taken, d_taken, p, 1 - mean_own, -mean_rest, -none, 0.5 * sign - pull),
            (declined, d_declined, none, 0.5 - mean_own, 0.5 - mean_rest, 1 - none, -pull),
        ):
            part = weight * chance
            np.add(made, part.sum(axis=1), out=made)
            slope[:, :k] += part * on_rest + np.diag((part * on_own).sum(axis=1))
            slope[:, 2 * k] += (part * on_lead).sum(axis=1)
            slope[:, k : 2 * k] += part * on_a + np.diag((part * on_a).sum(axis=1))
    return (taken, d_taken), (declined, d_declined)


def _interval(
    share: FloatArray, slope: FloatArray, covariance: FloatArray, quantile: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return shares with their intervals, made on the logit scale."""
    share = np.clip(share, 1e-9, 1 - 1e-9)
    error = np.sqrt(np.einsum("ij,jk,ik->i", slope, covariance, slope)) / (share * (1 - share))
    middle = logit(share)
    return share, expit(middle - quantile * error), expit(middle + quantile * error)
