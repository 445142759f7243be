"""What responses say: bodies that are nearly JSON, open lists of endings, errors of every shape."""

from __future__ import annotations

import codecs
import gzip
import json
import re

import orjson
import pytest

from ethogram.engine.reading import read_response
from ethogram.engine.requests import PASSING, STOPPING, USABLE, Status, Usage
from ethogram.engine.spellings import CODES, FINISHES, PHRASES, WEAK_CODES, Cause, ending_of

TEXT = "Good morning, Zoë. \N{SMILING FACE WITH SMILING EYES}"


def body(content=TEXT, *, finish="stop", message=None, choice=None, **more):
    """Return a chat completion as a service sends it."""
    message = {"role": "assistant", "content": content, **(message or {})}
    choice = {"index": 0, "finish_reason": finish, "message": message, **(choice or {})}
    return json.dumps({"choices": [choice], **more}, ensure_ascii=False).encode()


def error(http, sent):
    """Read an error."""
    return read_response(http, sent if isinstance(sent, bytes) else orjson.dumps(sent))


def chunk(delta, finish=None, **more):
    """Return one event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"choices": [choice], "model": "m", **more})


# -- bodies -----------------------------------------------------------------------------------

GOOD = body()
STREAM = b"\n\n".join(
    [
        chunk({"role": "assistant", "reasoning": "H"}),
        chunk({"content": "Good mor"}),
        chunk({"content": "ning.", "reasoning": "m."}),
        chunk({}, "stop"),
        b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}',
        b"data: [DONE]",
        b"",
    ]
)


@pytest.mark.parametrize(
    "sent",
    [
        GOOD,
        codecs.BOM_UTF8 + GOOD,
        codecs.BOM_UTF16_LE + GOOD.decode().encode("utf-16-le"),
        codecs.BOM_UTF16_BE + GOOD.decode().encode("utf-16-be"),
        GOOD.decode().encode("utf-16-le"),
        *(GOOD.decode().encode(code) for code in ("utf-16-be", "utf-32-le", "utf-32-be")),
        "\n".encode("utf-16-le") + GOOD.decode().encode("utf-16-le"),
        gzip.compress(GOOD, mtime=0),
        b"[" + GOOD + b"]",
        b'{"code": 200, "success": true, "data": ' + GOOD + b"}",
        b'{"result": ' + GOOD + b"}",
        b'{"response": ' + GOOD + b"}",
        b"```json\n" + GOOD + b"\n```",
        b"data: " + GOOD + b"\r\rdata: [DONE]\r\r",
        b"\n\n   \r\n\n" + GOOD,
        GOOD + b"\n\n",
        GOOD + b"\n--boundary--",
        b": KEEP-ALIVE\n\n: KEEP-ALIVE\n\n" + GOOD,
        b": KEEP-ALIVE\n" + GOOD,
        b"data: " + GOOD + b"\n\ndata: [DONE]\n\n",
        b"event: message\r\ndata: " + GOOD + b"\r\n\r\n",
        orjson.dumps(GOOD.decode()),
        GOOD.replace(
            b'"index": 0', b'"index": 0, "avg_logprobs": NaN, "a": Infinity, "b": -Infinity'
        ),
        GOOD.replace(b'"index": 0', b'"index": 0, "index": 0'),
        GOOD.replace(b'"index": 0', b'"index": 0, "note": "a\tb\x01c"'),
        GOOD.replace(b'"index": 0', b'"index": 0, "note": "\xff\xfe half: \xf0\x9f"'),
    ],
)
def test_a_good_completion_is_read_in_a_body_that_is_nearly_json(sent):
    """What other clients read is read: the text is whole, the status ok."""
    reading = read_response(200, sent)
    assert (reading.status, reading.text, reading.reason) == (Status.OK, TEXT, "")


def test_a_stream_that_was_not_asked_for_is_put_together():
    """Texts are joined in order; usage comes with an event that has no choice."""
    reading = read_response(200, STREAM)
    assert (reading.status, reading.text, reading.reasoning) == ("ok", "Good morning.", "Hm.")
    assert (reading.usage, reading.model_said) == (Usage(3, 4), "m")
    unparted = STREAM.replace(b"\n\n", b"\n")
    assert read_response(200, unparted)._replace(usage=Usage()) == reading._replace(usage=Usage())
    crlf = STREAM.replace(b"\n", b"\r\n")
    assert read_response(200, crlf) == reading
    assert read_response(200, STREAM.replace(b"\n", b"\r")) == reading


def test_a_stream_that_breaks_off_is_no_answer():
    """It neither gave a finish reason nor said that it was done: there was more to come."""
    reading = read_response(200, b"\n\n".join([chunk({"content": "Good mor"}), b": ping", b""]))
    assert (reading.status, reading.retry) == (Status.SERVER_ERROR, True)
    done = read_response(200, b"\n\n".join([chunk({"content": "Good."}), b"data: [DONE]"]))
    assert (done.status, done.text) == (Status.OK, "Good.")


def test_an_error_in_a_stream_beats_its_text():
    """OpenRouter sends it as an event of its own."""
    late = b'data: {"error": {"code": 502, "message": "Upstream is gone"}, "choices": []}'
    reading = read_response(200, b"\n\n".join([chunk({"content": "Good mor"}), late]))
    assert (reading.status, reading.reason) == ("server_error", "HTTP 502: Upstream is gone")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (rb"A lone \ud83d half", "A lone \N{REPLACEMENT CHARACTER} half"),
        (rb"A pair \ud83d\ude00", "A pair \N{GRINNING FACE}"),
        (b"Half \xf0\x9f\x98 of one", "Half \N{REPLACEMENT CHARACTER} of one"),
        (b"Latin \xe9", "Latin \N{REPLACEMENT CHARACTER}"),
        (rb"Nothing \u0000 here", "Nothing \N{REPLACEMENT CHARACTER} here"),
        (b"A\ttab", "A\ttab"),
    ],
)
def test_what_no_store_can_hold_is_replaced_and_the_rest_stays(sent, text):
    """NUL, lone surrogates and broken UTF-8 become U+FFFD, one character each."""
    reading = read_response(200, body("X").replace(b'"X"', b'"%b"' % sent))
    assert (reading.status, reading.text) == (Status.OK, text)
    reading.text.encode()


@pytest.mark.parametrize(
    "sent",
    [
        *(b"", b" \n", b"{", b"[1, 2", b"data: [DONE]\n\n", b": a comment\n\n", b'"words"', b"7"),
        *(b"Good morning.", b"[" * 100_000, b"data: " + b"{" * 5000, b"\xff\xfe", b"\x00\x01\x02"),
        *(
            b"\x1f\x8b",
            b"\x1f\x8b\x08 no gzip",
            gzip.compress(b"words", mtime=0),
            b"```json\n{\n```",
        ),
        *(GOOD[: len(GOOD) // 2], codecs.BOM_UTF8 + GOOD[:-1], b"data: " + GOOD[:-1]),
    ],
)
def test_what_is_no_completion_stays_malformed(sent):
    """Leniency adds nothing: half a body is none."""
    reading = read_response(200, sent)
    assert (reading.status, reading.retry) == (Status.MALFORMED, True)
    assert reading.reason


# -- why a text ended -------------------------------------------------------------------------

ENDS = {
    "ok": "end_of_turn eos_token_id eosFound <|im_end|> "
    "stop STOP end_turn endTurn eos eos_token stop_sequence STOP_SEQUENCE COMPLETE completed "
    "FINISH_REASON_STOP tool_calls function_call null FINISH_REASON_UNSPECIFIED",
    "truncated": "MAX_TOKENS_REACHED max_new_tokens token_limit_reached max_tokens_exceeded "
    "context_length_exceeded length MAX_TOKENS max_tokens maxTokens model_length max_output_tokens "
    "token-limit ERROR_LIMIT FINISH_REASON_MAX_TOKENS model_context_window_exceeded",
    "filtered": "content_policy risk "
    "content_filter content-filter CONTENT_FILTERED contentFilter SAFETY RECITATION "
    "PROHIBITED_CONTENT BLOCKLIST SPII sensitive guardrail_intervened ERROR_TOXIC IMAGE_SAFETY",
    "refused": "refusal",
    "server_error": "error network_error abort aborted cancelled USER_CANCEL timeout failed "
    "insufficient_system_resource load MALFORMED_FUNCTION_CALL",
    "other_finish": "repetition OTHER pause_turn something_new 7even",
}


@pytest.mark.parametrize(
    ("finish", "status"),
    [(name, status) for status, names in ENDS.items() for name in names.split()],
)
def test_every_known_ending_has_its_status_and_no_other_is_plain_ok(finish, status):
    """Whatever its case; an unknown one is usable, but named."""
    reading = read_response(200, body("Some text", finish=finish))
    assert (reading.status, reading.cut) == (status, status == "truncated")
    assert reading.retry == (status in PASSING)
    assert reading.own == (status in ("filtered", "refused"))
    assert (reading.status in USABLE) == (status in ("ok", "truncated", "other_finish"))
    if status == "other_finish":
        assert reading.reason == f"finish_reason {finish} is not known"


def test_every_ending_of_the_table_is_found_by_its_own_name():
    """The folded names are the keys."""
    assert all(ending_of(name) is ending for name, ending in FINISHES.items())
    assert ending_of("something_new") is None


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ({"finish_reason": None, "native_finish_reason": "MAX_TOKENS"}, "truncated"),
        ({"finish_reason": None, "stop_reason": "end_turn"}, "ok"),
        ({"finish_reason": "stop", "stop_reason": "</answer>"}, "ok"),  # vLLM: where it stopped
        ({"finish_reason": None, "stop_reason": 128009}, "ok"),  # vLLM: the token
        ({"finish_reason": {"type": "length"}}, "truncated"),
        ({"finish_reason": ""}, "ok"),
    ],
)
def test_why_it_ended_is_read_in_other_places_where_finish_reason_is_missing(choice, status):
    """OpenRouter's native reason, Anthropic's stop reason."""
    assert read_response(200, body("Some text", choice=choice)).status == status


@pytest.mark.parametrize("finish", ["something_new", "stop", None])
def test_without_text_no_ending_is_an_answer(finish):
    """An unknown ending and no text is `empty`, and asked again."""
    reading = read_response(200, body("", finish=finish))
    assert (reading.status, reading.retry) == (Status.EMPTY, True)
    assert (finish or "missing") in reading.reason
    cut = read_response(200, body("", finish="MAX_TOKENS"))
    assert (cut.status, cut.retry, cut.cut) == (Status.EMPTY, False, True)


# -- errors beside a text ---------------------------------------------------------------------


@pytest.mark.parametrize("place", ["top", "choice", "message"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"code": 502, "message": "Provider disconnected"}, "server_error"),
        ({"code": "429", "message": "Slow"}, "rate_limited"),
        ({"code": "insufficient_quota", "message": "m"}, "no_credit"),
        ({"message": "Incorrect API key provided: sk-0000."}, "unauthorized"),
        ("the connection to the model was lost", "server_error"),
    ],
)
def test_an_error_beats_the_text_beside_it(place, fault, status):
    """What came is only a part of an answer, wherever the error stands."""
    at = {
        "top": {},
        "choice": {"choice": {"error": fault}},
        "message": {"message": {"error": fault}},
    }
    more = {"error": fault} if place == "top" else {}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    reading = read_response(200, body("Good mor", finish=None, usage=usage, **at[place], **more))
    assert reading.status == status
    assert reading.usage == Usage(3, 2)  # it may be billed all the same
    assert (fault if isinstance(fault, str) else fault["message"]) in reading.reason


@pytest.mark.parametrize("nothing", [None, {}, "", [], False, {"code": 0, "message": ""}])
def test_an_error_field_that_says_nothing_is_no_error(nothing):
    """Some services always send one."""
    assert read_response(200, body(error=nothing)).status is Status.OK
    assert read_response(200, body(choice={"error": nothing})).status is Status.OK
    fine = {"base_resp": {"status_code": 0, "status_msg": "success"}}
    assert read_response(200, body(**fine)).status is Status.OK


# -- errors by what they say ------------------------------------------------------------------

MESSAGES = {
    "unauthorized": [
        "API key not valid. Please pass a valid API key.",
        "Incorrect API key provided: sk-0000. You can find your key at https://example.org.",
        "invalid x-api-key",
        "Invalid API Key",
        "Not authenticated",
        "No connected db.",
        "No auth credentials found",
        "Authentication Fails, Your api key: ****0000 is invalid",
        "Missing API key",
        "The API key in the request is missing or invalid.",
        "You didn't provide an API key.",
        "invalid api token",
        "Unauthorized",
        "The API Key appears to be invalid or may have expired",
    ],
    "no_credit": [
        "Your credit balance is too low to access the API. Please purchase credits.",
        "You exceeded your current quota, please check your plan and billing details.",
        "Insufficient Balance",
        "This request requires more credits, or fewer max_tokens. You can only afford 900.",
        "Your team has either used all available credits or reached its monthly spending limit.",
        "You have run out of credits or need a subscription.",
        "Billing hard limit has been reached",
        "Sorry, your account balance is insufficient",
        "The request failed because your account has an overdue balance.",
        "Access denied, please make sure your account is in good standing.",
        "user quota is not enough",
        "Free allocated quota exceeded.",
        "quota exhausted",
        "Payment Required",
        "Your account org-0 is suspended, please check your plan",
        "Monthly usage limit reached",
        "This organization has been disabled.",
        "Key limit exceeded (total limit).",
    ],
    "rate_limited": [
        "Rate limit reached for requests",
        "Rate limit exceeded: free-models-per-min.",
        "Too many requests, slow down",
        "Too many concurrent calls",
        "model-x is temporarily rate-limited upstream",
        "Requests rate limit exceeded, please try again later.",
        "Quota exceeded for metric: requests per minute",
        "Allocated quota exceeded, please increase your quota limit.",
        "Service tier capacity exceeded for this model.",
        "Request was throttled.",
        "Too many tokens, please wait before trying again.",
    ],
    "not_found": [
        "The model `tested` does not exist or you do not have access to it.",
        "model 'tested' not found, try pulling it first",
        "Unexpected endpoint or method. (POST /chat/completions)",
        "404 page not found",
        "The API deployment for this resource does not exist.",
        "tested is not a valid model ID",
        "No endpoints found for tested",
        "Not Found",
    ],
    "filtered": [
        "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO, API key ID: k",
        "Your prompt was flagged as potentially violating our usage policy.",
        "The response was filtered due to the prompt triggering the content management policy.",
        "Output data may contain inappropriate content.",
        "Content Exists Risk",
        "The request was rejected because it was considered high risk",
        "Your request was rejected as a result of our safety system.",
        "The input text includes sensitive content",
        "The prompt contains sensitive words",
        "The prompt was blocked by the provider's moderation filter",
    ],
    "invalid_request": [
        "This model's maximum context length is 8192 tokens. However, you requested 9000.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "the request exceeds the available context size, try increasing it",
        "The input token count exceeds the maximum number of tokens allowed (1048576).",
        "Request too large for model on tokens per minute (TPM): Limit 6000, Requested 7000",
    ],
    "server_error": ["Tool choice is none, but model called a tool", "Failed to call a function."],
}


@pytest.mark.parametrize("http", [200, 400, 403, 500])
@pytest.mark.parametrize(
    ("said", "status"), [(said, status) for status, all_of in MESSAGES.items() for said in all_of]
)
def test_an_errors_words_say_what_it_is_about_whatever_its_http_status(said, status, http):
    """Each as an error object, as plain words in one field, and without an object."""
    for sent in (
        {"error": {"message": said}},
        {"error": said},
        {"detail": said},
        {"message": said},
    ):
        reading = error(http, sent)
        assert reading.status == status
        assert reading.own == (status in ("filtered", "invalid_request") and http < 500)
        assert reading.reason == f"HTTP {http}: {said}"
        assert (reading.status in STOPPING) == (status in ("unauthorized", "no_credit"))


@pytest.mark.parametrize(
    ("http", "sent", "status"),
    [
        (429, {"error": {"code": "insufficient_quota", "message": "Slow down."}}, "no_credit"),
        (403, {"error": {"code": "insufficient_user_quota", "message": "m"}}, "no_credit"),
        (400, {"error": {"code": "Arrearage", "message": "Access denied"}}, "no_credit"),
        (403, {"error": {"code": "AccountOverdueError", "message": "m"}}, "no_credit"),
        (400, {"code": "InvalidApiKey", "message": "No such key"}, "unauthorized"),
        (400, {"error": {"message": "m", "type": "authentication_error"}}, "unauthorized"),
        (200, {"error": {"code": "1302", "message": "m"}}, "rate_limited"),
        (200, {"error": {"code": 1113, "message": "m"}}, "no_credit"),
        (400, {"error": {"code": "1301", "message": "m"}}, "filtered"),
        (400, {"error": {"code": "data_inspection_failed", "message": "m"}}, "filtered"),
        (400, {"error": {"code": "content_policy_violation", "message": "m"}}, "filtered"),
        (451, {"error": {"code": "content_filter", "message": "m"}}, "filtered"),
        (400, {"error": {"code": "context_length_exceeded", "message": "m"}}, "invalid_request"),
        (400, {"error": {"code": "model_not_found", "message": "m"}}, "not_found"),
        (400, {"error": {"code": "tool_use_failed", "message": "m"}}, "server_error"),
        (200, {"base_resp": {"status_code": 1008, "status_msg": "no"}}, "no_credit"),
        (200, {"base_resp": {"status_code": 1002, "status_msg": "no"}}, "rate_limited"),
        (200, {"base_resp": {"status_code": 1004, "status_msg": "no"}}, "unauthorized"),
        (
            200,
            {"object": "error", "message": "m", "type": "NotFoundError", "code": 404},
            "not_found",
        ),
        (200, {"code": 429, "msg": "quota exhausted", "success": False}, "no_credit"),
        (200, {"code": 401, "msg": "no", "success": False}, "unauthorized"),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "server_error",
        ),
        (200, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, "server_error"),
        (
            429,
            {"error": {"type": "engine_overloaded_error", "message": "Overloaded"}},
            "rate_limited",
        ),
        (503, {"error": {"message": "Loading model", "type": "unavailable_error"}}, "server_error"),
        (403, {"error": {"message": "No.", "metadata": {"reasons": ["violence"]}}}, "filtered"),
        (
            400,
            {"error": {"message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            "filtered",
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": "m",
                    "status": "INVALID_ARGUMENT",
                    "details": [
                        {
                            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                            "reason": "API_KEY_INVALID",
                        }
                    ],
                }
            },
            "unauthorized",
        ),
        (403, {"error": {"message": "No.", "status": "PERMISSION_DENIED"}}, "forbidden"),
        (401, {"error": {"message": "No."}}, "unauthorized"),
        (402, b"", "no_credit"),
        (403, {"detail": "No."}, "forbidden"),
        (404, {"detail": "Not Found"}, "not_found"),
        (404, b"404 page not found\n", "not_found"),
        (413, b"", "invalid_request"),
        (503, b"no healthy upstream", "server_error"),
    ],
)
def test_codes_and_bare_http_statuses_say_what_an_error_is_about(http, sent, status):
    """Wherever a service puts its code; without words the HTTP status decides."""
    assert error(http, sent).status == status


def test_every_row_of_the_tables_can_be_reached():
    """A phrase that an earlier one swallows whole would be a dead line."""
    assert set(CODES.values()) | set(WEAK_CODES.values()) >= set(Cause)
    assert {cause for _, cause in PHRASES} == set(Cause)
    assert all(isinstance(phrase, re.Pattern) for phrase, _ in PHRASES)


NOT_ABOUT_THE_PROMPT = [
    (403, "Your account has been flagged for violating our terms", "forbidden"),
    (403, "Your organization was banned: it violates our usage policies", "forbidden"),
    (403, "Access denied: request blocked by IP allowlist policy", "forbidden"),
    (403, "Request blocked by network policy", "forbidden"),
    (403, "Your request was blocked.", "forbidden"),
    (403, "sensitive content access is disabled for this project", "forbidden"),
    (400, "Your access was terminated due to violation of our policies", "forbidden"),
    (400, "User location is not supported for the API use.", "forbidden"),
    (400, "Safety settings are not supported by this model", "invalid_request"),
    (400, "This model does not support safety settings", "invalid_request"),
    (400, "max_tokens exceeds the context window limit", "invalid_request"),
    (400, "context_length is not a supported parameter", "invalid_request"),
    (400, "content_filter parameter is not supported", "invalid_request"),
    (503, "Content filter service temporarily unavailable", "server_error"),
    (500, "Failed to call the content filtering system", "server_error"),
    (502, "upstream request rejected by policy", "server_error"),
    (503, "Request was blocked due to safety system outage", "server_error"),
    (500, "input token count failed", "server_error"),
    # words of the prompt that an error repeats
    (400, "Could not tokenize message: I have no credits left", "invalid_request"),
    (
        400,
        "Invalid message content at index 1: please add credits to my account",
        "invalid_request",
    ),
    (
        400,
        "Jinja template error: Conversation roles must alternate: my api key is invalid",
        "invalid_request",
    ),
]


@pytest.mark.parametrize(("http", "said", "status"), NOT_ABOUT_THE_PROMPT)
def test_accounts_networks_and_settings_are_not_about_one_prompt(http, said, status):
    """Whatever word of contents or lengths stands in the message."""
    reading = error(http, {"error": {"message": said}})
    assert (reading.status, reading.own) == (status, False)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("令牌无效", "unauthorized"),
        ("API Key 无效", "unauthorized"),
        ("API密钥无效", "unauthorized"),
        ("账户余额不足", "no_credit"),
        ("您的账户已欠费，请充值后重试", "no_credit"),
        ("该令牌额度已用尽", "no_credit"),
        ("用户额度不足, 剩余额度: 0", "no_credit"),
        ("请求过快，请稍后再试", "rate_limited"),
        ("请求频率超限", "rate_limited"),
        ("QPS超限", "rate_limited"),
        ("频率惩罚参数错误", "invalid_request"),
        ("您的输入包含敏感词", "filtered"),
        ("内容审核不通过", "filtered"),
        ("可能包含不安全或敏感内容", "filtered"),
        ("账号审核中", "forbidden"),
    ],
)
def test_chinese_words_are_found_without_gaps_around_them(said, status):
    """Every character is a word character there."""
    assert error(400, {"error": {"message": said}}).status == status


RATES = [
    "You have reached your requests per minute limit. Please upgrade your plan.",
    "You hit your limit, upgrade your plan or try again in 20s",
    "Too many requests. Please top up your account for higher limits.",
]


@pytest.mark.parametrize("said", RATES)
def test_advice_to_pay_more_is_no_lack_of_credit_where_a_rate_is_named(said):
    """Waiting helps."""
    assert error(429, {"error": {"message": said}}).status is Status.RATE_LIMITED


def test_a_flagged_prompt_is_filtered_where_an_account_is_named_too():
    """What was flagged comes first."""
    said = "Your prompt, sent from project x, was flagged by our moderation"
    assert error(400, {"error": {"message": said}}).status is Status.FILTERED


def test_a_failed_safety_check_is_about_the_prompt():
    """Unlike a safety system that failed."""
    assert error(400, {"error": {"message": "safety check failed"}}).own


SPELLED = {
    "unauthorized": [
        "The security token included in the request is expired",
        "Access denied due to invalid subscription key or wrong API endpoint.",
        "Your API key was reported as leaked. Please use another API key.",
        "Token is invalid",
        "Access token invalid or no longer valid",
    ],
    "no_credit": [
        "Your credits have run out",
        "Your account has run out of funds",
        "You have run out of credits",
        "You've used all your credits",
        "You have used up your monthly included credits for Inference Providers.",
        "Please top up your account",
        "Please recharge",
        "Your balance is negative",
        "Low balance",
        "Wallet balance is below zero",
        "Your trial has expired",
        "Subscription expired",
        "Your subscription has ended",
        "No active subscription",
        "Please upgrade your plan",
        "This API method requires billing to be enabled.",
        "Billing account for project is not found",
        "Your account is past due",
        "Unpaid invoices",
        "Not enough money",
        "inference prohibited, please enter payment method",
        "ExceededBudget: User over budget",
        "ExceededTokenBudget: Current spend for token: 3; Max Budget for Token: 2",
        "You are using a Trial key, which is limited to 1000 API calls / month.",
    ],
    "rate_limited": ["Resource exhausted: quota limit per minute"],
    "filtered": [
        "Guardrail intervened",
        "Prompt detected as jailbreak",
        "Prompt contains NSFW words",
        "Content blocked: hate",
    ],
}


@pytest.mark.parametrize(
    ("said", "status"), [(said, status) for status, all_of in SPELLED.items() for said in all_of]
)
def test_more_spellings_are_recognised(said, status):
    """Under a general HTTP status."""
    for http in (400, 403):
        assert error(http, {"error": {"message": said}}).status == status


@pytest.mark.parametrize(
    ("http", "sent", "status"),
    [
        (400, {"__type": "UnrecognizedClientException", "message": "m"}, "unauthorized"),
        (403, {"__type": "a.b#ExpiredTokenException", "message": "m"}, "unauthorized"),
        (403, {"__type": "InvalidSignatureException", "message": "m"}, "unauthorized"),
        (400, {"__type": "AccessDeniedException", "message": "m"}, "forbidden"),
        (424, {"__type": "ModelErrorException", "message": "m"}, "server_error"),
        (400, {"error": {"code": "invalid_iam_token", "message": "m"}}, "unauthorized"),
        (400, {"error": {"code": "organization_restricted", "message": "m"}}, "no_credit"),
        (200, {"error_code": 110, "error_msg": "m"}, "unauthorized"),
        (200, {"error_code": 111, "error_msg": "m"}, "unauthorized"),
        *((200, {"error_code": code, "error_msg": "m"}, "rate_limited") for code in (4, 17, 18)),
        (200, {"error_code": 19, "error_msg": "m"}, "rate_limited"),
        (429, {"message": "Trial key, which is limited to 1000 API calls / month"}, "no_credit"),
        (429, {"message": "Trial key, which is limited to 10 calls / minute"}, "rate_limited"),
        (420, {"error": "m"}, "rate_limited"),
        (503, {"error": {"message": "quota limit per minute"}}, "rate_limited"),
        (409, {"error": "m"}, "server_error"),
        (423, b"", "server_error"),
        (499, b"", "server_error"),
    ],
)
def test_more_codes_say_what_an_error_is_about(http, sent, status):
    """AWS, Baidu, Groq, Cohere; and HTTP statuses that pass."""
    assert error(http, sent).status == status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Internal server error, please retry", "server_error"),
        ("Something went wrong", "server_error"),
        ("Unknown role: narrator", "invalid_request"),
        ("Error in the chat template", "invalid_request"),
        ("The parameter n is wrong", "invalid_request"),
    ],
)
def test_a_general_code_beats_an_http_500_only_with_words_on_the_request(said, status):
    """Relays send invalid_request_error with whatever failed behind them."""
    sent = {"error": {"message": said, "type": "invalid_request_error"}}
    assert error(500, sent).status == status


@pytest.mark.parametrize("depth", [100, 400, 900, 20_000])
@pytest.mark.parametrize("unit", [(b'{"error":', b"}"), (b"[", b"]"), (b'{"Response":', b"}")])
def test_no_depth_of_nesting_raises(unit, depth):
    """It is an error like any other."""
    opening, closing = unit
    sent = opening * depth + b'"x"' + closing * depth
    assert read_response(400, sent).status is Status.INVALID_REQUEST
    assert read_response(200, sent).status not in USABLE
    beside = b'{"choices": [{"message": {"content": "Hi."}}], "error": %b}' % sent
    assert read_response(200, beside).status not in USABLE


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"success": False, "message": "It failed"}, "server_error"),
        ({"code": 1113, "msg": "账户已欠费", "success": False}, "no_credit"),
        ({"error_code": 17, "error_msg": "limit reached"}, "rate_limited"),
        ({"fault": {"faultstring": "It failed"}}, "server_error"),
        ({"Error": {"message": "It failed"}}, "server_error"),
        ({"error": "No error"}, "ok"),
        ({"error": "none"}, "ok"),
        ({"error": ""}, "ok"),
        ({"error": 0}, "ok"),
        ({"error": False}, "ok"),
        ({"error": {"type": "none", "message": "None"}}, "ok"),
        ({"error_code": 0, "error_msg": "success"}, "ok"),
        ({"success": True, "code": 200, "message": "Good"}, "ok"),
    ],
)
def test_errors_of_every_shape_beat_the_text_beside_them(more, status):
    """And what says that there was none is none."""
    sent = orjson.dumps({**orjson.loads(body()), **more})
    assert read_response(200, sent).status == status


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (
            {"Response": {"Error": {"Code": "AuthFailure", "Message": "Why."}, "RequestId": "x"}},
            "unauthorized",
            "HTTP 200: Why.",
        ),
        ({"header": {"code": 10013, "message": "Why."}}, "server_error", "HTTP 200: Why."),
        ({"header": {"code": 0, "message": "Success"}}, "malformed", "no choices"),
    ],
)
def test_an_error_in_a_wrapper_is_the_reason(sent, status, reason):
    """Tencent Cloud's and iFlytek's."""
    reading = error(200, sent)
    assert (reading.status, reading.reason) == (status, reason)


GOOGLE = "You exceeded your current quota, please check your plan and billing details."
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s"}


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"message": f"{GOOGLE} Please retry in 27.1s.", "details": [RETRY]}, "rate_limited"),
        ({"message": GOOGLE, "details": [RETRY]}, "rate_limited"),
        ({"message": f"{GOOGLE} * requests per minute"}, "rate_limited"),
        ({"message": "Resource has been exhausted (e.g. check quota)."}, "rate_limited"),
        ({"message": GOOGLE}, "no_credit"),
        ({"message": f"{GOOGLE} limit: 0, model: m", "details": [RETRY]}, "no_credit"),
    ],
)
def test_a_quota_that_refills_in_a_minute_is_a_rate_limit(fault, status):
    """Google says both in the same words; what tells them apart is that it says when to come back.

    A limit of 0 refills to 0.
    """
    whole = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", **fault}}
    assert error(429, whole).status == status
    assert error(429, [whole]).status == status


@pytest.mark.parametrize(
    "said",
    [
        "Invalid value for 'messages': 'Explain rate limits to me, and what invalid API key means'",
        'Could not read "You exceeded your current quota" as a message',
        "Unknown role in `the model does not exist`",
        "Bad message. prompt: what does insufficient balance mean?",
        "x" * 300 + " rate limit",
        "Pirate limits are fine, and so is unauthorizedness",
        "Unexpected token < in JSON at position 0",
        "top_k must be at least 1",
        "System role not supported",
        "Unsupported content type",
        "max_tokens must be at most 4096",
        "No capacity planning for this parameter",
    ],
)
def test_a_prompt_that_an_error_repeats_decides_nothing(said):
    """Quoted words, and those far into a message, are someone's text."""
    reading = error(400, {"error": {"message": said, "type": "invalid_request_error"}})
    assert (reading.status, reading.own) == (Status.INVALID_REQUEST, False)


