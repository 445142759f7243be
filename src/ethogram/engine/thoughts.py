"""Thoughts that stand in a reply's text: found, and parted from it.

A block that opens the text and is closed is thoughts, whatever its words. Elsewhere a mark that
stands in code or in quotation marks, or is talked about ("the <think> tag"), is a mention and stays
in the reply. Every search takes time in proportion to the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from ethogram.engine.spellings import END_TOKENS, HEAD_THOUGHTS, START_TOKENS, THOUGHTS

Spellings = tuple[tuple[str, str], ...]
"""Pairs of an opening and a closing mark, taken literally, in any case."""

_CODE = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n)[ \t]*\n((?:(?: {4}|\t)[^\n]*(?:\n|\Z))+)")
_BEFORE_MENTION = re.compile(
    r"\b(?:the|an?|and|or|nor|no|neither|with|by|in|of|using|uses?|called|named|writes?|like|between|"
    r"inside|within|without|closing|opening|before|after|each|its|their|as|than|says?|types?|puts?|"
    r"wraps?|emits?|adds?|outputs?|contains?|tags?) \Z",
    re.IGNORECASE,
)
_AFTER_MENTION = re.compile(  # in lower case only: "<think> Is it so?" is a thought
    r" (?:tags?|elements?|tokens?|blocks?|markers?|markup|sections?|"
    r"is|are|was|were|means|marks|opens|closes|denotes|stands|ends|starts|and|or)\b"
    r"| ?[:|] | [—–=-] "  # in a list or a table
)
_NAMED_TWICE = re.compile(r"[\s.,/&…|→-]*(?:and|or|to)?[\s.,/&…|→-]*")  # "<think> and </think>"
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "(": ")", "`": "`"}
_MARKS = frozenset("\"'“‘«`")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
_BLANKS = " \t\r\n\f\v" + _INVISIBLE
_OPENERS = "|".join(map(re.escape, sorted((*START_TOKENS, *END_TOKENS), key=len, reverse=True)))
_LABEL = r"(?:(?:thinking|thoughts?|reasoning)(?: process)?[*_]{0,2}:)"  # "**Thinking:** <think>"
_BEFORE_BLOCK = re.compile(  # what may stand before a block on its line
    rf"(?:[\s{_INVISIBLE}*_#>]|{_OPENERS}|{_LABEL}|\d{{1,3}}[.)]|assistant\b)*", re.IGNORECASE
)
_LABELED = re.compile(rf"[*_#\s]{{0,20}}{_LABEL}[*_\s]{{0,20}}", re.IGNORECASE)
_HEAD = re.compile(
    rf"(?:[\s{_INVISIBLE}]|{'|'.join(map(re.escape, START_TOKENS))})*", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?:…。！？][\"'”’)*_]{0,3}\s*\Z")
_HARMONY = re.compile(
    r"(?:<\|start\|>\s*(?:assistant)?[^<]{0,80})?<\|channel\|>\s*(\w+)[^<]{0,120}"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>",
    re.IGNORECASE,
)
_HARMONY_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_HARMONY_TOKEN = re.compile(r"<\|(?:start|end|message)\|>(?:assistant)?")
_HINTS = (  # one of these is in every mark of the table: most texts have none, or no bracket
    *("think", "thought", "reason", "reflection", "scratchpad", "monologue", "channel"),
    *("unused9", "unused1", "inner_prefix", "inner_suffix"),
    *("analysis", "internal", "cot", "rationale", "reflect"),
)
_WORDED = ("here", "analysis", "assistantanalysis", "thinking...")


class Split(NamedTuple):
    """A text without its thoughts; `found`: there was a block of them, even an empty one."""

    reply: str
    reasoning: str
    found: bool = False


class _Block(NamedTuple):
    """One spelling, compiled."""

    opening: re.Pattern[str]
    closing: re.Pattern[str]


def split_thoughts(text: str, spellings: Sequence[tuple[str, str]] = ()) -> Split:
    """Part a reply from the thoughts in its text.

    Parameters
    ----------
    text : str
    spellings : sequence of (opening, closing)
        More marks than those of `ethogram.engine.spellings.THOUGHTS`, taken literally.

    Returns
    -------
    Split
        A block that was never closed is all thoughts, and so is all that stands before a closing
        mark without an opening (some chat templates write the opening themselves).
    """
    if not (spellings or _has_hint(text)):
        return Split(text, "")
    blocks = _compiled(tuple((opening, closing) for opening, closing in spellings))
    split = Split(text, "")
    in_blocks = partial(_split_blocks, blocks=blocks)
    for part in (_split_heads, _split_harmony, in_blocks, _split_heads):
        found = part(split.reply)
        if found is not None:
            split = Split(found.reply, _join(split.reasoning, found.reasoning), True)
    return split


def _has_hint(text: str) -> bool:
    """Whether a text may hold thoughts; cheap, as this is asked of every text."""
    if "<" in text or "[" in text or "◁" in text or "＜" in text or "&lt;" in text:
        folded = text.lower()
        if any(map(folded.__contains__, _HINTS)):
            return True
    return text.lstrip(_BLANKS)[:20].lower().startswith(_WORDED)


def split_reasoning(text: str, spellings: Sequence[tuple[str, str]] = ()) -> tuple[str, str]:
    """Return a reply and the thoughts that stood in it, see `split_thoughts`."""
    split = split_thoughts(text, spellings)
    return split.reply, split.reasoning


@lru_cache(maxsize=64)
def _compiled(more: Spellings) -> tuple[_Block, ...]:
    """Compile the table, after what a study adds."""
    added = [(re.escape(opening), re.escape(closing)) for opening, closing in more]
    return tuple(
        _Block(re.compile(opening, re.IGNORECASE), re.compile(closing, re.IGNORECASE))
        for opening, closing in (*added, *THOUGHTS)
    )


_HEADS = tuple(
    _Block(re.compile(opening), re.compile(closing)) for opening, closing in HEAD_THOUGHTS
)


def _join(*texts: str) -> str:
    """Put thoughts together."""
    return "\n".join(text for text in texts if text)


# -- blocks between two marks -----------------------------------------------------------------


class _Marks:
    """Where the marks of one text stand, each found once: a text may hold thousands."""

    def __init__(self, text: str, blocks: Sequence[_Block]) -> None:
        self.text = text
        code = _code_spans(text)
        self._code_starts = [start for start, _ in code]
        self._code_ends = [end for _, end in code]
        self.any_openings = [_spans(block.opening, text) for block in blocks]
        self._unquoted = [
            [span for span in spans if self._is_unquoted(span)] for spans in self.any_openings
        ]
        self.openings = [
            [span for span in spans if not self.is_named(span)] for spans in self._unquoted
        ]
        self.closings = [_spans(block.closing, text) for block in blocks]
        self.own_closings = [
            [span for span in spans if self._is_unquoted(span) and not self.is_named(span)]
            for spans in self.closings
        ]

    def in_order(self) -> list[tuple[int, int, int]]:
        """Return (start, end, block) of each opening; of two at one place, the longer first."""
        marks = ((a, b, n) for n, spans in enumerate(self._unquoted) for a, b in spans)
        return sorted(marks, key=lambda mark: (mark[0], -mark[1], mark[2]))

    def closing(self, block: int, after: int) -> tuple[int, int] | None:
        """Return where a block closes: at its first closing mark that stands, else at any."""
        return _after(self.own_closings[block], after) or _after(self.closings[block], after)

    def closes(self, block: int, after: int) -> bool:
        """Whether a block is surely closed: by a mark that stands, or that text is attached to."""
        if _after(self.own_closings[block], after):
            return True
        closing = _after(self.closings[block], after)
        if closing is None or self.is_code(closing[0]):
            return False
        attached = self.text[closing[1] : closing[1] + 2]
        if attached[:1] == " ":
            return attached[1:].isupper()
        return attached[:1] not in (*".,;:!?)|*", *_QUOTES.values())

    def is_lone(self, block: int, closing: tuple[int, int]) -> bool:
        """Whether no opening stands before a closing mark, nor any on its own line."""
        closed = bisect_left(self.closings[block], closing)
        if bisect_left(self.openings[block], closing) > closed:
            return False
        start = self.text.rfind("\n", max(0, closing[0] - 1000), closing[0])
        if closed:
            start = max(start, self.closings[block][closed - 1][1])
        opening = _after(self.any_openings[block], start)
        return opening is None or opening[0] >= closing[0]

    def is_code(self, position: int) -> bool:
        """Whether a place is in code."""
        place = bisect_right(self._code_starts, position) - 1
        return place >= 0 and position < self._code_ends[place]

    def is_named(self, span: tuple[int, int]) -> bool:
        """Whether the words after a mark tell of it."""
        return _AFTER_MENTION.match(self.text, span[1], span[1] + 20) is not None

    def _is_unquoted(self, span: tuple[int, int]) -> bool:
        """Whether a mark is neither in code, nor quoted, nor talked about by the words before."""
        start, end = span
        if self.is_code(start):
            return False
        before, after = self.text[max(0, start - 20) : start], self.text[end : end + 1]
        if after and _QUOTES.get(before[-1:]) == after:
            return False
        return not _BEFORE_MENTION.search(before)


def _spans(mark: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Return every place of a mark."""
    return [match.span() for match in mark.finditer(text)]


