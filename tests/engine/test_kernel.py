"""The request kernel: what a request is, and what a response says."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

from ethogram.engine.reading import read_response
from ethogram.engine.requests import (
    ANSWERED,
    PASSING,
    USABLE,
    Request,
    Status,
    Usage,
    failure,
    request_id,
)
from ethogram.engine.thoughts import split_reasoning

HELLO = ({"role": "user", "content": "Hello"},)


def body(content="A reply.", *, finish="stop", message=None, **more):
    """Return a chat completion as a service sends it."""
    message = {"role": "assistant", "content": content, **(message or {})}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return orjson.dumps({"choices": [choice], **more})


# -- requests ---------------------------------------------------------------------------------


def test_a_request_is_named_by_its_content_alone():
    """The order of its parameters changes nothing; each part of its content changes the name."""
    plain = Request("s", "m", HELLO, {"top_p": 1.0, "temperature": 0.5})
    turned = Request("s", "m", HELLO, {"temperature": 0.5, "top_p": 1.0})
    name = request_id(plain.canonical())
    assert request_id(turned.canonical()) == name
    others = [
        Request("t", "m", HELLO, plain.params),
        Request("s", "n", HELLO, plain.params),
        Request("s", "m", ({"role": "user", "content": "hello"},), plain.params),
        Request("s", "m", HELLO, {"temperature": 0.5}),
        Request("s", "m", HELLO, plain.params, sample=1),
        Request("s", "m", HELLO, plain.params, path="completions"),
    ]
    assert len({name, *(request_id(other.canonical()) for other in others)}) == 7


def test_a_name_is_a_tagged_hash_that_another_process_finds_too():
    """BLAKE2b of 128 bits over the canonical JSON, whose keys are sorted."""
    request = Request("s", "m", HELLO)
    canonical = (
        b'{"messages":[{"content":"Hello","role":"user"}],"model":"m","params":{},'
        b'"sample":0,"service":"s"}'
    )
    assert request.canonical() == canonical
    code = "import hashlib, sys; print(hashlib.blake2b(sys.stdin.buffer.read(), digest_size=16)"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}.hexdigest())"],
        input=canonical,
        capture_output=True,
        check=True,
    )
    assert request_id(canonical) == f"b2:{found.stdout.decode().strip()}"


def test_what_is_sent_holds_model_messages_and_parameters():
    """The sample number is the store's; a completion sends its text as the prompt."""
    chat = Request("s", "m", HELLO, {"temperature": 0.5}, sample=3)
    assert orjson.loads(chat.body()) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.5,
    }
    plain = Request("s", "m", HELLO, {"max_tokens": 1}, path="completions")
    assert orjson.loads(plain.body()) == {"model": "m", "prompt": "Hello", "max_tokens": 1}


# -- responses --------------------------------------------------------------------------------


def test_a_completion_is_read_whole():
    """Text, tokens, cost, provider and the model's own name."""
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "completion_tokens_details": {"reasoning_tokens": 3},
        "cost": 0.25,
    }
    found = read_response(200, body(usage=usage, provider="p", model="m-2026"))
    assert (found.status, found.reason, found.text) == (Status.OK, "", "A reply.")
    assert found.usage == Usage(11, 7, 3, 0.25)
    assert (found.provider, found.model_said, found.retry) == ("p", "m-2026", False)


@pytest.mark.parametrize(
    ("sent", "status", "retry"),
    [
        (body(), "ok", False),
        (body(finish=None), "ok", False),  # some services leave it out
        (body("A rep", finish="length"), "truncated", False),
        (body("", finish="length"), "empty", False),  # would be cut again
        (body(""), "empty", True),
        (body("  \n"), "empty", True),
        (body(None), "empty", True),
        (body(7), "empty", True),
        (body("", message={"reasoning": "Hm."}), "empty", True),
        (body("<think>Hm.</think>"), "empty", True),
        (body("<think>Hm, and hm", finish="length"), "empty", False),
        (body(None, message={"refusal": "No."}), "refused", False),
        (body("Sure", message={"refusal": "No."}), "refused", False),
        (body("Sure", finish="content_filter"), "filtered", False),
        (body("Sure", finish="error"), "server_error", True),
        (body([{"type": "text", "text": "In parts."}]), "ok", False),
        (orjson.dumps({"choices": [{"text": "Plain.", "finish_reason": "stop"}]}), "ok", False),
        (orjson.dumps({"choices": []}), "malformed", True),
        (orjson.dumps({"choices": None}), "malformed", True),
        (orjson.dumps({"choices": "none"}), "malformed", True),
        (orjson.dumps({"choices": [None]}), "malformed", True),
        (orjson.dumps({"choices": [{"message": None}]}), "empty", True),
        (orjson.dumps({"error": {"code": 429, "message": "slow"}}), "rate_limited", True),
        (orjson.dumps({"error": "overloaded"}), "server_error", True),
        (orjson.dumps({"error": None, "choices": []}), "malformed", True),
        (b"", "malformed", True),
        (b"null", "malformed", True),
        (b"[]", "malformed", True),
        (b"{" * 100_000, "malformed", True),
        (b'{"choices": "\xff"}', "malformed", True),
    ],
)
def test_a_200_is_classed_by_what_it_holds(sent, status, retry):
    """Only a text that stopped by itself is `ok`; what may pass later is marked."""
    found = read_response(200, sent)
    assert (found.status, found.retry) == (status, retry)
    assert bool(found.reason) == (status != "ok")
    assert "\n" not in found.reason


