"""`models check`: it asks what a run asks, and says which setting is refused or ignored."""

from __future__ import annotations

import pytest
from tests.planted.service import chat, good, refused, service

from ethogram.api import check_models, run_study
from ethogram.engine.requests import Status
from ethogram.study import parse_study


def study(model="", judge="", *, url, model_url=None, traits="quickstart"):
    """Return a study of one model and one judge with lines of their own."""
    at = "" if "base_url" in model else f'base_url = "{model_url or url}"'
    return parse_study(
        f'[study]\nname = "x"\ntraits = "{traits}"\nmax_trials = 12\n'
        f'[models.m]\nmodel = "m"\n{at}\nbackoff = 0.01\n{model}\n'
        f'[judges.j]\nmodel = "m"\nbase_url = "{url}"\nbackoff = 0.01\n{judge}\n'
    )


def checked(answer, model="", judge="", *, tail="/v1"):
    """Return the checks of the model and of the judge, and what the service was asked."""
    with service(answer) as there:
        base = there.url.removesuffix("/v1")
        url = f"{base}/v1"
        m, j = check_models(study(model, judge, url=url, model_url=f"{base}{tail}"))
    return m, j, there.asked


def is_judging(asked):
    """Whether a request is a judge's question."""
    return "Which word fits" in asked.body.get("messages", [{"content": ""}])[-1]["content"]


def refusing(parameter, words, status=400):
    """Return a service that refuses a parameter of a model, in these words."""

    def answer(asked):
        if parameter in asked.body and not is_judging(asked):
            return refused(words, status)
        return good(asked)

    return answer


def test_it_asks_what_a_run_asks(tmp_path):
    """The messages but for the words of trait and prompt, and every parameter, are a run's own."""
    lines = 'temperature = 0.3\nmax_tokens = 700\nstop = ["END"]\nreasoning = "low"'
    with service(good) as there:
        mine = study(lines, 'verdict = "logprobs"', url=there.url)
        check_models(mine)
        check = list(there.asked)
        there.asked.clear()
        run_study(mine, store=tmp_path / "x.db", checks=())
        run = list(there.asked)
    for judging in (False, True):
        (one,) = [a for a in check if is_judging(a) == judging]
        other = next(a for a in run if is_judging(a) == judging)
        assert [m["role"] for m in one.body["messages"]] == ["system", "user"]
        assert [m["role"] for m in other.body["messages"]] == ["system", "user"]
        rest = [{k: v for k, v in a.body.items() if k != "messages"} for a in (one, other)]
        assert rest[0] == rest[1]
    assert "Two words for a manner of answering" in check[0].body["messages"][0]["content"]


def test_a_right_study_is_answered_and_takes_one_call_each():
    """All is accepted, and whether it was obeyed is said to be unseen."""
    m, j, asked = checked(good, "temperature = 0.3")
    assert (m.ok, j.ok, len(asked)) == (True, True, 2)
    assert m.unseen == ("temperature", "max_tokens")
    assert (m.refused, m.ignored, m.problem) == ((), (), "")


