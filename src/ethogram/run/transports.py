"""Which transport each model and judge of a run is asked over, and the batches that they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

import aiohttp

from ethogram.engine.batch.api import Api, ServiceError
from ethogram.engine.batch.book import FILES, Batch
from ethogram.engine.batch.desk import Desk
from ethogram.engine.batch.services import BatchService, batch_service
from ethogram.engine.batch.transport import BatchTransport
from ethogram.engine.caller import Ledger
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.http import make_session
from ethogram.engine.inspect_models import SERVICE, check_inspect
from ethogram.engine.live import live_transport
from ethogram.engine.requests import Request, request_id
from ethogram.engine.transport import LeftPending, Response, Transport
from ethogram.errors import EndpointError, EthogramError, Problems
from ethogram.run.ray_pools import RayPools, check_clusters
from ethogram.store.batches import BatchBook
from ethogram.store.store import Store
from ethogram.store.writer import Writer

Key = tuple[str, str]
Tell = Callable[[Key, int, str], None]


class TransportSet(Protocol):
    """Where the transports of a run come from.

    Attributes
    ----------
    calls : bool
        Whether models and judges are called, so that keys and servers are needed.
    """

    calls: bool

    def open(self, endpoints: Mapping[Key, Endpoint], ledger: Ledger) -> None:
        """Take up what earlier runs left, and charge what it may cost yet."""
        ...

    async def make(
        self, key: Key, endpoint: Endpoint, session: aiohttp.ClientSession, writer: Writer
    ) -> Transport:
        """Return what a model's or judge's requests are sent over."""
        ...

    def start(self, transport: Transport, keep: Callable[[str, Response], None]) -> None:
        """Let a transport begin; `keep` is given the answers that nobody waits for."""
        ...

    async def close(self) -> None:
        """End what is under way."""
        ...

    def close_book(self) -> None:
        """Note what is collected, now that all of it is on the disk."""
        ...

    def left(self) -> EthogramError | None:
        """Return what to tell of what this run could not go on with."""
        ...


class Transports:
    """The transports of one run that calls services.

    Parameters
    ----------
    store : Store
        Where batches are kept.
    stop : asyncio.Event
        Set when the run is to end.
    patience : float
        Seconds for which a service may give no answer.
    tell : callable
        Told how far each batch of a stage and name is.
    """

    calls = True

    def __init__(self, store: Store, stop: asyncio.Event, *, patience: float, tell: Tell) -> None:
        self._desk = Desk(BatchBook(store.path))
        self._stop = stop
        self._patience = patience
        self._tell = tell
        self._batch: list[BatchTransport] = []
        self._owners: set[str] = set()
        self._ray = RayPools()

    def open(self, endpoints: Mapping[Key, Endpoint], ledger: Ledger) -> None:
        """Take up the batches that earlier runs left open, and charge what they may cost yet."""
        self._owners, self._ledger = {owner(key) for key in endpoints}, ledger
        batched = {
            owner(key): one.service for key, one in endpoints.items() if one.table.engine == "batch"
        }
        self._desk.read_book(batched)
        left = [*self._desk.resting, *self._desk.held.values()]
        ledger.spent += sum(batch.worst * (1 - batch.answered / batch.lines) for batch in left)

    async def make(
        self, key: Key, endpoint: Endpoint, session: aiohttp.ClientSession, writer: Writer
    ) -> Transport:
        """Return what a model's or judge's requests are sent over.

        Raises
        ------
        EndpointError
            Its service has no batches.
        """
        if endpoint.table.engine == "ray":
            on_ray = await self._ray.make(endpoint)
            return BesideBatches(on_ray, self._desk) if self._desk.has_open else on_ray
        if endpoint.table.engine == "live":
            live = live_transport(endpoint, session)
            return BesideBatches(live, self._desk) if self._desk.has_open else live
        service = service_of_batches(endpoint)
        headers = service.wire.headers(endpoint)
        api = Api(endpoint, session, headers, service.wire.base_url(endpoint))
        return BatchTransport(
            endpoint,
            service,
            api,
            self._desk,
            owner=owner(key),
            stop=self._stop,
            patience=self._patience,
            is_behind=writer.is_behind,
            tell=partial(self._tell, key),
            ledger=self._ledger,
        )

    def start(self, transport: Transport, keep: Callable[[str, Response], None]) -> None:
        """Let a transport begin; `keep` is given the answers that nobody waits for."""
        if isinstance(transport, BatchTransport):
            transport.unasked = keep
            transport.start()
            self._batch.append(transport)

    async def close(self) -> None:
        """End what is under way."""
        await asyncio.gather(*(transport.close() for transport in self._batch))
        await self._ray.close()

    def close_book(self) -> None:
        """Note which batches are collected, now that all their lines are on the disk."""
        self._desk.close_book()

    def left(self) -> EthogramError | None:
        """Return what to tell of batches that this run could not go on with."""
        resting = [
            batch
            for batch in self._desk.resting
            if batch.owner in self._owners or batch.id in self._desk.met
        ]
        said = [*map(say_held, self._desk.held.values()), *map(say_open, resting)]
        return EndpointError("\n".join(said)) if said else None


class BesideBatches:
    """Another transport beside batches that are open: what is in one is not asked again."""

    def __init__(self, live: Transport, desk: Desk) -> None:
        self.at_once = live.at_once
        self._live = live
        self._desk = desk

    async def send(self, request: Request) -> Response:
        """Send a request, unless it is in a batch."""
        if self._desk.is_left(request_id(request.canonical())):
            raise LeftPending
        return await self._live.send(request)

    def expect_no_more(self) -> None:
        """Pass it on."""
        self._live.expect_no_more()

    def shut(self) -> None:
        """Pass it on."""
        self._live.shut()


async def cancel(endpoint: Endpoint, handle: str) -> None:
    """Ask a service to end a batch.

    Raises
    ------
    EndpointError
        It has no batches, or it did not take it.
    """
    service = service_of_batches(endpoint)
    async with make_session() as session:
        headers = service.wire.headers(endpoint)
        api = Api(endpoint, session, headers, service.wire.base_url(endpoint))
        try:
            await service.wire.cancel(api, handle)
        except ServiceError as error:
            raise EndpointError(f"{endpoint.name}: {handle} was not cancelled ({error})") from error


def owner(key: Key) -> str:
    """Return the name under which a stage's batches of a model or judge are kept."""
    return "/".join(key)


