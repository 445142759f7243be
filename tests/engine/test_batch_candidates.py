"""A batch whose creation was lost, among others of the same size on its service's list."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest

from ethogram.engine.batch.api import ServiceError
from ethogram.engine.batch.book import Batch, State
from ethogram.engine.batch.lines import custom_id
from ethogram.engine.batch.openai import OpenAiWire
from ethogram.engine.batch.services import BatchService
from ethogram.engine.batch.talk import Talk
from ethogram.engine.batch.wire import CannotSay, Phase, Progress
from ethogram.engine.endpoints import make_endpoint
from ethogram.engine.requests import Request, Status, failure, request_id
from ethogram.engine.settings import ModelTable

ENDED = Progress(Phase.ENDED, "completed", 2, 2, ("out",))
GOING = Progress(Phase.WAITING, "in_progress", 0, 2)
STRANGE = Progress(Phase.UNKNOWN, "napping", 0, 2)
OURS = request_id(Request("openai", "m", ({"role": "user", "content": "1"},), {}).canonical())
GONE = ServiceError(failure(Status.SERVER_ERROR, "no such file"), 404, acted=False)


def _line(name):
    body = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
    response = {"status_code": 200, "body": body}
    return orjson.dumps({"custom_id": custom_id(name), "response": response, "error": None})


class Listed(OpenAiWire):
    """A service with some batches: how far each is, and what its results are."""

    def __init__(self, batches):
        self.batches = batches

    async def find(self, api, search):
        """Return those that are not accounted for."""
        return [handle for handle in self.batches if handle not in search.known]

    async def poll(self, api, handle):
        """Return how far a batch is."""
        return self.batches[handle][0]

    async def results(self, api, handle, progress):
        """Yield its lines."""
        for one in self.batches[handle][1]:
            if isinstance(one, Exception):
                raise one
            yield one


def _look_up(batches):
    table = ModelTable(model="m", service="openai", engine="batch", batch_poll=0.01)
    talk = Talk(
        make_endpoint("alpha", table),
        BatchService(Listed(batches), 50_000, 10**8, None, marks=""),
        None,
        stop=asyncio.Event(),
        patience=0.3,
        note=lambda batch, progress: None,
    )
    now = time.time()
    lost = Batch(
        1, "f", "elicit/alpha", "openai", "chat/completions", State.RESERVED, "", "", 0.0, now,
        now, 2, 0,
    )  # fmt: skip
    search = talk.look_up(lost, known=frozenset(), ours=frozenset({OURS}))
    return asyncio.run(asyncio.wait_for(search, 5))


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Set a key; nothing is called."""
    monkeypatch.setenv("OPENAI_API_KEY", "planted-key-of-a-test")


@pytest.mark.parametrize(
    "other",
    [(GOING, []), (STRANGE, []), (ENDED, [GONE] * 9), (ENDED, []), (ENDED, [_line("b2:00")])],
    ids=["goes on for ever", "naps", "results deleted", "results never come", "somebody else's"],
)
def test_what_is_not_ours_does_not_hide_what_is(other):
    """Whatever another batch of the same size does, ours is found and not paid for again."""
    ours = (ENDED, [_line(OURS)])
    assert _look_up({"other": other, "ours": ours}) == "ours"
    assert _look_up({"ours": ours, "other": other}) == "ours"


def test_where_none_is_ours_and_one_cannot_be_read_nobody_can_say():
    """It may be ours: the batch is held, and not sent again."""
    with pytest.raises(CannotSay):
        _look_up({"deleted": (ENDED, [GONE]), "other": (ENDED, [_line("b2:00")])})


def test_where_all_are_somebody_elses_it_never_arrived():
    """It can be sent again."""
    assert _look_up({"a": (ENDED, [_line("b2:00")]), "b": (ENDED, [_line("b3:00")])}) is None
