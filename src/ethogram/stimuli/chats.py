"""Chats: what the user wrote, and what stood before it, whatever the names of the fields are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from ethogram.errors import InputError

ROLES, TEXTS = ("role", "from", "author", "speaker"), ("content", "value", "text")
USERS = frozenset({"user", "human", "prompter"})
NO_TURNS = frozenset({"system", "developer", "tool", "function", "ipython", "observation"})
"""Who says what is not part of the talk: a system text is the tested model's own to have."""
_BEGINS_A_CHAT = re.compile(r"\s*\[\s*\{")


def is_chat(value: Any) -> bool:
    """Whether this is a list of turns, each an object with who speaks and what is said."""
    return (
        isinstance(value, list | tuple)
        and all(isinstance(turn, Mapping) for turn in value)
        and all(_field(turn, ROLES) and _field(turn, TEXTS) for turn in value)
    )


def read_chat(value: Any, *, place: str) -> Any:
    """Return the turns of a chat that stands in a cell of text, as in CSV; other values as is.

    It may be JSON, or Python's spelling of it, as pandas writes a list into CSV.

    Raises
    ------
    InputError
        A text that begins as a chat does, and cannot be read: it would be sent as one message.
    """
    if not isinstance(value, str) or not _BEGINS_A_CHAT.match(value):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            turns = read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if is_chat(turns):
            return turns
    raise InputError(
        f"{place} begins as a chat and cannot be read as one: {value[:60]!r}; write it as JSON, "
        "each turn with role and content"
    )


def user_turn(turns: Any, number: int | None = 1) -> Mapping[str, Any]:
    """Return one of the user's turns, from 1, None being the last; empty where there is none."""
    said = [
        turn
        for turn in turns or ()
        if isinstance(turn, Mapping) and is_user(turn.get(_field(turn, ROLES)))
    ]
    if not said or (number is not None and number > len(said)):
        return {}
    return said[-1] if number is None else said[number - 1]


def turns_before(turns: Any, number: int | None) -> tuple[tuple[dict[str, str], ...], str | None]:
    """Return what was said before a message of the user, and that message; None: there is none.

    Parameters
    ----------
    turns : list of turns
    number : int or None
        Which of the user's messages, from 1; None is the last.
    """
    said = [turn for turn in turns or () if isinstance(turn, Mapping)]
    users = [i for i, turn in enumerate(said) if is_user(turn.get(_field(turn, ROLES)))]
    if not users or (number is not None and number > len(users)):
        return (), None
    at = users[-1] if number is None else users[number - 1]
    before = [turn for turn in said[:at] if turn_text(turn) and _role(turn) not in NO_TURNS]
    return tuple(map(_turn, before)), turn_text(said[at])


def _turn(turn: Mapping[str, Any]) -> dict[str, str]:
    """Return a turn under one of the two roles that every service knows."""
    role = "user" if _role(turn) in USERS else "assistant"
    return {"role": role, "content": turn_text(turn) or ""}


def _role(turn: Mapping[str, Any]) -> str:
    return str(turn.get(_field(turn, ROLES))).strip().casefold()


def is_user(role: Any) -> bool:
    """Whether this names the one who asks."""
    return isinstance(role, str) and role.strip().casefold() in USERS


def turn_text(turn: Mapping[str, Any]) -> str | None:
    """Return what a turn says; of a turn in parts (text, images), the text."""
    return _said(turn.get(_field(turn, TEXTS)))


def _said(content: Any) -> str | None:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _said(content.get("text"))
    if isinstance(content, list | tuple):
        parts = [part for part in map(_said, content) if part]
        return "\n".join(parts) or None
    return None


def _field(turn: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the field that a turn has of these names, one with something in it first."""
    there = [name for name in names if name in turn]
    return next((name for name in there if turn[name] is not None), there[0] if there else "")
