"""Thoughts that stand in a reply's text: found, and parted from it.

A block of thoughts opens at the start of the text or of a line, or right after another block; in
the middle of a line only where it spans several. What stands in backticks, in quotation marks, or
is talked about ("the <think> tag") is a mention and stays in the reply.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ethogram.engine.spellings import END_TOKENS, START_TOKENS, THOUGHTS

Spellings = tuple[tuple[str, str], ...]
"""Pairs of an opening and a closing mark, taken literally, in any case."""

_CODE = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_BEFORE_MENTION = re.compile(
    r"\b(?:the|an?|and|or|nor|no|neither|with|by|in|of|using|uses?|called|named|writes?|like|between|"
    r"inside|within|without|closing|opening|before|after|each|its|their|as|than|say|type) \Z",
    re.IGNORECASE,
)
_AFTER_MENTION = re.compile(  # in lower case only: "<think> Is it so?" is a thought
    r" (?:tags?|elements?|tokens?|blocks?|markers?|markup|sections?|"
    r"is|are|was|were|means|marks|opens|closes|denotes|stands|ends|starts|and|or)\b"
)
_NAMED_TWICE = re.compile(r"[\s.,/&…|-]*(?:and|or|to)?[\s.,/&…|-]*")  # "<think> and </think>"
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "(": ")", "`": "`"}
_HARMONY = re.compile(
    r"(?:<\|start\|>\s*(?:assistant)?[^<]{0,80})?<\|channel\|>\s*(\w+)[^<]{0,120}"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>",
)
_HARMONY_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_HARMONY = re.compile(  # harmony of which a server dropped the tokens and kept the words
    r"analysis(?=[A-Z\s\"'(])(.*?)(?:assistant\s?)(?:commentary.*?assistant\s?)?final\s?(.*)\Z",
    re.DOTALL,
)
_HINTS = (  # one of these is in every mark of the table: most texts have none, or no bracket
    *("think", "thought", "reason", "reflection", "scratchpad", "monologue", "channel"),
    *("unused9", "unused1", "inner_prefix", "inner_suffix"),
)
_WORDED = ("here", "analysis", "thinking...")
_OLLAMA = re.compile(r"\s*Thinking\.\.\.\s*\n(.*?)\n\s*\.\.\.done thinking\.\s*(.*)\Z", re.DOTALL)


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
    more = tuple((opening, closing) for opening, closing in spellings)
    for split in (_split_harmony(text), _split_words(text)):
        if split is not None:
            inner = split_thoughts(split.reply, spellings)
            return Split(inner.reply, _join(split.reasoning, inner.reasoning), True)
    return _split_blocks(text, _compiled(more))


def _has_hint(text: str) -> bool:
    """Whether a text may hold thoughts; cheap, as this is asked of every text."""
    if "<" in text or "[" in text or "◁" in text or "&lt;" in text:
        folded = text.lower()
        if any(map(folded.__contains__, _HINTS)):
            return True
    return text[:60].lstrip()[:11].lower().startswith(_WORDED)


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
        self.openings = [
            [span for span in spans if self._stands(span)] for spans in self.any_openings
        ]
        self.closings = [_spans(block.closing, text) for block in blocks]
        self.own_closings = [
            [span for span in spans if self._stands(span)] for spans in self.closings
        ]

    def in_order(self) -> list[tuple[int, int, int]]:
        """Return (start, end, block) of each opening; of two at one place, the longer first."""
        marks = ((a, b, n) for n, spans in enumerate(self.openings) for a, b in spans)
        return sorted(marks, key=lambda mark: (mark[0], -mark[1], mark[2]))

    def closing(self, block: int, after: int) -> tuple[int, int] | None:
        """Return where a block closes: at its first closing mark that stands, else at any."""
        return _after(self.own_closings[block], after) or _after(self.closings[block], after)

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

    def _stands(self, span: tuple[int, int]) -> bool:
        """Whether a mark is neither in code, nor quoted, nor talked about."""
        start, end = span
        place = bisect_right(self._code_starts, start) - 1
        if place >= 0 and start < self._code_ends[place]:
            return False
        before, after = self.text[max(0, start - 20) : start], self.text[end : end + 20]
        if after and _QUOTES.get(before[-1:]) == after[0]:
            return False
        return not (_BEFORE_MENTION.search(before) or _AFTER_MENTION.match(after))


def _spans(mark: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Return every place of a mark."""
    return [match.span() for match in mark.finditer(text)]


