"""The desk: which requests of a run are in which batch, and who waits for their answers.

One per run, shared by its transports: a request that is in an open batch is never put into another,
whoever asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ethogram.engine.batch.book import FILES, Batch, Book, Open, State
from ethogram.engine.limiter import Dropped
from ethogram.engine.requests import Request
from ethogram.engine.transport import LeftPending, Response


class Waiting(NamedTuple):
    """Who waits for an answer, and what was asked."""

    request: Request
    answer: asyncio.Future[Response]


@dataclass
class Desk:
    """What the transports of one run share.

    Attributes
    ----------
    book : Book
    waiting : by hash, who waits
    open : by hash, the number of the batch that the request is in
    held : by number, batches of which nobody knows
    resting : open batches that this run does not follow
    met : numbers of those of them that a request of this run is in
    collected : numbers of batches of which every line that came was delivered
    """

    book: Book
    waiting: dict[str, Waiting] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    held: dict[int, Batch] = field(default_factory=dict)
    resting: list[Batch] = field(default_factory=list)
    collected: list[int] = field(default_factory=list)
    _found: dict[str, list[Open]] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)
    _failed: dict[str, Exception] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)

    def read_book(self, owners: Mapping[str, str]) -> None:
        """Take up the batches that were left open.

        Those of others than `owners`, by name, or at another service than they are asked at now,
        rest.
        """
        for found in self.book.open_batches():
            batch = found.batch
            followed = owners.get(batch.owner) == batch.service and batch.path != FILES
            if batch.state == State.HELD:
                self.hold(batch, found.pending)
            elif not followed or batch.state == State.WRITTEN:
                self._left |= dict.fromkeys(found.pending, batch.id)
                self.resting.append(batch)
            else:
                self._found.setdefault(found.batch.owner, []).append(found)
                self.open |= dict.fromkeys(found.pending, found.batch.id)

    def is_left(self, name: str) -> bool:
        """Whether a request is in a batch that this run does not follow."""
        if name in self._left:
            self.met.add(self._left[name])
        return name in self._left

    @property
    def has_open(self) -> bool:
        """Whether any request is in an open batch."""
        return bool(self._left or self.open)

    def left_open(self, owner: str) -> list[Open]:
        """Return the batches of an owner that were left open."""
        return self._found.pop(owner, [])

    def wait(self, name: str, request: Request) -> asyncio.Future[Response]:
        """Return where an answer will be.

        Raises
        ------
        LeftPending
            It is in a batch that this run cannot follow.
        EndpointError
            What was met when its batch was followed.
        """
        if self.is_left(name):
            raise LeftPending
        if (error := self._failed.get(name)) is not None:
            raise error
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.waiting[name] = Waiting(request, answer)
        return answer

    def answer(self, name: str, response: Response) -> bool:
        """Hand an answer to who waits for it; False where nobody does."""
        self.open.pop(name, None)
        waits = self.waiting.pop(name, None)
        if waits is None or waits.answer.done():
            return False
        waits.answer.set_result(response)
        return True

    def fail(self, names: Iterable[str], error: Exception) -> None:
        """Tell those who wait for these, now or later, that nothing will come."""
        for name in names:
            self._failed[name] = error
            self.open.pop(name, None)
            waits = self.waiting.pop(name, None)
            if waits is not None and not waits.answer.done():
                waits.answer.set_exception(error)

    def release(self, names: Iterable[str]) -> list[tuple[str, Request]]:
        """Take requests out of their batch; returns those that somebody waits for."""
        free = []
        for name in names:
            self.open.pop(name, None)
            if name in self.waiting:
                free.append((name, self.waiting[name].request))
        return free

    def handles(self) -> frozenset[str]:
        """Return the services' ids of all batches."""
        return self.book.handles()

    def names_in(self, batch: int) -> frozenset[str]:
        """Return the requests that are open in a batch."""
        return frozenset(name for name, number in self.open.items() if number == batch)

    def hold(self, batch: Batch, pending: Iterable[str]) -> None:
        """Leave the lines of a batch alone until the user says what became of it."""
        self.held[batch.id] = batch
        names = [*pending]
        self.fail(names, LeftPending())
        self._left |= dict.fromkeys(names, batch.id)

    def shut(self) -> None:
        """Send everybody away: the run is stopping, and what is submitted is the next one's."""
        self.fail(list(self.waiting), Dropped())

    def close_book(self) -> None:
        """Note what was collected; to be called when all of it is on the disk."""
        for number in self.collected:
            self.book.change(number, State.COLLECTED)
        self.collected.clear()
