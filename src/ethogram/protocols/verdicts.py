"""How a judge is asked, by the `verdict` of its table: a new way is a row here."""

from __future__ import annotations

from ethogram.protocols.judge import COMPLETION, WORD
from ethogram.protocols.letter import LETTER
from ethogram.protocols.protocol import Judging, Protocol

VERDICTS: dict[str, Protocol[Judging]] = {
    "word": WORD,
    "logprobs": WORD,
    "letter": LETTER,
    "completion": COMPLETION,
}
ONE_TOKEN = {"letter": 1.0, "completion": 2.0}
"""Tokens that a verdict takes, where each of its calls asks for a single one."""
