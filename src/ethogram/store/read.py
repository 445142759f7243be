"""Reading a store back: counts, comparisons, trials in full, tables to export.

Counting and rating never read a reply's text; only `read_trial`, `sample_trials` and the export of
replies do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson

from ethogram.engine.requests import USABLE
from ethogram.engine.services import is_same_model
from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray, compare
from ethogram.ratings.orders import merge_orders
from ethogram.store.rows import StageName
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


def count_stages(store: Store) -> list[StageCount]:
    """Count what is planned, done and lost, for each model and stage."""
    # By numbers: to group a large store by names, or by a constant, takes a third longer.
    _, elicited = store.query(
        """SELECT t.protocol, m.name, '', t.part, t.condition, r.status, count(*),
        coalesce(sum(r.named), 0), coalesce(sum(r.split), 0)
        FROM trial t JOIN party m ON m.id = t.model LEFT JOIN reply r ON r.trial = t.id
        WHERE t.wanted GROUP BY t.model, t.protocol, t.part, t.condition, r.status"""
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


def read_comparisons(
    store: Store,
    *,
    model: str | None = None,
    judge: str | None = None,
    part: str = "main",
    without: Sequence[str] = (),
    soft: bool = True,
    counts: Sequence[StageCount] | None = None,
) -> list[Comparisons]:
    """Read the comparisons of each model, judge and condition.

    Parameters
    ----------
    store : Store
    model, judge : str, optional
        Only these.
    part : str
        Which part of the judgings.
    without : of "truncated" and "named"
        Leave out replies that were cut, or that name a trait.
    soft : bool
        Use the judge's probabilities where it gave them, averaged over both orders where it was
        asked in both; else its words alone.
    counts : sequence of StageCount, optional
        What `count_stages` says of the store, if it is known already.

    Returns
    -------
    list of Comparisons
        In the order asked; `lost` counts the planned ones that are not there.
    """
    _check_without(without)
    traits = list(store.trait_ids())
    place = {i: n for n, i in enumerate(store.trait_ids().values())}
    keys = [
        c
        for c in (count_stages(store) if counts is None else counts)
        if c.stage == StageName.JUDGE
        and c.part == part
        and model in (None, c.model)
        and judge in (None, c.judge)
    ]
    return [_comparisons(store, count, traits, place, without, soft=soft) for count in keys]


def _check_without(without: Sequence[str]) -> None:
    for kind in without:
        if kind not in ("truncated", "named"):
            raise InputError(f"without {kind!r}: expected truncated or named")


def _comparisons(
    store: Store,
    count: StageCount,
    traits: list[str],
    place: dict[int, int],
    without: Sequence[str],
    *,
    soft: bool,
) -> Comparisons:
    """Read one model's comparisons by one judge."""
    conditions = [f"v.status IN ({_USABLE}) AND t.wanted AND j.wanted"]
    if "truncated" in without:
        conditions.append("r.status = 'ok'")
    if "named" in without:
        conditions.append("r.named = 0")
    _, rows = store.query(
        f"""SELECT t.id, t.trait_1, t.trait_2, t.prompt, v.winner, v.p_first, j.swapped, r.chars
        FROM judging j JOIN verdict v ON v.judging = j.id JOIN trial t ON t.id = j.trial
        JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge
        WHERE m.name = ? AND d.name = ? AND j.part = ? AND t.condition = ?
        AND {" AND ".join(conditions)} ORDER BY t.seq, t.sample, j.id""",
        (count.model, count.judge, count.part, count.condition),
    )
    trial, first, second, prompt, winner, p_first, swapped, chars = _columns(rows, 8)
    asked_soft = soft and not np.isnan(p_first).all()
    tie = np.isnan(winner) & (np.isnan(p_first) | (not asked_soft))
    outcome = np.where(tie, 0.5, winner == first)
    judge_first = np.where(swapped == 1, -1, 1)
    keep = np.arange(len(trial))
    if asked_soft:
        outcome = np.where(np.isnan(p_first), outcome, p_first)
        keep, outcome, judge_first, tie = merge_orders(trial, outcome, judge_first, tie)
    planned = _planned_traits(store, count, place)
    local = np.full(max(place, default=0) + 1, -1)
    local[planned] = np.arange(len(planned))
    return compare(
        [traits[place[i]] for i in planned],
        local[first[keep].astype(np.int64)],
        local[second[keep].astype(np.int64)],
        outcome,
        tie=tie,
        prompt=prompt[keep].astype(np.int64),
        judge_first=judge_first,
        length=chars[keep],
        lost=count.lost,
        model=count.model,
        judge=count.judge,
        condition=count.condition,
    )


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> FloatArray:
    """Turn rows into float columns, None into NaN; shape (width, n)."""
    columns = list(zip(*rows, strict=True)) or [()] * width
    return np.array([np.array(column, dtype=np.float64) for column in columns])


