"""Comparison files of every kind and form, as people have them."""

from __future__ import annotations

import gzip
import json
import os

import orjson
import polars as pl
import pytest

from ethogram.api import read_profiles, save_figures, write_report
from ethogram.errors import EthogramError, InputError, StoreError
from ethogram.ratings.comparison_files import read_table

ROWS = [
    {"model": "m", "trait_1": "calm", "trait_2": "bold", "winner": "calm"},
    {"model": "m", "trait_1": "bold", "trait_2": "naïve", "winner": "naïve"},
    {"model": "m", "trait_1": "naïve", "trait_2": "calm", "winner": "tie"},
]
FRAME = pl.DataFrame(ROWS)


def delimited(separator, *, head="", end="\n", encoding="utf-8"):
    """Return the rows as text with a separator."""
    lines = [separator.join(ROWS[0]), *(separator.join(row.values()) for row in ROWS)]
    return (head + end.join(lines) + end).encode(encoding)


def lines_of_json():
    """Return the rows as lines of JSON."""
    return b"".join(orjson.dumps(row) + b"\n" for row in ROWS)


def binary(path, write):
    """Write the rows and return the bytes."""
    write(path)
    return path.read_bytes()


def by_columns(index):
    """Return the rows by columns, as pandas does it."""
    return {
        name: {str(i): row[name] for i, row in enumerate(ROWS)}
        if index
        else [r[name] for r in ROWS]
        for name in ROWS[0]
    }


TEXTS = {
    "a.csv": delimited(","),
    "b.tsv": delimited("\t"),
    "tab.csv": delimited("\t"),
    "semicolon.csv": delimited(";"),
    "bar.csv": delimited("|"),
    "comma.tsv": delimited(","),
    "declared.csv": delimited(";", head="sep=;\r\n", end="\r\n"),
    "quoted.csv": delimited(",", head='"sep=,"\n'),
    "A.CSV": delimited(",", end="\r\n"),
    "mac.csv": delimited(",", end="\r"),
    "bom.csv": delimited(",", encoding="utf-8-sig"),
    "utf16.csv": delimited(",", encoding="utf-16"),
    "utf16be.csv": b"\xfe\xff" + delimited("\t", encoding="utf-16-be"),
    "blank.csv": b"\n" + delimited(",") + b"\n \n,,,\n\n",
    "a.csv.gz": gzip.compress(delimited(","), mtime=0),
    "headers.csv": delimited(",").replace(b"model,trait_1,trait_2", b" Model ,\tTRAIT_1, Trait_2"),
    "a.jsonl": lines_of_json() + b"\n \n",
    "a.ndjson": b"\xef\xbb\xbf" + lines_of_json().replace(b"\n", b"\r\n"),
    "a.jsonl.gz": gzip.compress(lines_of_json(), mtime=0),
    "list.json": orjson.dumps(ROWS),
    "data.json": orjson.dumps({"data": ROWS}),
    "columns.json": orjson.dumps(by_columns(index=False)),
    "pandas.json": orjson.dumps(by_columns(index=True)),
    "lines.json": lines_of_json(),
    "escaped.json": json.dumps(ROWS).encode(),
    "reordered.json": orjson.dumps(
        {
            name: dict(reversed(cells.items())) if name == "winner" else cells
            for name, cells in by_columns(index=True).items()
        }
    ),
    "split.json": orjson.dumps(
        {"columns": list(ROWS[0]), "index": [0, 1, 2], "data": [list(r.values()) for r in ROWS]}
    ),
    "words.csv": delimited(",").replace(b"trait_1,trait_2", b"Trait 1,trait2"),
    "hyphens.csv": delimited(",").replace(b"trait_1,trait_2,winner", b"trait-1,TRAIT.2,winner "),
    "spaced.csv": delimited(", ").replace(" naïve".encode(), ' "naïve"'.encode()),
}
WRITERS = {
    "a.parquet": FRAME.write_parquet,
    "a.pq": FRAME.write_parquet,
    "a.feather": FRAME.write_ipc,
    "a.arrow": FRAME.write_ipc,
    "stream.arrow": FRAME.write_ipc_stream,
    "enum.parquet": FRAME.cast(pl.Categorical).write_parquet,
    "bytes.parquet": FRAME.with_columns(pl.col("winner").cast(pl.Binary)).write_parquet,
}


