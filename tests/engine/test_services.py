"""Services: which names are one model's."""

from __future__ import annotations

import sqlite3

import pytest
from tests.planted.service import chat, good, refused, service
from tests.planted.studies import run_text, study_text

from ethogram.engine.services import is_same_model
from ethogram.store.read import count_stages, others_said
from ethogram.store.store import Store


@pytest.mark.parametrize(
    ("asked", "said", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", False),
        ("gpt-5", "gpt-5.1", False),
        ("claude-opus-4", "claude-opus-4-1", False),
        ("claude-opus-4-1", "claude-opus-4-1-20250805", True),
        ("anthropic/claude-3-haiku", "claude-3-haiku@20240307", True),
        ("mistral-small-latest", "mistral-small-2506", True),
        ("gemini-1.5-flash", "models/gemini-1.5-flash-002", True),
        ("command-r", "command-r-08-2024", True),
        ("meta-llama/llama-3.3-70b-instruct:free", "meta-llama/Llama-3.3-70B-Instruct", True),
        ("kimi-k2", "kimi-k2-thinking", False),
        ("house", "/models/House.gguf", True),
        ("deepseek-chat", "deepseek-reasoner", False),
        ("m", "", True),
    ],
)
def test_a_name_is_the_one_that_was_asked_for_or_another(asked, said, same):
    """A date or a maker makes no other model; a version, a size or a variant does."""
    assert is_same_model(asked, said) is same


def test_another_model_that_answers_is_counted_and_named(tmp_path, word_list, ethogram):
    """By `status` and in the report: which, and how often."""

    def answer(asked):
        status, data = good(asked)
        served.append(asked)
        name = "house-small" if len(served) % 3 == 0 else asked.body["model"] + "-2026-01-31"
        return status, {**data, "model": name}

    served = []
    with service(answer) as model, service(good) as judge:
        text = study_text(
            model.url,
            traits=word_list("warm", "blunt", "poetic", "literal"),
            models={"m": {"model": "house", "concurrency": 1}},
            judges={"j": {"base_url": judge.url, "model": "m"}},
        )
        (tmp_path / "study.toml").write_text(text)
        code, out, _ = ethogram("run", "study.toml")
    words = "m: 2 of 6 answers are from another model than was asked, as the service says: "
    assert code == 0
    assert f"{words}house-small (2)." in " ".join(out.split())
    with Store.read(tmp_path / "study.db") as store:
        counts = count_stages(store)
    assert [c.others for c in counts] == [{"house-small": 2}, {}]
    assert others_said(counts) == [f"{words}house-small (2)"]
    assert f"{words}house-small (2)." in (tmp_path / "study.html").read_text("utf-8")
    assert f"{words}house-small (2)." in " ".join(ethogram("status", "study.db")[1].split())


def test_a_short_run_says_why_it_lost_what_it_lost(tmp_path, word_list, ethogram):
    """The service's words stand below the counts, in `run` and in `status`."""

    def answer(asked):
        served.append(asked)
        if len(served) == 3:
            return refused("Your prompt was flagged as violating our content policy", 400)
        return (
            (200, chat("<THINK>Warm, then.</THINK>Good day.")) if len(served) == 5 else good(asked)
        )

    served = []
    with service(answer) as model, service(good) as judge:
        text = study_text(
            model.url,
            traits=word_list("warm", "blunt", "poetic", "literal"),
            models={"m": {"concurrency": 1}},
            judges={"j": {"base_url": judge.url}},
        )
        (tmp_path / "study.toml").write_text(text)
        _, out, _ = ethogram("run", "study.toml", "--no-report")
    said = " ".join(out.split())
    why = "1 filtered: HTTP 400: Your prompt was flagged as violating our content policy"
    thoughts = "1 with thoughts in the text, stripped before judging"
    assert f"5 of 6; lost: 1 filtered; {thoughts}. {why}" in said
    assert why in " ".join(ethogram("status", "study.db")[1].split())


def test_what_an_earlier_release_lost_to_an_endpoint_is_asked_again(tmp_path, word_list):
    """Its losses have no `charged`: those that may be the endpoint's are pending once more."""
    with service(good) as model:
        text = study_text(model.url, traits=word_list("warm", "blunt", "poetic", "literal"))
        run_text(text, tmp_path / "s.db", folder=tmp_path)
        with sqlite3.connect(tmp_path / "s.db") as db:
            db.execute("DELETE FROM verdict WHERE judging IN (1, 2, 3)")
            db.execute("UPDATE reply SET status = 'invalid_request', charged = 0 WHERE trial = 1")
            db.execute("UPDATE reply SET status = 'invalid_request', charged = 1 WHERE trial = 2")
            db.execute("UPDATE reply SET status = 'filtered', charged = 0 WHERE trial = 3")
        run = run_text(text, tmp_path / "s.db", folder=tmp_path)
    with Store.read(tmp_path / "s.db") as store:
        elicited, _ = count_stages(store)
    assert run.meters["elicit", "alpha"].done == 1
    assert elicited.losses == {"filtered": 1, "invalid_request": 1}
