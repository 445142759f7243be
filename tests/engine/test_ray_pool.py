"""The actors of a Ray cluster, in whose place stand objects of this process."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import orjson
import pytest

from ethogram.engine.ray.llama import LlamaPool
from ethogram.engine.requests import Request, Status
from ethogram.engine.settings import RayTable

BODY = orjson.dumps({"choices": []})


class RayError(Exception):
    """What all of Ray's own errors are."""


class TaskFailed(RayError):
    """The actor answered with an error."""


class NodeDied(RayError):
    """One of those that say in their own way that the actor is not there."""


class PlantedRay:
    """Ray, as far as a pool needs it: one kind of actor, whose answers come when they are let."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=TaskFailed)

    def __init__(self):
        self.let = asyncio.Event()
        self.asked = 0
        self.cancelled = []
        self.errors = []

    def remote(self, _made):
        """Return what makes actors."""
        actor = SimpleNamespace(
            where=SimpleNamespace(remote=self._where), ask=SimpleNamespace(remote=self._ask)
        )
        return SimpleNamespace(
            options=lambda **_: SimpleNamespace(remote=lambda *_: actor),
        )

    async def _where(self):
        return "planted"

    def _ask(self, _path, _body):
        self.asked += 1
        return asyncio.ensure_future(self._answer())

    async def _answer(self):
        if self.errors:
            raise self.errors.pop()
        await self.let.wait()
        return 200, BODY, "planted"

    def cancel(self, answer):
        """Keep what is not waited for any more."""
        self.cancelled.append(answer)
        answer.cancel()


def _request():
    return Request("planted", "m", ({"role": "user", "content": "Why?"},))


async def _pool():
    ray = PlantedRay()
    pool = LlamaPool(SimpleNamespace(ray=ray), "local/small", RayTable(replicas=1))
    await pool.start()
    return ray, pool


def test_the_wait_for_a_free_actor_is_no_time_of_an_answer():
    """Four are being answered, slowly; the fifth has waited longer than an answer may take."""

    async def scenario():
        ray, pool = await _pool()
        first = [asyncio.create_task(pool.ask(_request(), seconds=60)) for _ in range(4)]
        fifth = asyncio.create_task(pool.ask(_request(), seconds=1))
        await asyncio.sleep(1.5)
        asked = ray.asked
        ray.let.set()
        return asked, [await task for task in (*first, fifth)]

    asked, answers = asyncio.run(scenario())
    assert asked == 4
    assert [answer.http for answer in answers] == [200] * 5


def test_an_answer_that_does_not_come_is_given_up_and_leaves_its_place():
    """What the actor still does for it is cancelled."""

    async def scenario():
        ray, pool = await _pool()
        response = await pool.ask(_request(), seconds=0.05)
        ray.let.set()
        return ray, response, await pool.ask(_request(), seconds=60)

    ray, late, answered = asyncio.run(scenario())
    assert late.failure.status is Status.TIMEOUT
    assert len(ray.cancelled) == 1
    assert answered.http == 200


@pytest.mark.parametrize("error", [NodeDied, RayError])
def test_whatever_takes_an_actor_away_its_request_is_asked_again(error):
    """Ray says it as a dead actor, process or node, as a lost object, as memory that ran out."""

    async def scenario():
        ray, pool = await _pool()
        ray.errors = [error("gone")]
        ray.let.set()
        return ray.asked, await pool.ask(_request(), seconds=60), ray.asked

    before, answer, asked = asyncio.run(scenario())
    assert (answer.http, asked - before) == (200, 2)


def test_an_error_of_the_actors_own_is_no_death():
    async def scenario():
        ray, pool = await _pool()
        ray.errors = [TaskFailed("ValueError: no")]
        return await pool.ask(_request(), seconds=60), ray.asked

    answer, asked = asyncio.run(scenario())
    assert answer.failure.status is Status.TRANSPORT
    assert asked == 1
