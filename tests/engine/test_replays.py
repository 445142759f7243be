"""What real services are reported to answer, replayed: each run ends as it should.

The words and shapes are those of public bug reports; which service, stands beside each.
"""

from __future__ import annotations

import json

import pytest
from tests.planted.service import chat, good, refused, service
from tests.planted.studies import rows, run_text, study_text

from ethogram.errors import EndpointError

WORDS = ("warm", "blunt", "poetic", "literal")
REPLY = "A short and friendly answer."
SECRET = "PICKED-WARM"  # a thought names the choice: no judge may read it


@pytest.fixture
def replay(tmp_path, word_list):
    """Return a function that runs a study of six trials: its store, its run and both services."""

    def run(model=good, judge=good, *, traits=WORDS, table=None, brake=True, **keys):
        with service(model) as one, service(judge) as other:
            text = study_text(
                one.url,
                traits=word_list(*traits),
                models={"m": {"concurrency": 1, "backoff": 0.01, **(table or {})}},
                judges={
                    "j": {
                        "base_url": other.url,
                        "concurrency": 1,
                        "backoff": 0.01,
                        "prices": {"input": 0.0, "output": 0.0},
                    }
                },
                **keys,
            )
            done = run_text(text, tmp_path / "s.db", folder=tmp_path, brake=brake)
        return tmp_path / "s.db", done, one, other

    return run


def counts(store, table):
    """Count replies or verdicts by status."""
    return dict(rows(store, f"SELECT status, count(*) FROM {table} GROUP BY 1"))


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<THINK>\n", "\n</THINK>\n"),
        ("<think>a</think> <think>", "</think>"),  # repeated
        ("[THINK]", "[/THINK]"),  # Mistral's Magistral
        ("<thought>", "</thought>"),  # Gemini behind a proxy
        ("◁think▷", "◁/think▷"),  # Kimi
        ("<seed:think>", "</seed:think>"),  # Seed-OSS
        ("<mm:think>", "</mm:think>"),  # MiniMax
        (  # gpt-oss without a parser
            "<|channel|>analysis<|message|>",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        ("<my-notes>", "</my-notes>"),  # the study file's own
    ],
)
def test_no_judge_reads_a_thought(replay, opening, closing):
    """It is parted from the reply, kept, and counted."""
    table = {"thoughts": [["<my-notes>", "</my-notes>"]]} if "notes" in opening else {}
    store, run, _, judge = replay(
        lambda asked: (200, chat(f"{opening}{SECRET}{closing}{REPLY}")), table=table
    )
    assert run.stopped is None
    assert counts(store, "reply") == {"ok": 6}
    assert len(judge.asked) == 6
    assert not [asked for asked in judge.asked if SECRET in json.dumps(asked.body)]
    assert all(REPLY in json.dumps(asked.body) for asked in judge.asked)
    assert rows(store, "SELECT sum(split), min(chars), max(chars) FROM reply") == [
        (6, len(REPLY), len(REPLY))
    ]


def test_replies_that_were_asked_for_before_are_judged_without_thoughts(replay, tmp_path):
    """A later `judge` reads the store, and parts what the run would have parted."""
    from ethogram.store.read import export_rows, read_trial
    from ethogram.store.store import Store

    def model(asked):
        return 200, chat(f"<my-notes>{SECRET}</my-notes>{REPLY}")

    table = {"thoughts": [["<my-notes>", "</my-notes>"]]}
    replay(model, lambda asked: refused("down", 401), table=table)
    store, run, _, judge = replay(model, table=table)
    assert run.stopped is None
    assert not [asked for asked in judge.asked if SECRET in json.dumps(asked.body)]
    with Store.read(store) as opened:
        assert read_trial(opened, 1)["reply"] == REPLY
        assert read_trial(opened, 1)["reasoning"] == SECRET
        (exported,) = export_rows(opened, "replies")
    assert {row["text"] for row in exported} == {REPLY}


@pytest.mark.parametrize(
    "shape",
    [
        "It reads so. <answer>{a}</answer><|im_end|>",
        "<answer>{a}</answer></s>",
        "<answer>{a}</answer>\n\nThe reply is full of it.",
        '{{"answer": "{a}"}}',
        '```json\n{{"reason": "So it reads.", "answer": "{a}"}}\n```',
        "<|begin_of_box|>{a}<|end_of_box|>",  # GLM
        "The tone is so. <answer>{a}",  # a stop sequence ate the tag
        "**{a}**",
        "{a}",
    ],
)
def test_a_verdict_in_another_shape_is_read(replay, shape):
    """What a judge's service appends or wraps costs no verdict."""

    def judge(asked):
        _, sent = good(asked)
        text = sent["choices"][0]["message"]["content"]
        word = text.partition("<answer>")[2].partition("</answer>")[0]
        return 200, chat(shape.format(a=word))

    store, _, _, asked = replay(judge=judge)
    assert counts(store, "verdict") == {"ok": 6}
    assert len(asked.asked) == 6


def encoded(data):
    """Return JSON as bytes."""
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: b"\n\n   \n" + encoded(data),  # kept alive by white space
        lambda data: b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n" + encoded(data),
        lambda data: b"\xef\xbb\xbf" + encoded(data),
        lambda data: encoded(data).replace(b"friendly", b"friendly\\ud83d"),
        lambda data: encoded(data).replace(b"friendly", b"friendly\xe2\x82"),
        lambda data: encoded({**data, "score": float("nan")}),
        lambda data: encoded({**data, "score": float("-inf")}),
    ],
    ids=["space", "comments", "mark", "surrogate", "half a character", "NaN", "-Infinity"],
)
def test_a_body_that_other_clients_read_is_read(replay, wrap):
    """And the reply goes to the judge."""
    store, run, _, judge = replay(lambda asked: (200, wrap(chat(REPLY))))
    assert run.stopped is None
    assert counts(store, "reply") == {"ok": 6}
    assert all("friendly" in json.dumps(asked.body) for asked in judge.asked)


