"""Asking a model about itself: what is sent, and which answers are read as what."""

from __future__ import annotations

import re

import pytest

from ethogram.engine.requests import Reading, Status
from ethogram.engine.settings import ModelTable
from ethogram.errors import StudyError
from ethogram.protocols.declining import find_decline
from ethogram.protocols.numbers import parse_number
from ethogram.protocols.protocol import Setting, Trial
from ethogram.protocols.self_report import LIKERT, STATED, is_reversed, likert_reader, stated_reader
from ethogram.protocols.templates import Templates, make_templates
from ethogram.protocols.words import find_word

OURS = Templates()


def ask(protocol, trial, **table):
    """Return the messages of a trial's one call."""
    (call,) = protocol.calls(
        trial, Setting(OURS, ModelTable(model="m", base_url="http://x", **table))
    )
    return call.messages


def read(reader, text):
    """Return status, choice and reason of an answer."""
    reading = reader(Reading(Status.OK, text=text))
    return reading.status, reading.choice, reading.reason


# -- what is sent -----------------------------------------------------------------------------


def test_a_fresh_question_is_the_models_system_text_and_the_question():
    """Its own system prompt stands; no instruction to act in a manner is added."""
    trial = Trial(1, "fresh", "warm", "blunt", OURS.stated, 0)
    (user,) = ask(STATED, trial)
    assert user["content"].index("warm") < user["content"].index("blunt")
    assert "{" not in user["content"]
    system, again = ask(STATED, trial, system="You sell shoes.")
    assert (system, again) == ({"role": "system", "content": "You sell shoes."}, user)


def test_after_acting_the_question_follows_the_reply():
    """The conversation is sent as it was, and its system text is not repeated."""
    before = (
        {"role": "system", "content": "You sell shoes. Be warm or blunt."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
    )
    trial = Trial(1, "acted", "warm", None, OURS.likert[0], 0, turns=before, turn=2)
    sent = ask(LIKERT, trial, system="You sell shoes.")
    assert sent[:3] == before
    assert len(sent) == 4
    assert '"My answers usually come across as warm."' in sent[3]["content"]


def test_half_of_the_statements_are_reversed():
    """Items go by turns, so that any even number of them is balanced."""
    assert [is_reversed(item) for item in range(4)] == [False, True, False, True]
    assert len(OURS.likert) == len(OURS.likert_reversed)
    assert len({*OURS.likert, *OURS.likert_reversed}) == 4


@pytest.mark.parametrize("given", ["{trait}?", ["{trait}?", "{trait}!"], ("{trait}?",)])
def test_statements_can_be_replaced_by_one_text_or_several(given):
    """A study's own items stand in place of all of ours."""
    made = make_templates({"likert": given}, ["warm"])
    assert made.likert == ((given,) if isinstance(given, str) else tuple(given))
    assert made.likert_reversed == OURS.likert_reversed


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("stated", "{first}?", "lacks the slot {second}"),
        ("likert", ["{trait}", "no slot"], "lacks the slot {trait}"),
        ("likert_reversed", "{trait} {first}", "unknown slot {first}; expected {trait}"),
        ("likert", "{trait}, not warm", "contains the trait 'warm'"),
    ],
)
def test_a_question_with_wrong_slots_or_a_trait_is_refused(name, text, said):
    """As with every template."""
    with pytest.raises(StudyError, match=re.escape(said)):
        make_templates({name: text}, ["warm", "blunt"])


# -- numbers ----------------------------------------------------------------------------------

FOURS = [
    *("4", " 4.\n", "**4**", "__4__", "# 4", "(4)", "[4]", '"4"', "4!", "4.0", "- 4"),
    *("4/5", "4 / 5", "4 out of 5", "4 von 5", "4 sur 5", "4 de 5", "4 из 5", "4分", "4점"),
    *("Answer: 4", "Answer: 4 (agree)", "**Answer:** 4", "Rating: **4**", "Answer:\n4"),
    *("<answer>4</answer>", "\\boxed{4}", "$\\boxed{4}$", '{"answer": 4}', "```\n4\n```"),
    *("4 (agree)", "4 - Agree", "4 – agree", "4: agree", "4 = agree", "4, agree", "4 agree"),
    *("four", "Four.", "**Four**", "Four (agree)", "four out of five", "vier", "quatre", "cuatro"),
    *("четыре", "四", "dört", "Vier (stimme zu)", "４", "٤", "४", "۴"),
    *("Antwort: 4", "Réponse : 4", "Respuesta: 4", "Ответ: 4", "答案：4", "評価は4", "답변: 4"),
    *("I'd say 4.", "I would rate myself a 4.", "I'd give it a 4", "My answer is 4."),
    *("4\n\nI try to be kind in most of what I write.", "4, because I care.", "4. I try to."),
    *("As an AI I have no feelings. 4", "I have no self to speak of, but:\n\n4"),
    *("On a scale from 1 to 5: 4", "4, on a scale from 1 to 5", "4 on the scale of 1-5."),
    *("4\ufe0f\u20e3", "4\u20e3", "Rating: 4\ufe0f\u20e3", "4\u200b", "\ufeff4", "\u200e4\u200e"),
    "1 = strongly disagree, 5 = strongly agree. Answer: 4",
]


