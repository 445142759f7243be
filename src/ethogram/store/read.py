"""Reading a store back: counts, comparisons, trials in full, tables to export.

Counting and rating never read a reply's text; only `read_trial`, `sample_trials` and the export of
replies do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from ethogram.design import Part
from ethogram.engine.requests import USABLE
from ethogram.errors import InputError, guess
from ethogram.ratings.arrays import text_label
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray, compare
from ethogram.ratings.orders import merge_orders
from ethogram.stimuli.tables.names import check_name
from ethogram.store.counts import StageCount as StageCount  # noqa: PLC0414
from ethogram.store.counts import count_stages as count_stages  # noqa: PLC0414
from ethogram.store.counts import others_said as others_said  # noqa: PLC0414
from ethogram.store.rows import StageName
from ethogram.store.store import Store

_USABLE = ", ".join(f"'{s}'" for s in sorted(USABLE))


ADAPTIVE = (
    "Pairs were chosen from the answers so far: ratings are drawn toward their mean, by a prior as "
    "wide as they spread, and how often a trait won depends on whom it met."
)


def read_comparisons(
    store: Store,
    *,
    model: str | None = None,
    judge: str | None = None,
    part: str = "main",
    without: Sequence[str] = (),
    soft: bool = True,
    counts: Sequence[StageCount] | None = None,
    keyed: bool = False,
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
    keyed : bool
        Number prompts by the text of their keys, alike in all stores and exports; else as in this
        store.

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
    _check_names(store, traits, keys)
    found = [_comparisons(store, count, traits, place, without, soft=soft) for count in keys]
    if not keyed:
        return found
    labels = _prompt_labels(store)
    return [replace(c, prompt=_labelled(c.prompt, labels)) for c in found]


def _check_names(store: Store, traits: Sequence[str], counts: Sequence[StageCount]) -> None:
    """Refuse names that no figure can show; stores of earlier releases may hold them."""
    for trait in traits:
        check_name(trait, place=str(store.path), what="trait")
    for count in counts:
        for what, name in (("model", count.model), ("judge", count.judge)):
            check_name(name, place=str(store.path), what=what)


def _check_without(without: Sequence[str]) -> None:
    for kind in without:
        if kind not in ("truncated", "named"):
            near = guess(kind, ("truncated", "named"))
            raise InputError(f"without {kind!r}{near}: expected truncated or named")


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
        f"""SELECT t.id, t.trait_1, t.trait_2, t.prompt, v.winner, v.p_first, j.swapped, r.chars,
        t.wording
        FROM judging j JOIN verdict v ON v.judging = j.id JOIN trial t ON t.id = j.trial
        JOIN reply r ON r.trial = t.id JOIN party m ON m.id = t.model
        JOIN party d ON d.id = j.judge
        WHERE m.name = ? AND d.name = ? AND j.part = ? AND t.condition = ?
        AND {" AND ".join(conditions)} ORDER BY t.seq, t.sample, j.id""",
        (count.model, count.judge, count.part, count.condition),
    )
    trial, first, second, prompt, winner, p_first, swapped, chars, wording = _columns(rows, 9)
    asked_soft = soft and not np.isnan(p_first).all()
    tie = np.isnan(winner) & (np.isnan(p_first) | (not asked_soft))
    outcome = np.where(tie, 0.5, winner == first)
    judge_first = np.where(swapped == 1, -1, 1)
    keep = np.arange(len(trial))
    if asked_soft:
        outcome = np.where(np.isnan(p_first), outcome, p_first)
        keep, outcome, judge_first, tie = merge_orders(trial, outcome, judge_first, tie)
    planned = _planned_traits(store, count, place)
    adaptive = _is_adaptive(store, count)
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
        notes=(ADAPTIVE,) if adaptive else (),
        adaptive=adaptive,
        wording=wording[keep].astype(np.int64) if wording.any() else None,
    )


def _labelled(prompts: IntArray, labels: dict[int, int]) -> IntArray:
    return np.array([labels[i] for i in prompts.tolist()], dtype=np.int64)


def _prompt_labels(store: Store) -> dict[int, int]:
    """Label prompts by their keys, so that those of two stores, or of an export, are paired."""
    return {i: text_label(key) for i, key in store.query("SELECT id, key FROM prompt")[1]}


def _is_adaptive(store: Store, count: StageCount) -> bool:
    """Whether a model's pairs were chosen from the answers before them."""
    for study in reversed(store.studies()):
        settings = orjson.loads(study["settings"])
        if count.part == Part.MAIN and count.model in settings.get("models", {}):
            return bool(settings["study"].get("pairs") == "adaptive")
    return False


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
    tied : bool array, shape (n,)
        The judge answered, and named neither.
    p_first : float array, shape (n,)
        Probability of trait 1; NaN where the judge gave none.
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
    tied: BoolArray
    p_first: FloatArray

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
                   THEN v.winner = t.trait_1 ELSE -1 END,
        coalesce(v.status IN ({_USABLE}) AND v.winner IS NULL, 0),
        CASE WHEN v.status IN ({_USABLE}) THEN v.p_first END
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
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 12
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
        tied=np.array(columns[10], dtype=bool),
        p_first=np.array(columns[11], dtype=np.float64),
    )