@pytest.mark.parametrize(
    ("finish", "status"),
    [
        ("MAX_TOKENS", "truncated"),  # Gemini
        ("model_length", "truncated"),  # Mistral
        ("SAFETY", "filtered"),  # Gemini
        ("sensitive", "filtered"),  # Zhipu
        ("content_filtered", "filtered"),
        ("recitation_of_the_moon", "other_finish"),
    ],
)
def test_why_a_reply_ended_is_no_plain_ok(replay, finish, status):
    """Known words are what they mean; an unknown one is a status of its own, and counted."""
    store, _, _, _ = replay(lambda asked: (200, chat(REPLY, choice={"finish_reason": finish})))
    assert counts(store, "reply") == {status: 6}


@pytest.mark.parametrize(
    "finish", ["network_error", "abort", "error", "insufficient_system_resource"]
)
def test_a_reply_that_broke_off_is_asked_again(replay, finish):
    """The text is not all of it: the next attempt's is."""

    def answer(asked):
        served.append(asked)
        broken = len(served) % 2
        return 200, chat("A short", choice={"finish_reason": finish}) if broken else chat(REPLY)

    served = []
    store, _, _, judge = replay(answer)
    assert counts(store, "reply") == {"ok": 6}
    assert all(REPLY in json.dumps(asked.body) for asked in judge.asked)


@pytest.mark.parametrize(
    "beside",
    [
        {"choice": {"finish_reason": None, "error": {"code": 502, "message": "Cut off"}}},
        {"error": {"code": "502", "message": "Cut off"}},
        {"choice": {"error": {"code": "server_error", "message": "Cut off"}}},
    ],
)
def test_an_error_beside_a_text_beats_the_text(replay, beside):
    """OpenRouter's way to say that a provider broke off: no judge sees half a reply."""

    def answer(asked):
        served.append(asked)
        more = {key: dict(value) for key, value in beside.items()}
        return 200, chat("Half a repl", **more) if len(served) == 2 else chat(REPLY)

    served = []
    store, _, _, judge = replay(answer)
    assert counts(store, "reply") == {"ok": 6}
    assert rows(store, "SELECT count(*) FROM attempt WHERE status = 'server_error'") == [(1,)]
    assert not [asked for asked in judge.asked if "Half a repl" in json.dumps(asked.body)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}},
            "no balance",
        ),
        ({"code": 429, "msg": "quota exhausted", "success": False}, "quota exhausted"),
        ({"detail": "Not authenticated"}, "Not authenticated"),
        ({"error": "Unexpected endpoint or method."}, "Unexpected endpoint"),
    ],
)
def test_an_error_that_comes_as_200_stops_with_its_words(replay, body, words):
    """MiniMax, Zhipu, FastAPI, LM Studio: wherever the reason stands, it is told."""
    store, run, _, _ = replay(lambda asked: (200, body))
    assert isinstance(run.stopped, EndpointError)
    assert words in str(run.stopped)
    assert counts(store, "reply") == {}


USAGES = {
    "reasoning outside completion_tokens (xAI, Gemini)": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 2120,
        "completion_tokens_details": {"reasoning_tokens": 2000},
    },
    "a key of one's own (OpenRouter)": {
        "prompt_tokens": 100,
        "completion_tokens": 2020,
        "cost": 0,
        "cost_details": {"upstream_inference_cost": 0.0203},
    },
    "all zero": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "null": None,
}


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
def test_the_spending_limit_holds(replay, usage):
    """Each call costs 0.0203 dollars, whatever it is said as: no more than one passes the limit."""
    store, run, model, _ = replay(
        lambda asked: (200, chat(REPLY, usage=usage)),
        traits=("warm", "blunt", "poetic", "literal", "playful", "humble", "patient"),
        table={"prices": {"input": 1.0, "output": 10.0}, "max_tokens": 2100},
        spend_limit=0.2,
    )
    assert "spending limit" in str(run.stopped)
    assert 0.0203 * len(model.asked) <= 0.2 + 0.0203
    assert len(model.asked) > 5
    assert counts(store, "reply") == {"ok": len(model.asked)}


def test_a_server_that_still_loads_loses_nothing(replay):
    """vLLM: 503 while the weights load, three runs long; the fourth completes the study."""
    for _ in range(3):
        store, run, _, _ = replay(lambda asked: refused("Loading model", 503))
        assert "Loading model" in str(run.stopped)
    store, run, _, _ = replay()
    assert run.stopped is None
    assert counts(store, "reply") == counts(store, "verdict") == {"ok": 6}


def test_a_prompt_that_is_too_long_is_its_trials_loss(replay):
    """400 with words on the length: charged at once, and the run goes on."""

    def answer(asked):
        served.append(asked)
        too_long = "This model's maximum context length is 4096 tokens, your request has 5000"
        return refused(too_long, 400) if len(served) == 3 else good(asked)

    served = []
    store, run, _, _ = replay(answer)
    assert run.stopped is None
    assert counts(store, "reply") == {"ok": 5, "invalid_request": 1}
