"""Which differences between two sides are refused, how they are named, and which are accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ethogram.errors import InputError
from ethogram.store.setups import Setup
from ethogram.validity.comparable import check_comparable, say_unknown

BEFORE = Setup(
    "old in a.db",
    {"warm": "", "blunt": "", "wry": ""},
    trials={("warm", "blunt", "0"): 1, ("wry", "warm", "1"): 1},
    prompts=frozenset({"Hi", "Why?"}),
    dealt={("blunt", "warm", "Hi"): 1, ("warm", "wry", "Why?"): 1},
    templates={"model: feels": "Two words", "judge: judge": "Which?"},
    judge_settings={"model": "glm", "params": {"temperature": 0.1}},
    judge="owl",
    condition="feels",
    protocol="ethogram",
)
AFTER = replace(BEFORE, name="new in b.db")
FILE = Setup("new in b.csv", dict.fromkeys(BEFORE.traits), judge="owl", condition="feels")

CHANGES = {
    "design": [
        {"traits": {"warm": "", "blunt": "", "calm": ""}},
        {"traits": {"warm": "friendly", "blunt": "", "wry": ""}},
        {"trials": {("warm", "blunt", "0"): 2, ("wry", "warm", "1"): 1}},
        {"trials": {("warm", "blunt", "1"): 1, ("wry", "warm", "1"): 1}},
        {"trials": {("warm", "blunt", "0"): 1}},
    ],
    "prompts": [
        {"prompts": frozenset({"Hi"})},
        {"dealt": {("blunt", "warm", "Why?"): 1, ("warm", "wry", "Hi"): 1}},
    ],
    "templates": [
        {"templates": {**BEFORE.templates, "model: feels": "Two other words"}},
        {"templates": {**BEFORE.templates, "judge: judge": "Which one?"}},
        {"templates": {"model: feels": "Two words", "judge: letter": "A or B?"}},
    ],
    "condition": [{"condition": "likes"}],
    "judge": [
        {"judge_settings": {"model": "haiku", "params": {"temperature": 0.1}}},
        {"judge_settings": {"model": "glm", "params": {"temperature": 0.2}}},
        {"judge_settings": {**BEFORE.judge_settings, "verdict": "letter"}},
    ],
}
CASES = [(aspect, change) for aspect, changes in CHANGES.items() for change in changes]


def test_sides_that_were_asked_alike_are_compared():
    """Whatever the judge's table is called; an absent setting is its default."""
    assert check_comparable(BEFORE, AFTER) == ()
    assert check_comparable(BEFORE, replace(AFTER, judge="strix")) == ()
    plain = {**BEFORE.judge_settings, "verdict": "word", "show_prompt": True}
    assert check_comparable(BEFORE, replace(AFTER, judge_settings=plain)) == ()


@pytest.mark.parametrize(("aspect", "change"), CASES)
def test_each_difference_is_refused_by_its_name_and_with_its_side(aspect, change):
    """The line names what differs, both sides, and how to accept it; from either side."""
    after = replace(AFTER, **change)
    for pair in ((BEFORE, after), (after, BEFORE)):
        with pytest.raises(InputError, match=f"--despite {aspect}") as refused:
            check_comparable(*pair)
        (line,) = refused.value.lines
        assert line.startswith(aspect)
        assert "a.db" in line or "b.db" in line


@pytest.mark.parametrize(("aspect", "change"), CASES)
def test_an_accepted_difference_is_said(aspect, change):
    """And another one that was accepted in vain is not made up."""
    (said,) = check_comparable(BEFORE, replace(AFTER, **change), list(CHANGES))
    assert said.startswith(f"{aspect}: ")


def test_accepting_one_difference_accepts_no_other():
    """All that are left are said at once, a line each."""
    after = replace(AFTER, condition="likes", prompts=frozenset({"Hi"}), judge_settings={})
    with pytest.raises(InputError) as refused:
        check_comparable(BEFORE, after, ["prompts"])
    assert [line.split()[0] for line in refused.value.lines] == ["condition", "judge"]


def test_what_a_comparison_file_does_not_know_is_said_and_not_refused():
    """Its traits, judge and condition are known all the same."""
    assert check_comparable(BEFORE, FILE) == ()
    (said,) = say_unknown(BEFORE, FILE)
    assert "new in b.csv" in said
    assert "a.db" not in said
    assert say_unknown(BEFORE, AFTER) == ()
    for change, aspect in (
        ({"judge": "hawk"}, "judge"),
        ({"condition": "likes"}, "condition"),
        ({"traits": {"warm": None}}, "design"),
    ):
        with pytest.raises(InputError, match=f"--despite {aspect}"):
            check_comparable(BEFORE, replace(FILE, **change))
    assert check_comparable(BEFORE, replace(FILE, judge="")) == ()


def test_another_protocol_is_other_prompts_templates_and_design():
    """A published profile beside a store's; two of them were asked alike."""
    published = replace(FILE, name="the published x", protocol="the published study")
    with pytest.raises(InputError) as refused:
        check_comparable(published, BEFORE)
    said = [line.split()[0] for line in refused.value.lines]
    assert said == ["design", "prompts", "templates"]
    assert check_comparable(published, replace(published, name="the published y")) == ()
    assert say_unknown(published) == ()


def test_an_aspect_that_there_is_not_is_refused_with_a_guess():
    """Nothing is accepted by a typing error."""
    with pytest.raises(InputError, match="did you mean 'prompts'"):
        check_comparable(BEFORE, AFTER, ["prompt"])