@pytest.mark.parametrize(
    ("model", "parameter", "words", "setting", "mend"),
    [
        (
            "temperature = 0.7\ntop_p = 0.9\nseed = 1",
            "temperature",
            "Unsupported value: 'temperature' does not support 0.7 with this model. Only the "
            "default (1) value is supported.",
            "temperature",
            "remove `temperature`",
        ),
        (
            "",
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            "max_tokens",
            '`max_tokens_key = "max_completion_tokens"`',
        ),
        (
            'max_tokens_key = "max_completion_tokens"',
            "max_completion_tokens",
            "Unrecognized request argument supplied: max_completion_tokens",
            "max_completion_tokens",
            '`max_tokens_key = "max_tokens"`',
        ),
        (
            "max_tokens = 100000",
            "max_tokens",
            "max_tokens is too large: 100000. This model supports at most 16384 tokens.",
            "max_tokens",
            "lower `max_tokens`",
        ),
        (
            'reasoning = { effort = "medium", style = "budget" }\nmax_tokens = 9000',
            "thinking",
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
            "reasoning",
            '`reasoning = { effort = "medium", style = "adaptive" }`',
        ),
        (
            'reasoning = "minimal"',
            "reasoning_effort",
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
            "Supported values are: 'low', 'medium', and 'high'.",
            "reasoning",
            "another effort in `reasoning`",
        ),
        (
            "extra_body = { top_a = 0.1 }",
            "top_a",
            "Extra inputs are not permitted: top_a",
            "top_a",
            "remove `top_a` from `extra_body`",
        ),
        # Nothing is named: it is found by leaving out.
        ("seed = 1\ntop_k = 5", "top_k", "Bad request", "top_k", "remove `top_k`"),
    ],
)
def test_a_refused_setting_is_named_with_the_services_words_and_a_mend(
    model, parameter, words, setting, mend
):
    """It is found by leaving out, and the line for the study file is given."""
    m, j, _ = checked(refusing(parameter, words), model)
    assert (m.ok, j.ok) == (False, True)
    (found,) = m.findings
    assert (found.setting, found.kind, found.mend) == (setting, "refused", mend)
    assert words[:60] in found.words


def test_the_words_inside_a_routers_wrapper_name_the_setting():
    """OpenRouter says "Provider returned error"; the parameter stands in the raw part."""
    raw = '{"error": {"message": "Unsupported value: \'top_p\'", "param": "top_p"}}'
    wrapped = {
        "error": {
            "message": "Provider returned error",
            "code": 400,
            "metadata": {"provider_name": "Acme", "raw": raw},
        }
    }

    def answer(asked):
        return (400, wrapped) if "top_p" in asked.body else good(asked)

    m, _, asked = checked(answer, "temperature = 0.7\ntop_p = 0.9\nseed = 1")
    assert m.refused == ("top_p",)
    assert len([a for a in asked if not is_judging(a)]) == 3  # as it is, without it, and so on


def test_two_refused_settings_are_both_found():
    """Each is left out in turn, until there is an answer."""

    def answer(asked):
        for key in ("temperature", "top_p"):
            if key in asked.body and not is_judging(asked):
                return refused(f"`{key}` is deprecated for this model.")
        return good(asked)

    m, _, _ = checked(answer, "temperature = 0.1\ntop_p = 0.9")
    assert (m.refused, m.ok) == (("temperature", "top_p"), False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "System role not supported"),
        (500, "Internal Server Error: System role not supported"),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (400, "something went wrong"),
    ],
)
def test_a_template_without_a_system_role_is_found(status, words):
    """The mend works: with it there is an answer, and the text is in the user's message."""

    def answer(asked):
        there = any(m["role"] == "system" for m in asked.body["messages"])
        return refused(words, status) if there and not is_judging(asked) else good(asked)

    m, _, _ = checked(answer)
    assert m.refused == ("system message",)
    assert m.findings[0].mend == '`system_role = "user"`'
    m, _, asked = checked(answer, 'system_role = "user"')
    assert m.ok
    (message,) = next(a for a in asked if not is_judging(a)).body["messages"]
    assert message["role"] == "user"
    assert message["content"].startswith("Two words for a manner of answering")


def test_a_service_that_fails_whatever_is_sent_is_no_fault_of_a_setting():
    """One call without any of the settings shows it; no setting is blamed."""
    oops = {"error": {"message": "oops", "type": "server_error"}}
    m, _, asked = checked(lambda asked: (500, oops), "temperature = 0.1\ntop_p = 0.9")
    assert (m.ok, m.refused) == (False, ())
    assert "the service failed at http://127.0.0.1" in m.problem
    assert len(asked) == 4  # two for each


def test_a_rate_limit_while_looking_blames_nothing():
    """A call that is turned away for another reason says nothing of the setting left out."""
    seen = []

    def answer(asked):
        if is_judging(asked):
            return good(asked)
        seen.append(asked)
        return refused("bad", 400) if len(seen) == 1 else refused("slow down", 429)

    m, _, _ = checked(answer, "temperature = 0.1\ntop_p = 0.9")
    assert (m.ok, m.refused) == (False, ())


