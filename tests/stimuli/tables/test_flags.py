"""Flags as files spell them: one reading for every reader."""

from __future__ import annotations

import math

import orjson
import polars as pl
import pytest

from ethogram.errors import InputError
from ethogram.stimuli import wildchat
from ethogram.stimuli.files import read_rows
from ethogram.stimuli.tables.flags import parse_flag

TRUE = ["true", "True", " TRUE ", "t", "T", "yes", "Y", "1", "1.0", "flagged", "on", True, 1, 1.0]
FALSE = [
    "not toxic",
    "Non-toxic",
    "not_flagged",
    "n/a",
    "<NA>",
    "false",
    "False",
    "F",
    "no",
    "N",
    "0",
    "0.0",
    "",
    "  ",
    None,
    "none",
    "nan",
    math.nan,
    0,
]
UNKNOWN = ["maybe", "2", "0.7", 2, 0.5, -1, "tru", "flag?", [1, "x"], {"score": 1.0}]
OF_SERVICES = [
    ([{"flagged": True}], True),
    ([{"flagged": False}, {"flagged": True}], True),
    ([{"flagged": False}], False),
    ({"flagged": "false", "categories": {"hate": True}}, False),
    ([{"categories": {"hate": False, "violence": True}}], True),
    ([{"categories": {"hate": False}}], False),
    ([], False),
    ([None], False),
    ('[{"flagged": true}]', True),
    ("[{'flagged': True, 'categories': {}}]", True),
    ("[{'flagged': False}]", False),
    ({"id": "modr-1", "results": [{"flagged": True, "categories": {}}]}, True),
    ({"results": [{"flagged": False}]}, False),
]


@pytest.mark.parametrize(
    ("value", "expected"), [*((v, True) for v in TRUE), *((v, False) for v in FALSE), *OF_SERVICES]
)
def test_words_numbers_and_moderations(value, expected):
    """Each says what a reader would take it for."""
    assert parse_flag(value, place="p", name="toxic") is expected


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_is_no_flag_is_refused(value):
    """With the place, the column and what was expected."""
    with pytest.raises(InputError, match=r"^p\.csv, line 2: toxic is .*expected true or false"):
        parse_flag(value, place="p.csv, line 2", name="toxic")


def as_conversation(flag, tmp_path):
    """Read a flag from a Parquet file of conversations."""
    turns = [{"role": "user", "content": "hello"}]
    frame = pl.DataFrame(
        {"conversation_hash": ["a"], "conversation": [turns], "toxic": [flag], "redacted": [flag]}
    )
    frame.write_parquet(tmp_path / "w.parquet")
    (row,) = wildchat.rows_from_parquet([tmp_path / "w.parquet"])
    return row


def as_record(flag, tmp_path):
    """Read a flag from a record of the hub's stream."""
    turns = [{"role": "user", "content": "hello"}]
    (row,) = wildchat.rows_from_records([{"conversation": turns, "toxic": flag, "redacted": flag}])
    return row


def as_lines(flag, tmp_path):
    """Read a flag from a file of one's own."""
    path = tmp_path / "p.jsonl"
    path.write_bytes(orjson.dumps({"prompt": "hello", "toxic": flag, "redacted": flag}))
    (row,) = read_rows(path)
    return row


READERS = [as_conversation, as_record, as_lines]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("flag", "expected"),
    [(v, True) for v in TRUE if isinstance(v, str | bool)] + [("False", False), ("no", False)],
)
def test_every_reader_reads_them_the_same(reader, flag, expected, tmp_path):
    """In a conversation's columns and in a file of one's own."""
    row = reader(flag, tmp_path)
    assert (row.toxic, row.redacted) == (expected, expected)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_the_same(reader, tmp_path):
    """With the line or the row."""
    with pytest.raises(InputError, match=r"(line|row|record) 1: toxic is 'perhaps'"):
        reader("perhaps", tmp_path)


@pytest.mark.parametrize("flagged", [True, False])
def test_a_moderations_answer_is_the_flag(tmp_path, flagged):
    """LMSYS has it in place of toxic, one answer a turn; its ids are used too."""
    answers = [{"flagged": False, "category_scores": {"hate": 0.1}}]
    answers.append({"flagged": flagged, "category_scores": {"hate": 0.9}})
    record = {
        "conversation_id": "c7",
        "conversation": [{"role": "user", "content": "hello"}],
        "openai_moderation": answers,
    }
    pl.DataFrame([record]).write_parquet(tmp_path / "l.parquet")
    (tmp_path / "l.jsonl").write_bytes(orjson.dumps(record))
    for rows in (
        wildchat.rows_from_parquet([tmp_path / "l.parquet"]),
        wildchat.rows_from_records([record]),
        read_rows(tmp_path / "l.jsonl"),
    ):
        (row,) = rows
        assert (row.id, row.toxic) == ("c7", flagged)


@pytest.mark.parametrize("nothing", [None, "", " ", "nan", "N/A"])
def test_a_moderations_answer_fills_gaps_in_toxic(tmp_path, nothing):
    """A cell that says nothing is no answer, in text and in WildChat's Parquet."""
    turns, answers = [{"role": "user", "content": "hello"}], [{"flagged": True}]
    record = {"conversation": turns, "openai_moderation": answers, "prompt": "hello"}
    records = [{**record, "toxic": nothing}] * 2
    (tmp_path / "p.jsonl").write_bytes(orjson.dumps(records[0]))
    gaps = pl.Series("toxic", [None, None if nothing is None else False], dtype=pl.Boolean)
    pl.DataFrame(records).with_columns(gaps).write_parquet(tmp_path / "p.parquet")
    (row,) = read_rows(tmp_path / "p.jsonl")
    assert row.toxic
    said = [row.toxic for row in wildchat.rows_from_parquet([tmp_path / "p.parquet"])]
    assert said == [True, nothing is None]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (0, "0"),
        (0.0, "0"),
        (7.0, "7"),
        ("0", "0"),
        (0.5, "0.5"),
        (None, "row1"),
        ("", "row1"),
        (" ", "row1"),
    ],
)
def test_nought_is_an_id(tmp_path, found, expected):
    """In a file of one's own and in conversations; only what is empty is missing."""
    (tmp_path / "p.jsonl").write_bytes(orjson.dumps({"id": found, "prompt": "hello"}))
    (row,) = read_rows(tmp_path / "p.jsonl")
    assert row.id == expected
    turns = [{"role": "user", "content": "hello"}]
    (row,) = wildchat.rows_from_records([{"conversation_hash": found, "conversation": turns}])
    assert row.id == expected


def test_ids_of_bytes_are_digits(tmp_path):
    """A UUID's sixteen bytes in hexadecimal, not Python's way to write them."""
    pl.DataFrame({"id": [bytes(range(250, 256))], "prompt": ["hello"]}).write_parquet(
        tmp_path / "p.parquet"
    )
    (row,) = read_rows(tmp_path / "p.parquet")
    assert row.id == "fafbfcfdfeff"
