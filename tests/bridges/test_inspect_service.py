"""`service = "inspect"`: Inspect's providers under our statuses, retries and ratings."""

from __future__ import annotations

import pytest
from tests.planted.service import chat, refused, service
from tests.planted.studies import cli, rows, run_text, same, strengths, study_text

from ethogram.engine.inspect_models import check_inspect
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError

pytest.importorskip("inspect_ai")

KEY = "sk-planted-" + "abcd" * 6


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    """Give Inspect's provider for compatible services a key to send."""
    monkeypatch.setenv("PLANTED_API_KEY", KEY)


def _through_inspect(name):
    return {"service": "inspect", "model": f"openai-api/planted/{name}"}


def test_ratings_are_those_of_the_same_answers_over_http(planted, tmp_path):
    """A model and a judge through Inspect: every reply and verdict as over HTTP, ratings equal."""
    url = planted(traits=("warm", "blunt", "formal", "bold", "shy")).base_url
    traits = tmp_path / "traits.txt"
    traits.write_text("warm\nblunt\nformal\nbold\nshy\n", encoding="utf-8")
    common = {"traits": "traits.txt", "seed": 2, "repeats": 2}
    run_text(study_text(url, **common), tmp_path / "http.db", folder=tmp_path)
    through = {
        "models": {"alpha": _through_inspect("alpha")},
        "judges": {"judge": _through_inspect("judge")},
    }
    done = run_text(study_text(url, **common, **through), tmp_path / "via.db", folder=tmp_path)
    assert done.stopped is None
    assert same(strengths(tmp_path / "http.db"), strengths(tmp_path / "via.db"))
    read = ("SELECT r.status, r.chars, a.prompt_tokens, a.completion_tokens FROM reply r "
            "JOIN attempt a ON a.id = r.attempt ORDER BY r.trial")  # fmt: skip
    assert rows(tmp_path / "via.db", read) == rows(tmp_path / "http.db", read)


def _said(text, **more):
    """Return a chat completion as services that count tokens give it."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return 200, {**chat(text, **more), "id": "c", "object": "chat.completion", "usage": usage}


ENDINGS = {
    "ok": _said("Fine."),
    "truncated": _said("Fi", choice={"finish_reason": "length"}),
    "filtered": _said("", choice={"finish_reason": "content_filter"}),
    "empty": _said(""),
    "malformed": (200, chat("Fine.")),  # without total_tokens Inspect reads no answer
    "rate_limited": (429, {"error": {"message": "slow down", "type": "rate_limit"}}),
    "server_error": (500, {"error": {"message": "oh", "type": "server_error"}}),
    "invalid_request": refused("no such parameter: foo", 400),
    "unauthorized": (401, {"error": {"message": f"wrong key {KEY}", "type": "auth"}}),
    "not_found": (404, {"error": {"message": "no such model", "type": "not_found"}}),
}


@pytest.mark.parametrize(("status", "answer"), ENDINGS.items(), ids=ENDINGS)
def test_every_ending_has_its_status_and_is_asked_once(tmp_path, status, answer):
    """What the service did is the attempt's status; Inspect asks no second time behind our back."""
    with service(lambda asked: answer) as served:
        table = {"alpha": _through_inspect("alpha")}
        text = study_text(
            served.url, models=table, traits="quickstart", max_trials=9, attempts=1, patience=0.1
        )
        run_text(text, tmp_path / "s.db", stages=("elicit",))
        asked = len(served.asked)
    found = rows(tmp_path / "s.db", "SELECT status, count(*) FROM attempt GROUP BY status")
    assert [name for name, _ in found] == [status]
    assert asked == sum(n for _, n in found)
    assert KEY.encode() not in (tmp_path / "s.db").read_bytes()


def test_a_service_that_is_not_there_is_a_transport_failure(tmp_path):
    """No connection is no answer, and stays pending."""
    text = study_text(
        "http://127.0.0.1:9/v1", models={"alpha": _through_inspect("alpha")},
        traits="quickstart", max_trials=9, attempts=1, patience=0.1,
    )  # fmt: skip
    run_text(text, tmp_path / "s.db", stages=("elicit",))
    found = rows(tmp_path / "s.db", "SELECT DISTINCT status FROM attempt")
    assert found == [("transport",)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"model": "gpt-5"}, "expected PROVIDER/MODEL"),
        ({"model": "nobody/gpt-5"}, "Inspect cannot make nobody/gpt-5"),
        ({"model": "openai-api/planted/m", "query": {"v": "1"}}, "query has no place"),
    ],
)
def test_a_model_that_inspect_has_not_is_refused_before_anything_is_asked(table, said):
    """One line names the model and what was expected."""
    with pytest.raises(EndpointError, match=said) as raised:
        check_inspect("alpha", ModelTable(service="inspect", **table))
    assert len(raised.value.lines) == 1


def test_models_check_asks_through_inspect(tmp_path):
    """`ethogram models check` says what the service does, as of any other."""
    with service(lambda asked: _said("Fine. <answer>x</answer>")) as served:
        text = study_text(served.url, models={"alpha": _through_inspect("alpha")})
        (tmp_path / "s.toml").write_text(text, encoding="utf-8")
        done = cli("models", "check", "s.toml", cwd=tmp_path)
        assert any(a.body["model"] == "alpha" for a in served.asked)
    assert "alpha" in done.stdout
    assert "Traceback" not in done.stderr


def _outputs():
    """Return answers of Inspect's own that no chat completion has, with their statuses."""
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ContentReasoning,
        ContentText,
        ModelOutput,
    )

    def said(*parts):
        message = ChatMessageAssistant(content=list(parts))
        return ModelOutput(model="a/b", choices=[ChatCompletionChoice(message=message)])

    return [
        (ModelOutput(model="a/b", choices=[]), "malformed", "", "no choices"),
        (ModelOutput(model="a/b", choices=[], error="unsafe"), "refused", "", "unsafe"),
        (said(ContentText(text="I will not.", refusal=True)), "refused", "I will not.", "I will"),
        (said(ContentReasoning(reasoning="Hm.")), "empty", "", "only reasoning"),
        (said(ContentText(text="Cut \ud83d")), "ok", "Cut \ufffd", ""),
    ]


@pytest.mark.parametrize("place", range(5))
def test_every_answer_of_inspects_has_a_status(place):
    """No choices, moderation, a refusal in a part, thoughts alone, half a character."""
    from ethogram.engine.inspect_models import completion_body
    from ethogram.engine.reading import read_response

    output, status, text, reason = _outputs()[place]
    reading = read_response(200, completion_body(output))
    assert (reading.status, reading.text) == (status, text)
    assert reason in reading.reason