def is_judged_twice(store: Store, judge: str) -> bool:
    """Whether a judge is to read the replies of the study itself in both orders."""
    _, rows = store.query(
        """SELECT 1 FROM judging j JOIN party d ON d.id = j.judge
        WHERE d.name = ? AND j.part = 'main' AND j.wanted AND j.sample = 0
        GROUP BY j.trial HAVING count(*) > 1 LIMIT 1""",
        (judge,),
    )
    return bool(rows)


def number_written(store: Store) -> dict[int, int]:
    """Number the written replies: {trial: number}, the same for all trials that show one."""
    _, rows = store.query(
        """SELECT w.trial, dense_rank() OVER (ORDER BY t.planted, t.prompt, w.text)
        FROM written w JOIN trial t ON t.id = w.trial"""
    )
    return dict(rows)


def written_replies(store: Store) -> list[tuple[str, str]]:
    """Return (text, trait that it shows) of the written replies that are wanted."""
    _, rows = store.query(
        """SELECT DISTINCT w.text, c.name FROM written w JOIN trial t ON t.id = w.trial
        JOIN trait c ON c.id = t.planted WHERE t.wanted"""
    )
    return [(text, trait) for text, trait in rows]


def planned_traits(store: Store, part: str, *, planted: bool = False) -> tuple[str, ...]:
    """Return the traits that a part of the plan names, or plants, in the study's order."""
    columns = ("planted",) if planted else ("trait_1", "trait_2")
    named = " UNION ".join(f"SELECT {c} FROM trial WHERE part = :part AND wanted" for c in columns)
    _, rows = store.query(
        f"SELECT name FROM trait WHERE id IN ({named}) ORDER BY id", {"part": part}
    )
    return tuple(row[0] for row in rows)


def asked_trials(store: Store, model: str, condition: str) -> list[tuple[str, str, str]]:
    """Return the traits and the prompt's key of each trial that a study wants, in its order."""
    _, rows = store.query(
        """SELECT a.name, b.name, p.key FROM trial t JOIN party m ON m.id = t.model
        JOIN trait a ON a.id = t.trait_1 JOIN trait b ON b.id = t.trait_2
        JOIN prompt p ON p.id = t.prompt
        WHERE m.name = ? AND t.part = 'main' AND t.condition = ? AND t.wanted ORDER BY t.seq""",
        (model, condition),
    )
    return rows


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
    r.attempt AS reply_attempt, w.text AS written, t.protocol, h.system, h.turns, y.name AS choice,
    r.value
    FROM trial t JOIN party m ON m.id = t.model LEFT JOIN trait a ON a.id = t.trait_1
    LEFT JOIN trait b ON b.id = t.trait_2 LEFT JOIN trait c ON c.id = t.planted
    JOIN prompt p ON p.id = t.prompt LEFT JOIN reply r ON r.trial = t.id
    LEFT JOIN context h ON h.id = t.context LEFT JOIN trait y ON y.id = r.choice
    LEFT JOIN written w ON w.trial = t.id"""


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
    written = record.pop("written")
    record["reply"] = record["reply"] or written
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


def asked_between(store: Store) -> tuple[float, float] | None:
    """Return when the first attempt began and the last one ended; None where there is none."""
    _, rows = store.query("SELECT min(started), max(started + seconds) FROM attempt")
    first, last = rows[0]
    return None if first is None else (float(first), float(last))


def sent_messages(
    store: Store, model: str, part: str, condition: str
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield a trial and the messages that its reply answers, as they were sent, by trial."""
    _, rows = store.query(
        """SELECT t.id, q.body FROM trial t JOIN party m ON m.id = t.model
        JOIN reply r ON r.trial = t.id JOIN attempt a ON a.id = r.attempt
        JOIN request q ON q.id = a.request
        WHERE m.name = ? AND t.part = ? AND t.condition = ? AND t.wanted ORDER BY t.id""",
        (model, part, condition),
    )
    for trial, body in rows:
        said = orjson.loads(body).get("messages")
        if said:
            yield trial, said


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
        x.model_said, x.http, s.body, w.text AS written, t.model AS party, y.name AS choice, r.value
        FROM reply r JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model
        LEFT JOIN trait y ON y.id = r.choice
        LEFT JOIN attempt x ON x.id = r.attempt LEFT JOIN response s ON s.attempt = r.attempt
        LEFT JOIN written w ON w.trial = t.id WHERE t.id > ? ORDER BY t.id LIMIT ?""",
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
        r.named, t.id AS trial, t.seq, t.wording
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
        row["text"] = (reading.text or None) if reading else row.get("written")
        row.pop("written", None)
        row["reasoning"] = (reading.reasoning or None) if reading else None
    if isinstance(row.get("response_body"), bytes):
        row["response_body"] = row["response_body"].decode("utf-8", "replace")
    return row