def check_engines(endpoints: Iterable[Endpoint]) -> None:
    """Refuse, before anything is started or asked, what its engine cannot do.

    That is: no batches at its service, no Ray here, two Ray clusters in one run, no such model
    of Inspect's.

    Raises
    ------
    EndpointError
    """
    problems, clusters = Problems(), dict[str, None]()
    for endpoint in endpoints:
        if endpoint.table.engine == "ray":
            clusters[endpoint.table.on_ray.address] = None
        if endpoint.table.service == SERVICE and endpoint.table.engine == "live":
            with problems.gather():
                check_inspect(endpoint.name, endpoint.table)
        if endpoint.table.engine == "batch":
            with problems.gather():
                wire = service_of_batches(endpoint).wire
                wire.headers(endpoint)
                wire.line("", _like_its_own(endpoint))
    with problems.gather():
        check_clusters([*clusters])
    problems.raise_any(EndpointError)


def _like_its_own(endpoint: Endpoint) -> Request:
    """Return a request as an endpoint's own will be: its path and parameters."""
    verdict = getattr(endpoint.table, "verdict", "")
    return endpoint.request(
        ({"role": "user", "content": ""},),
        extra={"logprobs": True} if verdict == "logprobs" else None,
        path="completions" if verdict == "completion" else "chat/completions",
    )


def service_of_batches(endpoint: Endpoint) -> BatchService:
    """Return the batches of an endpoint's service.

    Raises
    ------
    EndpointError
        It has none.
    """
    service = batch_service(endpoint.table.service)
    if service is None or endpoint.table.model.startswith("local/"):
        raise EndpointError(no_batches(endpoint))
    return service


def no_batches(endpoint: Endpoint) -> str:
    """Say that a service has no batches."""
    local = endpoint.table.model.startswith("local/")
    name = endpoint.table.model if local else endpoint.table.service
    return (
        f'{endpoint.name}: engine = "batch", but {name} has no batches that are known; use '
        'engine = "live", or write files for another program with `ethogram batch write`'
    )


def say_open(batch: Batch) -> str:
    """Say that lines are in a batch, although they would now be asked live."""
    left = batch.lines - batch.answered
    if batch.path == FILES:
        return (
            f"batch {batch.id} of {batch.owner} was written to {batch.handle} ({left:,} lines "
            f"without an answer): `ethogram batch read` takes the answers; --resubmit {batch.id} "
            "asks them here. They stay pending till then"
        )
    return (
        f"batch {batch.id} of {batch.owner} is open at {batch.service} ({left:,} lines, "
        f'{batch.said or "no word yet"}): run this model or judge with engine = "batch" there to '
        "collect it, or end it with `ethogram batch cancel`; its lines stay pending till then"
    )


def say_held(batch: Batch) -> str:
    """Say what to do about a batch of which nobody knows whether it was run."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.created))
    sign = batch.handle or batch.fingerprint
    left = batch.lines - batch.answered
    return (
        f"batch {batch.id} of {batch.owner} ({left:,} lines, {when}) may have been run and paid "
        f"for, and {batch.service} cannot say: look for {sign} in its console; if it is not "
        f"there, run again with --resubmit {batch.id}. Its lines stay pending till then"
    )
