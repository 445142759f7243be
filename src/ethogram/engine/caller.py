"""The caller: a request in, its attempts out, over any transport.

One `Caller` per endpoint. It asks again only for what can pass later, keeps every attempt, and
honours rate limits and the spending limit. Knows nothing of HTTP, of the store (it sees a
`Records`) or of protocols: what a text means is the business of the `read` function that comes
with each request.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.limiter import Limiter
from ethogram.engine.prices import cost_of
from ethogram.engine.requests import (
    FATAL,
    USABLE,
    Attempt,
    Earlier,
    Read,
    Reading,
    Request,
    Status,
    Usage,
    failure,
    read_response,
    request_id,
)
from ethogram.engine.transport import Response, Transport
from ethogram.errors import EndpointError, SpendLimitReached

MAX_PAUSE = 600.0  # seconds that a Retry-After may hold an endpoint
MAX_WAIT = 60.0  # seconds between two attempts of one request
MAX_FRUITLESS = 20  # so many failed calls and never an answer: the endpoint itself is wrong
MAX_SILENCE = 15.0  # seconds of nothing but failed calls after which a service counts as down
FRUITLESS = frozenset(
    {
        Status.TRANSPORT,
        Status.TIMEOUT,
        Status.MALFORMED,
        Status.SERVER_ERROR,
        Status.INVALID_REQUEST,
    }
)
BEHIND_SECONDS = 0.02  # between two looks at whether the disk has caught up
RECENT = 4096  # answers kept at hand for requests of equal content: more than wait for the disk


class Records(Protocol):
    """Where attempts are kept: all that a caller sees of a store."""

    def earlier(self, request: str) -> Earlier | None:
        """Return what is kept of a request, by its hash; None where it was never asked."""
        ...

    def put_attempt(self, canonical: bytes, attempt: Attempt, *, cost: float | None) -> int:
        """Keep an attempt; returns its id."""
        ...

    def is_behind(self) -> bool:
        """Whether so much waits to be kept that no more should be asked for."""
        ...


class Outcome(NamedTuple):
    """How a request ended: the last attempt's reading and its id in the store."""

    reading: Reading
    attempt: int | None


@dataclass
class SharedAnswers:
    """A run's answers by request, shared by its callers: equal requests are asked once."""

    asking: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)
    recent: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)

    def keep(self, name: str, outcome: Outcome) -> None:
        """Keep an answer at hand until `RECENT` newer ones are there: it may not be stored yet."""
        self.recent[name] = outcome
        if len(self.recent) > RECENT:
            self.recent.popitem(last=False)


@dataclass
class Ledger:
    """What a run has spent, and what calls in flight may still cost."""

    limit: float | None
    spent: float = 0.0
    reserved: float = 0.0
    unknown: int = 0
    in_flight: int = 0
    reached: bool = False
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    async def reserve(self, amount: float) -> None:
        """Set money aside for a call, waiting for calls in flight where it might not be enough.

        Raises
        ------
        SpendLimitReached
            The call could pass the limit, and nothing in flight can change that.
        """
        while self.limit is not None and (
            self.reached or self.spent + self.reserved + amount > self.limit
        ):
            if self.reached or self.in_flight == 0:
                self.reached = True  # a smaller call would be under way when this one ends the run
                raise SpendLimitReached(
                    f"stopped before the spending limit: ${self.spent:.4f} spent, "
                    f"${self.limit:.2f} allowed, and the next call may cost ${amount:.4f}; "
                    "raise spend_limit and run again to resume"
                )
            self._settled.clear()
            await self._settled.wait()
        self.in_flight += 1
        self.reserved += amount

    def settle(self, amount: float, cost: float | None) -> None:
        """Replace what was set aside by what the call cost, if anyone knows."""
        self.in_flight -= 1
        # Sums of floats leave a remainder, which must not look like a call in flight.
        self.reserved = self.reserved - amount if self.in_flight else 0.0
        if cost is None:
            self.unknown += 1
            self.spent += amount  # an unpriced call is charged at its worst case
        else:
            self.spent += cost
        self._settled.set()


