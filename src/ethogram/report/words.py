"""What the report's sentences are made of: a finding, lists and small numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence, and the section of the report that shows it.

    Attributes
    ----------
    text : str
    section : str
    interval : str
        The numbers that carry the sentence, in small print; empty where the text has them.
    """

    text: str
    section: str
    interval: str = ""

    @property
    def whole(self) -> str:
        """The sentence and its numbers on one line."""
        return f"{self.text} ({self.interval})" if self.interval else self.text


def listed(parts: Sequence[str]) -> str:
    """Join parts as English does."""
    return (
        parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
    )


def spelled(count: int) -> str:
    """Spell a small number."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


def sentence_case(text: str) -> str:
    """Begin with a capital; a name such as gpt-5.1 keeps its spelling elsewhere."""
    return f"{text[:1].upper()}{text[1:]}"


def every(count: int, thing: str = "model") -> str:
    """All of several, such as "both models", "all nine models"."""
    return f"both {thing}s" if count == 2 else f"all {spelled(count)} {thing}s"


_NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
