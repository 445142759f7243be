"""Whether an endpoint works, told from how its calls end: what it could not do is no trial's fault.

A call that fails may be about its one request or about the endpoint. Which it was shows later: if
the endpoint answers others, the request had its own fault; if it goes on failing, nothing is known
of the request. So a failure is in **doubt** until the next answer. Knows nothing of HTTP or money.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from ethogram.engine.requests import (
    ANSWERED,
    OUT_OF_ORDER,
    SERVED,
    STOPPING,
    TURNED_AWAY,
    USABLE,
    Reading,
    Status,
)

MAX_FRUITLESS = 20  # failed calls in a row that stop a run, where waiting cannot help
MAX_LOCKED_OUT = 3  # requests met by 403 or 404 before any answer: a wrong key, model or address
FEW = 3  # requests; fewer that fail are no outage
LONG_STREAK = 64  # failed calls in a row that are an outage at any concurrency
BRAKE = 20  # paid answers in a row of which none is usable


class Doubt(NamedTuple):
    """When a request failed: its first and its last call, by the monotonic clock."""

    first: float
    last: float


@dataclass
class Health:
    """One endpoint's state in one run.

    Calls overlap, so an answer tells of the endpoint as it was when its call started: one that
    was under way before a failure does not speak for what came after.

    Attributes
    ----------
    patience : float
        Seconds without an answer after which an outage, or a rate limit, stops the run.
    concurrency : int
    brake : bool
        Whether `BRAKE` paid answers of which none is usable stop the run.
    answered : bool
        Whether it ever answered in this run.
    streak : int
        Failed calls since the last answer.
    outages : list of (began, ended)
        When several requests failed and nothing was answered; by the monotonic clock.
    """

    patience: float
    concurrency: int
    brake: bool = True
    answered: bool = False
    streak: int = 0
    unusable: int = 0
    probes: int = 0
    outages: list[tuple[float, float]] = field(default_factory=list)
    last_answer: float = field(default_factory=time.monotonic)
    _served: float = -math.inf  # when the latest call started that was answered
    _usable: float = -math.inf  # and the latest that was answered usably
    _began: float = -math.inf  # when the first call of the streak had failed
    _down: bool = False
    _failing: set[str] = field(default_factory=set)

    def note(
        self,
        request: str,
        status: Status,
        started: float,
        *,
        served: bool,
        declined: bool = False,
    ) -> None:
        """Take note of how a call of a request ended, and of when it had started.

        `served`: it came as HTTP 200, so that it is the endpoint's work and is paid for. A content
        filter that turns a request away with an error says nothing of the endpoint. `declined`: the
        model's words decline what was asked, which is a finding that the brake need not prevent.
        """
        now = time.monotonic()
        if status in ANSWERED and served:
            self.answered = True
            self.last_answer = now
            self._served = max(self._served, started)
            if started >= self._began:
                self._recover(now)
            if status in USABLE:
                self._usable = max(self._usable, started)
                self.unusable = 0
            elif not declined:
                self.unusable += 1
        elif status is not Status.RATE_LIMITED and status not in STOPPING:
            if not self.streak:
                self._began = now
            self.streak += 1
            self._failing.add(request)
            self._down = self._down or self.is_down()

    def _recover(self, now: float) -> None:
        """End a streak of failures."""
        if self._down or self.failing >= FEW:
            self.outages.append((self._began, now))
        self._down = False
        self.streak = self.probes = 0
        self._failing.clear()

    @property
    def failing(self) -> int:
        """How many requests have failed since the last answer."""
        return len(self._failing)

    def is_down(self) -> bool:
        """Whether this is an outage: several requests fail, and nothing is answered."""
        return self._down or (
            self.answered and self.failing >= FEW and self.streak >= self._long(2 * FEW)
        )

    def is_silent_since(self, moment: float) -> bool:
        """Whether an endpoint that has answered gave no answer to a call begun since then."""
        return self.answered and self._served <= moment

    def suppose_down(self) -> None:
        """Take it to be down, until it answers: a request alone cannot tell."""
        self._down = True

    def _long(self, least: int) -> int:
        """Return how many failures in a row are more than the calls under way may make."""
        return min(max(least, 2 * self.concurrency), max(least, LONG_STREAK))

    def silent(self) -> float:
        """Seconds since the last answer, or since the run began."""
        return time.monotonic() - self.last_answer

    def must_stop(self, reading: Reading) -> bool:
        """Whether going on would only repeat what was just met."""
        status = reading.status
        if status in STOPPING:
            return True
        if status in (Status.FORBIDDEN, Status.NOT_FOUND) and not self.answered:
            return self.failing >= MAX_LOCKED_OUT
        if status in TURNED_AWAY or status is Status.FILTERED:
            return self.streak >= self._long(MAX_FRUITLESS)
        if status in OUT_OF_ORDER:
            if not self.answered:
                return self.streak >= self._long(MAX_FRUITLESS)
            return self.is_down() and self.silent() > self.patience
        return status is Status.RATE_LIMITED and self.silent() > self.patience

    def must_brake(self) -> bool:
        """Whether money goes out and nothing usable comes in."""
        return self.brake and self.unusable >= BRAKE

    def is_own_fault(self, doubt: Doubt, status: Status) -> bool | None:
        """Whether a failure was the request's own; None: not known yet.

        An answer that could not be used is the request's once others can be; so is a failure,
        unless an outage was meanwhile.
        """
        if (self._usable if status in SERVED else self._served) <= doubt.last:
            return None
        return status in ANSWERED or not any(
            began <= doubt.last and doubt.first <= ended for began, ended in self.outages
        )


class LineHealth(Health):
    """The same of a batch's lines: they come together, hours later, and tell of no outage."""

    def is_down(self) -> bool:
        """Return False: whether a service answers is learnt from its batches, not their lines."""
        return False

    def is_silent_since(self, moment: float) -> bool:
        """Return False."""
        return False

    def must_stop(self, reading: Reading) -> bool:
        """Whether no line of any batch could succeed."""
        return reading.status in STOPPING

    def is_own_fault(self, doubt: Doubt, status: Status) -> bool | None:
        """Whether other lines were answered; None where none was yet."""
        return True if self.answered else None
