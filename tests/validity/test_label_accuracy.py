"""A judge beside people: weights, intervals, agreement, and ratings corrected with labels."""

from dataclasses import replace

import krippendorff
import numpy as np
import pytest
from bench.label_sim import corrections, coverage, label
from bench.validity_sim import simulate
from sklearn.metrics import cohen_kappa_score

from ethogram.errors import InputError, NotInformative
from ethogram.validity.correction import correct
from ethogram.validity.labels import (
    BOTH,
    FIRST,
    SECOND,
    UNSURE,
    Labels,
    label_accuracy,
    labels_needed,
)


def _labels(answer, named, *, stratum, replies, trial=None, labeller=None, prompt=None):
    """Labels of replies between traits 0 (first) and 1 (second)."""
    n = len(answer)
    trial = np.arange(n) if trial is None else np.asarray(trial)
    labeller = np.zeros(n, dtype=int) if labeller is None else np.asarray(labeller)
    return Labels(
        traits=("warm", "blunt"),
        trial=trial,
        prompt=trial if prompt is None else np.asarray(prompt),
        first=np.zeros(n, dtype=int),
        second=np.ones(n, dtype=int),
        answer=np.asarray(answer),
        named=np.asarray(named),
        named_first=np.ones(n, dtype=bool),
        labeller=labeller,
        model=np.zeros(n, dtype=int),
        stratum=np.asarray(stratum),
        replies=np.asarray(replies),
        labellers=tuple(f"person-{i}" for i in range(labeller.max() + 1)),
        judge="judge",
    )


def test_replies_count_for_as_many_as_they_stand_for():
    """Half right of 10 labels for 900 replies, all of 10 for 100: (0.5 * 900 + 100) / 1000."""
    named = [0] * 5 + [1] * 5 + [0] * 10
    found = label_accuracy(
        _labels([FIRST] * 20, named, stratum=[0] * 10 + [1] * 10, replies=[900, 100])
    )
    assert found.overall.estimate == pytest.approx(0.55)
    assert found.n == 20


def test_two_labels_of_a_reply_are_one_observation():
    """Everything labelled twice alike: the same estimate and interval as once."""
    rng = np.random.default_rng(1)
    named = rng.integers(0, 2, 60)
    once = _labels([FIRST] * 60, named, stratum=[0] * 60, replies=[500])
    twice = _labels(
        [FIRST] * 120,
        np.tile(named, 2),
        stratum=[0] * 120,
        replies=[500],
        trial=np.tile(np.arange(60), 2),
        labeller=np.repeat([0, 1], 60),
    )
    one, two = label_accuracy(once).overall, label_accuracy(twice).overall
    assert two.n == one.n == 60
    assert two.estimate == pytest.approx(one.estimate)
    assert (two.low, two.high) == pytest.approx((one.low, one.high), abs=0.003)


def test_replies_to_one_prompt_are_not_independent():
    """Ten replies to each of ten prompts, all alike within one: as wide as ten observations."""
    named = np.repeat([0, 0, 0, 0, 0, 0, 0, 1, 1, 1], 10)
    alone = _labels([FIRST] * 100, named, stratum=[0] * 100, replies=[10_000])
    shared = replace(alone, prompt=np.repeat(np.arange(10), 10))
    narrow, wide = (label_accuracy(x).overall for x in (alone, shared))
    assert (wide.high - wide.low) > 2.5 * (narrow.high - narrow.low)


def test_kappa_and_alpha_are_those_of_other_implementations():
    """Beside scikit-learn's kappa and the package krippendorff on the raw table, with gaps."""
    rng = np.random.default_rng(2)
    one = rng.integers(0, 4, 80)
    other = np.where(rng.random(80) < 0.7, one, rng.integers(0, 4, 80))
    other[:10] = UNSURE
    labels = _labels(
        np.concatenate([one, other]),
        [0] * 160,
        stratum=[0] * 160,
        replies=[900],
        trial=np.tile(np.arange(80), 2),
        labeller=np.repeat([0, 1], 80),
    )
    found = label_accuracy(labels)
    kappa = found.kappa["person-0", "person-1"]
    assert kappa.estimate == pytest.approx(cohen_kappa_score(one[10:], other[10:]))
    table = np.stack([one, np.where(other < 0, np.nan, other)])
    expected = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    assert found.alpha.estimate == pytest.approx(expected)


def test_peoples_errors_are_taken_out_by_the_closed_form():
    """One person right in h = 0.9 and a judge in j = 0.8: A = 0.82, a = 0.74, and back.

    Of 100 replies labelled twice: 81 both right, 1 both wrong, 18 split; the judge is right in
    four of five of each.
    """
    right = np.repeat([[1, 1], [0, 0], [1, 0], [0, 1]], [405, 5, 45, 45], axis=0)
    judged = np.tile([1, 1, 1, 1, 0], 100)
    labels = _labels(
        np.where(right.T.ravel() == 1, FIRST, SECOND),
        np.where(np.tile(judged, 2) == 1, 0, 1),
        stratum=[0] * 1000,
        replies=[100_000],
        trial=np.tile(np.arange(500), 2),
        labeller=np.repeat([0, 1], 500),
    )
    found = label_accuracy(labels)
    assert found.overall.estimate == pytest.approx(0.74)
    assert found.people.estimate == pytest.approx(0.9)
    assert found.net.estimate == pytest.approx(0.8)
    assert found.net.low < 0.8 < found.net.high


