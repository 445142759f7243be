"""Davidson's model with an abstention rate per trait: gradient, planted truth, coverage, edges."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import softmax

from ethogram.design import make_design
from ethogram.errors import InputError
from ethogram.ratings.abstention import Offered, _Rows, _shares, rate_free

K = 24


def offered(seed, *, k=K, prompts=276, spread=1.0, apart=0.4, mean=-0.2, repeats=1):
    """Trials of a planted model; returns them with its strengths, and its shares (taken, none)."""
    rng = np.random.default_rng([3, seed])
    s, a = rng.normal(0, spread, k), rng.normal(mean, apart, k)
    s -= s.mean()
    d = make_design(k, prompts, repeats=repeats, seed=seed)
    one, other = s[d.first] + 0.2, s[d.second] - 0.2
    even = (one + other) / 2 + a[d.first] + a[d.second]
    p = softmax(np.stack([one, other, even]), axis=0)
    u = rng.random(len(d))
    taken = np.where(u < p[0], 1, np.where(u < p[0] + p[1], 0, -1))
    swapped = np.where(d.judge_swap, -1, 1)
    names = tuple(f"t{i}" for i in range(k))
    (share, _), (none, _) = _shares(np.concatenate([s, a, [0.4, 0]]), k)
    return Offered(names, d.first, d.second, taken, swapped, d.prompt), s, share, none


def test_the_gradient_is_the_slope_of_the_loss():
    """Against finite differences."""
    trials, *_ = offered(0)
    rows = _Rows.of(trials)
    theta = np.random.default_rng(1).normal(0, 0.5, 2 * K + 2)
    slope = approx_fprime(theta, rows.loss, 1e-6)
    assert np.allclose(rows.gradient(theta), slope, atol=1e-3)
    assert np.allclose(
        np.asarray(rows.scores(theta).sum(axis=0)).ravel() + rows.prior @ theta, slope, atol=1e-3
    )


def test_shares_are_those_of_the_model_and_so_are_their_slopes():
    """Share by share, over all others in both positions; slopes against finite differences."""
    rng = np.random.default_rng(2)
    theta = rng.normal(0, 0.7, 2 * 5 + 2)
    (taken, d_taken), (none, d_none) = _shares(theta, 5)
    s, a, lead = theta[:5], theta[5:10], theta[10] / 2
    own = [
        softmax([s[0] + x * lead, s[j] - x * lead, (s[0] + s[j]) / 2 + a[0] + a[j]])
        for j in range(1, 5)
        for x in (1, -1)
    ]
    assert taken[0] == pytest.approx(np.mean([p[0] for p in own]))
    assert none[0] == pytest.approx(np.mean([p[2] for p in own]))
    for i in range(5):
        for found, which in ((d_taken, 0), (d_none, 1)):
            slope = approx_fprime(theta, lambda t, i=i, w=which: _shares(t, 5)[w][0][i], 1e-6)
            assert np.allclose(found[i], slope, atol=1e-4)


def test_intervals_cover_as_often_as_they_say():
    """Strengths, what is volunteered and what is declined; 20 studies of 24 traits."""
    held = {"strength": [], "volunteered": [], "neither": []}
    for seed in range(20):
        trials, s, share, none = offered(seed)
        found = rate_free(trials)
        held["strength"] += [*(found.low <= s) & (s <= found.high)]
        held["volunteered"] += [
            *(found.volunteered_low <= share) & (share <= found.volunteered_high)
        ]
        held["neither"] += [*(found.neither_low <= none) & (none <= found.neither_high)]
    assert all(0.92 <= np.mean(hits) <= 0.985 for hits in held.values()), held


def test_without_abstaining_it_is_bradley_terry():
    """Of trials in which something is always taken, the odds of two traits are their strengths'."""
    trials, s, *_ = offered(3, mean=-8, apart=0, repeats=8)
    found = rate_free(trials)
    assert np.corrcoef(found.strengths, s)[0, 1] > 0.97
    assert np.abs(found.strengths - s).mean() < 0.25
    assert found.neither.max() < 0.02


def test_a_trait_that_is_never_volunteered_shows_though_it_wins_when_forced():
    """Its strength is above the mean, and hardly a trial that offers it is not declined."""
    rng = np.random.default_rng(5)
    d = make_design(K, 276, repeats=4, seed=1)
    with_it = (d.first == 0) | (d.second == 0)
    taken = np.where(
        with_it & (rng.random(len(d)) < 0.97), -1, (rng.random(len(d)) < 0.5).astype(int)
    )
    names = tuple(f"t{i}" for i in range(K))
    found = rate_free(Offered(names, d.first, d.second, taken, np.ones(len(d)), d.prompt))
    assert found.volunteered_high[0] < 0.1 < found.volunteered_low[1:].min()
    assert found.neither_low[0] > 0.8


def test_prompts_that_are_shared_widen_intervals():
    """Where each prompt makes all its trials alike, the sandwich knows."""
    trials, *_ = offered(7, prompts=276, repeats=4)
    shared = Offered(
        *(getattr(trials, n) for n in ("traits", "first", "second", "taken")),
        trials.judge_first,
        trials.cluster % 30,
    )
    # The same verdict for all trials of a cluster: what is declined depends on the prompt alone.
    lucky = np.random.default_rng(8).random(30) < 0.5
    taken = np.where(lucky[shared.cluster], -1, np.maximum(shared.taken, 0))
    alone = Offered(
        trials.traits, trials.first, trials.second, taken, trials.judge_first, np.arange(len(taken))
    )
    together = Offered(
        trials.traits, trials.first, trials.second, taken, trials.judge_first, shared.cluster
    )
    one, other = rate_free(alone), rate_free(together)
    assert (other.neither_high - other.neither_low).mean() > 1.5 * (
        one.neither_high - one.neither_low
    ).mean()


@pytest.mark.parametrize("taken", [1, -1])
def test_extremes_stay_finite(taken):
    """All taken, or none: shares at their end, and no error."""
    d = make_design(6, 15, seed=0)
    names = tuple("abcdef")
    trials = Offered(names, d.first, d.second, np.full(len(d), taken), np.ones(len(d)), d.prompt)
    found = rate_free(trials)
    assert np.isfinite(found.high - found.low).all()
    assert (found.neither.min() > 0.8) == (taken == -1)


def test_too_little_is_refused():
    """Two traits, or no trial."""
    empty = np.zeros(0, dtype=np.int64)
    with pytest.raises(InputError, match="0 trials on 3 traits"):
        rate_free(Offered(("a", "b", "c"), empty, empty, empty, empty, empty))
