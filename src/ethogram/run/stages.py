"""The stages: the loops that turn pending rows of the store into rows.

Elicitation and judging overlap: a reply is handed to its judges as soon as it is there. Nothing
is remembered between runs but the store, so going on after a crash is the same as starting.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from ethogram.engine.caller import Answers, Caller, Dropped, Ledger, Meter, Outcome
from ethogram.engine.endpoints import Endpoint, make_endpoint, plan_endpoint
from ethogram.engine.http import HttpTransport, make_session
from ethogram.engine.local import local_servers
from ethogram.engine.requests import USABLE, Reading
from ethogram.errors import EndpointError, EthogramError, StudyError
from ethogram.protocols.elicit import elicit_messages, names_a_trait
from ethogram.run.asking import as_it_is, ask_completion, ask_word
from ethogram.run.prepare import Planned, Prepared
from ethogram.store.read import StageCount, count_stages
from ethogram.store.store import PendingJudging, PendingTrial, Store
from ethogram.store.writer import ReplyRow, VerdictRow, Writer
from ethogram.study import Study

GRACE = 20.0  # seconds that calls in flight get to finish after the first Ctrl-C
STAGES = ("elicit", "judge")


@dataclass
class Run:
    """What a run did, and why it ended early, if it did.

    Attributes
    ----------
    meters : by (stage, name), what was done in this run
    totals : by (stage, name), rows planned, done before and lost before
    stopped : the error that ended it early
    interrupted : whether Ctrl-C did
    ledger : money
    """

    meters: dict[tuple[str, str], Meter] = field(default_factory=dict)
    totals: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)
    stopped: EthogramError | None = None
    interrupted: bool = False
    ledger: Ledger | None = None

    @property
    def calls(self) -> int:
        """How many calls this run made."""
        return sum(meter.calls for meter in self.meters.values())


Watch = Callable[[Run], Coroutine[Any, Any, None]]


def run_stages(
    prepared: Prepared,
    store: Store,
    planned: Planned,
    *,
    stages: Sequence[str] = STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    parts: Sequence[str] = ("main",),
    watch: Watch | None = None,
) -> Run:
    """Turn pending rows into rows, until none is left, a limit stops it, or Ctrl-C.

    Parameters
    ----------
    prepared, store, planned
        A study, its store open for writing, and what was planned there.
    stages : which of "elicit" and "judge"
    models, judges : names, optional
        Only these.
    parts : which parts of the plan
    watch : coroutine function, optional
        Runs beside the stages and is cancelled when they end: the progress display.

    Returns
    -------
    Run
        Its `stopped` is the error that ended it early; all results so far are committed.
    """
    study = prepared.study
    asked = [n for n in (models or study.models) if "elicit" in stages]
    judging = [n for n in (judges or study.judges) if "judge" in stages]
    _check_names(asked, study.models, "models")
    _check_names(judging, study.judges, "judges")
    if study.study.spend_limit is not None:
        _check_prices(study, asked, judging)
    if not _is_pending(count_stages(store), asked, judging, parts):
        return Run(totals=_totals(store, parts))
    tables = [study.models[n].model for n in asked] + [study.judges[n].model for n in judging]
    with local_servers(tables, base=study.base) as urls:
        ready = {
            **{
                ("elicit", n): make_endpoint(n, t, local_url=urls.get(t.model, ""))
                for n, t in study.models.items()
                if n in asked
            },
            **{
                ("judge", n): make_endpoint(n, t, local_url=urls.get(t.model, ""))
                for n, t in study.judges.items()
                if n in judging
            },
        }
        with _interpreter_for_a_run():
            return _run_to_end(_Runner(prepared, store, planned, ready, parts), watch)


@contextmanager
def _interpreter_for_a_run() -> Iterator[None]:
    """Set the interpreter for many short calls and one thread that writes; then set it back.

    Calls leave next to no cyclic garbage, and looking for it took a seventh of the time. And the
    writer would wait up to 5 ms for its turn, some twenty times a batch.
    """
    collect, switch = gc.get_threshold(), sys.getswitchinterval()
    if collect[0]:  # 0: switched off
        gc.set_threshold(max(collect[0], 10_000), *collect[1:])
    sys.setswitchinterval(min(switch, 0.0001))
    try:
        yield
    finally:
        gc.set_threshold(*collect)
        sys.setswitchinterval(switch)


def _run_to_end(runner: _Runner, watch: Watch | None) -> Run:
    """Run to the end, also from a notebook, whose own loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(runner.run(watch))
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(asyncio.run, runner.run(watch))
        while True:
            try:
                return result.result()
            except KeyboardInterrupt:
                runner.interrupt()


