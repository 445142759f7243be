"""The command line: every verb has help and works, and bad input is one line and exit code 2."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib.resources import files

import polars as pl
import pytest
import typer
from tests.planted.server import Config, serve
from tests.planted.studies import cli, command, study_text

from ethogram.cli.app import app
from ethogram.cli.wrapping import WrappingConsole

WORDS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient")


def verbs():
    """Return every verb of the program, those of groups included."""
    root = typer.main.get_command(app)
    found = []
    for name, verb in root.commands.items():
        found.append((name,))
        found += [(name, inner) for inner in getattr(verb, "commands", {})]
    return found


def test_sentences_break_at_words_on_a_terminal_only():
    """Lines of at most 80 columns there, but for a path, which stays whole; piped text as it is."""
    sentence, path = ("a word and [more] " * 12).strip(), "/deep" * 30

    def said(*, terminal: bool) -> list[str]:
        file = io.StringIO()
        console = WrappingConsole(file=file, force_terminal=terminal, width=80, color_system=None)
        console.print(sentence)
        console.print(f"Report: {path}")
        return file.getvalue().splitlines()

    *lines, report, where = said(terminal=True)
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert " ".join(lines) == sentence
    assert (report, where) == ("Report:", path)
    assert said(terminal=False) == [sentence, f"Report: {path}"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a study file and its finished store; the server is gone."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "traits.txt").write_text("\n".join(WORDS) + "\n")
    with serve(Config(traits=WORDS, faults={"length": 0.1})) as server:
        text = study_text(server.base_url, traits="traits.txt", orders="both", max_lost=0.5)
        (folder / "study.toml").write_text(text)
        ended = cli("run", "study.toml", "--no-report", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def here(finished, ethogram):
    """Run the command line in the finished study's folder."""

    def run(*words):
        os.chdir(finished)  # the fixture `ethogram` restores the working directory
        return ethogram(*words)

    return run


# -- help -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_has_help(ethogram, verb):
    """Its help says in a sentence what it does, and lists its options."""
    code, out, err = ethogram(*verb, "--help")
    assert (code, err) == (0, "")
    assert f" {' '.join(verb)} " in out.splitlines()[0]
    sentence = out.split("\n\n")[1].strip()
    assert len(sentence) > 15
    assert sentence[0].isupper()


def test_the_verbs_are_complete():
    """The verbs that the documentation names are there."""
    expected = "run plan elicit judge ratings report status show export init models traits prompts"
    assert {(word,) for word in expected.split()} <= set(verbs())
    assert ("models", "check") in verbs()


def test_the_version_is_that_of_the_package(ethogram):
    """One number, in one place."""
    from importlib.metadata import version

    assert ethogram("--version") == (0, f"ethogram {version('ethogram')}\n", "")


# -- verbs that read --------------------------------------------------------------------------


def test_plan_counts_without_a_call(here):
    """The server is gone, and the plan still says what there is to do."""
    code, out, _ = here("plan", "study.toml")
    assert code == 0
    assert "Prices unknown: alpha, judge." in out
    code, out, err = here("plan", "study.toml", "--json", "--store", "another.db")
    plan = json.loads(out)
    assert (code, err, plan["trials"]) == (0, "", 30)
    assert [(r["requests"], r["pending"]) for r in plan["rows"]] == [(30, 30), (30, 30)]
    assert plan["expected_cost"] is None


