"""Names of people who label: one person is one name, however it was typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ethogram.errors import InputError

_JOINERS = "\u200c\u200d"  # belong to the spelling of some scripts


def labeller_name(given: str) -> str:
    """Return a name as it is kept: composed, without control signs, single spaces between words.

    Raises
    ------
    InputError
        Nothing of it is left.
    """
    seen = "".join(
        char
        for char in unicodedata.normalize("NFC", given)
        if char.isspace() or char in _JOINERS or not unicodedata.category(char).startswith("C")
    )
    name = " ".join(seen.split())
    if not name:
        raise InputError(f"labeller {given!r}: expected a name")
    return name


def labeller_key(name: str) -> str:
    """Return what two spellings of one name have in common: not case, width or spaces."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = (char for char in folded if not unicodedata.category(char).startswith("C"))
    return unicodedata.normalize("NFKC", " ".join("".join(kept).split()))


def spelled_alike(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the spelling under which each name is kept: the one that is known already."""
    spelling: dict[str, str] = {}
    for name in known:
        spelling.setdefault(labeller_key(name), name)
    return {
        name: spelling.setdefault(labeller_key(clean), clean)
        for name in names
        for clean in [labeller_name(name)]
    }
