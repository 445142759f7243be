"""Two measurements of the same traits: reliability, agreement net of noise, where they part."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from ethogram.analysis.word_and_deed import (
    Scores,
    compare_agreement,
    find_parted,
    measure_agreement,
    score_items,
    score_profile,
)
from ethogram.design import make_design
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate

NAMES = tuple(f"trait{i}" for i in range(40))


def noisy(true, error, rng):
    """Measure true values with an error of known size."""
    values = true + error * rng.normal(size=len(true))
    variances = np.full(len(true), error**2)
    names = tuple(f"trait{i}" for i in range(len(true)))
    return Scores(names, values, variances, 1 - error**2 / values.var(ddof=1))


def rated(true, error, rng, *, items=4):
    """Answer four statements per trait on a scale from 1 to 5, the reversed ones turned."""
    shown = 3 + 1.1 * true[:, None] + error * rng.normal(size=(len(true), items))
    answers = np.clip(np.round(shown), 1, 5)
    return score_items([f"trait{i}" for i in range(len(true))], answers)


def two_traits(rho, rng, k=40):
    """Draw what is done and what is said of it, correlated by rho in the population."""
    deed = rng.normal(size=k)
    return deed, rho * deed + np.sqrt(1 - rho**2) * rng.normal(size=k)


# -- scales -----------------------------------------------------------------------------------


def test_alpha_is_cronbachs():
    """They are K / (K - 1) times one minus the items' variances over that of their sum."""
    answers = np.random.default_rng(0).normal(size=(30, 4)) + np.arange(30)[:, None] / 10
    items, total = answers.var(axis=0, ddof=1).sum(), answers.sum(axis=1).var(ddof=1)
    found = score_items([f"t{i}" for i in range(30)], answers)
    assert found.reliability == pytest.approx(4 / 3 * (1 - items / total), abs=1e-12)


def test_agreeing_with_everything_moves_no_score():
    """A point more on every item, or on the reversed ones alone, is taken out with the item."""
    answers = np.random.default_rng(1).integers(2, 5, size=(12, 4)).astype(float)
    plain = score_items(NAMES[:12], answers)
    more = score_items(NAMES[:12], answers + np.array([0.5, -0.5, 0.5, -0.5]))
    assert more.values == pytest.approx(plain.values)
    assert more.reliability == pytest.approx(plain.reliability)


def test_a_missing_answer_is_missing():
    """A trait with fewer answers has a larger error; one without any is left out."""
    answers = np.random.default_rng(2).normal(size=(10, 4))
    answers[0, 1:] = np.nan
    answers[1] = np.nan
    found = score_items(NAMES[:10], answers)
    assert "trait1" not in found.traits
    assert found.variances[0] == pytest.approx(4 * found.variances[1])
    assert score_items(NAMES[:10], np.full((10, 4), np.nan)) is None
    assert score_items(NAMES[:2], np.zeros((2, 4))) is None


def test_a_scale_that_says_the_same_of_every_trait_is_not_reliable():
    """All threes: nothing is told apart, and no correlation is corrected."""
    flat = score_items(NAMES, np.full((40, 4), 3.0))
    assert flat.reliability == 0
    deed = noisy(np.random.default_rng(3).normal(size=40), 0.3, np.random.default_rng(4))
    agreement = measure_agreement(flat, deed, draws=200)
    assert np.isnan(agreement.plain.estimate)
    assert np.isnan(agreement.corrected.estimate)
    assert find_parted(flat, deed) == ()


# -- agreement --------------------------------------------------------------------------------


def test_agreement_is_spearmans_over_the_shared_traits():
    """As scipy computes it, divided by the root of both reliabilities."""
    rng = np.random.default_rng(5)
    one, other = (noisy(true, 0.4, rng) for true in two_traits(0.6, rng))
    other = other.of(other.traits[5:])
    found = measure_agreement(one, other, draws=300)
    expected = spearmanr(one.values[5:], other.values).statistic
    assert found.n == 35
    assert found.plain.estimate == pytest.approx(expected)
    root = np.sqrt(
        (1 - one.variances[5:].mean() / one.values[5:].var(ddof=1))
        * (one.reliability / (1 - one.variances.mean() / one.values.var(ddof=1)))
        * (1 - other.variances.mean() / other.values.var(ddof=1))
        * (other.reliability / (1 - other.variances.mean() / other.values.var(ddof=1)))
    )
    assert found.corrected.estimate == pytest.approx(expected / root, rel=0.02)
    assert measure_agreement(one, other.of(other.traits[:2])) is None


