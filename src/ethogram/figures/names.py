"""How long a text is when drawn, and how names are cut and captions wrapped to fit.

Widths are estimates in the bundled font (Arial's metrics): no renderer is asked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LABEL_SIZE = 12.5
"""Pixels of every label; 12 is the least that a reader should get in a full column."""

_NARROW = frozenset("ijltfrI.,:;'|!()[]/\\- ")
_BROAD = frozenset("mwMW@%&")


def text_width(text: str, size: float = LABEL_SIZE) -> float:
    """Estimate the width of a text in pixels."""
    return size * sum(_em(sign) for sign in text)


def _em(sign: str) -> float:
    """Width of one character in ems."""
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Mn"):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.0 if ord(sign) < 0x1F000 else 1.35
    if sign in _NARROW:
        return 0.32
    if sign in _BROAD:
        return 0.87
    return 0.68 if sign.isupper() else 0.56


def fit_text(text: str, width: float, size: float = LABEL_SIZE) -> str:
    """Cut a text in the middle to this width: the ends of long names tell them apart."""
    if text_width(text, size) <= width:
        return text
    head, tail = (len(text) + 1) // 2, len(text) // 2
    while head + tail > 2:
        short = f"{text[:head].rstrip()}…{text[len(text) - tail :].lstrip()}"
        if text_width(short, size) <= width:
            return short
        head, tail = (head - 1, tail) if head >= tail else (head, tail - 1)
    return "…"


def fit_names(names: Sequence[str], width: float, size: float = LABEL_SIZE) -> list[str]:
    """Fit distinct names to a width so that they stay distinct.

    The vendor in front of a slash goes first, then the middle; names that would then be equal
    are numbered.
    """
    bare = [name.rpartition("/")[2] or name for name in names]
    whole = bare if len(set(bare)) == len(set(names)) else list(names)
    short = [fit_text(name, width, size) for name in whole]
    if len(set(short)) == len(set(names)):
        return short
    numbers = [f" {i}" for i in range(1, len(names) + 1)]
    return [
        f"{fit_text(name, width - text_width(number, size), size)}{number}"
        for name, number in zip(whole, numbers, strict=True)
    ]


def say_cut(names: Sequence[str], shown: Sequence[str]) -> str:
    """Give in full the names that were cut, as the end of a caption; "" where none was."""
    cut = [f"{s} is {name}" for name, s in zip(names, shown, strict=True) if "…" in s]
    return f" Names in full: {'; '.join(cut)}." if cut else ""


def gutter(names: Sequence[str], most: float, size: float = LABEL_SIZE) -> int:
    """Pixels that a column of labels takes, gap included, `most` at most."""
    return round(min(most, max((text_width(n, size) for n in names), default=0) + 10))


def wrap_text(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines of at most this width, at spaces where there are any."""
    lines, line = [], ""
    for word in text.split():
        for piece in _pieces(word, width, size):
            longer = f"{line} {piece}" if line else piece
            if line and text_width(longer, size) > width:
                lines.append(line)
                longer = piece
            line = longer
    return [*lines, line] if line else lines


def _pieces(word: str, width: float, size: float) -> list[str]:
    """Split a word that is wider than a line (such as Chinese, which has no spaces)."""
    pieces = [""]
    for sign in word:
        if pieces[-1] and text_width(pieces[-1] + sign, size) > width:
            pieces.append("")
        pieces[-1] += sign
    return pieces
