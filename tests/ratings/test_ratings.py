"""Formulas of `ratings.models` against other implementations, closed forms and invariants."""

from __future__ import annotations

import choix
import evalica
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from ethogram.errors import DisconnectedError, InputError
from ethogram.ratings.models import (
    ELO_PER_LOGIT,
    expect,
    fit_bradley_terry,
    fit_davidson,
    fit_elo,
    fit_elo_orders,
    log_likelihood,
    permute,
)
from ethogram.ratings.pairs import check_connected, count_pairs, incidence, merge, pair_rows
from ethogram.ratings.rate import reference_profiles


@pytest.fixture
def data():
    """400 comparisons of 12 items with a position effect; the judge's order varies."""
    rng = np.random.default_rng(4)
    strengths = rng.normal(0, 1, 12)
    first = rng.integers(0, 12, 400)
    second = (first + rng.integers(1, 12, 400)) % 12
    judge = rng.choice([-1.0, 1.0], 400)
    logit = strengths[first] - strengths[second] + 0.4 + 0.3 * judge
    won = (rng.random(400) < 1 / (1 + np.exp(-logit))).astype(float)
    return first, second, won, judge


def winners_and_losers(first, second, won):
    """Comparisons as (winner, loser), as choix wants them."""
    return [(i, j) if w else (j, i) for i, j, w in zip(first, second, won, strict=True)]


def test_maximum_likelihood_agrees_with_choix(data):
    """Without a prior the strengths are those of choix's iterative spectral ranking."""
    first, second, won, _ = data
    fit = fit_bradley_terry(count_pairs(first, second, won, 12), ridge=0)
    other = choix.ilsr_pairwise(12, winners_and_losers(first, second, won), tol=1e-10)
    assert np.abs(fit.strengths - (other - other.mean())).max() < 1e-6


def test_prior_agrees_with_choix(data):
    """Our ridge / 2 * s's is choix's alpha * s's."""
    first, second, won, _ = data
    fit = fit_bradley_terry(count_pairs(first, second, won, 12), ridge=0.4)
    pairs = winners_and_losers(first, second, won)
    other = choix.opt_pairwise(12, pairs, alpha=0.2, method="Newton-CG", tol=1e-10)
    assert np.abs(fit.strengths - other).max() < 1e-6


def test_covariates_agree_with_scikit_learn(data):
    """Strengths and position effects are those of a penalised logistic regression."""
    first, second, won, judge = data
    covariates = np.stack([np.ones(400), judge], axis=1)
    pairs = count_pairs(first, second, won, 12, covariates=covariates)
    design = np.hstack(
        [
            incidence(pair_rows(first, second, won, 12)).toarray(),
            covariates,
        ]
    )
    for ridge in (0.1, 1.0):
        fit = fit_bradley_terry(pairs, ridge=ridge)
        model = LogisticRegression(
            C=1 / ridge, fit_intercept=False, tol=1e-12, max_iter=1000, solver="newton-cholesky"
        ).fit(design, won)
        assert np.abs(fit.parameters - model.coef_[0]).max() < 1e-6


def test_agrees_with_evalica(data):
    """Where the models coincide (no prior, no ties) the log scores are our strengths."""
    first, second, won, _ = data
    names = [str(i) for i in range(12)]
    result = evalica.bradley_terry(
        [names[i] for i in first],
        [names[i] for i in second],
        [evalica.Winner.X if w else evalica.Winner.Y for w in won],
        tolerance=1e-12,
        limit=10_000,
    )
    other = np.log([result.scores[name] for name in names])
    fit = fit_bradley_terry(count_pairs(first, second, won, 12), ridge=0)
    assert np.abs(fit.strengths - (other - other.mean())).max() < 1e-6


def test_two_items_have_a_closed_form():
    """Three wins of four: log odds ln 3, so each strength is +- ln(3) / 2."""
    fit = fit_bradley_terry(count_pairs([0] * 4, [1] * 4, [1, 1, 1, 0], 2), ridge=0)
    assert fit.strengths == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-9)


def test_the_prior_keeps_an_unbeaten_item_finite():
    """The score of an item that won all is 0 at its strength: losses expected = ridge * s."""
    fit = fit_bradley_terry(count_pairs([0] * 9, [1] * 9, [1] * 9, 2), ridge=0.1)
    top = fit.strengths[0]
    assert 9 / (1 + np.exp(2 * top)) == pytest.approx(0.1 * top, abs=1e-8)
    assert fit.converged