@dataclass
class Meter:
    """What a stage has done so far, for the progress display."""

    done: int = 0
    lost: int = 0
    reused: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    unknown_cost: int = 0
    waits: int = 0

    def count(self, reading: Reading, cost: float | None) -> None:
        """Count one call."""
        self.calls += 1
        self.tokens += reading.usage.completion_tokens or 0
        self.cost += cost or 0.0
        self.unknown_cost += cost is None


class Dropped(Exception):
    """The run is stopping: a request that was not answered yet is left for the next run."""


class Caller:
    """Calls one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        records: Records,
        *,
        ledger: Ledger,
        meter: Meter,
        answers: SharedAnswers,
        stop: asyncio.Event,
        attempts: int,
        unparsed_attempts: int,
    ) -> None:
        table = endpoint.table
        self.endpoint = endpoint
        self.meter = meter
        self.limiter = Limiter(
            table.concurrency,
            requests_per_minute=table.requests_per_minute,
            tokens_per_minute=table.tokens_per_minute,
        )
        self._transport = transport
        self._records = records
        self._ledger = ledger
        self._limits = {Status.UNPARSED: min(unparsed_attempts, attempts)}
        self._attempts = attempts
        self._unsaid = cost_of(Usage(), endpoint.price)  # of a call whose cost was not reported
        self._fruitless = 0
        self._answered: float | None = None
        self._answers = answers
        self._stop = stop

    async def ask(self, request: Request, read: Read) -> Outcome:
        """Return the answer to a request, from the store if it is there, else by calling.

        Raises
        ------
        EndpointError
            The key, the address or the model name is wrong: no further call can succeed.
        SpendLimitReached
        Dropped
            The run is stopping; the request is left for the next one.
        """
        canonical = request.canonical()
        name = request_id(canonical)
        asking = self._answers.asking
        if name in asking:
            return await asyncio.shield(asking[name])
        known = self._answers.recent.get(name)
        earlier = None if known else self._records.earlier(name)
        if (known := known or _kept(earlier, read)) is not None:
            self.meter.reused += 1
            return known
        made = earlier.attempts if earlier else 0
        answer = asyncio.get_running_loop().create_future()
        asking[name] = answer
        try:
            outcome = await self._ask_again(request, canonical, name, made, read)
            answer.set_result(outcome)
        except BaseException:
            answer.cancel()
            raise
        finally:
            del asking[name]
        self._answers.keep(name, outcome)
        return outcome

    async def _ask_again(
        self, request: Request, canonical: bytes, name: str, number: int, read: Read
    ) -> Outcome:
        """Try until it is answered, cannot be, or was tried often enough, `number` times so far."""
        while True:
            number += 1
            reading, kept = await self._attempt(request, canonical, name, number, read)
            if reading.status in FATAL or self._is_down(reading):
                raise EndpointError(self._explain(reading))
            limit = self._limits.get(reading.status, self._attempts)
            if not reading.retry or number >= limit:
                return Outcome(reading, kept)
            if reading.status is not Status.UNPARSED:
                self.meter.waits += 1
                await self._sleep(self._wait(number))

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the run is stopping or stops meanwhile."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise Dropped

    def _is_down(self, reading: Reading) -> bool:
        """Whether the endpoint has stopped answering, or never did.

        Going on would lose trial after trial to one and the same cause.
        """
        if reading.status not in FRUITLESS:
            self._fruitless, self._answered = 0, time.monotonic()
            return False
        self._fruitless += 1
        if self._answered is None:
            return self._fruitless >= MAX_FRUITLESS
        silent = time.monotonic() - self._answered
        return self._fruitless >= 2 * self.endpoint.table.concurrency and silent > MAX_SILENCE

    async def _attempt(
        self, request: Request, canonical: bytes, name: str, number: int, read: Read
    ) -> tuple[Reading, int]:
        """Make one call, and keep it."""
        while self._records.is_behind():
            await asyncio.sleep(BEHIND_SECONDS)
        tokens = len(canonical) // 4 + self.endpoint.table.max_tokens
        reserve = self.endpoint.worst_cost(len(canonical))
        await self._ledger.reserve(reserve)
        cost: float | None = 0.0
        try:
            admitted = await self.limiter.enter(tokens)
            cost = self._unsaid  # it is as good as sent
            try:
                started, clock = time.time(), time.perf_counter()
                response = await self._transport.send(request)
                seconds = time.perf_counter() - clock
            finally:
                self.limiter.leave()
            reading = _read(response, read)
            cost = self._cost(response, reading)
        finally:
            self._ledger.settle(reserve, cost)
        self._steer(reading, admitted, _retry_after(response.headers.get("Retry-After")), number)
        self.meter.count(reading, cost)
        attempt = Attempt(name, number, reading, response.http, response.body, started, seconds)
        return reading, self._records.put_attempt(canonical, attempt, cost=cost)

    def _cost(self, response: Response, reading: Reading) -> float | None:
        """US dollars of a call; an error costs nothing, a call that broke off may have."""
        if response.http == 200 or (response.http is None and response.sent):
            return cost_of(reading.usage, self.endpoint.price)
        return 0.0

    def _steer(
        self, reading: Reading, admitted: float, retry_after: float | None, number: int
    ) -> None:
        """Tell the limiter how it went."""
        if reading.status is Status.RATE_LIMITED or retry_after is not None:
            pause = self._wait(number) if retry_after is None else min(retry_after, MAX_PAUSE)
            self.limiter.rate_limited(admitted, pause)
        elif reading.status in USABLE:
            self.limiter.succeeded()

    def _wait(self, number: int) -> float:
        """Seconds before the next attempt: exponential, with full jitter from the upper half."""
        top = min(MAX_WAIT, self.endpoint.table.backoff * 2 ** (number - 1))
        return float(top * random.uniform(0.5, 1.0))  # spreads load, decides nothing

    def _explain(self, reading: Reading) -> str:
        """Say what is wrong with an endpoint, naming the key and never its value."""
        endpoint = self.endpoint
        if reading.status is Status.UNAUTHORIZED:
            what = f"the key in {endpoint.key_name}" if endpoint.key_name else "the call"
            advice = "check the key and its credit, then run again"
            return f"{endpoint.name}: {what} was not accepted ({reading.reason}); {advice}"
        if reading.status is not Status.NOT_FOUND:
            return (
                f"{endpoint.name}: {self._fruitless} calls in a row to {endpoint.base_url} failed "
                f"({reading.status}: {reading.reason}); fix what the reason names, then run again"
            )
        return (
            f"{endpoint.name}: no model {endpoint.table.model!r} at {endpoint.base_url} "
            f"({reading.reason}); fix model, service or base_url, then run again"
        )


def _kept(earlier: Earlier | None, read: Read) -> Outcome | None:
    """Return the usable answer that the store has, read again, if it is usable still."""
    if earlier is None or earlier.answer is None:
        return None
    attempt, http, body = earlier.answer
    reading = read(read_response(http, body))
    return Outcome(reading, attempt) if reading.status in USABLE else None


def _read(response: Response, read: Read) -> Reading:
    """Read a response: its class first, then, where it is usable, what the protocol makes of it."""
    if response.failure is not None or response.http is None or response.body is None:
        return response.failure or failure(Status.MALFORMED, "no body")
    raw = read_response(response.http, response.body)
    return read(raw) if raw.status in USABLE else raw


def _retry_after(value: str | None) -> float | None:
    """Read a Retry-After header: seconds, or an HTTP date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
