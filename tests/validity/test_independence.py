"""Correlation of judges' errors: against other implementations, closed forms and planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from ethogram.errors import InputError
from ethogram.validity.independence import effective_votes, measure_independence

NINE = tuple("abcdefghi")


def draw_votes(rng, replies, wrong, rho):
    """Votes of judges that err at these rates; the errors of any two correlate by rho if alike.

    Each takes a draw that all share with probability sqrt(rho), else its own.
    """
    wrong = np.asarray(wrong)
    own, shared = rng.random((replies, len(wrong))), rng.random((replies, 1))
    takes_shared = rng.random((replies, len(wrong))) < np.sqrt(rho)
    return np.where(np.where(takes_shared, shared, own) < wrong, -1.0, 1.0)


def test_phi_is_what_another_implementation_makes_of_the_same_errors():
    """Phi of every pair is scikit-learn's Matthews correlation of the two columns of errors."""
    votes = draw_votes(np.random.default_rng(1), 300, (0.1, 0.2, 0.4, 0.3), 0.3)
    found = measure_independence(votes, "abcd")
    for pair in found.pairs:
        one, other = ("abcd".index(name) for name in pair.judges)
        expected = matthews_corrcoef(votes[:, one] < 0, votes[:, other] < 0)
        assert pair.phi.estimate == pytest.approx(expected, abs=1e-12)


def test_a_pair_by_hand():
    """Ten replies, 4 and 3 errors, 2 in common: (10 2 - 4 3) / sqrt(4 6 3 7) = 8 / sqrt(504)."""
    one = [-1, -1, -1, -1, 1, 1, 1, 1, 1, 1]
    other = [-1, -1, 1, 1, -1, 1, 1, 1, 1, 1]
    found = measure_independence(np.transpose([one, other]), "ab")
    (pair,) = found.pairs
    assert pair.phi.estimate == pytest.approx(8 / 504**0.5)
    assert (pair.wrong, pair.both, pair.expected) == ((4, 3), 2, 1.2)
    assert [rate.estimate for rate in found.errors] == [0.4, 0.3]
    assert found.effective.estimate == pytest.approx(2 / (1 + 8 / 504**0.5))


def test_nine_judges_whose_errors_correlate_by_44_percent_are_two_votes():
    """9 / (1 + 8 * 0.44) = 1.99, found to within 0.2, with an interval that holds it."""
    votes = draw_votes(np.random.default_rng(2), 4000, [0.2] * 9, 0.44)
    found = measure_independence(votes, NINE)
    assert 1.8 < found.effective.estimate < 2.2
    assert found.effective.low < effective_votes(9, 0.44) < found.effective.high
    assert found.mean.low < 0.44 < found.mean.high


def test_effective_votes_are_those_of_the_variance_of_a_mean_vote():
    """As many independent judges have a mean error of the same variance, simulated."""
    wrong = draw_votes(np.random.default_rng(3), 200_000, [0.3] * 6, 0.25) < 0
    ratio = 0.3 * 0.7 / wrong.mean(axis=1).var()
    assert effective_votes(6, 0.25) == pytest.approx(ratio, rel=0.02)


def test_kish_is_the_quadratic_form_of_unequal_correlations():
    """m^2 over the sum of the whole matrix of phi, whatever its entries."""
    rng = np.random.default_rng(4)
    votes = draw_votes(rng, 500, [0.25] * 4, 0.3)
    votes[:, 3] = draw_votes(rng, 500, [0.25], 0)[:, 0]
    found = measure_independence(votes, "abcd")
    matrix = np.corrcoef((votes < 0).T)
    assert found.effective.estimate == pytest.approx(16 / matrix.sum())
    values = np.linalg.eigvalsh(matrix)
    assert found.dimensions == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_the_same_judge_twice_is_one_vote_but_not_for_certain():
    """Phi is 1; forty replies leave open that it is somewhat less."""
    votes = np.repeat(draw_votes(np.random.default_rng(5), 40, [0.3], 0), 2, axis=1)
    found = measure_independence(votes, "ab")
    assert found.mean.estimate == 1
    assert 0.7 < found.mean.low < 0.99
    assert found.effective.estimate == 1
    assert found.effective.high > 1


def test_errors_too_rare_to_meet_are_not_taken_for_independence():
    """Three and four errors on sixty replies, none in common: 0.3 is not excluded."""
    votes = np.ones((60, 2))
    votes[:3, 0] = votes[3:7, 1] = -1
    (pair,) = measure_independence(votes, "ab").pairs
    assert pair.phi.estimate < 0
    assert pair.phi.high > 0.3
    assert pair.few == "too few errors to tell"


@pytest.mark.parametrize("constant", [1.0, -1.0])
def test_a_judge_that_is_always_right_or_always_wrong_has_no_correlation(constant):
    """It is in no pair's mean; the pair of the other two stays what it was."""
    votes = draw_votes(np.random.default_rng(6), 200, [0.3] * 3, 0.4)
    votes[:, 2] = constant
    found = measure_independence(votes, "abc")
    known = {pair.judges for pair in found.pairs if np.isfinite(pair.phi.estimate)}
    assert known == {("a", "b")}
    assert found.mean.estimate == found.pairs[0].phi.estimate
    assert all(pair.few for pair in found.pairs[1:])
    alone = measure_independence(np.full((50, 2), constant), "ab")
    assert not alone.known
    assert (alone.effective.low, alone.effective.high) == (1, 2)


