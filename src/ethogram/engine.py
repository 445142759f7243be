"""The live engine: a request in, its attempts out, over HTTP.

One `Caller` an endpoint. It asks again only for what can pass later, keeps every attempt through
the `Writer`, and honours rate limits and the spending limit. Knows nothing of protocols: what
a text means is the business of the `read` function that comes with each request.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from ethogram.endpoints import Endpoint
from ethogram.errors import EndpointError, SpendLimitReached
from ethogram.kernel import (
    FATAL,
    USABLE,
    Attempt,
    Reading,
    Request,
    Status,
    Usage,
    failure,
    read_response,
    request_id,
)
from ethogram.limiter import Limiter
from ethogram.prices import cost_of
from ethogram.store import Earlier, Store
from ethogram.writer import BATCH_SECONDS, Writer

MAX_BODY = 16 * 2**20  # bytes; a longer response is no chat completion
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
NOT_SENT = ("ClientConnector", "ClientProxyConnection", "InvalidUrl", "InvalidURL")
PLACEHOLDERS = frozenset({"lm-studio", "not-needed", "placeholder", "sk-no-key-required"})
RECENT = 4096  # answers kept at hand for requests of equal content: more than wait for the disk

Read = Callable[[Reading], Reading]


class Outcome(NamedTuple):
    """How a request ended: the last attempt's reading and its id in the store."""

    reading: Reading
    attempt: int | None


@dataclass
class Answers:
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
                    "raise spend_limit and run again to go on"
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
            self.spent += amount  # nobody said: count the most that it can have been
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


def is_secret(key: str) -> bool:
    """Whether a key is one to hide: short ones and the usual placeholders occur in plain text."""
    return len(key) >= 8 and key not in PLACEHOLDERS


class Caller:
    """Calls one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        session: aiohttp.ClientSession,
        store: Store,
        writer: Writer,
        *,
        ledger: Ledger,
        meter: Meter,
        answers: Answers,
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
        self._session = session
        self._store = store
        self._writer = writer
        self._ledger = ledger
        self._limits = {Status.UNPARSED: min(unparsed_attempts, attempts)}
        self._attempts = attempts
        self._headers = endpoint.headers()
        self._timeout = aiohttp.ClientTimeout(
            total=table.timeout, sock_connect=min(30.0, table.timeout)
        )
        self._proxy = proxy_for(endpoint.base_url)
        self._secret = endpoint.key if is_secret(endpoint.key) else ""
        self._unsaid = cost_of(Usage(), endpoint.price)  # of a call that nobody has said a cost of
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
        earlier = None if known else self._store.earlier(name)
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
        body = request.body()
        while True:
            number += 1
            reading, kept = await self._attempt(request, canonical, name, body, number, read)
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
        self, request: Request, canonical: bytes, name: str, body: bytes, number: int, read: Read
    ) -> tuple[Reading, int]:
        """Make one call, and keep it."""
        while self._writer.is_behind():
            await asyncio.sleep(BATCH_SECONDS)
        tokens = len(body) // 4 + self.endpoint.table.max_tokens
        reserve = self.endpoint.worst_cost(len(body))
        await self._ledger.reserve(reserve)
        cost: float | None = 0.0
        try:
            admitted = await self.limiter.enter(tokens)
            cost = self._unsaid  # it is as good as sent
            try:
                started, clock = time.time(), time.perf_counter()
                http, response, raw, retry_after = await self._post(request.path, body)
                seconds = time.perf_counter() - clock
            finally:
                self.limiter.leave()
            reading = read(raw) if raw.status in USABLE else raw
            cost = self._cost(http, reading)
        finally:
            self._ledger.settle(reserve, cost)
        self._steer(reading, admitted, retry_after, number)
        self.meter.count(reading, cost)
        attempt = Attempt(name, number, reading, http, response, started, seconds)
        return reading, self._writer.put_attempt(canonical, attempt, cost=cost)

    def _cost(self, http: int | None, reading: Reading) -> float | None:
        """US dollars of a call; an error costs nothing, a call that broke off may have."""
        if http == 200 or (http is None and not reading.reason.startswith(NOT_SENT)):
            return cost_of(reading.usage, self.endpoint.price)
        return 0.0

    async def _post(
        self, path: str, body: bytes
    ) -> tuple[int | None, bytes | None, Reading, float | None]:
        """Send it; whatever happens comes back as a reading."""
        url = f"{self.endpoint.base_url}/{path}"
        try:
            async with self._session.post(
                url,
                data=body,
                headers=self._headers,
                timeout=self._timeout,
                proxy=self._proxy,
                allow_redirects=False,
            ) as answer:
                content = await read_body(answer)
                retry_after = _retry_after(answer.headers.get("Retry-After"))
                http = answer.status
        except TimeoutError as error:
            seconds = self.endpoint.table.timeout
            said = str(error) or f"no answer within {seconds:g} s"
            return None, None, failure(Status.TIMEOUT, said), None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            return None, None, failure(Status.TRANSPORT, self._hide_key(reason)), None
        if content is None:
            reason = f"a body of more than {MAX_BODY >> 20} MB"
            return http, None, failure(Status.MALFORMED, reason), retry_after
        if self._secret and self._secret.encode() in content:
            content = content.replace(self._secret.encode(), b"[key]")
        return http, content, read_response(http, content), retry_after

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

    def _hide_key(self, text: str) -> str:
        return text.replace(self._secret, "[key]") if self._secret else text

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
                f"({reading.status}: {reading.reason}); mend what the reason names, then run again"
            )
        return (
            f"{endpoint.name}: no model {endpoint.table.model!r} at {endpoint.base_url} "
            f"({reading.reason}); mend model, service or base_url, then run again"
        )


def _kept(earlier: Earlier | None, read: Read) -> Outcome | None:
    """Return the usable answer that the store has, read again, if it is usable still."""
    if earlier is None or earlier.answer is None:
        return None
    attempt, http, body = earlier.answer
    reading = read(read_response(http, body))
    return Outcome(reading, attempt) if reading.status in USABLE else None


async def read_body(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read a response's body, or None where it is longer than any completion."""
    packed = "Content-Encoding" in answer.headers  # what it unpacks to may be of any length
    if not packed and (answer.content_length or MAX_BODY + 1) <= MAX_BODY:
        return await answer.read()
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            answer.close()
            return None
    return b"".join(parts)


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


def make_session() -> aiohttp.ClientSession:
    """Return an HTTP session for any number of connections; limits are the endpoints' own.

    It keeps no cookies, and reads no proxy from the environment: aiohttp would do so anew for
    every request, in a thread, and take keys from ~/.netrc as well. See `proxy_for`.
    """
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an address (https_proxy, no_proxy)."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