@pytest.mark.parametrize(
    ("k", "far"),
    [
        (3, -1.0),  # one order of three in six: anything is possible
        (8, np.tanh(np.arctanh(1 - 12 / 504) - 2.364624 / 5**0.5)),  # t on 7 degrees of freedom
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_same_order_of_all_traits_is_no_certainty(k, far, sign):
    """No draw of traits shows another order; the interval reaches towards 0 all the same."""
    names, ranks, errors = NAMES[:k], np.arange(k, dtype=float), np.full(k, 0.1)
    one, other = Scores(names, ranks, errors, 0.8), Scores(names, sign * ranks, errors, 0.9)
    plain = measure_agreement(one, other).plain
    assert plain.estimate == pytest.approx(sign)
    assert (plain.low if sign > 0 else plain.high) == pytest.approx(sign * far, abs=1e-6)
    assert np.isnan(compare_agreement(one, one, other)).all()


def test_agreement_does_not_depend_on_the_scale():
    """Ten times the values, with ten times the errors, agree as before."""
    rng = np.random.default_rng(6)
    one, other = (noisy(true, 0.3, rng) for true in two_traits(0.5, rng))
    ten = Scores(one.traits, 10 * one.values + 7, 100 * one.variances, one.reliability)
    found, before = (measure_agreement(scores, other, draws=200) for scores in (ten, one))
    assert [*found.plain, *found.corrected] == pytest.approx([*before.plain, *before.corrected])


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize(("k", "said", "done"), [(40, 0.7, 0.4), (40, 1.1, 0.6), (144, 0.9, 0.3)])
def test_the_interval_net_of_noise_covers_the_planted_correlation(rho, k, said, done):
    """93 to 97% of simulations, for statements on a scale of 1 to 5 against noisy ratings."""
    # Spearman's correlation of two normal variables is 6 / pi times asin(rho / 2).
    true, hits = 6 / np.pi * np.arcsin(rho / 2), []
    for seed in range(1000):
        rng = np.random.default_rng([seed, k, int(10 * rho), int(10 * said)])
        deed, word = two_traits(rho, rng, k)
        agreement = measure_agreement(rated(word, said, rng), noisy(deed, done, rng), draws=500)
        hits.append(agreement.corrected.low <= true <= agreement.corrected.high)
    assert 0.93 <= np.mean(hits) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_choices_between_words_cover_it_too(rho):
    """As a study asks: eight pairs per trait in both orders, against all pairs asked once."""
    true, hits = 6 / np.pi * np.arcsin(rho / 2), []
    design, n = make_design(40, 500, seed=3), 8 * 40 // 2
    for seed in range(200):
        rng = np.random.default_rng([seed, int(10 * rho)])
        deed, word = (2 * values for values in two_traits(rho, rng))
        a, b = design.first, design.second
        both = np.concatenate([a[:n], b[:n]]), np.concatenate([b[:n], a[:n]])
        chosen = rng.random(2 * n) < 1 / (1 + np.exp(word[both[1]] - word[both[0]] - 0.3))
        shown = rng.random(len(a)) < 1 / (1 + np.exp(deed[b] - deed[a]))
        said = compare(NAMES, *both, chosen, prompt=np.tile(np.arange(n), 2))
        done = compare(NAMES, a, b, shown, prompt=design.prompt)
        scores = [score_profile(rate(comparisons)) for comparisons in (said, done)]
        agreement = measure_agreement(*scores, draws=500)
        hits.append(agreement.corrected.low <= true <= agreement.corrected.high)
    assert 0.91 <= np.mean(hits) <= 0.99  # 95% within twice the error of 200 simulations


def test_acting_first_is_seen_to_make_the_word_truer():
    """A word of correlation .9 after one of .1 differs by about .8; one alike does not."""
    rng = np.random.default_rng(7)
    deed, word = two_traits(0.1, rng, 144)
    truer = 0.9 * deed + np.sqrt(0.19) * rng.normal(size=144)
    done, before, after = (noisy(true, 0.4, rng) for true in (deed, word, truer))
    more = compare_agreement(before, after, done, draws=500)
    assert 0.4 < more.low < more.estimate < more.high < 1.1
    alike = compare_agreement(after, noisy(truer, 0.4, rng), done, draws=500)
    assert alike.low < 0 < alike.high


# -- where they part --------------------------------------------------------------------------


def test_a_trait_that_is_said_and_not_done_is_found():
    """Three standard deviations apart: found first, with its sign, and hardly any other."""
    rng = np.random.default_rng(8)
    true = rng.normal(size=100)
    word = true.copy()
    word[3] += 3
    found = find_parted(noisy(word, 0.2, rng), noisy(true, 0.2, rng))
    assert found[0].trait == "trait3"
    assert 2 < found[0].difference.low < found[0].difference.estimate < 4
    assert len(found) <= 2


def test_those_who_do_as_they_say_seldom_part():
    """With equal truths at most 8% of simulations find any trait (false discovery rate 5%)."""
    some = 0
    for seed in range(300):
        rng = np.random.default_rng([9, seed])
        true = rng.normal(size=60)
        some += bool(find_parted(noisy(true, 0.5, rng), noisy(true, 0.3, rng)))
    assert some / 300 <= 0.08
