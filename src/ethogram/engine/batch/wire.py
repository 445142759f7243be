"""What every batch service can be asked, in words of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ethogram.engine.batch.api import Api
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request


class Phase(StrEnum):
    """Where a batch is, whatever its service calls it."""

    WAITING = "waiting"  # under way
    UNKNOWN = "unknown"  # a word that this version does not know: a wait, but not for ever
    ENDED = "ended"  # what is there is all that will come
    CUT = "cut"  # expired or cancelled: what was done is there, the rest was never asked
    REFUSED = "refused"  # no line was asked


class Progress(NamedTuple):
    """How far a batch is.

    Attributes
    ----------
    phase : Phase
    word : str
        The service's own word for it.
    done, total : int or None
        Lines.
    sources : tuple of str
        Where results are: ids of files, or addresses, answers first.
    reason : str
        Why it was refused.
    full : bool
        Refused because too much is waiting at the service already: later it will be taken.
    """

    phase: Phase
    word: str
    done: int | None = None
    total: int | None = None
    sources: tuple[str, ...] = ()
    reason: str = ""
    full: bool = False

    def __str__(self) -> str:
        counted = "" if self.done is None else f", {self.done:,} done"
        return f"{self.word}{counted}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Load:
    """A batch to submit.

    Attributes
    ----------
    file : Path
        Its lines, as the service wants them.
    fingerprint : str
        What it is found by.
    model, path : str
    lines : int
    route : mapping
        What the study file says of providers, for a service that has several.
    """

    file: Path
    fingerprint: str
    model: str
    path: str
    lines: int
    route: Mapping[str, Any] = field(default_factory=dict)


class Search(NamedTuple):
    """A batch that may have arrived: what it would be known by.

    Attributes
    ----------
    fingerprint, model, path : str
    lines : int
    created : float
        When it was reserved, seconds since 1970.
    known : frozenset of str
        Ids of batches that are accounted for.
    """

    fingerprint: str
    model: str
    path: str
    lines: int
    created: float
    known: frozenset[str] = frozenset()


class CannotSay(Exception):
    """The service has no way to tell whether it has a batch."""


class NoId(Exception):
    """A service answered as if it had made something, without saying what."""


class Wire(Protocol):
    """How a service is spoken to; raises `ServiceError` for what it or the network does."""

    def line(self, name: str, request: Request) -> dict[str, Any]:
        """Return a request, by its hash, as the service wants it."""
        ...

    def frame(self, load: Load) -> tuple[bytes, bytes, bytes]:
        """Return what stands before the lines of a file, between them, and after them."""
        ...

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Return the headers that the service wants beside an endpoint's own; "" takes one out."""
        ...

    def base_url(self, endpoint: Endpoint) -> str:
        """Return where its batches are; "" for an endpoint's own address."""
        ...

    async def create(self, api: Api, load: Load) -> str:
        """Submit a batch; returns the service's id of it.

        An error's `acted` says whether the batch may be there all the same.
        """
        ...

    async def find(self, api: Api, search: Search) -> Sequence[str]:
        """Return the ids of the batches that a reservation may have become.

        At most one where batches bear a mark; else all of this size and time.

        Raises
        ------
        CannotSay
        """
        ...

    async def poll(self, api: Api, handle: str) -> Progress:
        """Ask how far a batch is."""
        ...

    def results(self, api: Api, handle: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the lines of a batch's results as they come."""
        ...

    async def cancel(self, api: Api, handle: str) -> None:
        """Ask for a batch to be ended."""
        ...


JSONL = (b"", b"\n", b"\n")
"""The frame of a file with a line of JSON per request."""
BACK = 2 * 86400.0  # seconds by which the service's clock and ours may differ
PAGES = 50  # of a list of batches, at most: the newest come first


def count(value: Any) -> int | None:
    """Return a count that a service said, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_UNDER_WAY = frozenset(
    {"validating", "queued", "pending", "in_progress", "running", "finalizing"}
    | {"cancelling", "canceling", "cancellation_requested"}
)


def phase_of(word: Any, states: Mapping[str, Phase]) -> Phase:
    """Return the phase that a service's word stands for."""
    said = str(word).lower()
    return states.get(said, Phase.WAITING if said in _UNDER_WAY else Phase.UNKNOWN)


def is_older(made: Any, search: Search) -> bool:
    """Whether a batch was made before what is looked for, whatever the two clocks say."""
    return (
        isinstance(made, int | float)
        and not isinstance(made, bool)
        and made < search.created - BACK
    )


def id_in(answer: Any, key: str = "id") -> str:
    """Return the id in an answer of a service.

    Raises
    ------
    NoId
        There is none: what was made cannot be followed by it.
    """
    found = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool) or not str(found).strip():
        raise NoId(f"no {key} in its answer")
    return str(found)
