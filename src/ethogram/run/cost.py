"""The plan: how many requests and tokens a study needs and what they cost, with no call made."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ethogram.design import Part
from ethogram.engine.prices import Price, batch_price, find_price
from ethogram.engine.settings import ModelTable
from ethogram.protocols.verdicts import ONE_TOKEN
from ethogram.run.checks import CHECKS, PARTS, Check, extra_calls
from ethogram.run.prepare import Prepared
from ethogram.run.tokens import estimate_tokens, judging_tokens, trial_tokens, verdict_tokens
from ethogram.run.ways import turned_on
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.study import JudgeTable

REPLY_TOKENS = 400  # a reply, until the store has replies to go by
VERDICT_TOKENS = 60
REASONING_TOKENS = {
    None: 0,
    "none": 0,
    "minimal": 100,
    "low": 300,
    "medium": 800,
    "high": 2000,
    "xhigh": 4000,
    "max": 8000,
}


@dataclass(frozen=True)
class PlanRow:
    """One model or judge in one stage.

    Attributes
    ----------
    requests, pending : int
        All that the study asks, and what the store does not have yet.
    prompt_tokens, completion_tokens : int
        Estimates for what is pending.
    basis : str
        Where the length of an answer comes from.
    price : Price or None
    expected, most : float or None
        US dollars for what is pending: by the estimate, and if every answer ran to its limit.
        Neither counts requests that have to be made again.
    in_batches : (expected, most) or None
        The same at the price of the service's batches; None where it has none, or nothing off.
    engine : str
        How it is asked as the study stands: "live", "batch" or "ray".
    """

    stage: str
    name: str
    model: str
    requests: int
    pending: int
    prompt_tokens: int
    completion_tokens: int
    basis: str
    price: Price | None
    expected: float | None
    most: float | None
    in_batches: tuple[float, float] | None = None
    engine: str = "live"


@dataclass(frozen=True)
class Plan:
    """All rows of a study's plan.

    Attributes
    ----------
    rows : tuple of PlanRow
        Of the study itself.
    checks : dict
        Calls that each of the default validity checks would add.
    extra : float
        All of them, as a share of the study's own calls.
    ways : dict
        Rows of each other way of asking that the study turns on.
    stop_rule : dict
        How sure ratings are to be, for the study to stop earlier; empty where it does not.
    """

    study: str
    traits: int
    prompts: str
    trials: int
    spend_limit: float | None
    rows: tuple[PlanRow, ...]
    checks: dict[str, int]
    extra: float
    stop_rule: dict[str, float]
    ways: dict[str, tuple[PlanRow, ...]] = field(default_factory=dict)

    @property
    def expected(self) -> float | None:
        """US dollars, or None where a price is unknown."""
        return total_cost([row.expected for row in self.rows])

    @property
    def most(self) -> float | None:
        """US dollars at most, or None where a price is unknown."""
        return total_cost([row.most for row in self.rows])

    @property
    def in_batches(self) -> tuple[float, float] | None:
        """US dollars, expected and at most, with batches where they cost less; None: nowhere."""
        if self.most is None or not any(row.in_batches for row in self.rows):
            return None
        costs = [row.in_batches or (row.expected or 0.0, row.most or 0.0) for row in self.rows]
        return sum(expected for expected, _ in costs), sum(most for _, most in costs)


def total_cost(costs: list[float | None]) -> float | None:
    """Sum costs; None where one is unknown."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def make_plan(prepared: Prepared, store: Path | None = None, *, trials: int | None = None) -> Plan:
    """Work out what a study will ask and cost.

    Parameters
    ----------
    prepared : Prepared
    store : Path, optional
        Where it exists, what it has is not asked again, and its answers give the lengths.
    trials : int, optional
        Of each model; if not given as many as the study asks.
    """
    study, trials = prepared.study, trials or prepared.most_trials
    done = _done(store, (Part.MAIN,), study.models, study.study.condition)
    lengths = _lengths(store)
    replies = [_reply_tokens(lengths, n, t) for n, t in study.models.items()]
    longest = float(np.mean([t.max_tokens for t in study.models.values()]))
    rows = []
    for name, table in study.models.items():
        sent = trial_tokens(prepared, study.study.condition, name)
        rows.append(_row("elicit", name, table, trials, done, lengths, (sent, sent)))
    for name, judge in study.judges.items():
        asked = trials * len(study.models) * (2 if judge.orders == "both" else 1)
        sent = verdict_tokens(prepared, judge)
        tokens = (sent + float(np.mean(replies)), sent + longest)
        rows.append(_row("judge", name, judge, asked, done, lengths, tokens))
    checks = _plan_checks(prepared, store)
    return Plan(
        study=study.study.name,
        traits=len(prepared.traits),
        prompts=prepared.prompts.describe(),
        trials=trials,
        spend_limit=study.study.spend_limit,
        rows=tuple(rows),
        checks=checks,
        extra=sum(checks.values()) / sum(row.requests for row in rows),
        stop_rule=study.study.stop_rule,
        ways=_plan_ways(prepared, store, lengths, float(np.mean(replies)), longest),
    )


