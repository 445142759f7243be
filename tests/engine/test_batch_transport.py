"""The batch transport over a scripted service: every odd moment, without a server."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import orjson
import pytest

from ethogram.engine.batch.api import ServiceError, pause
from ethogram.engine.batch.book import Batch, Open, State
from ethogram.engine.batch.desk import Desk
from ethogram.engine.batch.lines import custom_id
from ethogram.engine.batch.openai import OpenAiWire
from ethogram.engine.batch.services import BatchService
from ethogram.engine.batch.transport import BatchTransport
from ethogram.engine.batch.wire import Phase, Progress
from ethogram.engine.caller import Ledger
from ethogram.engine.endpoints import make_endpoint
from ethogram.engine.requests import Request, Status, failure, request_id
from ethogram.engine.settings import ModelTable
from ethogram.engine.transport import LeftPending
from ethogram.errors import EndpointError

ENDED = Progress(Phase.ENDED, "completed", 2, 2, ("out",))
WAITS = Progress(Phase.WAITING, "in_progress", 0, 2)


def error(http, *, status=Status.SERVER_ERROR, wait=None, acted=False):
    """Return what a service answers when it does not do as it is asked."""
    return ServiceError(failure(status, "as scripted"), http, acted=acted, wait=wait)


def line(name, *, http=200, text="yes"):
    """Return a line of results."""
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    response = {"status_code": http, "body": body if http == 200 else {"error": {"message": "e"}}}
    return orjson.dumps({"custom_id": custom_id(name), "response": response, "error": None})


@dataclass
class Scripted(OpenAiWire):
    """A service that does what it is told, step by step; the last step stays."""

    polls: list = field(default_factory=lambda: [ENDED])
    files: list = field(default_factory=list)
    creates: list = field(default_factory=lambda: ["batch_1"])
    found: tuple = ()
    made: int = 0
    looks: int = 0

    async def create(self, api, load):
        """Count, and answer."""
        self.made += 1
        return _next(self.creates)

    async def find(self, api, search):
        """Return what is on the list."""
        return self.found

    async def poll(self, api, handle):
        """Count, and answer."""
        self.looks += 1
        return _next(self.polls)

    async def results(self, api, handle, progress):
        """Yield lines; an error among them breaks the download off."""
        for one in self.files.pop(0) if len(self.files) > 1 else self.files[0]:
            if isinstance(one, Exception):
                raise one
            yield one


def _next(steps):
    step = steps.pop(0) if len(steps) > 1 else steps[0]
    if isinstance(step, Exception):
        raise step
    return step


@dataclass
class Book:
    """A book in memory."""

    open: list = field(default_factory=list)
    states: dict = field(default_factory=dict)
    said: list = field(default_factory=list)

    def reserve(self, lines, *, owner, service, path, worst):
        """Keep a batch."""
        number = len(self.states) + 1
        self.states[number] = State.RESERVED
        return batch(number, len(lines), state=State.RESERVED, handle="")

    def change(self, batch, state, *, handle=None, said=None):
        """Note a state."""
        self.states[batch] = state
        self.said.append(said or "")

    def handles(self):
        """Return none."""
        return frozenset()

    def open_batches(self):
        """Return what was left open."""
        return self.open


def batch(number=1, lines=2, *, state=State.SUBMITTED, handle="batch_1", answered=0):
    """Return a batch as it is kept."""
    owner, service = "elicit/alpha", "openai"
    now = time.time()
    return Batch(
        number, "f", owner, service, "chat/completions", state, handle, "", 0.0, now, now, lines,
        answered,
    )  # fmt: skip


def requests(number=2):
    """Return requests by hash."""
    made = [
        Request("openai", "m", ({"role": "user", "content": str(n)},), {}) for n in range(number)
    ]
    return {request_id(one.canonical()): one for one in made}


ASKED = requests()
FIRST, SECOND = ASKED


@dataclass
class Ran:
    """What came of a scripted run."""

    answers: list
    book: Book
    kept: list


def run(wire, *, left=None, patience=0.3, ask=ASKED, first=0.0):
    """Ask for requests over a scripted service, `first` seconds after the start."""
    return asyncio.run(_run(wire, left, patience, ask, first))


async def _run(wire, left, patience, ask, first):
    table = ModelTable(model="m", service="openai", engine="batch", batch_poll=0.01)
    book = Book([left] if left else [], {left.batch.id: left.batch.state} if left else {})
    desk, kept = Desk(book), []
    desk.read_book({"elicit/alpha": "openai"})
    transport = BatchTransport(
        make_endpoint("alpha", table),
        BatchService(wire, 50_000, 10**8, None),
        None,
        desk,
        owner="elicit/alpha",
        stop=asyncio.Event(),
        patience=patience,
        ledger=Ledger(None),
    )
    transport.unasked = lambda name, response: kept.append(name)
    transport.start()
    transport.expect_no_more()
    await asyncio.sleep(first)
    answers = await asyncio.wait_for(
        asyncio.gather(*map(transport.send, ask.values()), return_exceptions=True), 20
    )
    await transport.close()
    desk.close_book()
    return Ran(answers, book, kept)


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Set a key; nothing is called."""
    monkeypatch.setenv("OPENAI_API_KEY", "planted-key-of-a-test")


