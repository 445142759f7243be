"""What a plan takes a request's length from: all that is sent, for the study and each other way."""

import json

import pytest
from tests.planted.studies import study_text

from ethogram.api import plan_study
from ethogram.run.tokens import estimate_tokens
from ethogram.study import parse_study

WAYS = "\n[free]\n[persistence]\nturns = [1, 2]\nconversations = 780\n[self_report]\n[breadth]\n"
LONG = "Be kind to whoever asks. " * 400  # 10,000 characters: 2,500 tokens


def sent(tmp_path, name="s", more="", **study):
    """Return the tokens that each row of a plan sends per request, by way, stage and name."""
    text = study_text("http://127.0.0.1:9/v1", **study) + WAYS + more
    plan = plan_study(parse_study(text, path=tmp_path / "s.toml"), store=tmp_path / f"{name}.db")
    rows = {"": plan.rows, **plan.ways}
    return {
        (way, row.stage, row.name): row.prompt_tokens / row.requests
        for way, those in rows.items()
        for row in those
    }


def test_a_system_text_is_paid_for_with_every_request_that_carries_it(tmp_path):
    """The study, each other way; not by the judge, who never sees it."""
    found = sent(tmp_path, models={"bare": {}, "told": {"system": LONG}})
    for (way, stage, name), tokens in found.items():
        if name == "told":
            assert tokens - found[way, stage, "bare"] == pytest.approx(2500, abs=10), (way, stage)
    assert all(tokens < 3000 for (_, stage, _), tokens in found.items() if stage == "judge")


def test_earlier_turns_are_paid_for_by_models_and_judges(tmp_path):
    """Chats that are answered at a later message."""
    turns = [LONG, "I see.", "And now?"]
    chats = [
        {
            "messages": [
                {"role": "user" if i % 2 == 0 else "assistant", "content": f"{n} {text}"}
                for i, text in enumerate(turns)
            ]
        }
        for n in range(3)
    ]
    lines = "\n".join(map(json.dumps, chats))
    (tmp_path / "chats.jsonl").write_text(lines, encoding="utf-8")
    late = "\n[prompts]\nturn = 2\nnear_duplicates = false\n"
    found = sent(tmp_path, more=late, prompts="chats.jsonl")
    plain = sent(tmp_path, "plain", prompts=["And now?", "0 And now?", "1 And now?"])
    for key in (("", "elicit", "alpha"), ("", "judge", "judge"), ("free", "elicit", "alpha")):
        assert found[key] - plain[key] == pytest.approx(2500, abs=40), key


def test_other_scripts_take_more_tokens():
    """Four ASCII characters per token, other characters nearly one each."""
    assert estimate_tokens("abcd" * 10) == 10
    assert estimate_tokens("日本" * 10) == pytest.approx(14)
