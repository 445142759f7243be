"""Judging: a reply and two words; which fits? The judge never learns who wrote the reply."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ethogram.engine.requests import USABLE, Messages, Read, Reading, Status
from ethogram.engine.thoughts import strip_tokens
from ethogram.protocols.probability import (
    CHAT_PARAMS,
    COMPLETION_PARAMS,
    NEUTRAL,
    chat_probability,
    completion_choice,
    completion_messages,
    read_one_token,
)
from ethogram.protocols.protocol import Call, Judging, Protocol, Result, Setting
from ethogram.protocols.templates import EXAMPLES, NEITHER, TIES, Templates, fill, plain_hyphens

_TAG = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)
_END = re.compile(r"</answer>", re.IGNORECASE)
_CUT = re.compile(r"(?<![\"'“‘«`])<answer>([^<>]{1,100})(?:</?[a-z]{0,6})?\s*\Z", re.IGNORECASE)
_BOX = re.compile(r"\\boxed\s*\{(?:\\text\w*\s*\{)?([^{}]{1,100})\}\}?")
_LINE = re.compile(
    r"^[^\w\n]{0,20}(?:final[^\w\n]{1,5})?(?:answer|verdict)[^\w\n]{0,10}[:=](.{1,100})$",
    re.IGNORECASE | re.MULTILINE,
)
_OPEN = re.compile(  # a tag without its end, in mid-text
    r"<answer>\s{0,20}([\w -]{1,100})(?![\w -])(?!.{0,200}</answer>)", re.IGNORECASE | re.DOTALL
)
_KEY = re.compile(
    r"[\"'](?:answer|verdict|choice|winner|word)[\"']\s{0,20}:\s{0,20}[\"']([^\"'\n]{1,100})[\"']",
    re.IGNORECASE,
)
_OBJECT = re.compile(r"\{.*\}(?=\s*(?:```)?\s*\Z)", re.DOTALL)
_JSON_KEYS = frozenset({"answer", "verdict", "choice", "winner", "word"})
_REASON = re.compile(r"\W*(?:because|since|as|reason\w*)\b", re.IGNORECASE)
_WORD = re.compile(r"\w")
_QUOTE = re.compile(r"[\"'“‘«`]")
_NO_WORD = re.compile(r"[^\w-]+")
_ESCAPED = re.compile(r"&lt;(\s{0,3}/?\s{0,3}answer\s{0,3})&gt;", re.IGNORECASE)
_SPACED = re.compile(r"<\s{0,3}(/?)\s{0,3}answer\s{0,3}>", re.IGNORECASE)
_REOPENED = re.compile(r"(<answer>[^<>]{1,100})<answer>(?=\s*\Z)", re.IGNORECASE)
_WRAPPER = re.compile(r"</(?:response|output|result|judge?ment)>\Z", re.IGNORECASE)
_CLOSED = re.compile(r"([^<>]{1,100})</answer>\W*\Z", re.IGNORECASE)
_OPEN_QUOTES = frozenset("\"'“”‘’„‚«»‹›`『「《〈")
_FENCE = re.compile(r"(?:```|~~~)\w*\s*\Z")
_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)*_]*\s")
_ATTRIBUTED = re.compile(  # what comes next is somebody else's, or is denied
    r"(?:\A\W*(?:(?:the|this|that|its)\s+(?:response|text|author|assistant|user|writer|message|"
    r"passage|line|tag|prompt)|(?:the|this|that|its)?\s*(?:reply|material|quote))"
    r"(?:\s+\w+ly|\s+(?:itself|just|also))*"
    r"|(?<!\bi )(?<!\bi['’]d )(?<!\bi['’]ll )(?<!\bi would )(?<!\bi should )(?<!\bi must )"
    r"(?<!\bi will )\b"
    r"(?:says?|said|saying|reads?|wrote|writes?|written|writing|contains?|containing|replied|"
    r"quot(?:es?|ed|ing)|stat(?:es?|ed|ing)|claim(?:s|ed|ing)?|includ(?:es?|ed|ing)|answered|"
    r"(?:begs?|begged|begging|asks?|asked|asking) for|responds?|responded|demand(?:s|ed)|"
    r"(?:ends?|ended|begins?|began|starts?|opens?) with)"
    r"(?:\s+(?:the|this|a|me|us))?(?:\s+(?:line|tag|words?|text|following))?"
    r"|\b(?:tells?|told|asks?|asked|wants?|wanted|orders?|ordered|begs?|instructs?)\s+"
    r"(?:me|you|us|one|the judge)\s+to\b.{1,60}"
    r"|(?:\b(?:not|never|cannot)|n['’]t)(?:\s+(?:say|answer|write|choose|pick|be|give|call|it))*"
    r")[\s:,*_]*\Z",
    re.IGNORECASE | re.DOTALL,
)
_TAKEN_BACK = re.compile(
    r"(?:\A|[.!?\n])\W{0,10}(?:(?:no|nope|not)\s?(?:[.,!;:—–-]|\Z)|(?:wait|hmm+|hold on|actually|"
    r"sorry|oops|correction|scratch|never ?mind|on second|but wait|not so)\b)"
    r"|\b(?:reconsider\w*|rethink|quoted|quotation|copied|the material|second thoughts?|my mistake|"
    r"i (?:\w+ )?(?:ignore|disregard|retract|withdraw|take|change)|i (?:was|am) (?:wrong|mistaken)|"
    r"not my (?:answer|verdict|choice)|(?:that|this|what|which) (?:is what )?(?:the|its?) (?:\w+ )?"
    r"(?:contains?|says?|said|claims?|wrote|writes?|demands?))\b",
    re.IGNORECASE,
)
_BOXES = re.compile(r"<\|(?:begin|end)_of_box\|>")


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
    neither: bool = False,
) -> Messages:
    """Return what the judge is sent; `first` is the trait that it is shown first."""
    text = templates.judge if show_prompt else templates.judge_without_prompt
    messages = [{"role": "system", "content": templates.judge_system}]
    for example in EXAMPLES if examples else ():
        asked, answered, one, two, reason, answer = example
        messages.append({"role": "user", "content": _question(text, asked, answered, one, two)})
        messages.append({"role": "assistant", "content": f"{reason} <answer>{answer}</answer>"})
    more = NEITHER if neither else TIES if ties else ""
    question = _question(text, prompt, reply, first, second, ties=more)
    messages.append({"role": "user", "content": question})
    return tuple(messages)


def _question(
    text: str, prompt: str, reply: str, first: str, second: str, *, ties: str = ""
) -> str:
    """Fill the judge's template."""
    return fill(
        text,
        prompt=prompt,
        reply=reply,
        first=first,
        second=second,
        fence=fence(prompt, reply),
        ties=ties,
    )


