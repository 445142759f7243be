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
from ethogram.protocols.probability import CHAT_PARAMS, next_token_choice, read_one_token
from ethogram.protocols.protocol import Call, Judging, Protocol, Result, Setting
from ethogram.protocols.templates import Templates, fill

LETTERS = ("A", "B")


def letter_messages(
    templates: Templates, prompt: str, reply: str, first: str, second: str, *, show_prompt: bool
) -> Messages:
    """Return what the judge is sent; `first` is A."""
    text = templates.letter if show_prompt else templates.letter_without_prompt
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
    )
    extra = {**CHAT_PARAMS, limit_key(setting.table): 1}
    return (Call(messages, extra, read=letter_reader(*judging.shown)),)


def letter_reader(first: str, second: str) -> Read:
    """Return a function that reads the likelier letter, or the one that was said."""

    def read(reading: Reading) -> Reading:
        reading = read_one_token(reading)
        p = next_token_choice(reading.logprobs, *LETTERS)
        said = reading.text.strip(" \n*().:\"'").casefold()
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
    if reading.status not in USABLE:
        return Result(reading)
    p = next_token_choice(reading.logprobs, *LETTERS)
    return Result(reading, reading.choice, of_trait_1(p, judging))


LETTER: Protocol[Judging] = Protocol(_calls, _result)
