"""Judging: a reply and two words; which fits? The judge never learns who wrote the reply."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from ethogram.engine.requests import Messages
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
