"""WildChat: Parquet files of its schema, records of its shape, and the hub's library."""

import sys
from types import SimpleNamespace

import polars as pl
import pytest

from ethogram.errors import InputError
from ethogram.stimuli import files as prompt_files
from ethogram.stimuli import wildchat
from ethogram.stimuli.files import Row
from ethogram.stimuli.prompts import PromptFilter, load_prompts

TURN = pl.Struct(
    {
        "content": pl.String,
        "created": pl.Int64,
        "header": pl.Struct({"accept-language": pl.String, "user-agent": pl.String}),
        "toxic": pl.Boolean,
        "redacted": pl.Boolean,
        "language": pl.String,
        "role": pl.String,
        "timestamp": pl.Datetime("us"),
        "turn_identifier": pl.Int64,
        "usage": pl.Struct({"completion_tokens": pl.Int64}),
    }
)
SCHEMA = {
    "conversation_hash": pl.String,
    "model": pl.String,
    "timestamp": pl.Datetime("us"),
    "conversation": pl.List(TURN),
    "turn": pl.Int64,
    "language": pl.String,
    "detoxify_moderation": pl.List(pl.Struct({"toxicity": pl.Float64})),
    "toxic": pl.Boolean,
    "redacted": pl.Boolean,
    "hashed_ip": pl.String,
}


def turn(role, content, **fields):
    """Return one turn, with null in every field not given."""
    return {**dict.fromkeys(TURN.to_schema()), "role": role, "content": content, **fields}


def record(name, content, *, language="English", toxic=False, redacted=False, turns=None):
    """Return one conversation of WildChat's schema."""
    turns = turns if turns is not None else [turn("user", content), turn("assistant", "Sure.")]
    return {
        **dict.fromkeys(SCHEMA),
        "conversation_hash": name,
        "conversation": turns,
        "language": language,
        "toxic": toxic,
        "redacted": redacted,
    }


RECORDS = [
    record("a", "How do I boil an egg?"),
    record("b", "Как сварить яйцо?", language="Russian"),
    record("c", "something foul", toxic=True),
    record("d", "Hello, I am <PRESIDIO_ANONYMIZED_PERSON>", redacted=True),
    record("e", None, turns=[turn("assistant", "I speak first."), turn("user", "And I second.")]),
    record("f", None, turns=[turn("assistant", "Nobody asks.")]),
    record("g", None, turns=[]),
    record("h", None, turns=[turn("user", "foul here only", toxic=True), turn("user", "x")]),
    record("i", None, language=None, turns=[turn("user", "hola a todos", language="Spanish")]),
]
ROWS = [
    Row("How do I boil an egg?", "a", "English"),
    Row("Как сварить яйцо?", "b", "Russian"),
    Row("something foul", "c", "English", toxic=True),
    Row("Hello, I am <PRESIDIO_ANONYMIZED_PERSON>", "d", "English", redacted=True),
    Row("And I second.", "e", "English"),
    Row(None, "f", "English"),
    Row(None, "g", "English"),
    Row("foul here only", "h", "English", toxic=True),
    Row("hola a todos", "i", "Spanish"),
]


def write(path, records):
    """Write records as Parquet of WildChat's schema, in row groups of four."""
    pl.DataFrame(records, schema=SCHEMA).write_parquet(path, row_group_size=4)
    return path


def test_records_give_first_user_messages():
    """Of each record the first user message is taken, with its flags and language."""
    assert list(wildchat.rows_from_records(iter(RECORDS))) == ROWS


@pytest.mark.parametrize("size", [1, 3, 2000])
def test_parquet_gives_what_records_give(tmp_path, monkeypatch, size):
    """Parquet files give the same rows as records, whatever the slices are."""
    monkeypatch.setattr(prompt_files, "_SLICE", size)
    paths = [write(tmp_path / "1.parquet", RECORDS[:5]), write(tmp_path / "2.parquet", RECORDS[5:])]
    assert list(wildchat.rows_from_parquet(paths)) == ROWS


