"""`ethogram diff`: every exit code, what is printed, written, refused and kept."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from xml.etree import ElementTree as xml

import pytest
from tests.planted.simulated_store import fill_store

from ethogram.store.gates import gate_runs
from ethogram.store.store import Store

WORDS = (
    *("warm", "blunt", "terse", "wry", "calm", "grave", "poetic", "pedantic", "playful"),
    *("patient", "bold", "humble"),
)
PASSES = "[others]\nmoves_at_most = 5000\n"
FAILS = "[traits.warm]\nrises_at_least = 5000\n"
OPEN = "[traits.warm]\nmoves_at_most = 3\n"
GATES = {"pass": (PASSES, 0), "fail": (FAILS, 1), "undecided": (OPEN, 3)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a store of three models, and one of another design."""
    folder = tmp_path_factory.mktemp("diff")
    fill_store(folder / "a.db", traits=WORDS, models=("v1", "v2", "v3"), own=0.3, seed=1)
    fill_store(folder / "b.db", traits=WORDS, models=("v1",), own=0.3, seed=2)
    return folder


@pytest.fixture
def here(made, tmp_path):
    """Return a folder of the test's own, with copies of the stores and a gate per verdict."""
    for path in made.glob("*.db"):
        shutil.copy(path, tmp_path)
    for name, (text, _) in GATES.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("verdict", GATES)
def test_the_exit_code_is_the_verdict_that_is_printed(ethogram, here, verdict):
    """0 pass, 1 fail, 3 undecided; in JSON, JUnit, Markdown and on the terminal alike."""
    code, said, _ = ethogram(
        *("diff", "a.db", "--models", "v1,v2", "--gate", f"{verdict}.toml"),
        *("--junit", "out/j.xml", "--markdown", "out/m.md"),
    )
    assert code == GATES[verdict][1]
    assert f"{verdict.upper()}: gate {verdict}" in said
    assert (here / "out" / "m.md").read_text("utf-8").startswith(f"**{verdict.upper()}: gate")
    suite = xml.parse(here / "out" / "j.xml").getroot()[0]
    bad = {"pass": (0, 0), "fail": (1, 0), "undecided": (0, 1)}[verdict]
    assert (int(suite.get("failures")), int(suite.get("skipped"))) == bad
    again, said, _ = ethogram(
        *("diff", "a.db", "v1", "v2", "--gate", f"{verdict}.toml", "--json", "-q"),
    )
    assert (again, json.loads(said)["verdict"]) == (code, verdict)


def test_without_a_gate_the_code_is_0_whatever_moved(ethogram, here):
    """Rising and falling is no error; every trait that is named has a row."""
    code, said, _ = ethogram("diff", "a.db", "v1", "v2", "--traits", "warm,blunt")
    assert code == 0
    assert "of 2 traits moved" in said
    assert re.search(r"^warm .* (risen|fallen|not shown to have moved)$", said, re.MULTILINE)
    assert "97.5% each, Bonferroni" in said


def test_the_forms_of_two_sides_are_the_same_difference(ethogram, here):
    """Two models of one store, by option or place, and the same store twice."""
    forms = (
        ("a.db", "v1", "v2"),
        ("a.db", "--models", "v1,v2"),
        ("a.db", "--models", "v1", "--models", "v2"),
        ("a.db", "a.db", "--models", "v1,v2"),
    )
    rows = [json.loads(ethogram("diff", *form, "--json")[1])["rows"] for form in forms]
    assert all(one == rows[0] for one in rows)


