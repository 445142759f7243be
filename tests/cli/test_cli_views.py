"""The command line on a store of two judges, and what else it can be asked for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys

import pytest
from tests.cli.test_cli import verbs
from tests.planted.server import Config, serve
from tests.planted.studies import cli, study_text

WORDS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A folder with a store of two models and two judges; the server still answers."""
    folder = tmp_path_factory.mktemp("views")
    (folder / "traits.txt").write_text("\n".join(WORDS) + "\n")
    with serve(Config(traits=WORDS)) as server:
        text = study_text(
            server.base_url,
            traits="traits.txt",
            models={"alpha": {}, "beta": {"model": "alpha"}},
            judges={"owl": {"model": "judge"}, "jay": {"model": "judge"}},
            max_lost=0.5,
        )
        (folder / "study.toml").write_text(text)
        assert cli("run", "study.toml", cwd=folder).returncode == 0
        yield folder


@pytest.fixture
def here(judged, ethogram):
    """Run the command line in that folder."""

    def run(*words):
        os.chdir(judged)  # the fixture `ethogram` restores the working directory
        return ethogram(*words)

    return run


def test_a_judge_and_a_condition_that_never_meet_are_refused(tmp_path, ethogram):
    """Each is there, the two together are not: the text names the pairs that are."""
    rows = [
        f"m,{pair},{pair[0]},{judge},{condition}"
        for judge, condition in (("owl", "feels"), ("jay", "likes"))
        for pair in ("a,b", "b,c", "c,a")
    ]
    text = "\n".join(["model,trait_1,trait_2,winner,judge,condition", *rows])
    (tmp_path / "c.csv").write_text(text)
    for verb in ("report", "shift"):
        code, out, err = ethogram(verb, "c.csv", "--judge", "owl", "--condition", "likes")
        assert (code, out) == (2, "")
        assert "no comparisons of judge 'owl' with condition 'likes'" in err
        assert "those of 'owl' with 'feels', 'jay' with 'likes'" in err
    assert not (tmp_path / "c.html").exists()


def test_the_figure_of_a_shift_is_paired_as_the_shift_is(here, tmp_path):
    """Two models that answered the same prompts are compared prompt by prompt in a file too."""
    words = ("--only", "shift", "--format", "json", "-o", tmp_path, "--judge", "owl")
    assert here("figures", "study.db", *words)[0] == 0
    drawn = json.loads((tmp_path / "shift.json").read_text("utf-8"))
    moved = json.loads(here("shift", "study.db", "--judge", "owl", "--json")[1])
    assert moved["paired"]
    shifts = {row["trait"]: row for row in moved["shifts"]}
    rows = [row for rows in drawn["datasets"].values() for row in rows if "low" in row]
    assert {row["trait"] for row in rows} <= shifts.keys()
    assert rows
    for row in rows:
        assert row["low"] == pytest.approx(shifts[row["trait"]]["low"], rel=1e-3)


def test_a_shift_stays_within_one_judge(here):
    """Which one is said, beside the JSON; a judge that is named is used."""
    code, out, err = here("shift", "study.db", "--json")
    assert code == 0
    assert json.loads(out)
    assert err.startswith("Compared within one judge: owl (")
    named = here("shift", "study.db", "--model", "beta", "--model", "alpha", "--json")
    assert named[0] == 0
    assert here("shift", "study.db", "beta", "alpha", "--json")[1] == named[1]
    assert here("shift", "study.db", "--judge", "jay")[2] == ""
    code, _, err = here("shift", "study.db", "--judge", "joy")
    assert (code, "(did you mean 'jay'?)" in err) == (2, True)
    code, _, err = here("shift", "study.db", "--model", "alpha", "--model", "bata")
    assert (code, "(did you mean 'beta'?)" in err) == (2, True)


def test_ratings_in_the_formats_of_other_programs(here):
    """The same numbers as CSV, Markdown and JSON, of both ends alone where asked."""
    code, out, _ = here("ratings", "study.db", "--model", "alpha", "--top", 1, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, [row["judge"] for row in rows]) == (0, ["owl", "owl", "jay", "jay"])
    whole = json.loads(here("ratings", "study.db", "--format", "json")[1])["profiles"]
    assert [len(profile["ratings"]) for profile in whole] == [6] * 4
    by_trait = {r["trait"]: r["rating"] for r in whole[0]["ratings"]}
    assert float(rows[0]["rating"]) == by_trait[rows[0]["trait"]] == max(by_trait.values())
    assert float(rows[1]["rating"]) == min(by_trait.values())
    table = here("ratings", "study.db", "--top", 2, "--format", "md")[1].splitlines()
    assert len(table) == 2 + 4 * 4
    assert {line.count("|") for line in table} == {9}


