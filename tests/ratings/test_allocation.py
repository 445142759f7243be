"""Which pairs are asked next."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from ethogram.design import make_design
from ethogram.errors import InputError
from ethogram.ratings.allocation import (
    Belief,
    _rank_slopes,
    believe,
    choose_pairs,
    design_of_trials,
    extend_design,
    find_aim,
)
from ethogram.ratings.power import simulate

K, PROMPTS = 30, 50
NAMES = [f"t{i}" for i in range(K)]


def start(seed=0):
    """Return a balanced design of three comparisons per trait and what is believed after it."""
    design = make_design(K, PROMPTS, max_trials=3 * K, seed=seed)
    truth = np.linspace(-2, 2, K)
    return design, truth, believe(simulate(design, truth, np.random.default_rng(seed)))


def grown(aim, rounds, seed=0):
    """Return a design grown over some rounds of 30 pairs, its answers, and the truth."""
    design, truth, belief = start(seed)
    fixed = design
    for _ in range(rounds):
        pairs = choose_pairs([belief], K, find_aim(aim, NAMES))
        design = design_of_trials(fixed, *extend_design(design, pairs))
        belief = believe(simulate(design, truth, np.random.default_rng(seed)))
    return design, belief, truth


def test_ranks_are_asked_about_where_they_are_unsure():
    """Pairs join traits that are close, and leave alone a trait that is far from all others."""
    truth = np.linspace(-1, 1, K)
    truth[-1] = 6
    pairs = choose_pairs([Belief(truth, 0.04 * np.eye(K))], 15 * K, None)
    gap = np.abs(truth[pairs[:, 0]] - truth[pairs[:, 1]])
    others = np.abs(truth[:, None] - truth[None, :])[np.triu_indices(K, 1)]
    assert gap.mean() < 0.5 * others.mean()
    often = np.bincount(pairs.ravel(), minlength=K)
    assert often[-1] < 0.1 * often.mean()
    assert often[10:19].min() > often.mean()


def test_slopes_of_expected_ranks_are_their_derivatives():
    """Against differences of the sum of P(j beats i)."""
    rng = np.random.default_rng(3)
    root = 0.3 * rng.normal(size=(8, 8))
    belief = Belief(rng.normal(0, 1, 8), root @ root.T + 0.1 * np.eye(8))
    width = np.sqrt(
        np.diag(belief.covariance)[:, None]
        + np.diag(belief.covariance)
        - 2 * belief.covariance
        + np.eye(8)
    )

    def ranks(strengths):
        ahead = norm.cdf((strengths[:, None] - strengths[None, :]) / width)
        return ahead.sum(axis=1)

    step = 1e-5
    numeric = [
        (ranks(belief.strengths + step * e) - ranks(belief.strengths - step * e)) / (2 * step)
        for e in np.eye(8)
    ]
    assert np.allclose(_rank_slopes(belief), np.transpose(numeric), atol=1e-6)


def test_the_pair_that_tells_most_is_found_by_trying_all():
    """The first pair for ratings is the one after which the sum of variances is smallest."""
    _, _, belief = start()
    ((a, b),) = choose_pairs([belief], 1, np.arange(K)).tolist()
    information = np.linalg.pinv(belief.covariance)

    def total(i, j):
        gap = belief.strengths[i] - belief.strengths[j]
        edge = np.zeros(K)
        edge[[i, j]] = 1, -1
        more = information + np.outer(edge, edge) / (2 + np.exp(gap) + np.exp(-gap))
        return np.trace(np.linalg.pinv(more))

    totals = {(i, j): total(i, j) for i in range(K) for j in range(i + 1, K)}
    assert total(a, b) == pytest.approx(min(totals.values()), rel=1e-6)


def test_an_aim_at_two_traits_makes_them_surer():
    """Their variances fall further than under an aim at all traits."""
    left = {}
    for aim in ("ratings", "traits:t3, t20"):
        design, after, _ = grown(aim, 4)
        left[aim] = np.diag(after.covariance)[[3, 20]].sum()
        assert len(design) == 7 * K
    assert left["traits:t3, t20"] < 0.7 * left["ratings"]


def test_ranks_beat_a_balanced_design_on_ranks():
    """Mean over twelve studies of 30 traits with the same number of comparisons."""
    adaptive, balanced = [], []
    for seed in range(12):
        design, belief, truth = grown("ranks", 9, seed)
        adaptive.append(spearmanr(belief.strengths, truth).statistic)
        fixed = make_design(K, PROMPTS, max_trials=len(design), seed=seed)
        plain = believe(simulate(fixed, truth, np.random.default_rng(seed)))
        balanced.append(spearmanr(plain.strengths, truth).statistic)
    assert np.mean(adaptive) > np.mean(balanced)


@pytest.mark.parametrize("both", [False, True])
def test_positions_and_prompts_stay_balanced(both):
    """Each trait first as often as second, for model and judge; prompts used equally often."""
    _, _, belief = start()
    orders = "both" if both else "balanced"
    fixed = make_design(K, PROMPTS, max_trials=4 * K, orders=orders, seed=0)
    pairs = choose_pairs([belief], 8 * K, None)
    design = design_of_trials(fixed, *extend_design(fixed, pairs, both=both), both=both)
    assert len(design) == (4 + 8 * (1 + both)) * K
    for one, other in (
        (design.first, design.second),
        (
            np.where(design.judge_swap, design.second, design.first),
            np.where(design.judge_swap, design.first, design.second),
        ),
    ):
        lead = np.bincount(one, minlength=K) - np.bincount(other, minlength=K)
        assert np.abs(lead).max() <= 3
    used = np.bincount(design.prompt, minlength=PROMPTS)
    assert used.max() - used.min() <= 2 * (1 + both)
    assert abs(design.judge_swap.mean() - 0.5) < 0.1
    met = list(zip(design.first, design.second, design.prompt, strict=True))
    assert len(set(met)) == len(met)


def test_a_pair_that_has_met_all_prompts_is_left_out():
    """Two traits and three prompts allow three trials."""
    design = make_design(2, 3, max_trials=1)
    more = extend_design(design, np.array([[0, 1]] * 10))
    assert [len(column) for column in more] == [3, 3, 3]
    assert sorted(more[2].tolist()) == [0, 1, 2]


def test_a_design_in_rounds_is_that_of_its_trials():
    """Repeats and the judge's orders do not depend on where the rounds were."""
    design, _, _ = grown("ranks", 4)
    fixed = make_design(K, PROMPTS, max_trials=3 * K, seed=0)
    again = design_of_trials(fixed, design.first, design.second, design.prompt)
    for key in ("first", "second", "prompt", "repeat", "judge_swap"):
        assert np.array_equal(getattr(design, key), getattr(again, key))


def test_models_that_share_pairs_both_count():
    """With two models of different orders, pairs that are near in both are preferred."""
    k = 20
    up = Belief(np.linspace(-3, 3, k), 0.01 * np.eye(k))
    mixed = np.random.default_rng(0).permutation(k)
    other = Belief(up.strengths[mixed], 0.01 * np.eye(k))
    pairs = choose_pairs([up, other], 100, None)
    near = [np.abs(b.strengths[pairs[:, 0]] - b.strengths[pairs[:, 1]]) < 1 for b in (up, other)]
    alone = choose_pairs([up], 100, None)
    gaps = np.abs(other.strengths[alone[:, 0]] - other.strengths[alone[:, 1]])
    assert (near[0] & near[1]).mean() > 1.5 * (gaps < 1).mean()


@pytest.mark.parametrize(
    ("aim", "said"),
    [
        ("rank", 'expected "ranks"'),
        ("traits", "names of traits"),
        ("traits:", "names of traits"),
        ("traits:t1,T2", "no trait 'T2'"),
        ("Ranks", 'expected "ranks"'),
    ],
)
def test_an_unknown_aim_is_refused(aim, said):
    """It says what would do."""
    with pytest.raises(InputError, match=said):
        find_aim(aim, NAMES)