def test_counting_changes_nothing(data):
    """One row per comparison and one row per kind of comparison give the same fit and curvature."""
    first, second, won, judge = data
    rows = pair_rows(first, second, won, 12, covariates=judge[:, None])
    pairs = merge(rows)
    assert len(pairs.first) < len(rows.first)
    one, other = fit_bradley_terry(rows), fit_bradley_terry(pairs)
    assert np.abs(one.parameters - other.parameters).max() < 1e-9
    assert np.allclose(one.hessian, other.hessian)


def test_row_order_does_not_matter(data):
    """Bradley-Terry knows no order, whatever Elo does."""
    first, second, won, _ = data
    order = np.random.default_rng(0).permutation(400)
    one = fit_bradley_terry(count_pairs(first, second, won, 12)).strengths
    other = fit_bradley_terry(count_pairs(first[order], second[order], won[order], 12)).strengths
    assert np.abs(one - other).max() < 1e-9


def test_swapping_sides_turns_the_position_effect_round(data):
    """Calling first second and wins losses leaves strengths alone and negates the effect."""
    first, second, won, _ = data
    ones = np.ones((400, 1))
    one = fit_bradley_terry(count_pairs(first, second, won, 12, covariates=ones))
    other = fit_bradley_terry(count_pairs(second, first, 1 - won, 12, covariates=ones))
    assert np.abs(one.strengths - other.strengths).max() < 1e-9
    assert one.effects[0] == pytest.approx(-other.effects[0], abs=1e-9)


def test_a_soft_verdict_is_a_share_of_two_plain_ones(data):
    """A verdict of 0.3 counts as 0.3 of a win and 0.7 of a loss."""
    first, second, _, _ = data
    soft = np.random.default_rng(1).random(400)
    one = fit_bradley_terry(count_pairs(first, second, soft, 12))
    twice = np.concatenate
    other = fit_bradley_terry(
        count_pairs(
            twice([first, first]),
            twice([second, second]),
            np.repeat([1.0, 0.0], 400),
            12,
            weights=twice([soft, 1 - soft]),
        )
    )
    assert np.abs(one.strengths - other.strengths).max() < 1e-9


def davidson_loss(parameters, design, wins, ties, losses, ridge):
    """Penalised negative log likelihood of Davidson's model, written out from its definition."""
    gap = design @ parameters[:-1]
    scores = np.stack([gap / 2, np.full(len(gap), parameters[-1]), -gap / 2])
    chosen = wins @ scores[0] + ties @ scores[1] + losses @ scores[2]
    prior = ridge / 2 * (parameters[:-1] ** 2).sum()
    return logsumexp(scores, axis=0).sum() - chosen + prior


def test_davidson_agrees_with_a_general_optimiser(data):
    """Strengths, position effect and nu minimise the loss written out independently."""
    first, second, won, _ = data
    tie = np.random.default_rng(2).random(400) < 0.25
    ones = np.ones((400, 1))
    pairs = count_pairs(first, second, won, 12, tie=tie, covariates=ones)
    fit = fit_davidson(pairs, ridge=0.1)
    design = np.hstack([incidence(pair_rows(first, second, won, 12)).toarray(), ones])
    masses = ((won == 1) & ~tie, tie, (won == 0) & ~tie)
    arguments = (design, *(mass.astype(float) for mass in masses), 0.1)
    best = minimize(davidson_loss, np.zeros(14), args=arguments, method="BFGS", tol=1e-9)
    assert np.abs(fit.parameters - best.x[:-1]).max() < 1e-5
    assert np.log(fit.tie) == pytest.approx(best.x[-1], abs=1e-5)


def test_davidson_without_ties_is_bradley_terry(data):
    """No tie seen: nu is 0 and the strengths are Bradley-Terry's."""
    first, second, won, _ = data
    pairs = count_pairs(first, second, won, 12)
    assert fit_davidson(pairs).tie == 0
    assert np.array_equal(fit_davidson(pairs).strengths, fit_bradley_terry(pairs).strengths)


