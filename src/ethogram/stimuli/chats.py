"""Chats: the first thing that the user wrote, whatever the names of the fields are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLES, TEXTS = ("role", "from", "author", "speaker"), ("content", "value", "text")
USERS = frozenset({"user", "human", "prompter"})


def is_chat(value: Any) -> bool:
    """Whether this is a list of turns, each an object with who speaks and what is said."""
    return (
        isinstance(value, list | tuple)
        and all(isinstance(turn, Mapping) for turn in value)
        and all(_field(turn, ROLES) and _field(turn, TEXTS) for turn in value)
    )


def first_user_turn(turns: Any) -> Mapping[str, Any]:
    """Return the first turn of the user; empty where there is none."""
    for turn in turns or ():
        if isinstance(turn, Mapping) and is_user(turn.get(_field(turn, ROLES))):
            return turn
    return {}


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