PASSES = (408, 409, 420, 423, 425, 429, 499)  # a conflict, a lock, a call that was broken off


@pytest.mark.parametrize("http", range(201, 600))
def test_every_other_http_status_is_a_named_loss(http):
    """No status but 200 is an answer; 5xx and `PASSES` can pass, others cannot."""
    found = read_response(http, b'{"error": {"message": "Why."}}')
    assert found.status not in USABLE
    assert found.reason == f"HTTP {http}: Why."
    assert found.text == ""
    assert found.retry == (http >= 500 or http < 400 or http in PASSES)


@pytest.mark.parametrize(
    ("http", "sent"),
    [
        (403, {"error": {"message": "flagged", "metadata": {"reasons": ["violence"]}}}),
        (400, {"error": {"message": "flagged", "code": "content_filter"}}),
    ],
)
def test_a_prompt_that_moderation_refuses_is_filtered(http, sent):
    """It loses its trial and neither the key nor the study."""
    assert read_response(http, orjson.dumps(sent)).status is Status.FILTERED


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"error": {"message": "Why."}}', "Why."),
        (b'{"error": "Why."}', "Why."),
        (b'{"message": "Why."}', "Why."),
        (b'{"detail": "Why."}', "Why."),
        (b'[{"error": {"message": "Why."}}]', "Why."),
        (b"<html>\n<b>Why.</b>", "Why."),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"", "empty body"),
        (b"{}", "{}"),
    ],
)
def test_an_errors_reason_is_the_services_own_words(sent, said):
    """Whichever of the usual shapes an error has, its message is found."""
    assert read_response(500, sent).reason == f"HTTP 500: {said}"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        7,
        {"prompt_tokens": "many", "completion_tokens": -1},
        {"prompt_tokens": 1.5, "completion_tokens": True},
        {"prompt_tokens": 2**63, "cost": "free"},
        {"cost": -1.0, "completion_tokens_details": 3},
        {"cost": True},
    ],
)
def test_usage_that_is_no_number_is_unknown(usage):
    """Nonsense is None, never zero."""
    assert read_response(200, body(usage=usage)).usage == Usage()


@pytest.mark.parametrize(
    ("text", "reply", "thought"),
    [
        ("Hello.", "Hello.", ""),
        ("<think>Hm.</think>Hello.", "Hello.", "Hm."),
        ("\n<think>\nHm.\n</think>\n\nHello.", "Hello.", "Hm."),
        ("<thinking>Hm.</thinking> Hello.", "Hello.", "Hm."),
        ("<think>Hm. No end", "", "Hm. No end"),
        ("Hm.</think>Hello.", "Hello.", "Hm."),
        ("<think></think>Hello.", "Hello.", ""),
        ("In HTML, <think> is no tag.", "In HTML, <think> is no tag.", ""),
        ("Use <think>x</think> here.", "Use <think>x</think> here.", ""),
    ],
)
def test_thinking_is_parted_from_the_reply(text, reply, thought):
    """A block at the start is reasoning; the words in a reply about it are not."""
    assert split_reasoning(text) == (reply, thought)


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_reasoning_in_a_field_of_its_own_is_kept_apart(key):
    """Both usual names of the field are known, and an inline block is added."""
    found = read_response(200, body("<think>More.</think>Hello.", message={key: "Hm."}))
    assert (found.text, found.reasoning) == ("Hello.", "Hm.\nMore.")


def test_statuses_do_not_overlap():
    """What is usable is never asked again, and what ends a run is no loss that passes."""
    assert not USABLE & PASSING
    assert USABLE < ANSWERED
    assert failure(Status.TIMEOUT, "late").retry
    assert not failure(Status.REFUSED, "no").retry
    assert len(failure(Status.TIMEOUT, "x" * 9999).reason) == 500


def test_a_reading_can_be_classed_otherwise_without_losing_what_it_says():
    """A protocol that cannot read a text keeps it."""
    found = read_response(200, body(usage={"completion_tokens": 7}))
    unparsed = found.as_status(Status.UNPARSED, "no tag")
    assert (unparsed.text, unparsed.usage, unparsed.retry) == (found.text, found.usage, True)


def test_every_error_of_ours_is_one_line_of_bounded_length():
    """Whatever values its text names."""
    from ethogram.errors import DisconnectedError, StudyError

    for kind in (StudyError, DisconnectedError):
        assert str(kind("the value 'a\n\tb'\r\nis wrong")) == "the value 'a b' is wrong"
        assert len(str(kind("x" * 10**6))) < 2000
