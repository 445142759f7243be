"""Talking to a batch service: submitting, looking, reading results, and looking for what was lost.

Patient where waiting helps, and not longer than the run is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from itertools import count

from ethogram.engine.batch.api import Api, ServiceError, pause
from ethogram.engine.batch.book import Batch
from ethogram.engine.batch.lines import Line, read_line
from ethogram.engine.batch.says import SHAPES, Says
from ethogram.engine.batch.services import BatchService
from ethogram.engine.batch.wire import CannotSay, Load, NoId, Phase, Progress, Search
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.limiter import Dropped
from ethogram.engine.requests import Status, failure
from ethogram.errors import EndpointError

SETTLE = 5.0  # seconds after which a batch that arrived is on its service's list
SLOWEST = 120.0  # seconds between two looks at a batch
UNKNOWN = 8  # looks in a row at which a service may say that it has no such batch


class Talk:
    """One endpoint's service.

    Parameters
    ----------
    endpoint : Endpoint
    service : BatchService
    api : Api
    stop : asyncio.Event
        Set when the run is to end.
    patience : float
        Seconds for which the service may give no answer.
    note : callable
        Told of each look at a batch.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        service: BatchService,
        api: Api,
        *,
        stop: asyncio.Event,
        patience: float,
        note: Callable[[Batch, Progress], None],
    ) -> None:
        self.says = Says(endpoint, patience)
        self.poll = endpoint.table.batch_poll or service.poll
        self.ended = False
        self._endpoint = endpoint
        self._service = service
        self._wire = service.wire
        self._api = api
        self._stop = stop
        self._patience = patience
        self._note = note

    async def create(self, load: Load) -> str:
        """Submit a batch; an answer that does not name it is an error after which it may be there.

        Raises
        ------
        ServiceError
        """
        try:
            return await self._wire.create(self._api, load)
        except NoId as error:
            said = failure(Status.MALFORMED, str(error))
            raise ServiceError(said, 200, acted=True) from error

    async def look_up(
        self, batch: Batch, *, known: frozenset[str], ours: frozenset[str]
    ) -> str | None:
        """Look for a batch on the service's list, twice where it is not on it.

        Raises
        ------
        CannotSay
            The service has no list, or nothing on it to tell the batch by.
        EndpointError
            It gives no answer now.
        """
        search = Search(
            batch.fingerprint,
            self._endpoint.table.model,
            batch.path,
            batch.lines,
            batch.created,
            known,
        )
        for after in (0.0, min(SETTLE, 2 * self.poll)):
            found = await self.candidates(search, after=after)
            if self._service.marks:
                handle = found[0] if found else None
            else:
                handle = await self.identify(batch, found, ours)
            if handle is not None:
                return handle
            search = search._replace(known=search.known.union(found))
        return None

    async def candidates(self, search: Search, *, after: float = 0.0) -> Sequence[str]:
        """Ask a service what a reservation may have become."""
        await asyncio.sleep(after)
        try:
            return await self._wire.find(self._api, search)
        except ServiceError as error:
            if error.http in (400, 404, 405, 501):
                raise CannotSay from error
            raise self.says.refusal(error) from error
        except SHAPES as error:
            raise CannotSay from error

    async def identify(
        self, batch: Batch, handles: Sequence[str], ours: frozenset[str]
    ) -> str | None:
        """Return the one of some batches without a mark that is ours: its results bear our names.

        Somebody else's may go on for a day, or have results that nobody can read: those at their
        end are looked at first, and one that tells nothing does not hide the others.

        Raises
        ------
        CannotSay
            Lines of one are done and none can be read, and no other is ours.
        """
        unsure: CannotSay | None = None
        for handle in await self.ended_first(handles):
            try:
                if await self.is_ours(batch, handle, ours):
                    return handle
            except CannotSay as error:
                unsure = error
        if unsure is not None:
            raise unsure
        return None

    async def ended_first(self, handles: Sequence[str]) -> list[str]:
        """Return batches in the order in which they can be told, by one look at each."""
        if len(handles) < 2:
            return list(handles)
        going: dict[str, bool] = {}
        for handle in handles:
            try:
                phase = (await self.look(handle)).phase
            except ServiceError:
                phase = Phase.UNKNOWN
            going[handle] = phase in (Phase.WAITING, Phase.UNKNOWN)
        return sorted(handles, key=lambda handle: going[handle])

    async def is_ours(self, batch: Batch, handle: str, ours: frozenset[str]) -> bool:
        """Whether the results of a batch bear our names, once it is at its end.

        One that was cut without results has nothing that was paid for.

        Raises
        ------
        CannotSay
            Lines are done, and none can be read.
        """
        for _ in range(UNKNOWN):
            progress = await self.until_ended(batch, handle)
            if progress.phase is Phase.REFUSED:
                return False
            line = await self.first_line(batch, handle, progress)
            if line is not None:
                return line.request in ours
            if progress.phase is Phase.CUT or progress.done == 0:
                return False
            await self.sleep(self.poll)  # lines are done and none is there: not yet
        raise CannotSay

    async def first_line(self, batch: Batch, handle: str, progress: Progress) -> Line | None:
        """Return the first line of a batch's results that can be read."""
        async with aclosing(self.lines(batch, handle, progress)) as results:
            async for line in results:
                if line is not None:
                    return line
        return None

    async def until_ended(self, batch: Batch, handle: str) -> Progress:
        """Look at a batch until it is at its end.

        Raises
        ------
        EndpointError
            The service gives no answer for too long, or one that nobody knows.
        """
        seconds, silent_since, unknown = self.poll, time.monotonic(), 0
        strange_since: float | None = None
        while True:
            self.check_ended()
            wait: float | None = None
            try:
                progress = await self.look(handle)
            except ServiceError as error:
                unknown += error.gone
                if unknown > UNKNOWN:
                    raise CannotSay from error
                self.check_patience(batch, error, silent_since)
                wait = error.wait
            else:
                silent_since, unknown = time.monotonic(), 0
                self._note(batch, progress)
                if progress.phase is Phase.UNKNOWN:
                    strange_since = strange_since or silent_since
                    if silent_since - strange_since > self._patience:
                        raise EndpointError(self.says.strange(batch, handle, progress))
                elif progress.phase is Phase.WAITING:
                    strange_since = None
                else:
                    return progress
            await self.sleep(max(seconds, wait or 0.0))
            seconds = min(max(SLOWEST, self.poll), seconds * 1.25)

    async def look(self, handle: str) -> Progress:
        """Ask how far a batch is; what cannot be read may be readable at the next look.

        Raises
        ------
        ServiceError
        """
        try:
            return await self._wire.poll(self._api, handle)
        except SHAPES as error:
            said = failure(Status.MALFORMED, f"{type(error).__name__}: {error}")
            raise ServiceError(said, 200, acted=False) from error

    def check_patience(self, batch: Batch, error: ServiceError, silent_since: float) -> None:
        """Give up on a batch for now where looking on is of no use.

        Raises
        ------
        EndpointError
        """
        if error.gone:
            return
        hopeless = error.stops or not (error.passes or error.garbled)
        silent = time.monotonic() - silent_since
        if hopeless or max(silent, error.wait or 0.0) > self._patience:
            raise self.says.refusal(error, batch) from error

    async def lines(
        self, batch: Batch, handle: str, progress: Progress
    ) -> AsyncGenerator[Line | None, None]:
        """Yield the lines of a batch's results; from the first again where they break off.

        Raises
        ------
        CannotSay
            They are gone, or cannot be read.
        EndpointError
            The service gives no answer for too long.
        """
        since, most, gone = time.monotonic(), 0, 0
        for number in count(1):
            came = 0
            try:
                async for raw in self._wire.results(self._api, handle, progress):
                    came += 1
                    if came > most:
                        since, most = time.monotonic(), came
                    yield read_line(raw)
            except ServiceError as error:
                gone += error.gone
                garbled = error.garbled and time.monotonic() - since > self._patience
                if gone >= UNKNOWN or garbled:
                    raise CannotSay from error
                self.check_patience(batch, error, since)
                await self.sleep(
                    min(pause(number, error.wait), max(4 * self.poll, error.wait or 0))
                )
            else:
                return

    def check_ended(self) -> None:
        """Leave a batch to the next run where this one is ending.

        Raises
        ------
        Dropped
        """
        if self.ended or self._stop.is_set():
            raise Dropped

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check_ended()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(left, 0.5))
        self.check_ended()
