"""The engine under every fault: what is stored, what is asked again, what the user sees."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.planted.faults import Limits
from tests.planted.server import Config, serve
from tests.planted.studies import PASSING, rows, run_text, study_text

from ethogram.engine.http import MAX_BODY
from ethogram.engine.waits import stated_wait
from ethogram.errors import EndpointError
from ethogram.store.read import count_stages, read_trial
from ethogram.store.store import Store

WORDS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient", "humble", "literal")
ATTEMPTS = 5
SECRET = "sk-planted-4f1c9e7a55d04b5f"


@pytest.fixture(scope="module")
def server():
    """One server for all faults: a model's name says which it meets."""
    limits = Limits(retry_after=0.05, slow_s=0.2, drip_s=0.3, enormous_mb=MAX_BODY / 2**20 + 1)
    with serve(Config(traits=WORDS, limits=limits)) as started:
        yield started


@pytest.fixture
def one_trial(server, tmp_path, word_list):
    """Return a function that runs a study of one trial, whose model meets a fault."""

    def run(kind, *, stage="elicit", url="", **table):
        name = {"elicit": "alpha", "judge": "judge"}[stage]
        table = {"model": f"{name}+fault:{kind}" if kind else name, "backoff": 0.001, **table}
        table |= {"base_url": url} if url else {}
        tables = {"elicit": {"models": {"alpha": table}}, "judge": {"judges": {"judge": table}}}
        text = study_text(server.base_url, traits=word_list(*WORDS[:2]), **tables[stage])
        path = tmp_path / "one.db"
        return path, run_text(text, path, folder=tmp_path)

    return run


def outcome(path):
    """Return the one trial's reply status and reason, and the statuses of its attempts."""
    with Store.read(path) as opened:
        trial = read_trial(opened, 1)
    return trial["reply_status"], trial["reply_reason"], [a["status"] for a in trial["attempts"]]


def pending(path, run):
    """Return why the run stopped with its one trial pending, and its attempts' statuses."""
    assert isinstance(run.stopped, EndpointError)
    assert rows(path, "SELECT count(*) FROM reply") == [(0,)]
    return str(run.stopped), [status for (status,) in rows(path, "SELECT status FROM attempt")]


# -- what is lost, and how often it was tried -------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty_content", "no text, finish_reason stop"),
        ("null_content", "no text, finish_reason stop"),
        ("reasoning_only", "only reasoning"),
    ],
)
def test_what_is_empty_is_tried_five_times_and_then_lost(one_trial, kind, reason):
    """Each attempt is kept with its status and the reason in words."""
    path, run = one_trial(kind)
    assert run.stopped is None
    found, said, attempts = outcome(path)
    assert (found, attempts) == ("empty", ["empty"] * ATTEMPTS)
    assert reason in said
    assert rows(path, "SELECT count(*) FROM verdict") == [(0,)]  # no reply, nothing to judge


@pytest.mark.parametrize(
    ("kind", "status", "http", "reason"),
    [
        ("server_error", "server_error", 500, "HTTP 500: Internal Server Error"),
        ("bad_gateway", "server_error", 502, "HTTP 502: Just a moment..."),
        ("unavailable", "server_error", 503, "HTTP 503: Service Unavailable"),
        ("http_408", "timeout", 408, "HTTP 408"),
        ("http_409", "server_error", 409, "HTTP 409"),
        ("http_529", "server_error", 529, "HTTP 529"),
        ("dropped", "transport", None, "Server disconnected"),
        ("reset", "transport", None, "Client"),
        ("short_body", "transport", None, "Client"),
        ("malformed_json", "malformed", 200, 'not JSON: {"id"='),
        ("truncated_json", "malformed", 200, "not JSON: "),
        ("empty_body", "malformed", 200, "empty body"),
        ("html", "malformed", 200, "not JSON: Just a moment..."),
        ("empty_choices", "malformed", 200, "no choices"),
        ("error_in_200", "server_error", 200, "HTTP 502: Provider returned error"),
        ("enormous", "malformed", 200, "a body of more than 16 MB"),
    ],
)
def test_what_never_works_is_tried_five_times_and_left_pending(
    one_trial, kind, status, http, reason
):
    """Each attempt is kept with its status and HTTP code; the run says why, and nothing is lost."""
    path, run = one_trial(kind)
    said, attempts = pending(path, run)
    assert attempts == [status] * ATTEMPTS
    assert reason in said
    assert rows(path, "SELECT DISTINCT http FROM attempt") == [(http,)]


