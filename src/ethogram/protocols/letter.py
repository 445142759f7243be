"""Judging by a letter: A or B, read off the token probabilities of the judge's first token.

The reply stands first in the prompt and the two words last, so that the second order costs a few
tokens where a service keeps what it has read. A letter is one token for every word, so that long
words, and words that begin alike, are read as well as others.
"""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.engine.endpoints import limit_key
from ethogram.engine.requests import USABLE, Messages, Read, Reading, Status
from ethogram.protocols.judge import fence, of_trait_1
from ethogram.protocols.probability import (
    BLANKS,
    CHAT_PARAMS,
    CLOSING,
    OPENING,
    likeliest,
    next_token_choice,
    read_one_token,
)
from ethogram.protocols.protocol import Call, Judging, Protocol, Result, Setting
from ethogram.protocols.templates import Templates, fill

LETTERS = ("A", "B")


def letter_template(*, show_prompt: bool, neither: bool = False) -> str:
    """Return the name of the template that such a judge is asked by."""
    return f"letter{'_free' if neither else ''}{'' if show_prompt else '_without_prompt'}"


def letter_messages(
    templates: Templates,
    prompt: str,
    reply: str,
    first: str,
    second: str,
    *,
    show_prompt: bool,
    neither: bool = False,
) -> Messages:
    """Return what the judge is sent; `first` is A, and with `neither` there is a C."""
    text = getattr(templates, letter_template(show_prompt=show_prompt, neither=neither))
    question = fill(
        text, prompt=prompt, reply=reply, first=first, second=second, fence=fence(prompt, reply)
    )
    return (
        {"role": "system", "content": templates.judge_system},
        {"role": "user", "content": question},
    )


def _calls(judging: Judging, setting: Setting) -> Sequence[Call]:
    """Ask for one token."""
    messages = letter_messages(
        setting.templates,
        judging.prompt,
        judging.reply,
        *judging.shown,
        show_prompt=setting.table.show_prompt,
        neither=judging.is_free,
    )
    extra = {**CHAT_PARAMS, limit_key(setting.table): 1}
    read = (free_reader if judging.is_free else letter_reader)(*judging.shown)
    return (Call(messages, extra, read=read),)


def free_reader(first: str, second: str) -> Read:
    """Return a function that reads the likeliest of three letters; C, for neither, is no trait."""
    choices = {"a": first, "b": second, "c": None}

    def read(reading: Reading) -> Reading:
        reading = read_one_token(reading)
        said = likeliest(reading.logprobs, tuple(choices)) or _bare(reading.text)
        if said in choices:
            return reading._replace(choice=choices[said])
        why = f"answered {reading.text.strip()[:60]!r}, expected A, B or C"
        return reading.as_status(Status.UNPARSED, why)

    return read


def _bare(text: str) -> str:
    return text.strip().strip(BLANKS + OPENING + CLOSING + " ").casefold()


def letter_reader(first: str, second: str) -> Read:
    """Return a function that reads the likelier letter, or the one that was said."""

    def read(reading: Reading) -> Reading:
        reading = read_one_token(reading)
        p = next_token_choice(reading.logprobs, *LETTERS)
        said = _bare(reading.text)
        if p is not None and p != 0.5:
            return reading._replace(choice=first if p > 0.5 else second)
        if said in ("a", "b"):
            return reading._replace(choice=first if said == "a" else second)
        why = f"answered {reading.text.strip()[:60]!r}, expected A or B"
        return reading.as_status(Status.UNPARSED, why)

    return read


def _result(judging: Judging, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the letter, and how likely it is."""
    (reading,) = readings
    if reading.status not in USABLE or judging.is_free:
        return Result(reading, reading.choice)
    p = next_token_choice(reading.logprobs, *LETTERS)
    return Result(reading, reading.choice, of_trait_1(p, judging))


LETTER: Protocol[Judging] = Protocol(_calls, _result)
