"""Calls to a batch service: small ones that are asked again, uploads, and results as they stream.

What a service or a network does comes back as an answer or as a `ServiceError`, which says whether
the service may have acted on it. Keys stand in headers only, and in no text.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import ijson

from ethogram.engine.address import proxy_for
from ethogram.engine.bodies import UNREADABLE, load_body
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.http import MAX_BODY, NOT_SENT, read_body
from ethogram.engine.reading import read_response
from ethogram.engine.requests import STOPPING, Reading, Status, failure
from ethogram.engine.waits import stated_wait

LONGEST = 60.0  # seconds between two tries of a call
TIMEOUT = 600.0  # seconds of a call without an end; an upload gets more for its size
SLOWEST = 50_000  # bytes per second of an upload, at least
STALLED = 120.0  # seconds without a byte after which a download has broken off
REDIRECTS = 5
UNSURE = frozenset({408, 409, 499})  # codes below 500 after which the service may have acted
TRIES = 8  # of a call that may pass later, if the run's patience does not end before


class ServiceError(Exception):
    """A call to a batch service that did not succeed.

    Attributes
    ----------
    reading : Reading
        How a live call would have been classed.
    http : int or None
    acted : bool
        Whether the service may have done what it was asked.
    wait : float or None
        Seconds that it asks to be left alone.
    """

    def __init__(
        self, reading: Reading, http: int | None, *, acted: bool, wait: float | None = None
    ) -> None:
        super().__init__(f"{reading.status}: {reading.reason}")
        self.reading = reading
        self.http = http
        self.acted = acted
        self.wait = wait

    @property
    def passes(self) -> bool:
        """Whether the same call may succeed later."""
        if self.http is None:
            return True
        return self.http in UNSURE | {425, 429} or self.http >= 500

    @property
    def garbled(self) -> bool:
        """Whether something came that is no answer, such as a gateway's page of HTML."""
        return self.reading.status is Status.MALFORMED

    @property
    def gone(self) -> bool:
        """Whether the service says that there is no such thing."""
        return self.http in (404, 410)

    @property
    def stops(self) -> bool:
        """Whether no call to this service can succeed."""
        return self.reading.status in STOPPING or self.http in (401, 402, 403)