def _planned_traits(store: Store, count: StageCount, place: dict[int, int]) -> list[int]:
    """Return the ids of all traits that were planned, verdict or not, in the study's order."""
    _, rows = store.query(
        """SELECT DISTINCT t.trait_1, t.trait_2 FROM judging j JOIN trial t ON t.id = j.trial
        JOIN party m ON m.id = t.model JOIN party d ON d.id = j.judge
        WHERE m.name = ? AND d.name = ? AND j.part = ? AND t.condition = ?
        AND t.wanted AND j.wanted""",
        (count.model, count.judge, count.part, count.condition),
    )
    return sorted({i for row in rows for i in row}, key=lambda i: place[i])


@dataclass(frozen=True)
class Verdicts:
    """One judge's verdicts, of every part and model.

    Attributes
    ----------
    traits, models, conditions, parts : tuple of str
    trial, seq, prompt : int array, shape (n,)
    first, second : int array, shape (n,)
        Indices into `traits`: trait 1 and trait 2 of the trial.
    model, condition, label : int array, shape (n,)
        Indices into `models`, `conditions` and `parts` (of the judging).
    swapped : bool array, shape (n,)
        The judge was shown trait 2 first.
    code : int array, shape (n,)
        1: trait 1 won; 0: trait 2; -1: no verdict, or a tie.
    """

    traits: tuple[str, ...]
    models: tuple[str, ...]
    conditions: tuple[str, ...]
    parts: tuple[str, ...]
    trial: IntArray
    seq: IntArray
    prompt: IntArray
    first: IntArray
    second: IntArray
    model: IntArray
    condition: IntArray
    label: IntArray
    swapped: BoolArray
    code: IntArray

    def __len__(self) -> int:
        return len(self.trial)

    def take(self, rows: IntArray | BoolArray) -> Verdicts:
        """Return these rows only."""
        arrays: dict[str, Any] = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)

    def part(self, *names: str) -> Verdicts:
        """Return the rows of these parts."""
        wanted = [i for i, name in enumerate(self.parts) if name in names]
        return self.take(np.isin(self.label, wanted))

    def of(self, model: str, condition: str) -> Verdicts:
        """Return the rows of one model under one condition."""
        same = (np.array(self.models, dtype=str)[self.model] == model) & (
            np.array(self.conditions, dtype=str)[self.condition] == condition
        )
        return self.take(same)


def read_verdicts(store: Store, judge: str) -> Verdicts:
    """Read all of a judge's verdicts; what was lost (the reply, or the verdict on it) is -1."""
    _, rows = store.query(
        f"""SELECT t.id, t.seq, t.prompt, t.trait_1, t.trait_2, m.name, t.condition, j.part,
        j.swapped, CASE WHEN v.status IN ({_USABLE}) AND v.winner IS NOT NULL
                   THEN v.winner = t.trait_1 ELSE -1 END
        FROM judging j JOIN trial t ON t.id = j.trial JOIN reply r ON r.trial = t.id
        JOIN party m ON m.id = t.model JOIN party d ON d.id = j.judge
        LEFT JOIN verdict v ON v.judging = j.id
        WHERE d.name = ? AND t.wanted AND j.wanted
        AND (v.judging IS NOT NULL OR r.status NOT IN ({_USABLE}))
        ORDER BY t.id, j.id""",
        (judge,),
    )
    ids = store.trait_ids()
    place = {i: n for n, i in enumerate(ids.values())}
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 10
    models, conditions, parts = (tuple(dict.fromkeys(columns[i])) for i in (5, 6, 7))
    return Verdicts(
        traits=tuple(ids),
        models=models,
        conditions=conditions,
        parts=parts,
        trial=np.array(columns[0], dtype=np.int64),
        seq=np.array(columns[1], dtype=np.int64),
        prompt=np.array(columns[2], dtype=np.int64),
        first=np.array([place[i] for i in columns[3]], dtype=np.int64),
        second=np.array([place[i] for i in columns[4]], dtype=np.int64),
        model=np.array([models.index(x) for x in columns[5]], dtype=np.int64),
        condition=np.array([conditions.index(x) for x in columns[6]], dtype=np.int64),
        label=np.array([parts.index(x) for x in columns[7]], dtype=np.int64),
        swapped=np.array(columns[8], dtype=bool),
        code=np.array(columns[9], dtype=np.int64),
    )


