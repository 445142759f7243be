"""Study files: what is read, and what is said of a file that cannot be used."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from ethogram.engine.services import SERVICES
from ethogram.engine.settings import ModelTable
from ethogram.errors import InputError, StudyError
from ethogram.protocols.verdicts import ONE_TOKEN, VERDICTS
from ethogram.run.prepare import prepare
from ethogram.study import JudgeTable, load_study, parse_study

SMALL = """
[study]
name = "small"
[models.alpha]
base_url = "http://127.0.0.1:9/v1"
model = "alpha"
[judges.judge]
service = "openrouter"
model = "judge"
"""


def with_line(table, line):
    """Return the small study with one line more in a table."""
    return SMALL.replace(f"[{table}]\n", f"[{table}]\n{line}\n", 1)


def refusals(text):
    """Return what is said of a study that cannot be used: a line for each problem."""
    with pytest.raises(StudyError) as caught:
        parse_study(text)
    assert str(caught.value).splitlines() == [*caught.value.lines]
    return caught.value.lines


def refusal(text):
    """Return what is said of the one thing that is wrong."""
    (line,) = refusals(text)
    return line


def test_a_small_study_takes_the_defaults():
    """Every default is the one that the documentation gives."""
    study = parse_study(SMALL)
    table = study.study
    assert (table.traits, table.prompts, table.pairs) == ("study144", "bundled", "all")
    assert (table.seed, table.repeats, table.orders, table.condition) == (0, 1, "balanced", "feels")
    assert (table.attempts, table.unparsed_attempts, table.max_lost) == (5, 3, 0.05)
    assert (table.max_trials, table.spend_limit) == (None, None)
    model, judge = study.models["alpha"], study.judges["judge"]
    assert (model.max_tokens, model.concurrency, model.timeout) == (5120, 16, 300.0)
    assert (model.temperature, model.prices) == (None, None)
    assert (judge.orders, judge.show_prompt, judge.examples, judge.ties) == (
        "balanced",
        True,
        False,
        False,
    )


def test_every_key_that_the_documentation_names_is_read():
    """A study that uses all of them keeps all of their values."""
    text = with_line(
        "models.alpha",
        """temperature = 1
