"""What a judge makes of written replies: both orders, ties, losses, near and far foils."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ethogram.store.read import Verdicts
from ethogram.validity.exemplars import CAVEAT, measure_sight, sights_json

# warm: near to loving; blunt: near to neither.
TRAITS = ("warm", "loving", "blunt")
LOST, TIE, RIGHT, WRONG = None, "tie", True, False


def verdicts(*rows):
    """Verdicts on exemplars from rows of (reply, target, foil, first order, second order).

    Each order is RIGHT, WRONG, TIE, LOST, or the probability of the target.
    """
    flat = [
        (trial, reply, TRAITS.index(target), TRAITS.index(foil), order, said)
        for trial, (reply, target, foil, *orders) in enumerate(rows)
        for order, said in enumerate(orders)
    ]
    columns = [np.array(column) for column in list(zip(*flat, strict=True))[:5]]
    said = [row[5] for row in flat]
    p = np.array([x if type(x) is float else np.nan for x in said])
    code = [
        (-1 if x == 0.5 else int(x > 0.5)) if type(x) is float else {True: 1, False: 0}.get(x, -1)
        for x in said
    ]
    trial, reply, first, second, order = columns
    zero = np.zeros(len(trial), dtype=np.int64)
    return Verdicts(
        traits=TRAITS,
        models=("mine",),
        conditions=("exemplar",),
        parts=("exemplar",),
        trial=trial,
        seq=trial,
        prompt=reply,
        first=first,
        second=second,
        model=zero,
        condition=zero,
        label=zero,
        swapped=order == 1,
        code=np.array(code),
        tied=np.array([x in (TIE, 0.5) for x in said]),
        p_first=p,
    )


def sight_of(*rows, **options):
    """Measure these rows."""
    found = verdicts(*rows)
    replies = dict(zip(found.trial.tolist(), found.prompt.tolist(), strict=True))
    return measure_sight(found, "judge", replies=replies, **options)


def test_each_word_counts_where_there_are_no_probabilities():
    """Two exams, each in both orders: three of four verdicts are right, of two replies."""
    found = sight_of((0, "warm", "blunt", RIGHT, RIGHT), (1, "blunt", "warm", RIGHT, WRONG))
    assert (found.accuracy.overall.estimate, found.accuracy.n) == (0.75, 4)
    assert found.replies == 2
    assert found.exemplars == "mine"
    assert found.both is None
    assert not found.averaged
    assert found.accuracy.source == "exemplars"


@pytest.mark.parametrize("averaged", [False, True])
def test_orders_are_averaged_only_where_the_study_averages_them(averaged):
    """0.9 and 0.4 make 0.65, which is right; 0.6 and 0.3 make 0.45, which is wrong."""
    rows = ((0, "warm", "blunt", 0.9, 0.4), (1, "blunt", "warm", 0.6, 0.3))
    found = sight_of(*rows, averaged=averaged)
    assert found.averaged == averaged
    assert found.accuracy.n == (2 if averaged else 4)
    assert found.accuracy.overall.estimate == 0.5
    assert found.single.overall.n == 4
    assert found.both.n == 2
    assert found.both.estimate == 0.5


def test_a_judge_of_words_is_never_averaged():
    """Also where the study reads both orders: there each word is a comparison of its own."""
    found = sight_of((0, "warm", "blunt", RIGHT, WRONG), averaged=True)
    assert not found.averaged
    assert found.accuracy.n == 2


@pytest.mark.parametrize(("one", "other"), [(0.5, 0.5), (0.8, 0.2), (0.1, 0.9), (0.7, 0.3)])
def test_a_probability_of_one_half_is_neither_right_nor_wrong(one, other):
    """A judge that goes by place alone says one half on average: in no share, and not lost."""
    rows = ((0, "warm", "blunt", one, other), (1, "blunt", "warm", 0.9, 0.9))
    found = sight_of(*rows, averaged=True)
    assert (found.ties, found.lost, found.accuracy.n) == (1, 0, 1)
    assert found.accuracy.overall.estimate == 1


def test_ties_are_counted_apart_from_losses():
    """One tie, one lost answer, two right ones: accuracy of two, and both are said."""
    found = sight_of((0, "warm", "blunt", RIGHT, TIE), (1, "blunt", "warm", LOST, RIGHT))
    assert (found.accuracy.n, found.ties, found.lost) == (2, 1, 1)
    assert "1 verdict names neither word: it is in no share." in found.findings()


def test_a_tie_counts_half_in_an_average():
    """0.9 and a tie make 0.7: right."""
    found = sight_of((0, "warm", "blunt", 0.9, TIE), averaged=True)
    assert (found.accuracy.n, found.accuracy.overall.estimate, found.ties) == (1, 1.0, 0)


def test_where_one_order_is_lost_the_other_stands():
    """An exam of which one verdict is left is one verdict."""
    found = sight_of(
        (0, "warm", "blunt", 0.9, LOST), (1, "warm", "blunt", LOST, LOST), averaged=True
    )
    assert (found.accuracy.n, found.lost, found.ties) == (1, 1, 0)


def test_all_lost_is_said_and_has_no_number():
    """No verdict at all: no share, no interval, no traceback."""
    found = sight_of(*((i, "warm", "blunt", LOST, LOST) for i in range(10)))
    assert "no written reply has a verdict" in found.sentence
    assert (found.accuracy.n, found.lost) == (0, 20)
    (told,) = sights_json({"judge": found}, {"judge": 0})["judges"]
    assert (told["accuracy"], told["low"], told["high"], told["n"]) == (None, None, None, 0)
    assert told["by_trait"] == []
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("orders", "averaged", "said"),
    [
        ((0.9, 0.1), True, "of 12 questions about written replies asked in both orders, every one "
         "got the word shown first both times."),
        ((0.1, 0.9), True, "every one got the word shown second both times."),
        ((0.5, 0.5), True, "decides nothing: each of its 12 verdicts on written replies is a tie."),
        ((TIE, TIE), False, "decides nothing: each of its 24 verdicts on written replies is a tie"),
    ],
)  # fmt: skip
def test_a_judge_of_nothing_but_ties_is_at_chance(orders, averaged, said):
    """By place alone, or by saying neither: each tie is half right, and no trait is seen."""
    rows = [(i, ("warm", "loving")[i % 2], "blunt", *orders) for i in range(12)]
    found = sight_of(*rows, averaged=averaged)
    n = 12 if averaged else 24
    assert said in found.sentence
    assert found.sentence.endswith("Its ratings carry no information about the model.")
    assert (found.ties, found.lost, found.accuracy.n, found.accuracy.lost) == (n, 0, n, 0)
    assert found.accuracy.blind == TRAITS
    assert not [line for line in found.findings() if "in no share" in line]
    (told,) = sights_json({"judge": found}, {"judge": 0})["judges"]
    assert told["low"] < told["accuracy"] == 0.5 < told["high"]
    assert told["n"] == n
    assert [one["right"] for one in told["by_trait"]] == [n / 4, n / 4]
    assert not any(one["seen"] for one in told["by_trait"])
    spoken = [found.sentence, *found.findings(), *found.accuracy.caveats]
    assert "nan" not in " ".join(spoken).split()
    json.dumps(told, allow_nan=False)


def test_ties_beside_a_verdict_stay_in_no_share():
    """One verdict that names a word is enough for ties to be what they were."""
    rows = [(i, "warm", "blunt", 0.9, 0.1) for i in range(11)]
    found = sight_of(*rows, (11, "warm", "blunt", 0.9, 0.8), averaged=True)
    assert (found.accuracy.n, found.ties, found.accuracy.tied) == (1, 11, False)
    assert "11 verdicts name neither word: they are in no share." in found.findings()


def test_few_answers_give_no_share():
    """Four verdicts are too few to tell, and the sentence says so in place of a percentage."""
    found = sight_of((0, "warm", "blunt", RIGHT, RIGHT), (1, "blunt", "warm", RIGHT, RIGHT))
    assert "too few (4) to tell" in found.sentence
    assert "%" not in found.sentence
    assert not [said for said in found.findings() if "%" in said]


def test_without_exemplars_there_is_nothing():
    """A judge that was shown none has no result."""
    found = verdicts((0, "warm", "blunt", RIGHT, RIGHT))
    assert measure_sight(found.take(np.zeros(2, dtype=bool)), "judge", replies={}) is None


def test_near_and_far_foils_are_told_apart():
    """All six near ones wrong, all ten far ones right: warm and loving are near, blunt is far."""
    near = [(i, "warm", "loving", WRONG, WRONG) for i in range(3)]
    far = [(i, "warm", "blunt", RIGHT, RIGHT) for i in range(5)]
    found = sight_of(*near, *far)
    by_class = found.accuracy.by_class
    assert {name: (one.estimate, one.n) for name, one in by_class.items()} == {
        "near": (0.0, 6),
        "far": (1.0, 10),
    }
    said = " ".join(found.findings())
    assert "Told from a near trait: 0%" in said
    assert "Told from a far one: 100%" in said


def test_a_lean_to_the_first_word_is_seen():
    """Always the first word: half are right, and the lean is 1, averaged or not."""
    rows = [(i, "warm", "blunt", 0.8, 0.1) for i in range(10)]  # the target first, then second
    for averaged in (False, True):
        found = sight_of(*rows, averaged=averaged)
        assert found.accuracy.lean.estimate == 1
    assert found.single.overall.estimate == 0.5
    assert found.accuracy.overall.estimate == 0  # 0.45 on average


def test_swapping_the_orders_changes_nothing_but_the_lean():
    """An invariant: with the orders called the other way round, the lean turns its sign."""
    rows = [(i, "warm", "blunt", 0.8, 0.3 + 0.1 * (i % 4)) for i in range(12)]
    one = sight_of(*rows, averaged=True)
    other = sight_of(*((*row[:3], row[4], row[3]) for row in rows), averaged=True)
    assert one.accuracy.overall == other.accuracy.overall
    assert one.accuracy.lean.estimate == pytest.approx(-other.accuracy.lean.estimate)


def test_verdicts_on_one_reply_are_not_independent():
    """Twenty verdicts on two replies that go all right or all wrong say no more than two."""
    few = [(i % 2, "warm", "blunt", bool(i % 2), bool(i % 2)) for i in range(10)]
    many = [(i, "warm", "blunt", bool(i % 2), bool(i % 2)) for i in range(10)]
    wide, narrow = (sight_of(*rows).accuracy.overall for rows in (few, many))
    assert wide.estimate == narrow.estimate == 0.5
    assert wide.high - wide.low > 0.9 > narrow.high - narrow.low


def test_what_averaging_would_buy_is_said():
    """Where the study reads one order, the finding names the key that averages both."""
    rows = [(i, "warm", "blunt", 0.9, 0.45) for i in range(10)]
    plain, averaged = (sight_of(*rows, averaged=a) for a in (False, True))
    assert any(
        said.startswith('With both orders averaged (orders = "both"): 100%')
        for said in plain.findings()
    )
    assert any(said.startswith("Each order on its own: 50%") for said in averaged.findings())


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (("wry",), "1 trait has no exemplar: wry."),
        (("wry", "calm"), "2 traits have no exemplar: wry, calm."),
        (tuple(f"t{i}" for i in range(13)), "t11 ..."),
    ],
)
def test_traits_without_an_exemplar_are_named(missing, expected):
    """One, two, and more than a line takes; the caveat comes last."""
    found = sight_of((0, "warm", "blunt", RIGHT, RIGHT), missing=missing)
    assert any(expected in said for said in found.findings())
    assert found.findings()[-1] == CAVEAT


def test_the_json_has_shares_with_intervals_by_trait():
    """The shape that `ethogram exemplars --json` prints; only traits that were asked."""
    rows = [(i, "warm", "blunt", RIGHT, i % 2 == 0) for i in range(10)]
    found = sights_json({"judge": sight_of(*rows)}, {"judge": 3, "other": 20})
    judge, other = found["judges"]
    assert (judge["pending"], other["pending"]) == (3, 20)
    assert (other["judge"], other["accuracy"], other["n"]) == ("other", None, 0)
    assert other["by_trait"] == []
    assert set(judge) >= {"judge", "accuracy", "low", "high", "n", "by_trait"}
    assert judge["judge"] == "judge"
    assert judge["low"] <= judge["accuracy"] == 0.75 <= judge["high"]
    assert judge["n"] == 20
    (trait,) = judge["by_trait"]
    assert (trait["trait"], trait["n"], trait["right"]) == ("warm", 20, 15)
    assert trait["low"] <= trait["accuracy"] <= trait["high"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_is_said_of_a_trait_that_was_not_tried():
    """Twelve right of warm and of loving; blunt is only a foil: two traits are not invisible."""
    rows = [
        (reply, target, "blunt", RIGHT, RIGHT)
        for reply, target in enumerate(["warm", "loving"] * 12)
    ]
    found = sight_of(*rows, missing=("blunt",))
    assert found.sentence.endswith("None of the 2 traits is clearly invisible to it.")
    assert any(line.startswith("1 trait has no written reply") for line in found.accuracy.caveats)


def test_one_trait_that_was_tried_is_spoken_of_as_one():
    """Not as none of one."""
    found = sight_of(*[(reply, "warm", "blunt", RIGHT, RIGHT) for reply in range(24)])
    assert found.sentence.endswith("The one trait that was tried is not clearly invisible to it.")


@pytest.mark.parametrize(
    ("named", "said"),
    [(0, None), (1, "1 written reply names the trait"), (2, "2 written replies name the trait")],
)
def test_replies_that_name_their_trait_are_told(named, said):
    """A judge reads the word off; none is not worth a sentence."""
    found = sight_of((0, "warm", "blunt", RIGHT, RIGHT), named=named)
    told = [line for line in found.findings() if "which a judge can read off" in line]
    assert len(told) == (said is not None)
    assert all(line.startswith(said) for line in told)
    assert sights_json({"judge": found}, {"judge": 0})["judges"][0]["named"] == named


def test_verdicts_without_a_probability_are_counted_where_one_was_asked_for():
    """Of the verdicts given, a tie among them; a judge by the word is asked for none."""
    rows = ((0, "warm", "blunt", RIGHT, 0.75), (1, "warm", "blunt", TIE, LOST))
    found = sight_of(*rows, averaged=True, by_p=True)
    assert (found.without_p, found.answered) == (2, 3)
    assert found.without_p_sentence == (
        "2 of 3 verdicts came without a probability that can be read: the answer alone counts for "
        "these, as 0 or 1 in the average."
    )
    assert sight_of(*rows, by_p=True).without_p_sentence.endswith("counts for these.")
    assert sight_of(*rows, averaged=True).without_p_sentence == ""
