"""Prompt sets: the bundled one, files of the user's own, filters and samples."""

import itertools
import json
import random
from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ethogram.errors import InputError
from ethogram.stimuli.files import Row
from ethogram.stimuli.near_duplicates import jaccard, shingles
from ethogram.stimuli.prompts import LOSSES, Prompt, PromptFilter, draw_prompts, load_prompts

KEEP_ALL = PromptFilter(near_duplicates=False)


def jsonl(folder, *records, name="mine.jsonl"):
    """Write records as JSONL and return the path as a source."""
    path = folder / name
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return str(path)


def rows(n):
    """Return n rows of different texts."""
    return [Row(f"question {i} about topic {i * i}", f"q{i}") for i in range(n)]


# The bundled set


@pytest.fixture(scope="module")
def bundled():
    """Read the bundled set once."""
    return load_prompts("bundled")


def test_bundled_set_is_large_and_mixed(bundled):
    """At least 500 prompts, 8 languages with several each, and 30% not English."""
    assert len(bundled) >= 500
    assert sum(n >= 5 for n in bundled.languages.values()) >= 8
    assert bundled.languages["en"] <= 0.7 * len(bundled)
    assert len({p.topic for p in bundled.prompts}) >= 20


def test_bundled_prompts_are_labelled(bundled):
    """Each has an id of its own, a two-letter language, a topic, and a text without stray space."""
    assert len({p.id for p in bundled.prompts}) == len(bundled)
    for prompt in bundled.prompts:
        assert len(prompt.language) == 2
        assert prompt.topic
        assert prompt.text == prompt.text.strip() != ""


def test_bundled_prompts_are_of_every_length(bundled):
    """From four words to several paragraphs."""
    words = [len(p.text.split()) for p in bundled.prompts if p.language == "en"]
    assert min(words) <= 4
    assert sum(w <= 12 for w in words) >= 50
    assert sum(w >= 150 for w in words) >= 25
    assert sum(p.text.count("\n\n") >= 2 for p in bundled.prompts) >= 25


def test_no_two_bundled_prompts_are_alike(bundled):
    """No pair is above 0.5 in Jaccard similarity of 3-grams, ours or those of plain words."""
    ours = [shingles(p.text) for p in bundled.prompts]
    plain = [set(zip(w, w[1:], w[2:])) for w in (p.text.split() for p in bundled.prompts)]  # noqa: B905
    for sets in (ours, plain):
        for (i, a), (j, b) in itertools.combinations(enumerate(sets), 2):
            if a & b:
                pair = bundled.prompts[i].id, bundled.prompts[j].id
                assert jaccard(a, b) <= 0.5, pair


def test_bundled_set_is_in_no_order_of_topics(bundled):
    """Any 100 in a row hold several languages and topics, so a short study meets them all."""
    for start in range(0, len(bundled) - 100, 100):
        part = bundled.prompts[start : start + 100]
        assert len({p.language for p in part}) >= 6
        assert len({p.topic for p in part}) >= 20


# Files of one's own


def test_jsonl_with_all_columns(tmp_path):
    """Known columns are used, others are passed over; lines without an id get their number."""
    source = jsonl(
        tmp_path,
        {"id": "x", "text": "first one", "language": "French", "topic": "t", "more": [1]},
        {"text": "second"},
    )
    assert load_prompts(source).prompts == (
        Prompt("x", "first one", "fr", "t"),
        Prompt("row2", "second"),
    )


def test_csv_with_cells_of_several_lines(tmp_path):
    """CSV cells with commas, quotes and line breaks come through; numbers stay text."""
    path = tmp_path / "mine.csv"
    path.write_text('id,content,toxic\n7,"a, ""b""\nc",false\n8,42,TRUE\n', encoding="utf-8")
    assert load_prompts(str(path)).prompts == (Prompt("7", 'a, "b"\nc'),)
    kept = load_prompts(str(path), filter=PromptFilter(toxicity="include")).prompts
    assert kept[1] == Prompt("8", "42")


def test_parquet_of_ones_own(tmp_path):
    """A Parquet file without conversations is read like the others; null is a prompt lost."""
    path = tmp_path / "mine.parquet"
    pl.DataFrame({"q": ["one two", None], "id": [5, 6]}).write_parquet(path)
    prompts = load_prompts("mine.parquet", filter=PromptFilter(column="q"), base=tmp_path)
    assert prompts.prompts == (Prompt("5", "one two"),)
    assert prompts.counts["no_text"] == 1


