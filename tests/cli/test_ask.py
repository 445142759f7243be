"""Asking otherwise from the command line: which ways, with which table, and what is said."""

from __future__ import annotations

import json

import pytest
from tests.planted.answers import ModelPlan
from tests.planted.server import Config, serve
from tests.planted.studies import rows, study_text

WORDS = ("warm", "blunt", "poetic", "pedantic")
SMALL = "\n[breadth]\nprompts = 3\n"


@pytest.fixture
def server():
    """A model whose next tokens are half as likely each as the one before."""
    with serve(Config(traits=WORDS, models={"*": ModelPlan(ratio=0.5)})) as served:
        yield served


@pytest.fixture
def study(server, tmp_path):
    """A study file without the table of any other way of asking."""
    path = tmp_path / "study.toml"
    path.write_text(study_text(server.base_url, traits=list(WORDS)))
    return path


def test_breadth_needs_no_table(study, server, ethogram, tmp_path):
    """The default table is asked, no judge is, and the account names both conditions."""
    code, out, err = ethogram("breadth", study)
    assert code == 0, err
    assert "replies, alpha, breadth, natural: 6 of 6; lost: none." in out
    assert "replies, alpha, breadth, feels: 6 of 6; lost: none." in out
    assert "How many next words does a model consider?" in out
    asked = rows(tmp_path / "study.db", "SELECT part, count(*) FROM trial GROUP BY part")
    assert asked == [("breadth", 12), ("main", 6)]
    assert server.stats()["requests"] == 12
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM verdict") == [(0,)]


def test_breadth_is_the_way_of_that_name(study, server, ethogram):
    """With a table its values hold; afterwards `ask --only breadth` has nothing left to ask."""
    study.write_text(study.read_text() + SMALL)
    assert ethogram("breadth", study)[0] == 0
    asked = server.stats()["requests"]
    code, out, err = ethogram("ask", study, "--only", "breadth", "--json")
    assert (code, server.stats()["requests"]) == (0, asked), err
    assert list(json.loads(out)) == ["breadth"]
    assert asked == 6  # three prompts, two conditions


def test_breadth_as_json_is_json_alone(study, ethogram):
    """Its numbers, and nothing else on standard output."""
    code, out, _ = ethogram("breadth", study, "--json")
    assert (code, list(json.loads(out))) == (0, ["breadth"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the study file turns no other way of asking on: add a table such as [persistence]"),
        (("--only", "free"), "the study file has no table [free]: add it; that line"),
        (("--only", "fre"), "no way of asking 'fre' (did you mean 'free'?)"),
    ],
)
def test_what_is_not_turned_on_is_refused(study, ethogram, server, words, said):
    """One line, before anything is asked."""
    code, out, err = ethogram("ask", study, *words)
    assert (code, out, server.stats()["requests"]) == (2, "", 0)
    assert said in err
    assert err.count("\n") == 1