@dataclass
class Api:
    """One service, called with an endpoint's key.

    Attributes
    ----------
    endpoint : Endpoint
    session : aiohttp.ClientSession
    headers : mapping
        More than the endpoint's own: what the service wants beside or in place of a bearer key.
    base_url : str
        Where its batches are; the endpoint's own address where it is empty.
    """

    endpoint: Endpoint
    session: aiohttp.ClientSession
    headers: Mapping[str, str]
    base_url: str = ""

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Make one call and return the JSON that came back.

        Raises
        ------
        ServiceError
        """
        if body is not None:
            options["json"] = body
        http, headers, content = await self._exchange(method, path, **options)
        if http is None or not 200 <= http < 300:
            raise self._error(http, headers, content)
        data = load_body(content) if content.strip() else {}
        if data is UNREADABLE:
            raise ServiceError(failure(Status.MALFORMED, "no JSON came back"), http, acted=True)
        return data

    async def ask(self, path: str, *, patience: float, **options: Any) -> Any:
        """Make a call that changes nothing, again and again while it may pass.

        Raises
        ------
        ServiceError
        """
        began = time.monotonic()
        for number in range(1, TRIES + 1):
            try:
                return await self.call("GET", path, **options)
            except ServiceError as error:
                left = patience - (time.monotonic() - began)
                if number == TRIES or not error.passes or left <= 0:
                    raise
                await asyncio.sleep(min(pause(number, error.wait), max(left, 0.01)))
        raise AssertionError  # the last try returned or raised

    async def upload(
        self, path: str, file: Path, *, name: str, fields: Mapping[str, str], key: str = "file"
    ) -> Any:
        """Send a file as a form; it is read as it is sent.

        Raises
        ------
        ServiceError
        """
        with file.open("rb") as content:
            form = aiohttp.FormData()
            for field, value in fields.items():
                form.add_field(field, value)
            form.add_field(key, content, filename=name, content_type="application/jsonl")
            return await self.call("POST", path, data=form, timeout=_upload_time(file))

    async def send_file(self, path: str, file: Path, *, headers: Mapping[str, str]) -> Any:
        """Send a file as the body of a call; it is read as it is sent.

        Raises
        ------
        ServiceError
        """
        with file.open("rb") as content:
            timeout = _upload_time(file)
            return await self.call("POST", path, data=content, headers=headers, timeout=timeout)

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file as they come; nothing is held but the line.

        Raises
        ------
        ServiceError
        """
        try:
            async with self._download(path) as answer:
                async for line in _split(answer.content.iter_any()):
                    yield self.endpoint.hide_in(line)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from error

    async def items(self, path: str, prefix: str) -> AsyncIterator[Any]:
        """Yield the items of a list within a large JSON body, one by one.

        Raises
        ------
        ServiceError
        """
        parse = partial(ijson.items, prefix=prefix, use_float=True)
        async for item in self._parsed(path, parse):
            yield item

    async def scalars(self, path: str) -> dict[str, Any]:
        """Return a JSON body's numbers and texts by their places, without what stands in lists.

        Raises
        ------
        ServiceError
        """
        kinds = ("string", "number", "boolean", "null")
        parse = partial(ijson.parse, use_float=True)
        return {
            place: value
            async for place, kind, value in self._parsed(path, parse)
            if kind in kinds and ".item" not in place
        }

    async def _parsed(self, path: str, parse: Callable[[Any], Any]) -> AsyncIterator[Any]:
        """Yield what a parser makes of a body while it comes."""
        try:
            async with self._download(path) as answer:
                async for found in parse(answer.content):
                    yield found
        except ijson.JSONError as error:
            raise ServiceError(
                failure(Status.MALFORMED, f"no JSON came back: {error}"), None, acted=True
            ) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from error

    @asynccontextmanager
    async def _download(self, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a body that may take hours to come, as long as it does not stop coming.

        A file may be elsewhere: a redirect is followed, to another host without the key.
        """
        url, options = self._url(path), self._options({})
        options["timeout"] = aiohttp.ClientTimeout(sock_connect=30.0, sock_read=STALLED)
        for _ in range(REDIRECTS):
            async with self.session.get(url, **options) as answer:
                if answer.status == 200:
                    yield answer
                    return
                where = answer.headers.get("Location", "")
                if answer.status not in (301, 302, 303, 307, 308) or not where:
                    content = await read_body(answer) or b""
                    raise self._error(answer.status, answer.headers, content)
                there = urljoin(url, where)
                if urlsplit(there)[:2] != urlsplit(url)[:2]:
                    options["headers"] = {}
                url = there
        raise ServiceError(failure(Status.MALFORMED, "too many redirects"), None, acted=False)

    async def _exchange(
        self, method: str, path: str, **options: Any
    ) -> tuple[int | None, Mapping[str, str], bytes]:
        """Make one call; returns its status, headers and body."""
        try:
            async with self.session.request(
                method, self._url(path), **self._options(options)
            ) as answer:
                content = await read_body(answer)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise self._broken(error) from error
        if content is None:
            reason = f"a body of more than {MAX_BODY >> 20} MB"
            raise ServiceError(failure(Status.MALFORMED, reason), answer.status, acted=True)
        return answer.status, answer.headers, self.endpoint.hide_in(content)

    def _url(self, path: str) -> str:
        """Return the address of a path, or a whole address as it is."""
        if path.startswith(("http://", "https://")):
            return path
        return f"{self.base_url}/{path}" if self.base_url else self.endpoint.url(path)

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of an HTTP call, the key among its headers."""
        own = {n: v for n, v in self.endpoint.headers().items() if n != "Content-Type"}
        headers = {**own, **self.headers, **options.pop("headers", {})}
        return {
            "headers": {n: v for n, v in headers.items() if v},
            "timeout": aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=30.0),
            "proxy": proxy_for(self.base_url or self.endpoint.base_url),
            "allow_redirects": False,
            **options,
        }

    def _broken(self, error: Exception) -> ServiceError:
        """Return the error of a call that broke off."""
        said = self.endpoint.hide(f"{type(error).__name__}: {error}".rstrip(": "))
        kind = Status.TIMEOUT if isinstance(error, TimeoutError) else Status.TRANSPORT
        return ServiceError(failure(kind, said), None, acted=not isinstance(error, NOT_SENT))

    def _error(self, http: int | None, headers: Mapping[str, str], content: bytes) -> ServiceError:
        """Return the error that a service answered with."""
        reading = read_response(http or 0, content)
        if reading.status not in STOPPING and http == 401:
            reading = reading.as_status(Status.UNAUTHORIZED, reading.reason)
        wait = stated_wait(headers, content, time.time(), http=http)
        unsure = http is None or http >= 500 or http in UNSURE
        return ServiceError(reading, http, acted=unsure, wait=wait)


def _upload_time(file: Path) -> aiohttp.ClientTimeout:
    """Return how long a file may take to be sent."""
    return aiohttp.ClientTimeout(total=TIMEOUT + file.stat().st_size / SLOWEST, sock_connect=30.0)


def pause(number: int, stated: float | None) -> float:
    """Return the seconds before the next try: what the service asks for, else more each time."""
    if stated is not None:
        return min(stated, 10 * LONGEST) + random.uniform(0, 0.1)
    return float(min(LONGEST, 2.0 ** min(number - 1, 60)) * random.uniform(0.5, 1.0))


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield lines of any length that a body may have; longer ones are cut and cannot be read."""
    rest = bytearray()
    async for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            rest += line
            if rest.strip():
                yield bytes(rest)
            rest.clear()
        rest += tail
        del rest[MAX_BODY:]
    if rest.strip():
        yield bytes(rest)
