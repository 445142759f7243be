"""Studies through planted batch services: nothing is paid twice, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager
from importlib.metadata import distributions

import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.batches import SERVICES, Plan, serve_batches
from tests.planted.studies import cli, command, rows, run_text, same, strengths, study_text

from ethogram.api import cancel_batch, run_study
from ethogram.errors import EndpointError, InputError
from ethogram.stimuli.traits import load_traits
from ethogram.study import parse_study

TRAITS = load_traits("contested40").names
MODELS = {"alpha": ModelPlan()}
JUDGES = {"judge": JudgePlan(accuracy=0.9)}
KEYS = {
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "together": "TOGETHER_API_KEY",
}


@contextmanager
def batches(**plan):
    """Start a planted batch server."""
    plan = {"traits": TRAITS, "models": MODELS, "judges": JUDGES, **plan}
    with serve_batches(Plan(**plan)) as server:
        yield server


def batch_text(server, service, *, model=None, judge=None, **study):
    """Return a study that goes out in batches."""
    table = {
        "service": service,
        "base_url": server.url(service or "openai"),
        "api_key_env": "PLANTED_KEY",
        "engine": "batch",
        "batch_poll": 0.05,
        "max_tokens": 500,
    }
    return study_text(
        server.url(service or "openai"),
        models={"alpha": {**table, **(model or {})}},
        judges={"judge": {**table, **(judge or {})}},
        **study,
    )


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Set the key that the planted services are called with."""
    monkeypatch.setenv("PLANTED_KEY", "planted-key-of-a-test")


@pytest.mark.parametrize("service", SERVICES)
def test_a_study_through_each_service(service, tmp_path):
    """Two batches, everything paid once, and the ratings of the planted truth."""
    with batches() as server:
        run = run_text(batch_text(server, service, max_trials=200), tmp_path / "study.db")
        ledger = server.ledger()
    assert run.stopped is None
    assert (ledger["paid"], ledger["paid_twice"]) == (400, 0)
    assert ledger["lines"] == [200, 200]
    assert rows(tmp_path / "study.db", "SELECT DISTINCT status FROM reply") == [("ok",)]
    assert rows(tmp_path / "study.db", "SELECT DISTINCT state FROM batch") == [("collected",)]
    assert len(strengths(tmp_path / "study.db")) == 40


FAULTS = {
    "lost_create": 0.3,
    "no_create": 0.2,
    "full": 0.2,
    "expired": 0.3,
    "flap": 0.3,
    "unknown": 0.3,
    "duplicate": 0.3,
    "missing": 0.3,
    "errors": 0.3,
}


@pytest.mark.parametrize("service", SERVICES)
def test_faults_of_a_service_cost_nothing_twice(service, planted, tmp_path):
    """Whatever goes wrong, each request is paid once, and ratings are those of a live run."""
    live = planted(models=MODELS, judges=JUDGES)
    text = batch_text(live_beside(live), service, max_trials=120)
    text = text.replace('engine = "batch"', 'engine = "live"')
    assert run_text(text, tmp_path / "live.db").stopped is None
    small = {"batch_size": 24}
    with batches(faults=FAULTS, poll_429=0.2, fault_seed=3, most=20) as server:
        text = batch_text(server, service, max_trials=120, model=small, judge=small)
        for _ in range(12):  # three batches in a row that are cut before any line end a run
            run = run_text(text, tmp_path / "study.db")
            if run.stopped is None:
                break
        ledger = server.ledger()
    assert run.stopped is None
    assert ledger["paid_twice"] == 0
    assert ledger["requests"] == 240
    assert same(strengths(tmp_path / "study.db"), strengths(tmp_path / "live.db"))


def live_beside(server):
    """Return a live planted server as a batch server shows itself."""

    class Live:
        def url(self, service):
            return server.base_url

    return Live()


def test_a_batch_that_may_be_there_is_held_and_named(tmp_path):
    """No list to look it up in: nothing is sent again, until the user says so."""
    with batches(faults={"lost_create": 1.0}, lists=False) as server:
        text = batch_text(server, "openai", max_trials=60)
        first = run_text(text, tmp_path / "study.db")
        second = run_text(text, tmp_path / "study.db")
        assert server.ledger()["batches"] == 1
    for run in (first, second):
        assert "batch 1 of elicit/alpha (60 lines" in str(run.stopped)
        assert "--resubmit 1" in str(run.stopped)
        assert run.calls == 0
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM reply") == [(0,)]
    with batches() as server:
        study = parse_study(batch_text(server, "openai", max_trials=60))
        with pytest.raises(InputError, match=r"no batch 7 is held or written.*: there is 1"):
            run_study(study, store=tmp_path / "study.db", resubmit=[7])
        done = run_study(study, store=tmp_path / "study.db", resubmit=[1])
        assert (done.run.stopped, server.ledger()["paid"]) == (None, 120)