# -- what is ignored --------------------------------------------------------------------------


def test_a_limit_that_is_passed_is_ignored():
    """More tokens than allowed came; the limit is the study's own."""
    used = {"usage": {"prompt_tokens": 9, "completion_tokens": 900}}
    m, _, _ = checked(
        lambda a: good(a) if is_judging(a) else (200, chat("long", **used)), "max_tokens = 50"
    )
    assert (m.ok, m.ignored) == (False, ("max_tokens",))
    assert "900 tokens were returned, 50 were allowed" in m.findings[0].words


def test_a_stop_that_is_passed_is_ignored():
    """The text goes on after it; a text that ends with it shows nothing."""
    m, _, _ = checked(lambda a: (200, chat("one END two")), 'stop = ["END"]')
    assert m.ignored == ("stop",)
    m, _, _ = checked(lambda a: (200, chat("one END")), 'stop = ["END"]')
    assert m.ignored == ()


def test_reasoning_that_was_turned_off_and_comes_is_ignored():
    """With the way to turn it off that a server of one's own knows."""
    thinking = {"message": {"reasoning_content": "Hm."}}
    m, _, _ = checked(lambda a: (200, chat("Hi.", **thinking)), 'reasoning = "none"')
    assert m.ignored == ("reasoning",)
    assert 'style = "chat_template_kwargs"' in m.findings[0].mend


def test_logprobs_that_do_not_come_are_ignored():
    """A judge by probability needs them; the mend is to take its word."""
    m, j, _ = checked(good, judge='verdict = "logprobs"')
    assert (m.ok, j.ok, j.ignored) == (True, False, ("verdict",))
    assert "no logprobs were returned" in j.findings[0].words
    assert j.findings[0].mend == '`verdict = "word"`'


def test_logprobs_that_are_refused_are_found():
    """The two parameters go together."""

    def answer(asked):
        if "top_logprobs" in asked.body:
            return refused("logprobs are not supported with reasoning models")
        return good(asked)

    _, j, _ = checked(answer, judge='verdict = "logprobs"')
    assert j.refused == ("verdict",)
    assert j.findings[0].mend == '`verdict = "word"`'
    assert j.ignored == ()


def test_a_completion_judge_is_asked_at_its_own_path():
    """Without logprobs it has nothing to judge by."""

    def answer(asked):
        if asked.path.endswith("/v1/completions"):
            return 200, {"choices": [{"text": " warm", "finish_reason": "length"}]}
        return good(asked)

    _, j, asked = checked(answer, judge='verdict = "completion"')
    assert [a.path for a in asked].count("/v1/completions") >= 1
    assert j.ignored == ("verdict",)


def test_a_completion_judge_that_has_neither_word_is_said():
    """Log-probabilities came, so nothing is ignored; but they hold no verdict."""
    top = {"top_logprobs": [{" the": -0.1}], "tokens": [" the"]}

    def answer(asked):
        if asked.path.endswith("/v1/completions"):
            return 200, {"choices": [{"text": " the", "finish_reason": "length", "logprobs": top}]}
        return good(asked)

    _, j, _ = checked(answer, judge='verdict = "completion"')
    assert (j.ok, j.ignored) == (False, ())
    assert "cannot be read as a verdict (neither word among the likely ones)" in j.problem


def test_a_grammar_that_is_not_kept_is_ignored():
    """It allows the answer alone, and a reason came before it."""
    _, j, asked = checked(good, judge="grammar = true")
    assert any("grammar" in a.body for a in asked)
    assert j.ignored == ("grammar",)


# -- no answer --------------------------------------------------------------------------------


def test_reasoning_alone_is_no_answer():
    """It says to raise the limit or to turn thinking off."""
    thought = {"message": {"reasoning_content": "Here is an answer."}}
    m, _, _ = checked(lambda a: good(a) if is_judging(a) else (200, chat(None, **thought)))
    assert (m.ok, m.reading.status) == (False, Status.EMPTY)
    assert "it sent no text" in m.problem
    assert "raise `max_tokens` (now 5120)" in m.mend
    assert "turn thinking off" in m.mend


