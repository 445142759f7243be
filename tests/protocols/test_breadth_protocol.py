"""Breadth, end to end: what is asked, how it is read, and a planted distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.planted.answers import ModelPlan
from tests.planted.service import chat, service
from tests.planted.studies import prepare_text, rows, study_text

from ethogram.design import Part
from ethogram.engine.requests import Reading, Status
from ethogram.protocols.breadth import (
    MAX_TOKENS,
    MISSING,
    NOT_LOGS,
    TOP,
    UNTOLD,
    read_breadth_reply,
    read_tokens,
    renormalised_entropy,
)
from ethogram.run.breadth import ask_breadth, breadth_calls, breadth_left_out, plan_breadth
from ethogram.run.prepare import plan_into
from ethogram.run.runner import run_stages
from ethogram.store.logprobs import read_breadth
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.study import BreadthTable
from ethogram.validity.breadth import breadth_section
from ethogram.validity.results import StoreResults

TRAITS = ("warm", "blunt", "terse", "wry")
TABLE = "\n[breadth]\nprompts = {}\nsamples = {}\ntop = 20\nmax_tokens = 64\n"


def places(*probabilities, token="a"):
    """Return a chat completion's log-probabilities; the first of each position was sampled."""
    content = []
    for listed in probabilities:
        top = [{"token": f"{token}{i}", "logprob": math.log(p)} for i, p in enumerate(listed)]
        content.append({**top[0], "top_logprobs": top})
    return {"content": content}


def reading(logprobs, text="a0a0", **more):
    """Return a usable response's reading."""
    return Reading(Status.OK, text=text, logprobs=logprobs, **more)


# -- reading --------------------------------------------------------------------------------


def test_both_forms_are_read_alike():
    """A list of tokens, as chat completions have it, or lists of columns."""
    columns = {
        "tokens": ["a0", "a0"],
        "token_logprobs": [math.log(0.5), math.log(0.9)],
        "top_logprobs": [
            {"a0": math.log(0.5), "a1": math.log(0.25)},
            {"a0": math.log(0.9), "a1": math.log(0.1)},
        ],
    }
    one, _ = read_tokens(reading(places((0.5, 0.25), (0.9, 0.1))))
    other, _ = read_tokens(reading(columns))
    np.testing.assert_allclose(one.top, np.log([[0.5, 0.25], [0.9, 0.1]]))
    np.testing.assert_allclose(one.top, other.top)
    np.testing.assert_allclose(one.chosen, other.chosen)


@pytest.mark.parametrize(
    "logprobs",
    [None, {}, [], {"content": None}, {"content": []}, {"content": [{"token": "a"}]}, "none"],
)
def test_a_reply_without_log_probabilities_is_unparsed(logprobs):
    """It is a status with its reason and no entropy of zero; it is not bought again at once."""
    found = read_breadth_reply(reading(logprobs))
    assert (found.status, found.reason, found.retry) == (Status.UNPARSED, MISSING, False)


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"token": "a", "logprob": 0.7, "top_logprobs": []}]},  # a probability
        places((0.9, 0.9)),
    ],
    ids=["above 0", "more than 1 together"],
)
def test_what_cannot_be_log_probabilities_is_refused(logprobs):
    """A service that sends probabilities under that name is not believed."""
    assert read_breadth_reply(reading(logprobs)).reason == NOT_LOGS


def test_placeholders_for_unlikely_are_no_numbers():
    """OpenAI's -9999 and llama.cpp's least float say only that a token is unlikely."""
    said = {
        "content": [
            {"token": "a", "logprob": unlikely, "top_logprobs": [{"token": "b", "logprob": 0.0}]}
            for unlikely in (-9999.0, -3.4028234663852886e38)
        ]
    }
    tokens, _ = read_tokens(reading(said))
    assert np.isneginf(tokens.chosen).all()


def test_thoughts_are_left_out():
    """Where a service lists the tokens of thoughts too, those of the reply alone count."""
    said = {"content": places((0.5, 0.5), token="Hm.")["content"] + places((0.9, 0.1))["content"]}
    tokens, _ = read_tokens(reading(said, "a0", reasoning="Hm."))
    np.testing.assert_allclose(tokens.top, np.log([[0.9, 0.1]]))
    assert read_breadth_reply(reading(said, "another", reasoning="Hm.")).reason == UNTOLD


