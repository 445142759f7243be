"""Exemplars are read from files of people's own, and traits are near or far in meaning."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import combinations

import pytest

from ethogram.errors import InputError
from ethogram.stimuli.exemplars import (
    WRITTEN,
    Exemplar,
    load_exemplars,
    near_traits,
    pair_class,
)
from ethogram.stimuli.traits import load_traits

ROWS = [
    {"trait": "warm", "prompt": "My cat died.", "reply": "Oh, I am so sorry. Come, sit with me."},
    {"trait": "blunt", "prompt": "Is my poem good?", "reply": "No. Cut all but the last line."},
]


def write_jsonl(path, rows):
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path, rows):
    """Write rows as CSV, with the columns of the first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


WRITERS = {"own.jsonl": write_jsonl, "own.csv": write_csv}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Return a function that writes rows to a file, as JSON lines and as CSV."""
    return lambda rows: WRITERS[request.param](tmp_path / request.param, rows)


def test_a_file_of_ones_own_is_read_in_order(write):
    """Trait, prompt and reply come as they stand, and the set is called like the file."""
    found = load_exemplars(write(ROWS))
    assert found.name == "own"
    assert found.exemplars == tuple(Exemplar(**row) for row in ROWS)
    assert found.traits == ("warm", "blunt")


def test_a_relative_path_starts_from_the_base(tmp_path):
    """As every path in a study file does."""
    write_jsonl(tmp_path / "mine.jsonl", ROWS)
    assert len(load_exemplars("mine.jsonl", base=tmp_path)) == 2


def test_further_columns_and_stray_spaces_do_no_harm(write):
    """Who wrote a reply may stand beside it; spaces around a text are no part of it."""
    rows = [{"author": "Ann", **ROWS[0], "reply": "  Oh, come here. \n"}]
    (found,) = load_exemplars(write(rows)).exemplars
    assert found == Exemplar("warm", "My cat died.", "Oh, come here.")


def test_one_reply_may_show_two_traits_and_one_prompt_have_two_replies(write):
    """Only the same three texts are the same exemplar."""
    rows = [
        ROWS[0],
        {**ROWS[0], "trait": "gentle"},
        {**ROWS[0], "reply": "Poor you. Tea?"},
    ]
    assert len(load_exemplars(write(rows))) == 3


@pytest.mark.parametrize("missing", ["trait", "prompt", "reply"])
def test_a_missing_column_is_named_with_what_is_there(write, missing):
    """The text says which of the three is not there, in which row, and which columns are."""
    rows = [{key: value for key, value in row.items() if key != missing} for row in ROWS]
    there = ", ".join(rows[0])
    path = write(rows)
    with pytest.raises(InputError) as caught:
        load_exemplars(path)
    assert f"no {missing}; expected trait, prompt and reply, has {there}" in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("empty", ["", "   ", "\n\t", "\u00a0"])
@pytest.mark.parametrize("column", ["trait", "prompt", "reply"])
def test_an_empty_cell_is_refused_with_its_place(write, column, empty):
    """The second row's cell is empty or blank: that row is named, and the first is not."""
    path = write([ROWS[0], {**ROWS[1], column: empty}])
    last = 1 + path.read_text().rstrip().count("\n")  # of a CSV cell with a break: its last line
    with pytest.raises(InputError) as caught:
        load_exemplars(path)
    assert f"{path}, line {last}: the {column} is empty" in str(caught.value)


@pytest.mark.parametrize("again", [{}, {"reply": f" {ROWS[0]['reply']}\n"}])
def test_the_same_exemplar_twice_is_refused_with_both_places(tmp_path, again):
    """It would count twice; stray spaces do not make it another."""
    path = write_jsonl(tmp_path / "own.jsonl", [*ROWS, {**ROWS[0], **again}])
    with pytest.raises(InputError, match="line 3: the same exemplar as at line 1"):
        load_exemplars(path)


def test_the_case_of_the_trait_does_not_make_it_another(tmp_path):
    """WARM is warm in a study, where the exemplar would count twice."""
    path = write_jsonl(tmp_path / "own.jsonl", [*ROWS, {**ROWS[0], "trait": "WARM"}])
    with pytest.raises(InputError, match="line 3: the same exemplar as at line 1"):
        load_exemplars(path)


@pytest.mark.parametrize("unseen", ["\u200b", " \u2060\ufeff ", "\u00ad", "\u2800"])
def test_a_reply_that_nobody_can_see_is_empty(write, unseen):
    """Of spaces without width, soft hyphens, blank braille."""
    with pytest.raises(InputError, match="the reply is empty"):
        load_exemplars(write([ROWS[0], {**ROWS[1], "reply": unseen}]))


@pytest.mark.parametrize("value", [["Hello", "you"], {"text": "Hello"}, []])
@pytest.mark.parametrize("column", ["trait", "prompt", "reply"])
def test_a_cell_that_is_no_text_is_refused(tmp_path, column, value):
    """A list of turns is not taken for a reply by its JSON."""
    path = write_jsonl(tmp_path / "own.jsonl", [ROWS[0], {**ROWS[1], column: value}])
    with pytest.raises(InputError, match=f"line 2: the {column} is .*, expected a text"):
        load_exemplars(path)