def test_a_judge_without_a_readable_verdict_is_said():
    """The service answers, but there is no tag to read."""
    _, j, _ = checked(lambda a: (200, chat("I cannot tell.")))
    assert not j.ok
    assert "cannot be read as a verdict (no <answer> tag)" in j.problem


def one_token(text, token="", finish="length", **message):
    """Return an answer of one token, with its probability where there is a token."""
    listed = {"token": token, "logprob": -0.01}
    logprobs = {"content": [{**listed, "top_logprobs": [listed]}]} if token else None
    return 200, chat(text, message=message, choice={"finish_reason": finish, "logprobs": logprobs})


@pytest.mark.parametrize(
    ("answer", "thinks"),
    [
        (one_token("", "<think>"), True),
        (one_token("<think>", "<think>"), True),
        (one_token("", reasoning_content="Okay"), True),
        (one_token("<|channel|>", "<|channel|>"), True),
        (one_token("<", "<"), False),
        (one_token("<answer", "<answer"), False),
        (one_token("(", "("), False),
        (one_token("\n", "\n"), False),
        (one_token("", finish="stop"), False),
    ],
    ids=[
        "hidden mark",
        "mark",
        "thoughts",
        "mark of a channel",
        "bracket of a tag",
        "tag of an answer",
        "bracket",
        "line break",
        "nothing",
    ],
)
@pytest.mark.parametrize("reasoning", ["", 'reasoning = "none"'])
def test_a_letter_judge_is_told_what_helps_one_token(answer, thinks, reasoning):
    """Neither a higher limit nor examples reach a judge that is asked for one token."""
    lines = f'verdict = "letter"\nmax_tokens = 9000\n{reasoning}'
    _, j, _ = checked(lambda a: answer if is_one_letter(a) else good(a), judge=lines)
    assert not j.ok
    assert "max_tokens" not in j.mend
    assert "examples" not in j.mend
    assert '`verdict = "word"`' in j.mend
    assert ("cannot answer in one token: turn thinking off" in j.mend) == thinks


def is_one_letter(asked):
    """Whether a request is a question that is answered by a letter."""
    return asked.body["max_tokens"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
        (404, {"detail": "Not Found"}),
        (404, b"404 page not found"),
        (405, {"detail": "Method Not Allowed"}),
        (307, b"", {"Location": "/v1/chat/completions"}),
        (200, b"<html>welcome</html>"),
    ],
    ids=["lmstudio", "vllm", "ollama", "405", "redirect", "page"],
)
def test_an_address_without_v1_is_mended(wrong):
    """The check tries /v1, and gives the line where that answers."""
    m, _, _ = checked(lambda a: good(a) if a.path.startswith("/v1/") else wrong, tail="")
    assert not m.ok
    assert m.mend.startswith('`base_url = "http://127.0.0.1:')
    assert m.mend.endswith('/v1"`')


def test_a_model_that_is_not_there_is_said_with_the_address():
    """No other base_url is offered where none answers."""
    m, _, _ = checked(lambda a: refused("The model `m` does not exist", 404), tail="/v1")
    assert "no model 'm' at http://127.0.0.1:" in m.problem
    assert "/v1/chat/completions" in m.problem
    assert "The model `m` does not exist" in m.problem
    assert m.mend == ""


def test_a_key_that_is_wrong_or_missing_is_plain_words(monkeypatch):
    """The variable is named, and never its value."""
    monkeypatch.setenv("HOUSE_KEY", "sk-house-0123456789")
    m, _, _ = checked(
        lambda a: refused("Incorrect API key provided: sk-house-0123456789", 401),
        'api_key_env = "HOUSE_KEY"',
    )
    assert "the key in HOUSE_KEY was not accepted" in m.problem
    assert "0123456789" not in m.problem
    monkeypatch.delenv("HOUSE_KEY")
    m, _, _ = checked(good, 'api_key_env = "HOUSE_KEY"')
    assert m.problem.startswith("the environment variable HOUSE_KEY is not set")