def test_turns_may_lack_all_but_role_and_content(tmp_path):
    """A file with hash and bare turns only is read; what is not there is not flagged."""
    path = tmp_path / "bare.parquet"
    turns = [{"role": "user", "content": "hi there"}]
    pl.DataFrame({"conversation_hash": ["a"], "conversation": [turns]}).write_parquet(path)
    assert list(wildchat.rows_from_parquet([path])) == [Row("hi there", "a")]


@pytest.mark.parametrize(
    "source", ["wildchat:{0}/*.parquet", "wildchat:{0}", "{0}", "{0}/1.parquet"]
)
def test_sources_that_mean_wildchat_files(tmp_path, source):
    """A pattern, a folder with or without the prefix and one file are all read as WildChat."""
    write(tmp_path / "1.parquet", RECORDS)
    prompts = load_prompts(source.format(tmp_path))
    assert [p.id for p in prompts.prompts] == ["a", "b", "e", "i"]
    assert [p.language for p in prompts.prompts] == ["en", "ru", "en", "es"]


def test_pattern_starts_from_base(tmp_path):
    """A relative pattern is looked up in the folder given as base."""
    write(tmp_path / "1.parquet", RECORDS)
    assert len(load_prompts("wildchat:*.parquet", base=tmp_path)) == 4


def test_filters_are_counted(tmp_path):
    """Every row is counted once, under the first filter that drops it."""
    write(tmp_path / "1.parquet", [*RECORDS, record("j", "how do I  boil an EGG?")])
    prompts = load_prompts(str(tmp_path), filter=PromptFilter(language="English", min_chars=15))
    assert prompts.counts == {
        "read": 10,
        "no_text": 2,  # f, g
        "language": 2,  # b, i
        "toxic": 2,  # c, h
        "redacted": 1,  # d
        "too_short": 1,  # e has 13
        "too_long": 0,
        "exact_duplicate": 1,  # j is a but for case and space
        "near_duplicate": 0,
        "sampled_out": 0,
        "kept": 1,
    }


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        (PromptFilter(toxicity="only"), ["c", "h"]),
        (PromptFilter(redacted="only"), ["d"]),
        (PromptFilter(toxicity="include", redacted="include", language="en"), list("acdeh")),
    ],
)
def test_flagged_rows_can_be_kept(tmp_path, filter, ids):
    """Flagged rows are kept, or kept alone, where the filter says so."""
    write(tmp_path / "1.parquet", RECORDS)
    assert [p.id for p in load_prompts(str(tmp_path), filter=filter).prompts] == ids


