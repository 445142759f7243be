"""What a store has of each stage: planned, done, lost and why. `ethogram status` needs no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ethogram.engine.requests import USABLE
from ethogram.engine.services import is_same_model
from ethogram.store.rows import Role, StageName
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))
NO_REPLY = "no_reply"  # a judging that could not be asked, because the trial was lost
REASONS = 3  # of a stage's losses that are told


@dataclass(frozen=True)
class StageCount:
    """Planned, done and lost rows of one model, judge (judging only) and part.

    Attributes
    ----------
    stage : "elicit" or "judge"
    model, judge, part, condition : str
    planned, done : int
        `done` counts usable readings, the truncated ones included.
    truncated, named : int
        Of those done: replies cut at the limit; replies that name a trait although told not to.
    other_finish : int
        Of those done: answers that ended for a reason that is not known here.
    split : int
        Of those done: replies with thoughts in their text, which were parted from it.
    others : dict
        Of those done: the name of another model than was asked, which the service said had
        answered, to how many answers.
    losses : dict
        Status to count; `no_reply` in judging for trials that were lost before.
    losses_by_trait : dict
        Trait to how many of its rows were lost.
    reasons : tuple of (status, reason, count)
        The most frequent reasons of losses, in the service's words, at most `REASONS`.
    """

    stage: str
    model: str
    judge: str
    part: str
    condition: str
    planned: int
    done: int
    truncated: int
    named: int
    losses: dict[str, int] = field(default_factory=dict)
    losses_by_trait: dict[str, int] = field(default_factory=dict)
    other_finish: int = 0
    split: int = 0
    others: dict[str, int] = field(default_factory=dict)
    reasons: tuple[tuple[str, str, int], ...] = ()

    @property
    def lost(self) -> int:
        """Rows that ended without a usable reading."""
        return sum(self.losses.values())

    @property
    def pending(self) -> int:
        """Rows still to be asked."""
        return self.planned - self.done - self.lost


_PROVIDERS = """
    SELECT 'elicit' AS stage, p.name AS name, a.provider AS provider, count(*) FROM reply r
    JOIN trial t ON t.id = r.trial JOIN party p ON p.id = t.model
    JOIN attempt a ON a.id = r.attempt WHERE a.provider != '' GROUP BY 2, 3
    UNION ALL
    SELECT 'judge', p.name, a.provider, count(*) FROM verdict v
    JOIN judging j ON j.id = v.judging JOIN party p ON p.id = j.judge
    JOIN attempt a ON a.id = v.attempt WHERE a.provider != '' GROUP BY 2, 3
    ORDER BY stage, name, provider"""


def count_providers(store: Store) -> list[tuple[str, str, str, int]]:
    """Count answers by stage, model or judge, and who gave them: a route's provider, a node."""
    return [tuple(row) for row in store.query(_PROVIDERS)[1]]


def count_stages(store: Store) -> list[StageCount]:
    """Count what is planned, done and lost, for each model and stage."""
    # By numbers: to group a large store by names, or by a constant, takes a third longer.
    _, elicited = store.query(
        f"""SELECT t.protocol, m.name, '', t.part, t.condition, r.status, count(*),
        coalesce(sum(r.named), 0), coalesce(sum(r.split), 0)
        FROM trial t JOIN party m ON m.id = t.model LEFT JOIN reply r ON r.trial = t.id
        WHERE t.wanted AND m.role = '{Role.MODEL}'
        GROUP BY t.model, t.protocol, t.part, t.condition, r.status"""
    )
    _, judged = store.query(
        f"""SELECT '{StageName.JUDGE}', m.name, d.name, j.part, t.condition,
        CASE WHEN v.status IS NOT NULL THEN v.status
             WHEN r.status IS NOT NULL AND r.status NOT IN ({_USABLE}) THEN '{NO_REPLY}' END AS s,
        count(*), 0, 0
        FROM judging j JOIN trial t ON t.id = j.trial JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge LEFT JOIN reply r ON r.trial = t.id
        LEFT JOIN verdict v ON v.judging = j.id WHERE t.wanted AND j.wanted
        GROUP BY t.model, j.judge, j.part, t.condition, s"""
    )
    traits, reasons, others = _losses_by_trait(store), _reasons(store), _others(store)
    return [
        _stage_count(
            key,
            rows,
            losses_by_trait=traits.get(key, {}),
            reasons=tuple(reasons.get(key, ())),
            others=others.get(key, {}),
        )
        for key, rows in _grouped([*elicited, *judged])
    ]