def trial_ids(store: Store, model: str, part: str) -> list[int]:
    """Return the ids of what one part plans for a model, in its order."""
    _, rows = store.query(
        "SELECT t.id FROM trial t JOIN party m ON m.id = t.model "
        "WHERE m.name = ? AND t.part = ? ORDER BY t.seq, t.sample",
        (model, part),
    )
    return [row[0] for row in rows]


def count_without_p(store: Store, judge: str) -> tuple[int, int]:
    """Return how many of a judge's verdicts came without a probability, and how many it gave."""
    _, rows = store.query(
        f"""SELECT coalesce(sum(v.p_first IS NULL), 0), count(*) FROM verdict v
        JOIN judging j ON j.id = v.judging JOIN party d ON d.id = j.judge
        WHERE d.name = ? AND v.status IN ({_USABLE})""",
        (judge,),
    )
    return int(rows[0][0]), int(rows[0][1])


# -- trials in full -------------------------------------------------------------------------

_TRIAL = """SELECT t.id, t.model AS party, m.name AS model, t.part, t.condition, t.seq, t.sample,
    a.name AS trait_1, b.name AS trait_2, c.name AS planted, p.key AS prompt_id,
    p.text AS prompt, p.language, r.status AS reply_status, r.reason AS reply_reason, r.named,
    r.attempt AS reply_attempt, t.protocol, h.system, h.turns, y.name AS choice, r.value
    FROM trial t JOIN party m ON m.id = t.model LEFT JOIN trait a ON a.id = t.trait_1
    LEFT JOIN trait b ON b.id = t.trait_2 LEFT JOIN trait c ON c.id = t.planted
    JOIN prompt p ON p.id = t.prompt LEFT JOIN reply r ON r.trial = t.id
    LEFT JOIN context h ON h.id = t.context LEFT JOIN trait y ON y.id = r.choice"""


def read_trial(store: Store, trial: int) -> dict[str, Any]:
    """Read one trial with its reply, its verdicts and all attempts at them.

    Raises
    ------
    InputError
        There is no such trial.
    """
    is_id = 0 <= trial < 2**63  # what SQLite can hold
    found = _records(store, f"{_TRIAL} WHERE t.id = ?", (trial,)) if is_id else []
    if not found:
        _, rows = store.query("SELECT min(id), max(id) FROM trial")
        low, high = rows[0]
        known = f"ids run from {low} to {high}" if low else "the store has none"
        raise InputError(f"no trial {trial}: {known}")
    record = _with_reply(store, found[0])
    record["attempts"] = _attempts(store, record.pop("reply_attempt"))
    record["verdicts"] = _verdicts(store, trial)
    for verdict in record["verdicts"]:
        verdict["attempts"] = _attempts(store, verdict.pop("attempt"))
    return record


def sample_trials(
    store: Store, *, limit: int, seed: int = 0, model: str | None = None, chars: int = 4000
) -> list[dict[str, Any]]:
    """Read a seeded sample of judged trials, with reply and verdicts but no attempts.

    Parameters
    ----------
    limit : int
        How many, at most.
    chars : int
        Longer texts are cut there, and the record says so in `cut`.
    """
    _, rows = store.query(
        "SELECT t.id FROM trial t JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model "
        f"WHERE r.status IN ({_USABLE}) AND t.part = 'main' AND (? IS NULL OR m.name = ?) "
        "AND t.trait_1 IS NOT NULL AND t.trait_2 IS NOT NULL",
        (model, model),
    )
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    drawn = np.random.default_rng(seed).permutation(ids)[:limit]
    return read_trials(store, sorted(int(i) for i in drawn), chars=chars)