def test_results_that_are_gone_are_held(tmp_path):
    """Lines that were paid for and cannot be had are not paid for again unasked."""
    with batches(faults={"vanish": 1.0}) as server:
        text = batch_text(server, "openai", max_trials=60)
        run = run_text(text, tmp_path / "study.db")
        assert server.ledger()["paid_twice"] == 0
    assert "may have been run and paid for" in str(run.stopped)


def test_what_validation_refuses_is_said_with_its_line(tmp_path):
    """A batch that was taken and then refused: the service's own words, and nothing lost."""
    with batches(faults={"refused": 1.0}) as server:
        run = run_text(batch_text(server, "openai", max_trials=60), tmp_path / "study.db")
    assert "was refused: line 3 is not valid (line 3); mend what it names" in str(run.stopped)
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM reply") == [(0,)]


def test_a_study_goes_over_from_batches_to_live_calls(tmp_path):
    """What is in a batch is not asked live; what the batch leaves is."""
    store = tmp_path / "study.db"
    with batches(first_seconds=600) as server:
        text = batch_text(server, "openai", max_trials=60)
        study = tmp_path / "study.toml"
        study.write_text(text)
        with subprocess.Popen(command("run", study, "--no-report"), cwd=tmp_path) as process:
            wait_for(lambda: server.ledger()["batches"] == 1, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        live = text.replace('engine = "batch"', 'engine = "live"')
        waiting = run_text(live, store)
        assert "batch 1 of elicit/alpha is open at http" in str(waiting.stopped)
        assert waiting.calls == 0
        assert cancel_batch(parse_study(text), 1, store=store).lines == 60
        assert run_text(text, store, stages=("elicit",)).stopped is None
        assert server.ledger()["lines"] == [60, 20]  # a third had not been asked
        assert run_text(live, store).stopped is None
        ledger = server.ledger()
    assert (ledger["batches"], ledger["paid"], ledger["paid_twice"]) == (2, 120, 0)


def wait_for(truth, process, *, seconds=60):
    """Wait until something is so, or a process has ended."""
    until = time.monotonic() + seconds
    while not truth() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)


def test_the_spending_limit_holds_for_what_is_submitted(tmp_path):
    """The worst case of every line in a batch is set aside before it is sent."""
    prices = {"prices": {"input": 1.0, "output": 1.0}}
    with batches() as server:
        text = batch_text(
            server, "openai", max_trials=200, spend_limit=0.02, model=prices, judge=prices
        )
        run = run_text(text, tmp_path / "study.db")
        ledger = server.ledger()
    assert "stopped before the spending limit" in str(run.stopped)
    assert 0 < ledger["paid"] < 400
    (spent,) = rows(tmp_path / "study.db", "SELECT sum(cost) FROM attempt")[0]
    assert spent == pytest.approx(ledger["paid"] * 150e-6 / 2)  # at half the price
    assert spent < 0.02


def test_judging_goes_out_while_replies_come(tmp_path):
    """Judging goes out a batch for each batch_size replies."""
    with batches() as server:
        size = {"batch_size": 40}
        run = run_text(
            batch_text(server, "openai", max_trials=100, judge=size), tmp_path / "study.db"
        )
        assert run.stopped is None
        assert server.ledger()["lines"] == [100, 40, 40, 20]


KILLS = int(os.environ.get("ETHOGRAM_KILLS", "4"))


