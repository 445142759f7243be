"""The runner: the loops that turn pending rows of the store into rows, whatever the stage.

Stages overlap: a reply is handed to its judges as soon as it is there. Nothing is remembered
between runs but the store, so going on after a crash is the same as starting.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import aiohttp
import orjson

from ethogram.design import Part
from ethogram.engine.caller import Caller, Ledger, Meter, Outcome, SharedAnswers
from ethogram.engine.endpoints import Endpoint, make_endpoint, plan_endpoint
from ethogram.engine.health import Doubt
from ethogram.engine.http import make_session
from ethogram.engine.limiter import Dropped
from ethogram.engine.local import local_servers
from ethogram.engine.requests import SERVED, USABLE, Status
from ethogram.engine.settings import ModelTable
from ethogram.engine.transport import LeftPending
from ethogram.errors import EndpointError, EthogramError, Problems, StudyError, guess
from ethogram.protocols.protocol import Call, Judging, Protocol, Result, Setting, Trial
from ethogram.run.prepare import Planned, Prepared
from ethogram.run.stages import MAIN_STAGES, STAGES, Feed, Stage, together
from ethogram.run.transports import Transports, TransportSet, check_engines
from ethogram.store.read import StageCount, count_stages
from ethogram.store.rows import PlannedJudging, Role
from ethogram.store.store import Store
from ethogram.study import Study

Key = tuple[str, str]  # a stage and the model or judge that is asked in it
MAX_AGAIN = 3  # outages that one row may be in; after as many it is put down to itself
GRACE = 20.0  # seconds that calls in flight get to finish after the first Ctrl-C


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
    said : how far a study in rounds is
    """

    meters: dict[tuple[str, str], Meter] = field(default_factory=dict)
    totals: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)
    stopped: EthogramError | None = None
    interrupted: bool = False
    ledger: Ledger | None = None
    said: list[str] = field(default_factory=list)

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
    stages: Sequence[str] = MAIN_STAGES,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    parts: Sequence[str] = (Part.MAIN,),
    watch: Watch | None = None,
    brake: bool = True,
    over: TransportSet | None = None,
    more: Callable[[], Planned | None] | None = None,
    reopen: bool = True,
) -> Run:
    """Turn pending rows into rows, until none is left, a limit stops it, or Ctrl-C.

    Parameters
    ----------
    prepared, store, planned
        A study, its store open for writing, and what was planned there.
    stages : names of stages
        See `ethogram.run.stages.STAGES`.
    models, judges : names, optional
        Only these.
    parts : which parts of the plan
    watch : coroutine function, optional
        Runs beside the stages and is cancelled when they end: the progress display.
    brake : bool
        Stop where 20 paid answers in a row cannot be used.
    over : TransportSet, optional
        In place of the services: files that are written or read.
    more : function, optional
        Asked, when all is answered, to plan what comes next; None: nothing does.
    reopen : bool
        Ask again what was lost, may pass and has tries left.

    Returns
    -------
    Run
        Its `stopped` is the error that ended it early; all results so far are committed.
    """
    tables = asked_tables(prepared.study, stages, models=models, judges=judges)
    calls = over is None or over.calls
    if calls and prepared.study.study.spend_limit is not None:
        _check_prices(tables)
    if reopen:
        with store.planning():
            store.reopen_lost(
                prepared.study.study.attempts,
                prepared.study.study.unparsed_attempts,
                parts=parts,
                asked=[(stage, _party(planned, stage, name)) for stage, name in tables],
                models=[i for n, i in planned.models.items() if not models or n in models],
            )
    store.end_conversations()
    counts = count_stages(store)
    while not any(c.pending and c.part in parts and _key(c) in tables for c in counts):
        following = more() if more else None
        if following is None:
            return Run(totals=_totals(counts, parts))
        planned, counts = following, count_stages(store)
    if calls:
        check_engines(plan_endpoint(name, table) for (_, name), table in tables.items())
    local = [table.model for table in tables.values() if calls and table.engine == "live"]
    with local_servers(local, base=prepared.study.base) as urls:
        ready = {
            (stage, name): make_endpoint(name, table, local_url=urls.get(table.model, ""))
            if calls
            else plan_endpoint(name, table)
            for (stage, name), table in tables.items()
        }
        with _interpreter_for_a_run():
            runner = _Runner(
                prepared,
                store,
                planned,
                ready,
                parts,
                _totals(counts, parts),
                brake=brake,
                over=over,
                more=more,
            )
            return _run_to_end(runner, watch)