@pytest.mark.parametrize("name", [*TEXTS, *WRITERS])
def test_every_kind_of_file_gives_the_same(tmp_path, name):
    """Whatever the separator, the encoding, the line ends and the packing."""
    path = tmp_path / name
    path.write_bytes(TEXTS[name] if name in TEXTS else binary(path, WRITERS[name]))
    (found,) = read_table(path)
    assert found.model == "m"
    assert found.traits == ("bold", "calm", "naïve")
    assert found.first.tolist() == [1, 0, 2]
    assert found.outcome.tolist() == [1.0, 0.0, 0.5]
    assert found.tie.tolist() == [False, False, True]
    assert read_profiles(path)[0].n == 3


WRONG = "model,trait_1,trait_2,winner\nm,calm,bold,calm\n\nm,calm,bold,oops\n"


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        ("f.csv", WRONG, "line 4"),
        ("f.csv", "sep=,\n" + WRONG, "line 5"),
        ("f.csv", WRONG.replace("\nm,calm,bold,calm", '\nm,"very\ncalm",bold,bold'), "line 5"),
        ("f.tsv", WRONG.replace(",", "\t"), "line 4"),
        ("f.jsonl", '\n{"model":"m","trait_1":"a","trait_2":"b","winner":"c"}', "line 2"),
        ("f.json", '[{"model":"m","trait_1":"a","trait_2":"b","winner":"c"}]', "row 1"),
    ],
)
def test_the_place_is_the_files(tmp_path, name, data, place):
    """The line of a text, blank ones counted too; else the row."""
    path = tmp_path / name
    path.write_text(data)
    with pytest.raises(InputError, match=rf"{name}, {place}: a winner that is neither trait"):
        read_table(path)
    FRAME.with_columns(winner=pl.lit("oops")).write_parquet(tmp_path / "f.parquet")
    with pytest.raises(InputError, match=r"f\.parquet, row 1: a winner"):
        read_table(tmp_path / "f.parquet")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("f.csv", delimited(",", encoding="cp1252"), r"line 3 is not UTF-8.*cp1252.*save"),
        ("f.csv", delimited(",", encoding="utf-16-le"), "UTF-16 without a byte-order mark"),
        ("f.csv", delimited(",", encoding="utf-16") + b"x", "UTF-16.*save it as UTF-8"),
        ("f.jsonl", lines_of_json().decode().encode("latin-1"), r"line 2 is not UTF-8.*cp1252"),
        ("f.csv", b"model,trait_1\nm,\xff\x81\n", "line 2 is not UTF-8"),
        ("f.csv.gz", gzip.compress(delimited(","), mtime=0)[:40], "cannot be read"),
        ("f.csv", b"model,Model,trait_1\n", "columns 'model' and 'Model'"),
        ("f.csv", delimited(",") + b"m,a,b,a,a\n", "line 5 cannot be read: it has 5 cells"),
        ("f.csv", b"mo\x1bdel,trait_1\n", r"header: column .*U\+001B"),
        ("f.jsonl", b'{"mo\\u001bdel": 1}', r"line 1, header: column .*U\+001B"),
        ("f.csv", b"", "it is empty"),
        ("f.jsonl", b'{"model": 1, "MODEL": 2}\n', "columns 'model' and 'MODEL'"),
        ("f.jsonl", b'{"model": \n', "line 1 is not JSON"),
        ("f.jsonl", b"[1]\n", "line 1 is not an object"),
        ("f.json", b"[1]", "row 1 is not an object"),
        ("f.json", b"[{", "is not JSON"),
        ("f.json", b"[]", "holds no comparisons"),
        ("f.csv", delimited(",", encoding="utf-32-be"), "UTF-32 without a byte-order mark"),
        ("f.csv", delimited(",", encoding="mac-roman"), "line 3 is not UTF-8.*Mac Roman"),
        ("f.csv", "model\nдобрый\n".encode("cp1251"), "line 2 is not UTF-8.*other scripts"),
        ("f.csv", b"PAR1and more", r"holds Parquet: call it \.parquet"),
        ("f.json", b"PK\x03\x04and more", r"ZIP archive or a workbook.*save the table as CSV"),
        ("f.jsonl", b"\xfd7zXZ\x00and more", "packed by xz: unpack it"),
        ("f.csv.gz", gzip.compress(gzip.compress(b"a", mtime=0), mtime=0), "packed twice"),
        ("f.csv", b"BZh91AY&SYand more", "packed by bzip2"),
        ("f.csv", b" <!DOCTYPE html><html>", "holds a web page"),
        (
            "f.parquet",
            b"version https://git-lfs.github.com/spec/v1\n",
            "Git LFS pointer.*git lfs pull",
        ),
        ("f.parquet", b"", "it is empty, expected Parquet"),
        ("f.csv", orjson.dumps(ROWS), r"holds JSON: call it \.json"),
        ("f.csv", lines_of_json(), r"holds JSON: call it \.json, or \.jsonl"),
        (
            "f.jsonl",
            b'{"winner": "a", "trait_1": "a", "winner": "b"}\n',
            "line 1 has 'winner' twice",
        ),
        ("f.json", b'[{"a": 1}, {"winner": "a", "winner": "b"}]', "row 2 has 'winner' twice"),
        ("f.csv", b"model,trait_1,trait_2,Trait 2,winner\nm,a,b,c,a\n", "'trait_2' and 'Trait 2'"),
        (
            "f.csv",
            b'model,trait_1,trait_2,winner\nm, "a",b,b\n',
            "line 2: trait_1 is .*quotes: delete",
        ),
        (
            "f.csv",
            b"model,trait_1,trait_2,winner\nm,a,b,none\n",
            'a winner "none": leave .*write tie',
        ),
        ("f.csv", b"model;trait_1;trait_2;p_first\nm;a;b;0,7\n", "'0,7', expected .*decimal point"),
        ("f.csv", b"model,trait_1,trait_2,winner,weight\nm,a,b,a,1e300\n", "weight is '1e300'"),
        ("f.csv", b"model,trait_1,trait_2,winner,weight\nm,a,b,a,1_000\n", "weight is '1_000'"),
        ("f.arrow", b"no arrow at all, but long enough", "cannot be read"),
        ("f.feather", b"", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, name, data, said):
    """The file and the place, what it looks like and what to do."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        read_table(path)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pl.Series("trait_1", [["a"], ["a"], ["a"]]), r"row 1: trait_1 is \['a'\], expected text"),
        (pl.Series("model", [{"x": 1}] * 3), "row 1: model is .*expected text"),
    ],
)
def test_nested_names_are_refused(tmp_path, column, said):
    """A list is no name."""
    FRAME.with_columns(column).write_parquet(tmp_path / "f.parquet")
    with pytest.raises(InputError, match=said):
        read_table(tmp_path / "f.parquet")


@pytest.mark.parametrize(
    "ids",
    [
        [b"\xff\x00", b"\xff\x00", b"\xff\x01"],
        [[1], [1], [2]],
        [{"a": 1}, {"a": 1}, {"a": 2}],
        [7, 7, 0],
        [7.5, 7.5, 0.0],
        ["p", "p", "0"],
    ],
)
def test_ids_of_every_type_tell_prompts_apart(tmp_path, ids):
    """Bytes, lists and numbers too; 0 is an id."""
    FRAME.with_columns(pl.Series("prompt_id", ids)).write_parquet(tmp_path / "f.parquet")
    (found,) = read_table(tmp_path / "f.parquet")
    assert found.prompt[0] == found.prompt[1] != found.prompt[2]
    assert (found.prompt >= 0).all()


def test_a_comparison_without_a_winner_is_lost_and_counted(tmp_path):
    """Empty cells, null and NaN; a trait that has no verdict is named."""
    text = "model,trait_1,trait_2,winner\nm,a,b,a\nm,b,a,\nm,a,b,  \nm,a,c,\nn,a,b,b\n"
    (tmp_path / "f.csv").write_text(text)
    rows = [
        dict(zip(text.split(maxsplit=1)[0].split(","), r.split(","), strict=True))
        for r in ("m,a,b,a", "m,b,a,", "m,a,b,", "m,a,c,", "n,a,b,b")
    ]
    for row in rows:
        row["winner"] = row["winner"] or None
    pl.DataFrame(rows).write_parquet(tmp_path / "f.parquet")
    (tmp_path / "f.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    for name in ("f.csv", "f.parquet", "f.jsonl"):
        one, other = read_table(tmp_path / name)
        assert (len(one), one.lost, len(other), other.lost) == (1, 3, 1, 0)
        profile = read_profiles(tmp_path / name)[0]
        assert (profile.n, profile.lost) == (1, 3)
        assert "3 of 4 planned comparisons have no verdict." in profile.caveats
        assert "Without any verdict, and so left out: c." in profile.caveats


# -- other forms ------------------------------------------------------------------------------

BATTLES = """question_id,model_a,model_b,winner,judge,turn
q1,x,y,model_a,user_1,1
q2,y,z,model_b,user_2,1
q1,z,x,tie,user_1,1
q4,z,x,tie (bothbad),user_3,1
q5,z,y,both_bad,user_3,1
q6,z,y,,user_3,1
"""


def test_arena_battles(tmp_path):
    """The models are what is rated, by all judges together; both kinds of ties are ties."""
    path = tmp_path / "battles.csv"
    path.write_text(BATTLES)
    (found,) = read_table(path, form="arena")
    assert (found.model, found.judge, found.traits) == ("battles", "", ("x", "y", "z"))
    assert found.outcome.tolist() == [1, 0, 0.5, 0.5, 0.5]
    assert found.tie.tolist() == [False, False, True, True, True]
    assert found.lost == 1
    assert found.prompt[0] == found.prompt[2] != found.prompt[1]
    assert "Columns of the file that are not used: judge, turn." in found.source_notes


def test_arena_with_a_column_for_each_verdict(tmp_path):
    """As in the sets of human preferences: one of three columns is 1."""
    path = tmp_path / "human.csv"
    head = "id,model_a,model_b,winner_model_a,winner_model_b,winner_tie\n"
    path.write_text(head + "1,x,y,1,0,0\n2,y,z,0,1,0\n3,z,x,0,0,1\n4,z,x,0,0,0\n")
    (found,) = read_table(path, form="arena")
    assert found.outcome.tolist() == [1, 0, 0.5]
    assert (found.tie.sum(), found.lost) == (1, 1)
    path.write_text(head + "1,x,y,1,1,0\n")
    with pytest.raises(InputError, match="line 2: both model_a and model_b won"):
        read_table(path, form="arena")


def test_scores(tmp_path):
    """1 is a win of the first, 0 of the second, one half a tie; nothing is a loss."""
    path = tmp_path / "s.csv"
    path.write_text("model,trait_1,trait_2,outcome\nm,x,y,1\nm,y,z,0.0\nm,z,x,0.5\nm,z,x,\n")
    (found,) = read_table(path, form="scores")
    assert found.outcome.tolist() == [1, 0, 0.5]
    assert (found.tie.tolist(), found.lost) == ([False, False, True], 1)
    path.write_text("model,trait_1,trait_2,score\nm,x,y,0.7\n")
    with pytest.raises(InputError, match=r"line 2: a score that is not 1, 0\.5 or 0"):
        read_table(path, form="scores")


def test_preference_folders(tmp_path):
    """Each folder of Arrow or Parquet files is a model; what is no answer is lost."""
    answers = {"trait_1": ["x", "y", "z", "x"], "trait_2": ["y", "z", "x", "z"], "response": "..."}
    for model, last in (("llama", None), ("qwen", "both of them")):
        (tmp_path / "all" / model).mkdir(parents=True)
        frame = pl.DataFrame({**answers, "answer": ["x", "z", "z", last]})
        frame.write_ipc_stream(tmp_path / "all" / model / "data-00000-of-00001.arrow")
        (tmp_path / "all" / model / "state.json").write_text("{}")
    found = read_table(tmp_path / "all", form="oct")
    assert [(c.model, len(c), c.lost) for c in found] == [("llama", 3, 1), ("qwen", 3, 1)]
    (one,) = read_table(tmp_path / "all" / "qwen", form="oct")
    assert one.model == "qwen"
    assert one.outcome.tolist() == [1, 0, 1]
    (file,) = read_table(tmp_path / "all" / "qwen" / "data-00000-of-00001.arrow", form="oct")
    assert len(file) == 3
    assert len(read_profiles(tmp_path / "all", form="oct")) == 2
    wrong = pl.DataFrame({"trait_1": ["x", "x"], "trait_2": ["y", "x"], "answer": ["x", "x"]})
    wrong.write_parquet(tmp_path / "all" / "qwen" / "more.parquet")
    with pytest.raises(InputError, match=r"qwen.more\.parquet, row 2: a trait against itself"):
        read_table(tmp_path / "all", form="oct")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="without Parquet or Arrow files"):
        read_table(tmp_path / "none", form="oct")
    with pytest.raises(StoreError):
        read_profiles(tmp_path / "all")


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("model_a,model_b,winner", "arena"),
        ("trait_1,trait_2,response,answer", "oct"),
        ("model,trait_1,trait_2,outcome", "scores"),
        ("model,trait_1,trait_2,Score", "scores"),
    ],
)
def test_another_form_is_suggested(tmp_path, head, form):
    """A file that lacks our columns but has another form's."""
    path = tmp_path / "f.csv"
    path.write_text(f"{head}\n{','.join('abcd'[: head.count(',') + 1])}\n")
    with pytest.raises(InputError, match=f"for such a file add --as {form}"):
        read_table(path)


