"""What a library caller may give: another rating never comes of a wrong value."""

from __future__ import annotations

import numpy as np
import pytest

import ethogram
from ethogram.errors import InputError

TRAITS = ("warm", "blunt", "poetic")
FIRST, SECOND, OUTCOME = [0, 1, 2, 0], [1, 2, 0, 1], [1, 1, 1, 0]


def made(**given):
    """Return comparisons of four rows, with what is given in their place."""
    rows = {"traits": TRAITS, "first": FIRST, "second": SECOND, "outcome": OUTCOME, **given}
    return ethogram.compare(**rows)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"traits": ("warm", "blunt", "warm")}, "the trait 'warm' is given twice"),
        ({"traits": ("warm", "", "poetic")}, "trait 1 is '', expected a text"),
        ({"traits": ("warm", 3, "poetic")}, "trait 1 is 3, expected a text"),
        ({"first": [0.5, 1, 2, 0]}, "row 0: first is 0.5, expected an index from 0 to 2"),
        ({"second": [1, 2, 0, 7]}, "row 3: second is 7, expected an index from 0 to 2"),
        ({"second": np.array([1, 2, 0, -1])}, "row 3: second is -1"),
        ({"first": [True, 1, 2, 0]}, "row 0: first is True"),
        ({"first": np.array([False, True, True, False])}, "row 0: first is False"),
        ({"first": ["warm", "blunt", "poetic", "warm"]}, "row 0: first is 'warm'"),
        ({"outcome": [1, "blunt", 1, 0]}, "row 1: outcome is 'blunt', expected a number from 0"),
        ({"outcome": [1, None, 1, 0]}, "row 1: outcome is nan"),
        ({"outcome": [1, 1.01, 1, 0]}, "row 1: outcome is 1.01"),
        ({"judge_first": [1, -1, 2, 0]}, "row 2: judge_first is 2, expected 1 "),
        ({"judge_first": [True, False, True, False]}, "row 0: judge_first is True"),
        ({"judge_first": ["warm", "blunt", "poetic", "warm"]}, "row 0: judge_first is 'warm'"),
        ({"tie": ["no", "no", "no", "no"]}, "row 0: tie is 'no', expected True or False"),
        ({"tie": [True]}, "tie has 1 entries, expected 4 as in first"),
        ({"prompt": [1.5, 2, 3, 4]}, "row 0: prompt is 1.5"),
        ({"prompt": ["p", 2, "q", "r"]}, "row 1: prompt is 2, expected a text"),
        ({"length": [-3, 1, 2, 3]}, "row 0: length is -3"),
        ({"traits": {"warm", "blunt", "poetic"}}, "traits is a set, which has no order"),
        ({"traits": None}, "traits is None, expected a list"),
        (
            {"traits": ("na\u00efve", "nai\u0308ve", "poetic")},
            "the trait 'na\u00efve' is given twice",
        ),
        ({"traits": ("warm", "warm\u00a0", "poetic")}, "the trait 'warm' is given twice"),
        ({"traits": ("warm", "\u200b", "poetic")}, "trait 1 is '\\u200b', expected a text"),
        ({"traits": ("warm", "Tie", "poetic")}, "trait 1 is 'Tie', the word for no winner"),
        ({"first": {0, 1, 2}}, "first is a set, which has no order"),
        ({"first": dict.fromkeys(FIRST)}, "first is a dict, expected a list"),
        ({"first": 0}, "first is 0, expected a list or an array"),
        ({"first": None}, "first is None"),
        ({"first": np.array(0)}, "first is array(0)"),
        ({"first": [2**70, 1, 2, 0]}, "row 0: first is 1180591620717411303424"),
        (
            {"first": np.array([2**64 - 1, 1, 2, 0], np.uint64)},
            "row 0: first is 18446744073709551615",
        ),
        ({"first": np.ma.array(FIRST, mask=[0, 1, 0, 0])}, "row 1: first is None"),
        ({"outcome": {0.0, 1.0}}, "outcome is a set, which has no order"),
        ({"outcome": np.ma.array([1.0, 1, 1, 0], mask=[0, 0, 1, 0])}, "row 2: outcome is nan"),
        ({"outcome": "1110"}, "outcome is '1110', expected a list"),
        ({"weight": np.ma.array([1.0, 2, 1, 1], mask=[0, 1, 0, 0])}, "row 1: weight is nan"),
        ({"weight": frozenset({1, 2})}, "weight is a frozenset"),
        ({"weight": [1, 1e300, 1, 1]}, "row 1: weight is 1e+300, expected a number above 0"),
        ({"tie": np.ma.array([True] * 4, mask=[1, 0, 0, 0])}, "row 0: tie is None"),
        ({"prompt": [2**70, 1, 2, 3]}, "row 0: prompt is 1180591620717411303424"),
        ({"lost": -1}, "lost is -1, expected a whole number from 0"),
        ({"lost": True}, "lost is True"),
    ],
)
def test_what_is_no_comparison_is_refused_with_its_place(given, words):
    """The value and what was expected, in one line."""
    with pytest.raises(InputError) as error:
        made(**given)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_generators_empty_prompts_and_one_note():
    """What can be gone through once is enough; no prompt is no prompt; a text is one note."""
    found = made(
        first=iter(FIRST), second=(i for i in SECOND), prompt=["", "a", " ", "b"], notes="n"
    )
    assert found.first.tolist() == FIRST
    assert found.second.tolist() == SECOND
    assert found.prompt[[0, 2]].tolist() == [-1, -1]
    assert 0 <= found.prompt[1] != found.prompt[3] >= 0
    assert found.notes == ("n",)