def _plan_checks(prepared: Prepared, store: Path | None) -> dict[str, int]:
    """Return the calls that each default validity check would add to what the store has."""
    done = {check: _done(store, (PARTS[check],), prepared.study.models) for check in CHECKS}
    checks = {check.value: 0 for check in CHECKS}
    for (check, stage, name), calls in extra_calls(prepared, CHECKS).items():
        checks[check] += max(0, calls - done[Check(check)].get((stage, name), 0))
    return checks


def plan_verdicts(
    prepared: Prepared, pending: Mapping[str, int], replies: Sequence[tuple[str, str]]
) -> list[PlanRow]:
    """Estimate so many verdicts of each judge on replies that are there already.

    Parameters
    ----------
    prepared : Prepared
    pending : mapping of judge to int
    replies : sequence of (what was said before, reply)
        A sample of them is enough.
    """
    rows = []
    for name, requests in pending.items():
        judge = prepared.study.judges[name]
        sent = [judging_tokens(prepared, judge, said) + estimate_tokens(reply)
                for said, reply in replies]  # fmt: skip
        tokens = (float(np.mean(sent)), max(sent))
        rows.append(_row("judge", name, judge, requests, {}, {}, tokens))
    return rows


def _plan_ways(
    prepared: Prepared,
    store: Path | None,
    lengths: dict[tuple[str, str], float],
    reply: float,
    longest: float,
) -> dict[str, tuple[PlanRow, ...]]:
    """Estimate what each other way of asking that is turned on takes."""
    study = prepared.study
    tables: dict[str, ModelTable] = {**study.models, **study.judges}
    planned = {}
    for way in turned_on(study):
        done = _done(store, way.parts, study.models)
        rows = []
        for asked in way.asks(prepared):
            table = tables[asked.name]
            sent = (asked.sent + asked.replies * reply, asked.sent + asked.replies * longest)
            known = dict(lengths)
            if asked.answered is not None:
                known[asked.stage, asked.name] = asked.answered
            row = _row(asked.stage, asked.name, table, asked.requests, done, known, sent)
            rows.append(row if asked.answered is None else replace(row, basis="by the protocol"))
        planned[way.name] = tuple(rows)
    return planned


def _row(
    stage: str,
    name: str,
    table: ModelTable,
    requests: int,
    done: dict[tuple[str, str], int],
    lengths: dict[tuple[str, str], float],
    prompt_tokens: tuple[float, float],
) -> PlanRow:
    """Estimate one row; `prompt_tokens` of a request, expected and at most."""
    price = find_price(table)
    batch = batch_price(table, price)
    pending = max(0, requests - done.get((stage, name), 0))
    sent, most_sent = (pending * tokens for tokens in prompt_tokens)
    answer, basis = _answer(lengths, stage, name, table)
    out, most_out = pending * answer, pending * table.max_tokens
    cheaper = batch is not None and price is not None and batch.input < price.input
    return PlanRow(
        stage=stage,
        name=name,
        model=table.model,
        requests=requests,
        pending=pending,
        prompt_tokens=round(sent),
        completion_tokens=round(pending * answer),
        basis=basis,
        price=price,
        expected=None if price is None else price.cost(sent, out),
        most=None if price is None else price.cost(most_sent, most_out),
        in_batches=(batch.cost(sent, out), batch.cost(most_sent, most_out))
        if cheaper and batch is not None
        else None,
        engine=table.engine,
    )