def test_a_winner_said_by_its_side_suggests_the_arena(tmp_path):
    """Under our columns' names too, which the form reads as well."""
    path = tmp_path / "f.csv"
    path.write_text("model,trait_1,trait_2,winner\nm,x,y,model_a\nm,y,x,tie (bothbad)\n")
    with pytest.raises(InputError, match="line 2: a winner that is neither trait; add --as arena"):
        read_table(path)
    (found,) = read_table(path, form="arena")
    assert (found.model, found.outcome.tolist()) == ("m", [1.0, 0.5])


def test_forms_are_for_files_and_reach_reports_and_figures(tmp_path):
    """Of a store a form cannot be asked; an unknown one is named."""
    path = tmp_path / "battles.csv"
    path.write_text(BATTLES)
    assert write_report(path, form="arena").is_file()
    assert save_figures(path, tmp_path / "figs", formats=["svg"], form="arena")
    with pytest.raises(InputError, match="--as arena needs a comparison file"):
        read_profiles(tmp_path / "s.db", form="arena")
    with pytest.raises(InputError, match="'elo': expected one of plain, arena, oct, scores"):
        read_table(path, form="elo")


def test_columns_of_cells_by_index_keep_their_rows(tmp_path):
    """A cell that is not there is empty in its own row, and moves no other."""
    cells = by_columns(index=True)
    del cells["winner"]["1"]
    (tmp_path / "f.json").write_bytes(orjson.dumps(cells))
    (found,) = read_table(tmp_path / "f.json")
    assert found.outcome.tolist() == [1.0, 0.5]
    assert found.lost == 1


