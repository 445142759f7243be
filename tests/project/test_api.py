"""Every verb of the command line as a function, on one small planted study."""

from __future__ import annotations

import asyncio

import pytest
from tests.planted.answers import JudgePlan
from tests.planted.server import Config, serve
from tests.planted.studies import study_text

import ethogram

WORDS = ("warm", "blunt", "terse", "wry", "calm", "grave")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study with its checks run, and its store."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "six.txt").write_text("\n".join(WORDS), encoding="utf-8")
    config = Config(traits=WORDS, judges={"judge": JudgePlan(accuracy=0.9)})
    with serve(config) as server:
        path = folder / "study.toml"
        text = study_text(server.base_url, traits="six.txt", repeats=4, models={"a": {}, "b": {}})
        path.write_text(text, encoding="utf-8")
        loaded = ethogram.load_study(path)
        ethogram.run_study(loaded, store=folder / "s.db").raise_if_stopped()
        validity = ethogram.check_study(loaded, store=folder / "s.db")
    return folder, loaded, validity


def test_the_checks_say_what_they_measured(study):
    """`check_study` comes back with the judge's accuracy."""
    assert study[2].judges[0].accuracy.n > 0


def test_status_show_and_export(study, tmp_path):
    """They read the store by its path."""
    folder, _, _ = study
    status = ethogram.read_status(folder / "s.db")
    assert {c.stage for c in status.counts} == {"elicit", "judge"}
    assert status.spent == 0
    assert ethogram.read_trial(folder / "s.db", 1)["reply"]
    files = ethogram.export_store(folder / "s.db", tmp_path, tables=["trials"], file_format="csv")
    asked = sum(c.planned for c in status.counts if not c.judge)
    exams = sum(c.planned for c in status.counts if c.part == "exemplar") // 2  # in both orders
    assert exams > 0
    assert files == {tmp_path / "trials.csv": asked + exams}


def test_ratings_plain_and_corrected(study):
    """Both are sequences of profiles; a comparison file cannot be corrected."""
    folder, _, _ = study
    plain = ethogram.read_profiles(folder / "s.db")
    assert [p.model for p in plain] == ["a", "b"]
    assert len(plain) == 2
    assert plain[0].model == "a"
    corrected = ethogram.read_profiles(folder / "s.db", corrected=True, model="a")
    assert len(corrected) + len(corrected.unrated) == 1
    with pytest.raises(ethogram.EthogramError, match="is not a store"):
        ethogram.read_profiles(folder / "x.csv", corrected=True)


def test_what_cannot_be_rated_comes_back_with_its_reason(tmp_path):
    """Two groups of traits that never meet are no profile, and are not left out in silence."""
    path = tmp_path / "apart.csv"
    path.write_text("model,trait_1,trait_2,winner\nm,a,b,a\nm,c,d,c\n", encoding="utf-8")
    rated = ethogram.read_profiles(path)
    assert len(rated) == 0
    assert "never meet" in rated.unrated[0].reason


def test_report_and_figures(study, tmp_path):
    """They write what the command line writes."""
    folder, _, _ = study
    page = ethogram.write_report(folder / "s.db", tmp_path / "s.html", corrections=False)
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert (tmp_path / "s.json").exists()
    pictures = ethogram.save_figures(folder / "s.db", tmp_path / "f", formats=["json"])
    assert (tmp_path / "f" / "radial.json") in pictures


def test_a_figure_of_a_store_of_profiles_and_of_a_shift(study):
    """`figure` takes whatever holds profiles; two models of a store are paired by prompt."""
    store = study[0] / "s.db"
    rated = ethogram.read_profiles(store)
    assert ethogram.figure("radial", store).name == "radial"
    assert ethogram.figure("radial", rated[0]).name == "radial"
    assert ethogram.figure("ranked", rated, models=["b"]).name.startswith("ranked")
    assert ethogram.figure("ranks", {p.model: p for p in rated}).name == "ranks"
    paired = ethogram.figure("shift", store, models=["b", "a"])
    assert paired.caption.startswith("a minus b")
    assert "paired by" in paired.caption
    moved = ethogram.shift(*rated)
    assert ethogram.figure("shift", moved).caption == moved.plot().caption
    assert "independent" in moved.plot().caption


def test_a_figure_shows_itself_without_a_network(study):
    """A notebook gets a picture, title and caption included, and no script."""
    drawn = ethogram.figure("radial", study[0] / "s.db")
    bundle = drawn._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"image/svg+xml", "text/plain"}
    assert bundle["image/svg+xml"].startswith("<svg")
    assert drawn.title in bundle["image/svg+xml"]
    assert "<script" not in bundle["image/svg+xml"]


