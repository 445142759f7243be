"""Studies through a LiteLLM proxy, which nobody here wrote, to SmolLM2: `make test-gateway`."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.gateway.servers import KEY, NAME, litellm_proxy, model_server
from tests.planted.studies import command, environment, rows, run_text, study_text

from ethogram.engine.local import local_file
from ethogram.engine.requests import USABLE
from ethogram.errors import EndpointError

VARIABLE = "HOUSE_KEY"
TRIALS = 3
PAID = "SELECT count(*), count(DISTINCT request) FROM attempt WHERE http = 200"


@pytest.fixture(scope="module")
def program():
    """Return the proxy's program, from an environment of its own."""
    if "ETHOGRAM_GATEWAY" not in os.environ:
        pytest.skip("the proxy is not installed: run `make test-gateway`")
    return str(Path(os.environ["ETHOGRAM_GATEWAY"]).absolute())


@pytest.fixture(scope="module")
def model(program, tmp_path_factory):
    """Start the model that is behind the proxy."""
    with model_server(local_file("local/smollm2"), tmp_path_factory.mktemp("model")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(program, model, tmp_path_factory):
    """Start the proxy."""
    with litellm_proxy(program, model, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(autouse=True)
def right_key(monkeypatch):
    """Set the key that the proxy knows."""
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def study(proxy, tmp_path):
    """Return a function that writes a study of four traits and three short prompts.

    Its temperature is 0, so that no reply is empty by chance.
    """
    (tmp_path / "traits.txt").write_text("warm\nblunt\npoetic\ncurt\n")
    (tmp_path / "prompts.csv").write_text(
        "prompt\nHow do I boil an egg?\nTell me about the sea.\nI am tired today.\n"
    )
    common = {
        "model": NAME,
        "api_key_env": VARIABLE,
        "temperature": 0.0,
        "concurrency": 2,
        "backoff": 0.05,
        "timeout": 30,  # seconds, so that no test waits for long
    }

    def text(*, trials=TRIALS, model=None, **keys):
        return study_text(
            proxy.url,
            traits="traits.txt",
            prompts="prompts.csv",
            max_trials=trials,
            models={"m": {**common, "max_tokens": 16, **(model or {})}},
            judges={"j": {**common, "max_tokens": 24, "grammar": True}},
            **keys,
        )

    return text


def replies(store):
    """Count replies by status."""
    return dict(rows(store, "SELECT status, count(*) FROM reply GROUP BY 1"))


def assert_complete(store, trials=TRIALS):
    """Every trial is answered and judged, and no answer was paid for twice."""
    found = replies(store)
    assert found.keys() <= USABLE
    assert sum(found.values()) == trials
    assert rows(store, "SELECT count(*) FROM verdict WHERE winner IS NOT NULL") == [(trials,)]
    assert rows(store, PAID) == [(2 * trials, 2 * trials)]


def test_every_trial_is_answered_and_its_usage_kept(study, store_path, tmp_path):
    """The model's key in a header of the proxy's own, the judge's as a bearer token.

    The name of the model is what the proxy calls it, tokens are counted, the key is in no file.
    """
    header = {"api_key_env": None, "headers": {"x-litellm-api-key": f"env:{VARIABLE}"}}
    text = study(model=header)
    run = run_text(text, store_path, folder=tmp_path)
    assert run.stopped is None
    assert_complete(store_path)
    kept = rows(store_path, "SELECT model_said, prompt_tokens, completion_tokens FROM attempt")
    for said, asked, answered in kept:
        assert said == NAME
        assert asked > 10
        assert 0 < answered <= 24
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.iterdir())
    assert run_text(text, store_path, folder=tmp_path).calls == 0


def test_the_check_passes(study, tmp_path, ethogram):
    """A model and a judge with a grammar: each answers, nothing is refused or ignored."""
    (tmp_path / "study.toml").write_text(study())
    code, said, err = ethogram("models", "check", "study.toml")
    assert code == 0, said + err
    assert KEY not in said + err


def test_the_check_says_what_the_proxy_says_of_a_wrong_key(study, tmp_path, ethogram, monkeypatch):
    """Without a database the proxy knows its master key alone, and says so in its own way."""
    monkeypatch.setenv(VARIABLE, "sk-a-wrong-key-of-this-test")
    (tmp_path / "study.toml").write_text(study())
    code, said, err = ethogram("models", "check", "study.toml")
    assert code == 1
    assert f"the key in {VARIABLE} was not accepted" in said + err
    assert "No connected db." in said + err


def test_a_wrong_key_is_charged_to_no_trial(study, store_path, tmp_path, monkeypatch):
    """The run stops at once with the proxy's words; the right key completes the study."""
    text = study()
    monkeypatch.setenv(VARIABLE, "sk-a-wrong-key-of-this-test")
    run = run_text(text, store_path, folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert "No connected db." in str(run.stopped)
    assert VARIABLE in str(run.stopped)
    assert run.calls <= 2  # as many as were in flight
    assert replies(store_path) == {}
    monkeypatch.setenv(VARIABLE, KEY)
    assert run_text(text, store_path, folder=tmp_path).stopped is None
    assert_complete(store_path)


def test_a_model_that_the_proxy_does_not_know_stops_the_run(study, store_path, tmp_path):
    """In the proxy's words, with every trial pending."""
    text = study(model={"model": "nowhere"})
    run = run_text(text, store_path, folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert "no model 'nowhere'" in str(run.stopped)
    assert "Invalid model name passed in model=nowhere" in str(run.stopped)
    assert replies(store_path) == {}


def wait_for_an_answer(store, process, seconds=60.0):
    """Wait until a store holds an answer that was paid for."""
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        with suppress(sqlite3.OperationalError):  # it has no file yet, or no tables
            if rows(store, PAID)[0][0]:
                return
        time.sleep(0.02)
    raise AssertionError("no answer was stored")


def test_a_model_that_dies_behind_the_proxy_loses_no_trial(model, study, store_path, tmp_path):
    """The proxy says 500 for it; beyond `patience` the run stops, and a later one completes it."""
    text = study(trials=12, repeats=2, patience=1)
    file = tmp_path / "planted.toml"
    file.write_text(text)
    words = command("run", file, "--store", store_path, "--no-report")
    with subprocess.Popen(
        words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            wait_for_an_answer(store_path, process)
            model.kill()
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 2
    assert "Connection error" in said
    found = replies(store_path)
    assert found.keys() <= USABLE
    assert sum(found.values()) < 12
    model.start()
    assert run_text(text, store_path, folder=tmp_path).stopped is None
    assert_complete(store_path, 12)
