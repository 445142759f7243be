"""What a table sends and where, what it is known by, and what of it is never kept or shown."""

from __future__ import annotations

import json
import sqlite3
from hashlib import blake2b

import pytest
from tests.planted.service import chat, good, refused, service

from ethogram.api import check_models, run_study
from ethogram.engine.endpoints import make_endpoint, plan_endpoint, with_system_role
from ethogram.engine.requests import request_id
from ethogram.engine.services import SERVICES, STYLES
from ethogram.engine.settings import ModelTable
from ethogram.errors import EndpointError
from ethogram.study import load_study

MESSAGES = ({"role": "system", "content": "S"}, {"role": "user", "content": "U"})
HOUSE = "http://127.0.0.1:9/v1"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    """Take the machine's own proxies out."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def endpoint(**table):
    """Return an endpoint of a table at the house's address."""
    return make_endpoint("m", ModelTable(**{"base_url": HOUSE, "model": "m", **table}))


# -- what is kept stays as it was ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "name", "settings"),
    [
        # Computed with the version before headers, query, system_role and styles were there.
        (
            {"service": "openrouter", "model": "a/b", "temperature": 0.7, "reasoning": "low"},
            "b2:101b70fc2ec40ff99dd2e6560d4ff9d9",
            "827c0383c99f86f2",
        ),
        (
            {"service": "openrouter", "model": "a/b", "reasoning": "none"},
            "b2:2b285c97fcb6eab450e29343131e38a0",
            "fa132886e9919de4",
        ),
        (
            {"service": "openai", "model": "g", "seed": 3},
            "b2:38dd5f30dc92ea6e2db2b774541c26c1",
            "2be58a652c9a4b9c",
        ),
        (
            {"service": "anthropic", "model": "c", "reasoning": "low", "max_tokens": 4096},
            "b2:08976e152e7060608feb4e3f2dc6a88d",
            "279f0f3ac5f08a98",
        ),
        (
            {
                "base_url": "http://127.0.0.1:8000/v1",
                "model": "m",
                "reasoning": "high",
                "extra_body": {"top_a": 1},
            },
            "b2:bc2db0b67cf29fb0c9b67517b76dcf4d",
            "5072e1d573cc8a73",
        ),
        (
            {"base_url": "http://127.0.0.1:8000/v1/", "model": "m"},
            "b2:26deed25d0d7e10ff97c68986bb5e2d1",
            "fcd57477e795e042",
        ),
        (
            {"model": "local/smollm2"},
            "b2:c18ae1e863caa589280636429ac884b5",
            "63aa14c519634427",
        ),
    ],
)
def test_a_table_without_the_new_keys_is_the_same_request(table, name, settings):
    """What a store has answered is found again, and its settings compare as equal."""
    old = plan_endpoint("n", ModelTable(**table))
    assert request_id(old.request(MESSAGES, sample=1).canonical()) == name
    text = json.dumps(old.settings(), sort_keys=True).encode()
    assert blake2b(text, digest_size=8).hexdigest() == settings


def test_headers_and_query_are_part_of_what_a_request_is():
    """They can choose another model; a variable stands by its name, a literal secret not at all."""
    plain, red = endpoint(), endpoint(headers={"X-Team": "red"})
    assert len({e.service for e in (plain, red, endpoint(headers={"X-Team": "blue"}))}) == 3
    assert endpoint(headers={"api-key": "sk-literal-1234"}).service == f"{HOUSE}#api-key=%5Bkey%5D"
    assert endpoint(query={"api-version": "1"}).service == f"{HOUSE}?api-version=1"
    named = ModelTable(base_url=HOUSE, model="m", headers={"api-key": "env:SOME_KEY"})
    assert plan_endpoint("m", named).service == f"{HOUSE}#api-key=env%3ASOME_KEY"


# -- the system text ----------------------------------------------------------------------------


