"""The batch transport: requests are gathered, submitted, followed, and answered line by line.

What a crash could double is written down first. A batch is **reserved** in the book with its lines
and a fingerprint, submitted with that fingerprint, then confirmed by the service's id. A
reservation without an id is looked up at the service; where the service cannot say, the batch is
**held**: its lines stay pending, and only the user's word lets them be asked again.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from ethogram.engine.batch.api import Api, ServiceError, pause
from ethogram.engine.batch.book import Batch, Open, State
from ethogram.engine.batch.desk import Desk
from ethogram.engine.batch.lines import missing, unasked
from ethogram.engine.batch.services import MARGIN, BatchService
from ethogram.engine.batch.talk import UNKNOWN, Talk
from ethogram.engine.batch.wire import CannotSay, Load, Phase, Progress
from ethogram.engine.caller import Ledger
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.limiter import Dropped
from ethogram.engine.requests import Request, request_id
from ethogram.engine.transport import LeftPending, Response
from ethogram.errors import EndpointError

LET_IN = ("in_progress", "running", "finalizing")  # words for a batch that passed validation
AGAIN = 3  # looks at results that are fewer than the service says
QUIET = 3.0  # seconds without a new request after which a batch goes out, where no more will come
PATIENT = 600.0  # the same where more may come
BARREN = 3  # batches in a row without any answer that end a run
GRACE = 20.0  # seconds that a submission under way gets to end when the run does

Line = tuple[str, Request]


@dataclass
class _Pool:
    """Requests of one path that wait to be submitted."""

    lines: list[Line] = field(default_factory=list)
    bytes: int = 0
    touched: float = field(default_factory=time.monotonic)


class BatchTransport:
    """Sends one endpoint's requests in batches.

    Parameters
    ----------
    endpoint : Endpoint
    service : BatchService
    api : Api
    desk : Desk
        Shared by the run's transports.
    owner : str
        "stage/name", under which its batches are kept.
    stop : asyncio.Event
        Set when the run is to end.
    patience : float
        Seconds for which the service may give no answer.
    tell : callable
        Told how far each open batch is: its number and a text, "" at its end.
    ledger : Ledger
        Where what open batches may cost is set aside.
    """

    at_once = True

    def __init__(
        self,
        endpoint: Endpoint,
        service: BatchService,
        api: Api,
        desk: Desk,
        *,
        owner: str,
        stop: asyncio.Event,
        patience: float,
        is_behind: Callable[[], bool] = lambda: False,
        tell: Callable[[int, str], None] = lambda number, text: None,
        ledger: Ledger | None = None,
    ) -> None:
        table = endpoint.table
        self._endpoint = endpoint
        self._service = service
        self._wire = service.wire
        self._desk = desk
        self._owner = owner
        self._stop = stop
        self._patience = patience
        self._talk = Talk(endpoint, service, api, stop=stop, patience=patience, note=self._note)
        self._is_behind = is_behind
        self._tell = tell
        self._ledger = ledger or Ledger(None)
        self._most = min(service.lines, table.batch_size or service.lines)
        self._poll = self._talk.poll
        self._pools: dict[str, _Pool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._more = True
        self._barren = 0
        self._under_way: set[int] = set()  # batches that were let in and are not at their end
        self._full_since: float | None = None
        self._watch: asyncio.Task[None] | None = None
        self.unasked: Callable[[str, Response], None] = lambda name, response: None

    # -- what a caller sees ---------------------------------------------------------------------

    async def send(self, request: Request) -> Response:
        """Put a request into a batch, unless it is in one, and wait for its line."""
        if self._stop.is_set():
            raise Dropped
        name = request_id(request.canonical())
        answer = self._desk.wait(name, request)
        if name not in self._desk.open:
            try:
                self._add(name, request)
            except EndpointError as error:
                self._desk.fail([name], error)
        return await answer

    def expect_no_more(self) -> None:
        """Let what waits go out soon."""
        self._more = False

    def shut(self) -> None:
        """Submit nothing more; what is submitted is the next run's."""
        for pool in self._pools.values():
            pool.lines.clear()
        self._desk.shut()

    def start(self) -> None:
        """Take up the batches that were left open."""
        self._watch = asyncio.create_task(self._watch_pools())
        for found in self._desk.left_open(self._owner):
            self._follow(found.batch, self._resume(found))

    async def close(self) -> None:
        """End: a submission under way is waited for, so that its id is kept."""
        self._talk.ended = True
        if self._watch is not None:
            self._watch.cancel()
        tasks = [*self._tasks]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=GRACE)
        finally:  # also where a second Ctrl-C ends the wait
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- gathering ------------------------------------------------------------------------------

    def _add(self, name: str, request: Request) -> None:
        """Put a request into the batch that is being gathered."""
        if self._barren >= BARREN:
            raise EndpointError(
                f"{self._endpoint.name}: {BARREN} batches in a row ended without an answer; run "
                "again later to resume: their lines are pending"
            )
        pool = self._pools.setdefault(request.path, _Pool())
        size = len(orjson.dumps(self._wire.line(name, request))) + 2
        if pool.bytes + size > MARGIN * self._service.bytes:
            self._flush(request.path)
        pool.lines.append((name, request))
        pool.bytes += size
        pool.touched = time.monotonic()
        if len(pool.lines) >= self._most:
            self._flush(request.path)

    def _flush(self, path: str) -> None:
        """Submit what was gathered."""
        pool = self._pools[path]
        lines, pool.lines, pool.bytes = pool.lines, [], 0
        if lines:
            self._desk.open |= dict.fromkeys((name for name, _ in lines), 0)
            self._follow(None, self._carry(path, lines))

    async def _watch_pools(self) -> None:
        """Submit a batch when nothing was added to it for a while."""
        while True:
            quiet = PATIENT if self._more else min(QUIET, max(0.5, 3 * self._poll))
            await asyncio.sleep(min(quiet, QUIET, self._poll) / 4)
            for path, pool in self._pools.items():
                if pool.lines and time.monotonic() - pool.touched > quiet:
                    self._flush(path)

    # -- one batch, from its reservation to its last line ---------------------------------------

    def _follow(self, batch: Batch | None, work: Coroutine[Any, Any, None]) -> None:
        """Run what becomes of a batch beside all else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, path: str, lines: list[Line]) -> None:
        """Reserve a batch, submit it, follow it."""
        names = [name for name, _ in lines]
        batch: Batch | None = None
        try:
            batch = await self._reserve(path, lines)
            self._desk.open |= dict.fromkeys(names, batch.id)
            handle = await self._submit(batch, lines)
            if handle is not None:
                await self._finish(batch._replace(handle=handle), handle, set(names))
        except CannotSay:
            if batch is not None:
                self._hold(batch, None)
        except Exception as error:  # whoever waits must hear of it, whatever it is
            self._desk.fail(names, self._talk.says.told(error))
        finally:
            if batch is not None:
                self._tell(batch.id, "")
                self._under_way.discard(batch.id)

    async def _resume(self, found: Open) -> None:
        """Go on with a batch of an earlier run."""
        batch, pending = found.batch, set(found.pending)
        if not pending:
            self._desk.collected.append(batch.id)
            return
        amount = batch.worst * len(pending) / batch.lines
        self._ledger.take(amount)
        try:
            handle: str | None = batch.handle
            if not handle:
                handle = await self._look_up(batch)
                if handle is None:
                    self._give_back(batch, pending, "it never arrived")
                    return
                self._desk.book.change(batch.id, State.SUBMITTED, handle=handle)
            await self._finish(batch._replace(handle=handle), handle, pending)
        except CannotSay:
            self._hold(batch, pending)
        except Exception as error:  # as above
            self._desk.fail(pending, self._talk.says.told(error))
        finally:
            self._ledger.settle(amount, 0.0)  # each line is charged as it is handed out
            self._tell(batch.id, "")
            self._under_way.discard(batch.id)

    async def _reserve(self, path: str, lines: Sequence[Line]) -> Batch:
        """Write down what is about to be submitted."""
        kept = [(name, request.canonical()) for name, request in lines]
        worst = sum(self._endpoint.worst_cost(len(body)) for _, body in kept)
        return await asyncio.to_thread(
            self._desk.book.reserve,
            kept,
            owner=self._owner,
            service=self._endpoint.service,
            path=path,
            worst=worst,
        )

    async def _submit(self, batch: Batch, lines: list[Line]) -> str | None:
        """Submit a batch; returns the service's id, or None where its lines go elsewhere.

        Raises
        ------
        EndpointError
            The service does not take it, or gives no answer.
        Dropped
            The run is stopping before it was sent.
        """
        began, sent = time.monotonic(), False
        with tempfile.TemporaryDirectory(prefix="ethogram-") as folder:
            try:
                load = await asyncio.to_thread(self._write, Path(folder), batch, lines)
            except OSError:
                self._desk.book.change(batch.id, State.REFUSED, said="not sent: no file of it")
                raise
            for number in count(1):
                if self._stop.is_set():
                    self._desk.book.change(batch.id, State.REFUSED, said="not sent: the run ended")
                    raise Dropped
                try:
                    handle = await self._talk.create(load)
                except ServiceError as error:
                    sent = sent or error.acted
                    found = await self._after_error(batch, error, sent=sent, began=began)
                    if found is not None:
                        handle = found
                    elif error.http == 413:
                        self._split(batch, lines)
                        return None
                    else:
                        await self._talk.sleep(pause(number, error.wait))
                        continue
                self._desk.book.change(batch.id, State.SUBMITTED, handle=handle, said="submitted")
                return handle
        return None

    def _write(self, folder: Path, batch: Batch, lines: Sequence[Line]) -> Load:
        """Write the lines as the service wants them."""
        table = self._endpoint.table
        load = Load(
            folder / "lines.jsonl",
            batch.fingerprint,
            table.model,
            batch.path,
            len(lines),
            self._endpoint.params.get("provider") or {},
        )
        before, between, after = self._wire.frame(load)
        with load.file.open("wb") as file:
            file.write(before)
            for number, (name, request) in enumerate(lines):
                if number:
                    file.write(between)
                file.write(orjson.dumps(self._wire.line(name, request)))
            file.write(after)
        return load

    async def _after_error(
        self, batch: Batch, error: ServiceError, *, sent: bool, began: float
    ) -> str | None:
        """Learn whether a batch arrived although its creation failed; returns its id if it did."""
        if sent:
            try:
                found = await self._look_up(batch)
            except CannotSay:
                self._hold(batch, None)
                raise LeftPending from error
            if found is not None:
                return found
        waited = time.monotonic() - began
        if (
            error.stops
            or not error.passes
            or waited > self._patience
            or (error.wait or 0) > self._patience
        ):
            if error.http == 413 and batch.lines > 1:
                return None
            if not error.acted:  # else it is looked up once more at the next run
                self._desk.book.change(batch.id, State.REFUSED, said=str(error))
            raise self._talk.says.refusal(error)
        return None

    def _split(self, batch: Batch, lines: list[Line]) -> None:
        """Submit a batch that is too large as two."""
        self._desk.book.change(batch.id, State.REFUSED, said="too large: split in two")
        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            self._follow(None, self._carry(batch.path, half))

    async def _look_up(self, batch: Batch) -> str | None:
        """Look for a batch that may have arrived; returns its id."""
        return await self._talk.look_up(
            batch, known=self._desk.handles(), ours=self._desk.names_in(batch.id)
        )

    async def _finish(self, batch: Batch, handle: str, pending: set[str]) -> None:
        """Follow a batch to its end, and hand its lines out."""
        for number in range(UNKNOWN):
            progress = await self._talk.until_ended(batch, handle)
            if progress.phase is Phase.REFUSED:
                await self._refused(batch, pending, progress)
                return
            if await self._collect(batch, handle, progress, pending, again=number < AGAIN):
                return
            await self._talk.sleep(self._poll)
        raise CannotSay

    def _note(self, batch: Batch, progress: Progress) -> None:
        """Say how far a batch is, to the book and to whoever watches.

        One without an id is only a candidate's look-up: it stays reserved.
        """
        strange = " (a state that is not known)" if progress.phase is Phase.UNKNOWN else ""
        self._tell(batch.id, f"batch {batch.id} {progress} of {batch.lines:,}{strange}")
        if batch.handle:
            self._desk.book.change(batch.id, State.SUBMITTED, said=f"{progress}{strange}")
            if progress.word in LET_IN:
                self._under_way.add(batch.id)

    async def _refused(self, batch: Batch, pending: set[str], progress: Progress) -> None:
        """Take the lines of a batch back of which none was asked.

        Raises
        ------
        EndpointError
            For a reason that will not pass.
        """
        self._desk.book.change(batch.id, State.REFUSED, said=str(progress))
        self._under_way.discard(batch.id)
        if progress.full and not self._is_hopeless(batch):
            await self._talk.sleep(max(60.0, 4 * self._poll) if self._poll >= 1 else self._poll)
            free = self._desk.release(pending)
            middle = (len(free) + 1) // 2
            for half in (free[:middle], free[middle:]):
                if half:
                    self._desk.open |= dict.fromkeys((name for name, _ in half), 0)
                    self._follow(None, self._carry(batch.path, half))
            return
        raise EndpointError(
            f"{self._endpoint.name}: batch {batch.id} ({batch.handle or 'no id'}) was refused: "
            f"{progress.reason or progress.word}; mend what it names, then run again: its "
            f"{batch.lines:,} lines are pending"
        )

    def _is_hopeless(self, batch: Batch) -> bool:
        """Whether a service that has too much enqueued would not take less either, or for long."""
        now = time.monotonic()
        if self._under_way or self._full_since is None:
            self._full_since = now
        return batch.lines == 1 or now - self._full_since > self._patience

    async def _collect(
        self, batch: Batch, handle: str, progress: Progress, pending: set[str], *, again: bool
    ) -> bool:
        """Hand out the lines of a batch that is at its end.

        A line that failed waits for the others: it may come twice, and well the second time.

        Parameters
        ----------
        again : bool
            Whether to look again where fewer lines come than the service says are done.

        Returns
        -------
        bool
            False where it has to be looked at again.

        Raises
        ------
        CannotSay
            Its results are gone, although its lines were asked.
        """
        answered, ours, lines = 0, 0, 0
        asked = {*pending}
        failed: dict[str, Response] = {}
        bodies: dict[str, int] = {}
        twice: set[str] = set()
        async with aclosing(self._talk.lines(batch, handle, progress)) as results:
            async for line in results:
                lines += 1
                if line is None or line.request not in asked:
                    continue
                ours += 1
                if line.response.http != 200:
                    if line.request in pending:
                        failed.setdefault(line.request, line.response)
                    continue
                body = hash(line.response.body)
                if bodies.setdefault(line.request, body) != body:
                    twice.add(line.request)
                if line.request not in pending:
                    continue
                pending.discard(line.request)
                failed.pop(line.request, None)
                answered += 1
                await self._hand_out(batch, line.request, line.response)
        if asked and lines and not ours and len(asked) == batch.lines:
            raise CannotSay  # somebody else's batch
        left = len(pending) - len(failed)
        if left and not lines and progress.phase is Phase.ENDED and progress.done != 0:
            return False  # some are done, and none is there: not yet, or not any more
        if left and again and batch.lines - left < (progress.done or 0):
            return False  # the results were cut
        if twice:
            said = f"{progress}; lines that came twice, in other words: {len(twice):,}"
            self._desk.book.change(batch.id, State.SUBMITTED, said=said)
        for name, response in failed.items():
            pending.discard(name)
            await self._hand_out(batch, name, response)
        self._full_since = None
        self._barren = 0 if answered or not asked else self._barren + 1
        await self._hand_back(batch, pending, progress)
        self._desk.collected.append(batch.id)
        return True

    async def _hand_out(self, batch: Batch, name: str, response: Response) -> None:
        """Give a line to who waits for it, or to the records where nobody does."""
        while self._is_behind():
            await asyncio.sleep(0.02)
        response = response._replace(batch=batch.id)
        if not self._desk.answer(name, response) and response.failure is None:
            self.unasked(name, response)
        await asyncio.sleep(0)

    async def _hand_back(self, batch: Batch, pending: set[str], progress: Progress) -> None:
        """Say of the lines that did not come whether they were asked."""
        for name in [*pending]:
            pending.discard(name)
            if progress.phase is Phase.CUT:
                response = unasked(f"batch {batch.id} ended before it was asked ({progress.word})")
            else:
                response = missing(f"batch {batch.id} ended, and this line was not in its results")
            await self._hand_out(batch, name, response)

    def _give_back(self, batch: Batch, pending: set[str], reason: str) -> None:
        """Gather again the lines of a batch that is not there."""
        self._desk.book.change(batch.id, State.REFUSED, said=reason)
        for name, request in self._desk.release(pending):
            self._add(name, request)

    def _hold(self, batch: Batch, pending: set[str] | None) -> None:
        """Leave a batch alone until the user says what became of it."""
        self._desk.book.change(batch.id, State.HELD, said="nobody knows whether it was run")
        if pending is None:
            pending = {n for n, number in self._desk.open.items() if number == batch.id}
        self._desk.hold(batch, pending)

    # -- errors and waits -----------------------------------------------------------------------