def test_a_batch_run_killed_at_random_moments_pays_for_nothing_twice(planted, tmp_path):
    """`kill -9` around submission, looks and downloads: the ledger is that of one run."""
    trials = {} if KILLS >= 30 else {"max_trials": 400}
    traits = load_traits("study144" if KILLS >= 30 else "contested40").names
    (tmp_path / "traits.txt").write_text("\n".join(traits) + "\n")
    trials["traits"] = str(tmp_path / "traits.txt")
    n = 10_296 if KILLS >= 30 else 400
    live = planted(models=MODELS, judges=JUDGES, traits=traits)
    text = batch_text(live_beside(live), "openai", **trials)
    assert run_text(text.replace('engine = "batch"', 'engine = "live"'), tmp_path / "live.db")
    rng = random.Random(5)
    faults = {"lost_create": 0.2, "errors": 0.1, "duplicate": 0.2}
    size = {"batch_size": n // 4}
    with batches(faults=faults, seconds=0.8, traits=traits) as server:
        study = tmp_path / "study.toml"
        study.write_text(batch_text(server, "openai", model=size, judge=size, **trials))
        for _ in range(KILLS):
            words = command("run", study, "--no-report", "-q")
            with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
                before = server.ledger()
                wait_for(lambda b=before: moved(server.ledger(), b, rng), process, seconds=30)
                time.sleep(rng.random() * 0.3)
                process.kill()
        final = cli("run", study, "--no-report", cwd=tmp_path)
        assert final.returncode in (0, 1), final.stderr
        ledger = server.ledger()
    assert ledger["paid_twice"] == 0
    assert ledger["requests"] == 2 * n
    assert same(strengths(tmp_path / "study.db"), strengths(tmp_path / "live.db"))
    assert rows(tmp_path / "study.db", "PRAGMA integrity_check") == [("ok",)]


def moved(now, before, rng):
    """Whether a server was asked for something since, or, now and then, at once."""
    return now["batches"] > before["batches"] or now["looks"] > before["looks"] + rng.randrange(4)


ODD = {
    "no_id": SERVICES,
    "html": SERVICES,
    "upper": ("openai", "anthropic"),
    "error_first": ("openrouter", "anthropic", "gemini"),
    "foreign": ("openai", "openrouter"),
    "cut": ("openai", "anthropic"),
}


@pytest.mark.parametrize(
    ("fault", "service"), [(fault, service) for fault, there in ODD.items() for service in there]
)
def test_what_a_service_does_oddly_is_paid_once(fault, service, tmp_path):
    """A create answer without an id, other letters, a failure before the answer, a cut file."""
    with batches(faults={fault: 1.0}) as server:
        text = batch_text(server, service, max_trials=60)
        runs = [run_text(text, tmp_path / "study.db")]
        if runs[0].stopped is not None:
            runs.append(run_text(text, tmp_path / "study.db"))
        ledger = server.ledger()
    assert runs[-1].stopped is None
    assert (ledger["paid"], ledger["paid_twice"], ledger["batches"]) == (120, 0, 2)
    assert rows(tmp_path / "study.db", "SELECT count(*), status FROM reply") == [(60, "ok")]
    assert rows(tmp_path / "study.db", "SELECT DISTINCT state FROM batch") == [("collected",)]


def test_a_gateway_that_loses_metadata_is_searched_by_file(tmp_path):
    """A lost create answer, and no mark on the list: the file's name tells whose it is."""
    with batches(faults={"lost_create": 1.0, "bare": 1.0}) as server:
        run = run_text(batch_text(server, None, max_trials=60), tmp_path / "study.db")
        ledger = server.ledger()
    assert run.stopped is None
    assert (ledger["paid"], ledger["batches"]) == (120, 2)


def test_a_lost_batch_whose_results_come_late_is_still_known_by_them(tmp_path):
    """Ended, and no results at the first reading: it is looked at again, not sent again."""
    with batches(faults={"lost_create": 1.0, "late": 1.0}) as server:
        run = run_text(batch_text(server, "openrouter", max_trials=60), tmp_path / "study.db")
        ledger = server.ledger()
    assert run.stopped is None
    assert (ledger["paid"], ledger["batches"]) == (120, 2)


def test_a_lost_batch_is_looked_for_again_where_only_others_are_on_the_list(tmp_path):
    """Another study's batch of the same size is listed at once, ours a moment later."""
    with batches(faults={"lost_create": 1.0, "unlisted": 1.0}) as server:
        for seed in (1, 2):
            text = batch_text(server, "openrouter", max_trials=60, seed=seed)
            assert run_text(text, tmp_path / f"{seed}.db").stopped is None
        ledger = server.ledger()
    assert (ledger["paid"], ledger["batches"]) == (240, 4)


def test_a_clock_that_is_wrong_pays_for_nothing_twice(tmp_path, monkeypatch):
    """Hours ahead at the reservation: the batch is still found on the list."""
    real = time.time
    monkeypatch.setattr("ethogram.store.batches.time.time", lambda: real() + 7 * 3600)
    for service in ("openai", "openrouter", "mistral"):
        with batches(faults={"lost_create": 1.0}) as server:
            text = batch_text(server, service, max_trials=60)
            assert run_text(text, tmp_path / f"{service}.db").stopped is None
            assert server.ledger()["batches"] == 2


def test_a_key_that_ends_before_the_results_is_told_and_holds_nothing(tmp_path):
    """401 at the download: one line names it, and the next run collects."""
    with batches(faults={"denied": 1.0}) as server:
        text = batch_text(server, "openai", max_trials=60)
        first = run_text(text, tmp_path / "study.db")
        assert "the key in PLANTED_KEY was not accepted for batches" in str(first.stopped)
        assert rows(tmp_path / "study.db", "SELECT state FROM batch") == [("submitted",)]
        run_text(text, tmp_path / "study.db")
        assert run_text(text, tmp_path / "study.db").stopped is None
        assert server.ledger()["paid"] == 120


def test_a_state_that_nobody_knows_is_told(tmp_path):
    """It is waited for as long as patience lasts, then named; the batch stays open."""
    with batches(faults={"strange": 1.0}) as server:
        text = batch_text(server, "openai", max_trials=60, patience=1.0)
        run = run_text(text, tmp_path / "study.db")
        assert server.ledger()["batches"] == 1
    assert "is 'on_hold_by_owner' at" in str(run.stopped)
    assert "a state that is not known" in str(run.stopped)
    assert rows(tmp_path / "study.db", "SELECT state FROM batch") == [("submitted",)]


@pytest.mark.parametrize("service", ["anthropic", "openrouter"])
def test_a_look_up_that_is_killed_leaves_a_reservation(service, tmp_path):
    """`kill -9` while a batch that may be ours is waited for: the next run looks again."""
    with batches(faults={"lost_create": 1.0}, seconds=2.5) as server:
        study = tmp_path / "study.toml"
        study.write_text(batch_text(server, service, max_trials=60))
        words = command("run", study, "--no-report", "-q")
        with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda: server.ledger()["looks"] >= 2, process)
            process.kill()
        found = rows(tmp_path / "study.db", "SELECT state, handle FROM batch")
        assert found == [("reserved", "")]
        assert run_text(study.read_text(), tmp_path / "study.db").stopped is None
        ledger = server.ledger()
    assert (ledger["batches"], ledger["paid"], ledger["paid_twice"]) == (2, 120, 0)


