"""How many tokens a text takes, about: good enough for a price, before anything is sent."""

from __future__ import annotations

from ethogram.engine.requests import Messages
from ethogram.protocols.protocol import Judging, Setting
from ethogram.protocols.verdicts import VERDICTS
from ethogram.run.prepare import Prepared
from ethogram.study import JudgeTable

CHARS_A_TOKEN = 4  # English; other scripts take more tokens, see `estimate_tokens`


def judging_tokens(prepared: Prepared, table: JudgeTable, prompt: str) -> float:
    """Estimate the prompt tokens of all calls of a judging, without its reply."""
    first, second = prepared.traits.names[:2]
    judging = Judging(0, 0, first, second, False, 0, prompt, "")
    calls = VERDICTS[table.verdict].calls(judging, Setting(prepared.templates, table))
    return sum(message_tokens(call.messages) for call in calls)


def message_tokens(messages: Messages) -> float:
    """Estimate the tokens of a request's messages."""
    return sum(estimate_tokens(message["content"]) + 4 for message in messages)


def estimate_tokens(text: str) -> float:
    """Estimate a text's tokens: four ASCII characters per token, one each for other characters."""
    ascii_chars = sum(ch < "\x80" for ch in text)
    return ascii_chars / CHARS_A_TOKEN + 0.7 * (len(text) - ascii_chars)