def _after(spans: list[tuple[int, int]], position: int) -> tuple[int, int] | None:
    """Return the first span that starts at a position or after it."""
    place = bisect_left(spans, (position, 0))
    return spans[place] if place < len(spans) else None


def _split_blocks(text: str, blocks: Sequence[_Block]) -> Split | None:
    """Take out each block, then what stands before a closing mark of its own."""
    marks = _Marks(text, blocks)
    thoughts: list[str] = []
    kept: list[str] = []
    position = 0
    for start, end, block in marks.in_order():
        if start < position or not _opens(marks, position, (start, end), block):
            continue
        closing = marks.closing(block, end) or (len(text), len(text))
        emphasis = "**" if text.startswith("**", closing[1]) else ""
        before = text[position:start]
        if emphasis and before.endswith(emphasis):
            before = before[: -len(emphasis)]
            closing = (closing[0], closing[1] + len(emphasis))
        kept.append("" if _LABELED.fullmatch(before) else before)
        thoughts.append(text[end : closing[0]].strip())
        position = closing[1]
    reply = "".join([*kept, text[position:]])
    lone = _lone_closing(reply, blocks)
    if lone is not None:
        thoughts.append(reply[: lone[0]].strip())
        reply = reply[lone[1] :]
    if not thoughts:
        return None
    return Split(reply.strip(_BLANKS) and reply.lstrip(_BLANKS), _join(*thoughts), True)


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Return where code stands: in a fence, between backticks on one line, or indented."""
    spans = [match.span() for match in _CODE.finditer(text)] if "`" in text or "~~~" in text else []
    if "\n    " not in text and "\n\t" not in text:
        return spans
    start = len(text) - len(text.lstrip(_BLANKS))
    indented = _INDENTED.finditer(text, start)
    # A pair of marks: one of them alone may be a thought's own.
    spans.extend(match.span(1) for match in indented if "/" in match[1])
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _opens(marks: _Marks, position: int, span: tuple[int, int], block: int) -> bool:
    """Whether a block opens here.

    At the start of a line it does unless it is talked about; within one it must be closed, or cut
    off in the middle of its thoughts. `position` is where the block before it ended.
    """
    text, (start, end) = marks.text, span
    closing = _after(marks.closings[block], end)
    between = text[end : min(closing[0], end + 100)] if closing else ""
    if between.strip() and len(between) < 20 and _NAMED_TWICE.fullmatch(between):
        return False
    before = text[max(position, start - 100) : start]
    line = before[before.rfind("\n") + 1 :]
    whole = len(before) < 100 or "\n" in before
    if whole and _BEFORE_BLOCK.fullmatch(line):
        if marks.is_named(span):
            return marks.closes(block, end)
        if closing is None and text[start] == "[":  # "[THINK] about it"
            return not (text[end : end + 1] == " " and text[end + 1 : end + 2].islower())
        return True
    if marks.is_named(span):
        return False
    if closing is not None:
        after = text[closing[1] : closing[1] + 1]
        if not between.strip() or (before[-1:] in _MARKS and _QUOTES[before[-1]] == after):
            return False
        return marks.closes(block, end) or "\n" in between or len(between.split()) > 3
    rest = len(text) - end
    attached = text[end : end + 1].isalnum() and rest > 40
    prose = text[end : end + 1] == " " and text[end + 1 : end + 2].islower() and rest < 200
    return attached or (rest > 10 and not prose and _SENTENCE_END.search(before) is not None)


def _lone_closing(text: str, blocks: Sequence[_Block]) -> tuple[int, int] | None:
    """Return the last closing mark that closes nothing: the template wrote its opening."""
    marks = _Marks(text, blocks)
    lone = [
        span
        for block, spans in enumerate(marks.own_closings)
        for span in spans
        if "details" not in blocks[block].closing.pattern and marks.is_lone(block, span)
    ]
    return max(lone, default=None)


# -- harmony, and thoughts in words -----------------------------------------------------------


def _split_harmony(text: str) -> Split | None:
    """Read OpenAI's harmony format: the reply is what the final channel says."""
    if "<|channel|>" not in text:
        return None
    code = _code_spans(text)
    heads: list[re.Match[str]] = []
    for head in _HARMONY.finditer(text):
        if _is_head(text, head.start(), code, begun=bool(heads)):
            heads.append(head)
    if not heads:
        return None
    kept: list[str] = []
    thoughts = [text[: heads[0].start()]]
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        limit = following.start() if following else len(text)
        stop = _HARMONY_END.search(text, head.end(), limit)
        part = text[head.end() : stop.start() if stop else limit]
        (kept if head[1].lower() == "final" else thoughts).append(part.strip())
        if stop and following is None and not kept:  # a reply in no channel
            kept.append(_HARMONY_TOKEN.sub("", text[stop.end() :]).strip())
    before = _HARMONY_TOKEN.sub("", thoughts[0]).strip()
    return Split("\n".join(kept), _join(before, *thoughts[1:]), True)