def test_missing_votes_and_ties_are_no_errors():
    """A pair is compared where both named a trait, and nowhere else."""
    rng = np.random.default_rng(7)
    votes = draw_votes(rng, 400, [0.3] * 3, 0.4)
    votes[rng.random(votes.shape) < 0.3] = np.nan
    votes[rng.random(votes.shape) < 0.1] = 0
    found = measure_independence(votes, "abc")
    for pair in found.pairs:
        columns = votes[:, ["abc".index(name) for name in pair.judges]]
        both = columns[(np.abs(columns) == 1).all(axis=1)]
        assert pair.phi.n == len(both)
        assert pair.phi.estimate == pytest.approx(matthews_corrcoef(both[:, 0], both[:, 1]))
    assert found.n == ((np.abs(votes) == 1).sum(axis=1) >= 2).sum()


def test_readings_of_the_same_reply_are_no_further_evidence():
    """Each reply four times over, one cluster: the interval is that of the replies once."""
    votes = draw_votes(np.random.default_rng(8), 80, [0.3] * 3, 0.4)
    once = measure_independence(votes, "abc")
    again = measure_independence(
        np.repeat(votes, 4, axis=0), "abc", clusters=np.repeat(np.arange(80), 4)
    )
    naive = measure_independence(np.repeat(votes, 4, axis=0), "abc")
    assert again.mean.estimate == pytest.approx(once.mean.estimate)
    assert again.mean.low == pytest.approx(once.mean.low)
    assert again.clusters == 80
    assert naive.mean.high - naive.mean.low < 0.6 * (once.mean.high - once.mean.low)


def test_neither_the_order_of_replies_nor_of_judges_matters():
    """Means and votes are the same of rows and columns in another order, up to resampling."""
    votes = draw_votes(np.random.default_rng(9), 150, (0.2, 0.3, 0.4), 0.4)
    found = measure_independence(votes, "abc")
    other = measure_independence(votes[::-1, ::-1], "cba")
    assert other.mean.estimate == pytest.approx(found.mean.estimate)
    assert other.mean.low == pytest.approx(found.mean.low, abs=0.02)
    assert {frozenset(p.judges): p.both for p in other.pairs} == {
        frozenset(p.judges): p.both for p in found.pairs
    }


def test_what_another_judge_would_add():
    """For nine judges at 0.44: 10 / 4.96 votes if alike, and never more than 1 / 0.44."""
    votes = draw_votes(np.random.default_rng(10), 3000, [0.2] * 9, 0.44)
    found = measure_independence(votes, NINE)
    rho = found.mean.estimate
    assert found.with_one_more() == pytest.approx(10 / (1 + 9 * rho))
    assert effective_votes(10, 0.44) == pytest.approx(10 / 4.96)
    # 90 of the 100 - 10 pairs in both directions: 72 keep rho, 18 are 0, so the mean is 0.8 rho.
    assert found.with_one_more(alike=False) == pytest.approx(10 / (1 + 9 * 0.8 * rho))
    assert found.effective.estimate < found.with_one_more() < found.ceiling
    assert found.ceiling == pytest.approx(1 / rho)


def test_replies_needed_follow_the_root_law():
    """For half the width it takes four times the replies; none where the width is there."""
    votes = draw_votes(np.random.default_rng(11), 100, [0.3] * 3, 0.3)
    found = measure_independence(votes, "abc")
    half = (found.mean.high - found.mean.low) / 2
    assert found.replies_for(half / 2) == pytest.approx(400, abs=1)
    assert found.replies_for(half * 1.01) == 0


@pytest.mark.parametrize(
    ("votes", "judges", "words"),
    [
        (np.ones((5, 1)), "a", "expected at least 2"),
        (np.ones((5, 3)), "ab", "expected (replies, 2)"),
        (np.full((5, 2), 0.5), "ab", "expected 1, 0, -1 or NaN"),
    ],
)
def test_what_are_no_votes_of_several_judges_is_refused(votes, judges, words):
    """The text says what was expected."""
    with pytest.raises(InputError) as raised:
        measure_independence(votes, judges)
    assert words in str(raised.value)


def coverage(replies, wrong, rho, studies):
    """Share of simulated studies whose intervals hold the truth (correlation, votes), mean votes.

    Studies in which no two judges err so that a correlation is defined are left out.
    """
    rng, held, votes = np.random.default_rng(12), [], []
    judges = [str(j) for j in range(len(wrong))]
    truth = effective_votes(len(wrong), rho)
    for _ in range(studies):
        found = measure_independence(draw_votes(rng, replies, wrong, rho), judges)
        if found.known:
            mean, effective = found.mean, found.effective
            held.append(
                (mean.low <= rho <= mean.high, effective.low - 1e-9 <= truth <= effective.high)
            )
            votes.append(effective.estimate)
    return *np.mean(held, axis=0), float(np.mean(votes))


def test_intervals_hold_the_truth_in_most_studies():
    """Of forty studies of three judges on sixty replies, at least 34 (95% would be 38)."""
    mean, votes, _ = coverage(60, [0.2] * 3, 0.44, 40)
    assert mean >= 0.85
    assert votes >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replies", "wrong", "rho"),
    [
        (30, [0.2] * 9, 0.44),
        (200, [0.2] * 9, 0.44),
        (60, [0.1] * 3, 0.44),
        (200, [0.03] * 3, 0.44),
        (60, [0.2] * 3, 0.0),
        (200, [0.1] * 2, 0.8),
    ],
)
def test_coverage_over_simulations(replies, wrong, rho):
    """95% intervals hold the truth in 92% or more of 300 studies, also of few and rare errors."""
    mean, votes, _ = coverage(replies, wrong, rho, 300)
    assert mean >= 0.92
    assert votes >= 0.92
