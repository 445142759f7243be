"""What models said of themselves, as a store holds it."""

from __future__ import annotations

from typing import NamedTuple

from ethogram.design import Part
from ethogram.store.store import Store


class SelfReport(NamedTuple):
    """One answer of a model about itself.

    Attributes
    ----------
    model : str
    context : str
        "fresh" or "acted": in a conversation of its own, or after the reply to a trial.
    first, second : str
        Traits in the order shown; `second` is "" where a statement names one trait.
    item : int
        Which statement, from 0.
    place : int
        Of a pair of words, the trial of the study that has the same two.
    choice : str or None
    value : float or None
    status : str
    asked : bool
        False where the conversation ended before the question.
    """

    model: str
    context: str
    first: str
    second: str
    item: int
    place: int
    choice: str | None
    value: float | None
    status: str
    asked: bool


def read_self_reports(store: Store, part: Part) -> list[SelfReport]:
    """Return the answers of one part, `Part.STATED` or `Part.LIKERT`, in the order planned."""
    _, rows = store.query(
        """SELECT m.name, t.condition, a.name, coalesce(b.name, ''), t.wording, t.seq / 2, c.name,
        r.value, r.status, r.attempt IS NOT NULL
        FROM trial t JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model
        JOIN trait a ON a.id = t.trait_1 LEFT JOIN trait b ON b.id = t.trait_2
        LEFT JOIN trait c ON c.id = r.choice
        WHERE t.part = ? AND t.protocol = ? AND t.wanted ORDER BY t.model, t.condition, t.seq""",
        (part, part),
    )
    return [SelfReport._make((*row[:9], bool(row[9]))) for row in rows]
