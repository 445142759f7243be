"""Proportions with intervals, against statsmodels and by simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit
from statsmodels.stats.proportion import proportion_confint

from ethogram.errors import InputError
from ethogram.validity.proportions import (
    Estimate,
    contrast,
    effective_counts,
    proportion,
    shrink,
    wilson,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (3, 8), (8, 8), (410, 500)])
def test_wilson_matches_statsmodels(hits, n):
    """Wilson's interval is the one that statsmodels computes."""
    expected = proportion_confint(hits, n, method="wilson")
    assert np.allclose(wilson(hits, n), expected, atol=1e-9)


def test_wilson_of_nothing_is_everything():
    """No observation allows every proportion."""
    low, high = wilson(np.array([0]), np.array([0]))
    assert (low[0], high[0]) == (0.0, 1.0)


def test_proportion_of_copies_is_no_surer_than_one_copy():
    """Observations repeated four times within their cluster leave the interval where it was."""
    rng = np.random.default_rng(0)
    hits = rng.random(200) < 0.7
    once = proportion(hits)
    copied = proportion(np.repeat(hits, 4), clusters=np.repeat(np.arange(200), 4))
    assert copied.estimate == once.estimate
    assert copied.low == pytest.approx(once.low, abs=1e-3)
    assert copied.high == pytest.approx(once.high, abs=1e-3)


def test_proportion_covers_the_truth_when_clusters_differ():
    """With 40 clusters of 10 that differ, the 95% interval holds the truth in 90 to 99%."""
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), 10)
    inside = []
    for _ in range(400):
        chance = rng.beta(4, 2, 40)[clusters]
        made = proportion(rng.random(400) < chance, clusters=clusters)
        inside.append(made.low <= 4 / 6 <= made.high)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_proportion_without_observations_says_so():
    """Nothing observed is NaN with the widest interval, and says so in words."""
    made = proportion(np.array([], dtype=bool))
    assert np.isnan(made.estimate)
    assert (made.low, made.high, made.n) == (0.0, 1.0, 0)
    assert made.percent == "unknown (nothing was observed)"


