"""What a batch engine sees of a store: the book of batches."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class State(StrEnum):
    """What is known of a batch."""

    RESERVED = "reserved"  # its lines are kept, and it may be on its way
    SUBMITTED = "submitted"  # the service has it
    COLLECTED = "collected"  # every line that came is kept
    REFUSED = "refused"  # the service did not take it, or no line of it was asked
    HELD = "held"  # nobody knows whether the service has it, or what became of it
    RELEASED = "released"  # held before, and asked again on the user's word
    WRITTEN = "written"  # to a file, for others to run


FILES = "files"  # in place of a path at a service: a batch that is written to a file
OPEN = (State.RESERVED, State.SUBMITTED, State.HELD, State.WRITTEN)
"""States in which a line may have been paid for, or may yet be."""


class Batch(NamedTuple):
    """A batch, as it is kept.

    Attributes
    ----------
    id : int
    fingerprint : str
        What it bears at the service, in its metadata or its file's name.
    owner : str
        "stage/name" of whom it asks.
    service, path : str
    state : State
    handle : str
        The service's id.
    said : str
        How far it is, as the service last said.
    worst : float
        US dollars at most.
    created, changed : float
        Seconds since 1970.
    lines, answered : int
    """

    id: int
    fingerprint: str
    owner: str
    service: str
    path: str
    state: str
    handle: str
    said: str
    worst: float
    created: float
    changed: float
    lines: int
    answered: int


class Open(NamedTuple):
    """An open batch and the hashes of its requests that have no answer yet."""

    batch: Batch
    pending: frozenset[str]


class Book(Protocol):
    """Where batches are kept: all that the batch engine sees of a store."""

    def reserve(
        self,
        lines: Sequence[tuple[str, bytes]],
        *,
        owner: str,
        service: str,
        path: str,
        worst: float,
    ) -> Batch:
        """Keep the lines (hash, canonical JSON) of a batch that is about to be submitted."""
        ...

    def change(
        self, batch: int, state: State, *, handle: str | None = None, said: str | None = None
    ) -> None:
        """Note what became of a batch."""
        ...

    def handles(self) -> frozenset[str]:
        """Return the services' ids of all batches that have one."""
        ...

    def open_batches(self) -> list[Open]:
        """Return the batches whose lines may be answered yet."""
        ...