@pytest.mark.parametrize(
    ("kind", "http"),
    [("rate_limited", 429), ("rate_limited_seconds", 429), ("http_425", 425)],
)
def test_a_rate_limit_without_end_stops_when_patience_does(server, tmp_path, word_list, kind, http):
    """It is waited out as long as patience lasts, whatever `attempts` says; nothing is lost."""
    text = study_text(
        server.base_url,
        traits=word_list(*WORDS[:2]),
        models={"alpha": {"model": f"alpha+fault:{kind}", "backoff": 0.001}},
        patience=0.3,
        attempts=2,
    )
    run = run_text(text, tmp_path / "one.db", folder=tmp_path)
    said, attempts = pending(tmp_path / "one.db", run)
    assert set(attempts) == {"rate_limited"}
    assert len(attempts) > 2
    assert f"HTTP {http}" in said


@pytest.mark.parametrize(
    ("kind", "status", "http", "reason"),
    [
        ("refusal", "refused", 200, "I cannot help with that."),
        ("content_filter", "filtered", 200, "content filter"),
        ("reasoning_length", "empty", 200, "only reasoning, cut at the token limit"),
    ],
)
def test_what_cannot_pass_is_tried_once(one_trial, kind, status, http, reason):
    """A refusal is never bought twice."""
    path, run = one_trial(kind)
    assert run.stopped is None
    found, said, attempts = outcome(path)
    assert (found, attempts) == (status, [status])
    assert reason in said
    assert rows(path, "SELECT http FROM attempt") == [(http,)]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("invalid_request", "HTTP 400: Unsupported value: 'temperature'"),
        ("http_413", "HTTP 413"),
        ("http_422", "HTTP 422"),
    ],
)
def test_what_is_turned_away_is_tried_once_and_left_pending(one_trial, kind, reason):
    """Where nothing was ever answered, it may be a setting: the trial waits for a mended one."""
    path, run = one_trial(kind)
    said, attempts = pending(path, run)
    assert attempts == ["invalid_request"]
    assert reason in said


@pytest.mark.parametrize("kind", ["rate_limited_date", "server_error", "reset", "empty_choices"])
def test_what_passes_is_answered_at_the_next_attempt(one_trial, kind):
    """A fault that lasts two attempts costs two attempts and no trial."""
    path, _ = one_trial(f"{kind}:2")
    status, reason, attempts = outcome(path)
    assert (status, reason) == ("ok", "")
    assert (len(attempts), attempts[-1]) == (3, "ok")
    assert "ok" not in attempts[:-1]


# -- what is odd and yet a reply --------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["slow", "drip", "missing_usage", "wrong_model", "reasoning", "invalid_utf8"]
)
def test_odd_answers_are_answers(one_trial, kind):
    """A slow answer, one without usage, from another model or with reasoning is a reply."""
    path, run = one_trial(kind)
    assert outcome(path) == ("ok", "", ["ok"])
    assert run.meters["judge", "judge"].done == 1


def test_what_the_service_said_of_itself_is_kept(one_trial):
    """The model and the provider that a service names are in the attempt, not what was asked."""
    path, _ = one_trial("wrong_model")
    named = "SELECT model_said, provider FROM attempt ORDER BY id LIMIT 1"
    assert rows(path, named) == [("another-model", "planted")]