def test_other_spellings_of_right_values_are_the_same_comparisons():
    """Arrays of any kind of whole number, prompts as texts, ties as 0 and 1."""
    plain = made(prompt=[0, 1, 0, 2], tie=[False, True, False, False])
    other = made(
        first=np.array(FIRST, dtype=np.uint8),
        second=np.array(SECOND, dtype=np.float64),
        outcome=np.array([True, True, True, False]),
        prompt=["a", "b", "a", "c"],
        tie=[0, 1, 0, 0],
    )
    for name in ("first", "second", "outcome", "tie", "judge_first"):
        assert getattr(plain, name).tolist() == getattr(other, name).tolist(), name
    for texts in (["a", "b", "a", "c"], ["b", "c", "b", "a"]):
        labels = made(prompt=texts).prompt
        assert np.array_equal(labels[:, None] == labels, plain.prompt[:, None] == plain.prompt)
    assert plain.outcome.tolist() == [1, 0.5, 1, 0]  # a tie has no winner
    some = made(prompt=["a", None, "a", "b"]).prompt
    assert some[0] == some[2] == other.prompt[0]  # a text is one prompt wherever it is met
    assert some[1] == -1 != some[3] == other.prompt[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ridge": 0}, "ridge is 0, expected a finite number above 0"),
        ({"ridge": -1.0}, "ridge is -1.0"),
        ({"ridge": float("nan")}, "ridge is nan"),
        ({"splits": -1}, "splits is -1, expected a whole number from 0"),
        ({"splits": 2.5}, "splits is 2.5"),
        ({"interval": "bootstrap", "resamples": 1}, "resamples is 1, expected a whole number from"),
    ],
)
def test_an_option_that_no_fit_can_have_is_refused(options, words):
    """Not a numpy error, and no rating."""
    with pytest.raises(InputError, match=words):
        ethogram.rate(made(), **options)


@pytest.mark.parametrize(
    "options",
    [{"resamples": 0}, {"resamples": 1}, {"scale": 0}, {"k": -1}, {"start": float("inf")}],
)
def test_an_option_that_elo_cannot_have_is_refused(options):
    """No NaN comes back."""
    with pytest.raises(InputError, match=f"{next(iter(options))} is "):
        ethogram.rate_elo(made(), **options)


@pytest.mark.parametrize(
    ("wins", "total", "words"),
    [
        ([9, 0, 0], 9, "warm won 9 comparisons, expected at most 6 of 9"),
        ([5, 5, 0, 0, 0], 10, "warm won 5 comparisons, expected at most 4 of 10"),
        ([4, 4, 2, 0, 0], 10, "the 2 traits that won most won 8 comparisons, expected at most 7"),
        ([1, float("nan"), 1], 3, "row 1: wins is nan"),
        ([4, -1, 0], 3, "row 1: wins is -1"),
        ([1, 1, 1], float("inf"), "total is inf"),
    ],
)
def test_counts_that_no_round_robin_gives_are_refused(wins, total, words):
    """Some traits can only win the games that one of them plays."""
    with pytest.raises(InputError, match=words):
        ethogram.rate_counts(
            [f"trait {i}" if i else "warm" for i in range(len(wins))], wins, total=total
        )


def test_the_counts_of_a_strict_order_are_a_round_robin():
    """4, 3, 2, 1, 0 wins of five traits: the extreme that there is."""
    profile = ethogram.rate_counts(list("abcde"), [4, 3, 2, 1, 0], total=10)
    assert list(profile.strengths) == sorted(profile.strengths, reverse=True)


@pytest.mark.parametrize("char", ["\0", "\x0b", "\x1b", "\ufffe", "\ud800"])
@pytest.mark.parametrize("what", ["trait", "model", "judge", "condition"])
def test_names_with_characters_that_none_can_have_are_refused(what, char):
    """They would end the process in the figure engine; the place is said."""
    name = f"a{char}b"
    labels = {} if what == "trait" else {what: name}
    traits = ["calm", name if what == "trait" else "bold"]
    place = "traits, entry 1: trait" if what == "trait" else f"labels: {what}"
    for make in (
        lambda: ethogram.compare(traits, [0], [1], [1.0], **labels),
        lambda: ethogram.rate_counts(traits, [1, 0], total=1, **labels),
    ):
        with pytest.raises(InputError, match=f"{place} .*U\\+{ord(char):04X}"):
            make()
