"""The spending limit, and where prices come from."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess

import pytest
from tests.planted.studies import (
    command,
    prepare_text,
    rows,
    run_text,
    study_text,
    wait_for_requests,
)

from ethogram.engine.caller import Ledger
from ethogram.engine.prices import cost_of, find_price
from ethogram.engine.requests import Usage
from ethogram.engine.settings import ModelTable
from ethogram.errors import SpendLimitReached, StudyError
from ethogram.run.cost import make_plan
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages
from ethogram.store.store import Store

HAIKU = "anthropic/claude-haiku-4.5"
TRAITS = load_traits("contested40").names[:12]  # 66 trials, 132 calls
PRICES = {"input": 10.0, "output": 30.0}  # US dollars per million tokens
PRICED = {"prices": PRICES, "max_tokens": 300, "concurrency": 8}


def priced_text(url, word_list, *, table=PRICED, **study):
    """Return the text of a study whose model and judge have prices."""
    tables = {"models": {"alpha": table}, "judges": {"judge": table}}
    return study_text(url, traits=word_list(*TRAITS), **tables, **study)


def spent(path):
    """Return what a store has paid for, from its tokens and the prices."""
    (sums,) = rows(path, "SELECT sum(prompt_tokens), sum(completion_tokens) FROM attempt")
    return ((sums[0] or 0) * PRICES["input"] + (sums[1] or 0) * PRICES["output"]) / 1e6


# -- runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0.05, 0.15])
def test_a_run_stops_before_it_passes_the_limit(planted, tmp_path, word_list, limit):
    """It spends most of what is allowed and never more, and loses nothing of what it bought."""
    server, path = planted(latency_ms=2), tmp_path / "study.db"
    run = run_text(
        priced_text(server.base_url, word_list, spend_limit=limit), path, folder=tmp_path
    )
    assert isinstance(run.stopped, SpendLimitReached)
    most_for_a_call = 0.02  # 300 tokens of answer and at most 1,100 of question
    assert limit - most_for_a_call < spent(path) <= limit
    assert rows(path, "SELECT count(*) FROM attempt") == [(server.stats()["requests"],)]
    with Store.read(path) as opened:
        assert opened.spent() == (pytest.approx(spent(path)), 0)
        assert all(c.lost == 0 for c in count_stages(opened))


def test_a_stopped_run_says_what_is_left_and_goes_on_when_the_limit_is_raised(
    planted, ethogram, tmp_path, word_list
):
    """Exit code 2 and one line with both sums; the next run buys only what is missing."""
    server = planted()
    file = tmp_path / "study.toml"
    file.write_text(priced_text(server.base_url, word_list, spend_limit=0.05))
    code, out, err = ethogram("run", "study.toml", "--no-report")
    assert code == 2
    assert "stopped before the spending limit: $0.0" in err
    assert "$0.05 allowed" in err
    assert "raise spend_limit and run again" in err
    code, out, _ = ethogram("status", "study.db")
    assert code == 0
    assert "Spent: $0.0" in out
    file.write_text(priced_text(server.base_url, word_list, spend_limit=5.0))
    code, out, err = ethogram("run", "study.toml", "--no-report")
    assert (code, err.count("stopped")) == (0, 0)
    assert (server.stats()["requests"], server.stats()["again_after"]) == (132, {})
    assert spent(tmp_path / "study.db") > 0.05


def test_a_limit_that_was_reached_buys_nothing_more(planted, tmp_path, word_list):
    """What was spent before counts: the same run again stops at once or within the limit."""
    server, path = planted(), tmp_path / "study.db"
    text = priced_text(server.base_url, word_list, spend_limit=0.05)
    for _ in range(4):
        assert isinstance(run_text(text, path, folder=tmp_path).stopped, SpendLimitReached)
        assert spent(path) <= 0.05


def test_answers_without_usage_count_as_the_most_they_can_cost(planted, tmp_path, word_list):
    """Where a service reports no tokens, the limit holds for the worst case, run after run."""
    server, path = planted(), tmp_path / "study.db"
    table = {**PRICED, "model": "alpha+fault:missing_usage"}
    text = priced_text(server.base_url, word_list, table=table, spend_limit=0.1)
    calls = []
    for _ in range(3):
        run = run_text(text, path, folder=tmp_path, stages=["elicit"])
        assert isinstance(run.stopped, SpendLimitReached)
        calls.append(run.calls)
    # The answer alone can cost 300 x 30 / 1e6 = $0.009: at most eleven such calls in all.
    assert sum(calls) <= 11, calls
    assert calls[0] > 3
    with Store.read(path) as opened:
        assert opened.spent()[1] == sum(calls)  # said to be unknown


def test_a_killed_run_stays_within_the_limit_when_it_goes_on(planted, tmp_path, word_list):
    """Only what was in flight at the kill can be missing from the account."""
    server, path = planted(hold_after=25), tmp_path / "study.db"
    file = tmp_path / "study.toml"
    file.write_text(priced_text(server.base_url, word_list, spend_limit=0.15))
    with subprocess.Popen(command("run", file, "--no-report"), cwd=tmp_path) as process:
        wait_for_requests(server, 25, process)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    server.release()
    run = run_text(file.read_text(), path, folder=tmp_path)
    assert isinstance(run.stopped, SpendLimitReached)
    assert 0.13 < spent(path) <= 0.15


def test_a_limit_with_an_unknown_price_is_refused(planted, tmp_path, word_list):
    """A limit that could not be kept is refused before any call, with the key to give."""
    server = planted()
    text = priced_text(server.base_url, word_list, table={}, spend_limit=1.0)
    with pytest.raises(StudyError, match=r"price of alpha \(alpha\) is unknown: give prices = "):
        run_text(text, tmp_path / "study.db", folder=tmp_path)
    assert server.stats()["requests"] == 0


def test_without_a_limit_an_unknown_price_is_said_to_be_unknown(
    planted, ethogram, tmp_path, word_list
):
    """`plan`, `run` and `status` say that nobody knows what it costs."""
    server = planted()
    (tmp_path / "study.toml").write_text(priced_text(server.base_url, word_list, table={}))
    code, out, _ = ethogram("plan", "study.toml")
    assert code == 0
    assert "About unknown, at most unknown, excluding retries." in out
    assert "Prices unknown: alpha, judge." in out
    assert server.stats()["requests"] == 0
    _, out, _ = ethogram("run", "study.toml", "--no-report")
    assert "132 calls, cost unknown." in out
    _, out, _ = ethogram("status", "study.db")
    assert "and 132 attempts of unknown cost" in out


# -- the ledger -------------------------------------------------------------------------------


def test_calls_wait_for_those_in_flight_before_they_give_up():
    """Money set aside that is not used lets the next call start."""

    async def work():
        ledger, order = Ledger(1.0), []

        async def call(number):
            await ledger.reserve(0.6)
            order.append(number)
            await asyncio.sleep(0.01)
            ledger.settle(0.6, 0.2)

        results = await asyncio.gather(*(call(n) for n in range(5)), return_exceptions=True)
        return ledger, order, results

    ledger, order, results = asyncio.run(asyncio.wait_for(work(), 60))
    # 0.2 each: after two calls 0.4 is spent, and 0.4 + 0.6 is just allowed; after three it is not.
    assert order == [0, 1, 2]
    assert ledger.spent == pytest.approx(0.6)
    assert [type(r) for r in results[3:]] == [SpendLimitReached] * 2


def test_without_a_limit_nothing_waits():
    """Ten calls of a million dollars each are set aside at once."""

    async def work():
        ledger = Ledger(None)
        for _ in range(10):
            await ledger.reserve(1e6)
        return ledger.reserved

    assert asyncio.run(asyncio.wait_for(work(), 60)) == 1e7


# -- prices -----------------------------------------------------------------------------------


def table(**keys):
    """Return a model's table."""
    return ModelTable.model_validate({"model": "m", "service": "openrouter", **keys})