def test_missing_usage_is_unknown_and_not_zero(one_trial):
    """Tokens and cost of an answer without usage are NULL."""
    path, run = one_trial("missing_usage", prices={"input": 1.0, "output": 1.0})
    first = "SELECT prompt_tokens, completion_tokens, cost FROM attempt ORDER BY id LIMIT 1"
    assert rows(path, first) == [(None, None, None)]
    assert run.meters["elicit", "alpha"].unknown_cost == 1


@pytest.mark.parametrize("kind", ["reasoning", "think_block"])
def test_reasoning_is_kept_apart_from_the_reply(one_trial, kind):
    """Whether in a field or between <think> tags, a thought is stored and is not the reply."""
    path, _ = one_trial(kind)
    with Store.read(path) as opened:
        trial = read_trial(opened, 1)
    assert trial["reasoning"].startswith("The user asks for something.")
    assert "The user asks" not in trial["reply"]
    assert "think" not in trial["reply"]
    (judged,) = trial["verdicts"]
    assert "The user asks" not in str(judged["attempts"][0]["request"])


def test_a_cut_reply_is_used_and_marked(one_trial):
    """A reply that ran into the token limit is judged, and counted as cut."""
    path, _ = one_trial("length")
    status, reason, attempts = outcome(path)
    assert (status, attempts) == ("truncated", ["truncated"])
    assert reason == "cut at the token limit"
    with Store.read(path) as opened:
        elicited, judged = count_stages(opened)
    assert (elicited.done, elicited.truncated, judged.done) == (1, 1, 1)


# -- judges -----------------------------------------------------------------------------------


def test_an_unreadable_verdict_is_asked_three_times_and_kept(one_trial):
    """A judge that names no trait is asked again up to its own limit, and its words are kept."""
    path, run = one_trial("no_verdict", stage="judge")
    status, reason = rows(path, "SELECT status, reason FROM verdict")[0]
    assert (status, reason) == ("unparsed", "no <answer> tag")
    with Store.read(path) as opened:
        (verdict,) = read_trial(opened, 1)["verdicts"]
    assert verdict["text"] == "Either word would do."
    assert [a["status"] for a in verdict["attempts"]] == ["unparsed"] * 3
    assert run.meters["judge", "judge"].lost == 1


def test_a_judge_that_refuses_loses_the_verdict_and_not_the_reply(one_trial):
    """The reply stays."""
    path, _ = one_trial("refusal", stage="judge")
    assert outcome(path)[0] == "ok"
    assert rows(path, "SELECT status, winner FROM verdict") == [("refused", None)]


def test_a_judge_that_never_answers_leaves_the_verdict_pending(one_trial):
    """The reply stays, so that only the verdict is asked again later."""
    path, run = one_trial("server_error", stage="judge")
    assert outcome(path)[0] == "ok"
    assert rows(path, "SELECT count(*) FROM verdict") == [(0,)]
    assert "judge: " in str(run.stopped)


# -- the wire ---------------------------------------------------------------------------------


def test_a_refused_connection_is_transport(one_trial):
    """Nothing listens there: five attempts, and the reason names the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, so that nobody else listens there
        path, run = one_trial("", url=f"http://127.0.0.1:{port}/v1")
    reason, attempts = pending(path, run)
    assert attempts == ["transport"] * ATTEMPTS
    assert f"127.0.0.1:{port}" in reason


def test_a_connection_that_is_never_made_times_out(one_trial):
    """A full queue of connections takes no more: a time-out, within the time allowed."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        start = time.monotonic()
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        path, run = one_trial("", url=url, timeout=0.2)
    reason, attempts = pending(path, run)
    assert attempts == ["timeout"] * ATTEMPTS
    assert "timeout" in reason.lower() or "no answer within" in reason
    assert time.monotonic() - start < 120  # five attempts of 0.2 s and the waits between them


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_answer_that_does_not_end_in_time_times_out(one_trial, kind):
    """Silence and a drip that is too slow are cut off, and the reason says after how long."""
    path, run = one_trial(kind, timeout=0.1)
    reason, attempts = pending(path, run)
    assert attempts == ["timeout"] * ATTEMPTS
    assert "0.1 s" in reason