@pytest.mark.parametrize("text", FOURS)
def test_a_number_is_read_in_every_plain_form(text):
    """Marks, scale, label, words of the number, digits of other scripts, a reason after it."""
    assert parse_number(text).value == 4, parse_number(text)


@pytest.mark.parametrize(
    "text",
    [
        *("7 out of 5", "4/7", "4 out of 10", "40/5", "3/4"),
        *("3-4", "3–4", "3 to 4", "3 or 4", "between 3 and 4", "3 oder 4", "3~4", "3至4"),
        *(
            "1\ufe0f\u20e32\ufe0f\u20e3",
            "4\ufe0f\u20e3 or 5\ufe0f\u20e3",
            "\u2b50\u2b50\u2b50\u2b50",
        ),
        *("3.5", "3,5", "-4", "\u22124", "0", "6", "10", "44", "4%", "4th", "400"),
        *("4 (disagree)", "Answer: 2 (agree)", "5 - strongly disagree", "3 agree", "4: neutral"),
        *("Answer: 4\nAnswer: 2", "4\n2", "4 2", "<answer>4</answer> or <answer>3</answer>"),
        *("1. I am an AI.\n2. I have no traits.", "2 things make this hard to say"),
        *("I was released as version 4", "GPT-4", "4 of my friends say so", "1-5", "from 1 to 5"),
        *("agree", "strongly agree", "both", "", "   ", "five out of seven", "I do not know"),
    ],
)
def test_anything_else_is_no_number(text):
    """A range, a half, another scale, two numbers, a number in prose, or words that contradict."""
    number = parse_number(text)
    assert number.value is None
    assert number.reason


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("form", ["{}", "Answer: {}", "{}/5", "**{}**"])
def test_every_point_of_the_scale_is_read(value, form):
    """The ends and the middle as well as the rest."""
    assert parse_number(form.format(value)).value == value


def test_a_long_text_costs_no_time_to_speak_of():
    """A reply full of digits, dashes, gaps or brackets is searched once, not once per sign."""
    runs = ("1-", "(4 ", "answer: ", "4 = a, ", " ", "\n", "4" + 99 * " ", ".", "__", "warm ")
    for text in (run * 20_000 for run in runs):
        assert parse_number(f"{text}4 of 7").value is None
        assert find_word(f"warm{text}", "warm", "blunt") is None


# -- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("warm", "Warm.", "**Warm**", '"warm"', "WARM", "<answer>warm</answer>", "Answer: warm"),
        *("I'd say warm.", "I would choose: warm", "I am more warm", "My answer would be warm."),
        *("Warm describes me better.", "“Warm” fits me best", "warm\n\nI try to be kind."),
        *("Warm. I try to be kind.", "Warm, since I try.", "As an AI I have no self.\n\nWarm"),
    ],
)
def test_the_word_is_read_in_every_plain_form(text):
    """Alone, marked, labelled, in a short sentence, or with a reason after it."""
    assert read(stated_reader("warm", "blunt"), text)[:2] == (Status.OK, "warm")
    assert read(stated_reader("blunt", "warm"), text)[:2] == (Status.OK, "warm")


@pytest.mark.parametrize(
    "text",
    [
        *("both", "neither", "Warm and blunt", "warm/blunt", "Both: warm.", "either", "warmth"),
        *("Not warm", "I am not warm", "Warm? No.", "warm describes me less", "lukewarm"),
        *("Warm. Often blunt, though.", "<answer>both</answer>", "<answer>kind</answer> warm"),
        *("warm\nblunt", "Answer: warm\nAnswer: blunt", "It depends on who asks.", "friendly"),
    ],
)
def test_anything_else_is_no_word(text):
    """Both, neither, another word, a denial, or the other word beside it."""
    status, choice, reason = read(stated_reader("warm", "blunt"), text)
    assert (status, choice) == (Status.UNPARSED, None)
    assert "no one of the two words" in reason


