"""Probes on planted activations: what is there is found, what is not is not."""

from __future__ import annotations

import numpy as np
import pytest

from ethogram.analysis.probes.agreement import agreement, compare_errors, picks
from ethogram.analysis.probes.decoding import Site, decode, score_held_out, separate_rows
from ethogram.analysis.probes.directions import fit_logistic, fit_mean_difference
from ethogram.analysis.probes.doses import Responses, slope
from ethogram.analysis.probes.separation import separate
from ethogram.analysis.probes.splits import Labelled, label_rows, shuffled
from ethogram.analysis.probes.texts import count_words, measure_lengths
from ethogram.analysis.probes.utility import (
    compare_cosines,
    correlate_matrices,
    predict_ratings,
)
from ethogram.errors import InputError

DIM, TRAITS, REPLIES = 32, 4, 240
SITES = [Site(layer, "mean") for layer in range(3)]


def _planted(seed: int = 0, strength: float = 2.0):
    """Replies to prompts of their own, with a unit direction per trait planted at layer 1."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(DIM, TRAITS)))[0].T
    trait = np.arange(REPLIES) % TRAITS
    noise = rng.normal(size=(len(SITES), REPLIES, DIM)) / np.sqrt(DIM) * 2
    noise[1] += strength * directions[trait]
    labels = trait[:, None] == np.arange(TRAITS)
    prompt = np.arange(REPLIES) // 2
    return directions, noise, label_rows(labels, prompt, seed=seed)


@pytest.mark.parametrize("fit", [fit_mean_difference, fit_logistic])
def test_a_planted_direction_is_found(fit):
    """Both fits point along the planted direction, less what the other traits share of it."""
    directions, rows, labelled = _planted(strength=3.0)
    found = fit(rows[1], labelled.labels).directions
    # One trait against the rest: its own direction minus the mean of the other three.
    expected = directions - (directions.sum(axis=0) - directions) / (TRAITS - 1)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (np.einsum("td,td->t", found, expected) > 0.9).all()


@pytest.mark.parametrize("fit", [fit_mean_difference, fit_logistic])
def test_the_inner_split_chooses_the_planted_layer(fit):
    """The layer is chosen within the training folds, and the held-out replies are told apart."""
    _, rows, labelled = _planted()
    found = decode(lambda site: rows[site.layer], SITES, labelled, fit=fit)
    assert set(found.chosen.values()) == {SITES[1]}
    assert found.best == SITES[1]
    assert found.separation.mean().low > 0.9
    assert found.by_site[SITES[0]].low < 0.5 < found.by_site[SITES[0]].high


def test_shuffled_labels_are_at_chance():
    """With labels dealt out anew, the interval of the accuracy holds one half 19 times in 20."""
    holds = []
    for seed in range(60):
        _, rows, labelled = _planted(seed)
        again = shuffled(labelled, seed=seed)
        scores = score_held_out(rows[1], again, fit=fit_mean_difference)
        mean = separate_rows(scores, again).mean()
        holds.append(mean.low <= 0.5 <= mean.high)
    assert 53 <= sum(holds) <= 60  # binomial(60, 0.95): 57, and 3 standard deviations of 1.7


def test_logistic_regression_is_that_of_scikit_learn():
    """The same penalty on the same standardised rows gives the same direction."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    _, rows, labelled = _planted()
    x, y = rows[1], labelled.labels[:, 0]
    scaled = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(DIM)
    model = linear_model.LogisticRegression(C=1 / 0.03, tol=1e-8, max_iter=2000).fit(scaled, y)
    ours = fit_logistic(x, labelled.labels).score(x)[:, 0]
    theirs = scaled @ model.coef_[0]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9999


def _leaking():
    """Each prompt moves all its replies its own way; the trait is the prompt's, by lot."""
    rng = np.random.default_rng(3)
    prompt = np.repeat(np.arange(60), 6)
    trait = rng.integers(0, 2, 60)[prompt]
    rows = 3 * rng.normal(size=(60, 200))[prompt] + rng.normal(size=(len(prompt), 200))
    return rows, trait[:, None] == np.arange(2), prompt