@pytest.fixture
def raw_server():
    """Return a function that answers every connection with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        sent = []

        def serve_bytes():
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(sent[0])

        def start(answer):
            sent.append(answer)
            threading.Thread(target=serve_bytes, daemon=True).start()
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

        yield start


GOOD = b'{"choices": [{"message": {"content": "A reply."}, "finish_reason": "stop"}]}'


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + GOOD, "ok", ""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
            % (len(GOOD), GOOD),
            "ok",
            "",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "transport", "Bad"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n", "transport", "Content-Length"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "malformed", "HTTP 204: empty body"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            "malformed",
            "HTTP 302",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
            + gzip.compress(GOOD),
            "ok",
            "",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            "transport",
            "gzip",
        ),
    ],
)
def test_odd_http_is_read_or_named(one_trial, raw_server, answer, status, reason):
    """What is HTTP is read, whatever its form; what is not is `transport` or `malformed`."""
    path, run = one_trial("", url=raw_server(answer))
    if status == "ok":
        assert outcome(path)[:2] == ("ok", "")
    else:
        said, attempts = pending(path, run)
        assert set(attempts) == {status}
        assert reason in said


def test_a_small_body_that_unpacks_to_an_enormous_one_is_cut_off(one_trial, raw_server):
    """Compressed bodies are measured after they are unpacked."""
    bomb = gzip.compress(b"x" * (MAX_BODY * 4))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    path, run = one_trial("", url=raw_server(head + bomb))
    said, attempts = pending(path, run)
    assert set(attempts) == {"malformed"}
    assert "a body of more than 16 MB" in said


# -- endpoints that cannot be used at all -----------------------------------------------------


def whole_study(server, tmp_path, word_list, **table):
    """Return the text of a study of 28 trials whose model has this table."""
    return study_text(
        server.base_url, traits=word_list(*WORDS), models={"alpha": {"backoff": 0.001, **table}}
    )


@pytest.mark.parametrize(
    ("kind", "calls", "said"),
    [
        ("unauthorized", 1, "was not accepted (HTTP 401: Incorrect API key provided"),
        ("http_402", 1, "no credit or quota left (HTTP 402"),
        ("http_403", 3, "was not accepted (HTTP 403"),
        ("model_not_found", 3, "no model 'alpha+fault:model_not_found' at http://127.0.0.1"),
        ("http_410", 3, "no model 'alpha+fault:http_410'"),
    ],
)
def test_an_endpoint_that_cannot_be_used_stops_the_run_at_once(
    server, tmp_path, word_list, kind, calls, said
):
    """A few calls, one line, nothing lost: the trials stay pending for a mended study file."""
    text = whole_study(server, tmp_path, word_list, model=f"alpha+fault:{kind}", concurrency=1)
    path = tmp_path / "study.db"
    run = run_text(text, path, folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert said in str(run.stopped)
    assert "\n" not in str(run.stopped)
    assert (run.calls, rows(path, "SELECT count(*) FROM attempt")) == (calls, [(calls,)])
    with Store.read(path) as opened:
        elicited, _ = count_stages(opened)
    assert (elicited.pending, elicited.lost) == (28, 0)
    mended = run_text(whole_study(server, tmp_path, word_list), path, folder=tmp_path)
    assert mended.meters["elicit", "alpha"].done == 28


def test_a_missing_key_is_named_before_any_call(planted, tmp_path, word_list, monkeypatch):
    """No call is made with a key that is not there, and the variable is named."""
    monkeypatch.delenv("PLANTED_KEY", raising=False)
    server = planted()
    text = whole_study(server, tmp_path, word_list, api_key_env="PLANTED_KEY")
    with pytest.raises(EndpointError, match="alpha: the environment variable PLANTED_KEY is not"):
        run_text(text, tmp_path / "study.db", folder=tmp_path)
    assert server.stats()["requests"] == 0


def test_a_service_that_finds_every_request_invalid_is_left_after_twenty(
    server, tmp_path, word_list
):
    """A parameter that the service does not know costs some calls and no trial."""
    model = "alpha+fault:invalid_request"
    text = whole_study(server, tmp_path, word_list, model=model, concurrency=4)
    run = run_text(text, tmp_path / "study.db", folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert "Unsupported value: 'temperature'" in str(run.stopped)
    assert run.calls <= 28
    with Store.read(tmp_path / "study.db") as opened:
        elicited, _ = count_stages(opened)
    assert (elicited.lost, elicited.pending) == (0, 28)


def test_a_service_that_is_not_there_stops_the_run_and_loses_nothing_for_good(
    server, tmp_path, word_list
):
    """After twenty failures in a row and no answer the run stops, with the address and the why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    text = whole_study(server, tmp_path, word_list, base_url=url, concurrency=4)
    path = tmp_path / "study.db"
    run = run_text(text, path, folder=tmp_path)
    assert isinstance(run.stopped, EndpointError)
    assert f"calls in a row to {url} failed (transport: " in str(run.stopped)
    assert run.calls <= 20 + 4
    mended = whole_study(server, tmp_path, word_list).replace("[study]", "[study]\nattempts = 9")
    run_text(mended, path, folder=tmp_path)
    with Store.read(path) as opened:
        assert [(c.done, c.lost) for c in count_stages(opened)] == [(28, 0), (28, 0)]