def _reply_tokens(lengths: dict[tuple[str, str], float], name: str, table: ModelTable) -> float:
    """Return the tokens of a reply as a judge reads it: without its reasoning."""
    known = lengths.get(("elicit", name))
    if known is None:
        return float(min(REPLY_TOKENS, table.max_tokens))
    return min(known, float(REPLY_TOKENS)) if table.effort not in (None, "none") else known


def _answer(
    lengths: dict[tuple[str, str], float], stage: str, name: str, table: ModelTable
) -> tuple[float, str]:
    """Return the tokens of one answer and where the figure comes from."""
    if (stage, name) in lengths:
        return lengths[stage, name], "mean of the store's answers"
    if isinstance(table, JudgeTable) and table.verdict in ONE_TOKEN:
        return ONE_TOKEN[table.verdict], "one token per call"
    plain = REPLY_TOKENS if stage == "elicit" else VERDICT_TOKENS
    tokens = min(plain + REASONING_TOKENS[table.effort], table.max_tokens)
    return float(tokens), "assumed"


def _lengths(path: Path | None) -> dict[tuple[str, str], float]:
    """Return mean answer lengths by (stage, name)."""
    if path is None or not path.is_file():
        return {}
    with Store.read(path) as store:
        _, rows = store.query(
            """SELECT t.protocol, m.name, avg(a.completion_tokens) FROM reply r
            JOIN trial t ON t.id = r.trial JOIN party m ON m.id = t.model
            JOIN attempt a ON a.id = r.attempt GROUP BY 1, 2
            UNION ALL
            SELECT 'judge', d.name, avg(a.completion_tokens) FROM verdict v
            JOIN judging j ON j.id = v.judging JOIN party d ON d.id = j.judge
            JOIN attempt a ON a.id = v.attempt GROUP BY 2"""
        )
    return {(stage, name): mean for stage, name, mean in rows if mean is not None}


def _done(
    path: Path | None, parts: Sequence[str], models: Container[str], condition: str = ""
) -> dict[tuple[str, str], int]:
    """Return rows on these models that are settled in these parts of a plan, by (stage, name)."""
    done: dict[tuple[str, str], int] = {}
    if path is None or not path.is_file():
        return done
    with Store.read(path) as store:
        for count in count_stages(store):
            key = (count.stage, count.judge or count.model)
            of_study = count.model in models or count.part == Part.EXEMPLAR  # written by no model
            if of_study and count.part in parts and condition in ("", count.condition):
                done[key] = done.get(key, 0) + count.planned - count.pending
    return done


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the JSON form of `ethogram plan`."""
    return {
        "study": plan.study,
        "traits": plan.traits,
        "prompts": plan.prompts,
        "trials": plan.trials,
        "spend_limit": plan.spend_limit,
        "expected_cost": plan.expected,
        "most_cost": plan.most,
        "in_batches": plan.in_batches
        and {"expected_cost": plan.in_batches[0], "most_cost": plan.in_batches[1]},
        "validity": {"calls": plan.checks, "share_of_the_study": plan.extra},
        "rows": [_row_json(row) for row in plan.rows],
        "ways": {name: [_row_json(row) for row in rows] for name, rows in plan.ways.items()},
    }


def _row_json(row: PlanRow) -> dict[str, Any]:
    price = row.price
    return {
        "stage": row.stage,
        "name": row.name,
        "model": row.model,
        "requests": row.requests,
        "pending": row.pending,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "basis": row.basis,
        "price": price and {"input": price.input, "output": price.output, "source": price.source},
        "expected_cost": row.expected,
        "most_cost": row.most,
    }
