"""Seeing and acting are told apart: scores from hand-made counts, and coverage in simulations."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ethogram.validity.accuracy import collect_plants, judge_accuracy
from ethogram.validity.acting import Acting, measure_acting

K = 12
NAMES = [f"t{i}" for i in range(K)]


def judged(hits, of, *, source="plants", names=NAMES):
    """A judge that was right in `hits[t]` of `of[t]` replies of each trait."""
    hits, of = (np.broadcast_to(x, len(names)) for x in (hits, of))
    planted = np.repeat(np.arange(len(names)), of)
    foil = (planted + 1) % len(names)
    hit = np.concatenate([np.arange(n) < h for h, n in zip(hits, of, strict=True)])
    rows = collect_plants(names, planted, foil, np.where(hit, planted, foil), judge="owl")
    return judge_accuracy(rows, source=source)


def acting(plant_hits, sight_hits, *, each=40):
    """Measure a model of whose `each` plants per trait so many were found."""
    return measure_acting(
        judged(plant_hits, each), judged(sight_hits, each, source="exemplars"), model="fern"
    )


@pytest.mark.parametrize(
    ("found", "seen", "share"),
    [
        (36, 36, 1.0),  # found as often as on exemplars: 90% of both
        (28, 36, 0.5),  # (0.7 - 0.5) / (0.9 - 0.5)
        (20, 36, 0.0),  # found by chance
        (24, 28, 0.5),  # (0.6 - 0.5) / (0.7 - 0.5)
    ],
)
def test_the_share_that_is_acted_is_net_of_the_judges_errors(found, seen, share):
    """Rogan and Gladen's estimate, by hand."""
    told = acting(found, seen)
    assert told.overall.estimate == pytest.approx(share)
    assert told.overall.low <= share <= told.overall.high
    assert told.score == pytest.approx(np.full(K, share), abs=0.02)


def test_a_model_that_cannot_act_is_told_from_a_judge_that_cannot_see():
    """The same planted replies found by chance; only the exemplars differ."""
    sees, blind = acting(20, 38), acting(20, 20)
    assert not sees.can_act
    assert "fern is not shown to act" in sees.sentence
    assert sees.unseen == ()
    assert np.isnan(blind.overall.estimate)
    assert "owl is not known to see any" in blind.sentence
    assert "is not shown to act" not in blind.sentence
    assert blind.unseen == tuple(NAMES)
    assert blind.unacted == ()


def test_traits_that_the_judge_does_not_see_have_no_score():
    """Three traits that are found by chance on exemplars; of the others all are acted."""
    seen = np.where(np.arange(K) < 3, 20, 38)
    told = acting(seen, seen)
    assert told.unseen == ("t0", "t1", "t2")
    assert np.isnan(told.score[:3]).all()
    assert np.isnan(told.low[:3]).all()
    assert (told.low[3:] > 0.5).all()
    assert told.unacted == ()


def test_traits_that_the_model_does_not_act_are_named():
    """Two traits whose plants are found by chance, by a judge that sees them."""
    told = acting(np.where(np.arange(K) < 2, 20, 38), 38)
    assert told.unacted == ("t0", "t1")
    assert told.unseen == ()
    assert told.can_act
    assert "Not shown to act 2 of 12 traits: t0, t1." in told.sentence


def test_few_exemplars_leave_the_score_wide_and_the_trait_seen():
    """With four verdicts per trait nothing is called unseen that was found four times of four."""
    told = measure_acting(judged(7, 8), judged(4, 4, source="exemplars"), model="fern")
    assert told.unseen == ()
    assert not np.isnan(told.score).any()


def test_without_planted_replies_nothing_is_said_of_acting():
    """No verdict on any plant: no score, and that is the reason given."""
    told = measure_acting(judged(0, 0), judged(38, 40, source="exemplars"), model="fern")
    assert np.isnan(told.overall.estimate)
    assert np.isnan(told.score).all()
    assert "no planted reply has a verdict by owl" in told.sentence
    assert told.unacted == ()


def test_few_planted_replies_give_no_share():
    """Three plants are too few to tell."""
    counts = np.where(np.arange(K) < 3, 1, 0)
    told = measure_acting(judged(counts, counts), judged(38, 40, source="exemplars"), model="fern")
    assert "too few (3) to tell" in told.sentence
    assert "%" not in told.sentence


def test_traits_are_matched_by_name():
    """Exemplars for other traits, in another order: a trait without any has no score."""
    names = ["t3", "t2", "other"]
    sight = judged([38, 38, 38], 40, source="exemplars", names=names)
    told = measure_acting(judged(38, 40), sight, model="fern")
    assert [name for name, x in zip(NAMES, told.score, strict=True) if not np.isnan(x)] == [
        "t2",
        "t3",
    ]
    assert told.unseen == ()  # not tried is not unseen