def fence(prompt: str, reply: str) -> str:
    """Return a mark that the fenced text cannot hold: it is a hash of that text."""
    digest = hashlib.blake2b(f"{prompt}\0{reply}".encode(), digest_size=4).hexdigest()
    return f"#{digest}#"


def verdict_grammar(first: str, second: str, *, ties: bool = False, neither: bool = False) -> str:
    """Return a llama.cpp grammar (GBNF) that allows nothing but an answer between tags."""
    words = [first, second, *_others(ties=ties, neither=neither)]
    choice = " | ".join(json.dumps(word, ensure_ascii=False) for word in words)
    return f'root ::= "<answer>" ({choice}) "</answer>"'


def _others(*, ties: bool, neither: bool) -> tuple[str, ...]:
    """Return the words that may be answered in place of either trait."""
    return ("neither",) if neither else ("both", "neither") if ties else ()


def parse_verdict(
    text: str, first: str, second: str, *, ties: bool = False, neither: bool = False
) -> Verdict:
    """Read a judge's text, strictly.

    All answers in it must come to exactly one of the two traits, case and outer punctuation aside
    (or "both" or "neither", where these are allowed), and the last must end the text or the first
    begin it: a tag quoted from the material is not a verdict. An answer stands between `<answer>`
    tags. Where there are none it may also be all there is, or a JSON object's `answer`, or end the
    text as `Answer: x` or in a box.
    """
    text = _tidy(text)
    allowed = dict.fromkeys(_others(ties=ties, neither=neither), "")
    allowed |= {_plain(first): first, _plain(second): second}
    tagged, start, end = _tagged(text)
    other, other_start, other_end = _untagged(text, allowed)
    answers = tagged | other
    if other_end > end:
        start, end = other_start, other_end
    if not answers:
        return Verdict(None, reason="no <answer> tag")
    if len(answers) > 1:
        said = ", ".join(sorted(answer[:30] for answer in answers))
        return Verdict(None, reason=f"{len(answers)} different answers: {said}")
    (answer,) = answers
    if _WORD.search(text, end) and not _begins_with_answer(text, end, allowed, answer):
        return Verdict(None, reason="the answer does not end the text: it may be a quotation")
    if _is_quoted(text, start):
        return Verdict(None, reason="the answer stands in a quotation")
    if answer not in allowed:
        return Verdict(None, reason=f"answered {answer[:60]!r}, expected {first} or {second}")
    return Verdict(allowed[answer] or None, tie=not allowed[answer])