top_p = 0.9
top_k = 20
min_p = 0.06
presence_penalty = 1.5
frequency_penalty = -0.5
repetition_penalty = 1.1
max_tokens = 2048
max_tokens_key = "max_completion_tokens"
send_max_tokens = false
seed = 7
stop = ["END"]
reasoning = { effort = "medium", style = "adaptive" }
thoughts = [["<x>", "</x>"]]
system_role = "developer"
headers = { "api-key" = "env:AZURE_API_KEY", "X-Team" = "red" }
query = { "api-version" = "2024-10-21" }
extra_body = { provider = { only = ["x"] }, top_a = 0.1 }
concurrency = 4
requests_per_minute = 100
tokens_per_minute = 50_000.5
timeout = 10
prices = { input = 1, output = 2.5 }
api_key_env = "SOME_KEY"
""",
    )
    model = parse_study(text).models["alpha"]
    assert (model.temperature, model.top_p, model.top_k, model.min_p) == (1.0, 0.9, 20, 0.06)
    assert (model.presence_penalty, model.frequency_penalty) == (1.5, -0.5)
    assert (model.repetition_penalty, model.stop, model.seed) == (1.1, ["END"], 7)
    assert model.extra_body == {"provider": {"only": ["x"]}, "top_a": 0.1}
    assert (model.requests_per_minute, model.tokens_per_minute) == (100.0, 50_000.5)
    assert (model.prices.input, model.prices.output) == (1.0, 2.5)
    assert (model.max_tokens_key, model.send_max_tokens) == ("max_completion_tokens", False)
    assert (model.effort, model.style, model.system_role) == ("medium", "adaptive", "developer")
    assert model.thoughts == [["<x>", "</x>"]]
    assert model.headers == {"api-key": "env:AZURE_API_KEY", "X-Team": "red"}
    assert model.query == {"api-version": "2024-10-21"}


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_effort_that_a_service_has_can_be_said(effort):
    """As a word, and with a style."""
    assert parse_study(with_line("models.alpha", f'reasoning = "{effort}"'))
    table = f'reasoning = {{ effort = "{effort}", style = "thinking" }}'
    assert parse_study(with_line("models.alpha", table)).models["alpha"].effort == effort


@pytest.mark.parametrize(
    ("table", "line", "named"),
    [
        # unknown keys: the key, the table, the nearest and all that are allowed
        ("study", "sead = 1", ["'sead'", "[study]", "did you mean 'seed'", "allowed: name, seed"]),
        ("study", "zzz = 1", ["'zzz'", "[study]", "allowed: name, seed, traits"]),
        ("models.alpha", "temprature = 1", ["'temprature'", "[models.alpha]", "'temperature'"]),
        ("models.alpha", "orders = 'both'", ["'orders'", "[models.alpha]"]),  # a judge's key
        ("judges.judge", "order = 'both'", ["'order'", "[judges.judge]", "'orders'"]),
        # wrong values: the table, the key, the value, what is allowed
        ("study", "seed = -1", ["[study] seed = -1", "greater than or equal to 0"]),
        ("study", "seed = 1.5", ["[study] seed = 1.5", "valid integer"]),
        ("study", "seed = '1'", ["[study] seed = '1'", "valid integer"]),
        ("study", "seed = true", ["[study] seed = true", "valid integer"]),
        ("study", "pairs = 'some'", ["pairs = 'some'", "'all'", "valid integer"]),
        ("study", "pairs = 0", ["pairs = 0", "greater than or equal to 1"]),
        ("study", "orders = 'random'", ["orders = 'random'", "'balanced' or 'both'"]),
        ("study", "condition = 'hates'", ["'hates'", "'feels', 'likes' or 'random'"]),
        ("study", "spend_limit = 0", ["spend_limit = 0", "greater than 0"]),
        ("study", "spend_limit = 'much'", ["spend_limit = 'much'", "valid number"]),
        ("study", "max_lost = 2", ["max_lost = 2", "less than or equal to 1"]),
        ("study", "attempts = 0", ["attempts = 0", "greater than or equal to 1"]),
        ("models.alpha", "temperature = 3", ["[models.alpha] temperature = 3", "equal to 2"]),
        ("models.alpha", "temperature = nan", ["temperature = nan", "expected"]),
        ("models.alpha", "top_p = 0", ["top_p = 0", "greater than 0"]),
        ("models.alpha", "max_tokens = 0", ["max_tokens = 0", "equal to 1"]),
        ("models.alpha", "concurrency = 5000", ["concurrency = 5000", "equal to 2000"]),
        ("models.alpha", "stop = 'END'", ["stop = 'END'", "valid list"]),
        ("models.alpha", "stop = [1]", ["[models.alpha] stop, entry 1", "1", "valid string"]),
        ("models.alpha", "reasoning = 'much'", ["reasoning = 'much'", "'medium'"]),
        ("models.alpha", "extra_body = 1", ["extra_body = 1", "expected a table"]),
        (
            "models.alpha",
            "reasoning = { effort = 'low', style = 'loud' }",
            ["[models.alpha.reasoning] style = 'loud'", "'adaptive'"],
        ),
        (
            "models.alpha",
            "reasoning = { effort = 'low', styel = 'think' }",
            ["'styel' in [models.alpha.reasoning]", "did you mean 'style'", "effort, style"],
        ),
        (
            "models.alpha",
            "reasoning = { style = 'think' }",
            ["[models.alpha.reasoning] needs the key 'effort'"],
        ),
        (
            "models.alpha",
            "reasoning = { effort = 'minimal', style = 'adaptive' }",
            ['effort = "minimal"', "the least is low"],
        ),
        (
            "models.alpha",
            "reasoning = { effort = 'medium', style = 'budget' }",
            ["a budget of 8192 tokens", "max_tokens = 5120 must be larger"],
        ),
        ("models.alpha", "system_role = 'model'", ["system_role = 'model'", "'developer'"]),
        ("models.alpha", "max_tokens_key = 'messages'", ["messages cannot hold the limit"]),
        ("models.alpha", "max_tokens_key = ''", ["max_tokens_key = ''"]),
        ("models.alpha", "send_max_tokens = 'no'", ["send_max_tokens = 'no'", "boolean"]),
        ("models.alpha", "thoughts = ['<x>']", ["thoughts", "'<x>'", "valid list"]),
        ("models.alpha", "thoughts = [['<x>']]", ["thoughts", "at least 2"]),
        ("models.alpha", "headers = { 'api key' = 'x' }", ["'api key'", "header's name"]),
        ("models.alpha", 'headers = { "X-A" = "a\\nb" }', ["X-A", "a line break"]),
        ("models.alpha", 'headers = { "X-A" = "ключ" }', ["X-A", "outside Latin-1"]),
        ("models.alpha", "headers = { 'Content-Length' = '3' }", ["ethogram sets it"]),
        ("models.alpha", "headers = { 'X-A' = 3 }", ["X-A = 3", "valid string"]),
        ("models.alpha", "headers = { 'X-A' = 'env:' }", ["'env:'", "environment variable"]),
        ("models.alpha", "query = { a = 'env:A-B' }", ["'env:A-B'", "environment variable"]),
        ("models.alpha", "query = { '' = 'x' }", ["needs a name"]),
        ("models.alpha", "prices = { input = 1 }", ["[models.alpha.prices]", "'output'"]),
        (
            "models.alpha",
            "prices = { inptu = 1, output = 1 }",
            ["'inptu'", "did you mean 'input'?); allowed: input, output"],
        ),
        ("models.alpha", "service = 'openia'", ['service = "openia"', "openai", "base_url"]),
        # engines: keys of one that is not named do nothing, and cost the live price unseen
        ("models.alpha", "engin = 'batch'", ["'engin'", "did you mean 'engine'"]),
        ("models.alpha", "engine = 'btach'", ["engine = 'btach'", "did you mean 'batch'"]),
        ("models.alpha", "batch_size = 9", ['batch_size is for engine = "batch"', "or remove"]),
        ("judges.judge", "batch_poll = 9", ['batch_poll is for engine = "batch"', "or remove"]),
        ("models.alpha", "ray = { replicas = 2 }", ['ray is for engine = "ray"', "or remove"]),
        ("models.alpha", "ray = { replicas = 0 }", ["[models.alpha.ray] replicas = 0"]),
        (
            "models.alpha",
            "ray = { replica = 2 }",
            ["did you mean 'replicas'?); allowed: address, replicas, cpus, base, engine_kwargs"],
        ),
        ("models.alpha", "ray = { address = 'atuo' }", ["address = 'atuo': expected 'local'"]),
        ("models.alpha", "ray = { address = 'ray://head' }", ["'ray://HOST:PORT'"]),
        ("models.alpha", "engine = 'ray'", ["runs the model itself", "remove base_url"]),
        ("judges.judge", "base_url = 'ftp://x'", ["base_url = 'ftp://x'", "https?"]),
        ("judges.judge", "ties = 'yes'", ["ties = 'yes'", "valid boolean"]),
        ("judges.judge", "verdict = 'guess'", ["verdict = 'guess'", "'word'"]),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(table, line, named):
    """One line: the table, the key, the value and what would do."""
    said = refusal(with_line(table, line))
    for part in named:
        assert part in said


@pytest.mark.parametrize("address", ["local", "auto", "ray://head:10001", "10.0.0.1:6379"])
def test_every_address_that_ray_takes_can_be_said(address):
    """A cluster here, this machine's, a client's and a head's."""
    text = with_line("models.alpha", f"engine = 'ray'\nray = {{ address = '{address}' }}")
    text = text.replace('base_url = "http://127.0.0.1:9/v1"', "", 1)
    assert parse_study(text).models["alpha"].on_ray.address == address


