"""llama.cpp on the nodes of a Ray cluster: one server per actor, requests to whoever is free.

Requests that share their beginning go to the same actor while it has room, so that what it has read
is in its cache. An actor that dies is started again by Ray, on another node if need be, and what it
was asked is asked again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.local import LOCAL_SLOTS
from ethogram.engine.ray.cluster import Cluster
from ethogram.engine.requests import Request, Status, failure
from ethogram.engine.settings import RayTable
from ethogram.engine.transport import Response
from ethogram.errors import EndpointError

RECENT = 2 * LOCAL_SLOTS  # beginnings that an actor is remembered by
SHARED = 0.5  # of a request's text; less is not worth waiting for
AGAIN = 5  # actors that may die over one request
STARTING = 600.0  # seconds that an actor has to load its weights
NOBODY = 300.0  # seconds for which no actor may be alive


class LlamaServer:
    """One llama.cpp server within an actor's process; its methods are called by Ray."""

    def __init__(self, model: str, threads: int) -> None:
        import aiohttp

        import ray
        from ethogram.engine.local import LOCAL_SLOTS, local_file, start_server

        self._server = start_server(model, local_file(model), threads)
        self._url = f"{self._server.listening_address.rstrip('/')}/v1"
        self._session: Any = None
        self._make = aiohttp.ClientSession
        self._room = asyncio.Semaphore(LOCAL_SLOTS)
        context = ray.get_runtime_context()
        self._node = f"{ray.util.get_node_ip_address()}/{context.get_node_id()[:8]}"

    async def where(self) -> str:
        """Return the node's address and the beginning of its id."""
        return self._node

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes, str]:
        """Answer a request; returns the status, the body and the node."""
        if self._session is None:
            self._session = self._make()
        headers = {"Content-Type": "application/json"}
        async with (
            self._room,
            self._session.post(f"{self._url}/{path}", data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.read(), self._node


@dataclass(eq=False)
class _Worker:
    """An actor: how much it does, and what it has read lately."""

    actor: Any
    busy: int = 0
    ready: bool = False
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))


