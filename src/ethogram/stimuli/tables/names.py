"""Names of traits, models, judges and prompts: one spelling for what looks the same."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from ethogram.errors import InputError

TIE = "tie"  # the word for no winner, which no trait can have as its name

_JOINERS = "\u200c\u200d"
_FIRST_JOINED = (
    "\u0590"  # scripts from here on, and emoji, write with joiners; Latin and such do not
)
_SEEN = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000e0020-\U000e007f]")
_BLANKS = re.compile("[\\s\u115f\u1160\u2800\u3164\uffa0]+")
_HIDDEN = re.compile("[\u034f\ufe00-\ufe0f]")  # a joiner and variation selectors, all marks
_APART = re.compile("[\\s_'\"\u2018-\u201f\u00ab\u00bb`\u00b4\u2010-\u2015\u2212\u200c\u200d-]")
# Letters of Cyrillic, omicron and the dotless i, and the Latin ones of their shape.
_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u043a\u03bf\u0131",
    "aeopcyxijskoi",
)
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


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of names that may be one: they differ in what a typist may do otherwise.

    That is case, the width of letters, spaces, hyphens, dashes, quotation marks, and a stop at the
    end; and letters of Cyrillic or Greek among Latin ones that have the same shape.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[_rough(name)].add(name)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def _rough(name: str) -> str:
    """Return a name without what `look_alikes` looks past; as it is if nothing is left."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    bare = _APART.sub("", folded.rstrip(".,;:!\u3002\u3001").translate(_ALIKE))
    return bare or name


def is_tie(name: str) -> bool:
    """Whether this is the word for a tie, whatever its case, its width and a stop at its end."""
    return _rough(name) == TIE


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


def cell_text(value: Any) -> str:
    """Return a cell as text; of nothing, no text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    if isinstance(value, float) and value.is_integer():  # whole numbers in a column with gaps
        return str(int(value))
    return str(value)


def _of_bytes(value: bytes) -> str:
    """Return bytes as the text that they are, or else in hexadecimal digits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()