def test_a_run_shows_what_it_did(study, tmp_path):
    """Calls, cost, counts and, where it stopped, why."""
    folder, loaded, validity = study
    done = ethogram.run_study(loaded, store=folder / "s.db")
    assert repr(done) == f"<StudyRun into {folder / 's.db'}: 0 calls in this run, $0.0000.>"
    counts = done.counts[0]
    cells = f">{counts.planned:,}</td><td"
    assert cells in done._repr_html_()
    stopped = ethogram.run_study(loaded, store=tmp_path / "new.db")  # the server has gone
    assert f"Stopped: {stopped.run.stopped}" in str(stopped)
    assert validity.judges[0].sentence in str(validity)


def test_progress_of_a_run_is_silent_unless_asked_for(study, tmp_path, capsys):
    """Output that is captured is no terminal; `progress=True` writes to standard error."""
    _, loaded, _ = study
    ethogram.run_study(loaded, store=tmp_path / "one.db")
    assert capsys.readouterr() == ("", "")
    ethogram.run_study(loaded, store=tmp_path / "two.db", progress=True)
    out, error = capsys.readouterr()
    assert not out
    assert error.startswith("stage")


def test_a_run_inside_a_running_loop(study, tmp_path):
    """As in a notebook, whose loop runs already."""

    async def cell():
        return ethogram.run_study(study[1], store=tmp_path / "new.db")

    assert asyncio.run(cell()).counts


def test_a_run_says_its_error_in_one_way(study, tmp_path):
    """What stops a run midway is in the run, and is raised where that is asked for."""
    _, loaded, _ = study
    run = ethogram.run_study(loaded, store=tmp_path / "new.db")  # the server has gone
    assert run.run.stopped is not None
    with pytest.raises(ethogram.EthogramError, match="calls in a row"):
        run.raise_if_stopped()


def test_models_are_checked(study):
    """A server that has gone answers no call."""
    assert not any(check.ok for check in ethogram.check_models(study[1]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, out: ethogram.export_store(s, out, file_format="xlsx"), "parquet, csv, jsonl"),
        (
            lambda s, out: ethogram.export_store(s, out, tables=["trials", "nope"]),
            "no table 'nope'",
        ),
        (lambda s, out: ethogram.export_store(s, s), "cannot be written"),
        (lambda s, out: ethogram.save_figures(s, s), "cannot be written"),
        (lambda s, out: ethogram.save_figures(s, out, seed=-1), "seed is -1"),
        (lambda s, out: ethogram.save_figures("", out), "is a folder, expected a store"),
        (
            lambda s, out: ethogram.read_profiles(s, method="nope", corrected=True),
            "method 'nope'",
        ),
        (lambda s, out: ethogram.read_profiles(s, method="elo", corrected=True), "bradley-terry"),
        (lambda s, out: ethogram.read_profiles(s, model="nope"), "no comparisons of 'nope'"),
        (lambda s, out: ethogram.read_profiles(s, model="nope", corrected=True), "of 'nope'"),
        (lambda s, out: ethogram.read_trial(s, 2**70), "no trial"),
        (lambda s, out: ethogram.figure("radail", s), "did you mean 'radial'"),
        (lambda s, out: ethogram.figure("radial", s, models=["c"]), "model is 'c'"),
        (lambda s, out: ethogram.figure("ranked", s), "name one of a, b"),
        (lambda s, out: ethogram.figure("radial", []), "no profiles to draw"),
        (lambda s, out: ethogram.figure("radial", [3]), "source holds 3, expected profiles"),
        (
            lambda s, out: ethogram.figure("radial", ethogram.shift(*ethogram.read_profiles(s))),
            "figure 'radial' of a shift",
        ),
    ],
)
def test_a_wrong_argument_is_one_clear_error(study, tmp_path, call, words):
    """It names the value, and nothing is written."""
    out = tmp_path / "out"
    with pytest.raises(ethogram.EthogramError, match=words):
        call(study[0] / "s.db", out)
    assert not out.exists()


def test_an_unknown_check_makes_no_store(study, tmp_path):
    """It is refused before anything is planned."""
    with pytest.raises(ethogram.EthogramError, match="no check 'nope'"):
        ethogram.run_study(study[1], store=tmp_path / "new.db", checks=["nope"])
    assert not (tmp_path / "new.db").exists()