def read_trials(store: Store, trials: Sequence[int], *, chars: int = 4000) -> list[dict[str, Any]]:
    """Read these trials with reply and verdicts, texts cut at `chars`."""
    return [_short(store, trial, chars) for trial in trials]


def _short(store: Store, trial: int, chars: int) -> dict[str, Any]:
    record = _with_reply(store, _records(store, f"{_TRIAL} WHERE t.id = ?", (trial,))[0])
    record.pop("reply_attempt")
    record["verdicts"] = _verdicts(store, trial)
    for verdict in record["verdicts"]:
        verdict.pop("attempt")
    record["cut"] = any(len(record[key] or "") > chars for key in ("prompt", "reply"))
    for key in ("prompt", "reply"):
        record[key] = record[key] and record[key][:chars]
    return record


def _with_reply(store: Store, record: dict[str, Any]) -> dict[str, Any]:
    """Add the reply's text and reasoning, read anew from the response."""
    record["reply"], record["reasoning"] = _text(
        store, record["reply_attempt"], record.pop("party")
    )
    if record["reply_status"] not in USABLE:
        record["reply"] = None
    return record


def _verdicts(store: Store, trial: int) -> list[dict[str, Any]]:
    """Read a trial's verdicts, with what each judge said."""
    found = _records(
        store,
        """SELECT j.id, j.judge AS party, d.name AS judge, j.part, j.swapped, j.sample, v.status,
        v.reason, w.name AS winner, v.p_first, v.attempt
        FROM judging j JOIN party d ON d.id = j.judge LEFT JOIN verdict v ON v.judging = j.id
        LEFT JOIN trait w ON w.id = v.winner WHERE j.trial = ? ORDER BY j.id""",
        (trial,),
    )
    for verdict in found:
        verdict["text"], verdict["reasoning"] = _text(
            store, verdict["attempt"], verdict.pop("party")
        )
    return found


def _text(store: Store, attempt: int | None, party: int) -> tuple[str | None, str | None]:
    """Read the text and the reasoning of one attempt's response, which this party gave."""
    if attempt is None:
        return None, None
    _, rows = store.query(
        "SELECT a.http, s.body FROM attempt a JOIN response s ON s.attempt = a.id WHERE a.id = ?",
        (attempt,),
    )
    if not rows:
        return None, None
    http, body = rows[0]
    reading = store.reading(http, body, party=party)
    return reading.text or None, reading.reasoning or None


def _attempts(store: Store, attempt: int | None) -> list[dict[str, Any]]:
    """Read every attempt at the request of this one, whole."""
    found = _records(
        store,
        """SELECT a.number, a.status, a.reason, a.http, a.started, a.seconds, a.prompt_tokens,
        a.completion_tokens, a.reasoning_tokens, a.cost, a.provider, a.model_said,
        q.body AS request, s.body AS response
        FROM attempt a JOIN request q ON q.id = a.request LEFT JOIN response s ON s.attempt = a.id
        WHERE a.request = (SELECT request FROM attempt WHERE id = ?) ORDER BY a.id""",
        (attempt,),
    )
    for row in found:
        row["request"] = orjson.loads(row["request"])
        if isinstance(row["response"], bytes):
            row["response"] = row["response"].decode("utf-8", "replace")
    return found