def left(pending=ASKED, **more):
    """Return a batch that an earlier run left open."""
    return Open(batch(**more), frozenset(pending))


def test_a_batch_that_was_read_to_its_end_is_not_asked_for_again():
    """Killed after the last line and before the note: no look, whatever became of the results."""
    wire = Scripted(polls=[error(404)])
    ran = run(wire, left=left([], answered=2), ask={}, first=0.2)
    assert (wire.looks, ran.book.states) == (0, {1: State.COLLECTED})


def test_a_batch_of_which_only_lost_lines_are_left_is_ours():
    """Killed in the middle: what was read before is in the results too, and is known."""
    wire = Scripted(files=[[line(FIRST)]])
    ran = run(wire, left=left([SECOND], answered=1), ask={SECOND: ASKED[SECOND]})
    assert ran.answers[0].failure.status is Status.MALFORMED  # it was not among the results
    assert ran.book.states[1] is State.COLLECTED


def test_results_that_were_cut_are_read_again():
    """Fewer lines than the service says are done: the rest may come at the next look."""
    ran = run(Scripted(files=[[line(FIRST)], [line(FIRST), line(SECOND)]]))
    assert [answer.http for answer in ran.answers] == [200, 200]


def test_somebody_elses_batch_is_held():
    """Not one of our lines in it, and none was read before."""
    wire = Scripted(files=[[line("b2:00")]])
    ran = run(wire, left=left())
    assert ran.book.states[1] is State.HELD
    assert all(isinstance(answer, LeftPending) for answer in ran.answers)


def test_what_fails_before_anyone_asks_is_told_to_who_asks_later():
    """A batch that cannot be followed is not sent a second time."""
    wire = Scripted(polls=[error(400, status=Status.INVALID_REQUEST)])
    ran = run(wire, left=left(), first=0.3)
    assert wire.made == 0
    assert all("cannot be followed at" in str(answer) for answer in ran.answers)
    assert ran.book.states[1] is State.SUBMITTED


@pytest.mark.parametrize(
    ("http", "status", "said"),
    [
        (401, Status.UNAUTHORIZED, "was not accepted for batches"),
        (402, Status.NO_CREDIT, "no credit or quota left"),
        (403, Status.FORBIDDEN, "was not accepted for batches"),
        (302, Status.INVALID_REQUEST, "batch 1 (batch_1) cannot be followed"),
        (500, Status.SERVER_ERROR, "no answer on batches"),
        (200, Status.MALFORMED, "batch 1 (batch_1) cannot be followed"),
    ],
)
def test_a_batch_that_cannot_be_looked_at_stays_open(http, status, said):
    """The run ends with a line that says why, at once or after its patience."""
    wire = Scripted(polls=[WAITS, error(http, status=status)])
    ran = run(wire)
    assert said in str(ran.answers[0])
    assert (wire.made, ran.book.states) == (1, {1: State.SUBMITTED})


def test_a_wait_of_hours_is_told_with_its_end():
    """Retry-After beyond patience: the run ends, and nothing is lost."""
    wire = Scripted(polls=[error(429, status=Status.RATE_LIMITED, wait=5 * 3600.0)])
    ran = run(wire)
    assert "the service asks to wait until" in str(ran.answers[0])
    assert ran.book.states == {1: State.SUBMITTED}


