"""Errors: one line per problem, and a guess where a name is near one that is known."""

from __future__ import annotations

import pickle

import pytest

import ethogram
from ethogram.errors import EthogramError, InputError, Problems, StudyError, guess


@pytest.mark.parametrize(
    ("name", "near"),
    [("openia", "openai"), ("OpenAI", "openai"), ("bundeld", "bundled"), ("zzz", None)],
)
def test_only_a_near_name_is_offered(name, near):
    """Whatever its case; a name that is known needs no guess."""
    known = ("openai", "openrouter", "bundled")
    assert guess(name, known) == (f" (did you mean {near!r}?)" if near else "")
    assert guess("openai", known) == ""


def test_an_error_of_several_problems_has_a_line_for_each():
    """Line breaks inside a problem are none between problems, also after it was pickled."""
    error = StudyError("one\nthing", "another")
    assert error.lines == ("one thing", "another")
    assert str(pickle.loads(pickle.dumps(error))) == "one thing\nanother"


def test_problems_are_gathered_and_raised_together():
    """One as it is, several as one error, the rest counted; none, and nothing happens."""
    problems = Problems(most=2)
    problems.raise_any()
    with problems.gather():
        raise StudyError("a")
    with pytest.raises(StudyError, match=r"^a$"):
        problems.raise_any()
    for text in ("b", "c", "d"):
        with problems.gather():
            raise InputError(text)
    with pytest.raises(EthogramError) as caught:
        problems.raise_any()
    assert caught.value.lines == ("a", "b", "and 2 more like these")


def test_several_bad_rows_of_a_file_are_shown(tmp_path):
    """The first five with their lines, and how many more there are."""
    rows = [f"m,calm,bold,{'loud' if i % 2 else 'calm'}" for i in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["model,trait_1,trait_2,winner", *rows, "m,a,a,a"]))
    with pytest.raises(InputError) as caught:
        ethogram.read_source(tmp_path / "x.csv")
    assert [line.partition(": ")[0][-6:].strip() for line in caught.value.lines[:5]] == [
        "line 3",
        "line 5",
        "line 7",
        "line 9",
        "ine 11",
    ]
    assert caught.value.lines[5:] == ("and 16 more like these",)


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda s: ethogram.read_profiles(s, method="bradly-terry"), "bradley-terry"),
        (lambda s: ethogram.read_profiles(s, model="gtp-5"), "gpt-5"),
        (lambda s: ethogram.read_source(s, form="aerna"), "arena"),
        (lambda s: ethogram.save_figures(s, s.parent / "f", formats=("sgv",)), "svg"),
        (lambda s: ethogram.save_figures(s, s.parent / "f", judge="oowl"), "owl"),
        (lambda s: ethogram.save_figures(s, s.parent / "f", condition="feel"), "feels"),
        (lambda s: ethogram.read_source(s.with_name("y.csv")), "modle"),
    ],
)
def test_what_is_named_wrongly_is_guessed(tmp_path, call, near):
    """Methods, models, forms, formats, judges, conditions and columns."""
    pairs = ("calm,bold,calm", "bold,dry,dry", "dry,calm,calm")
    rows = "\n".join(f"gpt-5,{pair},owl,feels" for pair in pairs)
    for name, column in (("x.csv", "model"), ("y.csv", "modle")):
        head = f"{column},trait_1,trait_2,winner,judge,condition"
        (tmp_path / name).write_text(f"{head}\n{rows}\n")
    with pytest.raises(InputError, match=rf"\(did you mean '{near}'\?\)"):
        call(tmp_path / "x.csv")
