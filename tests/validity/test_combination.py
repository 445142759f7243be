"""One verdict of several judges: weights, votes with gaps, and what is held out."""

from __future__ import annotations

import numpy as np
import pytest
from tests.validity.test_independence import draw_votes

from ethogram.errors import InputError
from ethogram.validity.combination import (
    best_judge,
    by_majority,
    by_weights,
    try_combinations,
)
from ethogram.validity.weighting import learn_weights

NAN = np.nan


def test_majority_by_hand():
    """Two of three; a split of two is a tie; one answer is none; ties vote for nobody."""
    votes = np.array(
        [[1, 1, -1], [1, -1, NAN], [-1, NAN, NAN], [0, 0, -1], [0, 0, NAN], [NAN, NAN, NAN]]
    )
    np.testing.assert_array_equal(by_majority(votes), [1, 0, NAN, -1, 0, NAN])


def test_weights_of_independent_judges_are_those_of_the_linear_discriminant():
    """Without correlation each weight is (2p - 1) / (1 - (2p - 1)^2), up to scale."""
    votes = draw_votes(np.random.default_rng(1), 100_000, (0.1, 0.3, 0.4), 0)
    mean = 1 - 2 * np.array([0.1, 0.3, 0.4])
    expected = mean / (1 - mean**2)
    found = learn_weights(votes).weights
    assert found == pytest.approx(expected / expected.sum(), abs=0.02)


def test_two_judges_that_err_as_one_count_as_one():
    """A judge and its copy together weigh what the judge alone would, beside two others."""
    votes = draw_votes(np.random.default_rng(2), 5000, (0.2, 0.2, 0.2), 0)
    doubled = learn_weights(np.column_stack([votes[:, 0], votes])).weights
    assert doubled[:2].sum() == pytest.approx(1 / 3, abs=0.04)
    assert doubled[2:] == pytest.approx(1 / 3, abs=0.04)


def test_judges_that_are_alike_weigh_alike():
    """Their correlations differ by chance only, and are drawn to one value."""
    weighting = learn_weights(draw_votes(np.random.default_rng(3), 10_000, [0.2] * 5, 0.4))
    assert weighting.shrinkage > 0.5
    assert weighting.weights == pytest.approx(0.2, abs=0.04)


def test_a_judge_that_is_always_right_decides():
    """It outweighs the others together."""
    votes = draw_votes(np.random.default_rng(4), 300, (0.2, 0.2, 0.2), 0)
    votes[:, 2] = 1
    assert learn_weights(votes).weights[2] > 0.9
    assert best_judge(votes) == 2


def test_a_judge_that_is_always_wrong_is_not_heard():
    """No judge is read against its word."""
    votes = draw_votes(np.random.default_rng(5), 300, (0.2, 0.3, 0.2), 0)
    votes[:, 2] = -1
    weights = learn_weights(votes).weights
    assert weights[2] == 0
    assert (weights[:2] > 0).all()


def test_where_no_judge_is_better_than_a_coin_all_weigh_alike():
    """There is nothing to weigh by."""
    votes = draw_votes(np.random.default_rng(6), 300, (0.7, 0.8, 0.9), 0)
    assert learn_weights(votes).weights == pytest.approx(1 / 3)


def test_a_judge_that_goes_by_place_only_weighs_next_to_nothing():
    """It is right where the trait is shown first, in half of the replies."""
    votes = draw_votes(np.random.default_rng(7), 1000, (0.2, 0.2, 0.2), 0)
    votes[:, 2] = np.where(np.arange(1000) % 2, 1, -1)
    assert learn_weights(votes).weights[2] < 0.05


def test_weights_are_those_of_the_judges_that_answered():
    """The sure judge decides where it is there; else the better one of the others."""
    weighting = learn_weights(draw_votes(np.random.default_rng(8), 5000, (0.02, 0.2, 0.4), 0))
    votes = np.array([[1, -1, -1], [NAN, 1, -1], [NAN, NAN, 1], [0, -1, 1], [0, 0, NAN]])
    np.testing.assert_array_equal(by_weights(votes, weighting), [1, 1, NAN, -1, 0])