def test_what_nobody_can_be_right_about_is_told_apart():
    """Both, neither and cannot tell are no errors of the judge; they are counted beside it."""
    answer = [FIRST] * 30 + [BOTH] * 6 + [UNSURE] * 4
    found = label_accuracy(_labels(answer, [0] * 40, stratum=[0] * 40, replies=[400]))
    assert found.overall.estimate == 1
    assert found.overall.low < 0.95
    assert found.undecided.estimate == pytest.approx(0.25)
    assert any("no verdict can be right there" in text for text in found.findings())


def test_labels_outside_the_draw_do_not_move_the_share():
    """Imported labels of replies that were not drawn have no known probability."""
    rows = _labels([FIRST] * 30, [0] * 20 + [1] * 10, stratum=[0] * 20 + [-1] * 10, replies=[200])
    found = label_accuracy(rows)
    assert found.overall.estimate == 1
    assert found.n == 20
    assert any("10 labelled replies were not drawn" in text for text in found.caveats)


def test_needed_labels_give_the_wanted_interval():
    """As many as are said to be needed from 100 labels on give it, within a tenth."""
    world = simulate(40, accuracy=0.75, rounds=4, seed=1)
    first = label_accuracy(label(world, 100, labellers=1)).overall
    half = (first.high - first.low) / 2
    more = labels_needed(0.05, accuracy=first.estimate, n=100, half=half)
    then = label_accuracy(label(world, 100 + more, labellers=1)).overall
    assert (then.high - then.low) / 2 == pytest.approx(0.05, rel=0.1)
    assert labels_needed(half * 1.01, accuracy=first.estimate, n=100, half=half) == 0
    # Wald's rule for a share of one half: (1.96 / 0.1)^2 / 4 = 96
    assert labels_needed(0.1, accuracy=0.5) == pytest.approx(96, abs=5)
    with pytest.raises(InputError, match="half width"):
        labels_needed(0.0, accuracy=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({"size": 100}, 0),
        ({"size": 200, "undecided": 0.2}, 0),
        ({"size": 150, "accuracy": 0.95, "acted": 0.3}, 0),
        ({"size": 200, "human": 0.9}, 2),
    ],
    ids=["100", "undecided", "good judge", "people err"],
)
def test_labels_cover_the_truth_and_plants_miss_it(options, column, monkeypatch):
    """A judge that is worse on chosen replies: labels cover in 93 to 97%, plants hardly ever.

    Of 400 studies; one standard error of such a share is 1.1 points, and the limits allow one.
    """
    monkeypatch.setattr("ethogram.validity.labels._kappas", lambda labels: {})
    monkeypatch.setattr("ethogram.validity.labels._alpha", lambda labels: None)
    shares = np.nanmean(coverage(range(400), rounds=6, **options), axis=0)
    assert 0.93 <= shares[column] <= 0.98
    assert shares[1] < 0.35


@pytest.mark.slow
def test_labels_bring_corrected_ratings_nearer_to_the_truth():
    """With labels beside plants the error is smaller than with plants alone, and covered."""
    made = corrections(range(6), size=200)
    assert (made[:, 2, 0] < made[:, 1, 0]).sum() >= 5
    assert made[:, 2, 0].mean() < 0.9 * made[:, 1, 0].mean()
    assert made[:, 2, 2].mean() > 0.9
    assert made[:, 1, 2].mean() < 0.8


def test_labels_replace_the_plants_word_for_chosen_replies():
    """Plants say 95%, people 75%: with labels the accuracies follow people, and stay in range."""
    world = simulate(12, accuracy=0.75, acted=2.0, rounds=8, plants_each=20, spread=0.03, seed=2)
    labels = label(world, 300, labellers=1)
    alone = correct(world.comparisons, world.plants)
    both = correct(world.comparisons, world.plants, labels=labels, plain=alone.plain)
    assert both.labelled.n == 300
    assert both.convergence < 1.1
    assert abs(both.accuracy.mean() - world.accuracy.mean()) < 0.06
    assert alone.accuracy.mean() - world.accuracy.mean() > 0.1


def test_few_labels_leave_the_plants_their_word_and_a_blind_judge_is_refused():
    """Nineteen labels change nothing; a judge that people do not agree with is not corrected."""
    world = simulate(8, accuracy=0.85, rounds=6, seed=3)
    few = label(world, 19, labellers=1)
    assert correct(world.comparisons, world.plants, labels=few).labelled is None
    blind = label(world, 100, labellers=1, human=0.5)
    with pytest.raises(NotInformative, match="what people see in"):
        correct(world.comparisons, world.plants, labels=blind)