def test_codes_beat_words():
    """A message may speak of anything."""
    fault = {"message": "Rate limit for this prompt", "code": "context_length_exceeded"}
    reading = error(400, {"error": fault})
    assert (reading.status, reading.own) == (Status.INVALID_REQUEST, True)


# -- reasons ----------------------------------------------------------------------------------

RAW = {"error": {"message": "Only temperature 1 is supported.", "param": "temperature"}}


@pytest.mark.parametrize(
    ("http", "sent", "reason"),
    [
        (
            400,
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 400,
                    "metadata": {"provider_name": "Acme", "raw": json.dumps(RAW)},
                }
            },
            "HTTP 400: Acme: Only temperature 1 is supported.",
        ),
        (
            400,
            {"error": {"message": "Provider returned error", "metadata": {"raw": RAW}}},
            "HTTP 400: Only temperature 1 is supported.",
        ),
        (
            429,
            {
                "error": {
                    "message": "Provider returned error",
                    "metadata": {"raw": "m is rate-limited upstream", "provider_name": "Acme"},
                }
            },
            "HTTP 429: Acme: m is rate-limited upstream",
        ),
        (
            502,
            {"error": {"message": "Provider returned error", "code": 502}},
            "HTTP 502: Provider returned error",
        ),
        (400, {"error": {"message": json.dumps({"error": {"message": "Why."}})}}, "HTTP 400: Why."),
        (
            400,
            {"error": {"message": "Error code: 400 - {'error': {'message': 'Why.'}}"}},
            "HTTP 400: Why.",
        ),
        (
            422,
            {
                "detail": [
                    {
                        "loc": ["body", "model"],
                        "msg": "Field required",
                        "type": "missing",
                        "input": {"prompt": "rate limit"},
                    }
                ]
            },
            "HTTP 422: body.model: Field required",
        ),
        (400, {"errors": [{"message": "Why."}]}, "HTTP 400: Why."),
        (400, {"errors": ["Why."]}, "HTTP 400: Why."),
        (
            401,
            {"fault": {"faultstring": "Why.", "detail": {"errorcode": "oauth.v2.No"}}},
            "HTTP 401: Why.",
        ),
        (400, {"error_code": 17, "error_msg": "Why."}, "HTTP 400: Why."),
        (400, {"title": "Bad", "detail": "Why.", "status": 400}, "HTTP 400: Why."),
        (403, {"code": "No permission for this", "error": "Why."}, "HTTP 403: Why."),
        (401, {"error": "Unauthorized", "message": "Why."}, "HTTP 401: Unauthorized: Why."),
        (500, "Why.", "HTTP 500: Why."),
        (500, b"Why.\nAnd how.", "HTTP 500: Why. And how."),
        (
            403,
            b"<!DOCTYPE html><html><head><title>Just a\nmoment...</title></head></html>",
            "HTTP 403: Just a moment...",
        ),
        (
            502,
            b"<html>\n<body><script>x()</script><h1>Bad &amp; gone</h1></body>",
            "HTTP 502: Bad & gone",
        ),
        (200, b"<html><title>Sign in</title></html>", "not JSON: Sign in"),
    ],
)
def test_the_reason_is_found_wherever_it_stands(http, sent, reason):
    """In the innermost words that say anything, on one line."""
    assert error(http, sent).reason == reason