def test_a_key_may_stand_again_inside_and_in_texts(tmp_path):
    """Only twice in one row is refused: not in a nested object, nor as a value."""
    row = {**ROWS[0], "judge": "winner", "meta": {"winner": 1, "model": [{"model": 2}]}}
    (tmp_path / "f.jsonl").write_bytes(orjson.dumps(row))
    (tmp_path / "f.json").write_bytes(orjson.dumps([row]))
    assert [len(read_table(tmp_path / name)[0]) for name in ("f.jsonl", "f.json")] == [1, 1]


@pytest.mark.parametrize("word", ["nan", "NaN", "null", "N/A", "<NA>"])
def test_a_programs_word_for_nothing_is_a_lost_comparison(tmp_path, word):
    """Unless a trait is called so."""
    path = tmp_path / "f.csv"
    path.write_text(f"model,trait_1,trait_2,winner\nm,a,b,{word}\nm,a,b,a\n")
    (found,) = read_table(path)
    assert (len(found), found.lost) == (1, 1)
    path.write_text(f"model,trait_1,trait_2,winner\nm,{word},b,{word}\nm,a,b,a\n")
    (found,) = read_table(path)
    assert (len(found), found.lost) == (2, 0)


def test_whole_numbers_in_a_column_with_gaps_name_the_traits(tmp_path):
    """A winner's column with a null holds 1.0, which is trait 1."""
    rows = {
        "model": ["m"] * 3,
        "trait_1": [1, 2, 1],
        "trait_2": [2, 3, 2],
        "winner": [1.0, 3.0, None],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "f.parquet")
    (found,) = read_table(tmp_path / "f.parquet")
    assert found.outcome.tolist() == [1.0, 0.0]
    assert found.lost == 1


