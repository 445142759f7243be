"""Admission to an endpoint: how many at once, how many a minute, and what a rate limit does."""

from __future__ import annotations

import asyncio
import selectors
import time

import pytest

from ethogram.engine.limiter import Limiter


def run(work):
    """Run a coroutine, at most a minute."""
    return asyncio.run(asyncio.wait_for(work, 60))


class Clock(selectors.DefaultSelector):
    """A clock that stands still while anything runs, and jumps to the next alarm otherwise."""

    now = 1000.0

    def select(self, timeout=None):
        """Skip the time until the next alarm."""
        assert timeout is not None, "everything waits, and for no alarm"
        self.now += max(timeout, 0)
        return super().select(0)


@pytest.fixture
def clock(monkeypatch):
    """Return a function that runs a coroutine in the time of a clock of its own."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(clock)) as runner:
        yield runner.run


def test_no_more_than_the_concurrency_are_inside():
    """A hundred callers of four places never hold more than four, and all get in."""

    async def work():
        limiter, seen = Limiter(4), []

        async def call():
            await limiter.enter(1)
            seen.append(limiter.in_flight)
            await asyncio.sleep(0)
            limiter.leave()

        await asyncio.gather(*(call() for _ in range(100)))
        return seen, limiter.in_flight

    seen, left = run(work())
    assert len(seen) == 100
    assert (max(seen), left) == (4, 0)


def test_callers_enter_in_the_order_they_came():
    """Nobody overtakes, so nobody starves."""

    async def work():
        limiter, order = Limiter(1), []

        async def call(number):
            await limiter.enter(1)
            order.append(number)
            await asyncio.sleep(0)
            limiter.leave()

        await asyncio.gather(*(call(n) for n in range(30)))
        return order

    assert run(work()) == list(range(30))


def test_a_rate_limit_halves_once_for_all_that_were_in_flight():
    """Eight answers of 429 to calls admitted together halve 16 to 8, not to 1."""

    async def work():
        limiter = Limiter(16)
        admitted = [await limiter.enter(1) for _ in range(8)]
        await asyncio.sleep(0.001)
        for moment in admitted:
            limiter.rate_limited(moment, 0.0)
            limiter.leave()
        together = limiter.allowed
        later = await limiter.enter(1)
        limiter.rate_limited(later, 0.0)
        return together, limiter.allowed

    assert run(work()) == (8.0, 4.0)


def test_it_never_falls_below_one_and_climbs_back_by_one_a_round():
    """Ten halvings leave one place; n successes at n places bring about one more."""

    async def work():
        limiter = Limiter(16)
        for _ in range(10):
            limiter.rate_limited(time.monotonic(), 0.0)
        lowest = limiter.allowed
        limiter.allowed = 8.0
        for _ in range(8):
            limiter.succeeded()
        after_round = limiter.allowed
        for _ in range(1000):
            limiter.succeeded()
        return lowest, after_round, limiter.allowed

    lowest, after_round, top = run(work())
    # 8 steps of 1/a, a from 8 to 9: between 8/9 and 1.
    assert lowest == 1.0
    assert 8 + 8 / 9 < after_round < 9
    assert top == 16


def test_a_pause_holds_everyone_and_ends(clock):
    """After a Retry-After nobody starts early, and all start then."""

    async def work():
        limiter, start = Limiter(8), time.monotonic()
        limiter.rate_limited(start, 0.2)

        async def call():
            await limiter.enter(1)
            moment = time.monotonic() - start
            limiter.leave()
            return moment

        return await asyncio.gather(*(call() for _ in range(20)))

    moments = clock(work())
    assert len(moments) == 20
    assert moments == pytest.approx([0.2] * 20)


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({"requests_per_minute": 1200}, 1),  # one each 0.05 s
        ({"tokens_per_minute": 12_000}, 10),  # 10 tokens each 0.05 s
        ({"requests_per_minute": 6000, "tokens_per_minute": 12_000}, 10),  # the slower counts
    ],
)
def test_requests_and_tokens_a_minute_are_kept(clock, options, tokens):
    """Eleven calls at one each 0.05 s take half a second, however many places there are."""

    async def work():
        limiter, start = Limiter(100, **options), time.monotonic()

        async def call():
            await limiter.enter(tokens)
            limiter.leave()

        await asyncio.gather(*(call() for _ in range(11)))
        return time.monotonic() - start

    assert clock(work()) == pytest.approx(0.5)


def test_a_waiter_that_gives_up_takes_no_place():
    """A cancelled caller passes its turn on."""

    async def work():
        limiter = Limiter(1)
        await limiter.enter(1)
        quitting = asyncio.create_task(limiter.enter(1))
        waiting = asyncio.create_task(limiter.enter(1))
        await asyncio.sleep(0)
        limiter.leave()  # wakes the first waiter ...
        quitting.cancel()  # ... which gives up before it runs
        await asyncio.gather(quitting, return_exceptions=True)
        await waiting
        return limiter.in_flight

    assert run(work()) == 1