def _is_head(text: str, start: int, code: list[tuple[int, int]], *, begun: bool) -> bool:
    """Whether a channel opens here and is not talked about."""
    place = bisect_right(code, (start, len(text))) - 1
    if place >= 0 and start < code[place][1]:
        return False
    before = text[max(0, start - 100) : start]
    line = before[before.rfind("\n") + 1 :].strip(_BLANKS)
    if not line or line.endswith("|>") or text.startswith("<|start|>", start):
        return True
    return begun and not _BEFORE_MENTION.search(before) and before[-1:] not in _QUOTES


def _split_heads(text: str) -> Split | None:
    """Part thoughts whose marks count only at the start of a text, and only where they close."""
    thoughts: list[str] = []
    position = 0
    unclosed: set[int] = set()  # asked once each: a text may hold thousands of openings
    while True:
        head = _HEAD.match(text, position)
        start = head.end() if head else position
        for number, block in enumerate(_HEADS):
            opening = block.opening.match(text, start)
            if opening is None or number in unclosed:
                continue
            closing = block.closing.search(text, opening.end())
            if closing is not None:
                thoughts.append(text[opening.end() : closing.start()].strip())
                position = closing.end()
                break
            unclosed.add(number)
        else:
            break
    return Split(text[position:].strip(_BLANKS), _join(*thoughts), True) if thoughts else None