def test_very_many_columns_are_counted(tmp_path):
    """A note stays a sentence."""
    more = ",".join(f"c{i}" for i in range(3000))
    text = f"model,trait_1,trait_2,winner,{more}\nm,a,b,a{',1' * 3000}\n"
    (tmp_path / "f.csv").write_text(text)
    (found,) = read_table(tmp_path / "f.csv")
    assert found.source_notes[0].endswith("c18, c19 and 2,980 more.")


def test_winners_against_their_probability_are_counted(tmp_path):
    """In a note: one of the two columns may be of the other trait."""
    text = "model,trait_1,trait_2,winner,p_first\nm,a,b,a,0.1\nm,a,b,b,0.2\nm,a,b,b,0.9\n"
    (tmp_path / "f.csv").write_text(text)
    (found,) = read_table(tmp_path / "f.csv")
    assert found.notes[0].startswith("In 2 of 3 rows the winner is not the trait that p_first")
    (tmp_path / "f.csv").write_text(text.replace("a,0.1", "a,0.6").replace("b,0.9", "tie,0.9"))
    assert read_table(tmp_path / "f.csv")[0].notes == ()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, 1.0) for word in ("Model A", "model-a", "[[A]]", "left", "assistant_a", "calm")),
        *((word, 0.0) for word in ("MODEL_B", "b", "Right", "bold")),
        *((word, 0.5) for word in ("Tie (both bad)", "tie(bothbad)", "both", "neither", "Draw")),
    ],
)
def test_sides_as_arenas_spell_them(tmp_path, word, expected):
    """Whatever the case and the signs; or by the name."""
    (tmp_path / "f.csv").write_text(f"model_a,model_b,winner\ncalm,bold,{word}\n")
    (found,) = read_table(tmp_path / "f.csv", form="arena")
    assert found.outcome.tolist() == [expected]
    assert found.tie.tolist() == [expected == 0.5]


