"""How many calls to one endpoint may be under way, and when the next may start.

Additive increase, multiplicative decrease: a rate limit halves the number in flight, each
success brings it back by a little (Chiu & Jain 1989). Requests and tokens per minute are limited
by leaky buckets.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque


class Dropped(Exception):
    """The run is stopping: a request that was not answered yet is left for the next run."""


class Limiter:
    """Admission to one endpoint.

    Parameters
    ----------
    concurrency : int
        The most calls in flight.
    requests_per_minute, tokens_per_minute : float, optional
    """

    def __init__(
        self,
        concurrency: int,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        self.concurrency = concurrency
        self.allowed = float(concurrency)
        self.in_flight = 0
        self._paused_until = 0.0
        self._halved_at = 0.0
        self._request_gap = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token_gap = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_start = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._shut = False

    async def enter(self, tokens: int) -> float:
        """Wait for a place; returns the time of admission.

        Raises
        ------
        Dropped
            No more will be let in.
        """
        while self._shut or (delay := self._delay()) != 0:
            if self._shut:
                raise Dropped
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            if delay > 0:
                self._wake_in(delay)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # pass on the place that this one will not take
                raise
        now = time.monotonic()
        self.in_flight += 1
        if gap := max(self._request_gap, tokens * self._token_gap):
            self._next_start = max(self._next_start, now) + gap
        self._wake()
        return now

    def shut(self) -> None:
        """Let nobody in any more, and send those away who wait."""
        self._shut = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._wake()

    def succeeded(self) -> None:
        """Let a little more in."""
        if self.allowed < self.concurrency:
            self.allowed = min(self.concurrency, self.allowed + 1 / self.allowed)

    def rate_limited(self, admitted: float, pause: float) -> None:
        """Halve what is in flight, once for all calls that were admitted before; pause all."""
        now = time.monotonic()
        if admitted >= self._halved_at:
            self.allowed = max(1.0, self.allowed / 2)
            self._halved_at = now
        self._paused_until = max(self._paused_until, now + pause)

    def _delay(self) -> float:
        """0: go; above 0: wait so many seconds; below 0: wait for a place."""
        if self.in_flight >= int(self.allowed):
            return -1.0
        if not (start := max(self._paused_until, self._next_start)):
            return 0.0
        return max(0.0, start - time.monotonic())

    def _wake_in(self, delay: float) -> None:
        """Wake the next waiter after a while."""
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._wake()

    def _wake(self) -> None:
        """Wake one waiter if there is a place; it wakes the next."""
        if not self._waiting:
            return
        delay = self._delay()
        if delay > 0:
            self._wake_in(delay)
        elif delay == 0:
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