def test_a_reason_is_one_line_of_at_most_500_characters():
    """However much a service says."""
    for sent in ({"error": {"message": "a\nb\t" * 1000}}, {"error": ["x " * 2000]}, b"y\n" * 5000):
        reason = error(500, sent).reason
        assert len(reason) <= 500
        assert "\n" not in reason


def test_a_redirect_names_where_it_points_to():
    """The address in the study file is then to be mended."""
    reading = read_response(307, b"", location="/v1/chat/completions")
    assert reading.reason == "HTTP 307: redirected to /v1/chat/completions"
    assert reading.status is Status.MALFORMED


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
        b"<body>Sorry, you have been blocked. rate limit, invalid api key</body></html>",
        b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>Reference #18.1</BODY></HTML>",
    ],
)
def test_a_gateways_block_page_is_forbidden(page):
    """Its words are a gateway's, not the service's: the HTTP status decides."""
    reading = read_response(403, page)
    assert (reading.status, reading.own) == (Status.FORBIDDEN, False)


# -- messages in parts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi."}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, "Hi."],
        [{"type": "reasoning", "text": "Hm."}, {"type": "output_text", "text": "Hi."}],
        [
            {"type": "redacted_thinking", "data": "x"},
            {"text": "Hm.", "thought": True},
            {"text": "Hi."},
        ],
        [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "text", "text": {"value": "Hi."}},
        ],
    ],
)
def test_thoughts_that_come_as_parts_are_no_reply(content):
    """Anthropic's, Mistral's, Gemini's and OpenAI's types of parts."""
    reading = read_response(200, body(content))
    assert (reading.text, reading.reasoning, reading.split) == ("Hi.", "Hm.", False)