def test_a_trait_called_like_the_other_side_is_refused(tmp_path):
    """A winner "a" is then either of the two."""
    (tmp_path / "f.csv").write_text("model_a,model_b,winner\na,b,b\nb,a,a\n")
    with pytest.raises(InputError, match=r"line 3: .*one trait by its name and the other by its"):
        read_table(tmp_path / "f.csv", form="arena")


def test_a_column_for_both_bad_is_a_tie(tmp_path):
    """As winner_tie is."""
    head = "model_a,model_b,winner_model_a,winner_model_b,winner_tie,winner_tie_bothbad"
    (tmp_path / "f.csv").write_text(f"{head}\na,b,0,0,0,1\nb,c,0,1,0,0\n")
    (found,) = read_table(tmp_path / "f.csv", form="arena")
    assert found.outcome.tolist() == [0.5, 0.0]
    assert (found.lost, found.notes) == (0, ())


def test_copies_and_splits_of_a_data_set_folder(tmp_path):
    """What the library datasets caches is counted once; train and test are of one model."""
    frame = FRAME.select("trait_1", "trait_2", answer="winner")
    for split in ("train", "test"):
        (tmp_path / "llama-3.1" / split).mkdir(parents=True)
        frame.write_ipc_stream(tmp_path / "llama-3.1" / split / "data-00000-of-00001.arrow")
    (tmp_path / "llama-3.1" / "dataset_dict.json").write_text("{}")
    frame.write_ipc_stream(tmp_path / "llama-3.1" / "train" / "cache-0f3a.arrow")
    (tmp_path / "llama-3.1" / ".hidden").mkdir()
    frame.write_ipc_stream(tmp_path / "llama-3.1" / ".hidden" / "x.arrow")
    (found,) = read_table(tmp_path / "llama-3.1", form="oct")
    assert (found.model, len(found)) == ("llama-3.1", 6)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("f.txt", b"model,trait_1\n", r"f\.txt .*not a database.*files end in .*\.csv"),
        ("f.xlsx", b"PK\x03\x04", r"workbook.*save the table as CSV.*end in .*\.csv"),
        ("f.zip", b"PK\x03\x04", "ZIP archive.*unpack"),
    ],
)
def test_another_ending_says_which_are_read(tmp_path, name, data, said):
    """What it is, if that is known, and the endings of comparison files."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StoreError, match=said):
        read_profiles(tmp_path / name)


def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path):
    """A pipe that nobody writes to would never end."""
    for name in ("p.csv", "p.parquet", "p.db"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(EthogramError, match="no regular file"):
            read_profiles(tmp_path / name)
    with pytest.raises(StoreError, match="is a folder, expected a store"):
        read_profiles(tmp_path)


def test_models_of_one_file_and_of_two_share_prompts_by_their_ids(tmp_path):
    """A prompt that one model lacks must not shift the numbers of those after it."""
    head = "model,trait_1,trait_2,winner,prompt_id"
    rows = [f"{m},calm,bold,calm,p{i}" for m in "ab" for i in range(4) if (m, i) != ("b", 0)]
    both = tmp_path / "both.csv"
    both.write_text("\n".join([head, *rows, "b,calm,bold,bold,"]), encoding="utf-8")
    a, b = read_table(both)
    assert len(set(a.prompt.tolist())) == 4
    assert b.prompt.tolist() == [*a.prompt.tolist()[1:], -1]
    alone = tmp_path / "alone.csv"
    alone.write_text("\n".join([head, *rows[4:]]), encoding="utf-8")
    (keyed,) = read_table(alone, keyed=True)
    first, _ = read_table(both, keyed=True)
    assert keyed.prompt.tolist() == first.prompt.tolist()[1:]
