"""Whose fault a failure is: the endpoint's, which leaves trials pending, or the request's own."""

from __future__ import annotations

import threading
import time

import pytest
from tests.planted.service import chat, good, refused, service
from tests.planted.studies import rows, run_text, study_text

from ethogram.engine.caller import MAX_WAIT, Caller, Ledger, Meter, SharedAnswers
from ethogram.engine.endpoints import plan_endpoint
from ethogram.engine.health import BRAKE, MAX_FRUITLESS
from ethogram.engine.http import HttpTransport
from ethogram.engine.requests import Status, failure
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

TRIALS = 45


def study(url, judge_url=None, *, word_list, model=None, **keys):
    """Return a study of ten traits whose judge is somewhere else where that is said."""
    words = [f"word{letter}" for letter in "abcdefghij"]
    return study_text(
        url,
        traits=word_list(*words),
        models={"m": {"concurrency": 4, "backoff": 0.02, **(model or {})}},
        judges={"j": {"base_url": judge_url or url, "concurrency": 4, "backoff": 0.02}},
        **keys,
    )


def replies(store):
    """Count replies by status."""
    return dict(rows(store, "SELECT status, count(*) FROM reply GROUP BY 1"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Your credit balance is too low to access the API. Please purchase credits."),
        (402, "Insufficient Balance"),
        (429, "You exceeded your current quota, please check your plan and billing details."),
        (401, "Incorrect API key provided."),
        (400, "API key not valid. Please pass a valid API key."),
        (403, "This account is suspended for an unknown reason"),
        (400, "Something that nobody has heard of"),
    ],
)
def test_a_fault_of_the_endpoint_is_charged_to_no_trial(tmp_path, word_list, status, words):
    """Whatever it is said as: the run stops, and one more run completes the study."""
    mended = threading.Event()

    def answer(asked):
        served.append(asked)
        return good(asked) if len(served) <= 15 or mended.is_set() else refused(words, status)

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert isinstance(run.stopped, EndpointError)
        assert words[:30] in str(run.stopped)
        assert set(replies(tmp_path / "s.db")) == {"ok"}
        mended.set()
        again = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert again.stopped is None
        assert replies(tmp_path / "s.db") == {"ok": TRIALS}
        paid = rows(tmp_path / "s.db", "SELECT count(*) FROM attempt WHERE http = 200")
        assert paid == [(2 * TRIALS,)]


def test_one_request_that_is_turned_away_is_that_trials_loss(tmp_path, word_list):
    """A 403 that follows answers, met by one prompt only, does not stop the run."""

    def answer(asked):
        prompt = asked.body["messages"][-1]["content"]
        seen.setdefault(prompt, len(seen))
        return (
            refused("Forbidden for a reason of its own", 403) if seen[prompt] == 7 else good(asked)
        )

    seen = {}
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, model={"concurrency": 1})
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert run.stopped is None
    counts = replies(tmp_path / "s.db")
    assert counts.pop("invalid_request") >= 1
    assert set(counts) == {"ok"}


def test_an_outage_is_waited_out_and_loses_nothing(tmp_path, word_list):
    """The service is down for a second: all trials are answered in the same run."""

    def answer(asked):
        served.append(asked)
        if len(served) == 10:
            down.append(time.monotonic())
        return (
            refused("overloaded", 503) if down and time.monotonic() < down[0] + 1 else good(asked)
        )

    served, down = [], []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert run.stopped is None
    assert replies(tmp_path / "s.db") == {"ok": TRIALS}


def test_an_outage_beyond_patience_stops_and_leaves_trials_pending(tmp_path, word_list):
    """The message says how long there was no answer; nothing is lost."""

    def answer(asked):
        served.append(asked)
        return refused("down for maintenance", 503) if len(served) > 10 else good(asked)

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, patience=0.5)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "no answer from" in str(run.stopped)
    assert "down for maintenance" in str(run.stopped)
    assert set(replies(tmp_path / "s.db")) == {"ok"}


def test_a_rate_limit_uses_up_no_attempts(tmp_path, word_list):
    """More 429 in a row than there are attempts: they are waited out."""

    def answer(asked):
        served.append(asked)
        return refused("slow down", 429) if len(served) % 4 else good(asked)

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, attempts=2, max_trials=9)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert run.stopped is None
    assert replies(tmp_path / "s.db") == {"ok": 9}


def test_a_wait_longer_than_patience_stops_with_its_time(tmp_path, word_list):
    """Half a day is not waited for."""
    with service(lambda asked: (*refused("daily limit", 429), {"Retry-After": "43200"})) as model:
        text = study(model.url, word_list=word_list)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "the service asks to wait until" in str(run.stopped)
    assert replies(tmp_path / "s.db") == {}