# -- keys -------------------------------------------------------------------------------------


def everything_written(folder, *said):
    """Return every byte of every file under a folder, and what was said."""
    files = [f.read_bytes() for f in Path(folder).rglob("*") if f.is_file()]
    return b"\0".join([*files, *(text.encode() for text in said)])


def test_a_key_is_found_nowhere(planted, ethogram, tmp_path, word_list, monkeypatch):
    """Not in the store, the exports, what is shown or what is said, though the run used it."""
    monkeypatch.setenv("PLANTED_KEY", SECRET)
    server = planted(api_key=SECRET, faults=dict.fromkeys(PASSING, 0.1), passes_after=4)
    keyed = {"api_key_env": "PLANTED_KEY", "backoff": 0.001}
    text = study_text(
        server.base_url,
        traits=word_list(*WORDS),
        models={"alpha": keyed},
        judges={"judge": keyed},
    )
    (tmp_path / "study.toml").write_text(text)
    said = [str(ethogram("run", "study.toml"))]
    tables = ("attempts", "trials", "replies", "verdicts", "comparisons")
    options = [word for table in tables for word in ("--table", table)]
    said += [
        str(ethogram("export", "study.db", "--out", form, "--format", form, *options))
        for form in ("parquet", "csv", "jsonl")
    ]
    said += [str(ethogram("show", "study.db", 1, "--json")), str(ethogram("status", "study.db"))]
    found = everything_written(tmp_path, *said)
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM reply WHERE status = 'ok'") == [(28,)]
    assert b"PLANTED_KEY" in found  # its name stands in the study file and the store
    assert SECRET.encode() not in found


def test_a_wrong_key_that_the_service_repeats_is_found_nowhere(
    planted, ethogram, tmp_path, word_list, monkeypatch
):
    """A careless service's error holds the key; the store and the message hold its name."""
    monkeypatch.setenv("PLANTED_KEY", SECRET)
    server = planted(api_key="another")
    text = whole_study(server, tmp_path, word_list, api_key_env="PLANTED_KEY")
    (tmp_path / "study.toml").write_text(text)
    code, out, err = ethogram("run", "study.toml", "--no-report")
    assert code == 2
    assert "the key in PLANTED_KEY was not accepted (HTTP 401" in err
    found = everything_written(tmp_path, out, err)
    assert b"[key]" in found
    assert SECRET.encode() not in found


