"""Written replies in a store: an older store takes them in, and every view shows them."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

import pytest
from tests.planted import simulated_store
from tests.planted.simulated_store import fill_store
from tests.planted.studies import rows, study_text

from ethogram.api import try_judges
from ethogram.design import Condition, Part
from ethogram.store import file
from ethogram.store import store as store_module
from ethogram.store.export import export_tables
from ethogram.store.read import count_stages, number_written, read_trial, read_verdicts
from ethogram.store.rows import JudgingRow, Role, TrialRow
from ethogram.store.store import Store
from ethogram.study import parse_study

FORMER = 4  # migrations before written replies
WORDS = ("warm", "blunt", "poetic", "pedantic")
PARTIES = "SELECT id, role, name, settings FROM party ORDER BY id"


class FormerRow(NamedTuple):
    """A trial to plan, as it was then."""

    seq: int
    trait_1: int | None
    trait_2: int | None
    prompt: int
    sample: int = 0
    planted: int | None = None
    context: int | None = None


@pytest.fixture
def former(tmp_path, monkeypatch):
    """A filled store of the schema before written replies."""
    whole = file.migrations()
    with monkeypatch.context() as patched:
        patched.setattr(file, "migrations", lambda: whole[:FORMER])
        for module in (store_module, simulated_store):  # a trial had fewer columns then
            patched.setattr(module, "TrialRow", FormerRow)
        path = fill_store(
            tmp_path / "former.db", traits=WORDS, models=("a", "b"), judges=("j", "k")
        )
    assert rows(path, "PRAGMA user_version") == [(FORMER,)]
    return path


def test_a_store_of_the_former_schema_keeps_its_parties(former):
    """Each with its number, role, name and settings; what refers to them still does."""
    before = rows(former, PARTIES)
    counted = rows(former, "SELECT model, count(*) FROM trial GROUP BY 1")
    Store.open(former).close()
    assert rows(former, PARTIES) == before
    assert [row[1] for row in before] == ["model", "model", "judge", "judge"]
    assert rows(former, "SELECT model, count(*) FROM trial GROUP BY 1") == counted
    assert rows(former, "PRAGMA foreign_key_check") == []
    assert rows(former, "PRAGMA user_version") == [(len(file.migrations()),)]


def test_references_to_parties_still_hold_after_the_migration(former, tmp_path):
    """As in a fresh store, column by column; and a trial of nobody is refused."""
    Store.open(former).close()
    fresh = tmp_path / "fresh.db"
    Store.open(fresh).close()
    for path in (former, fresh):
        parties = {("trial", "model"), ("judging", "judge"), ("label_draw", "judge")}
        assert referring(path) == parties
    with sqlite3.connect(former) as db:
        db.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            db.execute("UPDATE trial SET model = 999 WHERE id = 1")


def referring(path):
    """Return the table and column of every reference to a party."""
    tables = [name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        (table, row[3])
        for table in tables
        for row in rows(path, f"PRAGMA foreign_key_list({table})")
        if row[2] == "party"
    }


def test_a_party_has_one_of_three_roles(store_path):
    """Nothing else is let in, and a role has a name once."""
    with Store.open(store_path):
        pass
    with sqlite3.connect(store_path) as db:
        put = "INSERT INTO party (role, name, settings) VALUES (?, ?, '{}')"
        for role in Role:
            db.execute(put, (role, "same name"))
        for role in ("reader", "", Role.WRITER):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(put, (role, "same name"))


@pytest.fixture
def written(store_path):
    """A store with two written replies, one of which is asked with two foils."""
    with Store.open(store_path) as store, store.planning():
        traits = store.add_traits((name, "") for name in WORDS)
        (prompt,) = store.add_prompts([("p", "How are you?", "", "")])
        writer = store.add_party(Role.WRITER, "mine", {})
        judge = store.add_party(Role.JUDGE, "judge", {})
        asked = [TrialRow(n, traits[0], traits[n], prompt, planted=traits[0]) for n in (1, 2, 3)]
        trials = store.add_trials(writer, Part.EXEMPLAR, Condition.EXEMPLAR, asked)
        texts = ("Come in, dear.", "Come in, dear.", "Sit with me.")
        store.add_written(zip(trials, texts, strict=True))
        store.add_judgings(judge, Part.EXEMPLAR, [JudgingRow(t, False) for t in trials])
    return store_path, trials


def test_a_written_reply_is_pending_for_its_judge(written):
    """The judge is given the text as it was written, with its prompt and both words."""
    path, trials = written
    with Store.open(path) as store:
        judge = store.parties("judge")["judge"][0]
        found = store.pending_judgings(judge, 0, [Part.EXEMPLAR], until=0)
    assert [one.trial for one in found] == trials
    assert {one.reply for one in found} == {"Come in, dear.", "Sit with me."}


def test_what_is_written_stays_as_it_is(written):
    """Planning again with another text for the same trial changes nothing."""
    path, trials = written
    with Store.open(path) as store:
        store.add_written([(trials[0], "Other words.")])
        assert read_trial(store, trials[0])["reply"] == "Come in, dear."


def test_a_trial_shows_its_written_reply(written):
    """With no attempt behind it, and who wrote it in place of a model."""
    path, trials = written
    with Store.read(path) as store:
        record = read_trial(store, trials[2])
    assert record["reply"] == "Sit with me."
    assert record["reply_status"] == "ok"
    assert record["model"] == "mine"
    assert record["attempts"] == []
    assert "written" not in record


def test_exported_replies_hold_what_was_written(written, tmp_path):
    """The table of replies has the text, and no column that others lack."""
    path, trials = written
    with Store.read(path) as store:
        ((exported, count),) = export_tables(store, ["replies"], tmp_path / "out", "jsonl")
    lines = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
    assert count == len(lines) == 3
    assert [line["trial"] for line in lines] == trials
    assert [line["text"] for line in lines] == ["Come in, dear.", "Come in, dear.", "Sit with me."]
    assert {line["model"] for line in lines} == {"mine"}
    assert not [line for line in lines if "written" in line or "body" in line]


def test_the_writer_is_no_elicited_model(written):
    """Nothing of it is planned, done or pending in the elicitation; its judgings are counted."""
    path, _ = written
    with Store.read(path) as store:
        counts = count_stages(store)
        assert "mine" not in store.parties("model")
    assert {(c.stage, c.part, c.judge, c.planned) for c in counts} == {
        ("judge", "exemplar", "judge", 3)
    }


def test_replies_are_numbered_by_what_they_are(written):
    """Two trials of one reply have one number."""
    path, trials = written
    with Store.read(path) as store:
        number = number_written(store)
    assert number[trials[0]] == number[trials[1]] != number[trials[2]]


def test_leaving_out_wants_only_the_writer_named(written):
    """What another writer wrote is kept, and its verdicts are in no figure."""
    path, trials = written
    with Store.open(path) as store, store.planning():
        store.leave_out(Role.WRITER, Part.EXEMPLAR, but=store.add_party(Role.WRITER, "theirs", {}))
    with Store.read(path) as store:
        assert len(read_verdicts(store, "judge")) == 0
        assert count_stages(store) == []
    assert len(rows(path, "SELECT * FROM written")) == len(trials)


def test_ties_are_told_from_losses(planted, store_path, word_list):
    """A judge that answers neither every time lost none, and is at chance."""
    server = planted(traits=WORDS, judges={"*": {"tie": 1.0}})
    text = study_text(server.base_url, traits=word_list(*WORDS), judges={"judge": {"ties": True}})
    study = parse_study(text, path=store_path.parent / "study.toml")
    (sight,) = try_judges(study, store=store_path)
    assert (sight.accuracy.n, sight.lost) == (72, 0)
    assert sight.accuracy.overall.estimate == 0.5
    assert sight.ties == 2 * 4 * 3 * 3  # four traits, three replies, three foils, both orders
    with Store.read(store_path) as store:
        assert read_verdicts(store, "judge").tied.all()
