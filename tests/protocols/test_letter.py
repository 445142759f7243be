"""Judging by a letter: what is asked, what is read of it, and what a study makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.planted.answers import JudgePlan
from tests.planted.service import chat, good, service
from tests.planted.studies import rows, run_text, study_text
from tests.protocols.test_probability import WORDS, read_planted, run_judge

from ethogram.engine.requests import Reading, Status
from ethogram.protocols.judge import fence
from ethogram.protocols.letter import free_reader, letter_messages, letter_reader
from ethogram.protocols.probability import next_token_choice
from ethogram.protocols.templates import Templates
from ethogram.store.read import read_comparisons
from ethogram.store.store import Store


def top(*alternatives):
    """Return log-probabilities of a first token, most likely first."""
    listed = [{"token": token, "logprob": math.log(p)} for token, p in alternatives]
    return {"content": [{**listed[0], "top_logprobs": listed}]}


def test_the_reply_stands_before_the_words():
    """Both orders begin alike, up to the first word: a service that caches reads it once."""
    asked = [
        letter_messages(Templates(), "hi", "well, hello", *words, show_prompt=True)[-1]["content"]
        for words in (("warm", "blunt"), ("blunt", "warm"))
    ]
    same = next(i for i, (a, b) in enumerate(zip(*asked, strict=True)) if a != b)
    assert asked[0][:same].endswith("A: ")
    assert "well, hello" in asked[0][:same]
    assert fence("hi", "well, hello") in asked[0]
    hidden = letter_messages(Templates(), "hi", "well", "warm", "blunt", show_prompt=False)
    assert "hi" not in hidden[-1]["content"].split("answered:")[0].split()


@pytest.mark.parametrize(
    ("logprobs", "text", "choice"),
    [
        (top(("A", 0.7), ("B", 0.2)), "A", "warm"),
        (top((" B", 0.6), (" A", 0.3)), "B", "blunt"),  # SentencePiece: the blank is its own
        (top(("B", 0.6), ("A", 0.3)), "A", "blunt"),  # sampled against the odds
        (top(("a", 0.5), ("A", 0.2), ("b", 0.3)), "a", "warm"),
        (top(("The", 0.9), ("B", 0.05)), "The", "blunt"),
        (top(("A.", 0.3), ("B.", 0.6)), "A.", "blunt"),  # sampled against the odds, each of these
        (top(("A)", 0.3), ("B)", 0.6)), "A)", "blunt"),
        (top(("ĠA", 0.3), ("ĠB", 0.6)), "A", "blunt"),  # blanks as byte-level tokens show them
        (top(("▁A", 0.3), ("▁B", 0.6)), "A", "blunt"),  # and as SentencePiece does
        (top(("A", 0.3), ("B", 0.25), (" B", 0.1)), "A", "blunt"),  # one letter's are summed
        (top(("A", 0.3), ("B", 0.25), ("B.", 0.1)), "A", "blunt"),
        (None, "B", "blunt"),
        (None, " **A**.", "warm"),
        (top(("The", 0.9), ("I", 0.1)), "A", "warm"),
    ],
)
def test_the_likelier_letter_is_the_choice(logprobs, text, choice):
    """Its word is taken, by the odds where there are any, else by what was said."""
    reading = Reading(Status.OK, text=text, logprobs=logprobs)
    assert letter_reader("warm", "blunt")(reading).choice == choice


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_letters_without_any_probability_are_read_by_what_was_said(value):
    """Numbers that are none are left out, without a warning."""
    listed = [{"token": letter, "logprob": value} for letter in "AB"]
    reading = Reading(
        Status.OK, text="B", logprobs={"content": [{**listed[0], "top_logprobs": listed}]}
    )
    assert letter_reader("warm", "blunt")(reading).choice == "blunt"
    assert next_token_choice(reading.logprobs, "A", "B") is None


def test_a_free_choice_takes_the_same_tokens_for_its_letters():
    """C is read with what a tokenizer puts around it, and its tokens are summed."""
    said = top(("A", 0.3), ("ĠC", 0.2), ("C.", 0.2))
    read = free_reader("warm", "blunt")(Reading(Status.OK, text="A", logprobs=said))
    assert (read.status, read.choice) == (Status.OK, None)


def test_a_letter_that_ends_at_its_limit_is_whole():
    """One token was asked for: the service says that it was cut, and nothing is missing."""
    reading = Reading(Status.TRUNCATED, reason="cut at the token limit", text="A", cut=True)
    read = letter_reader("warm", "blunt")(reading)
    assert (read.status, read.reason, read.choice) == (Status.OK, "", "warm")


@pytest.mark.parametrize("text", ["", "C", "warm", "A or B", "Answer: A"])
def test_what_is_no_letter_is_unparsed(text):
    """It says what was answered; nothing is guessed."""
    read = letter_reader("warm", "blunt")(Reading(Status.OK, text=text))
    assert read.status is Status.UNPARSED
    assert "expected A or B" in read.reason


def test_probabilities_of_letters_are_those_that_were_planted(planted, store_path, word_list):
    """What is stored is P(trait 1), whichever letter it was."""
    plan = JudgePlan(accuracy=0.8, accuracy_spread=0.1, first_bias=0.5, word_bias=0.4)
    world = run_judge(planted, store_path, word_list, plan, verdict="letter")
    read = list(read_planted(store_path))
    assert len(read) == 120
    for _, swapped, p, mark, one, two in read:
        shown = [two, one] if swapped else [one, two]
        assert p == pytest.approx(world.chances("judge", mark, shown)[shown.index(one)], abs=1e-9)


def test_both_orders_of_letters_are_averaged(planted, store_path, word_list):
    """A judge that goes half by place leans by .5 in one order, and not at all over both."""
    plan = JudgePlan(accuracy=0.9, first_share=0.5)
    run_judge(planted, store_path, word_list, plan, verdict="letter", orders="both")
    with Store.read(store_path) as store:
        (made,) = read_comparisons(store)
    p = {(t, bool(s)): x for t, s, x, *_ in read_planted(store_path)}
    trials = sorted({trial for trial, _ in p})
    lean = [p[t, False] - p[t, True] for t in trials]
    assert np.mean(lean) == pytest.approx(0.5, abs=1e-6)
    assert set(np.round(made.outcome, 6)) == {0.3, 0.7}  # .5 (.5 + .5 * .9) + .5 (.5 * .9)


def test_one_token_is_asked_for_and_the_orders_follow_each_other(store_path, word_list):
    """max_tokens is 1; with one connection, the two orders of a reply are asked back to back."""

    def answer(asked):
        if "letter" not in asked.body["messages"][-1]["content"]:
            return good(asked)
        return 200, chat("A", choice={"logprobs": top(("A", 0.6), ("B", 0.4))})

    with service(answer) as running:
        text = study_text(
            running.url,
            traits=word_list(*WORDS[:4]),
            judges={"judge": {"verdict": "letter", "orders": "both", "concurrency": 1}},
        )
        assert run_text(text, store_path, folder=store_path.parent).stopped is None
        judged = [a.body for a in running.asked if a.body.get("logprobs")]
    assert {body["max_tokens"] for body in judged} == {1}
    begun = [body["messages"][-1]["content"].partition("A: ")[0] for body in judged]
    assert begun[::2] == begun[1::2]
    assert len(set(begun)) == 6
    assert rows(store_path, "SELECT count(*) FROM verdict WHERE p_first IS NOT NULL") == [(12,)]


@pytest.mark.parametrize(
    "token", ['"A"', "*A*", "(A", "**A", "[A]", "“A”", "„A“", "「A」", "A。", "A!", "Ġ'A'", "ĉA"]
)
@pytest.mark.parametrize("reader", [free_reader, letter_reader])
def test_a_letter_between_marks_is_that_letter(token, reader):
    """As tokenizers cut it out of an answer, whatever stands before or behind it."""
    said = top((token, 0.7), ("B", 0.2))
    reading = reader("warm", "blunt")(Reading(Status.OK, text=token, logprobs=said))
    assert reading.choice == "warm"
    assert next_token_choice(said, "A", "B") == pytest.approx(0.7 / 0.9)


@pytest.mark.parametrize("reader", [free_reader, letter_reader])
def test_letters_without_any_probability_are_no_verdict(reader):
    """Minus infinity for each of them: what was said counts, and that is no letter."""
    listed = [{"token": token, "logprob": p} for token, p in
              (("The", 0.0), ("A", -math.inf), ("B", -math.inf))]  # fmt: skip
    said = {"content": [{**listed[0], "top_logprobs": listed}]}
    reading = reader("warm", "blunt")(Reading(Status.OK, text="The", logprobs=said))
    assert reading.status is Status.UNPARSED


@pytest.mark.parametrize(
    "text", ["«A»", "“A”", "`A`", "[A]", "<A>", "_A_", "{A}", "A,", "A!", "A\t"]
)
@pytest.mark.parametrize("reader", [free_reader, letter_reader])
def test_a_letter_between_marks_is_read_without_probabilities_too(text, reader):
    reading = reader("warm", "blunt")(Reading(Status.OK, text=text))
    assert reading.choice == "warm"