def test_contrast_matches_clustered_least_squares():
    """A difference of cell means has the clustered error of the regression on a dummy."""
    rng = np.random.default_rng(2)
    n, clusters = 300, rng.integers(0, 40, 300)
    cell = rng.integers(0, 2, n)
    y = rng.random(40)[clusters] + 0.3 * cell + rng.normal(0, 0.2, n)
    fit = sm.OLS(y, sm.add_constant(cell)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    made = contrast(y, cell, (-1, 1), clusters=clusters)
    assert made.estimate == pytest.approx(fit.params[1])
    # t with 39 degrees of freedom at 97.5% is 2.0227; the factor g / (g - 1) is 40 / 39.
    half = 2.0227 * fit.bse[1] * np.sqrt(40 / 39)
    assert (made.high - made.low) / 2 == pytest.approx(half, rel=1e-3)


@pytest.mark.parametrize(("chances", "n"), [((0.95, 0.9), 10), ((0.98, 0.9), 20), ((0.9, 0.9), 20)])
def test_a_difference_of_high_rates_is_covered(chances, n):
    """Where both cells are often all ones the interval still holds the true difference."""
    rng = np.random.default_rng(5)
    cell, inside = np.repeat([0, 1], n), []
    for _ in range(400):
        made = contrast(rng.random(2 * n) < np.array(chances)[cell], cell, (1, -1), span=1.0)
        assert made.high > made.low
        inside.append(made.low <= chances[0] - chances[1] <= made.high)
    assert np.mean(inside) >= 0.93


def test_equal_values_of_few_clusters_are_less_sure_than_of_many():
    """What is added to the variance counts clusters, not the values in them."""
    cell, values = np.zeros(100, dtype=int), np.ones(100)
    few = contrast(values, cell, (1,), clusters=np.repeat(np.arange(5), 20), span=2.0)
    many = contrast(values, cell, (1,), span=2.0)
    assert few.high - few.low > 10 * (many.high - many.low)


def test_contrast_with_an_empty_cell_is_unknown():
    """A cell without values leaves the contrast unknown."""
    made = contrast(np.ones(3), np.zeros(3, dtype=int), (1, -1))
    assert np.isnan(made.estimate)
    assert np.isinf(made.high)


def test_clusters_of_another_length_are_refused():
    """One cluster label an observation, or an error that names both numbers."""
    with pytest.raises(InputError, match="2 entries, expected 3"):
        proportion(np.ones(3), clusters=np.array([0, 1]))


def test_shrunken_proportions_beat_raw_ones_and_cover():
    """Over 30 sets of 60 groups: less error than raw shares, and 93 to 97% coverage."""
    rng = np.random.default_rng(3)
    raw, drawn, inside = [], [], []
    for _ in range(30):
        truth = expit(rng.normal(1.4, 0.6, 60))
        hits = rng.binomial(8, truth)
        made = shrink(hits, np.full(60, 8))
        raw.append(np.mean((hits / 8 - truth) ** 2))
        drawn.append(np.mean((made.estimate - truth) ** 2))
        inside.append((made.low <= truth) & (truth <= made.high))
    assert np.mean(drawn) < 0.6 * np.mean(raw)
    assert 0.93 <= np.mean(inside) <= 0.97


def test_shrunken_proportions_recover_the_population():
    """Centre and spread of 500 groups of 40 come out as planted."""
    rng = np.random.default_rng(4)
    hits = rng.binomial(40, expit(rng.normal(1.0, 0.5, 500)))
    made = shrink(hits, np.full(500, 40))
    assert made.mean == pytest.approx(1.0, abs=0.08)
    assert made.spread == pytest.approx(0.5, abs=0.08)


def test_a_group_without_trials_gets_what_the_others_have():
    """An unseen group is estimated by the population, with a wider interval than a seen one."""
    made = shrink([16, 15, 17, 0], [20, 20, 20, 0])
    assert 0.6 < made.estimate[3] < 0.85
    assert made.high[3] - made.low[3] > made.high[0] - made.low[0]


def test_more_hits_than_trials_are_refused():
    """Hits beyond the trials are an input error."""
    with pytest.raises(InputError, match="0 <= hits <= n"):
        shrink([3], [2])


def test_an_interval_is_said_however_few():
    """A slope over three traits is no share of three observations: its interval is said."""
    slope = Estimate(0.4, 0.1, 0.9, 3)
    assert slope.interval == "40% (10 to 90)"
    assert slope.percent == "too few (3) to tell"


# -- how many independent observations ------------------------------------------------------------


def test_verdicts_of_their_own_are_worth_themselves():
    made = effective_counts([1, 0, 1, 1], np.array([0, 0, 1, 1]), np.arange(4), 3)
    assert np.allclose(made, [2, 2, 0])


def test_verdicts_that_are_alike_in_each_cluster_are_worth_one():
    """Two groups of two clusters of three: one right throughout, one wrong throughout."""
    hits = np.repeat([1, 0, 1, 0], 3)
    made = effective_counts(hits, np.repeat([0, 1], 6), np.repeat(np.arange(4), 3), 2)
    assert np.allclose(made, [2, 2])


@pytest.mark.parametrize("clusters", [3, 300])
def test_verdicts_that_do_not_depend_on_the_cluster_are_worth_all(clusters):
    """The shares of clusters are as equal as chance never makes them; few show little of it."""
    hits, group = np.tile([1, 0], 2 * clusters), np.repeat([0, 1], 2 * clusters)
    made = effective_counts(hits, group, np.repeat(np.arange(2 * clusters), 2), 2)
    assert np.allclose(made, 2 * clusters / (1 + 1 / (1 + 2 * clusters - 2)))


def test_one_group_with_a_second_cluster_says_little_of_the_others():
    """24 groups with eight observations of one cluster each, and one has another such cluster."""
    group = np.concatenate([np.repeat(np.arange(24), 8), np.zeros(8, int)])
    clusters = np.repeat(np.arange(25), 8)
    hits = (np.arange(len(group)) % 8 < 6).astype(float)
    made = effective_counts(hits, group, clusters, 24)
    assert made[1:].max() < 2


def test_one_reply_is_worth_one_verdict():
    """Nothing shows how far its 24 verdicts depend on it."""
    assert effective_counts(np.ones(24), np.zeros(24, int), np.zeros(24, int), 1) == [1]


def test_the_correlation_is_that_of_the_analysis_of_variance():
    """By hand: between 4 clusters of 2 in one group; shares 1, 1, .5, 0."""
    hits, clusters = np.array([1, 1, 1, 1, 1, 0, 0, 0]), np.repeat(np.arange(4), 2)
    between = 2 * ((np.array([1, 1, 0.5, 0]) - 0.625) ** 2).sum() / 3
    within = 2 * 0.25 / 4
    r = (between - within) / (between + within)
    made = effective_counts(hits, np.zeros(8, int), clusters, 1)
    assert r > 1 / 4
    assert np.allclose(made, 8 / (1 + r))
