"""Prompt files of every kind: separators, encodings, chats, late columns."""

from __future__ import annotations

import gzip
import json

import orjson
import polars as pl
import pytest

from ethogram.errors import InputError
from ethogram.stimuli.files import Row, read_rows
from ethogram.stimuli.prompts import load_prompts
from ethogram.stimuli.traits import load_traits

CSV = "id,prompt\n0,Where do I begin?\n1,naïve café\n"
FRAME = pl.DataFrame({"id": [0, 1], "prompt": ["Where do I begin?", "naïve café"]})
TEXTS = {
    "comma.csv": CSV.encode(),
    "semicolon.csv": CSV.replace(",", ";").encode(),
    "declared.csv": b"sep=;\n" + CSV.replace(",", ";").encode(),
    "tab.tsv": CSV.replace(",", "\t").encode(),
    "utf16.csv": CSV.encode("utf-16"),
    "bom.csv": CSV.encode("utf-8-sig"),
    "header.csv": CSV.replace("id,prompt", " ID , Prompt ").encode(),
    "packed.csv.gz": gzip.compress(CSV.encode(), mtime=0),
    "rows.json": orjson.dumps(FRAME.to_dicts()),
    "rows.jsonl": FRAME.write_ndjson().encode("utf-16"),
}
WRITERS = {
    "a.parquet": FRAME.write_parquet,
    "a.arrow": FRAME.write_ipc_stream,
    "a.feather": FRAME.write_ipc,
}


@pytest.mark.parametrize("name", [*TEXTS, *WRITERS])
def test_every_kind_of_file_gives_the_same(tmp_path, name):
    """Ids and texts, whatever the kind."""
    path = tmp_path / name
    if name in TEXTS:
        path.write_bytes(TEXTS[name])
    else:
        WRITERS[name](path)
    assert list(read_rows(path)) == [Row("Where do I begin?", "0"), Row("naïve café", "1")]


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "t.txt", "t.csv"])
def test_other_encodings_are_named(tmp_path, name):
    """With the line and the likely encoding, in every reader."""
    path = tmp_path / name
    text = '{"prompt": "x"}\n{"prompt": "naïve"}\n' if name == "p.jsonl" else "prompt\nnaïve\n"
    path.write_text(text, encoding="cp1252")
    with pytest.raises(InputError, match=r"line 2 is not UTF-8 text .*cp1252.*save the file as"):
        load_traits(path) if name.startswith("t") else load_prompts(str(path))
    path.write_text(text, encoding="utf-16-le")
    with pytest.raises(InputError, match="UTF-16 without a byte-order mark"):
        load_traits(path) if name.startswith("t") else load_prompts(str(path))


def test_word_lists_with_a_mark_and_blank_last_lines(tmp_path):
    """UTF-16 is read where the mark says so; what is blank at the end is no line."""
    (tmp_path / "t.txt").write_text("calm\nbold\n \n\n", encoding="utf-16")
    assert load_traits(tmp_path / "t.txt").names == ("calm", "bold")
    (tmp_path / "t.csv").write_text("Trait ; Description\ncalm;still\nbold;\n\n", encoding="utf-16")
    assert load_traits(tmp_path / "t.csv").names == ("calm", "bold")


def turns(role, text, *users):
    """Return turns under these fields, a system's first."""
    user = "human" if role == "from" else "user"
    said = [("system", "Be kind."), *((user, one) for one in users), ("gpt", "ok")]
    return [{role: who, text: what} for who, what in said]


PARTS = [{"type": "image", "text": None}, {"type": "text", "text": "one"}]


@pytest.mark.parametrize(
    ("column", "chat", "expected"),
    [
        ("messages", turns("role", "content", "one", "two"), "one"),
        ("conversations", turns("from", "value", "one", "two"), "one"),
        ("conversation", turns("role", "content", "one"), "one"),
        ("prompt", turns("role", "content", "one"), "one"),
        ("messages", turns("role", "content", PARTS), "one"),
        ("messages", turns("role", "content"), None),
    ],
)
def test_chats_give_the_first_user_message(tmp_path, column, chat, expected):
    """Of JSON lines and of Parquet; how many there are is said."""
    (tmp_path / "c.jsonl").write_bytes(orjson.dumps({"id": "c", column: chat}))
    assert list(read_rows(tmp_path / "c.jsonl")) == [Row(expected, "c", chat=True)]
    if expected:
        made = load_prompts(str(tmp_path / "c.jsonl"))
        assert "1 is the first user message of a chat" in made.describe()
    if chat[1].get("content") != PARTS:
        pl.DataFrame({"id": ["c"], column: [chat]}).write_parquet(tmp_path / "c.parquet")
        assert list(read_rows(tmp_path / "c.parquet")) == [Row(expected, "c", chat=True)]


def test_conversations_of_parts_and_of_sharegpt(tmp_path):
    """Parquet files of conversations, whatever the fields of a turn are called."""
    for name, chat in (
        ("parts", [{"role": "user", "content": [{"type": "text", "text": "one"}]}]),
        ("sharegpt", [{"from": "human", "value": "one"}, {"from": "gpt", "value": "two"}]),
    ):
        path = tmp_path / f"{name}.parquet"
        pl.DataFrame({"conversation": [chat], "conversation_hash": ["h"]}).write_parquet(path)
        assert [p.text for p in load_prompts(str(path)).prompts] == ["one"]


def test_what_is_no_chat_is_refused(tmp_path):
    """A list of words has no first message."""
    (tmp_path / "c.jsonl").write_bytes(b'\n{"prompt": ["a", "b"]}\n')
    with pytest.raises(InputError, match=r"line 2: prompt is \['a', 'b'\], expected text or a ch"):
        load_prompts(str(tmp_path / "c.jsonl"))


def test_lines_may_each_have_their_own_columns(tmp_path):
    """The text is in the first of the usual columns that has one."""
    lines = [{"text": "one"}, {"prompt": "two"}, {"prompt": None, "content": "three"}, {"x": 1}]
    (tmp_path / "p.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert [row.text for row in read_rows(tmp_path / "p.jsonl")] == ["one", "two", "three", None]


def test_numbers_that_json_has_not_are_nothing(tmp_path):
    """Python writes NaN; half a character is refused, as it cannot be sent."""
    (tmp_path / "p.jsonl").write_text(json.dumps({"prompt": "one", "id": float("nan")}))
    assert list(read_rows(tmp_path / "p.jsonl")) == [Row("one", "row1")]
    (tmp_path / "p.jsonl").write_text('{"prompt": "\\ud800", "id": NaN}')
    with pytest.raises(InputError, match="line 1 is not JSON"):
        load_prompts(str(tmp_path / "p.jsonl"))


def test_quotes_inside_a_cell_are_text(tmp_path):
    """A cell that does not begin with a quote has none to close."""
    (tmp_path / "p.csv").write_text('id,prompt\n1,He said "hi" there\n2,She is 6\'2" tall\n')
    assert [row.text for row in read_rows(tmp_path / "p.csv")] == [
        'He said "hi" there',
        "She is 6'2\" tall",
    ]