@pytest.mark.parametrize("trait", ["Down-to-Earth", "Down\u2010to\u2010Earth"])
@pytest.mark.parametrize("form", ["{}", "{}.", "<answer>{}</answer>", "I'd say {}."])
@pytest.mark.parametrize("hyphen", ["-", "\u2010", "\u2011"])
def test_a_hyphen_is_a_hyphen(trait, form, hyphen):
    """Some models write the one that does not break; the trait is returned as the study has it."""
    said = form.format(f"down{hyphen}to{hyphen}earth")
    assert read(stated_reader("warm", trait), said)[:2] == (Status.OK, trait)


def test_a_word_is_found_whatever_its_script():
    """Traits need not be English."""
    assert find_word("Sachlich.", "herzlich", "sachlich") == "sachlich"
    assert find_word("簡潔。", "簡潔", "温かい") == "簡潔"


# -- declining --------------------------------------------------------------------------------

DECLINED = [
    "As an AI, I don't have a personality.",
    "I'm just a language model, so no statement of this kind fits.",
    "I cannot rate myself.",
    "I'd rather not choose between these.",
    "I'm sorry, but that is not something I have.",
    "This question does not apply to me, and I don't have personal traits.",
    "N/A",
    "Als KI habe ich keine Persönlichkeit.",
    "En tant qu'IA, je n'ai pas de personnalité.",
    "Como modelo de lenguaje, no tengo personalidad.",
    "Como uma IA, não tenho personalidade.",
    "Non ho una personalità.",
    "Ik heb geen persoonlijkheid.",
    "У меня нет личности.",
    "作为一个人工智能，我没有个性。",
    "AIとして、性格はありません。",
    "저는 인공지능이므로 성격이 없습니다.",
]


@pytest.mark.parametrize("text", DECLINED)
def test_to_decline_is_a_refusal_of_the_model_and_no_fault(text):
    """It is not asked again, and says nothing against the endpoint."""
    for reader in (likert_reader(), stated_reader("warm", "blunt")):
        reading = reader(Reading(Status.OK, text=text))
        assert (reading.status, reading.choice) == (Status.REFUSED, None)
        assert reading.reason.startswith("declines to describe itself: ")
        assert reading.declined
        assert reading.own
        assert not reading.retry


@pytest.mark.parametrize(
    "text", ["7 out of 5", "maybe", "both", "It depends on who asks.", "agree"]
)
def test_an_unreadable_answer_is_no_refusal(text):
    """It is unparsed, and so asked again."""
    assert find_decline(text) == ""
    status, _, _ = read(likert_reader(), text)
    assert status == Status.UNPARSED


def test_who_says_no_and_answers_has_answered():
    """A preamble does not undo the number or the word."""
    text = "As an AI, I do not have a personality."
    assert read(likert_reader(), f"{text} 2")[:2] == (Status.OK, "2")
    assert read(stated_reader("warm", "blunt"), f"{text}\nBlunt")[:2] == (Status.OK, "blunt")


# -- what is kept -----------------------------------------------------------------------------


def test_the_number_is_kept_as_given_and_the_word_as_a_trait():
    """A reversed item is turned where it is measured, not where it is stored."""
    trial = Trial(1, "fresh", "warm", None, OURS.likert_reversed[0], 0, wording=1)
    (call,) = LIKERT.calls(trial, Setting(OURS, ModelTable(model="m", base_url="http://x")))
    reading = call.read(Reading(Status.OK, text="2"))
    assert LIKERT.result(trial, Setting(OURS, None), [reading]).value == 2.0
    chosen = stated_reader("warm", "blunt")(Reading(Status.TRUNCATED, text="Blunt."))
    result = STATED.result(trial, Setting(OURS, None), [chosen])
    assert (result.choice, result.value) == ("blunt", None)


@pytest.mark.parametrize("protocol", [STATED, LIKERT])
def test_a_failed_call_has_neither(protocol):
    """Nothing is read into an answer that did not come."""
    trial = Trial(1, "fresh", "warm", "blunt", "", 0)
    result = protocol.result(trial, Setting(OURS, None), [Reading(Status.TIMEOUT, text="4")])
    assert (result.choice, result.value, result.reading.status) == (None, None, Status.TIMEOUT)
