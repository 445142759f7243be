"""Names of traits, models, judges and prompts: one spelling for what looks the same."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from ethogram.errors import InputError

TIE = "tie"  # the word for no winner, which no trait can have as its name

_JOINERS = "\u200c\u200d"
_FIRST_JOINED = (
    "\u0590"  # scripts from here on, and emoji, write with joiners; Latin and such do not
)
_SEEN = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000e0020-\U000e007f]")
_BLANKS = re.compile("[\\s\u115f\u1160\u2800\u3164\uffa0]+")
_HIDDEN = re.compile("[\u034f\ufe00-\ufe0f]")  # a joiner and variation selectors, all marks
_NO_NAME = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(0x10000 * plane + 0xFFFE)}{chr(0x10000 * plane + 0xFFFF)}" for plane in range(17)
    )
    + "]"
)


@lru_cache(maxsize=100_000)
def clean_name(name: str) -> str:
    """Return a name in its one spelling: NFC, plain single spaces, nothing that cannot be seen.

    Zero-width joiners stay where a script or an emoji needs them.
    """
    if name.isascii() and not _BLANKS.search(name):
        return name
    shown = "".join(
        char for i, char in enumerate(name) if not _is_hidden(char) and not _idle(name, i)
    )
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", shown).strip())


def check_name(name: str, *, place: str, what: str) -> str:
    """Return a name in its one spelling, or refuse one with characters that no name has.

    Raises
    ------
    InputError
        A control character, a lone surrogate or what Unicode calls no character (U+FFFE).
    """
    found = _NO_NAME.search(name)
    if found:
        raise InputError(
            f"{place}: {what} {name!r} holds the character U+{ord(found[0]):04X}, which no name "
            "can have: delete it"
        )
    return clean_name(name)


def case_twins(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of names that differ in case alone."""
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[unicodedata.normalize("NFC", name.casefold())].add(name)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def is_tie(name: str) -> bool:
    """Whether this is the word for a tie, whatever its case."""
    return name.casefold() == TIE


def _is_hidden(char: str) -> bool:
    """Whether this is a character without a shape, joiners aside."""
    if _HIDDEN.match(char):
        return True
    return unicodedata.category(char) == "Cf" and char not in _JOINERS and not _SEEN.match(char)


def _idle(name: str, i: int) -> bool:
    """Whether this is a joiner with nothing on one side that joins."""
    if name[i] not in _JOINERS:
        return False
    before, after = name[i - 1 : i], name[i + 1 : i + 2]
    return before < _FIRST_JOINED or after < _FIRST_JOINED