def test_status_says_who_answered(here, finished, tmp_path):
    """Where a service names its providers, or Ray its nodes; by stage and name."""
    copy = tmp_path / "copy.db"
    shutil.copy(finished / "study.db", copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("UPDATE attempt SET provider = CASE WHEN id % 2 THEN 'Azure' ELSE 'ray n1' END")
        db.commit()
    told = json.loads(here("status", copy, "--json")[1])["providers"]
    assert {(one["stage"], one["provider"]) for one in told} == {
        ("elicit", "Azure"),
        ("elicit", "ray n1"),
        ("judge", "Azure"),
        ("judge", "ray n1"),
    }
    one = told[0]
    said = f"{one['stage']}, {one['name']}: answered by Azure {one['answers']:,}, ray n1"
    assert said in here("status", copy)[1]
    assert "judge, judge: answered by planted 30\n" in here("status", "study.db")[1]


def test_status_counts_by_stage_status_and_trait(here):
    """As a table and as JSON alone."""
    code, out, _ = here("status", "study.db")
    assert code == 0
    assert "elicit" in out
    code, out, err = here("status", "study.db", "--json")
    said = json.loads(out)
    assert (code, err) == (0, "")
    elicited, judged = said["stages"]
    assert (elicited["planned"], elicited["done"], elicited["pending"]) == (30, 30, 0)
    assert judged["done"] + judged["lost"] == 30
    assert judged["losses"] == {"unparsed": judged["lost"]}
    assert sum(judged["losses_by_trait"].values()) == 2 * judged["lost"] > 0


@pytest.mark.parametrize("method", ["bradley-terry", "elo"])
def test_ratings_as_json_are_that_json_alone(here, method):
    """A profile with six ratings, of mean 1000, with intervals."""
    code, out, err = here("ratings", "study.db", "--method", method, "--json")
    assert (code, err) == (0, "")
    (profile,) = json.loads(out)["profiles"]
    assert (profile["model"], profile["judge"], profile["condition"]) == ("alpha", "judge", "feels")
    assert {entry["trait"] for entry in profile["ratings"]} == set(WORDS)
    assert sum(e["rating"] for e in profile["ratings"]) == pytest.approx(6000)


def test_ratings_on_the_terminal_name_the_comparisons(here):
    """The table has every trait, the count and the kind of interval."""
    code, out, _ = here("ratings", "study.db", "--without", "truncated")
    assert code == 0
    assert all(word in out for word in WORDS)
    assert "comparisons; " in out
    assert "95%" in out


def test_published_profiles_can_be_printed(here):
    """And an unknown name is refused with those that there are."""
    code, out, _ = here("ratings", "--reference", "gpt-5.1", "--json")
    assert code == 0
    assert len(json.loads(out)["profiles"][0]["ratings"]) == 144
    code, _, err = here("ratings", "--reference", "gpt-9")
    assert code == 2
    assert "no published profile 'gpt-9'" in err
    assert "; there are claude-haiku-4.5, " in err


def test_show_prints_a_trial_in_full(here):
    """Prompt, reply, verdict and attempts; with --json the whole record."""
    code, out, _ = here("show", "study.db", 1)
    assert code == 0
    assert "trial 1: alpha" in out
    assert "verdict of judge" in out
    code, out, err = here("show", "study.db", 1, "--json")
    record = json.loads(out)
    assert (code, err, record["id"]) == (0, "", 1)
    assert record["attempts"][0]["request"]["model"] == "alpha"


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_export_writes_every_table(here, tmp_path, form):
    """Each with one row per trial, reply, verdict or comparison."""
    code, out, _ = here("export", "study.db", "-o", tmp_path, "--format", form)
    assert code == 0
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[form]
    sizes = {t: len(read(tmp_path / f"{t}.{form}")) for t in ("trials", "replies", "verdicts")}
    assert sizes == {"trials": 30, "replies": 30, "verdicts": 30}
    again = here("ratings", tmp_path / f"comparisons.{form}", "--json")
    rows = len(read(tmp_path / f"comparisons.{form}"))
    assert json.loads(again[1])["profiles"][0]["n"] == rows
    assert not list(tmp_path.glob("*.part"))
    assert out.count(" rows") == 4


def test_comparison_files_of_other_forms(here, tmp_path):
    """With --as; without it the error says which to add."""
    path = tmp_path / "battles.csv"
    path.write_text("model_a,model_b,winner\nx,y,model_a\ny,z,tie (bothbad)\nz,x,tie\n")
    code, out, err = here("ratings", path)
    assert (code, out) == (2, "")
    assert "add --as arena" in err
    code, out, _ = here("ratings", path, "--as", "arena", "--json")
    assert code == 0
    (profile,) = json.loads(out)["profiles"]
    assert (profile["model"], profile["n"], profile["ties"]) == ("battles", 3, 2)
    code, out, _ = here("report", path, "--as", "arena", "-o", tmp_path / "page.html")
    assert (code, (tmp_path / "page.html").is_file()) == (0, True)
    assert here("figures", path, "--as", "arena", "-o", tmp_path / "f", "--format", "svg")[0] == 0


# -- verbs that run ---------------------------------------------------------------------------


@pytest.fixture
def fresh(planted, ethogram, tmp_path, word_list):
    """Return a function that writes a study of 15 trials here; the server, too."""

    def write(**keys):
        server = planted(faults=keys.pop("faults", {}))
        text = study_text(server.base_url, traits=word_list(*WORDS), **keys)
        (tmp_path / "study.toml").write_text(text)
        return server

    return write


def test_running_again_makes_no_call_and_says_so(fresh, ethogram):
    """The second run has nothing to ask."""
    server = fresh()
    assert ethogram("run", "study.toml", "--no-report")[0] == 0
    code, out, _ = ethogram("run", "study.toml", "--no-report")
    assert code == 0
    assert "Nothing to ask: study.db has every answer. No call was made." in out
    assert server.stats()["requests"] == 30


def test_elicit_and_judge_are_the_two_halves_of_run(fresh, ethogram):
    """15 calls each."""
    server = fresh()
    assert ethogram("elicit", "study.toml")[0] == 0
    assert server.stats()["by_model"] == {"alpha": 15}
    assert ethogram("judge", "study.toml")[0] == 0
    assert server.stats()["by_model"] == {"alpha": 15, "judge": 15}


def test_one_model_of_several_can_be_asked(fresh, ethogram):
    """And a name that the study does not have is refused with those that it has."""
    server = fresh(models={"alpha": {}, "beta": {}})
    assert ethogram("elicit", "study.toml", "--model", "beta")[0] == 0
    assert server.stats()["by_model"] == {"beta": 15}
    code, _, err = ethogram("elicit", "study.toml", "--model", "gamma")
    assert code == 2
    assert "no [models.gamma] in the study file; it has alpha, beta" in err


def test_the_store_goes_where_it_is_told(fresh, ethogram, tmp_path):
    """`--store` names it, and no STEM.db is made."""
    fresh()
    assert ethogram("run", "study.toml", "--no-report", "--store", "mine.db")[0] == 0
    assert (tmp_path / "mine.db").is_file()
    assert not (tmp_path / "study.db").exists()


@pytest.mark.parametrize(("allowed", "code"), [(1.0, 0), (0.0, 1)])
def test_losses_over_the_stated_share_are_exit_code_1(fresh, ethogram, allowed, code):
    """What share is too large is the study's to say."""
    fresh(faults={"refusal": 0.2}, max_lost=allowed)
    found, _, err = ethogram("run", "study.toml", "--no-report")
    assert found == code
    assert ("more than max_lost = 0 allows" in err) == bool(code)


def test_models_check_calls_each_once(fresh, ethogram):
    """Latency, tokens and what was refused; exit code 1 where a model cannot be used."""
    server = fresh(models={"alpha": {"temperature": 1.0}})
    code, out, _ = ethogram("models", "check", "study.toml")
    assert code == 0
    assert "accepted; effect not verifiable: temperature, max_tokens" in out
    assert server.stats()["requests"] == 2
    fresh(models={"alpha": {"model": "alpha+fault:model_not_found"}})
    code, out, _ = ethogram("models", "check", "study.toml")
    assert code == 1
    assert "alpha: no model 'alpha+fault:model_not_found' at http://127.0.0.1:" in out
    assert "(HTTP 404: " in out


# -- verbs about stimuli and presets ----------------------------------------------------------


def test_init_writes_a_study_that_can_be_planned(ethogram, tmp_path):
    """A commented file, and a preset; neither overwrites a file that is there."""
    assert ethogram("init")[0] == 0
    assert ethogram("plan", "study.toml")[0] == 0
    assert ethogram("init", "--preset", "study2026")[0] == 0
    for name, preset in (("study", "blank"), ("study2026", "study2026")):
        kept = (files("ethogram") / f"data/presets/{preset}.toml").read_text("utf-8")
        assert (tmp_path / f"{name}.toml").read_text("utf-8") == kept
    code, _, err = ethogram("init")
    assert (code, err) == (
        2,
        "ethogram: study.toml exists: move it, name another file, or replace it with --force "
        "(in Python, force=True)\n",
    )
    assert ethogram("init", "--preset", "study1900")[0] == 2


def test_models_traits_and_prompts_are_listed(ethogram):
    """Services with the variable of their key; sets with their sizes; prompts as they are."""
    _, out, _ = ethogram("models")
    assert "openrouter" in out
    assert "OPENROUTER_API_KEY" in out
    assert "study144" in ethogram("traits")[1]
    assert len(ethogram("traits", "study144")[1].splitlines()) == 144
    code, out, _ = ethogram("prompts", "-n", 3)
    assert (code, len(out.splitlines())) == (0, 4)
    assert ethogram("prompts", "-n", 3, "--seed", 1)[1] != out


# -- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nowhere.toml"), "nowhere.toml: No such file or directory"),
        (("plan", "nowhere.toml"), "nowhere.toml: No such file or directory"),
        (("plan", "."), "Is a directory"),
        (("plan", "bad.toml"), "bad.toml is not valid TOML"),
        (("status", "nowhere.db"), "no store at nowhere.db"),
        (("ratings", "nowhere.db"), "no store at nowhere.db"),
        (("ratings", "nowhere.csv"), "nowhere.csv"),
        (("ratings", "bad.csv"), "bad.csv lacks the column 'model'"),
        (("ratings", "bad.toml"), "bad.toml cannot be read as a store: file is not a database"),
        (("ratings",), "ratings needs a store or a comparison file"),
        (("ratings", "a.db", "--method", "glicko"), "method 'glicko': expected one of"),
        (("ratings", "a.db", "--method", "ello"), "(did you mean 'elo'?)"),
        (("ratings", "a.db", "--format", "cvs"), "format is 'cvs' (did you mean 'csv'?)"),
        (("ratings", "a.db", "--top", "0"), "--top is 0, expected 1 or more"),
        (("figures", "--only", "radail"), "figure is 'radail' (did you mean 'radial'?)"),
        (("traits", "contestd40"), "(did you mean 'contested40'?)"),
        (("prompts", "bundeld"), "(did you mean 'bundled'?)"),
        (("init", "--preset", "study2025"), "(did you mean 'study2026'?)"),
        (("report", "nowhere.db"), "no store at nowhere.db"),
        (("show", "nowhere.db", "1"), "no store at nowhere.db"),
        (("export", "nowhere.db"), "no store at nowhere.db"),
        (("traits", "nowhere.txt"), "traits = 'nowhere.txt' is neither a set"),
        (("prompts", "nowhere.jsonl"), "nowhere.jsonl"),
        (("models", "check", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(ethogram, tmp_path, words, said):
    """No traceback, nothing on standard output, the file named."""
    (tmp_path / "bad.toml").write_text("[study\n" + "x" * 200)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    code, out, err = ethogram(*words)
    assert (code, out) == (2, "")
    assert err.startswith("ethogram: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("wander",),
        ("status", "a.db", "b.db"),
        ("show", "a.db", "first"),
        ("run", "a.toml", "--quickly"),
    ],
)
def test_wrong_usage_is_exit_code_2_without_a_traceback(ethogram, words):
    """The shell learns of it, and the user which word was wrong."""
    code, _, err = ethogram(*words)
    assert code == 2
    assert "Error" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "study.db", "999"), "no trial 999: ids run from 1 to 30"),
        (("ratings", "study.db", "--model", "beta"), "no comparisons of 'beta'"),
        (("ratings", "study.db", "--without", "cut"), "expected truncated or named"),
        (("export", "study.db", "--table", "birds"), "no table 'birds' to export"),
        (("export", "study.db", "-o", "study.toml"), "study.toml"),
        (("report", "study.db", "-o", "study.toml/page.html"), "study.toml"),
    ],
)
def test_what_a_store_does_not_have_is_named(here, words, said):
    """One line that says what there is instead."""
    code, out, err = here(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error(finished):
    """`ethogram ... | head -1` ends quietly."""
    words = command("ratings", "study.db", "--json")
    with subprocess.Popen(
        words, cwd=finished, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
        process.wait(120)
    assert "Traceback" not in said