def asked_tables(
    study: Study,
    stages: Sequence[str],
    *,
    models: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
) -> dict[Key, ModelTable]:
    """Return the table of each model or judge that is asked in each stage.

    Raises
    ------
    StudyError
        A stage, model or judge that is not there.
    """
    known: dict[Role, tuple[str, Mapping[str, ModelTable], Sequence[str] | None]] = {
        Role.MODEL: ("models", study.models, models),
        Role.JUDGE: ("judges", study.judges, judges),
    }
    tables: dict[Key, ModelTable] = {}
    for stage in stages:
        if stage not in STAGES:
            raise StudyError(f"no stage {stage!r}; expected {', '.join(STAGES)}")
        kind, there, wanted = known[STAGES[stage].role]
        for name in wanted or there:
            if name not in there:
                raise StudyError(
                    f"no [{kind}.{name}] in the study file{guess(name, there)}; it has "
                    f"{', '.join(there)}"
                )
        tables |= {(stage, n): table for n, table in there.items() if n in (wanted or there)}
    return tables


@contextmanager
def _interpreter_for_a_run() -> Iterator[None]:
    """Set the interpreter for many short calls and one thread that writes; then set it back.

    Calls leave next to no cyclic garbage, and looking for it took a seventh of the time. And the
    writer would wait up to 5 ms for its turn, some twenty times per batch.
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


def _party(planned: Planned, stage: str, name: str) -> int:
    """Return the id of the model or judge that is asked in a stage."""
    parties = planned.models if STAGES[stage].role is Role.MODEL else planned.judges
    return parties[name]


def _key(count: StageCount) -> Key:
    """Return the stage of a count, and who is asked in it."""
    return count.stage, count.judge or count.model


def _totals(counts: Sequence[StageCount], parts: Sequence[str]) -> dict[Key, tuple[int, int, int]]:
    """Sum planned, done and lost rows by stage and name."""
    totals: dict[Key, tuple[int, int, int]] = {}
    for c in counts:
        if c.part in parts:
            planned, done, lost = totals.get(_key(c), (0, 0, 0))
            totals[_key(c)] = (planned + c.planned, done + c.done, lost + c.lost)
    return totals


def check_keys(tables: Mapping[Key, ModelTable]) -> None:
    """Refuse to start without the keys that are needed."""
    problems = Problems()
    for (_, name), table in tables.items():
        with problems.gather():
            make_endpoint(name, table)
    problems.raise_any(EndpointError)


def _check_prices(tables: Mapping[Key, ModelTable]) -> None:
    """Refuse a spending limit that could not be kept because a price is unknown."""
    for (_, name), table in tables.items():
        if plan_endpoint(name, table).price is None:
            raise StudyError(
                f"spend_limit is set, but the price of {name} ({table.model}) is unknown: give "
                "prices = { input = ..., output = ... } (US dollars per million tokens), or "
                "remove spend_limit"
            )


@dataclass
class _Job:
    """One stage with one model or judge: its caller, its pending rows, and those to come."""

    stage: Stage
    caller: Caller
    setting: Setting
    protocol: Protocol[Any]
    feed: Feed
    backlog: Iterator[Task]
    queue: asyncio.Queue[Any]
    workers: int
    again: deque[tuple[Any, Handover]] = field(default_factory=deque)
    doubtful: list[_Doubtful] = field(default_factory=list)
    asked_again: Counter[int] = field(default_factory=Counter)  # by row: outages that it was in

    def tasks(self) -> Iterator[Task]:
        """Yield rows to ask: those that an outage met first, then the ones pending from before."""
        while True:
            if self.again:
                yield [self.again.popleft()]
            elif (pending := next(self.backlog, None)) is not None:
                yield pending
            else:
                return

    async def ask(self, row: Any) -> tuple[Result, Outcome]:
        """Make a row's calls, as long as they are answered.

        Returns
        -------
        Result
            What the row came to.
        Outcome
            Of the call that decided it.
        """
        outcomes: list[Outcome] = []
        calls = self.protocol.calls(row, self.setting)
        if self.caller.at_once and len(calls) > 1:  # or the second would go out a day later
            asked = (self._call(row, call) for call in calls)
            outcomes += _to_the_first_failure(await asyncio.gather(*asked, return_exceptions=True))
            calls = ()
        for call in calls:
            outcomes.append(await self._call(row, call))
            if outcomes[-1].reading.status not in USABLE:
                break
        result = self.protocol.result(row, self.setting, [o.reading for o in outcomes])
        return result, outcomes[0 if outcomes[-1].reading.status in USABLE else -1]

    async def _call(self, row: Any, call: Call) -> Outcome:
        """Make one of a row's calls."""
        request = self.caller.endpoint.request(
            call.messages, sample=row.sample, extra=call.extra, path=call.path
        )
        return await self.caller.ask(request, call.read)


