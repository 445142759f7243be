"""Conversations in a store: which trial each later turn goes back to."""

from __future__ import annotations

from typing import NamedTuple

from ethogram.store.store import Store


class Turn(NamedTuple):
    """Where a trial stands: the trial that its conversation begins with, and its turn, from 1."""

    first: int
    turn: int


def read_turns(store: Store) -> dict[int, Turn]:
    """Return every trial's place in its conversation."""
    _, rows = store.query("SELECT id, after, turn FROM trial ORDER BY turn, id")
    found: dict[int, Turn] = {}
    for trial, after, turn in rows:
        first = found[after].first if after in found else trial
        found[trial] = Turn(first, turn)
    return found