@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl", "mine.parquet"])
def test_missing_column_names_those_there(tmp_path, name):
    """A column that is not there is refused, with the columns that are."""
    path = tmp_path / name
    table = pl.DataFrame({"question": ["hi"], "answer": ["ho"]})
    save = {".csv": table.write_csv, ".jsonl": table.write_ndjson, ".parquet": table.write_parquet}
    save[path.suffix](path)
    with pytest.raises(InputError, match=r"no column called prompt or text.*question, answer"):
        load_prompts(str(path))
    with pytest.raises(InputError, match=r"no column 'ask'.*question, answer"):
        load_prompts(str(path), filter=PromptFilter(column="ask"))
    assert load_prompts(str(path), filter=PromptFilter(column="answer")).prompts[0].text == "ho"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"text": "a"}\n{"text": \n', "line 2 is not JSON"),
        ('{"text": "a"}\n"bare"\n', "line 2 is not an object"),
        ('{"text": 5}\n', "line 1: text is 5, expected text"),
        ("", "no prompt is left"),
    ],
)
def test_bad_jsonl_is_refused_with_the_line(tmp_path, text, says):
    """An unusable line is refused with its number."""
    path = tmp_path / "mine.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load_prompts(str(path))


@pytest.mark.parametrize("content", [b"", b'text\n"open', b"text\n\xff\xfe\n"])
def test_bad_csv_is_an_input_error(tmp_path, content):
    """An empty, unclosed or wrongly encoded CSV file is refused by name."""
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"mine\.csv( cannot be read as CSV|, line 2 is not UTF-8 text)"
    ):
        load_prompts(str(path))


@pytest.mark.parametrize(
    ("source", "says"),
    [("bundeld", "neither bundled, wildchat nor a file"), ("mine.txt", "not one of .jsonl")],
)
def test_unknown_source_says_what_there_is(tmp_path, source, says):
    """A source that is no set, file or known kind of file is refused."""
    (tmp_path / "mine.txt").write_text("hello")
    with pytest.raises(InputError, match=says):
        load_prompts(source, base=tmp_path)


def test_one_id_for_two_prompts_is_refused(tmp_path):
    """Two different prompts with one id would be mixed up in every later table."""
    source = jsonl(tmp_path, {"id": "x", "text": "one"}, {"id": "x", "text": "two"})
    with pytest.raises(InputError, match="id 'x' stands for 2"):
        load_prompts(source)


# Filters


@pytest.mark.parametrize(
    ("low", "high", "kept"), [(3, 5, ["abc", "  abcde \n"]), (4, None, ["  abcde \n", "abcdef"])]
)
def test_length_is_counted_without_space_around(low, high, kept):
    """Limits are inclusive and count characters without the space around; the text keeps it."""
    texts = ["ab", "abc", "  abcde \n", "abcdef"]
    made = draw_prompts(
        [Row(t, t.strip()) for t in texts],
        source="s",
        filter=PromptFilter(min_chars=low, max_chars=high),
    )
    assert [p.text for p in made.prompts] == kept


def test_blank_text_is_too_short():
    """A prompt of nothing but space is not a prompt."""
    made = draw_prompts([Row(" \n", "a"), Row("hello", "b")], source="s")
    assert made.counts["too_short"] == 1
    assert [p.id for p in made.prompts] == ["b"]


def test_near_duplicates_keep_the_first():
    """Of a template with one word changed the first is kept, unless near duplicates are wanted."""
    text = "write a very long and detailed blog post for my small shop that sells {} mugs"
    made_from = [Row(text.format(w), w) for w in ("red", "blue")]
    # 14 3-grams each, 2 of them with the word: 12 shared of 16, so 0.75.
    strict = draw_prompts(made_from, source="s", filter=PromptFilter(near_duplicates=0.75))
    assert [p.id for p in strict.prompts] == ["red"]
    assert strict.counts["near_duplicate"] == 1
    assert len(draw_prompts(made_from, source="s", filter=PromptFilter(near_duplicates=0.76))) == 2
    assert len(draw_prompts(made_from, source="s", filter=KEEP_ALL)) == 2


def test_nothing_left_says_where_it_went():
    """Filters that leave nothing are an error that says what each dropped."""
    with pytest.raises(InputError, match=r"2 in another or an unstated language.*Loosen"):
        draw_prompts(rows(2), source="s", filter=PromptFilter(language="en"))


