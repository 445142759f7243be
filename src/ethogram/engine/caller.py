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
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.health import Doubt, Health, LineHealth
from ethogram.engine.limiter import Dropped, Limiter
from ethogram.engine.mends import answer_mend
from ethogram.engine.prices import cost_of
from ethogram.engine.reading import read_response
from ethogram.engine.requests import (
    OUT_OF_ORDER,
    SERVED,
    UNTRIED,
    USABLE,
    Attempt,
    Earlier,
    Read,
    Reading,
    Request,
    Status,
    Usage,
    failure,
    read_as_it_is,
    request_id,
)
from ethogram.engine.transport import LeftPending, Response, Transport
from ethogram.engine.waits import stated_wait
from ethogram.errors import EndpointError, SpendLimitReached

MAX_WAIT = 60.0  # seconds between two attempts of one request
DECADE = 315_360_000.0  # seconds; no service asks for a longer wait in earnest
PROBE = "Say hello."
OWN_PROBES = 3  # calls of an outage's own requests, before a probe takes their place
PATIENCE = 900.0  # seconds that an endpoint may go without an answer
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
    doubt: Doubt | None = None  # a failure that may be the endpoint's; see `Health`


class _KeptMeanwhile(Exception):
    """While a request waited for its turn, an answer to it came that nobody waited for."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class SharedAnswers:
    """A run's answers by request, shared by its callers: equal requests are asked once."""

    asking: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)
    recent: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    kept: dict[str, int] = field(default_factory=dict)
    """By request, the number of its latest attempt that nobody waited for."""

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

    def take(self, amount: float) -> None:
        """Set money aside for what was sent before, whatever the limit."""
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
    waits_until: float = 0.0  # seconds since 1970
    waits_for: str = ""
    batches: dict[int, str] = field(default_factory=dict)  # open ones, and how far they are

    def wait(self, seconds: float, reason: str) -> None:
        """Note until when the endpoint is left alone, and why."""
        self.waits += 1
        if (until := time.time() + seconds) > self.waits_until:
            self.waits_until, self.waits_for = until, reason

    def count(self, reading: Reading, cost: float | None) -> None:
        """Count one call."""
        self.calls += 1
        self.tokens += reading.usage.completion_tokens or 0
        self.cost += cost or 0.0
        self.unknown_cost += cost is None


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
        patience: float = PATIENCE,
        brake: bool = True,
    ) -> None:
        table = endpoint.table
        self.endpoint = endpoint
        self.meter = meter
        at_once = transport.at_once  # no limits then: what goes out is not a call per request
        self.limiter = Limiter(
            table.in_flight,
            requests_per_minute=None if at_once else table.requests_per_minute,
            tokens_per_minute=None if at_once else table.tokens_per_minute,
        )
        self._transport = transport
        self._records = records
        self._ledger = ledger
        self._limits = {Status.UNPARSED: min(unparsed_attempts, attempts)}
        self._attempts = attempts
        self._unsaid = cost_of(Usage(), endpoint.price)  # of a call of unknown cost
        kind = LineHealth if at_once else Health
        self.health = kind(patience, table.in_flight, brake)
        self._answers = answers
        self._stop = stop
        self._probing = asyncio.Lock()
        self._held_until = 0.0
        self._form: Request | None = None  # how this endpoint is asked

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
        if (known := known or self._kept(earlier, read)) is not None:
            self.meter.reused += 1
            return known
        answer = asyncio.get_running_loop().create_future()
        asking[name], self._form = answer, request
        try:
            outcome = await self._ask_or_find(request, canonical, name, earlier, read)
            answer.set_result(outcome)
        except LeftPending as left:
            answer.set_exception(left)
            answer.exception()  # it may be that nobody else waits
            raise
        except BaseException:
            answer.cancel()
            raise
        finally:
            del asking[name]
        if outcome.doubt is None:
            self._answers.keep(name, outcome)
        return outcome

    async def _ask_or_find(
        self, request: Request, canonical: bytes, name: str, earlier: Earlier | None, read: Read
    ) -> Outcome:
        """Ask, unless an answer is kept before it is this request's turn."""
        while True:
            try:
                return await self._ask_again(request, canonical, name, earlier, read)
            except _KeptMeanwhile as kept:
                while (earlier := self._records.earlier(name)) is None or (
                    earlier.attempts < kept.number
                ):
                    self._records.is_behind()  # raises where the disk has failed
                    await asyncio.sleep(BEHIND_SECONDS)
                if (known := self._kept(earlier, read)) is not None:
                    self.meter.reused += 1
                    return known

    async def _ask_again(
        self,
        request: Request,
        canonical: bytes,
        name: str,
        earlier: Earlier | None,
        read: Read,
        *,
        probing: bool = False,
    ) -> Outcome:
        """Try until it is answered, cannot be, or was tried often enough.

        Only what may be the request's own fault counts as tried: no rate limit does, and no
        failure during an outage.
        """
        number, tried = (earlier.attempts, earlier.answered) if earlier else (0, 0)
        health, waits, first = self.health, 0, 0.0
        while True:
            number += 1
            waits += 1
            reading, kept, served = await self._attempt(
                request, canonical, name, number, read, waits
            )
            if reading.status in USABLE:
                return Outcome(reading, kept)
            if health.must_stop(reading):
                raise EndpointError(self.explain(reading))
            if health.must_brake():
                raise EndpointError(self._explain_brake(reading))
            if reading.status in UNTRIED:
                continue  # the limiter, or the next batch, holds it back
            if reading.status in OUT_OF_ORDER and health.is_down():
                self._hold(reading)
                if health.probes > OWN_PROBES and not probing:
                    await self._recovered()
                continue
            tried += 1
            first = first or time.monotonic()
            if probing and served and reading.status in SERVED:
                return Outcome(reading, kept)  # not usable, and yet it works
            if not reading.retry or tried >= self._limits.get(reading.status, self._attempts):
                alone = tried > 1 and not probing and health.is_silent_since(first)
                if alone and reading.status in OUT_OF_ORDER:
                    health.suppose_down()
                    await self._recovered()
                sure = served and reading.own
                return Outcome(reading, kept, None if sure else Doubt(first, time.monotonic()))
            if reading.status is not Status.UNPARSED and not self._transport.at_once:
                self.meter.waits += 1
                await self._sleep(self._wait(tried))

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the run is stopping or stops meanwhile."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise Dropped

    def _hold(self, reading: Reading) -> None:
        """Leave an endpoint that is down alone for a while, once for all calls under way."""
        now = time.monotonic()
        if now < self._held_until:
            return
        self.health.probes += 1
        left = max(0.01, self.health.patience - self.health.silent())
        seconds = min(self._wait(self.health.probes), left)
        self._held_until = now + seconds
        self.limiter.rate_limited(now, seconds)
        self.meter.wait(seconds, f"{reading.status}: {reading.reason}")

    async def _attempt(
        self, request: Request, canonical: bytes, name: str, number: int, read: Read, waits: int
    ) -> tuple[Reading, int, bool]:
        """Make one call, the `waits`th of this run, and keep it; whether it came as HTTP 200."""
        while self._records.is_behind():
            await asyncio.sleep(BEHIND_SECONDS)
        tokens = len(canonical) // 4 + self.endpoint.table.max_tokens
        reserve = self.endpoint.worst_cost(len(canonical))
        await self._ledger.reserve(reserve)
        cost: float | None = 0.0
        try:
            admitted = await self.limiter.enter(tokens)
            if self._answers.kept.get(name, 0) >= number:
                raise _KeptMeanwhile(self._answers.kept[name])
            cost = self._unsaid  # it is as good as sent
            try:
                started, clock = time.time(), time.perf_counter()
                response = await self._transport.send(request)
                seconds = time.perf_counter() - clock
            except LeftPending:
                cost = 0.0
                raise
            finally:
                self.limiter.leave()
            reading = self._read(response, read)
            cost = self._cost(response, reading)
        finally:
            self._ledger.settle(reserve, cost)
        served = response.http == 200
        self.health.note(name, reading.status, admitted, served=served, declined=reading.declined)
        self.meter.count(reading, cost)
        attempt = Attempt(
            name, number, reading, response.http, response.body, started, seconds, response.batch
        )
        kept = self._records.put_attempt(canonical, attempt, cost=cost)
        if not self._transport.at_once:
            self._steer(reading, response, admitted, waits)
        return reading, kept, served

    def keep(self, name: str, response: Response) -> None:
        """Keep an answer that nobody waits for: it is paid for, and may be asked for yet."""
        earlier = self._records.earlier(name)
        before = max(earlier.attempts if earlier else 0, self._answers.kept.get(name, 0))
        number = self._answers.kept[name] = before + 1
        reading = self._read(response, read_as_it_is)
        attempt = Attempt(
            name, number, reading, response.http, response.body, time.time(), 0.0, response.batch
        )
        cost = self._cost(response, reading)
        self._ledger.spent += self.endpoint.worst_cost(0) if cost is None else cost
        self._ledger.unknown += cost is None
        self.meter.count(reading, cost)
        self._records.put_attempt(b"", attempt, cost=cost)

    def _kept(self, earlier: Earlier | None, read: Read) -> Outcome | None:
        """Return the usable answer that the store has, read again, if it is usable still."""
        if earlier is None or earlier.answer is None:
            return None
        attempt, http, body = earlier.answer
        reading = read(read_response(http, body, self.endpoint.table.spellings))
        return Outcome(reading, attempt) if reading.status in USABLE else None

    def _read(self, response: Response, read: Read) -> Reading:
        """Read a response: its class first, then what the protocol makes of a usable one."""
        if response.failure is not None or response.http is None or response.body is None:
            return response.failure or failure(Status.MALFORMED, "no body")
        where = ""
        if 300 <= response.http < 400:
            where = self.endpoint.hide(response.headers.get("Location", ""))
        spellings = self.endpoint.table.spellings
        raw = read_response(response.http, response.body, spellings, location=where)
        return read(raw) if raw.status in USABLE else raw

    def _cost(self, response: Response, reading: Reading) -> float | None:
        """US dollars of a call; an error costs nothing, a call that broke off may have."""
        if response.http == 200 or (response.http is None and response.sent):
            return cost_of(reading.usage, self.endpoint.price)
        return 0.0

    def _steer(self, reading: Reading, response: Response, admitted: float, waits: int) -> None:
        """Tell the limiter how it went, and how long the service asks to be left alone.

        Raises
        ------
        EndpointError
            It asks for longer than the run has patience for.
        """
        if reading.status in USABLE:
            self._steer_on(response)
            return
        if reading.status is not Status.RATE_LIMITED and reading.status not in OUT_OF_ORDER:
            return
        stated = stated_wait(response.headers, response.body, time.time(), http=response.http)
        if stated is not None and stated > self.health.patience:
            raise EndpointError(self._explain_wait(reading, stated))
        if reading.status is not Status.RATE_LIMITED and stated is None:
            return
        pause = stated or 0.0
        if stated is None or (stated < 1 and waits > 2):  # it states none, or none that helps
            left = self.health.patience - self.health.silent()
            pause = max(pause, min(self._wait(waits), max(0.01, left)))
        self.limiter.rate_limited(admitted, pause)
        self.meter.wait(pause, f"{reading.status}: {reading.reason}")

    def _steer_on(self, response: Response) -> None:
        """Let a little more in after an answer; one may ask for a pause too."""
        self.limiter.succeeded()
        if "Retry-After" in response.headers:
            stated = stated_wait(response.headers, None, time.time(), http=response.http)
            if stated:
                self.limiter.rate_limited(time.monotonic(), min(stated, MAX_WAIT))

    def _wait(self, number: int) -> float:
        """Seconds before the next attempt: exponential, with full jitter from the upper half."""
        top = min(MAX_WAIT, self.endpoint.table.backoff * 2 ** min(number - 1, 60))
        return float(top * random.uniform(0.5, 1.0))  # spreads load, decides nothing

    def shut(self) -> None:
        """Start no more calls; those that wait for their turn are dropped."""
        self.limiter.shut()
        self._transport.shut()

    def expect_no_more(self) -> None:
        """Pass on that no rows will come but those that are asked again."""
        self._transport.expect_no_more()

    @property
    def at_once(self) -> bool:
        """Whether all rows that there are should be asked for at once."""
        return self._transport.at_once

    async def _recovered(self) -> None:
        """Wait until the endpoint answers a probe: these requests may be what it cannot answer."""
        async with self._probing:
            if self.health.is_down():
                await self.probe()

    async def probe(self) -> bool:
        """Ask for a word, to learn whether the endpoint answers others where some requests fail.

        It is asked as they are: the same system message, parameters and path.

        Raises
        ------
        EndpointError, SpendLimitReached, Dropped
            As `ask`.
        """
        assert self._form is not None  # something failed, or there would be no doubt
        *before, last = self._form.messages
        request = replace(self._form, messages=(*before, {**last, "content": PROBE}), sample=0)
        canonical = request.canonical()
        name = request_id(canonical)
        earlier = self._records.earlier(name)
        outcome = await self._ask_again(
            request, canonical, name, earlier, read_as_it_is, probing=True
        )
        return outcome.doubt is None

    def explain(self, reading: Reading) -> str:
        """Say what is wrong with an endpoint, naming the key and never its value."""
        endpoint, reason = self.endpoint, f"{reading.status}: {reading.reason}"
        key = f"the key in {endpoint.key_name}" if endpoint.key_name else "the call"
        if reading.status is Status.NO_CREDIT:
            return (
                f"{endpoint.name}: no credit or quota left ({reading.reason}); add some, then run "
                "again: nothing is lost"
            )
        if reading.status in (Status.UNAUTHORIZED, Status.FORBIDDEN):
            return (
                f"{endpoint.name}: {key} was not accepted ({reading.reason}); check the key and "
                "its permissions, then run again"
            )
        if reading.status is Status.NOT_FOUND:
            return (
                f"{endpoint.name}: no model {endpoint.table.model!r} at {endpoint.base_url} "
                f"({reading.reason}); correct model, service or base_url, then run again"
            )
        down = reading.status in OUT_OF_ORDER and self.health.is_down()
        if reading.status is Status.RATE_LIMITED or down:
            return (
                f"{endpoint.name}: no answer from {endpoint.base_url} for "
                f"{_minutes(self.health.silent())} ({reason}); run again later to resume, or raise "
                "patience"
            )
        return (
            f"{endpoint.name}: {self.health.streak} calls in a row to {endpoint.base_url} failed "
            f"({reason}); fix what the reason names, then run again: their trials are pending"
        )

    def _explain_wait(self, reading: Reading, pause: float) -> str:
        """Say until when the service asks to be left alone."""
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + min(pause, DECADE)))
        return (
            f"{self.endpoint.name}: the service asks to wait until {until} ({reading.status}: "
            f"{reading.reason}), longer than patience = {self.health.patience:g} allows; run again "
            "then to resume"
        )

    def _explain_brake(self, reading: Reading) -> str:
        """Say that money goes out and nothing usable comes in, and what would help."""
        mend = answer_mend(self.endpoint.table, reading)
        helps = f"to fix it: {mend}" if mend else "correct the study file"
        return (
            f"{self.endpoint.name}: {self.health.unusable} paid answers in a row and none usable "
            f"(the last {reading.status}: {reading.reason}); stopped before more is spent. "
            f"{helps[0].upper()}{helps[1:]}; or run with --no-brake"
        )


def _minutes(seconds: float) -> str:
    """Return a time that people read: seconds below two minutes, else minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