def test_weights_beat_the_majority_where_one_judge_outdoes_four():
    """One errs in 5%, four in 40%, together: the majority is theirs."""
    votes = draw_votes(np.random.default_rng(9), 600, (0.05, 0.4, 0.4, 0.4, 0.4), 0.3)
    tried = try_combinations(votes, "abcde")
    weighted, majority = tried.of("weighted"), tried.of("majority")
    assert weighted.accuracy.low > majority.accuracy.high
    assert majority.is_clearly_worse
    assert tried.best == "a"
    assert tried.recommended.how == "single"


def test_the_majority_beats_the_best_judge_where_errors_are_independent():
    """Five judges at 0.7: the majority finds 0.837 (binomial), and weights add nothing."""
    votes = draw_votes(np.random.default_rng(10), 4000, [0.3] * 5, 0)
    tried = try_combinations(votes, "abcde")
    assert tried.of("majority").accuracy.estimate == pytest.approx(0.837, abs=0.02)
    assert tried.of("weighted").accuracy.estimate == pytest.approx(0.837, abs=0.02)
    assert tried.of("single").is_clearly_worse
    assert tried.recommended.how == "majority"


def test_weights_are_recommended_where_nothing_simpler_does():
    """Three judges that err as one outvote two others, each better than they are."""
    votes = draw_votes(np.random.default_rng(11), 4000, (0.25, 0.2, 0.2), 0)
    votes = np.column_stack(
        [votes[:, [0, 0, 0]], votes[:, 1:], draw_votes(np.random.default_rng(12), 4000, (0.2,), 0)]
    )
    tried = try_combinations(votes, "abcdef")
    assert tried.recommended.how == "weighted"


def test_replies_that_were_learnt_from_are_not_counted():
    """Of 20 coins, the best on 30 replies is well above one half there, and at one half beyond."""
    rng = np.random.default_rng(13)
    held_out, learnt = [], []
    for _ in range(20):
        votes = draw_votes(rng, 30, [0.5] * 20, 0)
        tried = try_combinations(votes, [str(j) for j in range(20)], divisions=3)
        held_out.append(tried.of("single").accuracy.estimate)
        learnt.append((votes[:, best_judge(votes)] > 0).mean())
    assert np.mean(learnt) > 0.65
    assert np.mean(held_out) == pytest.approx(0.5, abs=0.06)


def test_readings_of_one_reply_are_in_one_half():
    """Copies of what was learnt would let the best of twenty coins look right where held out."""
    rng = np.random.default_rng(14)
    names = [str(j) for j in range(20)]
    together, apart = [], []
    for _ in range(20):
        votes = np.repeat(draw_votes(rng, 15, [0.5] * 20, 0), 3, axis=0)
        for shares, clusters in ((together, np.repeat(np.arange(15), 3)), (apart, None)):
            tried = try_combinations(votes, names, clusters=clusters, divisions=3)
            shares.append(tried.of("single").accuracy.estimate)
    assert np.mean(together) < 0.55
    assert np.mean(apart) > 0.6


def test_two_judges_tie_where_they_differ():
    """A split counts half, so that the majority of two is right as often as one is on average."""
    votes = draw_votes(np.random.default_rng(15), 500, (0.2, 0.3), 0)
    tried = try_combinations(votes, "ab")
    assert tried.of("majority").without == (votes[:, 0] != votes[:, 1]).sum()
    assert tried.of("majority").accuracy.estimate == pytest.approx((votes > 0).mean())
    assert tried.of("weighted").without == 0


def test_missing_answers_of_the_single_judge_count_half():
    """All ways are tried on the replies that at least two judges answered."""
    votes = draw_votes(np.random.default_rng(16), 400, (0.05, 0.4, 0.4), 0)
    votes[:100, 0] = NAN
    votes[:50, 1] = NAN
    tried = try_combinations(votes, "abc")
    assert tried.n == 350
    assert tried.of("single").without == 50
    assert tried.best == "a"
    right = (votes[100:, 0] > 0).sum() + 25
    assert tried.of("single").accuracy.estimate == pytest.approx(right / 350)


def test_too_few_replies_to_divide_are_refused():
    """One cluster cannot be learnt from and held out at once."""
    votes = draw_votes(np.random.default_rng(17), 20, (0.2, 0.3), 0)
    with pytest.raises(InputError, match="expected at least 1 of 2"):
        try_combinations(votes, "ab", clusters=np.zeros(20, dtype=int))