@pytest.mark.parametrize(
    ("keys", "source"),
    [
        ({"model": HAIKU}, "genai-prices"),
        (
            {"model": HAIKU, "prices": {"input": 1, "output": 2}},
            "study file",
        ),
        ({"model": "nobody/knows-this-one"}, None),
        ({"model": HAIKU, "base_url": "http://127.0.0.1:9/v1"}, None),
        ({"model": "any", "service": "vllm"}, "vllm runs on a machine of your own"),
        ({"model": "local/smollm2"}, "runs on this machine"),
    ],
)
def test_a_price_is_the_study_files_or_a_listed_one_or_unknown(keys, source):
    """In this order; an address of one's own has no listed price."""
    price = find_price(table(**keys))
    assert (price and price.source) == source


def test_a_listed_price_is_in_dollars_a_million_tokens():
    """Claude Haiku 4.5 is listed at $1 in and $5 out, by its maker and by OpenRouter."""
    price = find_price(table(model=HAIKU))
    assert (price.input, price.output) == (pytest.approx(1.0), pytest.approx(5.0))


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1000, 100, cost=0.5), 0.5),  # the service's own report comes first
        (Usage(1000, 100, cost=0.0), 0.0),
        (Usage(1000, 100), 0.0045),  # (1000 x 3 + 100 x 15) / 1e6
        (Usage(1000, None), None),
        (Usage(), None),
    ],
)
def test_a_cost_is_the_services_own_or_worked_out_or_unknown(usage, cost):
    """Never zero for want of a figure."""
    price = find_price(table(prices={"input": 3, "output": 15}))
    assert cost_of(usage, price) == (None if cost is None else pytest.approx(cost))
    assert cost_of(usage, None) == usage.cost


# -- the plan ---------------------------------------------------------------------------------


def test_a_plan_counts_requests_and_bounds_the_cost(planted, tmp_path, word_list):
    """Its estimate lies within a factor of two of what is then spent, and below its maximum."""
    server, path = planted(), tmp_path / "study.db"
    text = priced_text(server.base_url, word_list)
    before = make_plan(prepare_text(text, folder=tmp_path), path)
    assert [(r.stage, r.requests, r.pending) for r in before.rows] == [
        ("elicit", 66, 66),
        ("judge", 66, 66),
    ]
    run_text(text, path, folder=tmp_path)
    assert before.expected < before.most
    # 300 tokens are assumed for a reply (its limit); the server's replies have about 85.
    assert spent(path) < before.expected < 3 * spent(path)
    after = make_plan(prepare_text(text, folder=tmp_path), path)
    assert [(r.pending, r.expected) for r in after.rows] == [(0, 0.0), (0, 0.0)]


def test_a_plan_learns_from_the_answers_that_are_there(planted, tmp_path, word_list):
    """A longer study is estimated from the mean length of what the store has."""
    server, path = planted(), tmp_path / "study.db"
    run_text(priced_text(server.base_url, word_list, max_trials=30), path, folder=tmp_path)
    text = priced_text(server.base_url, word_list)
    with Store.read(path) as opened:
        before, _ = opened.spent()
    plan = make_plan(prepare_text(text, folder=tmp_path), path)
    assert {r.basis for r in plan.rows} == {"mean of the store's answers"}
    assert [r.pending for r in plan.rows] == [36, 36]
    run_text(text, path, folder=tmp_path)
    assert plan.expected == pytest.approx(spent(path) - before, rel=0.25)