# -- control tokens ---------------------------------------------------------------------------


def strip_tokens(text: str) -> str:
    """Return a text without the control tokens that a server left at its ends."""
    end, boxed = len(text.rstrip()), False
    struck = text.find("<s>", 1)
    while (token := _ending(text, end)) and _is_left(text, end - len(token), token, struck):
        boxed = boxed or token == "<|end_of_box|>"
        end = _rstrip(text, end - len(token))
    stripped = text if end == len(text.rstrip()) else text[:end]
    if boxed:
        stripped = stripped.replace("<|begin_of_box|>", "")
    start, last = _lstrip(stripped, 0), stripped.rfind("</s>")
    begun = start
    while token := next((token for token in START_TOKENS if stripped.startswith(token, start)), ""):
        if token == "<s>" and last > start:
            break  # struck-out text
        start = _lstrip(stripped, start + len(token))
    return stripped if start == begun else stripped[start:]


def _ending(text: str, end: int) -> str:
    """Return the token that ends a part of a text."""
    return next((token for token in END_TOKENS if text.endswith(token, 0, end)), "")


def _lstrip(text: str, start: int) -> int:
    """Return where the next text stands that is not a blank."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _rstrip(text: str, end: int) -> int:
    """Return where the last text before a place ends."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _is_left(text: str, start: int, token: str, struck: int) -> bool:
    """Whether a token at the end was left there: it is neither quoted nor the end of an element."""
    if token == "</s>" and 0 < struck < start:
        return False  # struck-out text
    before = text[max(0, start - 20) : start]
    return before[-1:] not in _QUOTES and not _BEFORE_MENTION.search(before)
