"""Verdicts as probabilities."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.special import expit

from ethogram.protocols.probability import (
    both_orders,
    choice_probability,
    completion_probability,
    word_logprobs,
)
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.validity.gain import what_it_buys, yardstick


def test_words_are_found_by_their_first_token():
    """A token that begins one word only counts for it, blanks and case aside."""
    top = {" Ped": log(0.5), "ped": log(0.1), " play": log(0.3)}
    first, second = word_logprobs(top, ("pedantic", "playful"))
    assert (np.exp(first), np.exp(second)) == pytest.approx((0.6, 0.3))


def test_a_token_that_begins_both_words_says_nothing():
    """With "p" as the only token the words cannot be told apart."""
    assert all(np.isnan(word_logprobs({"p": log(0.9)}, ("pedantic", "playful"))))


def test_an_unseen_word_gets_the_most_it_can_have():
    """Of .97 shown, .03 is left, above the least shown (.01): the bound is the lesser."""
    top = {"ped": log(0.96), "x": log(0.01)}
    _, second = word_logprobs(top, ("pedantic", "playful"))
    assert np.exp(second) == pytest.approx(0.01)
    _, second = word_logprobs({"ped": log(0.98)}, ("pedantic", "playful"))
    assert np.exp(second) == pytest.approx(0.02)


def test_choice_probability_is_between_the_two_words():
    """Probabilities .6 and .2 make 3 to 1; swapping the words gives the complement."""
    made = choice_probability(np.log([0.6]), np.log([0.2]))
    assert made[0] == pytest.approx(0.75)
    assert choice_probability(np.log([0.2]), np.log([0.6]))[0] == pytest.approx(0.25)


@pytest.mark.filterwarnings("error")
def test_words_that_cannot_be_have_no_probability_and_no_warning():
    """Minus infinity for both is nothing seen; for one of them it is certainty."""
    never = -np.inf
    made = choice_probability(np.array([never, never, 0.0]), np.array([never, 0.0, never]))
    np.testing.assert_array_equal(made, [np.nan, 0.0, 1.0])
    prior = np.array([[never, -1.0], [-1.0, -1.0]])
    net = completion_probability(np.array([[never, -1.0], [-1.0, never]]), prior)
    np.testing.assert_array_equal(net, [np.nan, 1.0])


def test_both_orders_take_out_a_lean():
    """A judge that says .9 for the first in either order says one half; a missing order is NaN."""
    made = both_orders(np.array([0.9, 0.9, 0.8]), np.array([0.9, 0.1, np.nan]))
    assert made[:2] == pytest.approx([0.5, 0.9])
    assert np.isnan(made[2])


def test_completion_is_net_of_the_words_prior():
    """A common word that the reply makes no likelier than before gets one half."""
    prior = np.array([-3.0, -9.0])
    made = completion_probability(np.array([[-3.0, -9.0], [-3.0, -8.0]]), prior)
    assert made == pytest.approx([0.5, expit(-1.0)])


def simulate(rng, *, soft):
    """Replies whose expression the judge sees with noise; a plain verdict is the likelier side."""
    strengths = np.linspace(-1.5, 1.5, 16)
    first, second = (np.tile(x, 4) for x in np.triu_indices(16, 1))
    seen = strengths[first] - strengths[second] + rng.logistic(0, 1, len(first))
    outcome = expit(seen) if soft else (seen > 0).astype(float)
    return rate(compare([f"t{i}" for i in range(16)], first, second, outcome), splits=20)


def test_bare_error_misleads_where_ratings_shrink():
    """Soft verdicts shrink the ratings and so their errors; over the spread they gain far less."""
    plain, soft = (simulate(np.random.default_rng(0), soft=x) for x in (False, True))
    gain = what_it_buys(plain, soft)
    assert soft.strengths.std() < 0.8 * plain.strengths.std()
    bare = gain.soft.error / gain.plain.error
    fair = gain.soft.error_over_spread / gain.plain.error_over_spread
    assert bare < fair
    assert f"{gain.soft.error_over_spread:.2f} against" in gain.sentence


@pytest.mark.parametrize(
    ("plain", "soft", "which"),
    [(0, 1, "plain"), (1, 0, "probability"), (0, 0, "plain and from probability")],
)
def test_a_gain_on_ratings_that_are_all_the_same_is_not_known(plain, soft, which):
    """Without a spread the error cannot be told in terms of it: the reason, and no infinity."""
    profile = simulate(np.random.default_rng(1), soft=False)
    tiny = 1e-13 * np.sign(profile.strengths)  # a solver leaves last bits
    flat = replace(profile, strengths=tiny)
    said = what_it_buys((flat, profile)[plain], (flat, profile)[soft]).sentence
    assert said.endswith(f"not known: the ratings from {which} verdicts are all the same.")
    assert "inf" not in said


def test_the_yardstick_does_not_depend_on_the_scale():
    """Halving strengths and errors halves the bare error, and nothing else."""
    profile = simulate(np.random.default_rng(1), soft=False)
    half = replace(profile, strengths=profile.strengths / 2, covariance=profile.covariance / 4)
    one, other = yardstick(profile), yardstick(half)
    assert other.error == pytest.approx(one.error / 2)
    assert other.error_over_spread == pytest.approx(one.error_over_spread)
    assert other.rank_width == one.rank_width