def _is_pending(
    counts: Sequence[StageCount], models: Sequence[str], judges: Sequence[str], parts: Sequence[str]
) -> bool:
    """Whether anything is left to ask of these."""
    return any(
        c.pending
        and c.part in parts
        and (c.model in models if c.stage == "elicit" else c.judge in judges)
        for c in counts
    )


def _totals(store: Store, parts: Sequence[str]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Sum planned, done and lost rows by stage and name."""
    totals: dict[tuple[str, str], tuple[int, int, int]] = {}
    for c in count_stages(store):
        if c.part in parts:
            key = (c.stage, c.model if c.stage == "elicit" else c.judge)
            planned, done, lost = totals.get(key, (0, 0, 0))
            totals[key] = (planned + c.planned, done + c.done, lost + c.lost)
    return totals


def check_keys(
    study: Study,
    stages: Sequence[str],
    *,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
) -> None:
    """Refuse to start without the keys that the stages need."""
    if "elicit" in stages:
        for name in models or study.models:
            if name in study.models:
                make_endpoint(name, study.models[name])
    if "judge" in stages:
        for name in judges or study.judges:
            if name in study.judges:
                make_endpoint(name, study.judges[name])


def _check_names(names: Sequence[str], known: dict[str, Any], table: str) -> None:
    """Refuse a name that the study file does not have."""
    for name in names:
        if name not in known:
            raise StudyError(f"no [{table}.{name}] in the study file; it has {', '.join(known)}")


def _check_prices(study: Study, models: Sequence[str], judges: Sequence[str]) -> None:
    """Refuse a spending limit that could not be kept because a price is unknown."""
    tables = [*((n, study.models[n]) for n in models), *((n, study.judges[n]) for n in judges)]
    for name, table in tables:
        if plan_endpoint(name, table).price is None:
            raise StudyError(
                f"spend_limit is set, but the price of {name} ({table.model}) is unknown: give "
                "prices = { input = ..., output = ... } (US dollars a million tokens), or remove "
                "spend_limit"
            )


Judgings = dict[str, list[tuple[int, bool, int]]]  # a trial's, by judge: id, swapped, sample


class _Runner:
    """One run over a store: the callers, the queues between the stages, and the workers."""

    def __init__(
        self,
        prepared: Prepared,
        store: Store,
        planned: Planned,
        endpoints: dict[tuple[str, str], Endpoint],
        parts: Sequence[str],
    ) -> None:
        self.study = prepared.study
        self.templates = prepared.templates
        self.store = store
        self.planned = planned
        self.endpoints = endpoints
        self.parts = parts
        self.result = Run(meters={key: Meter() for key in endpoints}, totals=_totals(store, parts))
        self.stop = asyncio.Event()
        self.judges = [name for stage, name in endpoints if stage == "judge"]
        self.models = [name for stage, name in endpoints if stage == "elicit"]
        self.queues: dict[str, asyncio.Queue[PendingJudging | None]] = {}

    async def run(self, watch: Watch | None) -> Run:
        """Run all stages side by side."""
        self.loop = asyncio.get_running_loop()
        ledger = self.result.ledger = self._open_ledger()
        self.until = self.store.last_attempt()
        writer = self.store.writer()
        watching = asyncio.create_task(watch(self.result)) if watch else None
        try:
            async with make_session() as session:
                answers = Answers()
                callers = {
                    key: Caller(
                        endpoint,
                        HttpTransport(endpoint, session),
                        writer,
                        ledger=ledger,
                        meter=self.result.meters[key],
                        answers=answers,
                        stop=self.stop,
                        attempts=self.study.study.attempts,
                        unparsed_attempts=self.study.study.unparsed_attempts,
                    )
                    for key, endpoint in self.endpoints.items()
                }
                await self._stages(callers, writer)
        finally:
            if watching:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            try:
                writer.close()
            except EthogramError as error:
                self.result.stopped = self.result.stopped or error
        return self.result

    def _open_ledger(self) -> Ledger:
        """Return the account so far; what nobody said the cost of counts as the most it can be."""
        spent, unknown = self.store.spent()
        limit = self.study.study.spend_limit
        if limit is not None and unknown:
            known = {(e.service, e.table.model): e for e in self.endpoints.values()}
            for body in self.store.requests_of_unknown_cost():
                request = orjson.loads(body)
                endpoint = known.get((request["service"], request["model"]))
                spent += endpoint.worst_cost(len(body)) if endpoint else 0.0
        return Ledger(limit, spent=spent, unknown=unknown)

    async def _stages(self, callers: dict[tuple[str, str], Caller], writer: Writer) -> None:
        """Start every worker, and wait until all are done or had to stop."""
        self.work = asyncio.ensure_future(self._work(callers, writer))
        with _on_interrupt(self._interrupt):
            try:
                await self.work
            except asyncio.CancelledError:
                if not self.stop.is_set():
                    raise

    def interrupt(self) -> None:
        """Do as at Ctrl-C, from another thread."""
        self.loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        """First Ctrl-C: wind down. Second: drop what is in flight."""
        if self.result.interrupted:
            self.work.cancel()
        self.result.interrupted = True
        self._wind_down()

    def _wind_down(self) -> None:
        """Ask for nothing new; what is in flight gets some seconds to finish."""
        if not self.stop.is_set():
            self.stop.set()
            self.loop.call_later(GRACE, self.work.cancel)

    @contextmanager
    def _winding_down(self) -> Iterator[None]:
        """What stops the work inside stops the run, after what is in flight."""
        try:
            yield
        except Dropped:
            pass
        except EthogramError as error:
            if not isinstance(self.result.stopped, EndpointError):
                self.result.stopped = error
            self._wind_down()

    async def _work(self, callers: dict[tuple[str, str], Caller], writer: Writer) -> None:
        for name in self.judges:
            size = 4 * self.study.judges[name].concurrency
            self.queues[name] = asyncio.Queue(maxsize=size)
        async with asyncio.TaskGroup() as group:
            for name in self.judges:
                caller, backlog = callers["judge", name], self._judgings(name)
                for _ in range(self.study.judges[name].concurrency):
                    group.create_task(self._judge_worker(caller, name, backlog, writer))
            asking = []
            for name in self.models:
                caller, trials = callers["elicit", name], self._trials(name)
                for _ in range(self.study.models[name].concurrency):
                    worker = self._elicit_worker(caller, trials, writer)
                    asking.append(group.create_task(worker))
            group.create_task(self._end_queues(asking))

    async def _end_queues(self, asking: list[asyncio.Task[None]]) -> None:
        """Tell the judges when no more replies will come."""
        await asyncio.gather(*asking)
        for name, queue in self.queues.items():
            for _ in range(self.study.judges[name].concurrency):
                await queue.put(None)

    # -- elicitation --

    def _trials(self, name: str) -> Iterator[tuple[PendingTrial, Judgings]]:
        """Yield a model's pending trials with their judgings, read a chunk at a time."""
        after = 0
        while rows := self.store.pending_trials(self.planned.models[name], after, self.parts):
            ids = [row.id for row in rows]
            planned = {
                judge: self.store.judgings_of(ids, self.planned.judges[judge], self.parts)
                for judge in self.queues
            }
            for row in rows:
                yield row, {judge: found[row.id] for judge, found in planned.items()}
            after = rows[-1].id

    async def _elicit_worker(
        self,
        caller: Caller,
        feed: Iterator[tuple[PendingTrial, Judgings]],
        writer: Writer,
    ) -> None:
        """Answer trials until there are none."""
        with self._winding_down():
            for trial, judgings in feed:
                if self.stop.is_set():
                    return
                await self._elicit(caller, trial, judgings, writer)

    async def _elicit(
        self, caller: Caller, trial: PendingTrial, judgings: Judgings, writer: Writer
    ) -> None:
        """Ask for one reply, write its row, hand it on."""
        messages = elicit_messages(
            self.templates,
            trial.condition,
            trial.prompt,
            trial.planted or trial.trait_1,
            trial.trait_2,
        )
        request = caller.endpoint.request(messages, sample=trial.sample)
        outcome = await caller.ask(request, as_it_is)
        self._keep_reply(trial, outcome, caller.meter, writer)
        if outcome.reading.status in USABLE:
            await self._hand_over(trial, judgings, outcome.reading.text)

    def _keep_reply(
        self, trial: PendingTrial, outcome: Outcome, meter: Meter, writer: Writer
    ) -> None:
        """Write a reply's row."""
        reading = outcome.reading
        usable = reading.status in USABLE
        pair = (trial.trait_1, trial.trait_2)
        row = ReplyRow(
            trial=trial.id,
            status=str(reading.status),
            reason=reading.reason,
            chars=len(reading.text) if usable else None,
            named=int(names_a_trait(reading.text, *pair)) if usable else None,
        )
        writer.put_reply(row, outcome.attempt)
        _count(meter, reading)

    async def _hand_over(self, trial: PendingTrial, judgings: Judgings, reply: str) -> None:
        """Give a new reply to its judges; a judge that is behind holds elicitation back."""
        for name, planned in judgings.items():
            for judging, swapped, sample in planned:
                await self.queues[name].put(
                    PendingJudging(
                        judging,
                        trial.id,
                        trial.trait_1,
                        trial.trait_2,
                        swapped,
                        sample,
                        trial.prompt,
                        reply,
                    )
                )

    # -- judging --

    def _judgings(self, name: str) -> Iterator[PendingJudging]:
        """Yield the pending judgings of replies from before this run."""
        after, judge = 0, self.planned.judges[name]
        while rows := self.store.pending_judgings(judge, after, self.parts, until=self.until):
            yield from rows
            after = rows[-1].id

    async def _judge_worker(
        self, caller: Caller, name: str, feed: Iterator[PendingJudging], writer: Writer
    ) -> None:
        """Judge the replies of before, then the new ones as they come."""
        queue = self.queues[name]
        with self._winding_down():
            for judging in feed:
                if self.stop.is_set():
                    break
                await self._judge(caller, name, judging, writer)
            while (new := await queue.get()) is not None:
                if not self.stop.is_set():  # else it is left for the next run
                    await self._judge(caller, name, new, writer)
            return
        while await queue.get() is not None:  # keep emptying it, so that no one waits
            pass

    async def _judge(
        self, caller: Caller, name: str, judging: PendingJudging, writer: Writer
    ) -> None:
        """Ask for one verdict and write its row."""
        table = self.study.judges[name]
        ask = ask_completion if table.verdict == "completion" else ask_word
        outcome, winner, p = await ask(caller, table, self.templates, judging)
        row = VerdictRow(
            judging=judging.id,
            status=str(outcome.reading.status),
            reason=outcome.reading.reason,
            winner=None if winner is None else self.planned.trait_ids[winner],
            p_first=p if p is None or not judging.swapped else 1 - p,
        )
        writer.put_verdict(row, outcome.attempt)
        _count(caller.meter, outcome.reading)


def _count(meter: Meter, reading: Reading) -> None:
    """Count one row as done or lost."""
    if reading.status in USABLE:
        meter.done += 1
    else:
        meter.lost += 1


@contextmanager
def _on_interrupt(react: Callable[[], None]) -> Iterator[None]:
    """Call `react` at each Ctrl-C (and SIGTERM) instead of raising, where the platform can."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, react)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