def test_paid_answers_of_which_none_is_usable_stop_the_run(tmp_path, word_list):
    """The brake; without it the run goes on."""
    with service(lambda asked: (200, chat(""))) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, attempts=1)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert "--no-brake" in str(run.stopped)
        assert BRAKE <= run.calls <= BRAKE + 8
        on = run_text(text, tmp_path / "s.db", folder=tmp_path, brake=False)
        assert on.stopped is None
    assert replies(tmp_path / "s.db") == {"empty": TRIALS}


def test_the_brake_says_what_would_help(tmp_path, word_list):
    """The same as `models check` says."""
    thoughts = {"message": {"reasoning_content": "Let me see."}}
    with service(lambda asked: (200, chat(None, **thoughts))) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, attempts=1)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "To fix it: raise `max_tokens` (now 5120), or turn thinking off" in str(run.stopped)


def test_a_setting_that_is_refused_every_time_loses_no_trial(tmp_path, word_list):
    """Never an answer: the run stops after some calls, and all its trials are pending."""
    with service(lambda asked: refused("Unsupported value: 'temperature'")) as model:
        text = study(model.url, word_list=word_list)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "Unsupported value" in str(run.stopped)
    assert MAX_FRUITLESS <= run.calls <= MAX_FRUITLESS + 8
    assert replies(tmp_path / "s.db") == {}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "This prompt upsets me"),
        (403, "Not this one"),
        (400, "Your prompt was flagged by our content policy"),
        (500, "It broke"),
    ],
)
@pytest.mark.parametrize("poisoned", [1, 3])
def test_what_is_left_over_and_never_answered_is_decided_by_a_probe(
    tmp_path, word_list, status, words, poisoned
):
    """The last trials fail whatever is done: others are answered, so the run ends with a loss."""

    def answer(asked):
        prompt = asked.body["messages"][-1]["content"]
        if "hello" not in prompt:
            seen.setdefault(prompt, len(seen))
        bad = seen.get(prompt, 0) >= TRIALS - poisoned
        return (status, {"error": {"message": words}}) if bad else good(asked)

    seen = {}
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, patience=3)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert run.stopped is None
        counts = replies(tmp_path / "s.db")
        assert counts.pop("ok") == TRIALS - poisoned
        assert list(counts.values()) == [poisoned]
        again = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert again.calls == 0 or status == 500


def test_one_that_an_earlier_run_left_over_is_decided_too(tmp_path, word_list):
    """Nothing else is pending: the run asks for a word, and charges the trial."""
    paid = threading.Event()

    def answer(asked):
        prompt = asked.body["messages"][-1]["content"]
        seen.setdefault(prompt, len(seen))
        if len(seen) >= TRIALS and not paid.is_set():
            return refused("Insufficient balance", 402)
        return refused("This prompt upsets me") if seen[prompt] == TRIALS - 1 else good(asked)

    seen = {}
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, model={"concurrency": 1})
        assert run_text(text, tmp_path / "s.db", folder=tmp_path).stopped
        paid.set()
        assert run_text(text, tmp_path / "s.db", folder=tmp_path).stopped is None
    assert replies(tmp_path / "s.db") == {"ok": TRIALS - 1, "invalid_request": 1}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Something that nobody has heard of"),
        (403, "Your account has been flagged for violating our terms of use"),
        (400, "The content filter of this deployment is out of order: content_filter"),
        (503, "Content filter service temporarily unavailable"),
        (404, "Nothing here for you"),
        (451, "Not in your country"),
    ],
)
@pytest.mark.parametrize("answered", [0, 15, TRIALS - 1])
def test_no_words_of_an_endpoints_fault_charge_a_trial(
    tmp_path, word_list, status, words, answered
):
    """From the first call, in mid-run, or at the very last: pending, and completed later."""
    mended = threading.Event()

    def answer(asked):
        served.append(asked)
        fine = mended.is_set() or len(served) <= answered
        return good(asked) if fine else (status, {"error": {"message": words}})

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, patience=0.4)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
        assert isinstance(run.stopped, EndpointError)
        assert set(replies(tmp_path / "s.db")) <= {"ok"}
        mended.set()
        assert run_text(text, tmp_path / "s.db", folder=tmp_path).stopped is None
    assert replies(tmp_path / "s.db") == {"ok": TRIALS}


@pytest.mark.parametrize("stated", ["0", "-5", "Wed, 01 Jan 2020 00:00:00 GMT"])
def test_a_wait_that_does_not_help_grows(tmp_path, word_list, stated):
    """A service that says 429 and no wait is not asked hundreds of times."""
    with service(lambda asked: (*refused("slow down", 429), {"Retry-After": stated})) as model:
        text = study(model.url, word_list=word_list, patience=1, model={"backoff": 0.05})
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "slow down" in str(run.stopped)
    assert run.calls < 60