def test_the_system_text_can_be_the_users_or_the_developers():
    """Folded into the first user message, also before worked examples; or under another name."""
    assert with_system_role(MESSAGES, "system") is MESSAGES
    assert with_system_role(MESSAGES, "user") == ({"role": "user", "content": "S\n\nU"},)
    turns = (*MESSAGES, {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"})
    folded = with_system_role(turns, "user")
    assert [m["content"] for m in folded] == ["S\n\nU", "A", "V"]
    developer = with_system_role(MESSAGES, "developer")
    assert developer[0] == {"role": "developer", "content": "S"}
    assert with_system_role(MESSAGES[1:], "user") == MESSAGES[1:]


def test_the_role_is_among_the_settings_only_where_it_is_not_the_usual():
    """A store of before compares as equal."""
    assert "system_role" not in endpoint().settings()
    assert endpoint(system_role="user").settings()["system_role"] == "user"


# -- the limit and the effort -------------------------------------------------------------------


def test_the_limit_can_have_another_name_or_be_left_out():
    """The plan counts it all the same."""
    assert endpoint(max_tokens=9).params == {"max_tokens": 9}
    named = endpoint(max_tokens=9, max_tokens_key="max_completion_tokens")
    assert named.params == {"max_completion_tokens": 9}
    left = endpoint(max_tokens=1000, send_max_tokens=False, prices={"input": 0, "output": 3.0})
    assert left.params == {}
    assert left.worst_cost(300) == pytest.approx(1000 * 3.0 / 1e6)


def test_a_completion_request_has_one_limit():
    """Its own of one token; /completions knows no other name for it."""
    named = endpoint(max_tokens_key="max_completion_tokens", temperature=0.5)
    request = named.request(MESSAGES[1:], extra={"max_tokens": 1}, path="completions")
    assert request.params == {"temperature": 0.5, "max_tokens": 1}


@pytest.mark.parametrize(
    ("reasoning", "sent"),
    [
        ("xhigh", {"reasoning_effort": "xhigh"}),
        ({"effort": "low"}, {"reasoning_effort": "low"}),
        ({"effort": "max", "style": "reasoning"}, {"reasoning": {"effort": "max"}}),
        ({"effort": "none", "style": "reasoning"}, {"reasoning": {"enabled": False}}),
        (
            {"effort": "low", "style": "budget"},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
        (
            {"effort": "low", "style": "adaptive"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        ({"effort": "none", "style": "adaptive"}, {"thinking": {"type": "disabled"}}),
        (
            {"effort": "none", "style": "chat_template_kwargs"},
            {"chat_template_kwargs": {"enable_thinking": False}},
        ),
        (
            {"effort": "high", "style": "chat_template_kwargs"},
            {"chat_template_kwargs": {"enable_thinking": True}},
        ),
        ({"effort": "none", "style": "think"}, {"think": False}),
        ({"effort": "none", "style": "thinking"}, {"thinking": {"type": "disabled"}}),
        ({"effort": "high", "style": "thinking"}, {"thinking": {"type": "enabled"}}),
    ],
)
def test_an_effort_is_said_in_the_style_that_the_table_names(reasoning, sent):
    """A style goes over the service's own, behind any address."""
    assert endpoint(reasoning=reasoning, send_max_tokens=False).params == sent


def test_an_effort_above_anthropics_budgets_is_said_as_adaptive():
    """Only models with adaptive thinking have it."""
    table = ModelTable(service="anthropic", model="c", reasoning="xhigh")
    assert plan_endpoint("c", table).params == {
        "max_tokens": 5120,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "xhigh"},
    }


def test_every_services_way_is_a_known_style():
    """And one without a way of its own has a style to offer."""
    for known in SERVICES.values():
        assert (known.reasoning or known.reasoning_hint) in STYLES


# -- addresses, headers, query ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/v1?api-version=2024-10-21", "/v1/chat/completions?api-version=2024-10-21&b=a%20b"),
        (
            "/v1/chat/completions?api-version=1",
            "/v1/chat/completions?api-version=1&b=a%20b",
        ),
    ],
)
def test_the_address_asked_is_the_one_meant(tmp_path, tail, path):
    """A verb at the end is cut, and a query is kept and merged."""
    more = 'query = { b = "a b" }' if "?" in tail else ""
    with service(good) as there:
        mine = written(tmp_path, there.url.removesuffix("/v1") + tail, more)
        assert all(check.ok for check in check_models(mine))
    assert {a.path for a in there.asked if a.body["model"] == "tested"} == {path}


def written(folder, url, model="", judge=""):
    """Write a study of one model and one judge at an address, and read it."""
    (folder / "s.toml").write_text(
        f'[study]\nname = "x"\ntraits = "quickstart"\nmax_trials = 12\n'
        f'[models.m]\nbase_url = "{url}"\nmodel = "tested"\nbackoff = 0.01\n{model}\n'
        f'[judges.j]\nbase_url = "{url}"\nmodel = "judge"\nbackoff = 0.01\n{judge}\n'
    )
    return load_study(folder / "s.toml")


def contents(path):
    """Return all that a store holds, as one text."""
    db = sqlite3.connect(path)
    text = "\n".join(db.iterdump())
    blobs = []
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in db.execute(f"SELECT * FROM {table}"):
            blobs += [v for v in row if isinstance(v, bytes)]
    db.close()
    return text + "".join(b.decode("latin-1") for b in blobs)


def test_headers_are_sent_and_their_secrets_are_kept_nowhere(tmp_path, monkeypatch):
    """Azure's key is a header of its own name; a service that echoes it is no leak either."""
    monkeypatch.setenv("AZURE_API_KEY", "azure-secret-0123456789")
    monkeypatch.setenv("GATEWAY_TOKEN", "gate-way-0123456789")

    def answer(asked):
        status, data = good(asked)
        data["echo"] = [asked.headers.get("api-key", ""), asked.path]
        return status, data

    lines = (
        'headers = { "api-key" = "env:AZURE_API_KEY", "X-Team" = "red" }\n'
        'query = { "api-version" = "2024-10-21", token = "env:GATEWAY_TOKEN" }'
    )
    with service(answer) as there:
        done = run_study(written(tmp_path, there.url, lines, lines), store=tmp_path / "s.db")
    assert done.run.stopped is None
    asked = there.asked[0]
    assert asked.headers["api-key"] == "azure-secret-0123456789"
    assert asked.headers["x-team"] == "red"
    assert "authorization" not in asked.headers
    assert asked.path.endswith("?api-version=2024-10-21&token=gate-way-0123456789")
    kept = contents(tmp_path / "s.db")
    assert "[AZURE_API_KEY]" in kept
    assert "[GATEWAY_TOKEN]" in kept
    assert "0123456789" not in kept


def test_a_header_goes_over_ours():
    """Also where it is spelt otherwise; `Bearer env:NAME` fills the variable in."""
    headers = endpoint(headers={"authorization": "Token abc", "User-Agent": "me"}).headers()
    assert headers == {
        "Content-Type": "application/json",
        "authorization": "Token abc",
        "User-Agent": "me",
    }


def test_a_variable_can_follow_a_word(monkeypatch):
    """As in `Authorization: Bearer KEY`."""
    monkeypatch.setenv("SOME_TOKEN", "tok-0123456789\n")
    headers = endpoint(headers={"Authorization": "Bearer env:SOME_TOKEN"}).headers()
    assert headers["Authorization"] == "Bearer tok-0123456789"


@pytest.mark.parametrize("where", ["headers", "query"])
def test_a_variable_that_is_not_set_is_one_clear_line(monkeypatch, where):
    """It names the variable and what belongs there."""
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(EndpointError, match=r"m: the environment variable NOT_THERE is not set"):
        endpoint(**{where: {"api-key": "env:NOT_THERE"}})


@pytest.mark.parametrize("value", ["sk-abc\ndef-123456", "sk-abc\x00def", "sk-abc\x7f", "sk-ключ"])
@pytest.mark.parametrize(
    "table", [{"api_key_env": "HOUSE_KEY"}, {"headers": {"api-key": "env:HOUSE_KEY"}}]
)
def test_a_key_that_cannot_be_sent_is_one_clear_line(monkeypatch, table, value):
    """It names the variable and never the value."""
    if "\0" in value:
        monkeypatch.setattr("os.environ", {"HOUSE_KEY": value})
    else:
        monkeypatch.setenv("HOUSE_KEY", value)
    with pytest.raises(EndpointError, match="HOUSE_KEY holds a ") as caught:
        endpoint(**table)
    assert "sk-" not in str(caught.value)
    assert "\n" not in str(caught.value)


# -- a password in the address ------------------------------------------------------------------

PASSWORDS = [
    ("ann:SeCrEtPw99@", "SeCrEtPw99", "Basic YW5uOlNlQ3JFdFB3OTk="),
    ("ann:p%40SeCrEt%2F9@", "SeCrEt", "Basic YW5uOnBAU2VDckV0Lzk="),
    ("SeCrEtToken9@", "SeCrEtToken9", "Basic U2VDckV0VG9rZW45Og=="),
    ("ann:a@SeCrEt9@", "SeCrEt9", "Basic YW5uOmFAU2VDckV0OQ=="),
]


@pytest.mark.parametrize(("user", "secret", "header"), PASSWORDS)
def test_a_password_in_the_address_is_sent_and_kept_nowhere(tmp_path, user, secret, header):
    """Not in requests, settings, the study file's copy, nor in a body that echoes it."""

    def answer(asked):
        status, data = good(asked)
        return status, {**data, "echo": asked.headers["authorization"]}

    with service(answer) as there:
        url = there.url.replace("http://", f"http://{user}")
        mine = written(tmp_path, url)
        done = run_study(mine, store=tmp_path / "s.db")
        assert done.run.stopped is None
    assert {a.headers["authorization"] for a in there.asked} == {header}
    kept = contents(tmp_path / "s.db")
    assert "127.0.0.1" in kept
    assert secret not in kept
    assert header.removeprefix("Basic ") not in kept
    stopped = run_study(mine, store=tmp_path / "gone.db").run.stopped  # the server is gone
    assert secret not in str(stopped)
    assert all(secret not in c.problem for c in check_models(mine))
    assert secret not in mine.model_dump_json(exclude={"text"})


def test_a_password_in_the_query_and_a_literal_key_are_not_kept(tmp_path):
    """By the names that such things have."""
    with service(good) as there:
        mine = written(
            tmp_path, f"{there.url}?key=SeCrEt-12345", 'headers = { "x-api-key" = "LiTeRaL-12345" }'
        )
        run_study(mine, store=tmp_path / "s.db")
    assert there.asked[0].path.endswith("?key=SeCrEt-12345")
    kept = contents(tmp_path / "s.db")
    assert "SeCrEt-12345" not in kept
    assert "LiTeRaL-12345" not in kept


def test_a_refused_key_that_is_echoed_is_hidden_in_the_message(tmp_path, monkeypatch):
    """The line that ends a run names the variable alone."""
    monkeypatch.setenv("AZURE_API_KEY", "azure-secret-0123456789")
    lines = 'headers = { "api-key" = "env:AZURE_API_KEY" }'
    with service(lambda a: refused("bad key azure-secret-0123456789", 401)) as there:
        done = run_study(written(tmp_path, there.url, lines, lines), store=tmp_path / "s.db")
    assert "[AZURE_API_KEY]" in str(done.run.stopped)
    assert "0123456789" not in str(done.run.stopped)


# -- proxies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("kind", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_is_one_clear_line(monkeypatch, variable, kind):
    """The variable is named, and its password is not."""
    monkeypatch.setenv(variable, f"{kind}://ann:SeCrEtPw99@127.0.0.1:1080")
    with pytest.raises(EndpointError, match=f"{variable} names a {kind}:// proxy") as caught:
        endpoint()
    assert "SeCrEt" not in str(caught.value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert endpoint().base_url == HOUSE


def test_a_proxys_password_stays_out_of_messages(tmp_path, monkeypatch):
    """The proxy wants another password, and aiohttp's error spells the whole address out."""
    with service(lambda a: (407, {"error": "no"})) as there:
        monkeypatch.setenv("http_proxy", f"http://ann:SeCrEtPw99@127.0.0.1:{there.port}")
        mine = written(tmp_path, "http://model.example/v1")
        (m, _) = check_models(mine)
        assert not m.ok
        assert "SeCrEtPw99" not in m.problem
        monkeypatch.setenv("http_proxy", "http://ann:SeCrEtPw99@127.0.0.1:9")
        (m, _) = check_models(mine)
    assert not m.ok
    assert "SeCrEtPw99" not in m.problem


def test_text_that_is_like_no_secret_is_left_as_it_is():
    """A reply that speaks of URLs and users is kept to the letter."""
    body = json.dumps(chat("see http://bob:pw@example.com, ann")).encode()
    assert endpoint(base_url="http://ann:SeCrEtPw99@127.0.0.1:9/v1").hide_in(body) == body
