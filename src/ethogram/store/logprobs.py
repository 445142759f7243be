"""Replies with the log-probabilities of their tokens, read anew from the stored responses."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from ethogram.engine.requests import USABLE
from ethogram.protocols.breadth import BreadthReply, read_tokens
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))
PROTOCOL = "breadth"


def read_breadth(store: Store, *, model: str | None = None) -> Iterator[BreadthReply]:
    """Yield the usable replies of the breadth protocol, one at a time: a response has megabytes.

    Parameters
    ----------
    store : Store
    model : str, optional
        Only this one's.
    """
    _, ids = store.query(
        f"""SELECT t.id FROM trial t JOIN party m ON m.id = t.model JOIN reply r ON r.trial = t.id
        WHERE t.protocol = ? AND t.wanted AND r.status IN ({_USABLE})
        AND m.name = coalesce(?, m.name) ORDER BY t.model, t.condition, t.seq, t.sample""",
        (PROTOCOL, model),
    )
    for (trial,) in ids:
        _, rows = store.query(
            """SELECT m.name, t.condition, p.key, t.sample, a.http, s.body, t.model, q.body
            FROM trial t JOIN party m ON m.id = t.model JOIN prompt p ON p.id = t.prompt
            JOIN reply r ON r.trial = t.id JOIN attempt a ON a.id = r.attempt
            JOIN response s ON s.attempt = a.id JOIN request q ON q.id = a.request
            WHERE t.id = ?""",
            (trial,),
        )
        for name, condition, prompt, sample, http, body, party, request in rows:
            tokens, _ = read_tokens(store.reading(http, body, party=party))
            if tokens is not None:
                params = orjson.loads(request).get("params", {})
                yield BreadthReply(name, condition, prompt, sample, tokens, params)
