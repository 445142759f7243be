"""Judge accuracy on planted traits."""

import numpy as np
import pytest
from scipy.special import expit

from ethogram.design import LEAST_PLANTS, plant_pairs
from ethogram.errors import InputError
from ethogram.validity.accuracy import collect_plants, judge_accuracy, place_lean

NAMES = [f"t{i}" for i in range(144)]


def judged(accuracy, *, k=144, each=8, seed=0, bias=0.0):
    """Plants of a judge that finds trait t with probability accuracy[t], and else names the foil;
    in a share `bias` of the cases it names the trait shown first without looking.
    """
    rng = np.random.default_rng(seed)
    planted, foil, first = plant_pairs(k, n_trials=k * each, share=1.0, seed=seed)
    hit = rng.random(len(planted)) < np.broadcast_to(accuracy, k)[planted]
    hit = np.where(rng.random(len(planted)) < bias, first, hit)
    return collect_plants(
        NAMES[:k], planted, foil, np.where(hit, planted, foil), planted_first=first
    )


def test_every_trait_is_planted_and_foil_equally_often():
    """The default share of the large study: 8 plants per trait, balanced in role and place."""
    planted, foil, first = plant_pairs(144, n_trials=10_296)
    assert len(planted) == 1152
    assert set(np.bincount(planted)) == set(np.bincount(foil)) == {8}
    assert (planted != foil).all()
    assert set(np.bincount(planted[first], minlength=144)) == {4}
    assert len({*zip(planted.tolist(), foil.tolist(), strict=True)}) == 1152


def test_a_small_study_still_sees_every_trait():
    """However small the study, every trait is planted, once in each place."""
    planted, _, first = plant_pairs(10, n_trials=45)
    assert (np.bincount(planted) == LEAST_PLANTS).all()
    assert (np.bincount(planted[first]) == 1).all()


def test_more_plants_than_foils_reuse_them_evenly():
    """With three traits and five plants each, the two possible foils are used 2 or 3 times."""
    planted, foil, _ = plant_pairs(3, n_trials=15, share=1.0)
    pairs = np.bincount(planted * 3 + foil, minlength=9).reshape(3, 3)
    assert (pairs[~np.eye(3, dtype=bool)] >= 2).all()


def test_plants_follow_the_seed():
    """The same seed gives the same plants, another seed others."""
    one, same, other = (plant_pairs(12, n_trials=66, seed=s)[0] for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("k", "share"), [(1, 0.1), (10, 0.0), (10, 1.5)])
def test_impossible_plans_are_refused(k, share):
    """One trait, or a share outside 0 to 1, is an input error."""
    with pytest.raises(InputError, match="expected at least 2 traits"):
        plant_pairs(k, n_trials=45, share=share)


def test_overall_accuracy_covers_what_was_planted():
    """Over 100 judges the interval holds the planted mean accuracy in 90 to 99%."""
    inside = []
    for seed in range(100):
        made = judge_accuracy(judged(0.8, k=20, seed=seed)).overall
        inside.append(made.low <= 0.8 <= made.high)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_trait_accuracies_cover_what_was_planted():
    """Accuracies that differ by trait are within their intervals in 90 to 98%, nearer than raw."""
    rng = np.random.default_rng(5)
    inside, drawn, raw = [], [], []
    for seed in range(20):
        truth = expit(rng.normal(1.5, 0.6, 144))
        made = judge_accuracy(judged(truth, seed=seed))
        inside.append((made.low <= truth) & (truth <= made.high))
        drawn.append((made.accuracy - truth) ** 2)
        raw.append((made.hits / made.counts - truth) ** 2)
    assert 0.90 <= np.mean(inside) <= 0.98
    assert np.mean(drawn) < 0.6 * np.mean(raw)


def test_many_verdicts_on_few_replies_are_not_taken_for_many_replies():
    """Three replies per trait, eight verdicts on each; the judge fails at one reply in five.

    Taken for independent, their intervals would hold the truth in under half of the cases.
    """
    rng, k, held, blind, studies = np.random.default_rng(1), 24, 0, 0, 15
    truth, traits = 0.8 * 0.98 + 0.2 * 0.2, [f"t{i}" for i in range(k)]
    reply = np.repeat(np.arange(3 * k), 8)
    planted, foil = reply // 3, (reply // 3 + 1 + np.tile(np.arange(8), 3 * k)) % k
    for _ in range(studies):
        seen = np.where(rng.random(3 * k) < 0.8, 0.98, 0.2)[reply]
        named = np.where(rng.random(len(reply)) < seen, planted, foil)
        columns = {"planted_first": np.arange(len(reply)) % 2 == 0, "prompt": reply}
        made = judge_accuracy(collect_plants(traits, planted, foil, named, **columns))
        held += ((made.low <= truth) & (truth <= made.high)).sum()
        blind += len(made.blind)
    assert held / (studies * k) > 0.93
    assert blind / (studies * k) < 0.06