def test_an_export_is_the_same_side_as_its_store(ethogram, here):
    """Paired by prompt all the same; that its templates are not known is said."""
    ethogram("export", "a.db", "-o", "out", "--table", "comparisons", "--format", "csv")
    plain = json.loads(ethogram("diff", "a.db", "v1", "v2", "--json")[1])
    _, said, errors = ethogram("diff", "a.db", "out/comparisons.csv", "--models", "v1,v2", "--json")
    mixed = json.loads(said)
    assert not errors
    assert mixed["paired"] == "prompts"
    assert mixed["n_shared"] == plain["n_shared"]
    assert [r["shift"] for r in mixed["rows"]] == [r["shift"] for r in plain["rows"]]
    assert any("not known which templates" in note for note in mixed["notes"])
    assert not any("not known which templates" in note for note in plain["notes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.db",), "sets of comparisons fit in a.db.*--models BEFORE,AFTER"),
        (("a.db", "v1", "v9"), "no comparisons of model 'v9'"),
        (("a.db", "v1", "v2", "v3"), "4 names given"),
        (("none.db", "a.db"), "no store at none.db"),
        (("a.db", "v1", "v1"), "v1 in a.db and v1 in a.db hold the same verdicts"),
        (("a.db", "copy.db", "--models", "v1,v1"), "v1 in copy.db hold the same verdicts"),
        (("reference:gpt-5.1", "reference:gpt-5.1"), "hold the same verdicts"),
        (("a.db", "v1", "v2", "--gate", "none.toml"), "none.toml: No such file"),
        (("a.db", "v1", "v2", "--gate", "bad.toml"), "did you mean 'warm'"),
        (("a.db", "v1", "v2", "--traits", "wram"), "did you mean 'warm'"),
        (("a.db", "v1", "v2", "--traits", "warm", "--gate", "pass.toml"), "the gate names"),
        (("a.db", "b.db", "--models", "v1,v1"), "design differs"),
        (("a.db", "b.db", "--models", "v1,v1", "--despite", "judg"), "did you mean 'judge'"),
        (("a.db", "reference:gpt-5.1", "--models", "v1"), "the published study's"),
        (("a.db", "reference:gpt-5", "--models", "v1"), "did you mean 'gpt-5.1'"),
        (("reference:gpt-5.1",), "is one profile, expected two"),
        (("a.db", "v1", "v2", "--junit", "j.xml"), "--junit needs a gate"),
        (("a.db", "v1", "v2", "--gate", "pass.toml", "--junit", "pass.toml"), "is what is read"),
        (("a.db", "v1", "v2", "--markdown", "a.db"), "is what is read"),
        (("a.db", "v1", "v2", "--chart", "c.svg"), "needs --since"),
        (("a.db", "--since", "v1", "--chart", "c.gif"), "a chart ends in .svg"),
        (("a.db", "--since", "v1", "--gate", "pass.toml"), "without a gate"),
        (("a.db", "--since", "v3"), "no release after 'v3'"),
        (("a.db", "--since", "v9"), "no comparisons of model 'v9'"),
    ],
)
def test_what_cannot_be_decided_is_code_2_and_a_line(ethogram, here, words, said):
    """Nothing is printed but the reason; no verdict is kept."""
    shutil.copy(here / "a.db", here / "copy.db")
    (here / "bad.toml").write_text('[traits.wram]\nmust = "rise"\n', encoding="utf-8")
    code, out, errors = ethogram("diff", *words)
    assert code == 2
    assert not out
    assert re.search(said, errors)
    assert all(line.startswith("ethogram: ") for line in errors.splitlines())
    with Store.read(here / "a.db") as store:
        assert gate_runs(store) == ()


def test_accepted_differences_stand_in_every_output(ethogram, here):
    """Whoever reads the comment or the test cases knows as well."""
    words = ("diff", "a.db", "b.db", "--models", "v1,v1", "--despite", "design,prompts")
    code, said, _ = ethogram(
        *words, "--gate", "pass.toml", "--junit", "j.xml", "--markdown", "m.md"
    )
    assert code == 0
    value = json.loads(ethogram(*words, "--json")[1])
    assert [line.split(":")[0] for line in value["accepted"]] == ["design", "prompts"]
    comment = (here / "m.md").read_text("utf-8").replace("&#95;", "_")
    for text in (said, comment, (here / "j.xml").read_text("utf-8")):
        assert all(f"Accepted although it differs: {line}" in text for line in value["accepted"])


def test_a_published_profile_can_be_compared_if_all_that_differs_is_accepted(ethogram, here):
    """On shared traits; its side cannot grow."""
    words = ("reference:gpt-5.1", "a.db", "--models", "v1")
    despite = ("--despite", "design,prompts,templates,judge")
    code, said, errors = ethogram("diff", *words, *despite, "--json")
    assert (code, errors) == (0, "")
    value = json.loads(said)
    assert (value["before"], value["after"], value["paired"]) == ("gpt-5.1", "v1", "")
    assert len(value["accepted"]) == 4


def test_each_run_of_a_gate_is_kept_in_the_store_of_after(ethogram, here):
    """With its rows as they were decided; without a gate nothing is."""
    for verdict in GATES:
        ethogram("diff", "a.db", "v1", "v2", "--gate", f"{verdict}.toml")
    ethogram("diff", "a.db", "v1", "v2")
    with Store.read(here / "a.db") as store:
        runs = gate_runs(store)
    assert [run.gate for run in runs] == list(GATES)
    assert [str(run.verdict) for run in runs] == list(GATES)
    assert all((run.before, run.after) == ("v1 in a.db", "v2") for run in runs)
    assert len(runs[0].rows) == len(WORDS)