def test_an_engine_that_is_named_may_keep_the_keys_of_another():
    """A study may change its engine midway, and back."""
    lines = "engine = 'live'\nbatch_size = 9\nray = { replicas = 2 }"
    assert parse_study(with_line("models.alpha", lines)).models["alpha"].in_flight == 16


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no [models.NAME] table"),
        (SMALL.replace("[judges.judge]", "[judge]"), "no [judges.NAME] table"),
        (SMALL.replace('name = "small"', ""), "[study] needs the key 'name'"),
        (SMALL.replace('[study]\nname = "small"\n', ""), "no [study] table"),
        (SMALL.replace('name = "small"', 'name = ""'), "[study] name = ''"),
        (SMALL.replace('model = "alpha"', ""), "[models.alpha] needs the key 'model'"),
        (
            SMALL.replace('base_url = "http://127.0.0.1:9/v1"', ""),
            "[models.alpha] needs a service or a base_url",
        ),
        (SMALL + "[extra]\nx = 1\n", "unknown table or key 'extra'"),
        ("extra = 1\n" + SMALL, "unknown table or key 'extra'"),
        ("int = 1\n" + SMALL, "unknown table or key 'int'"),  # also the name of a type
        ('path = "x"\n' + SMALL, "unknown table or key 'path'"),
        ("models = 3\n[study]\nname='x'\n[judges.a]\nmodel='local/smollm2'\n", "models = 3"),
        ("study = 3\n" + SMALL.replace('[study]\nname = "small"\n', ""), "study = 3"),
        ('prompts = "x"\n' + SMALL, "prompts = 'x'"),
        (SMALL + "[models]\nbeta = 3\n", "[models] beta = 3: expected"),
        (SMALL + SMALL, "is not valid TOML"),  # a table said twice
        (f"x = {'9' * 5000}\n" + SMALL, "is not valid TOML"),
        (f"x = {'[' * 100_000}\n" + SMALL, "is not valid TOML"),
        (SMALL + "[models.int]\nint = 3\nmodel = 'x'\nservice = 'vllm'\n", "'int' in [models.int]"),
        (SMALL + "[prompts]\nlanguage = 7\n", "language = 7"),
        (SMALL + "[prompts]\nlangauge = 'en'\n", "did you mean 'language'?"),
        (SMALL + "[prompts]\nmin_chars = 9\nmax_chars = 3\n", "max_chars is 3"),
        (SMALL + "[templates]\nfeel = 'x'\n", "did you mean 'feels'?"),
        ("[study\n", "is not valid TOML"),
        ("\x00", "is not valid TOML"),
    ],
)
def test_a_file_that_is_no_study_is_refused(text, named):
    """What is missing, misplaced or no TOML is named."""
    said = "\n".join(refusals(text))
    assert named in said
    assert "[]" not in said


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("models.alpha", f"seed = {10**30}"),
        ("models.alpha", f"max_tokens = {10**30}"),
        ("models.alpha", f"top_k = {10**30}"),
        ("models.alpha", f"extra_body = {{ n = {10**30} }}"),
        ("study", f"seed = {10**30}"),
        ("study", f"attempts = {10**30}"),
        ("study", f"repeats = {10**30}"),
        ("study", f"max_trials = {10**30}"),
    ],
)
def test_a_number_that_no_request_can_hold_is_refused(table, line):
    """Numbers beyond 64 bits are an input error, here and not in mid-run."""
    assert f" {line.split(' = ')[0]} " in refusal(with_line(table, line))