@pytest.mark.parametrize("odd", [[], "text", None, {"request_counts": 3}])
def test_a_look_that_cannot_be_read_is_followed_by_another(odd):
    """A page or a list in place of a batch, once."""

    class Odd(Scripted):
        async def poll(self, api, handle):
            self.looks += 1
            return self.progress(odd) if self.looks == 1 else ENDED

    ran = run(Odd(files=[[line(name) for name in ASKED]]))
    assert [answer.http for answer in ran.answers] == [200, 200]


def test_results_that_never_come_end_the_run():
    """500 at each download: patience ends it, the batch stays open, and nothing hangs."""
    ran = run(Scripted(files=[[line(FIRST), error(500)]]))
    assert ran.answers[0].http == 200
    assert "no answer on batches" in str(ran.answers[1])
    assert ran.book.states == {1: State.SUBMITTED}


def test_results_that_are_no_json_are_held():
    """Nothing can be read from them, now or later: the user decides."""
    ran = run(Scripted(files=[[line(FIRST), error(None, status=Status.MALFORMED)]]))
    assert isinstance(ran.answers[1], LeftPending)
    assert ran.book.states == {1: State.HELD}


def test_an_end_without_any_file_is_held():
    """No counts and no results, as from a service that lost them: lines may have been paid for."""
    ran = run(Scripted(polls=[Progress(Phase.ENDED, "completed")], files=[[]]))
    assert all(isinstance(answer, LeftPending) for answer in ran.answers)
    assert ran.book.states == {1: State.HELD}


@pytest.mark.parametrize("after", [False, True])
def test_the_good_one_of_two_answers_counts(after):
    """A failure and an answer to the same line, in either order: it is not asked again."""
    lines = [line(FIRST, http=500), line(FIRST)]
    ran = run(Scripted(files=[[*(lines[::-1] if after else lines), line(SECOND)]]))
    assert [answer.http for answer in ran.answers] == [200, 200]


def test_a_file_that_cannot_be_written_is_told_in_one_line(monkeypatch):
    """A full disk: nothing was sent, and nothing is held."""

    def full(self, *rest):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BatchTransport, "_write", full)
    wire = Scripted()
    ran = run(wire)
    assert "a batch cannot be written to" in str(ran.answers[0])
    assert "No space left on device" in str(ran.answers[0])
    assert (wire.made, ran.book.states) == (0, {1: State.REFUSED})


def test_a_queue_that_is_full_for_ever_ends_the_run():
    """Batches are halved down to single lines, and then the run says so."""
    full = Progress(Phase.REFUSED, "failed", reason="Enqueued token limit reached", full=True)
    wire = Scripted(polls=[full])
    ran = run(wire, ask=requests(8), patience=60)
    assert all(isinstance(answer, EndpointError) for answer in ran.answers)
    assert "Enqueued token limit reached" in str(ran.answers[0])
    assert wire.made <= 15


def test_an_answer_to_a_create_call_that_nobody_can_read_is_looked_up():
    """Malformed, and the batch is on the list; malformed, and it is not: it stays reserved."""
    wire = Scripted(
        creates=[error(200, status=Status.MALFORMED, acted=True)],
        found=("batch_1",),
        files=[[line(name) for name in ASKED]],
    )
    assert [answer.http for answer in run(wire).answers] == [200, 200]
    ran = run(Scripted(creates=[error(200, status=Status.MALFORMED, acted=True)]))
    assert ran.book.states == {1: State.RESERVED}


def test_a_pause_has_an_end_however_often_it_was_tried():
    """No overflow at a thousand tries."""
    assert pause(5000, None) <= 60


def test_two_answers_to_one_line_are_told():
    """The first counts; that another came stands with the batch."""
    lines = [line(FIRST, text="yes"), line(FIRST, text="no"), line(SECOND), line(SECOND)]
    ran = run(Scripted(files=[lines]))
    assert b"yes" in ran.answers[0].body
    assert any("lines that came twice, in other words: 1" in said for said in ran.book.said)


def test_a_batch_at_another_service_is_left_alone(monkeypatch):
    """The study file names another service now: its batch is not looked for there."""
    open_batch = Open(batch()._replace(service="mistral"), frozenset(ASKED))
    wire = Scripted(files=[[line(name) for name in ASKED]])
    ran = run(wire, left=open_batch)
    assert (wire.looks, wire.made) == (0, 0)
    assert all(isinstance(answer, LeftPending) for answer in ran.answers)