def test_scores_stay_within_what_is_possible():
    """Plants found more often than exemplars, or less often than by chance: 1 and 0."""
    assert acting(40, 34).overall.estimate == 1
    told = acting(10, 38)
    assert told.overall.estimate == 0
    assert (told.score >= 0).all()
    assert (told.high <= 1).all()


def test_the_seed_decides_the_interval():
    """The same seed, the same figures."""
    one, same = (acting(30, 38) for _ in range(2))
    assert one.overall == same.overall
    assert np.array_equal(one.low, same.low)


# -- coverage -------------------------------------------------------------------------------

CASES = {
    "sees, cannot act": {"acts": 0.0},
    "acts a little": {"acts": 0.3, "acts_sd": 0.1},
    "acts some traits": {"acts": 0.6, "acts_sd": 0.3},
    "acts, blind for three": {"acts": 0.9, "acts_sd": 0.1, "blind": 3},
    "sees little": {"acts": 0.8, "acts_sd": 0.2, "sees": 0.75},
    "replies that are hard to read": {"acts": 0.8, "acts_sd": 0.2, "reply_sd": 1.0},
}


def expit(x):
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def simulate(seed, *, acts, acts_sd=0.0, sees=0.9, sees_sd=0.4, reply_sd=0.0, blind=0, k=16):
    """One study: three exemplars per trait with three foils, in both orders, and eight plants.

    Half of the second orders repeat the first verdict. Returns the truth, and what was measured.
    """
    rng = np.random.default_rng([seed, 0xAC7])
    logits = np.log(sees / (1 - sees)) + sees_sd * rng.standard_normal((k, 1))
    replies = logits + reply_sd * rng.standard_normal((k, 3))  # its own three replies, no others
    replies[:blind] = 0
    share = np.clip(acts + acts_sd * rng.standard_normal(k), 0, 1)
    chance = np.repeat(expit(replies).ravel(), 3)
    hit = rng.random((len(chance), 2)) < chance[:, None]
    hit[:, 1] = np.where(rng.random(len(chance)) < 0.5, hit[:, 0], hit[:, 1])
    seen = expit(logits + reply_sd * rng.standard_normal((k, 4000))).mean(axis=1)
    seen[:blind] = 0.5
    target = np.repeat(np.arange(k), 18)
    sight = count(
        target, hit.ravel(), k, rng, source="exemplars", reply=np.repeat(np.arange(3 * k), 6)
    )
    planted = np.repeat(np.arange(k), 8)
    right = rng.random(len(planted)) < (share * seen + (1 - share) / 2)[planted]
    plants = count(
        planted, right, k, rng, source="plants", reply=rng.integers(0, 300, len(planted))
    )
    told = measure_acting(plants, sight, model="fern", seed=seed)
    weight = seen - 0.5
    return seen, share, (share * weight).sum() / weight.sum(), sight, told


def count(planted, hit, k, rng, *, source, reply):
    """Make a judge's accuracy of these hits."""
    foil = (planted + rng.integers(1, k, len(planted))) % k
    rows = collect_plants(
        [f"t{i}" for i in range(k)], planted, foil, np.where(hit, planted, foil), prompt=reply
    )
    return judge_accuracy(rows, source=source)


@cache
def coverage(case, seeds=250):
    """In which share of the seeds the interval of sight, of acting, of a trait holds the truth."""
    found = []
    for seed in range(seeds):
        seen, share, overall, sight, told = simulate(seed, **CASES[case])
        known = ~np.isnan(told.score)
        inside = (told.low <= share) & (share <= told.high)
        found.append(
            (
                sight.overall.low <= seen.mean() <= sight.overall.high,
                told.overall.low <= overall <= told.overall.high,
                inside[known].mean() if known.any() else np.nan,
            )
        )
    return np.nanmean(np.array(found, dtype=float), axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("figure", [0, 1, 2], ids=["sight", "acting", "acting by trait"])
def test_intervals_hold_the_truth(case, figure):
    """In at least 93% of the simulated studies, for each figure and kind of judge and model."""
    assert coverage(case)[figure] >= 0.93


def test_a_short_simulation_holds_too():
    """What the slow tests check, on ten studies of one case: at least eight hold each figure."""
    assert (coverage("acts, blind for three", 10) >= 0.8).all()


def test_the_result_is_frozen():
    """A result carries its own caveats and is not changed afterwards."""
    told = acting(30, 38)
    assert isinstance(told, Acting)
    with pytest.raises(AttributeError):
        told.model = "another"