def test_every_mistake_is_said_with_its_place():
    """A line each, in the order of the file, and of the files that it names."""
    text = with_line("study", "seed = -1\ntraits = 'contestd40'").replace(
        'model = "judge"', "temperature = 9\nservise = 'x'\nverdict = 'logprob'"
    )
    said = refusals(text + "[modls.beta]\nmodel = 3\n")
    assert [line.split(": ")[1][:32] for line in said] == [
        "unknown table or key 'modls' (di",
        "[study] seed = -1",
        "[judges.judge] temperature = 9",
        "unknown key 'servise' in [judges",
        "[judges.judge] verdict = 'logpro",
        "[judges.judge] needs the key 'mo",
        "traits = 'contestd40' is neither",
    ]
    assert "(did you mean 'logprobs'?)" in said[4]
    assert said[-1].endswith("(did you mean 'contested40'?)")


def test_a_table_whose_name_is_misspelt_is_read_all_the_same():
    """So that what is wrong inside it is said in the same breath."""
    first, second = refusals(SMALL.replace("[models.alpha]", "[modls.alpha]\ntop_k = -3"))
    assert "unknown table or key 'modls' (did you mean 'models'?)" in first
    assert "[models.alpha] top_k = -3" in second


def test_traits_and_prompts_may_be_lists():
    """A few of either need no file; what is no trait is named by its place in the list."""
    text = with_line("study", "traits = ['calm', 'bold', 'dry']\nprompts = ['Why?', 'How so?']")
    prepared = prepare(parse_study(text))
    assert prepared.traits.names == ("calm", "bold", "dry")
    assert {prompt.text for prompt in prepared.prompts.prompts} == {"Why?", "How so?"}
    with pytest.raises(InputError) as caught:
        prepare(parse_study(with_line("study", "traits = ['calm', 'very bold', 'Calm']")))
    assert [line[:16] for line in caught.value.lines] == ["traits, entry 2:", "traits, entry 3:"]