def _tidy(text: str) -> str:
    """Take off what a server left around a text, and write its tags in the one way."""
    text = _BOXES.sub("", strip_tokens(text))
    text = _SPACED.sub(r"<\1answer>", _ESCAPED.sub(r"<\1>", text))
    text = _WRAPPER.sub("", text.rstrip())
    return _REOPENED.sub(r"\1</answer>", text)


def _tagged(text: str) -> tuple[set[str], int, int]:
    """Return what stands between tags, and where the last of them starts and ends.

    Of a tag at the very end a stop sequence may have eaten the closing half.
    """
    # Nothing after the last end is searched: an opening without an end costs a scan each.
    ends = [end.end() for end in _END.finditer(text)]
    tags = list(_TAG.finditer(text, 0, ends[-1])) if ends else []
    answers = {_plain(tag[1]) for tag in tags}
    end = ends[-1] if ends else 0
    cut = _CUT.search(text, max(end, len(text) - 150))
    if cut:
        return answers | {_plain(cut[1])}, cut.start(), len(text)
    return answers, tags[-1].start() if tags else 0, end if answers else 0


def _untagged(text: str, allowed: Collection[str]) -> tuple[set[str], int, int]:
    """Return the answers given in another form, and where the last starts and ends.

    What is neither of the two words is none: outside a tag it may be anything.
    """
    if len(text) < 200:
        closed = _CLOSED.fullmatch(text)  # the template wrote the opening tag
        word = _plain(closed[1] if closed else text)
        if word in allowed:
            return {word}, 0, len(text)
    found = [(m.end(), m.start(), _plain(m[1])) for m in _BOX.finditer(text)]
    lines = (m for m in _LINE.finditer(text) if not m[1].rstrip(" *_\t").endswith("?"))
    found += [(m.end(), m.start(), _plain(m[1])) for m in lines]
    brace, answers = _json_answers(text)
    found += [(len(text), brace, _plain(answer)) for answer in answers]
    # These decide nothing where they stand, but against another answer.
    found += [(0, 0, _plain(m[1])) for form in (_OPEN, _KEY) for m in form.finditer(text)]
    found = [one for one in found if one[2] in allowed]
    end, start, _ = max(found, default=(0, 0, ""))
    return {answer for _, _, answer in found}, start, end