def test_an_answer_that_comes_while_its_row_waits_for_money_is_not_bought_again(tmp_path):
    """An adopted batch is charged at once; what it brings is there when its rows' turn comes."""
    prices = {"prices": {"input": 1.0, "output": 1.0}}
    more = {"model": prices, "judge": prices, "max_trials": 60}
    with batches(first_seconds=3) as server:
        study = tmp_path / "study.toml"
        study.write_text(batch_text(server, "openai", **more))
        with subprocess.Popen(command("run", study, "--no-report"), cwd=tmp_path) as process:
            wait_for(lambda: server.ledger()["looks"] >= 1, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        (worst,) = rows(tmp_path / "study.db", "SELECT worst FROM batch")[0]
        limit = batch_text(server, "openai", spend_limit=worst * 1.5, **more)
        run = run_text(limit, tmp_path / "study.db", stages=("elicit",))
        ledger = server.ledger()
    assert run.stopped is None
    assert (ledger["batches"], ledger["paid"]) == (1, 60)
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM attempt") == [(60,)]


def test_a_batch_that_is_left_alone_counts_against_the_spending_limit(tmp_path):
    """Its worst case is charged: what it may cost cannot be spent a second time."""
    prices = {"prices": {"input": 1.0, "output": 1.0}}
    table = {**prices, "max_tokens": 500}
    with batches(first_seconds=600) as server:
        study = tmp_path / "study.toml"
        study.write_text(batch_text(server, "openai", model=table, judge=table, max_trials=60))
        with subprocess.Popen(command("run", study, "--no-report"), cwd=tmp_path) as process:
            wait_for(lambda: server.ledger()["looks"] >= 1, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        (worst,) = rows(tmp_path / "study.db", "SELECT worst FROM batch")[0]
        text = batch_text(
            server, "openai", model=table, judge=table, max_trials=120, spend_limit=worst * 1.2
        ).replace('engine = "batch"', 'engine = "live"')
        run = run_text(text, tmp_path / "study.db", stages=("elicit",))
        assert 0 < run.calls < 60
    assert "stopped before the spending limit" in str(run.stopped)


@pytest.mark.parametrize("service", ["openai", "gemini", "openrouter"])
def test_verdicts_by_log_probabilities_come_from_batches(service, tmp_path):
    """Every verdict has its probability, whatever the service calls it."""
    with batches() as server:
        text = batch_text(server, service, max_trials=60, judge={"verdict": "logprobs"})
        assert run_text(text, tmp_path / "study.db").stopped is None
    assert rows(tmp_path / "study.db", "SELECT count(p_first) FROM verdict") == [(60,)]


def test_verdicts_of_a_base_model_go_out_in_one_batch(tmp_path):
    """The word after the reply and the prior at once, and the prior once for a pair of words."""
    with batches() as server:
        text = batch_text(server, "openai", max_trials=60, judge={"verdict": "completion"})
        assert run_text(text, tmp_path / "study.db").stopped is None
        assert len(server.ledger()["lines"]) == 2
    assert rows(tmp_path / "study.db", "SELECT count(p_first) FROM verdict") == [(60,)]


@pytest.mark.parametrize(
    ("service", "table", "said"),
    [
        ("anthropic", {"verdict": "completion"}, "take messages only, not completions"),
        ("anthropic", {"verdict": "logprobs"}, "gives no log-probabilities"),
        ("gemini", {"verdict": "completion"}, "take chats only, not completions"),
        ("deepseek", {}, "deepseek has no batches that are known"),
        ("openrouter", {"extra_body": {"provider": {"order": ["x"]}}}, "provider has order"),
    ],
)
def test_what_cannot_go_out_in_batches_is_refused_before_anything_is_asked(
    service, table, said, tmp_path
):
    """One clear line; nothing is submitted for the others either."""
    with batches() as server:
        text = batch_text(server, "openai", max_trials=60)
        other = batch_text(server, service, max_trials=60, judge=table)
        text = text[: text.index("[judges")] + other[other.index("[judges") :]
        with pytest.raises(EndpointError, match=said):
            run_text(text, tmp_path / "study.db")
        assert server.ledger()["batches"] == 0


@pytest.mark.parametrize("twice", [False, True])
def test_ctrl_c_while_a_batch_is_submitted_keeps_it(twice, tmp_path):
    """The first waits for its id; the second leaves it to the next run, which finds it."""
    with batches(create_seconds=2.0) as server:
        study = tmp_path / "study.toml"
        study.write_text(batch_text(server, "openai", max_trials=60))
        words = command("run", study, "--no-report", "-q")
        with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE) as process:
            wait_for(lambda: server.ledger()["batches"] == 1, process)
            process.send_signal(signal.SIGINT)
            if twice:
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert b"Traceback" not in process.stderr.read()
        state = "reserved" if twice else "submitted"
        assert rows(tmp_path / "study.db", "SELECT state FROM batch") == [(state,)]
        assert run_text(study.read_text(), tmp_path / "study.db").stopped is None
        ledger = server.ledger()
    assert (ledger["batches"], ledger["paid"]) == (2, 120)


@pytest.mark.skipif(any(distributions(name="ray")), reason="Ray is installed")
def test_what_needs_ray_is_refused_before_anything_is_shown(tmp_path):
    """One line, and no table of progress before it."""
    table = {"base_url": None, "engine": "ray"}
    text = study_text("http://127.0.0.1:9/v1", models={"alpha": table}, max_trials=60)
    (tmp_path / "study.toml").write_text(text)
    ran = cli("run", "study.toml", cwd=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert 'pip install "ethogram[ray]"' in ran.stderr


def test_a_run_that_is_interrupted_names_what_goes_on_at_the_service(tmp_path):
    """The batch is paid for, whether it is collected or not."""
    with batches(seconds=60) as server:
        (tmp_path / "study.toml").write_text(batch_text(server, "openai", max_trials=60))
        with subprocess.Popen(
            command("run", "study.toml", "--no-report"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            wait_for(lambda: server.ledger()["looks"] > 1, process, seconds=30)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "No answer came; 120 answers are pending." in said
    assert "Batch 1 of elicit/alpha (60 requests) goes on at its service" in said


def test_a_service_that_was_sent_no_key_is_told_so(tmp_path):
    """A base_url has no key of its own: the line says which setting is missing."""
    with batches() as server:
        text = batch_text(server, "anthropic", max_trials=60)
        run = run_text(text.replace('api_key_env = "PLANTED_KEY"', ""), tmp_path / "study.db")
    assert "no key was sent" in str(run.stopped)
    assert "as api_key_env" in str(run.stopped)


def test_a_plan_says_which_price_a_study_in_batches_is_asked_at(tmp_path):
    """Two prices, and the one that counts is named."""
    table = {"service": "openai", "base_url": None, "model": "gpt-5-mini", "engine": "batch"}
    text = study_text("", models={"alpha": table}, judges={"judge": table}, max_trials=60)
    (tmp_path / "study.toml").write_text(text)
    assert "In batches (as this study is asked)" in cli("plan", "study.toml", cwd=tmp_path).stdout
    text = text.replace('"batch"', '"live"', 1)
    (tmp_path / "study.toml").write_text(text)
    assert 'In batches (engine = "batch",' in cli("plan", "study.toml", cwd=tmp_path).stdout
