"""Whose fault a failure is: the endpoint's, which leaves trials pending, or the request's own."""

from __future__ import annotations

import threading
import time

import pytest
from tests.planted.service import chat, good, refused, service
from tests.planted.studies import rows, run_text, study_text

from ethogram.engine.health import BRAKE, MAX_FRUITLESS
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


def test_a_setting_that_is_refused_every_time_loses_no_trial(tmp_path, word_list):
    """Never an answer: the run stops after some calls, and all its trials are pending."""
    with service(lambda asked: refused("Unsupported value: 'temperature'")) as model:
        text = study(model.url, word_list=word_list)
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    assert "Unsupported value" in str(run.stopped)
    assert MAX_FRUITLESS <= run.calls <= MAX_FRUITLESS + 8
    assert replies(tmp_path / "s.db") == {}