@pytest.mark.parametrize("stated", ["9" * 25, "1700000000000000", "99999999999"])
def test_an_absurd_wait_is_one_line(tmp_path, word_list, stated):
    """No year 55840, and no traceback."""
    with service(lambda asked: (*refused("slow down", 429), {"Retry-After": stated})) as model:
        text = study(model.url, word_list=word_list, patience=0.5)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert "slow down" in str(run.stopped)


def test_a_wait_beside_an_answer_stops_nothing(tmp_path, word_list):
    """Only where a call was turned away for a rate or an outage is a long wait a reason to stop."""

    def answer(asked):
        served.append(asked)
        if len(served) == 10:
            return (*refused("flagged by our content policy", 400), {"Retry-After": "99999"})
        return good(asked)

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, patience=5)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert run.stopped is None
    assert replies(tmp_path / "s.db") == {"ok": TRIALS - 1, "filtered": 1}


@pytest.mark.parametrize(
    "empty",
    [
        chat(""),
        chat(None, message={"reasoning_content": "Hm."}),
        chat("", choice={"finish_reason": "content_filter"}),
        chat(None, message={"refusal": "I would rather not."}),
    ],
    ids=["empty", "reasoning", "filter", "refusal"],
)
def test_a_probe_that_is_answered_without_a_text_decides_too(tmp_path, word_list, empty):
    """The endpoint works: the trial that is turned away is lost, and the run ends."""

    def answer(asked):
        prompt = asked.body["messages"][-1]["content"]
        if prompt == "Say hello.":
            return 200, empty
        seen.setdefault(prompt, len(seen))
        return refused("This prompt upsets me") if seen[prompt] == TRIALS - 1 else good(asked)

    seen = {}
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, model={"concurrency": 1})
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
        probes = [a for a in model.asked if a.body["messages"][-1]["content"] == "Say hello."]
    assert run.stopped is None
    assert len(probes) == 1
    assert replies(tmp_path / "s.db") == {"ok": TRIALS - 1, "invalid_request": 1}


@pytest.mark.parametrize("status", [400, 403, 503])
@pytest.mark.parametrize(("concurrency", "calls"), [(1, 8), (4, 8), (32, 40)])
def test_a_short_burst_of_failures_costs_no_trial(tmp_path, word_list, status, concurrency, calls):
    """Several requests in a row are turned away and then all is well: each is asked once more."""

    def answer(asked):
        served.append(asked)
        if 5 < len(served) <= 5 + calls:
            return status, {"error": {"message": "Temporarily out of units"}}
        return good(asked)

    served = []
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, model={"concurrency": concurrency})
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert run.stopped is None
    lost = {name: n for name, n in replies(tmp_path / "s.db").items() if name != "ok"}
    # A late answer may stand between the first ones and the rest: fewer than three are no burst.
    assert sum(lost.values()) <= (0 if concurrency == 1 or status == 503 else 2)


def test_what_failed_before_an_outage_is_not_charged_in_it(tmp_path, word_list):
    """Some fail once, others are answered, then all is down: their later tries say nothing."""
    mended = threading.Event()

    def answer(asked):
        prompt = asked.body["messages"][-1]["content"]
        served.append(asked)
        seen.setdefault(prompt, len(seen))
        late = seen[prompt] >= TRIALS - 8
        done = len([1 for n in seen.values() if n < TRIALS - 8]) >= TRIALS - 8
        if not mended.is_set() and (late or (done and len(served) > TRIALS + 8)):
            return refused("down", 503)
        return good(asked)

    served, seen = [], {}
    with service(answer) as model, service(good) as judge:
        text = study(model.url, judge.url, word_list=word_list, patience=2)
        text = text.replace("backoff = 0.02", "backoff = 0.2", 1)
        run_text(text, tmp_path / "s.db", folder=tmp_path)
        mended.set()
        assert run_text(text, tmp_path / "s.db", folder=tmp_path).stopped is None
    assert replies(tmp_path / "s.db") == {"ok": TRIALS}


def test_waits_do_not_grow_with_the_calls_in_flight():
    """Many calls that fail at once are one round, and no number of rounds is too large."""
    table = ModelTable(model="m", base_url="http://127.0.0.1:1/v1", concurrency=2000)
    endpoint = plan_endpoint("m", table)
    caller = Caller(
        endpoint,
        HttpTransport(endpoint, None),
        None,
        ledger=Ledger(None),
        meter=Meter(),
        answers=SharedAnswers(),
        stop=None,
        attempts=5,
        unparsed_attempts=3,
    )
    down = failure(Status.SERVER_ERROR, "down")
    for _ in range(2000):
        caller._hold(down)
    assert caller.health.probes == 1
    assert 0 < caller._held_until - time.monotonic() <= 1
    assert caller._wait(10**6) <= MAX_WAIT