def _json_answers(text: str) -> tuple[int, list[str]]:
    """Return where a JSON object starts that ends the text, in a fence or not, and its answers."""
    brace = text.find("{")
    ends = text[-20:].rstrip(" \n`").endswith("}")
    whole = _OBJECT.match(text, brace) if ends and brace >= 0 else None
    if whole is None or _is_quoted(text, whole.start()):
        return 0, []
    try:
        pairs = json.loads(whole[0], object_pairs_hook=list)
    except (ValueError, RecursionError):
        return 0, []
    keyed = ((key.lower(), value) for key, value in pairs)
    found = [value for key, value in keyed if key in _JSON_KEYS and isinstance(value, str)]
    return whole.start(), found


def _is_quoted(text: str, start: int) -> bool:
    """Whether an answer that starts here is somebody else's: in quotation marks, or said to be."""
    before = text[max(0, start - 400) : start]
    line = (before[before.rfind("\n") + 1 :] + text[start : start + 30]).lstrip()
    if line.startswith(">") or before[-1:] in _OPEN_QUOTES:
        return not _FENCE.fullmatch(before)
    lead = _FENCE.sub("", before).rstrip()
    ended = [match.end() for match in _SENTENCE.finditer(lead + " ")]
    lead = lead[ended[-1] :] if ended else lead
    return bool(lead) and _ATTRIBUTED.search(lead) is not None


def _begins_with_answer(text: str, end: int, allowed: Collection[str], answer: str) -> bool:
    """Whether an answer begins the text and only its reason follows.

    The reason must be a sentence of its own that names no other word: in `<answer>x</answer> it
    says, but no` the tag is quoted.
    """
    opening = text.casefold().find("<answer>")
    if opening < 0 or _WORD.search(text, 0, opening) or _QUOTE.search(text, 0, opening):
        return False
    if len(_TAG.findall(text, 0, end)) != 1:
        return False
    rest = text[end:]
    start = _WORD.search(rest)
    if start is None or (start[0].islower() and not _REASON.match(rest)):
        return False
    if _TAKEN_BACK.search(rest):
        return False
    words = _plain(_NO_WORD.sub(" ", rest))
    return not any(f" {other} " in f" {words} " for other in allowed if other != answer)


@lru_cache(maxsize=1024)
def _plain(word: str) -> str:
    """Fold case, width and hyphens, and drop what is not a letter or digit at either end."""
    folded = plain_hyphens(unicodedata.normalize("NFKC", word).casefold())
    return re.sub(r"^[\W_]+|[\W_]+$", "", " ".join(folded.split()))


# -- judging by the word --------------------------------------------------------------------


def _word_calls(judging: Judging, setting: Setting) -> Sequence[Call]:
    """Ask a chat judge for its word."""
    table, (first, second) = setting.table, judging.shown
    said = {"ties": table.ties, "neither": judging.is_free}
    messages = judge_messages(
        setting.templates,
        judging.prompt,
        judging.reply,
        first,
        second,
        show_prompt=table.show_prompt,
        examples=table.examples,
        **said,
    )
    extra: dict[str, Any] = dict(CHAT_PARAMS) if table.verdict == "logprobs" else {}
    if table.grammar:
        extra["grammar"] = verdict_grammar(first, second, **said)
    return (Call(messages, extra, read=verdict_reader(first, second, **said)),)


def verdict_reader(first: str, second: str, *, ties: bool = False, neither: bool = False) -> Read:
    """Return a function that reads a judge's choice, or `unparsed` where it names no one trait."""

    def read(reading: Reading) -> Reading:
        verdict = parse_verdict(reading.text, first, second, ties=ties, neither=neither)
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
    if setting.table.verdict == "logprobs" and not judging.is_free:
        p = chat_probability(reading.logprobs, *judging.shown)
    return Result(reading, reading.choice, of_trait_1(p, judging))


def of_trait_1(p: float | None, judging: Judging) -> float | None:
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
            read=read_one_token,
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
    return Result(reading, first if p >= 0.5 else second, of_trait_1(p, judging))


WORD: Protocol[Judging] = Protocol(_word_calls, _word_result)
COMPLETION: Protocol[Judging] = Protocol(_completion_calls, _completion_result)