@pytest.mark.parametrize("tie", [0.0, 0.7])
def test_expected_wins_and_slopes_are_derivatives(tie):
    """By finite differences: the likelihood's slope is wins - expected, and so on down."""
    gap = np.linspace(-4, 4, 9)
    step = 1e-5
    p, slope, p_tie = expect(gap, tie)
    rise = (expect(gap + step, tie)[0] - expect(gap - step, tie)[0]) / (2 * step)
    assert np.abs(rise - slope).max() < 1e-8
    for i in range(9):
        one = pair_rows([0], [1], [1.0], 2)
        up, down = (log_likelihood(one, gap[[i]] + s, tie) for s in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(1 - p[i], abs=1e-6)
    assert (p_tie > 0).all() == (tie > 0)


def test_unmet_items_are_refused_by_name():
    """Two groups that never meet have no common scale; the error names the smaller one."""
    pairs = count_pairs([0, 1, 3], [1, 2, 4], [1, 0, 1], 5)
    with pytest.raises(DisconnectedError, match=r"2 groups.*blunt, calm never"):
        check_connected(pairs, ["warm", "wise", "bold", "blunt", "calm"])
    with pytest.raises(DisconnectedError, match="item 3"):
        fit_bradley_terry(pairs)


def test_no_comparisons_are_refused():
    """Nothing to rate is said so, and is not a rating of zero."""
    with pytest.raises(DisconnectedError, match="no comparisons"):
        fit_bradley_terry(count_pairs([], [], [], 3))


def test_elo_by_hand():
    """Equal items: the winner gains 32 / 2 = 16. Then 1016 beats 1000: 32 * 0.477 = 15.264."""
    ratings = fit_elo([0, 0], [1, 2], [1, 1], 3)
    # 1 - 1 / (1 + 10**(-16 / 400)) = 1 - 0.52301 = 0.47699
    assert ratings == pytest.approx([1031.2638, 984.0, 984.7362], abs=1e-3)


def test_elo_parameters_set_the_scale():
    """With k = 10, scale 200 and start 0 the first win is worth 5 points."""
    assert fit_elo([0], [1], [1], 2, start=0, k=10, scale=200) == pytest.approx([5, -5])


def test_elo_depends_on_order_and_keeps_its_mean(data):
    """The batch over orders agrees with single passes, differs between orders, has mean 1000."""
    first, second, won, _ = data
    orders = permute(400, 5, seed=3)
    batch = fit_elo_orders(first, second, won, 12, orders=orders)
    for order, ratings in zip(orders, batch, strict=True):
        single = fit_elo(first[order], second[order], won[order], 12)
        assert np.abs(single - ratings).max() < 1e-6
    assert batch.mean(axis=1) == pytest.approx(1000)
    assert batch.std(axis=0).min() > 1


def test_a_pause_in_an_elo_order_changes_nothing(data):
    """Entries of -1 pad orders of different length."""
    first, second, won, _ = data
    padded = np.concatenate([np.arange(400), [-1, -1]])[None]
    ratings = fit_elo_orders(first, second, won, 12, orders=padded)[0]
    assert np.abs(ratings - fit_elo(first, second, won, 12)).max() < 1e-6


def test_no_order_is_refused():
    """A mean over no orders does not exist."""
    with pytest.raises(InputError, match="permutations is 0"):
        permute(10, 0, seed=1)


def test_elo_points_in_a_logit():
    """A lead of 400 points is odds of 10, one logit odds of e."""
    assert pytest.approx(400) == ELO_PER_LOGIT * np.log(10)


def test_bradley_terry_needs_less_than_half_of_elos_comparisons():
    """On studies like the published one, 5,000 comparisons rank better than Elo's 10,296."""
    truth = reference_profiles()["gpt-5.1"].strengths
    pairs = np.stack(np.triu_indices(144, 1), axis=1)
    ours, elo = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        first, second = rng.permuted(pairs, axis=1)[rng.permutation(len(pairs))].T
        chance = 1 / (1 + np.exp(truth[second] - truth[first]))
        won = (rng.random(len(pairs)) < chance).astype(float)
        half = fit_bradley_terry(count_pairs(first[:5000], second[:5000], won[:5000], 144))
        ours.append(spearmanr(half.strengths, truth).statistic)
        elo.append(spearmanr(fit_elo(first, second, won, 144), truth).statistic)
    assert np.mean(ours) > np.mean(elo)
