"""Stores outlive releases: one that release 0.1 wrote opens, goes on and rates the same.

The store in `data/` was written by release 0.1 on a planted server: six traits, two models, two
judges (one by log-probabilities in both orders, one with ties), every validity check.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.planted.studies import rows

from ethogram.errors import StoreError
from ethogram.protocols.templates import _SLOTS, Templates
from ethogram.run import prepare as module
from ethogram.run.prepare import plan_into, prepare
from ethogram.store.store import Store
from ethogram.study import load_study

DATA = Path(__file__).parent / "data"


@pytest.fixture
def release(tmp_path):
    """Return the store and the study file of release 0.1, to be written to."""
    for name in ("release-0.1.toml", "six.txt"):
        shutil.copy(DATA / name, tmp_path)
    store = tmp_path / "release-0.1.db"
    store.write_bytes(gzip.decompress((DATA / "release-0.1.db.gz").read_bytes()))
    return store, tmp_path / "release-0.1.toml"


def near(one, other):
    """Whether a JSON value has all of another, numbers to 1e-9; objects may have more keys."""
    if isinstance(one, dict):
        return one.keys() >= other.keys() and all(near(one[k], other[k]) for k in other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return one == pytest.approx(other, abs=1e-9, rel=1e-9)
    return one == other


def contents(path):
    """Return every table's columns and rows, by the columns' names."""
    tables = {}
    with sqlite3.connect(path) as db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            cursor = db.execute(f"SELECT * FROM {name}")
            columns = [column[0] for column in cursor.description]
            tables[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
    return tables


def test_every_row_is_equal_after_the_migrations(release):
    """No row and no value is lost or changed; what is new has its default."""
    path, _ = release
    before = contents(path)
    Store.open(path).close()
    after = contents(path)
    assert len(before["trial"]) > 100
    for table, old in before.items():
        kept = [{name: row[name] for name in old[0]} for row in after[table]] if old else []
        assert sorted(kept, key=str) == sorted(old, key=str), table
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert {row["protocol"] for row in after["trial"]} == {"elicit"}
    cut = {row["id"] for row in after["attempt"] if row["cut"]}
    assert cut == {r["id"] for r in before["attempt"] if r["reason"] == "cut at the token limit"}
    assert cut


def test_a_store_of_the_last_release_goes_on(release, ethogram):
    """The same study asks nothing more, and its ratings and checks are those of then."""
    path, study = release
    _, said, errors = ethogram("run", study, "--store", path, "--no-report")
    assert "Nothing to ask" in said, errors
    code, said, _ = ethogram("ratings", path, "--json")
    kept = json.loads((DATA / "release-0.1.ratings.json").read_text("utf-8"))
    assert code == 0
    assert near_profiles(json.loads(said), kept)


def near_profiles(now, then):
    """Whether all numbers that release 0.1 gave of its profiles are given now; more may be.

    Sentences are put better from release to release; the numbers in caveats stay.
    """
    assert len(now["profiles"]) == len(then["profiles"]) > 0
    return now["unrated"] == then["unrated"] and all(
        near({key: mine[key] for key in theirs if key not in SENTENCES}, without_sentences(theirs))
        and list(map(numbers_in, mine["caveats"])) == list(map(numbers_in, theirs["caveats"]))
        for mine, theirs in zip(now["profiles"], then["profiles"], strict=True)
    )


SENTENCES = ("caveats", "interval")


def numbers_in(text):
    """The numbers of a sentence, in order."""
    return re.findall(r"\d[\d.,]*\d|\d", text)


def without_sentences(profile):
    """A profile's numbers and names."""
    return {key: value for key, value in profile.items() if key not in SENTENCES}


def planned(path, study):
    """Plan the study into its store again."""
    prepared = prepare(load_study(study), path)
    with Store.open(path) as store:
        return plan_into(store, prepared)


@dataclass(frozen=True)
class MoreTemplates(Templates):
    """The templates of a program that knows one more condition."""

    dreads: str = "Two words: {first}, {second}. Take the one that you dread."


