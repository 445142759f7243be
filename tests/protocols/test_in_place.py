"""In place: a model's own system text, where the instruction stands, earlier turns, wordings."""

import pytest

from ethogram.errors import StudyError
from ethogram.protocols.elicit import ELICIT, elicit_messages
from ethogram.protocols.protocol import Setting, Trial
from ethogram.protocols.templates import SETS, Templates, choose_wordings, make_templates
from ethogram.protocols.transcript import transcript
from ethogram.study import parse_study

OURS = Templates()
TURNS = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."})
STUDY = """
[study]
name = "s"
traits = ["warm", "blunt", "terse"]
{study}
[models.m]
base_url = "http://127.0.0.1:9/v1"
model = "m"
{model}
[judges.j]
base_url = "http://127.0.0.1:9/v1"
model = "j"
{judge}
"""


def asked(trial, *, model="", templates=OURS):
    """Return the messages of a trial under a model's table."""
    table = load(model=model).models["m"]
    (call,) = ELICIT.calls(trial, Setting(templates, table))
    return call.messages


def load(*, study="", model="", judge=""):
    """Return a study with these keys."""
    return parse_study(STUDY.format(study=study, model=model, judge=judge))


def trial(**more):
    """Return a trial of two traits."""
    return Trial(1, "feels", "warm", "blunt", "How are you?", 0)._replace(**more)


def test_the_models_own_system_text_stands_first():
    """Then the instruction, in one system message; under no instruction it stands alone."""
    system, user = asked(trial(), model='system = "You are Ada."')
    assert system["content"].startswith("You are Ada.\n\nTwo words")
    assert user["content"] == "How are you?"
    plain = asked(trial(condition="natural"), model='system = "You are Ada."')
    assert plain == (
        {"role": "system", "content": "You are Ada."},
        {"role": "user", "content": "How are you?"},
    )


def test_the_instruction_may_stand_with_the_user():
    """The system text stays as it is deployed."""
    system, user = asked(trial(), model='system = "You are Ada."\ninstruct = "user"')
    assert system["content"] == "You are Ada."
    assert user["content"].startswith("Two words")
    assert user["content"].endswith("\n\nHow are you?")
    assert [m["role"] for m in asked(trial(), model='instruct = "user"')] == ["user"]


def test_earlier_turns_stand_between():
    """After the system text and before the prompt; a template around the prompt keeps its place."""
    messages = asked(trial(turns=TURNS))
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[1:3] == TURNS
    blunt = asked(trial(turns=TURNS), templates=SETS["blunt"])
    assert [m["role"] for m in blunt] == ["user", "assistant", "user"]
    assert "Message: How are you?" in blunt[-1]["content"]


def test_a_later_turn_is_not_instructed_again():
    """It is the conversation as it was sent, and one more message."""
    messages = asked(trial(turns=TURNS, turn=2), model='system = "You are Ada."')
    assert messages == (*TURNS, {"role": "user", "content": "How are you?"})


def test_the_judge_reads_what_was_said_before():
    """Who said what, in order; without earlier turns the prompt alone."""
    assert transcript((), "How?") == "How?"
    assert transcript(TURNS, "How?") == "[user] Hi\n\n[assistant] Hello.\n\n[user] How?"


@pytest.mark.parametrize("base", ["plain", "blunt"])
@pytest.mark.parametrize("condition", ["feels", "likes", "random"])
def test_each_wording_is_another_text_with_the_same_slots(base, condition):
    """All that there are; each names both words once, and none of ours names a usual trait."""
    most = 5 if base == "plain" else 3
    wordings = choose_wordings(condition, most, base=base)
    made = make_templates({}, ["warm", "blunt"], base=base, wordings=wordings)
    texts = [
        elicit_messages(made, condition, "Hi", "warm", "blunt", wording=n)[0]["content"]
        for n in range(most)
    ]
    assert len(set(texts)) == most
    assert all("warm" in text and "blunt" in text and "{" not in text for text in texts)
    with pytest.raises(StudyError, match=f"wordings = {most + 1}, but {condition!r} has {most}"):
        choose_wordings(condition, most + 1, base=base)


def test_wordings_of_ones_own_are_checked_like_templates():
    """A slot that is missing, and a trait that is named, are said."""
    own = choose_wordings("feels", 2, own=["Take {first} or {second}."])
    assert (
        make_templates({}, ["warm"], wordings=own).worded("feels", 1) == "Take {first} or {second}."
    )
    with pytest.raises(StudyError, match=r"lacks the slot \{second\}"):
        make_templates({}, ["warm"], wordings={"feels": ["Take {first}."]})
    with pytest.raises(StudyError, match="contains the trait 'warm'"):
        make_templates({}, ["warm"], wordings={"feels": ["Be warm: {first} or {second}."]})


@pytest.mark.parametrize("key", ['system = "x"', 'instruct = "user"'])
def test_a_judge_has_no_system_text_of_its_own(key):
    """The line names the key, and where a judge's words are."""
    with pytest.raises(StudyError, match="judge_system"):
        load(judge=key)


def test_a_word_for_the_place_that_is_none():
    """The line says what is allowed."""
    with pytest.raises(StudyError, match="'system' or 'user'"):
        load(model='instruct = "head"')