def test_a_column_that_is_nowhere_is_said_once(write):
    """One fault is one line, however many rows have it."""
    with pytest.raises(InputError) as caught:
        load_exemplars(write([{"trait": row["trait"], "reply": row["reply"]} for row in ROWS]))
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize("name", ["wa\u0007rm", "warm\u0000"])
def test_a_trait_that_is_no_name_is_refused_with_its_place(tmp_path, name):
    """A control character in it."""
    path = write_jsonl(tmp_path / "own.jsonl", [ROWS[0], {**ROWS[1], "trait": name}])
    with pytest.raises(InputError, match="line 2"):
        load_exemplars(path)


def test_a_trait_is_spelled_as_everywhere(tmp_path):
    """A decomposed accent and a double space are the same name as the composed one."""
    rows = [{**ROWS[0], "trait": "nai\u0308ve  soul"}]
    assert load_exemplars(write_jsonl(tmp_path / "own.jsonl", rows)).traits == ("naïve soul",)


def test_every_bad_row_is_named_up_to_five(tmp_path):
    """Six bad rows: five with their lines, and that there is one more."""
    rows = [{**ROWS[0], "reply": ""}] * 6
    with pytest.raises(InputError) as caught:
        load_exemplars(write_jsonl(tmp_path / "own.jsonl", rows))
    said = str(caught.value)
    assert [f"line {n}:" in said for n in range(1, 7)] == [True] * 5 + [False]
    assert "1 more" in said


def test_a_file_that_is_not_there_is_named(tmp_path):
    """Neither a set's name nor a file: both are said."""
    with pytest.raises(InputError, match="'writen144' is neither the set written144 nor a file"):
        load_exemplars("writen144", base=tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("page.jsonl", b"<!doctype html><html><body>Not found</body></html>"),
        ("half.jsonl", b'{"trait": "warm", "prompt": "Hi'),
        ("list.jsonl", b"[1, 2, 3]\n"),
        ("head.csv", b"trait,prompt,reply\n"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path, name, content):
    """An empty file, a web page, half a line, other JSON, a head alone: each is named."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_exemplars(tmp_path / name)


def test_a_file_called_like_the_set_is_read_by_its_path(tmp_path):
    """`./written144` is a file; the bare name is the set that comes with ethogram."""
    path = write_jsonl(tmp_path / "written144.jsonl", ROWS)
    found = load_exemplars(path)
    assert len(found) == 2
    assert found.name == "written144.jsonl"  # what a judge makes of it is not of the set
    assert len(load_exemplars(WRITTEN, base=tmp_path)) == 432


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my.v1.jsonl", "my.v1"),
        ("my.v2.JSONL", "my.v2"),
        (".hidden.jsonl", ".hidden"),
        ("a.jsonl.gz", "a"),
    ],
)
def test_a_set_is_called_like_its_file_without_the_ending(tmp_path, file, name):
    """Two versions have two names, and no set has none."""
    path = tmp_path / file
    if file.endswith(".gz"):
        path.write_bytes(gzip.compress(json.dumps(ROWS[0]).encode()))
    else:
        write_jsonl(path, ROWS)
    assert load_exemplars(path).name == name


def test_the_set_that_comes_with_ethogram_has_the_studys_traits():
    """By name, with no file given."""
    found = load_exemplars()
    assert found.name == WRITTEN
    assert set(found.traits) == set(load_traits("study144").names)


# -- near and far ---------------------------------------------------------------------------

STUDY = load_traits("study144").names


def test_every_near_trait_is_of_the_study():
    """A misspelt word in the groups would be near to nothing."""
    near = near_traits()
    assert set(near) <= set(STUDY)
    assert set().union(*near.values()) <= set(STUDY)


def test_near_is_mutual_and_never_with_itself():
    """If one trait is near another, so is the other to it."""
    near = near_traits()
    assert all(trait in near[other] for trait, others in near.items() for other in others)
    assert not [trait for trait, others in near.items() if trait in others]


def test_classes_are_symmetric_and_exclusive():
    """Both ways round a pair has one class, by the rule that the groups' file states."""
    near = near_traits()
    for one, other in combinations(STUDY, 2):
        found = pair_class(one, other)
        assert found == pair_class(other, one)
        assert (found == "near") == (other in near.get(one, ()))
        if found == "far":
            assert not near[one] & near[other]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abstract", "theoretical", "near"),  # one group has both
        ("Abstract", "THEORETICAL", "near"),  # as a study may spell them
        ("abstract", "academic", ""),  # in no group together; theoretical is near to both
        ("loving", "philosophical", "far"),
        ("loving", "zany-ish", ""),  # not of the study's list: nothing is known
    ],
)
def test_the_class_of_a_pair(one, other, expected):
    """Near, far, and in between, read off the groups by hand."""
    assert pair_class(one, other) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.csv", "Trait, PROMPT ,reply\ncalm,hi,all is well\n"),
        ("own.csv", "\ufeffTRAIT;Prompt;Reply\ncalm;hi;all is well\n"),
        ("own.tsv", "reply\tTrait\tprompt\nall is well\tcalm\thi\n"),
        ("own.jsonl", '{"Trait": "calm", " prompt": "hi", "REPLY": "all is well"}\n'),
        ("own.json", '[{"Trait": "calm", "Prompt": "hi", "Reply": "all is well"}]'),
    ],
)
def test_columns_are_known_whatever_their_case(tmp_path, name, content):
    """As in every other table: space around a column's name and its case do not count."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert load_exemplars(path).exemplars == (Exemplar("calm", "hi", "all is well"),)