def test_sample_does_not_depend_on_the_files_order(tmp_path):
    """The same conversations in other files and another order give the same sample."""
    many = [record(f"c{i}", f"question {i} about topic {i * i}") for i in range(300)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    write(tmp_path / "one" / "1.parquet", many)
    write(tmp_path / "two" / "1.parquet", many[:40:-1])
    write(tmp_path / "two" / "2.parquet", many[:41])
    draw = PromptFilter(sample=20)
    first = load_prompts(str(tmp_path / "one"), filter=draw, seed=7)
    assert len(first) == 20
    assert load_prompts(str(tmp_path / "two"), filter=draw, seed=7).prompts == first.prompts
    assert load_prompts(str(tmp_path / "one"), filter=draw, seed=8).prompts != first.prompts


def test_no_files_are_refused(tmp_path):
    """A pattern or folder without Parquet files is refused and named."""
    with pytest.raises(InputError, match=r"no Parquet file at .*none\*"):
        load_prompts("wildchat:none*", base=tmp_path)
    with pytest.raises(InputError, match="no Parquet file"):
        load_prompts(str(tmp_path))


@pytest.mark.parametrize("columns", [{"text": ["hi"]}, {"conversation": ["hi"]}])
def test_other_schema_is_refused(tmp_path, columns):
    """A Parquet file without conversations of turns is refused as WildChat."""
    pl.DataFrame(columns).write_parquet(tmp_path / "1.parquet")
    with pytest.raises(InputError, match="does not have WildChat's schema"):
        load_prompts(f"wildchat:{tmp_path}")


def test_broken_file_is_refused(tmp_path):
    """A file that is not Parquet at all is refused with its name."""
    (tmp_path / "1.parquet").write_bytes(b"not parquet, but long enough to look at")
    with pytest.raises(InputError, match=r"1\.parquet cannot be read as Parquet"):
        load_prompts(f"wildchat:{tmp_path}")


class Stream:
    """Stands in for a stream of the library datasets; counts what is read of it."""

    def __init__(self):
        self.read = 0
        self.seed = None

    def shuffle(self, *, seed, buffer_size):
        """Note the seed; the order stays."""
        self.seed = seed
        return self

    def __iter__(self):
        while True:
            self.read += 1
            yield record(f"c{self.read}", f"question {self.read} about topic {self.read**2}")


@pytest.fixture
def stream(monkeypatch):
    """Put an endless stream in the place of the hub."""
    endless = Stream()
    library = SimpleNamespace(load_dataset=lambda *args, **options: endless)
    monkeypatch.setitem(sys.modules, "datasets", library)
    return endless


def test_hub_stream_is_read_until_there_is_enough(stream):
    """An endless stream is left as soon as the sample can be drawn, and the caveat says so."""
    prompts = load_prompts("wildchat", filter=PromptFilter(sample=25), seed=11)
    assert len(prompts) == 25
    assert stream.seed == 11
    assert stream.read == prompts.counts["read"] == 4 * 25 + 100
    assert "stopped when there were enough" in prompts.describe()


def test_hub_limit_is_a_sample(stream):
    """The study's own need limits the stream where no sample is set."""
    assert len(load_prompts("wildchat", limit=5)) == 5


def test_hub_without_sample_is_refused(stream):
    """All 43 GB are never read by accident."""
    with pytest.raises(InputError, match="set sample"):
        load_prompts("wildchat")
    assert stream.read == 0


def test_hub_with_toxic_prompts_only_is_refused(stream):
    """The hub's open version has no toxic conversations, so they are not searched for in vain."""
    with pytest.raises(InputError, match=r"toxicity = 'only'.*WildChat-4\.8M-Full"):
        load_prompts("wildchat", filter=PromptFilter(toxicity="only", sample=5))
    assert stream.read == 0


def test_missing_library_says_how_to_install_it(monkeypatch):
    """Without the library the error names the extra and the other way in."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'ethogram\[wildchat\]'.*wildchat:FOLDER"):
        load_prompts("wildchat", limit=5)


def test_unreachable_hub_is_one_clear_error(monkeypatch):
    """A hub that cannot be reached is an input error with the data set's name."""

    def fail(*args, **options):
        raise ConnectionError("name not known")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=fail))
    with pytest.raises(InputError, match=r"allenai/WildChat-4\.8M cannot be read.*name not known"):
        load_prompts("wildchat", limit=5)


def test_real_library_streams_the_schema(tmp_path, monkeypatch):
    """The library itself, where it is installed, streams local files of the schema the same way."""
    pytest.importorskip("datasets")
    monkeypatch.setattr(wildchat, "HUB_NAME", str(tmp_path))
    for part in range(3):
        many = [record(f"c{part}-{i}", f"question {i} of {part}") for i in range(100)]
        write(tmp_path / f"train-{part:05}.parquet", [*RECORDS[2:4], *many])
    prompts = load_prompts(
        "wildchat", filter=PromptFilter(sample=10, near_duplicates=False), seed=2
    )
    assert len(prompts) == 10
    assert all(p.text.startswith("question") and p.language == "en" for p in prompts.prompts)
    again = load_prompts("wildchat", filter=PromptFilter(sample=10, near_duplicates=False), seed=2)
    assert again == prompts
