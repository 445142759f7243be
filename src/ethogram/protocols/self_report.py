"""Self-report: the tested model itself says how it answers, and no judge reads it.

`STATED` asks which of two words describes it better, `LIKERT` how far it agrees with a statement
that names one trait. The question, with its slots, is the trial's prompt. Where the trial goes on
from a reply of the study, the model is asked in that conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ethogram.engine.requests import USABLE, Messages, Read, Reading, Status
from ethogram.protocols.declining import find_decline
from ethogram.protocols.elicit import system_of
from ethogram.protocols.judge import parse_verdict
from ethogram.protocols.numbers import parse_number
from ethogram.protocols.protocol import Call, Protocol, Result, Setting, Trial
from ethogram.protocols.templates import fill
from ethogram.protocols.words import find_word

REVERSED = 2
"""Every second item of a trait is worded the other way round."""


def is_reversed(item: int) -> bool:
    """Whether agreement with an item of this number speaks against its trait."""
    return item % REVERSED == 1


def self_report_messages(trial: Trial, setting: Setting, question: str) -> Messages:
    """Return a question after what was said before it; alone, after the model's system text."""
    asked = {"role": "user", "content": question}
    system = system_of(trial, setting) if trial.turn == 1 else ""  # later turns have it already
    opening: Messages = ({"role": "system", "content": system},) if system else ()
    return (*opening, *trial.turns, asked)


def _stated_calls(trial: Trial, setting: Setting) -> Sequence[Call]:
    """Ask for one of two words."""
    first, second = _traits(trial)
    question = fill(trial.prompt, first=first, second=second)
    messages = self_report_messages(trial, setting, question)
    return (Call(messages, read=stated_reader(first, second)),)


def _traits(trial: Trial) -> tuple[str, str]:
    return trial.trait_1 or "", trial.trait_2 or ""


def stated_reader(first: str, second: str) -> Read:
    """Return a function that reads which of two words a model says it is, strictly."""

    def choose(text: str) -> tuple[str | None, str]:
        verdict = parse_verdict(text, first, second)
        word = verdict.winner
        if word is None and "<answer" not in text.casefold():
            word = find_word(text, first, second)
        return word, "" if word else f"names no one of the two words: {text.strip()[:60]!r}"

    return _reader(choose)


def likert_reader() -> Read:
    """Return a function that reads one number from 1 to 5, strictly."""

    def choose(text: str) -> tuple[str | None, str]:
        number = parse_number(text)
        return (None, number.reason) if number.value is None else (str(number.value), "")

    return _reader(choose)


def _reader(choose: Callable[[str], tuple[str | None, str]]) -> Read:
    """Return a function that reads an answer; a text without one declines, or is `unparsed`."""

    def read(reading: Reading) -> Reading:
        choice, reason = choose(reading.text)
        if choice is not None:
            return reading._replace(choice=choice)
        if declined := find_decline(reading.text):
            refused = reading.as_status(Status.REFUSED, f"declines to describe itself: {declined}")
            return refused._replace(own=True, declined=True)
        return reading.as_status(Status.UNPARSED, reason)

    return read


def _stated_result(trial: Trial, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the word."""
    (reading,) = readings
    return Result(reading, choice=reading.choice if reading.status in USABLE else None)


def _likert_calls(trial: Trial, setting: Setting) -> Sequence[Call]:
    """Ask for agreement with one statement."""
    question = fill(trial.prompt, trait=trial.trait_1 or "")
    return (Call(self_report_messages(trial, setting, question), read=likert_reader()),)


def _likert_result(trial: Trial, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the number as it was given: reversal is undone where it is measured."""
    (reading,) = readings
    if reading.status not in USABLE or reading.choice is None:
        return Result(reading)
    return Result(reading, value=float(reading.choice))


STATED: Protocol[Trial] = Protocol(_stated_calls, _stated_result)
LIKERT: Protocol[Trial] = Protocol(_likert_calls, _likert_result)
