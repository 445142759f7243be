"""What a notebook or `print` shows of the checks: each judge's sentence, then all else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ethogram.ratings.cards import Card
from ethogram.ratings.numbers import count_words
from ethogram.ratings.summaries import say_unrated

if TYPE_CHECKING:
    from ethogram.validity.measure import Validity


def validity_line(validity: Validity) -> str:
    """Return all checks in one line."""
    tested = sum(judge.tested for judge in validity.judges)
    return f"<Validity of {count_words(len(validity.judges), 'judge')}, {tested:,} tested>"


def validity_cards(validity: Validity) -> list[Card]:
    """Return a card for each judge, then what concerns several judges or none."""
    cards = [
        Card(f"Judge {judge.judge}", _typeset([judge.sentence]), notes=_typeset(judge.findings()))
        for judge in validity.judges
    ]
    if validity.agreement is not None:
        judges = ", ".join(validity.agreement.judges)
        cards.append(Card(f"Agreement of {judges}", _typeset(validity.agreement.findings())))
    if validity.nets:
        cards.append(Card("Controls", _typeset([net.sentence for net in validity.nets])))
    notes = (*_typeset(validity.notes), *map(say_unrated, validity.unrated))
    if notes:
        cards.append(Card("Notes", notes))
    return cards or [Card("No judge", ("The store holds no verdicts.",))]


def _typeset(sentences: Sequence[str]) -> tuple[str, ...]:
    """Give negative numbers a true minus; names and dates keep their hyphens."""
    return tuple(re.sub(r"(?<=[\s(])-(?=\d)", "\N{MINUS SIGN}", text) for text in sentences)