def _records(store: Store, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a query; returns a dict a row."""
    names, rows = store.query(sql, parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


# -- tables to export -----------------------------------------------------------------------

TABLES = ("comparisons", "trials", "replies", "verdicts", "attempts")

_EXPORTS = {
    "trials": """SELECT t.id AS trial, m.name AS model, t.part, t.condition, t.seq, t.sample,
        a.name AS trait_1, b.name AS trait_2, c.name AS planted, p.key AS prompt_id,
        p.language, p.topic, p.text AS prompt, t.protocol, h.system, h.turns
        FROM trial t JOIN party m ON m.id = t.model LEFT JOIN trait a ON a.id = t.trait_1
        LEFT JOIN trait b ON b.id = t.trait_2 LEFT JOIN trait c ON c.id = t.planted
        JOIN prompt p ON p.id = t.prompt LEFT JOIN context h ON h.id = t.context
        WHERE t.id > ? ORDER BY t.id LIMIT ?""",
    "replies": """SELECT t.id AS trial, m.name AS model, r.status, r.reason, r.chars, r.named,
        x.prompt_tokens, x.completion_tokens, x.reasoning_tokens, x.cost, x.provider,
        x.model_said, x.http, s.body, t.model AS party, y.name AS choice, r.value
        FROM reply r JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model
        LEFT JOIN trait y ON y.id = r.choice
        LEFT JOIN attempt x ON x.id = r.attempt LEFT JOIN response s ON s.attempt = r.attempt
        WHERE t.id > ? ORDER BY t.id LIMIT ?""",
    "verdicts": """SELECT j.id AS judging, j.trial, d.name AS judge, j.part, j.swapped, j.sample,
        v.status, v.reason, w.name AS winner, v.p_first, x.prompt_tokens, x.completion_tokens,
        x.cost, x.provider, x.model_said, x.http, s.body, j.judge AS party
        FROM judging j JOIN party d ON d.id = j.judge JOIN verdict v ON v.judging = j.id
        LEFT JOIN trait w ON w.id = v.winner LEFT JOIN attempt x ON x.id = v.attempt
        LEFT JOIN response s ON s.attempt = v.attempt WHERE j.id > ? ORDER BY j.id LIMIT ?""",
    "comparisons": f"""SELECT j.id AS judging, m.name AS model, a.name AS trait_1,
        b.name AS trait_2, coalesce(w.name, 'tie') AS winner, v.p_first, p.key AS prompt_id,
        d.name AS judge, CASE j.swapped WHEN 1 THEN b.name ELSE a.name END AS judge_first,
        t.condition, t.part, j.part AS judging_part, t.sample, r.status AS reply_status, r.chars,
        r.named, t.id AS trial, t.seq
        FROM judging j JOIN verdict v ON v.judging = j.id JOIN trial t ON t.id = j.trial
        JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge JOIN trait a ON a.id = t.trait_1
        JOIN trait b ON b.id = t.trait_2 LEFT JOIN trait w ON w.id = v.winner
        JOIN prompt p ON p.id = t.prompt
        WHERE v.status IN ({_USABLE}) AND j.part = 'main' AND t.wanted AND j.wanted
        AND j.id > ? ORDER BY j.id LIMIT ?""",
    "attempts": """SELECT a.id AS attempt, q.hash AS request, a.number, a.status, a.reason, a.http,
        a.started, a.seconds, a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.cost,
        a.provider, a.model_said, q.body AS request_body, s.body AS response_body
        FROM attempt a JOIN request q ON q.id = a.request LEFT JOIN response s ON s.attempt = a.id
        WHERE a.id > ? ORDER BY a.id LIMIT ?""",
}


def export_rows(store: Store, table: str, *, chunk: int = 2000) -> Iterator[list[dict[str, Any]]]:
    """Yield a table's rows in chunks, so that a large store never stands in memory whole.

    Raises
    ------
    InputError
        There is no such table to export.
    """
    if table not in TABLES:
        raise InputError(f"no table {table!r} to export; expected one of {', '.join(TABLES)}")
    after = 0
    while rows := _records(store, _EXPORTS[table], (after, chunk)):
        after = next(iter(rows[-1].values()))
        yield [_readable(store, row) for row in rows]


def _readable(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    """Put a response's text and reasoning in place of its body; blobs become text."""
    if "body" in row:
        body, http = row.pop("body"), row.pop("http")
        party = row.pop("party")
        reading = store.reading(http, body, party=party) if body else None
        row["text"] = (reading.text or None) if reading else None
        row["reasoning"] = (reading.reasoning or None) if reading else None
    if isinstance(row.get("response_body"), bytes):
        row["response_body"] = row["response_body"].decode("utf-8", "replace")
    return row