@pytest.mark.parametrize(
    "field",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm."},
        {"reasoning": {"content": "Hm."}},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        {"thinking": "Hm."},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}]},
        {"thoughts": "Hm."},
        {"thought": "Hm."},
    ],
)
def test_thoughts_in_a_field_of_their_own_are_read_once(field):
    """Two fields that say the same are one."""
    reading = read_response(200, body("Hi.", message=field))
    assert (reading.text, reading.reasoning) == ("Hi.", "Hm.")
    assert read_response(200, body(None, message=field)).status is Status.EMPTY


def test_a_refusal_that_comes_as_a_part_is_one():
    """OpenAI's content parts."""
    reading = read_response(200, body([{"type": "refusal", "refusal": "I can't."}]))
    assert (reading.status, reading.reason, reading.own) == (Status.REFUSED, "I can't.", True)


# -- usage ------------------------------------------------------------------------------------

INSIDE = {"reasoning_tokens": 2000}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # xAI and Gemini count reasoning beside the completion: 2120 - 100 = 2020 are billed.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "total_tokens": 2120,
                "completion_tokens_details": INSIDE,
            },
            Usage(100, 2020, 2000),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 20, "completion_tokens_details": INSIDE},
            Usage(100, 2020, 2000),
        ),
        # OpenAI counts it within.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 2020,
                "total_tokens": 2120,
                "completion_tokens_details": INSIDE,
            },
            Usage(100, 2020, 2000),
        ),
        ({"prompt_tokens": 100.0, "completion_tokens": 2020.0}, Usage(100, 2020)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage()),
        ({"prompt_tokens": 0, "completion_tokens": 0, "cost": 0}, Usage()),
        ({"prompt_tokens": 100, "completion_tokens": 0}, Usage(100, None)),
        ({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90}, Usage(100, 5)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "reasoning_tokens": 1}, Usage(1, 2, 1)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "cost": 0}, Usage(1, 2, None, None)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "cost": "0.5"}, Usage(1, 2, None, 0.5)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "cost": "much"}, Usage(1, 2)),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "cost": {"total_cost": 0.5}},
            Usage(1, 2, None, 0.5),
        ),
        ({"prompt_tokens": 1, "completion_tokens": 2, "estimated_cost": 1}, Usage(1, 2, None, 1)),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0, "is_byok": True},
            Usage(1, 2, None, 0.0),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "cost": 0,
                "cost_details": {"upstream_inference_cost": 0},
            },
            Usage(1, 2, None, 0.0),
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 5, "reasoning_tokens": 40},
            Usage(1, 45, 40),
        ),
        # With one's own key at OpenRouter, cost is its fee and the provider bills the rest.
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "cost": 0.5,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.25},
            },
            Usage(1, 2, None, 0.75),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "cost": 0,
                "cost_details": {"upstream_inference_cost": 0.25},
            },
            Usage(1, 2, None, 0.25),
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "cost": 0.5,
                "is_byok": False,
                "cost_details": {"upstream_inference_cost": 0.5},
            },
            Usage(1, 2, None, 0.5),
        ),
        ({"prompt_tokens": 1.5, "completion_tokens": float("inf")}, Usage()),
    ],
)
def test_usage_is_read_as_it_is_billed(usage, expected):
    """Every token that is paid for is counted, and what nobody counted is unknown."""
    assert read_response(200, body(usage=usage)).usage == expected


def test_geminis_own_names_of_usage_are_read():
    """Thoughts beside the candidates."""
    usage = {
        "promptTokenCount": 3,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 12,
    }
    assert read_response(200, body(usageMetadata=usage)).usage == Usage(3, 9, 5)


def test_no_tokens_are_fine_where_there_is_no_text():
    """An empty answer may have cost nothing."""
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0}
    assert read_response(200, body("", usage=usage)).usage == Usage(0, 0, None, 0.0)


@pytest.mark.parametrize(
    "words",
    [
        "Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000, Used 9000. Please try "
        "again in 6s. You can increase your rate limit by adding a payment method to your account.",
        "Rate limit exceeded: 20 requests per minute. Add credits to raise it.",
    ],
)
def test_a_rate_limit_that_also_speaks_of_money_is_a_rate_limit(words):
    """What passes by itself stops no run, though paying would help too."""
    sent = json.dumps({"error": {"message": words}}).encode()
    assert read_response(429, sent).status is Status.RATE_LIMITED