def test_a_verdict_that_cannot_be_kept_is_given_all_the_same(ethogram, here):
    """A store in use, or a comparison file, which has no history."""
    with Store.open(here / "a.db"):
        code, said, errors = ethogram("diff", "a.db", "v1", "v2", "--gate", "fail.toml")
    assert code == 1
    assert "FAIL" in said
    assert "not kept in the store's history" in errors
    ethogram("export", "a.db", "-o", "out", "--table", "comparisons", "--format", "csv")
    file = "out/comparisons.csv"
    code, _, errors = ethogram("diff", file, "--models", "v1,v2", "--gate", "fail.toml")
    assert (code, errors) == (1, "")


def test_the_history_is_a_figure_of_the_report_and_a_file(ethogram, here):
    """After one run too; the figure is there by name."""
    ethogram("diff", "a.db", "v1", "v2", "--gate", "undecided.toml")
    assert ethogram("report", "a.db")[0] == 0
    page = (here / "a.html").read_text("utf-8")
    assert 'id="gates"' in page
    assert "The gate “undecided” over time" in page
    numbers = json.loads((here / "a.json").read_text("utf-8"))
    assert [run["verdict"] for run in numbers["gate_runs"]] == ["undecided"]
    code, said, _ = ethogram("figures", "a.db", "--only", "gates", "--format", "svg")
    assert (code, said.strip()) == (0, "figures/gates.svg")
    assert "undecided" in (here / "figures" / "gates.svg").read_text("utf-8")


def test_what_is_not_known_or_missing_is_said(ethogram, here):
    """Losses of each side, and that nobody tried the judge."""
    notes = json.loads(ethogram("diff", "a.db", "v1", "v2", "--json")[1])["notes"]
    assert any("planned comparisons of v1 in a.db have no verdict" in note for note in notes)
    assert any("no planted replies are there" in note for note in notes)


def test_a_store_without_a_history_has_no_such_figure(ethogram, here):
    """Asked for by name, it says what it is drawn of."""
    ethogram("report", "a.db")
    assert 'id="gates"' not in (here / "a.html").read_text("utf-8")
    code, _, errors = ethogram("figures", "a.db", "--only", "gates")
    assert code == 2
    assert "ethogram diff --gate" in errors


def test_an_older_store_is_compared_after_it_was_updated(ethogram, here):
    """Until then it says what to do, as other verbs do."""
    with sqlite3.connect(here / "a.db") as db:
        for table in ("label", "label_item", "label_stratum", "label_draw", "gate_run"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX trial_after")
        for column in ("after", "turn", "wording"):
            db.execute(f"ALTER TABLE trial DROP COLUMN {column}")
        db.execute("PRAGMA user_version = 6")
    code, _, errors = ethogram("diff", "a.db", "v1", "v2", "--gate", "pass.toml")
    assert code == 2
    assert "written by an older version" in errors
    Store.open(here / "a.db").close()
    assert ethogram("diff", "a.db", "v1", "v2", "--gate", "pass.toml")[0] == 0


def test_drift_compares_later_releases_with_one_before_them(ethogram, here):
    """In the order of the study file, or as named; the chart is written."""
    code, said, _ = ethogram(
        *("diff", "a.db", "--since", "v1", "--traits", "warm,calm", "--chart", "d.svg"),
    )
    assert code == 0
    assert re.findall(r"^(?:warm|calm) +(v\d)", said, re.MULTILINE) == ["v2", "v3"] * 2
    drawn = (here / "d.svg").read_text("utf-8")
    assert all(text in drawn for text in ("warm", "calm", "v2", "v3", "Drift since v1"))
    value = json.loads(ethogram("diff", "a.db", "--since", "v1", "--json")[1])
    assert [one["after"] for one in value["releases"]] == ["v2", "v3"]
    assert [round(one["joint_level"], 4) for one in value["releases"]] == [0.9696, 0.9924]
    named = ethogram("diff", "a.db", "--since", "v2", "--models", "v3,v1", "--json")[1]
    assert [one["after"] for one in json.loads(named)["releases"]] == ["v3", "v1"]


def test_two_published_profiles_are_compared_by_their_names(ethogram, tmp_path):
    """No call, no file; a gate decides there too."""
    (tmp_path / "g.toml").write_text("[overall]\ndistance_at_most = 50\n", encoding="utf-8")
    code, said, _ = ethogram("reference", "diff", "trinity-mini", "gpt-5.1")
    assert code == 0
    assert "of 144 traits moved" in said
    code, said, _ = ethogram("reference", "diff", "trinity-mini", "gpt-5.1", "--gate", "g.toml")
    assert (code, "FAIL" in said) == (1, True)
    code, _, errors = ethogram("reference", "diff", "trinity-mini", "gpt-4o")
    assert (code, "no published profile 'gpt-4o'" in errors) == (2, True)
