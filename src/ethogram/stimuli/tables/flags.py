"""Flags, such as "toxic", as people's files spell them."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

import orjson

from ethogram.errors import InputError

NOTHING = frozenset({"", "none", "null", "nil", "nan", "na", "n/a", "#n/a", "<na>"})
"""What programs write where there is no value."""

_TRUE = frozenset({"true", "t", "yes", "y", "on", "flagged", "toxic", "redacted"})
_FALSE = frozenset(
    {"false", "f", "no", "n", "off", "unflagged", "not flagged", "not toxic", "non toxic"}
    | {"nontoxic", "not redacted", "ok", *NOTHING}
)
_JOINED = str.maketrans("_-", "  ")
_EXPECTED = "true or false (also yes, no, 1, 0, flagged)"


def parse_flag(value: Any, *, place: str, name: str) -> bool:
    """Return what a cell says of a flag; an empty one says that there is none.

    A moderation service's answer is a flag too: an object with ``flagged``, or else with
    ``categories``; or these under ``results``; or a list of these, of which any may be flagged.

    Raises
    ------
    InputError
        A word or a number that is neither true nor false; the text names the place.
    """
    said = _read(value)
    if said is None:
        raise InputError(
            f"{place}: {name} is {_short(value)}, expected {_EXPECTED}: correct the cell"
        )
    return said


def flag_of(record: Mapping[str, Any], name: str, *, place: str) -> bool:
    """Return a record's flag; where ``toxic`` says nothing, the moderation's answer is it."""
    if name == "toxic" and _is_nothing(record.get(name)):
        name = "openai_moderation" if "openai_moderation" in record else name
    return parse_flag(record.get(name), place=place, name=name)


def _is_nothing(value: Any) -> bool:
    """Whether a cell is empty, or holds a program's word for that."""
    if isinstance(value, str):
        return value.strip().casefold() in NOTHING
    return value is None or (isinstance(value, float) and math.isnan(value))


def _read(value: Any) -> bool | None:
    """Return a flag, or None where the value is none."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, int | float):
        return False if math.isnan(value) else _number(value)
    if isinstance(value, str):
        return _word(value)
    if isinstance(value, Mapping):
        return _moderation(value)
    if isinstance(value, list | tuple):
        said = [_read(item) for item in value]
        return None if None in said else any(said)
    return None


def _number(value: float) -> bool | None:
    return bool(value) if value in (0, 1) else None


def _word(text: str) -> bool | None:
    word = " ".join(text.split()).casefold()
    words = word.translate(_JOINED)
    if words in _TRUE:
        return True
    if words in _FALSE or _is_nothing(text):
        return False
    if word[0] in "[{":
        return _written(text)
    try:
        return _number(float(word))
    except ValueError:
        return None


def _written(text: str) -> bool | None:
    """Read an object that was written into a cell, as JSON or as Python prints it."""
    for load in (orjson.loads, ast.literal_eval):
        try:
            found = load(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return None if isinstance(found, str) else _read(found)
    return None


def _moderation(answer: Mapping[str, Any]) -> bool | None:
    for key in ("flagged", "results"):
        if answer.get(key) is not None:
            return _read(answer[key])
    if isinstance(answer.get("categories"), Mapping):
        return _read(list(answer["categories"].values()))
    return None if answer.keys() - {"flagged", "results", "categories"} else False


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}..."
