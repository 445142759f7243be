"""Replies with what they answer, for a model to read again: one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ethogram.engine.requests import USABLE, Messages
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))


class ProbedTrial(NamedTuple):
    """A trial with a usable reply; traits by name.

    `prompt_id` is the prompt's id in the store; `planted` is the trait it was told to show.
    """

    id: int
    part: str
    condition: str
    trait_1: str
    trait_2: str
    planted: str
    prompt_id: int
    prompt: str
    system: str
    turns: Messages
    reply: str


def find_probed(store: Store, model: str, parts: Sequence[str]) -> list[int]:
    """Return the wanted trials of these parts that have two traits and a usable reply, by id."""
    _, ids = store.query(
        f"""SELECT t.id FROM trial t JOIN party m ON m.id = t.model JOIN reply r ON r.trial = t.id
        WHERE m.name = ? AND t.part IN ({", ".join("?" * len(parts))}) AND t.wanted
        AND t.trait_1 IS NOT NULL AND t.trait_2 IS NOT NULL AND r.status IN ({_USABLE})
        ORDER BY t.id""",
        (model, *parts),
    )
    return [trial for (trial,) in ids]


def read_probed(store: Store, model: str, parts: Sequence[str]) -> Iterator[ProbedTrial]:
    """Yield these trials with their replies, one at a time, without those of no text."""
    for trial in find_probed(store, model, parts):
        _, rows = store.query(
            """SELECT t.id, t.part, t.condition, a.name, b.name, coalesce(c.name, ''), p.id,
            p.text, coalesce(x.system, ''), coalesce(x.turns, '[]'), w.text, e.http, s.body, t.model
            FROM trial t JOIN trait a ON a.id = t.trait_1 JOIN trait b ON b.id = t.trait_2
            LEFT JOIN trait c ON c.id = t.planted JOIN prompt p ON p.id = t.prompt
            JOIN reply r ON r.trial = t.id LEFT JOIN context x ON x.id = t.context
            LEFT JOIN written w ON w.trial = t.id LEFT JOIN attempt e ON e.id = r.attempt
            LEFT JOIN response s ON s.attempt = e.id WHERE t.id = ?""",
            (trial,),
        )
        for row in rows:
            turns, written, http, body, party = row[9:]
            text = written or (store.reading(http, body, party=party).text if body else "")
            if text:
                yield ProbedTrial._make((*row[:9], tuple(json.loads(turns)), text))


def read_asked(store: Store, model: str, part: str) -> Iterator[tuple[int, Messages]]:
    """Yield (trial, messages) as they were sent, for trials with a usable reply, by id."""
    _, ids = store.query(
        f"""SELECT t.id FROM trial t JOIN party m ON m.id = t.model JOIN reply r ON r.trial = t.id
        WHERE m.name = ? AND t.part = ? AND t.wanted AND r.status IN ({_USABLE})
        AND r.attempt IS NOT NULL ORDER BY t.id""",
        (model, part),
    )
    for (trial,) in ids:
        _, rows = store.query(
            """SELECT q.body FROM reply r JOIN attempt a ON a.id = r.attempt
            JOIN request q ON q.id = a.request WHERE r.trial = ?""",
            (trial,),
        )
        for (body,) in rows:
            yield trial, tuple(json.loads(body)["messages"])


def read_values(store: Store, trials: Sequence[int]) -> dict[int, float]:
    """Return the number that was read of each of these replies, where there is one."""
    low, high = (min(trials), max(trials)) if trials else (0, 0)
    _, rows = store.query(
        "SELECT trial, value FROM reply WHERE trial BETWEEN ? AND ? AND value IS NOT NULL",
        (low, high),
    )
    wanted = set(trials)
    return {trial: value for trial, value in rows if trial in wanted}