@pytest.mark.parametrize(
    "table",
    [
        {"languages": "en"},
        {"min_chars": 0},
        {"min_chars": 9, "max_chars": 8},
        {"toxicity": "yes"},
        {"sample": 0},
        {"near_duplicates": 0},
        {"near_duplicates": 1.5},
        {"near_duplicates": True},
        {"near_duplicates": "x"},
        {"language": []},
        {"language": 5},
    ],
)
def test_unusable_filters_are_refused(table):
    """Unknown keys and values out of range are refused with the key."""
    with pytest.raises(ValidationError, match=list(table)[-1]):
        PromptFilter.model_validate(table)


# Samples


def test_sample_is_reproducible_and_nested():
    """A smaller sample is the start of a larger one, and another seed gives another sample."""
    ten, thirty = (draw_prompts(rows(500), source="s", wanted=n, seed=4).prompts for n in (10, 30))
    assert thirty[:10] == ten
    assert draw_prompts(rows(500), source="s", wanted=10, seed=5).prompts != ten


def test_sample_and_limit_take_the_smaller(tmp_path):
    """Of the file's sample and the study's need the smaller one counts."""
    source = jsonl(tmp_path, *({"text": r.text} for r in rows(50)))
    assert len(load_prompts(source, filter=PromptFilter(sample=9), limit=20)) == 9
    assert len(load_prompts(source, filter=PromptFilter(sample=20), limit=9)) == 9
    assert len(load_prompts(source, limit=90)) == 50


def test_repeated_text_is_no_likelier_than_another():
    """A text that comes 200 times is drawn as often as one that comes once."""
    source = [Row("the same again", f"s{i}") for i in range(200)] + rows(39)
    random.Random(1).shuffle(source)
    drawn = Counter()
    for seed in range(800):
        made = draw_prompts(source, source="s", filter=KEEP_ALL, wanted=10, seed=seed)
        drawn.update({p.text for p in made.prompts})
    # 10 of 40 distinct texts: 200 of 800 draws each, standard deviation 12.2.
    assert abs(drawn["the same again"] - 200) < 50
    assert min(drawn.values()) > 150
    assert max(drawn.values()) < 250


def test_prompts_wanted_but_not_there_are_reported():
    """A set smaller than what is wanted is used whole and says so."""
    made = draw_prompts(rows(5), source="s", wanted=8)
    assert len(made) == 5
    assert made.describe() == "5 of the 5 prompts read from s are used; 8 were wanted."


def test_candidates_used_up_by_near_duplicates_are_reported():
    """Where near duplicates use up the candidates, fewer are kept and the reason is given."""
    text = "tell me everything that there is to know about the long history of number"
    made = draw_prompts([Row(f"{text} {i}", f"r{i}") for i in range(500)], source="s", wanted=10)
    assert len(made) == 1
    assert made.counts["near_duplicate"] == 139  # 4 * 10 + 100 candidates
    assert "10 were wanted, but too many candidates were near duplicates" in made.describe()


@given(
    texts=st.lists(
        st.sampled_from(["", " ", "a b c d", "A b  c d", "e f g h", "i j", "k", "l m n"])
    ),
    wanted=st.none() | st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_every_row_is_accounted_for(texts, wanted, seed):
    """What is dropped and what is kept add up to what was read, and what is kept is distinct."""
    source = [Row("always here", "x"), *(Row(t, f"r{i}") for i, t in enumerate(texts))]
    made = draw_prompts(source, source="s", wanted=wanted, seed=seed)
    assert made.counts["read"] == len(source)
    assert sum(made.counts[key] for key in (*LOSSES, "kept")) == len(source)
    folded = [" ".join(p.text.casefold().split()) for p in made.prompts]
    assert len(set(folded)) == len(folded)


def test_small_draw_from_many_equals_sorting_them_all():
    """The bounded reserve draws what sorting every candidate would draw."""
    many = rows(2000)
    whole = draw_prompts(many, source="s", filter=KEEP_ALL, wanted=2000, seed=9).prompts
    assert draw_prompts(many, source="s", filter=KEEP_ALL, wanted=15, seed=9).prompts == whole[:15]


def test_description_is_one_sentence():
    """What was read, dropped and kept is one plain sentence."""
    source = [
        Row("one two", "a", "English"),
        Row("un deux", "b", "French"),
        Row("ONE two", "c", "en"),
    ]
    made = draw_prompts(source, source="mine.csv", filter=PromptFilter(language="en"))
    assert made.describe() == (
        "1 of the 3 prompts read from mine.csv are used "
        "(1 in another or an unstated language, 1 exact duplicates)."
    )