def test_a_token_that_ends_within_a_character_is_found():
    """The reply is looked for in bytes, as half an é is no text."""
    half = [{"token": "\ufffd", "bytes": [byte], "logprob": 0.0} for byte in "é".encode()]
    tokens, _ = read_tokens(reading({"content": half}, "é", reasoning="x"))
    assert len(tokens.chosen) == 2


def test_thoughts_alone_are_no_reply():
    """Cut within its thoughts, it has log-probabilities and no text: empty, and not measured."""
    found = read_breadth_reply(reading(places((0.5, 0.5)), "", reasoning="Hm."))
    assert found.status is Status.EMPTY


def test_a_shorter_list_is_filled_up():
    """Positions with fewer alternatives have no further probability."""
    tokens, _ = read_tokens(reading(places((0.5, 0.3, 0.2), (0.6, 0.4))))
    expected = [-sum(p * math.log(p) for p in ps) for ps in ((0.5, 0.3, 0.2), (0.6, 0.4))]
    np.testing.assert_allclose(renormalised_entropy(tokens.top), expected)


# -- planning -------------------------------------------------------------------------------


def test_the_defaults_without_a_table_are_the_tables():
    """A study without `[breadth]` is asked as one with an empty one."""
    assert (BreadthTable().top, BreadthTable().max_tokens) == (TOP, MAX_TOKENS)


def planned(text, store, folder):
    """Plan a study and its breadth."""
    prepared = prepare_text(text, folder=folder)
    plan = plan_into(store, prepared)
    with store.planning():
        plan_breadth(store, prepared, plan)
    return prepared, plan


def test_conditions_share_their_prompts_and_grow(store, store_path, tmp_path, word_list):
    """Conditions have the same prompts; more keep the fewer; a natural trial has no trait."""
    words = word_list(*TRAITS)
    text = study_text("http://127.0.0.1:9/v1", traits=words, models={"one": {}, "two": {}})
    sql = (
        "SELECT m.name, condition, seq, sample, prompt, trait_1 FROM trial JOIN party m "
        "ON m.id = model WHERE part = 'breadth' AND wanted ORDER BY 1, 2, 3, 4"
    )
    prepared, _ = planned(text + TABLE.format(2, 2), store, tmp_path)
    first = rows(store_path, sql)
    assert len(first) == 2 * breadth_calls(prepared) == 2 * 2 * 2 * 2
    by_condition = {c: [r[2:5] for r in first if r[:2] == ("one", c)] for c in ("natural", "feels")}
    assert by_condition["natural"] == by_condition["feels"]
    assert {r[5] is None for r in first if r[1] == "natural"} == {True}
    assert {r[5] is None for r in first if r[1] == "feels"} == {False}
    planned(text + TABLE.format(4, 2), store, tmp_path)
    assert set(first) < set(rows(store_path, sql))
    planned(text + TABLE.format(2, 2) + 'conditions = ["natural"]\n', store, tmp_path)
    assert {r[1] for r in rows(store_path, sql)} == {"natural"}


def test_the_price_is_of_what_is_planned(store, store_path, tmp_path, word_list):
    """As many requests as trials, per model, each as long as it may be at most."""
    text = study_text("http://127.0.0.1:9/v1", traits=word_list(*TRAITS)) + TABLE.format(3, 2)
    prepared, _ = planned(text, store, tmp_path)
    (asked,) = ask_breadth(prepared)
    ((trials,),) = rows(store_path, "SELECT count(*) FROM trial WHERE part = 'breadth'")
    assert (asked.requests, asked.answered) == (trials, 64)
    assert asked.sent > 10