def one_more_key(monkeypatch, value):
    """Make a program whose judges have one more key, plain unless said."""
    settings = module._judge_settings
    monkeypatch.setattr(
        module, "_judge_settings", lambda *a, **k: {**settings(*a, **k), "stance": value}
    )
    monkeypatch.setitem(module._DEFAULTS, "stance", "plain")


def test_a_program_with_one_more_condition_and_key_opens_the_store(release, monkeypatch, ethogram):
    """A new key is its default in a store that has none; templates not in use are not compared."""
    path, study = release
    one_more_key(monkeypatch, "plain")
    monkeypatch.setattr("ethogram.protocols.templates.Templates", MoreTemplates)
    monkeypatch.setitem(_SLOTS, "dreads", ("first", "second"))
    planned(path, study)
    _, said, _ = ethogram("run", study, "--store", path, "--no-report")
    assert "Nothing to ask" in said


def test_a_new_key_that_is_set_is_another_judge(release, monkeypatch):
    """It is named, with both values."""
    path, study = release
    one_more_key(monkeypatch, "harsh")
    with pytest.raises(StoreError, match=r"other settings \(stance was plain, is harsh\)"):
        planned(path, study)


def test_a_template_that_was_used_and_differs_is_refused(release):
    """The condition's own words are part of the answers; those of other conditions are not."""
    path, study = release
    text = study.read_text("utf-8")
    other = "Two words: {first}, {second}. Take the one you would rather not."
    study.write_text(f'{text}\n[templates]\nlikes = "{other}"\n', encoding="utf-8")
    planned(path, study)
    study.write_text(f'{text}\n[templates]\nfeels = "{other}"\n', encoding="utf-8")
    with pytest.raises(StoreError, match="template feels was Two words for a manner"):
        planned(path, study)


def test_a_store_keeps_the_templates_that_are_used(tmp_path, planted, word_list):
    """A model's are those of its condition and, once they are planned, of the checks."""
    from tests.planted.studies import prepare_text, study_text

    from ethogram.run.checks import plan_checks

    text = study_text(planted().base_url, traits=word_list("warm", "blunt", "terse", "wry"))
    prepared = prepare_text(text, folder=tmp_path)
    with Store.open(tmp_path / "s.db") as store:
        plan = plan_into(store, prepared)
        assert set(json.loads(store.parties("model")["alpha"][1])["templates"]) == {"feels"}
        plan_checks(store, prepared, plan, ["plants", "random"])
        kept = json.loads(store.parties("model")["alpha"][1])["templates"]
        assert set(kept) == {"feels", "plant", "random"}
        assert set(json.loads(store.parties("judge")["judge"][1])["templates"]) == {
            "judge",
            "judge_system",
        }


def test_a_judge_that_is_no_longer_shown_the_prompt_is_another_judge(release):
    """The two ways have templates of different names: the key itself is compared."""
    path, study = release
    text = study.read_text("utf-8")
    study.write_text(text.replace("ties = true", "ties = true\nshow_prompt = false"), "utf-8")
    with pytest.raises(StoreError, match="show_prompt was True, is False"):
        planned(path, study)


def test_a_judge_of_an_older_store_that_was_not_shown_the_prompt_goes_on(release):
    """Its template's name is all that such a store says of it; the migration writes it down."""
    path, study = release
    text = study.read_text("utf-8")
    study.write_text(text.replace("ties = true", "ties = true\nshow_prompt = false"), "utf-8")
    templates = prepare(load_study(study)).templates
    with sqlite3.connect(path) as db:
        (kept,) = db.execute("SELECT settings FROM party WHERE name = 'judge-b'").fetchone()
        settings = json.loads(kept)
        settings["templates"] = {
            "judge_system": templates.judge_system,
            "judge_without_prompt": templates.judge_without_prompt,
        }
        db.execute("UPDATE party SET settings = ? WHERE name = 'judge-b'", (json.dumps(settings),))
    planned(path, study)