def test_informedness_is_zero_for_a_judge_that_does_not_look():
    """A judge that always names the first word is at chance, and leans wholly to the first."""
    made = judge_accuracy(judged(0.5, bias=1.0, k=20))
    assert made.overall.estimate == pytest.approx(0.5)
    assert made.informedness.low < 0 < made.informedness.high
    assert made.lean.estimate == pytest.approx(1.0)
    assert made.lean.low < 1.0  # 160 plants are not all plants
    assert not made.above_chance


def test_lean_recovers_a_planted_share_of_blind_firsts():
    """Where 20% of verdicts go to the first word without looking, the lean is 0.2."""
    found = [place_lean(judged(0.8, bias=0.2, seed=s)) for s in range(40)]
    assert np.mean([x.estimate for x in found]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([x.low <= 0.2 <= x.high for x in found]) >= 0.88


def test_lean_is_unknown_where_one_place_only_was_used():
    """Planted always first: accuracy and lean cannot be told apart."""
    plants = collect_plants(["a", "b"], [0, 1], [1, 0], [0, 1])
    assert place_lean(plants).n == 0


def test_sentence_of_a_good_judge_names_its_blind_trait():
    """A judge above chance that guesses one trait of twenty says so, by name."""
    accuracy = np.full(20, 0.95)
    accuracy[7] = 0.4
    made = judge_accuracy(judged(accuracy, k=20, each=20))
    assert made.above_chance
    assert made.blind == ("t7",)
    assert made.sentence.startswith("The judge is above chance: it found the planted trait in 9")
    assert made.sentence.endswith("It is blind, or nearly blind, to 1 of 20 traits: t7.")


def test_few_plants_leave_traits_unproven_and_call_few_blind():
    """A judge at .8 with 8 plants a trait: hardly a trait is called blind, more are unproven."""
    made = judge_accuracy(judged(0.8))
    assert len(made.blind) <= 3
    assert not set(made.blind) & set(made.unproven)
    reach_chance = {n for n, low in zip(made.traits, made.low, strict=True) if low <= 0.5}
    assert reach_chance == {*made.blind, *made.unproven}


def test_sentence_of_a_guessing_judge_claims_nothing():
    """A coin is not shown to be above chance, and is blind for all traits."""
    made = judge_accuracy(judged(0.5, k=10, each=4, seed=1))
    assert not made.above_chance
    assert len(made.blind) == 10
    assert made.unproven == ()
    assert "not shown to be above chance" in made.sentence
    assert made.sentence.endswith("information about the model.")


def test_a_few_verdicts_do_not_rule_out_that_a_judge_sees():
    """Half of a dozen: no more is said than that nothing shows it."""
    made = judge_accuracy(judged(0.5, k=3, each=4, seed=1))
    assert not made.above_chance
    assert made.overall.high > 0.6
    assert made.sentence.endswith(
        "Nothing shows that its ratings carry information about the model."
    )


def test_a_judge_that_is_wrong_is_called_below_chance():
    """A judge that names the foil is said to be below chance."""
    assert "is below chance" in judge_accuracy(judged(0.1, k=20)).sentence


def test_no_verdict_at_all_is_said():
    """Plants without a verdict give no accuracy, in plain words."""
    made = judge_accuracy(collect_plants(["a", "b"], [0, 1], [1, 0], [-1, -1]))
    assert (made.n, made.lost) == (0, 2)
    assert made.sentence.startswith("Nothing is known")


def test_lost_verdicts_are_counted_and_in_no_rate():
    """One unreadable verdict of four leaves three in the rate and one in `lost`."""
    plants = collect_plants(["a", "b"], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 1, -1])
    made = judge_accuracy(plants)
    assert (made.n, made.lost) == (3, 1)
    assert made.overall.estimate == pytest.approx(2 / 3)
    assert any("1 of 4 planted replies have no verdict" in text for text in made.caveats)


def test_accuracy_by_class_of_pair():
    """Near pairs are judged apart from far ones."""
    plants = collect_plants(["a", "b", "c"], [0, 0, 1, 2], [1, 1, 2, 0], [0, 1, 1, 2])
    made = judge_accuracy(plants, pair_class=["near", "near", "far", "far"])
    assert made.by_class["near"].estimate == 0.5
    assert made.by_class["far"].estimate == 1.0


def test_a_named_trait_that_was_not_offered_is_refused():
    """The judge can only have named one of the two."""
    with pytest.raises(InputError, match="plant 0: planted 0, foil 1, named 2"):
        collect_plants(["a", "b", "c"], [0], [1], [2])


def test_arrays_of_different_lengths_are_refused():
    """Every array has one entry per plant."""
    with pytest.raises(InputError, match="foil has 2 entries, expected 1"):
        collect_plants(["a", "b"], [0], [1, 1], [0])
