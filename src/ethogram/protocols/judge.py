"""Judging: a reply and two words; which fits? The judge never learns who wrote the reply."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ethogram.engine.requests import USABLE, Messages, Read, Reading, Status
from ethogram.protocols.probability import (
    CHAT_PARAMS,
    COMPLETION_PARAMS,
    NEUTRAL,
    chat_probability,
    completion_choice,
    completion_messages,
)
from ethogram.protocols.protocol import Call, Judging, Protocol, Result, Setting
from ethogram.protocols.templates import EXAMPLES, TIES, Templates, fill

_TAG = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)
_END = re.compile(r"</answer>", re.IGNORECASE)
_WORD = re.compile(r"\w")


class Verdict(NamedTuple):
    """What a judge's text says: `winner` is a trait, None for a tie or for nothing readable.

    `reason` says why nothing could be read; it is "" where something was.
    """

    winner: str | None
    tie: bool = False
    reason: str = ""


def judge_messages(
    templates: Templates,
    prompt: str,
    reply: str,
    first: str,
    second: str,
    *,
    show_prompt: bool = True,
    examples: bool = False,
    ties: bool = False,
) -> Messages:
    """Return what the judge is sent; `first` is the trait that it is shown first."""
    text = templates.judge if show_prompt else templates.judge_without_prompt
    messages = [{"role": "system", "content": templates.judge_system}]
    for example in EXAMPLES if examples else ():
        asked, answered, one, two, reason, answer = example
        messages.append({"role": "user", "content": _question(text, asked, answered, one, two)})
        messages.append({"role": "assistant", "content": f"{reason} <answer>{answer}</answer>"})
    question = _question(text, prompt, reply, first, second, ties=ties)
    messages.append({"role": "user", "content": question})
    return tuple(messages)


def _question(
    text: str, prompt: str, reply: str, first: str, second: str, *, ties: bool = False
) -> str:
    """Fill the judge's template."""
    return fill(
        text,
        prompt=prompt,
        reply=reply,
        first=first,
        second=second,
        fence=fence(prompt, reply),
        ties=TIES if ties else "",
    )


def fence(prompt: str, reply: str) -> str:
    """Return a mark that the fenced text cannot hold: it is a hash of that text."""
    digest = hashlib.blake2b(f"{prompt}\0{reply}".encode(), digest_size=4).hexdigest()
    return f"#{digest}#"


def verdict_grammar(first: str, second: str, *, ties: bool = False) -> str:
    """Return a llama.cpp grammar (GBNF) that allows nothing but an answer between tags."""
    words = [first, second, *(("both", "neither") if ties else ())]
    choice = " | ".join(json.dumps(word, ensure_ascii=False) for word in words)
    return f'root ::= "<answer>" ({choice}) "</answer>"'


def parse_verdict(text: str, first: str, second: str, *, ties: bool = False) -> Verdict:
    """Read a judge's text, strictly.

    The words between all `<answer>` tags must come to exactly one of the two traits, case and
    outer punctuation aside (or "both" or "neither", where ties are allowed), and the last tag must
    end the text: a tag quoted from the material is no verdict.
    """
    # Nothing after the last end is searched: an opening without an end costs a scan each.
    ends = [end.end() for end in _END.finditer(text)]
    answers = {_plain(answer) for answer in _TAG.findall(text, 0, ends[-1])} if ends else set()
    if not answers:
        return Verdict(None, reason="no <answer> tag")
    if _WORD.search(text, ends[-1]):
        return Verdict(None, reason="the answer does not end the text: it may be a quotation")
    if len(answers) > 1:
        said = ", ".join(sorted(answer[:30] for answer in answers))
        return Verdict(None, reason=f"{len(answers)} different answers: {said}")
    (answer,) = answers
    for trait in (first, second):
        if answer == _plain(trait):
            return Verdict(trait)
    if ties and answer in ("both", "neither"):
        return Verdict(None, tie=True)
    return Verdict(None, reason=f"answered {answer[:60]!r}, expected {first} or {second}")


@lru_cache(maxsize=1024)
def _plain(word: str) -> str:
    """Fold case and width, and drop what is no letter or digit at either end."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return re.sub(r"^[\W_]+|[\W_]+$", "", " ".join(folded.split()))


# -- judging by the word --------------------------------------------------------------------


def _word_calls(judging: Judging, setting: Setting) -> Sequence[Call]:
    """Ask a chat judge for its word."""
    table, (first, second) = setting.table, judging.shown
    messages = judge_messages(
        setting.templates,
        judging.prompt,
        judging.reply,
        first,
        second,
        show_prompt=table.show_prompt,
        examples=table.examples,
        ties=table.ties,
    )
    extra: dict[str, Any] = dict(CHAT_PARAMS) if table.verdict == "logprobs" else {}
    if table.grammar:
        extra["grammar"] = verdict_grammar(first, second, ties=table.ties)
    return (Call(messages, extra, read=verdict_reader(first, second, ties=table.ties)),)


def verdict_reader(first: str, second: str, *, ties: bool = False) -> Read:
    """Return a function that reads a judge's choice, or `unparsed` where it names no one trait."""

    def read(reading: Reading) -> Reading:
        verdict = parse_verdict(reading.text, first, second, ties=ties)
        if verdict.reason:
            return reading.as_status(Status.UNPARSED, verdict.reason)
        return reading._replace(choice=verdict.winner)

    return read


def _word_result(judging: Judging, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the judge's word, and how nearly it named the other, where it can say."""
    (reading,) = readings
    if reading.status not in USABLE:
        return Result(reading)
    p = None
    if setting.table.verdict == "logprobs":
        p = chat_probability(reading.logprobs, *judging.shown)
    return Result(reading, reading.choice, _of_trait_1(p, judging))


def _of_trait_1(p: float | None, judging: Judging) -> float | None:
    """Turn the probability of the trait shown first into that of the trial's first trait."""
    return p if p is None or not judging.swapped else 1 - p


# -- judging by the next word of a base model -----------------------------------------------


def _completion_calls(judging: Judging, setting: Setting) -> Sequence[Call]:
    """Ask a completion judge twice: after the reply, and after a neutral text for the prior."""
    return tuple(
        Call(
            completion_messages(setting.templates, prompt, reply, *judging.shown),
            COMPLETION_PARAMS,
            path="completions",
        )
        for prompt, reply in ((judging.prompt, judging.reply), ("", NEUTRAL))
    )


def _completion_result(judging: Judging, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the word that is likelier after the reply, net of how likely it is anyway."""
    if readings[-1].status not in USABLE:
        return Result(readings[-1])
    reading, prior = readings
    p = completion_choice(reading.logprobs, prior.logprobs, *judging.shown)
    if p is None:
        return Result(reading.as_status(Status.UNPARSED, "neither word among the likely ones"))
    first, second = judging.shown
    return Result(reading, first if p >= 0.5 else second, _of_trait_1(p, judging))


WORD: Protocol[Judging] = Protocol(_word_calls, _word_result)
COMPLETION: Protocol[Judging] = Protocol(_completion_calls, _completion_result)
VERDICTS = {"word": WORD, "logprobs": WORD, "completion": COMPLETION}
"""How a judge is asked, by the `verdict` of its table."""