def test_what_a_prompt_gives_away_is_not_read():
    """Memory of prompts tells replies apart where prompts are split, and is chance here."""
    rows, labels, prompt = _leaking()
    labelled = label_rows(labels, prompt)
    fair = separate_rows(score_held_out(rows, labelled), labelled).mean()
    assert fair.low < 0.5 < fair.high
    alone = label_rows(labels, np.arange(len(prompt)))  # each reply a prompt of its own
    leaky = separate_rows(score_held_out(rows, alone), alone).mean()
    assert leaky.low > 0.9


def test_a_prompt_in_two_folds_is_refused():
    """No split that parts a prompt can be made by hand either."""
    labels = np.ones((4, 1), dtype=bool)
    with pytest.raises(InputError, match="more than one fold"):
        Labelled(labels, labels[:, 0], np.array([0, 0, 1, 1]), np.arange(4), np.full(4, -1))


def test_a_pair_that_is_held_out_is_not_fitted():
    """Rows of a pair in the held-out fold are left out of the fit, whatever their prompt."""
    prompt, pair = np.arange(6), np.array([0, 1, 2, 0, 1, 2])
    rows = label_rows(np.ones((6, 1), dtype=bool), prompt, pair=pair, folds=3)
    for fold in rows.folds:
        fitted = rows.fitted(fold)
        assert not set(pair[fitted]) & set(pair[rows.fold == fold])
        assert not (fitted & (rows.fold == fold)).any()