class LlamaPool:
    """The actors of one model.

    Parameters
    ----------
    cluster : Cluster
    model : str
        As in the study file: local/NAME, or local/FILE by a path that every node has.
    table : RayTable
    """

    def __init__(self, cluster: Cluster, model: str, table: RayTable) -> None:
        self._ray = cluster.ray
        self._model = model
        remote = self._ray.remote(LlamaServer)
        options = {
            "num_cpus": table.cpus,
            "max_restarts": -1,
            "max_concurrency": 4 * LOCAL_SLOTS,
            "scheduling_strategy": "SPREAD",
        }
        threads = max(1, int(table.cpus))
        self._workers = [
            _Worker(remote.options(**options).remote(model, threads)) for _ in range(table.replicas)
        ]
        self._free = asyncio.Condition()
        self._returning: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Wait until an actor has its weights; the others may come later, or not at all.

        Raises
        ------
        EndpointError
            None has.
        """
        waits = {asyncio.ensure_future(self._begin(worker)) for worker in self._workers}
        failed: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.timeout(STARTING):
                while waits:
                    done, waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                    failed |= {task for task in done if task.exception() is not None}
                    if done - failed:
                        for task in waits:
                            self._let_come(task)
                        return
                await failed.pop()
        except TimeoutError:
            raise EndpointError(
                f"{self._model}: no actor of the Ray cluster has loaded it within "
                f"{STARTING:.0f} s: does a node have it, and as many CPUs as [ray] asks for?"
            ) from None

    async def _begin(self, worker: _Worker) -> None:
        """Wait for one actor."""
        try:
            await worker.actor.where.remote()
        except self._ray.exceptions.RayError as error:
            raise EndpointError(f"{self._model}: {_first_cause(error)}") from error
        worker.ready = True
        async with self._free:
            self._free.notify_all()

    async def ask(self, request: Request, *, seconds: float) -> Response:
        """Ask an actor, and another where it dies.

        `seconds` is what one may take to answer: it does not count the wait for one that is free,
        which on a busy cluster may be longer than any answer takes.
        """
        text = orjson.dumps(request.messages).decode()
        for _ in range(AGAIN):
            worker = await self._take(text)
            answer = worker.actor.ask.remote(request.path, request.body())
            try:
                async with asyncio.timeout(seconds):
                    http, body, node = await answer
            except TimeoutError:
                self._ray.cancel(answer)  # else it would take the place of the next
                reason = f"no answer within {seconds:g} s"
                return Response(failure=failure(Status.TIMEOUT, reason))
            except self._ray.exceptions.RayTaskError as error:
                return Response(failure=failure(Status.TRANSPORT, _first_cause(error)), sent=False)
            except self._ray.exceptions.RayError:  # its actor, process, node or memory is gone
                worker.recent.clear()
                worker.ready = False
                self._let_come(asyncio.create_task(self._return(worker)))
                continue
            finally:
                worker.busy -= 1
                async with self._free:
                    self._free.notify()
            return Response(http, with_node(body, node))
        return Response(
            failure=failure(Status.TRANSPORT, f"{AGAIN} actors died over this request"), sent=False
        )

    def _let_come(self, task: asyncio.Task[None]) -> None:
        """Wait for an actor beside all else; whether it comes is seen when it is asked."""
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    async def _return(self, worker: _Worker) -> None:
        """Wait for an actor that Ray starts again."""
        for _ in range(AGAIN):
            try:
                await self._begin(worker)
            except EndpointError:
                await asyncio.sleep(1.0)
            else:
                return

    async def _take(self, text: str) -> _Worker:
        """Return the actor to ask: the one that has read most of this, else the least busy.

        Raises
        ------
        EndpointError
            None is alive.
        """
        async with self._free:
            try:
                async with asyncio.timeout(NOBODY if not self._any() else None):
                    await self._free.wait_for(self._has_room)
            except TimeoutError:
                raise EndpointError(
                    f"{self._model}: no actor of the Ray cluster is alive; run again to resume"
                ) from None
            able = [w for w in self._workers if w.ready and w.busy < LOCAL_SLOTS]
            worker = max(able, key=lambda w: (_shared(text, w.recent), -w.busy))
            if not _shared(text, worker.recent):
                worker = min(able, key=lambda w: w.busy)
            worker.busy += 1
            worker.recent.append(text)
            return worker

    def _any(self) -> bool:
        return any(worker.ready for worker in self._workers)

    def _has_room(self) -> bool:
        return any(w.ready and w.busy < LOCAL_SLOTS for w in self._workers)

    def close(self) -> None:
        """End the actors."""
        for worker in self._workers:
            self._ray.kill(worker.actor)


def _shared(text: str, recent: deque[str]) -> float:
    """Return the share of a text that was read lately, from its beginning; 0 below `SHARED`."""
    longest = max((_common(text, one) for one in recent), default=0)
    share = longest / len(text)
    return share if share >= SHARED else 0.0


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike; by halves, as both are long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def with_node(body: bytes, node: str) -> bytes:
    """Return an answer that says which node gave it, as services say their provider."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(data, dict):
        return body
    return orjson.dumps({**data, "provider": f"ray {node}"})


def _first_cause(error: Exception) -> str:
    """Return the last line of what an actor said, which is the error itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((x for x in reversed(lines) if "Error" in x), lines[-1] if lines else "died")[:300]


class LlamaTransport:
    """Sends one endpoint's requests to a pool."""

    at_once = False

    def __init__(self, endpoint: Endpoint, pool: LlamaPool) -> None:
        self._endpoint = endpoint
        self._pool = pool
        self._seconds = endpoint.table.timeout

    async def send(self, request: Request) -> Response:
        """Send a request; whatever happens comes back as a response."""
        return await self._pool.ask(request, seconds=self._seconds)

    def expect_no_more(self) -> None:
        """Do nothing: each request goes out as it comes."""

    def shut(self) -> None:
        """Do nothing: calls under way get some time to finish."""