def test_all_files_that_cannot_be_used_are_named_at_once(tmp_path):
    """Traits, prompts and templates, of a study file that is right in itself."""
    text = with_line("study", "traits = 'none.txt'\nprompts = 'none.jsonl'")
    study = parse_study(text + "[templates]\nfeels = 'no slots'\n", path=tmp_path / "s.toml")
    with pytest.raises(StudyError) as caught:
        prepare(study)
    traits, prompts, template = caught.value.lines
    assert "none.txt" in traits
    assert "none.jsonl" in prompts
    assert "feels" in template


@pytest.mark.parametrize("char", ["\\u0000", "\\u001b", "\\ufffe"])
def test_names_hold_no_character_that_cannot_be_shown(char):
    """Of the study, a model or a judge; they would end the process in the figure engine."""
    for name in ("[models.alpha]", "[judges.judge]"):
        changed = name.replace(".", '."').replace("]", f'{char}"]')
        assert "holds the character U+" in refusal(SMALL.replace(name, changed))
    assert "holds the character U+" in refusal(SMALL.replace('"small"', f'"sm{char}all"'))


def test_a_table_with_a_local_model_needs_no_service():
    """`local/...` is its own address."""
    table = ModelTable(model="local/smollm2")
    assert (table.service, table.base_url) == (None, None)


@pytest.mark.parametrize("service", ["deepseek", "mistral", "moonshot"])
def test_an_effort_that_would_not_be_sent_is_refused(service):
    """The line says what to write, and that can be read."""
    text = SMALL.replace('base_url = "http://127.0.0.1:9/v1"', f'service = "{service}"')
    text = text.replace('model = "alpha"', 'model = "alpha"\nreasoning = "high"', 1)
    said = refusal(text)
    assert f'reasoning = "high": {service} has no single way' in said
    assert "extra_body" in said
    mend = said.partition("name one, as ")[2].partition(", or put")[0]
    assert parse_study(text.replace('reasoning = "high"', mend)).models["alpha"].effort == "high"


@pytest.mark.parametrize(
    "address",
    [
        "http://ann:SeCrEtPw99@h:port/v1",  # no port
        "http://ann:SeCrEt/Pw99@h/v1",  # a slash that is not spelt %2F
        "http://ann:SeCrEtPw99@/v1",
        "ftp://ann:SeCrEtPw99@h/v1",
        "ann:SeCrEtPw99@h/v1",
        "http://[::1/ann:SeCrEtPw99@h",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(address):
    """One line; what may be a password is not in it."""
    said = refusal(SMALL.replace("http://127.0.0.1:9/v1", address))
    assert "base_url" in said
    assert "SeCrEt" not in said
    assert "Pw99" not in said


def test_a_password_beside_a_key_is_refused():
    """Both would be the one header of authorization."""
    text = SMALL.replace("http://127.0.0.1:9/v1", "http://ann:SeCrEtPw99@h/v1")
    said = refusal(text.replace('model = "alpha"', 'model = "alpha"\napi_key_env = "K"', 1))
    assert "only one of them can be sent" in said
    assert "SeCrEt" not in said


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"local"}))
def test_every_known_service_can_be_named(service):
    """A study file may name each of them."""
    text = SMALL.replace('base_url = "http://127.0.0.1:9/v1"', f'service = "{service}"')
    assert parse_study(text).models["alpha"].service == service


# -- files ------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named():
    """With the verb that writes one."""
    with pytest.raises(StudyError, match=r"nowhere\.toml.*No such file.*ethogram init"):
        load_study("nowhere.toml")