def test_figures_by_name_and_of_one_model(here, tmp_path):
    """And an error where the model has no such figure or is not there."""
    words = ("figures", "study.db", "--format", "svg", "-o", tmp_path)
    code, out, _ = here(*words, "--only", "radial,ranked", "--model", "beta")
    assert code == 0
    assert {line.rpartition("/")[2] for line in out.splitlines()} == {
        "radial.svg",
        "ranked-beta.svg",
    }
    code, _, err = here(*words, "--model", "bata")
    assert (code, "(did you mean 'beta'?)" in err) == (2, True)


def test_a_report_of_one_judge(here, tmp_path):
    """Only its profiles are in it, and the work is announced."""
    code, _, err = here("report", "study.db", "-o", tmp_path / "x.html", "--judge", "jay")
    assert code == 0
    assert err.splitlines().count("writing the report ...") == 1  # and phases, if it takes long
    said = json.loads((tmp_path / "x.json").read_text())
    assert {profile["judge"] for profile in said["profiles"]} == {"jay"}
    account = " ".join(said["judge"]["sentences"])
    assert "given to jay," in account
    assert "owl" not in account
    code, _, err = here("report", "study.db", "-o", tmp_path / "y.html", "--judge", "joy")
    assert (code, "(did you mean 'jay'?)" in err) == (2, True)


def test_validity_makes_the_report_anew(here, judged):
    """Beside the store, unless somebody changed it by hand."""
    before = (judged / "study.html").read_text()
    code, out, _ = here("validity", "study.toml", "--only", "orders", "--no-correct")
    assert code == 0
    assert "Report updated: study.html" in out
    assert (judged / "study.html").read_text() != before
    (judged / "study.html").write_text("mine")
    code, _, err = here("validity", "study.toml", "--only", "orders", "--no-correct")
    assert code == 0
    assert "The report was not updated: study.html exists" in err
    assert (judged / "study.html").read_text() == "mine"


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_prints_errors_and_formats_only(here, place):
    """Before the verb or after it; the next command line talks again."""
    where = (lambda *words: ("-q", *words)) if place == "before" else (lambda *w: (*w, "--quiet"))
    assert here(*where("status", "study.db")) == (0, "", "")
    assert here(*where("shift", "study.db"))[1:] == ("", "")
    assert json.loads(here(*where("ratings", "study.db", "--json"))[1])
    code, out, err = here(*where("status", "none.db"))
    assert (code, out, err.startswith("ethogram: no store")) == (2, "", True)
    assert here("status", "study.db")[1]


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_help_names_what_is_given_and_no_types(ethogram, verb):
    """FILE, N and NAME; and every verb can be quiet."""
    _, out, _ = ethogram(*verb, "--help")
    assert not re.findall(r"<\w|\w\[|\b(?:str|int|float|Path|TEXT|INTEGER|PATH|RANGE)\b|[<>]=", out)
    if verb not in (("models",), ("reference",), ("batch",), ("labels",)):
        assert "--quiet" in out


def test_the_shell_can_complete(here, monkeypatch):
    """The script is printed, and values are completed."""
    # A worker of the tests has no shell above it that could be detected.
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    code, out, _ = here("--show-completion", "bash")
    assert (code, "_ETHOGRAM_COMPLETE" in out or "complete" in out) == (0, True)
    said = subprocess.run(
        [sys.executable, "-c", "from ethogram.cli.app import app; app(prog_name='ethogram')"],
        env={
            **os.environ,
            "_ETHOGRAM_COMPLETE": "complete_bash",
            "COMP_WORDS": "ethogram ratings --method ",
            "COMP_CWORD": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.split() == ["bradley-terry", "elo"]


def test_status_imports_nothing_that_is_slow(judged):
    """It only counts rows."""
    code = (
        "import sys; sys.argv = ['ethogram', '-q', 'status', 'study.db']\n"
        "from ethogram.cli.app import app\n"
        "app(standalone_mode=False)\n"
        "slow = {'scipy', 'altair', 'polars', 'aiohttp', 'vl_convert'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=judged, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
