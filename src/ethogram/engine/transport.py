"""Transports: what turns a request into a raw response.

A transport sits under the `Caller`, which classes, retries, meters and records. It sends, and says
what came back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from ethogram.engine.requests import Reading, Request

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class LeftPending(Exception):
    """A request that cannot be answered in this run: its row stays pending, the others go on."""


class Response(NamedTuple):
    """What a transport brought back, unread.

    Attributes
    ----------
    http : int or None
        The status code; None where nothing came back.
    body : bytes or None
    headers : mapping
        Names in any case where the transport has HTTP's own.
    failure : Reading or None
        Why there is no body to read.
    sent : bool
        Whether the request can have reached the service, and so can have a price.
    batch : int or None
        The batch that it came in.
    """

    http: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = NO_HEADERS
    failure: Reading | None = None
    sent: bool = True
    batch: int | None = None


class Transport(Protocol):
    """What can send a request.

    Attributes
    ----------
    at_once : bool
        Whether it wants all requests that there are, and not a few at a time.
    """

    at_once: bool

    async def send(self, request: Request) -> Response:
        """Return what came back; never raises for what a service or a network does.

        Raises
        ------
        LeftPending
            It cannot be answered in this run.
        EndpointError
            Nothing can be.
        """
        ...

    def expect_no_more(self) -> None:
        """Learn that no requests will come but those that are asked again."""
        ...

    def shut(self) -> None:
        """Send nothing more: the run is stopping."""
        ...