def test_a_folder_and_a_binary_file_are_refused(tmp_path):
    """Neither is a study file, and both are named."""
    with pytest.raises(StudyError, match="Is a directory"):
        load_study(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(StudyError, match=r"x\.toml is not UTF-8 text \(byte 8\)"):
        load_study(tmp_path / "x.toml")


def test_the_store_is_named_after_the_file_and_stays_in_the_working_folder(tmp_path):
    """STEM.db, not beside the study file; relative paths in the file start at the file."""
    (tmp_path / "mine.toml").write_text(SMALL)
    study = load_study(tmp_path / "mine.toml")
    assert study.default_store == Path("mine.db")
    assert study.base == tmp_path
    assert study.text == SMALL


@pytest.mark.parametrize("name", ["blank", "study2026"])
def test_the_presets_are_studies(name):
    """What `ethogram init` writes can be read."""
    folder = resources.files("ethogram") / "data" / "presets"
    study = parse_study((folder / f"{name}.toml").read_text("utf-8"))
    assert study.models
    assert study.judges


def test_the_published_studys_preset_has_its_models_and_parameters():
    """Ten models, the judge, and the sampling parameters that the study used."""
    folder = resources.files("ethogram") / "data" / "presets"
    study = parse_study((folder / "study2026.toml").read_text("utf-8"))
    assert (study.study.traits, len(study.models), len(study.judges)) == ("study144", 10, 1)
    by_model = {table.model.rpartition("/")[2]: table for table in study.models.values()}
    (gpt,) = [t for m, t in by_model.items() if m.startswith("gpt-5.1")]
    (grok,) = [t for m, t in by_model.items() if m.startswith("grok")]
    (qwen,) = [t for m, t in by_model.items() if m.startswith("qwen")]
    (trinity,) = [t for m, t in by_model.items() if m.startswith("trinity")]
    (deepseek,) = [t for m, t in by_model.items() if m.startswith("deepseek")]
    assert (gpt.top_p, gpt.max_tokens) == (1.0, 2048)
    assert grok.temperature == 0.7
    assert (qwen.temperature, qwen.top_p, qwen.top_k, qwen.presence_penalty) == (0.7, 0.8, 20, 1.5)
    assert (trinity.temperature, trinity.top_p, trinity.top_k, trinity.min_p) == (
        0.15,
        0.75,
        50,
        0.06,
    )
    assert deepseek.top_p == 0.95
    (judge,) = study.judges.values()
    assert (judge.temperature, judge.top_p, judge.max_tokens) == (0.1, 0.95, 2048)


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-has-this-home/x", "x\0y", "two\nlines"])
def test_a_name_that_no_file_can_have_is_refused_in_one_line(name):
    """Too long, in a home that nobody has, or of two lines: named, wherever a path is read."""
    from ethogram.engine.local import local_file
    from ethogram.errors import EthogramError
    from ethogram.stimuli.prompts import load_prompts
    from ethogram.stimuli.traits import load_traits

    for read in (load_traits, load_prompts, lambda n: load_prompts(f"wildchat:{n}"), local_file):
        with pytest.raises(EthogramError) as caught:
            read(name)
        assert "\n" not in str(caught.value)
        assert name[:3] in str(caught.value) or repr(name)[1:4] in str(caught.value)
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("verdict", ["letter", "completion"])
@pytest.mark.parametrize("key", ["examples", "grammar", "ties"])
def test_what_a_judge_of_one_token_ignores_is_refused(verdict, key):
    """The value, what is expected and what to do; by the word, all three are taken."""
    text = study_with(f'verdict = "{verdict}"\n{key} = true')
    with pytest.raises(StudyError) as raised:
        parse_study(text)
    assert str(raised.value).endswith(
        f'[judges.j] {key} = true with verdict = "{verdict}": expected verdict = "word" or '
        f'"logprobs", as only these take {key}; remove {key}, or change verdict'
    )
    assert getattr(parse_study(study_with(f'verdict = "word"\n{key} = true')).judges["j"], key)


def study_with(lines):
    """Return a small study's text, with lines of its judge."""
    at = 'base_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    return f'[study]\nname = "x"\n[models.m]\n{at}[judges.j]\n{at}{lines}\n'


@pytest.mark.parametrize("verdict", VERDICTS)
def test_what_asks_for_one_token_is_known_in_both_places(verdict):
    """The study file refuses by it what such a judge ignores; the plan counts tokens by it."""
    assert JudgeTable(model="local/m.gguf", verdict=verdict).asks_one_token == (
        verdict in ONE_TOKEN
    )
