"""The planted server's connections, and the ledger of what went over them.

Written on asyncio's protocols, not on a web framework, because it has to reset connections
in mid-body and must not be the bottleneck. Reads what HTTP clients send to a chat service:
HTTP/1.1 with a Content-Length. Knows nothing of what is asked or answered.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from tests.planted.faults import Response, http_date, settles


class Ledger:
    """Who was asked what how often, and whether there was a reason to ask again."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self.answered: Counter[bytes] = Counter()
        self.settled: dict[bytes, str] = {}
        self.kinds: Counter[str] = Counter()
        self.again_after: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.in_flight = self.max_in_flight = self.connections = self.gone = 0

    def opened(self) -> None:
        """Note that a request waits for its answer."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def closed(self) -> None:
        """Note that a request waits no longer."""
        self.in_flight -= 1

    def arrive(self, digest: bytes, model: str) -> int:
        """Note a request; return how often it was asked before."""
        self.models[model] += 1
        self.asked[digest] += 1
        if digest in self.settled:
            self.again_after[self.settled[digest]] += 1
        return self.asked[digest] - 1

    def deliver(self, digest: bytes, kind: str) -> None:
        """Note that a response was written; final ones settle the request."""
        if settles(kind):
            self.settled[digest] = kind
            self.answered[digest] += 1

    def report(self, *, contents: bool) -> dict[str, Any]:
        """The counts as `GET /stats` gives them."""
        found: dict[str, Any] = {
            "requests": self.asked.total(),
            "contents": len(self.asked),
            "settled": len(self.settled),
            "answered_twice": sum(n > 1 for n in self.answered.values()),
            "again_after": dict(self.again_after),
            "by_kind": dict(self.kinds),
            "by_model": dict(self.models),
            "gone_before_answer": self.gone,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": self.connections,
        }
        if contents:
            found["by_content"] = {
                key.hex(): {"asked": n, "answered": self.answered[key]}
                for key, n in self.asked.items()
            }
        return found


class Handler(Protocol):
    """What a connection hands its requests to."""

    ledger: Ledger

    def handle(self, path: bytes, head: bytes, body: bytes) -> tuple[Response, bytes, float]:
        """Return the response, the request's digest (empty: not counted) and the latency."""
        ...

    def hold(self, send: Callable[[], None]) -> bool:
        """Keep an answer back, to be sent by a call of `send`; whether it is kept."""
        ...


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time, the next waits in the buffer."""

    def __init__(self, service: Handler, loop: asyncio.AbstractEventLoop):
        self._service, self._loop = service, loop
        self._buffer = b""
        self._busy = False
        self._digest = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._service.ledger.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the answer that was still due."""
        self._service.ledger.connections -= 1
        if self._timer:
            self._timer.cancel()
        if self._busy:
            self._service.ledger.gone += bool(self._digest)
            self._done()

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = _content_length(head)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        path = head.split(b" ", 2)[1]
        response, self._digest, latency = self._service.handle(path, head, rest[:length])
        self._busy = True
        if self._digest:
            self._service.ledger.opened()
        if response.delivery == "hang":
            return
        if self._digest and self._service.hold(partial(self._send_late, response)):
            return
        wait = latency + (response.delay if response.delivery == "whole" else 0)
        if wait > 0:
            self._timer = self._loop.call_later(wait, self._send, response)
        else:
            self._send(response)

    def _send_late(self, response: Response) -> None:
        """Send what was held, unless nobody waits for it any longer."""
        if not self._transport.is_closing():
            self._send(response)

    def _done(self) -> None:
        self._busy = False
        if self._digest:
            self._service.ledger.closed()

    def _send(self, response: Response) -> None:
        """Write the response in the way its fault wants."""
        sent = _head(response) + response.body
        if response.delivery == "drip":
            self._drip(_pieces(sent), response)
        elif response.delivery == "whole":
            self._transport.write(sent)
            self._finish(response)
        else:
            self._done()
            self._break(response.delivery, sent)

    def _finish(self, response: Response) -> None:
        if self._digest and not self._transport.is_closing():
            self._service.ledger.deliver(self._digest, response.kind)
        self._done()
        if self._buffer:
            self._next()

    def _drip(self, pieces: list[bytes], response: Response) -> None:
        """Send one piece now and the others later, evenly."""
        self._transport.write(pieces.pop(0))
        if not pieces:
            self._finish(response)
            return
        pause = response.delay / 20
        self._timer = self._loop.call_later(pause, self._drip, pieces, response)

    def _break(self, delivery: str, sent: bytes) -> None:
        """Close before the first byte, or in mid-body by a TCP reset or in an orderly way."""
        if delivery == "drop":
            self._transport.close()
            return
        self._transport.write(sent[: sent.index(b"\r\n\r\n") + 4 + 20])
        if delivery == "short":
            self._transport.close()
            return
        linger_none = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger_none
        )
        self._timer = self._loop.call_later(0.01, self._transport.abort)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _head(response: Response) -> bytes:
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    retry = ""
    if response.retry_after:
        retry = f"Date: {http_date()}\r\nRetry-After: {response.retry_after}\r\n"
    return (
        f"HTTP/1.1 {response.status} {phrase}\r\nContent-Type: {response.content_type}\r\n"
        f"{retry}Content-Length: {len(response.body)}\r\n\r\n"
    ).encode()


def _pieces(sent: bytes) -> list[bytes]:
    """Twenty-one pieces, so twenty pauses."""
    size = len(sent) // 20
    return [sent[i * size : (i + 1) * size] for i in range(20)] + [sent[20 * size :]]
