"""Asking a judge: how a pending judging becomes a request, and its answer a winner."""

from __future__ import annotations

from typing import Any

from ethogram.engine.caller import Caller, Outcome, Read
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import USABLE, Reading, Request, Status
from ethogram.protocols.judge import judge_messages, parse_verdict, verdict_grammar
from ethogram.protocols.probability import (
    CHAT_PARAMS,
    COMPLETION_PARAMS,
    NEUTRAL,
    chat_probability,
    completion_choice,
    completion_messages,
)
from ethogram.protocols.templates import Templates
from ethogram.store.store import PendingJudging
from ethogram.study import JudgeTable


def shown(judging: PendingJudging) -> tuple[str, str]:
    """Return the two traits in the order that the judge is shown."""
    pair = (judging.trait_1, judging.trait_2)
    return (pair[1], pair[0]) if judging.swapped else pair


def judge_request(
    endpoint: Endpoint, table: JudgeTable, templates: Templates, judging: PendingJudging
) -> Request:
    """Return the request for one verdict."""
    first, second = shown(judging)
    messages = judge_messages(
        templates,
        judging.prompt,
        judging.reply,
        first,
        second,
        show_prompt=table.show_prompt,
        examples=table.examples,
        ties=table.ties,
    )
    extra: dict[str, Any] = dict(CHAT_PARAMS) if table.verdict == "logprobs" else {}
    if table.grammar:
        extra["grammar"] = verdict_grammar(first, second, ties=table.ties)
    return endpoint.request(messages, sample=judging.sample, extra=extra)


Judged = tuple[Outcome, str | None, float | None]  # outcome, winner, P(the trait shown first)


async def ask_word(
    caller: Caller, table: JudgeTable, templates: Templates, judging: PendingJudging
) -> Judged:
    """Ask a chat judge for its word, and for how nearly it named the other, where it can say."""
    first, second = shown(judging)
    request = judge_request(caller.endpoint, table, templates, judging)
    outcome = await caller.ask(request, verdict_reader(table, first, second))
    reading = outcome.reading
    if reading.status not in USABLE:
        return outcome, None, None
    p = chat_probability(reading.logprobs, first, second) if table.verdict == "logprobs" else None
    return outcome, reading.choice, p


async def ask_completion(
    caller: Caller, table: JudgeTable, templates: Templates, judging: PendingJudging
) -> Judged:
    """Ask a completion judge twice: after the reply, and after a neutral text for the prior."""
    del table
    first, second = shown(judging)
    outcomes = []
    for prompt, reply in ((judging.prompt, judging.reply), ("", NEUTRAL)):
        messages = completion_messages(templates, prompt, reply, first, second)
        request = caller.endpoint.request(
            messages, sample=judging.sample, extra=COMPLETION_PARAMS, path="completions"
        )
        outcomes.append(await caller.ask(request, as_it_is))
        if outcomes[-1].reading.status not in USABLE:
            return outcomes[-1], None, None
    outcome, prior = outcomes
    p = completion_choice(outcome.reading.logprobs, prior.reading.logprobs, first, second)
    if p is None:
        reading = outcome.reading.as_status(Status.UNPARSED, "neither word among the likely ones")
        return Outcome(reading, outcome.attempt), None, None
    return outcome, first if p >= 0.5 else second, p


def verdict_reader(table: JudgeTable, first: str, second: str) -> Read:
    """Return a function that reads a judge's choice, or `unparsed` where it names no one trait."""

    def read(reading: Reading) -> Reading:
        verdict = parse_verdict(reading.text, first, second, ties=table.ties)
        if verdict.reason:
            return reading.as_status(Status.UNPARSED, verdict.reason)
        return reading._replace(choice=verdict.winner)

    return read


def as_it_is(reading: Reading) -> Reading:
    """Read a reply: whatever text there is, is the reply."""
    return reading