def test_a_service_that_gives_none_is_not_asked(store, store_path, tmp_path, word_list):
    """Its calls would be paid for and tell nothing; it is named."""
    claude = {"service": "anthropic", "base_url": None}
    text = study_text("http://127.0.0.1:9/v1", traits=word_list(*TRAITS), models={"c": claude})
    prepared, _ = planned(text, store, tmp_path)
    assert rows(store_path, "SELECT * FROM trial WHERE part = 'breadth'") == []
    assert "c: anthropic gives no log-probabilities" in breadth_left_out(prepared)[0]
    assert ask_breadth(prepared) == []


# -- a study --------------------------------------------------------------------------------


def run_breadth(text, path, folder):
    """Plan and run the breadth of a study; returns the run."""
    with Store.open(path) as store:
        prepared, plan = planned(text, store, folder)
        return run_stages(prepared, store, plan, stages=["breadth"], parts=[Part.BREADTH])


def test_a_planted_distribution_is_found(planted, store_path, tmp_path, word_list):
    """Geometric next tokens, narrower where traits are named: both within 2%, and resumed."""
    wide, narrow = 0.6, 0.4
    server = planted(traits=TRAITS, models={"*": ModelPlan(ratio=wide, ratio_told=narrow)})
    text = study_text(server.base_url, traits=word_list(*TRAITS)) + TABLE.format(6, 3)
    run = run_breadth(text, store_path, tmp_path)
    assert (run.calls, run.stopped) == (36, None)
    assert run_breadth(text, store_path, tmp_path).calls == 0
    factors = {r: math.exp(-math.log(1 - r) - r / (1 - r) * math.log(r)) for r in (wide, narrow)}
    with StoreResults.open(store_path) as results:
        section = breadth_section(results)
        replies = list(read_breadth(results.store))
    (model,) = section.data["models"]
    natural, feels = model["conditions"]
    assert natural["mean"]["estimate"] == pytest.approx(factors[wide], rel=0.02)
    assert feels["mean"]["estimate"] == pytest.approx(factors[narrow], rel=0.02)
    assert model["paired"][0]["ratio"]["estimate"] == pytest.approx(
        factors[narrow] / factors[wide], rel=0.02
    )
    assert natural["aep"]["estimate"] == pytest.approx(factors[wide], rel=0.1)
    sent = replies[0].params
    assert (sent["logprobs"], sent["top_logprobs"], sent["max_tokens"]) == (True, 20, 64)
    values = [value for (value,) in rows(store_path, "SELECT value FROM reply")]
    kept = [np.mean(renormalised_entropy(reply.tokens.top)) for reply in replies]
    assert sorted(values) == pytest.approx(sorted(kept))


def test_a_service_without_log_probabilities_stops_the_stage(store_path, tmp_path, word_list):
    """Twenty paid answers that tell nothing are enough, and the rest stays pending."""
    with service(lambda asked: (200, chat("A short and friendly answer."))) as running:
        text = study_text(running.url, traits=word_list(*TRAITS), repeats=8) + TABLE.format(40, 1)
        run = run_breadth(text, store_path, tmp_path)
    assert MISSING in str(run.stopped)
    assert 20 <= len(running.asked) < 80


def test_replies_without_log_probabilities_are_losses_with_their_reason(
    store_path, tmp_path, word_list
):
    """Each is unparsed; the section says that nothing was measured, and why."""
    with service(lambda asked: (200, chat("A short and friendly answer."))) as running:
        text = study_text(running.url, traits=word_list(*TRAITS)) + TABLE.format(4, 1)
        run = run_breadth(text, store_path, tmp_path)
    assert (len(running.asked), run.stopped) == (8, None)
    with StoreResults.open(store_path) as results:
        section = breadth_section(results)
        counts = [c for c in count_stages(results.store) if c.stage == "breadth"]
    assert {status for c in counts for status in c.losses} == {"unparsed"}
    assert "Nothing could be measured" in section.claims[0]
    assert any(MISSING in note for note in section.notes)


def test_a_store_that_was_never_asked_has_no_section(store, store_path, tmp_path, word_list):
    """No breadth planned, or none answered: there is nothing to say."""
    planned(study_text("http://127.0.0.1:9/v1", traits=word_list(*TRAITS)), store, tmp_path)
    with StoreResults.open(store_path) as results:
        assert breadth_section(results) is None