# -- pace -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "retry_after", "least"),
    [("rate_limited_seconds", 0.4, 0.4), ("rate_limited_date", 2.0, 0.9)],  # dates have no parts
)
def test_retry_after_is_honoured(planted, tmp_path, word_list, kind, retry_after, least):
    """The next attempt starts after the pause that the service asked for, not before."""
    server = planted(limits=Limits(retry_after=retry_after))
    model = {"model": f"alpha+fault:{kind}:1", "backoff": 0.001}
    text = study_text(server.base_url, traits=word_list(*WORDS[:2]), models={"alpha": model})
    path = tmp_path / "study.db"
    run_text(text, path, folder=tmp_path)
    first, second = rows(path, "SELECT started FROM attempt ORDER BY id LIMIT 2")
    assert least <= second[0] - first[0] < retry_after + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", None), ("3", 3.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None)],
)
def test_retry_after_is_read_or_left(value, expected):
    """Seconds are read, and what is no time is taken as nothing said."""
    headers = {} if value is None else {"Retry-After": value}
    assert stated_wait(headers, None, 0.0) == expected


def test_a_rate_limit_is_kept_to_and_loses_nothing(planted, tmp_path, word_list):
    """With ten times as many in flight as a service allows, all is answered in the end."""
    server = planted(rate=150, limits=Limits(retry_after=0.05))
    text = study_text(server.base_url, traits=word_list(*WORDS), attempts=12)
    path = tmp_path / "study.db"
    run_text(text, path, folder=tmp_path)
    with Store.read(path) as opened:
        assert [c.done for c in count_stages(opened)] == [28, 28]
    assert server.stats()["again_after"] == {}


def test_no_more_calls_are_in_flight_than_allowed(planted, tmp_path, word_list):
    """The server never sees more of a model's requests at once than its concurrency."""
    server = planted(latency_ms=10)
    text = study_text(
        server.base_url,
        traits=word_list(*WORDS),
        models={"alpha": {"concurrency": 5}},
        judges={"judge": {"concurrency": 2}},
    )
    run_text(text, tmp_path / "study.db", folder=tmp_path)
    assert 5 <= server.stats()["max_in_flight"] <= 7


# -- equal requests ---------------------------------------------------------------------------


def test_equal_requests_of_two_models_are_asked_once(planted, tmp_path, word_list):
    """Two names for one model and one set of parameters share every answer."""
    server = planted(latency_ms=5)
    same = {"model": "alpha", "temperature": 1.0}
    text = study_text(server.base_url, traits=word_list(*WORDS), models={"one": same, "two": same})
    path = tmp_path / "study.db"
    run = run_text(text, path, folder=tmp_path)
    assert rows(path, "SELECT count(*) FROM reply") == [(56,)]
    assert run.meters["elicit", "one"].calls + run.meters["elicit", "two"].calls == 28
    assert server.stats()["again_after"] == {}


def test_what_the_user_sees_names_each_loss(planted, ethogram, tmp_path, word_list):
    """The run's last lines and `status` give every loss by its name, and exit code 1."""
    server = planted()
    text = whole_study(server, tmp_path, word_list, model="alpha+fault:refusal")
    (tmp_path / "study.toml").write_text(text)
    code, out, err = ethogram("run", "study.toml", "--no-report", "--no-brake")
    assert code == 1
    assert "replies, alpha: 0 of 28; lost: 28 refused." in out
    assert "verdicts, alpha by judge: 0 of 28; lost: 28 no_reply." in out
    assert "alpha" in out.partition(": not rated")[0].splitlines()[-1]
    assert "28 of 28 lost in elicit of alpha, more than max_lost = 0.05 allows" in err
    _, out, _ = ethogram("status", "study.db")
    assert "lost in elicit, alpha: 28 refused; most affected: " in out
    assert os.linesep + os.linesep * 3 not in out