def _after(spans: list[tuple[int, int]], position: int) -> tuple[int, int] | None:
    """Return the first span that starts at a position or after it."""
    place = bisect_left(spans, (position, 0))
    return spans[place] if place < len(spans) else None


def _split_blocks(text: str, blocks: Sequence[_Block]) -> Split:
    """Take out each block, then what stands before a closing mark of its own."""
    marks = _Marks(text, blocks)
    thoughts: list[str] = []
    kept: list[str] = []
    position = 0
    for start, end, block in marks.in_order():
        if start < position or not _opens(marks, position, (start, end), block):
            continue
        closing = marks.closing(block, end) or (len(text), len(text))
        kept.append(text[position:start])
        thoughts.append(text[end : closing[0]].strip())
        position = closing[1]
    reply = "".join([*kept, text[position:]])
    lone = _lone_closing(reply, blocks)
    if lone is not None:
        thoughts.append(reply[: lone[0]].strip())
        reply = reply[lone[1] :]
    if not thoughts:
        return Split(text, "")
    return Split(reply.strip() and reply.lstrip(), _join(*thoughts), True)


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Return where code stands: in a fence, or between backticks on one line."""
    return [match.span() for match in _CODE.finditer(text)] if "`" in text or "~~~" in text else []


def _opens(marks: _Marks, position: int, span: tuple[int, int], block: int) -> bool:
    """Whether a block opens here: at the start of a line, or spanning lines from within one.

    `position` is where the block before it ended.
    """
    text, (start, end) = marks.text, span
    closing = _after(marks.closings[block], end)
    between = text[end : closing[0]] if closing else ""
    if between.strip() and len(between) < 20 and _NAMED_TWICE.fullmatch(between):
        return False
    before = text[max(position, start - 100) : start]
    line = before[before.rfind("\n") + 1 :].strip()
    if not line or line.lower() in _PREFIXES:
        return len(before) < 100 or "\n" in before or bool(line)
    return "\n" in between.strip(" \t")


_PREFIXES = frozenset(token.lower() for token in (*START_TOKENS, *END_TOKENS))


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
    heads = [head for head in _HARMONY.finditer(text) if _is_head(text, head.start(), code)]
    if not heads:
        return None
    kept: list[str] = []
    thoughts = [text[: heads[0].start()]]
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        limit = following.start() if following else len(text)
        stop = _HARMONY_END.search(text, head.end(), limit)
        part = text[head.end() : stop.start() if stop else limit]
        (kept if head[1] == "final" else thoughts).append(part.strip())
    before = re.sub(r"<\|(?:start|end|message)\|>(?:assistant)?", "", thoughts[0]).strip()
    return Split("\n".join(kept), _join(before, *thoughts[1:]), True)


def _is_head(text: str, start: int, code: list[tuple[int, int]]) -> bool:
    """Whether a channel opens here and is not talked about."""
    place = bisect_right(code, (start, len(text))) - 1
    if place >= 0 and start < code[place][1]:
        return False
    before = text[max(0, start - 100) : start]
    line = before[before.rfind("\n") + 1 :].strip()
    return not line or line.endswith("|>") or text.startswith("<|start|>", start)


def _split_words(text: str) -> Split | None:
    """Part thoughts that only words open: harmony without its tokens, Ollama's command line."""
    head = text.lstrip()
    for spelling in (_BARE_HARMONY, _OLLAMA):
        match = spelling.match(head)
        if match:
            return Split(match[2].strip(), match[1].strip(), True)
    return None


# -- control tokens ---------------------------------------------------------------------------


def strip_tokens(text: str) -> str:
    """Return a text without the control tokens that a server left at its ends."""
    stripped = text
    while (end := stripped.rstrip()).endswith(END_TOKENS):
        token = next(token for token in END_TOKENS if end.endswith(token))
        if not _is_left(end, token):
            break
        stripped = end[: -len(token)].rstrip()
        if token == "<|end_of_box|>":
            stripped = stripped.replace("<|begin_of_box|>", "")
    while (start := stripped.lstrip()).startswith(START_TOKENS):
        token = next(token for token in START_TOKENS if start.startswith(token))
        if token == "<s>" and "</s>" in start:
            break  # struck-out text
        stripped = start[len(token) :].lstrip()
    return stripped


def _is_left(end: str, token: str) -> bool:
    """Whether a token at the end was left there: it is neither quoted nor the end of an element."""
    if token == "</s>" and "<s>" in end[1:]:
        return False  # struck-out text
    before = end[: -len(token)]
    return before[-1:] not in _QUOTES and not _BEFORE_MENTION.search(before[-20:])
