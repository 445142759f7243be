"""Differences of stores: corrected where both sides have plants, and said where they are not."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.server import Config, serve
from tests.planted.studies import study_text

import ethogram
from ethogram.errors import InputError
from ethogram.ratings.gates import Bound, Gate, Kind
from ethogram.store.store import Store

WORDS = ("warm", "blunt", "terse", "wry", "calm", "grave")
BASE = {word: 0.4 * i - 1 for i, word in enumerate(WORDS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the store of a judge that sees, and of one that guesses."""
    made = tmp_path_factory.mktemp("differing")
    (made / "six.txt").write_text("\n".join(WORDS), encoding="utf-8")
    models = {"a": ModelPlan(strengths=BASE), "b": ModelPlan(strengths=BASE | {"warm": 2.5})}
    judges = {"judge": JudgePlan(accuracy=0.8), "judge-blind": JudgePlan(accuracy=0.5)}
    with serve(Config(traits=WORDS, models=models, judges=judges)) as server:
        for name, judge in (("sees", "judge"), ("blind", "judge-blind")):
            tables = {"models": {"a": {}, "b": {}}, "judges": {"owl": {"model": judge}}}
            text = study_text(
                server.base_url, traits="six.txt", repeats=16, validity=None, **tables
            )
            path = made / f"{name}.toml"
            path.write_text(f"{text}\n[validity]\nplants = 0.4\n", encoding="utf-8")
            study = ethogram.load_study(path)
            ethogram.run_study(study, store=made / f"{name}.db").raise_if_stopped()
            ethogram.run_study(
                study, store=made / f"{name}.db", checks=("plants",)
            ).raise_if_stopped()
    return made


def without_plants(folder, target, model):
    """Copy a store without the planted replies of a model."""
    shutil.copy(folder / "sees.db", target)
    with sqlite3.connect(target) as db:
        db.execute(
            "UPDATE trial SET wanted = 0 WHERE part = 'plant' AND model = "
            "(SELECT id FROM party WHERE role = 'model' AND name = ?)",
            (model,),
        )
    return target


def test_both_sides_with_plants_are_corrected(folder):
    """The shift of a judge that errs in a fifth of verdicts grows, and so does its interval."""
    found, plain = (
        ethogram.diff(folder / "sees.db", correct=correct, traits=["warm"])
        for correct in (True, False)
    )
    assert found.corrected
    assert not plain.corrected
    (row,), (other,) = found.rows, plain.rows
    assert row.interval.estimate > other.interval.estimate > 0
    assert row.interval.high - row.interval.low > other.interval.high - other.interval.low
    assert found.notes[0].startswith("Corrected for the judge's errors")
    assert any("as asked" in note for note in plain.notes)
    assert found.overall.freedom == 400  # draws of two chains, half of them for their correlation


def test_plants_on_one_side_only_correct_nothing(folder, tmp_path):
    """It is said which side has them."""
    for model in ("a", "b"):
        found = ethogram.diff(without_plants(folder, tmp_path / "c.db", model))
        other = "b" if model == "a" else "a"
        assert not found.corrected
        assert f"for {other} in" in found.notes[0]
        assert f"only, not for {model} in" in found.notes[0]


def test_a_judge_that_guesses_corrects_nothing(folder):
    """Its informedness is not clearly above zero: the uncorrected shifts are used, with a note."""
    found = ethogram.diff(folder / "blind.db")
    assert not found.corrected
    assert "not clearly above zero" in found.notes[0]
    assert found.overall.p > 0.001


def test_a_judge_of_other_settings_is_another_judge(folder):
    """Two stores of one study file but for the judge; accepted, it is said."""
    paths = folder / "sees.db", folder / "blind.db"
    with pytest.raises(InputError, match=r"judge differs.*model was judge, is judge-blind"):
        ethogram.diff(*paths, models=["a", "a"])
    found = ethogram.diff(*paths, models=["a", "a"], despite=["judge"], correct=False)
    assert found.accepted[0].startswith("judge: ")


def test_a_store_shows_what_was_read_of_it(folder):
    """Comparisons and profiles that are there already are sides too; nothing is known of them."""
    sides = ethogram.read_source(folder / "sees.db")
    found = ethogram.diff(*sides, gate=Gate((Bound("warm", Kind.MUST_RISE),)))
    plain = ethogram.diff(folder / "sees.db", correct=False, traits=["warm"])
    assert found.rows[0].interval == plain.rows[0].interval
    assert str(found.verdict) == "pass"
    assert any("it is not known which templates" in note for note in found.notes)
    with Store.read(folder / "sees.db") as store:
        assert store.query("SELECT count(*) FROM gate_run")[1] == [(0,)]
    profiles = ethogram.diff(*ethogram.read_profiles(folder / "sees.db"))
    assert profiles.shift.paired == ""


def test_releases_are_followed_with_corrections_made_once(folder):
    """Against a model before them, as `diff` compares them but for the level."""
    drift = ethogram.drift(folder / "sees.db", "a", traits=["warm"])
    assert drift.releases == ("b",)
    assert drift.differences[0].corrected
    assert drift.differences[0].level == pytest.approx(1 - 0.05 * 0.6079, abs=1e-5)
