"""Whether an endpoint works, told from how its calls end: what it could not do is no trial's fault.

A call that fails may be about its one request or about the endpoint. Which it was shows later: if
the endpoint answers others, the request had its own fault; if it goes on failing, nothing is known
of the request. So a failure is in **doubt** until the next answer. Knows nothing of HTTP or money.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ethogram.engine.requests import (
    ANSWERED,
    OUT_OF_ORDER,
    STOPPING,
    TURNED_AWAY,
    USABLE,
    Reading,
    Status,
)

MAX_FRUITLESS = 20  # failed calls in a row that stop a run, where waiting cannot help
MAX_LOCKED_OUT = 3  # requests met by 403 or 404 before any answer: a wrong key, model or address
FEW = 3  # requests; fewer that fail at the end of a run are put down to themselves
LONG_STREAK = 64  # failed calls in a row that are an outage at any concurrency
BRAKE = 20  # paid answers in a row of which none is usable


@dataclass
class Health:
    """One endpoint's state in one run.

    Attributes
    ----------
    patience : float
        Seconds without an answer after which an outage, or a rate limit, stops the run.
    concurrency : int
    brake : bool
        Whether `BRAKE` paid answers of which none is usable stop the run.
    answered : bool
        Whether it ever answered in this run.
    mark : int
        How many usable answers there were: names the streak of failures after each.
    streak : int
        Failed calls since the last answer.
    outages : set of int
        Marks of the streaks that were an outage.
    """

    patience: float
    concurrency: int
    brake: bool = True
    answered: bool = False
    mark: int = 0
    streak: int = 0
    unusable: int = 0
    probes: int = 0
    outages: set[int] = field(default_factory=set)
    last_answer: float = field(default_factory=time.monotonic)
    _failing: set[str] = field(default_factory=set)

    def note(self, request: str, status: Status, *, paid: bool) -> None:
        """Take note of how a call of a request ended."""
        if status in ANSWERED:
            self.answered = True
            self.streak = self.probes = 0
            self._failing.clear()
            self.last_answer = time.monotonic()
            if status in USABLE:
                self.mark += 1
                self.unusable = 0
            elif paid:
                self.unusable += 1
        elif status in TURNED_AWAY or status in OUT_OF_ORDER:
            self.streak += 1
            self._failing.add(request)
            if self.is_down():
                self.outages.add(self.mark)

    @property
    def failing(self) -> int:
        """How many requests have failed since the last answer."""
        return len(self._failing)

    def is_down(self) -> bool:
        """Whether this is an outage: several requests fail, and nothing is answered."""
        long = min(max(2 * FEW, 2 * self.concurrency), LONG_STREAK)
        return self.answered and self.failing >= FEW and self.streak >= long

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
        if status in TURNED_AWAY:
            return not reading.own and self.streak >= MAX_FRUITLESS
        if status in OUT_OF_ORDER:
            if not self.answered:
                return self.streak >= MAX_FRUITLESS
            return self.is_down() and self.silent() > self.patience
        return status is Status.RATE_LIMITED and self.silent() > self.patience

    def must_brake(self) -> bool:
        """Whether money goes out and nothing usable comes in."""
        return self.brake and self.unusable >= BRAKE

    def is_own_fault(self, mark: int, status: Status) -> bool | None:
        """Whether a failure of the streak `mark` was the request's own; None: not known yet.

        An answer that could not be used is the request's once others can be; so is a failure,
        unless its streak was an outage.
        """
        if mark == self.mark:
            return None
        return status in ANSWERED or mark not in self.outages