def _to_the_first_failure(found: Sequence[Outcome | BaseException]) -> Iterator[Outcome]:
    """Yield outcomes up to the first that is not usable; raise what stands in place of one."""
    for one in found:
        if isinstance(one, BaseException):
            raise one
        yield one
        if one.reading.status not in USABLE:
            return


@dataclass
class _Doubtful:
    """A row that failed, while it is not known yet whether the endpoint did."""

    doubt: Doubt
    row: Any
    handover: Handover
    result: Result
    attempt: int | None


Handover = dict[Key, list[PlannedJudging]]  # a trial's judgings, by the job that will have them
Task = list[tuple[Any, Handover]]  # rows that one worker asks one after another


class _Runner:
    """One run over a store: the jobs, the queues between them, and the workers."""

    def __init__(
        self,
        prepared: Prepared,
        store: Store,
        planned: Planned,
        endpoints: dict[Key, Endpoint],
        parts: Sequence[str],
        totals: dict[Key, tuple[int, int, int]],
        *,
        brake: bool = True,
        over: TransportSet | None = None,
        more: Callable[[], Planned | None] | None = None,
    ) -> None:
        self.brake = brake
        self.over = over
        self.more = more
        self.study = prepared.study
        self.templates = prepared.templates
        self.store = store
        self.planned = planned
        self.endpoints = endpoints
        self.parts = parts
        self.result = Run(meters={key: Meter() for key in endpoints}, totals=totals)
        self.stop = asyncio.Event()
        self.jobs: dict[Key, _Job] = {}

    async def run(self, watch: Watch | None) -> Run:
        """Run all stages side by side, one round after another."""
        self.loop = asyncio.get_running_loop()
        watching = asyncio.create_task(watch(self.result)) if watch else None
        try:
            await self._round()
            while self._is_whole() and (planned := self._following()) is not None:
                self._plan(planned)
                await self._round()
        finally:
            if watching:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        return self.result

    def _following(self) -> Planned | None:
        """Return what is planned beyond this round: turns that can be asked now, or new trials."""
        self.store.end_conversations()
        waiting = self.store.count_followers(self.parts)
        if waiting and self._ended() > self.ended_before:
            return self.planned
        return self.more() if self.more else None

    def _ended(self) -> int:
        """Return how many rows this run has ended."""
        return sum(meter.done + meter.lost for meter in self.result.meters.values())

    def _is_whole(self) -> bool:
        """Whether nothing stopped the round."""
        return self.result.stopped is None and not self.stop.is_set()

    def _plan(self, planned: Planned) -> None:
        """Take up what was planned; what this run has done so far still counts as its own."""
        self.planned, self.jobs = planned, {}
        for key, (new, _, _) in _totals(count_stages(self.store), self.parts).items():
            _, done, lost = self.result.totals.get(key, (0, 0, 0))
            self.result.totals[key] = (new, done, lost)

    async def _round(self) -> None:
        """Ask all that is planned and pending."""
        self.ended_before = self._ended()
        self.transports = self.over or Transports(
            self.store, self.stop, patience=self.study.study.patience, tell=self._tell
        )
        until = self.store.last_attempt()
        writer = self.writer = self.store.writer()
        ledger = self.result.ledger = self._open_ledger()
        try:
            async with make_session() as session:
                try:
                    await self._make_jobs(session, ledger, until)
                except BaseException:  # what was started for the first ones is not left running
                    await self.transports.close()
                    raise
                await self._stages()
        finally:
            try:
                writer.close()
                self.transports.close_book()
            except EthogramError as error:
                self.result.stopped = self.result.stopped or error
        self.result.stopped = self.result.stopped or self.transports.left()

    async def _make_jobs(self, session: aiohttp.ClientSession, ledger: Ledger, until: int) -> None:
        """Make a caller for each model and judge, over its transport."""
        answers = SharedAnswers()
        self.transports.open(self.endpoints, ledger)
        for key, endpoint in self.endpoints.items():
            transport = await self.transports.make(key, endpoint, session, self.writer)
            caller = Caller(
                endpoint,
                transport,
                self.writer,
                ledger=ledger,
                meter=self.result.meters[key],
                answers=answers,
                stop=self.stop,
                attempts=self.study.study.attempts,
                unparsed_attempts=self.study.study.unparsed_attempts,
                patience=self.study.study.patience,
                brake=self.brake,
            )
            self.jobs[key] = self._job(key, caller, until)
            self.transports.start(transport, caller.keep)

    def _tell(self, key: Key, number: int, text: str) -> None:
        """Note how far a batch is, for the progress display."""
        batches = self.result.meters[key].batches
        if text:
            batches[number] = text
        else:
            batches.pop(number, None)

    def _job(self, key: Key, caller: Caller, until: int) -> _Job:
        stage, table = STAGES[key[0]], caller.endpoint.table
        feed = Feed(_party(self.planned, *key), self.parts, until)
        planned, done, lost = self.result.totals.get(key, (0, 0, 0))
        workers = max(1, min(table.in_flight, planned - done - lost))
        return _Job(
            stage,
            caller,
            Setting(self.templates, table, self.study),
            stage.protocol(table),
            feed,
            self._backlog(key[0], feed, singly=caller.at_once),
            asyncio.Queue(maxsize=4 * workers),
            workers,
        )

    def _open_ledger(self) -> Ledger:
        """Return the account so far; unpriced attempts are charged at the worst case."""
        spent, unknown = self.store.spent()
        limit = self.study.study.spend_limit if self.transports.calls else None
        if limit is not None and unknown:
            known = {(e.service, e.table.model): e for e in self.endpoints.values()}
            for body in self.store.requests_of_unknown_cost():
                request = orjson.loads(body)
                endpoint = known.get((request["service"], request["model"]))
                spent += endpoint.worst_cost(len(body)) if endpoint else 0.0
        return Ledger(limit, spent=spent, unknown=unknown)

    async def _stages(self) -> None:
        """Start every worker, and wait until all are done or had to stop; then end transports."""
        with _on_interrupt(self._interrupt):
            for part in (self._work, self.transports.close):
                self.work = asyncio.ensure_future(part())
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
            for job in self.jobs.values():
                job.caller.shut()
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

    async def _work(self) -> None:
        """Start a job's workers; a stage that follows another ends when that one has ended."""
        async with asyncio.TaskGroup() as group:
            workers: dict[str, list[asyncio.Task[None]]] = {}
            # Last things first: a reply is judged before another is asked for.
            for (name, _), job in reversed(self.jobs.items()):
                if not job.stage.follows:
                    job.caller.expect_no_more()
                for _ in range(job.workers):
                    workers.setdefault(name, []).append(group.create_task(self._worker(name, job)))
            for name in {name for name, _ in self.jobs}:
                if before := STAGES[name].follows:
                    group.create_task(self._end_queues(name, workers.get(before, [])))
        for job in self.jobs.values():
            await self._close(job)

    async def _end_queues(self, name: str, before: list[asyncio.Task[None]]) -> None:
        """Tell a stage's workers when no more rows will come."""
        await asyncio.gather(*before)
        for job in self._jobs_of(STAGES[name].follows):
            await self._close(job)
        for job in self._jobs_of(name):
            job.caller.expect_no_more()
            for _ in range(job.workers):
                await job.queue.put(None)

    def _jobs_of(self, name: str) -> list[_Job]:
        return [job for (stage, _), job in self.jobs.items() if stage == name]

    def _backlog(self, name: str, feed: Feed, *, singly: bool = False) -> Iterator[Task]:
        """Yield the rows pending from before this run, a chunk at a time, with who is next.

        `singly`: each row is one worker's, as where all are asked at once.
        """
        after, stage = 0, STAGES[name]
        while rows := stage.pending(self.store, feed, after):
            following = {key: job for key, job in self.jobs.items() if job.stage.follows == name}
            ids = [row.id for row in rows]
            planned = {
                key: self.store.judgings_of(ids, job.feed.party, self.parts)
                for key, job in following.items()
            }
            for same in [[row] for row in rows] if singly else together(rows):
                yield [
                    (row, {key: judgings[row.id] for key, judgings in planned.items()})
                    for row in same
                ]
            after = rows[-1].id

    async def _worker(self, name: str, job: _Job) -> None:
        """Turn a job's rows into rows: those of before, then the new ones as they come."""
        with self._winding_down():
            for task in job.tasks():
                await self._turns(job, task)
                if self.stop.is_set():
                    break
            while job.stage.follows and (new := await job.queue.get()) is not None:
                fresh: Task = [(row, {}) for row in new]
                for task in chain([fresh], job.tasks()):
                    await self._turns(job, task)
                    if self.stop.is_set():  # the others are left for the next run
                        break
            return
        while job.stage.follows and await job.queue.get() is not None:
            pass  # keep emptying it, so that no one waits

    async def _turns(self, job: _Job, task: Task) -> None:
        """Ask for the rows of a task, one after another, until the run is to stop."""
        for row, handover in task:
            if self.stop.is_set():
                break
            await self._turn(job, row, handover)

    async def _turn(self, job: _Job, row: Any, handover: Handover) -> None:
        """Ask for one row, write what it came to, hand it on."""
        try:
            result, outcome = await job.ask(row)
        except LeftPending:
            return
        if outcome.doubt is not None:
            doubtful = _Doubtful(outcome.doubt, row, handover, result, outcome.attempt)
            job.doubtful.append(doubtful)
        else:
            self._write(job, row, result, outcome.attempt)
        if job.doubtful:
            self._settle(job)
        if result.reading.status in USABLE:
            for key, judgings in handover.items():
                if judgings:  # a judge that is behind holds elicitation back
                    following, text = self.jobs[key], result.reading.text
                    new = [_to_judge(j, row, text) for j in judgings]
                    for task in [[one] for one in new] if following.caller.at_once else [new]:
                        await following.queue.put(task)

    def _write(self, job: _Job, row: Any, result: Result, attempt: int | None) -> None:
        """Write what a row came to, and count it."""
        job.stage.write(self.writer, row, result, attempt, self.planned.trait_ids)
        if result.reading.status in USABLE:
            job.caller.meter.done += 1
        else:
            job.caller.meter.lost += 1

    def _settle(self, job: _Job) -> None:
        """Charge failures to their rows where the endpoint has answered since, or ask again."""
        open_still = []
        for failed in job.doubtful:
            own = job.caller.health.is_own_fault(failed.doubt, failed.result.reading.status)
            if own is None:
                open_still.append(failed)
            elif own or job.asked_again[failed.row.id] >= MAX_AGAIN:
                self._charge(job, failed)
            else:
                job.asked_again[failed.row.id] += 1
                job.again.append((failed.row, failed.handover))
        job.doubtful = open_still

    def _charge(self, job: _Job, failed: _Doubtful) -> None:
        """Write a loss: others were answered, so it was about this request alone."""
        reading = failed.result.reading
        if reading.status in (Status.FORBIDDEN, Status.NOT_FOUND):
            reading = reading.as_status(Status.INVALID_REQUEST, reading.reason)
        self._write(job, failed.row, failed.result._replace(reading=reading), failed.attempt)

    async def _close(self, job: _Job) -> None:
        """Decide what is in doubt when all is asked: a probe says whether the endpoint works.

        Where it never answered, not even in an earlier run, it may be a setting that no probe would
        show: the rows stay pending, and the run says why.
        """
        with self._winding_down():
            while job.doubtful and not self.stop.is_set():
                self._charge_answers(job)
                if not job.doubtful:
                    return
                reading = job.doubtful[-1].result.reading
                proven = job.caller.health.answered or self.store.has_answers(job.feed.party)
                try:
                    if not proven or not await job.caller.probe():
                        raise EndpointError(job.caller.explain(reading))
                except LeftPending:  # answers are read from files: what failed has failed
                    doubtful, job.doubtful = job.doubtful, []
                    for failed in doubtful:
                        self._charge(job, failed)
                    return
                self._settle(job)
                for task in job.tasks():
                    await self._turns(job, task)

    def _charge_answers(self, job: _Job) -> None:
        """Charge what was answered, though not usably: that is not the endpoint's fault."""
        doubtful, job.doubtful = job.doubtful, []
        for failed in doubtful:
            if failed.result.reading.status in SERVED:
                self._charge(job, failed)
            else:
                job.doubtful.append(failed)


def _to_judge(planned: PlannedJudging, trial: Trial, reply: str) -> Judging:
    """Return a judging of a reply that has just come."""
    return Judging(
        planned.id,
        trial.id,
        trial.trait_1 or "",
        trial.trait_2 or "",
        planned.swapped,
        planned.sample,
        trial.shown or trial.prompt,
        reply,
        trial.condition,
    )


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