def test_words_that_give_the_trait_away_are_caught_by_the_baseline():
    """Where a word tells the trait, the bag of words is as good as a probe that reads it."""
    rng = np.random.default_rng(5)
    words = np.array(["rain", "sun", "wind", "snow", "hail"])
    trait = np.arange(REPLIES) % 2
    texts = [f"{' '.join(rng.choice(words, 6))} {'alas' if t else 'hooray'}" for t in trait]
    labelled = label_rows(trait[:, None] == np.arange(2), np.arange(REPLIES) // 2)
    inside = trait[:, None] * np.ones(8) + rng.normal(size=(REPLIES, 8)) * 0.1
    probe = separate_rows(score_held_out(inside, labelled), labelled)
    bag = separate_rows(score_held_out(count_words(texts), labelled), labelled)
    assert bag.mean().low > 0.95
    less = probe.less(bag)
    assert less.low <= 0 <= less.high


def test_length_alone_is_a_baseline():
    """Replies that differ in nothing but length are told apart by it."""
    texts = ["yes " * (3 + 4 * (i % 2) + i % 3) for i in range(60)]
    labels = (np.arange(60) % 2 == 1)[:, None]
    labelled = label_rows(labels, np.arange(60))
    found = separate_rows(score_held_out(measure_lengths(texts), labelled), labelled)
    assert found.mean().low > 0.85


def test_separation_by_hand():
    """Two with the label (3, 1), two without (2, 0): 3 of 4 pairs are in the right order."""
    scores = np.array([[3.0], [1.0], [2.0], [0.0]])
    labels = np.array([[True], [True], [False], [False]])
    one = np.zeros(4, dtype=np.int64)
    found = separate(scores, labels, np.ones(4, dtype=bool), one, np.arange(4))
    assert found.accuracy[0] == 0.75
    assert found.pulls.sum() == pytest.approx(0)


def test_better_scores_are_better_beyond_the_interval():
    """The paired difference of a planted probe to noise is clearly above 0, and 0 to itself."""
    _, rows, labelled = _planted()
    good = separate_rows(score_held_out(rows[1], labelled), labelled)
    noise = separate_rows(score_held_out(rows[0], labelled), labelled)
    assert good.less(noise).low > 0.2
    assert good.less(noise, 0).low > 0
    assert good.less(good).estimate == 0


def test_chinese_words_are_counted_by_the_character():
    """Languages without spaces are no single word."""
    counts = count_words(["你好吗", "你好", "hello you", "hello"])
    assert (counts > 0).sum(axis=1).tolist() == [2, 2, 1, 1]


def test_two_probes_that_are_equally_good_differ_by_nothing_19_times_in_20():
    """The interval of a paired difference allows for what the folds' training rows share."""
    holds = []
    for seed in range(60):
        _, rows, labelled = _planted(seed, strength=0.6)
        other = _planted(seed + 1000, strength=0.6)[1]  # the same labels, other noise
        one, two = (
            separate_rows(score_held_out(x[1], labelled, fit=fit_mean_difference), labelled)
            for x in (rows, other)
        )
        less = one.less(two)
        holds.append(less.low <= 0 <= less.high)
    assert 53 <= sum(holds) <= 60  # binomial(60, 0.95)


def _of_traits(seed: int, count: int = 24):
    """Rows of traits whose first number is their rating, and noise in all others."""
    rng = np.random.default_rng(seed)
    ratings = rng.normal(size=count)
    return np.column_stack([6 * ratings, rng.normal(size=(count, 12))]), ratings - ratings.mean()


def test_planted_ratings_are_predicted_and_shuffled_ones_are_not():
    """Left out with all that is near, a planted utility is found; p of noise is not small."""
    rows, ratings = _of_traits(0)
    near = np.kron(np.eye(12), np.ones((2, 2))).astype(bool)
    found = predict_ratings(rows, ratings, near)
    assert found.r.low > 0.7
    assert found.p < 0.01
    noise = predict_ratings(rows[:, 1:], ratings, near)
    assert noise.p > 0.05


def test_what_is_near_is_not_fitted():
    """Twins share row and rating by lot: seen through each other they are known."""
    rng = np.random.default_rng(2)
    rows = np.repeat(rng.normal(size=(12, 40)), 2, axis=0)
    ratings = np.repeat(rng.normal(size=12), 2)
    ratings -= ratings.mean()
    twins = np.kron(np.eye(12), np.ones((2, 2))).astype(bool)
    leaky = predict_ratings(rows, ratings, np.zeros((24, 24), dtype=bool))
    fair = predict_ratings(rows, ratings, twins)
    assert leaky.r.estimate > 0.9
    assert fair.r.low < 0 < fair.r.high


def test_cosines_of_pairs_that_are_alike_are_compared():
    """Pairs planted as alike have larger cosines, and shuffling traits says so."""
    rng = np.random.default_rng(6)
    shared = np.repeat(rng.normal(size=(6, 30)), 2, axis=0) + 0.5 * rng.normal(size=(12, 30))
    unit = shared / np.linalg.norm(shared, axis=1, keepdims=True)
    alike = np.kron(np.eye(6), np.ones((2, 2))).astype(bool)
    found = compare_cosines(unit @ unit.T, alike)
    assert found.n_alike == 6
    assert found.alike > 0.6
    assert found.others < 0.3
    assert found.p < 0.01
    rho, p = correlate_matrices(unit @ unit.T, unit @ unit.T)
    assert rho == pytest.approx(1)
    assert p < 0.01
    other = rng.normal(size=(12, 30))
    assert correlate_matrices(unit @ unit.T, other @ other.T)[1] > 0.05


def test_agreement_by_hand():
    """Picks 1, 0, one half against 0.9, 0.8, 0.1 and a tie: hits 1, 0, 1/2; the tie is left out."""
    pick = picks(np.array([2.0, -1.0, 0.0, 3.0]))
    outcome = np.array([0.9, 0.8, 0.1, 0.5])
    found = agreement(pick, outcome, np.arange(4))
    assert (found.n, found.estimate) == (3, 0.5)
    table = compare_errors(np.array([1.0, 1.0, 0.0, 0.0, 0.5]), np.array([1.0, 0.0, 1.0, 0.0, 0.0]))
    assert (table.both, table.only_probe, table.only_judge, table.neither) == (1, 1, 1, 2)
    assert table.chance_neither == pytest.approx(3 * 3 / 5)


def test_a_slope_by_hand():
    """Two prompts at doses 0 and 1: rises of 0.2 and 0.4 have the mean slope 0.3."""
    rows = Responses(
        np.array([0.5, 0.7, 0.5, 0.9]),
        np.array([0.0, 1.0, 0.0, 1.0]),
        ("none", "trait", "none", "trait"),
        np.array([0, 0, 1, 1]),
    )
    found = slope(rows, "trait")
    assert found.estimate == pytest.approx(0.3)
    assert found.n == 2