def _grouped(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Group rows by their first five columns: stage, model, judge, part and condition."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault(row[:5], []).append(row[5:])
    yield from groups.items()


def _stage_count(key: tuple[str, ...], rows: list[Any], **more: Any) -> StageCount:
    """Sum one group's rows of (status, count, named, split)."""
    counts = {status: count for status, count, *_ in rows}
    stage, model, judge, part, condition = key
    return StageCount(
        stage,
        model=model,
        judge=judge,
        part=part,
        condition=condition,
        planned=sum(counts.values()),
        done=sum(counts.get(str(s), 0) for s in USABLE),
        truncated=counts.get("truncated", 0),
        other_finish=counts.get("other_finish", 0),
        named=sum(row[2] for row in rows),
        split=sum(row[3] for row in rows),
        losses={s: n for s, n in counts.items() if s is not None and s not in USABLE},
        **more,
    )


def others_said(counts: Sequence[StageCount]) -> list[str]:
    """Say for each model and judge how often another model answered than was asked, and which."""
    totals: dict[str, list[Any]] = {}
    for c in counts:
        done, others = totals.setdefault(c.judge or c.model, [0, Counter()])
        totals[c.judge or c.model][0] = done + c.done
        others.update(c.others)
    return [
        f"{name}: {sum(others.values()):,} of {done:,} answers are from another model than was "
        "asked, as the service says: "
        + ", ".join(f"{said} ({n:,})" for said, n in others.most_common(5))
        for name, (done, others) in totals.items()
        if others
    ]


def _reasons(store: Store) -> dict[tuple[str, ...], list[tuple[str, str, int]]]:
    """Count the reasons of losses, for each stage, model, judge, part and condition."""
    _, rows = store.query(
        f"""SELECT t.protocol, m.name, '', t.part, t.condition, r.status, r.reason, count(*) AS n
        FROM reply r JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model
        WHERE t.wanted AND r.status NOT IN ({_USABLE}) GROUP BY 1, 2, 4, 5, 6, 7
        UNION ALL
        SELECT 'judge', m.name, d.name, j.part, t.condition, v.status, v.reason, count(*) AS n
        FROM verdict v JOIN judging j ON j.id = v.judging JOIN trial t ON t.id = j.trial
        JOIN party m ON m.id = t.model JOIN party d ON d.id = j.judge
        WHERE t.wanted AND j.wanted AND v.status NOT IN ({_USABLE}) GROUP BY 2, 3, 4, 5, 6, 7
        ORDER BY n DESC"""
    )
    found: dict[tuple[str, ...], list[tuple[str, str, int]]] = {}
    for *key, status, reason, count in rows:
        if reason and len(there := found.setdefault(tuple(key), [])) < REASONS:
            there.append((status, reason, count))
    return found


def _others(store: Store) -> dict[tuple[str, ...], dict[str, int]]:
    """Count the answers of other models than were asked, as the services said of themselves."""
    _, rows = store.query(
        f"""SELECT t.protocol, m.name, '', t.part, t.condition, m.settings, a.model_said, count(*)
        FROM reply r JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model
        JOIN attempt a ON a.id = r.attempt
        WHERE t.wanted AND r.status IN ({_USABLE}) AND a.model_said != ''
        GROUP BY t.model, t.protocol, t.part, t.condition, a.model_said
        UNION ALL
        SELECT 'judge', m.name, d.name, j.part, t.condition, d.settings, a.model_said, count(*)
        FROM verdict v JOIN judging j ON j.id = v.judging JOIN trial t ON t.id = j.trial
        JOIN party m ON m.id = t.model JOIN party d ON d.id = j.judge
        JOIN attempt a ON a.id = v.attempt
        WHERE t.wanted AND j.wanted AND v.status IN ({_USABLE}) AND a.model_said != ''
        GROUP BY t.model, j.judge, j.part, t.condition, a.model_said"""
    )
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for *key, settings, said, count in rows:
        asked = orjson.loads(settings).get("model", said)
        if not is_same_model(asked, said):
            found.setdefault(tuple(key), {})[said] = count
    return found


def _losses_by_trait(store: Store) -> dict[tuple[str, ...], dict[str, int]]:
    """Count lost rows by trait, for each stage, model, judge, part and condition."""
    both = "JOIN trait x ON x.id IN (t.trait_1, t.trait_2)"
    _, rows = store.query(
        f"""SELECT t.protocol, m.name, '', t.part, t.condition, x.name, count(*)
        FROM reply r JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model {both}
        WHERE t.wanted AND r.status NOT IN ({_USABLE}) GROUP BY 1, 2, 4, 5, 6
        UNION ALL
        SELECT 'judge', m.name, d.name, j.part, t.condition, x.name, count(*)
        FROM judging j JOIN trial t ON t.id = j.trial JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge JOIN reply r ON r.trial = t.id
        LEFT JOIN verdict v ON v.judging = j.id {both}
        WHERE t.wanted AND j.wanted AND (r.status NOT IN ({_USABLE}) OR
        v.status NOT IN ({_USABLE})) GROUP BY 2, 3, 4, 5, 6"""
    )
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for *key, trait, count in rows:
        found.setdefault(tuple(key), {})[trait] = count
    return found


def count_verdicts(store: Store) -> tuple[int, int]:
    """Return how many verdicts on the study itself are planned, and how many usable ones are there.

    For lists of many stores: `count_stages` says why others are not, and takes longer.
    """
    _, rows = store.query(
        f"""SELECT count(*), coalesce(sum(v.status IN ({_USABLE})), 0) FROM judging j
        JOIN trial t ON t.id = j.trial LEFT JOIN verdict v ON v.judging = j.id
        WHERE j.part = 'main' AND j.wanted AND t.wanted"""
    )
    return int(rows[0][0]), int(rows[0][1])
