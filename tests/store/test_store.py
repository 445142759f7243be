"""The store: its schema, its lock, what it refuses, and reading it while it is written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from importlib import resources

import pytest
from tests.planted.studies import prepare_text, rows, study_text

from ethogram.engine.reading import read_response
from ethogram.engine.requests import Attempt, Request, failure, request_id
from ethogram.engine.requests import Status as S
from ethogram.errors import StoreError
from ethogram.run.prepare import plan_into
from ethogram.store.file import APPLICATION_ID
from ethogram.store.read import count_stages
from ethogram.store.rows import ReplyRow, VerdictRow
from ethogram.store.store import CHUNK, Store

URL = "http://127.0.0.1:9/v1"  # planning calls no one
OPEN = "import sys; from ethogram.store.store import Store; Store.open(sys.argv[1])"
BODY = b'{"choices": [{"message": {"content": "Well."}, "finish_reason": "stop"}]}'


def plan(path, **study):
    """Plan a study on a store; returns the ids and the counts."""
    with Store.open(path) as opened:
        planned = plan_into(opened, prepare_text(study_text(URL, **study)))
        return planned, count_stages(opened)


def attempt(number=1, *, content="Hi", reading=None, body=BODY):
    """Return a request's canonical JSON and one attempt at it."""
    canonical = Request("s", "m", ({"role": "user", "content": content},)).canonical()
    reading = reading or read_response(200, body)
    return canonical, Attempt(request_id(canonical), number, reading, 200, body, 1.0, 0.5)


def answer_first_trial(path):
    """Give a planned study its first reply."""
    with Store.open(path) as opened:
        writer = opened.writer()
        number = writer.put_attempt(*attempt(), cost=0.25)
        writer.put_reply(ReplyRow(1, "ok", "", 5, False), number)
        writer.close()


# -- the file ---------------------------------------------------------------------------------


def test_a_fresh_store_has_every_migration_and_the_settings_that_make_it_safe(store, store_path):
    """The schema's number is that of the last migration; WAL, full sync and foreign keys hold."""
    folder = resources.files("ethogram.store") / "migrations"
    migrations = [f for f in folder.iterdir() if f.name.endswith(".sql")]
    assert rows(store_path, "PRAGMA user_version") == [(len(migrations),)]
    assert rows(store_path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(store_path, "PRAGMA journal_mode") == [("wal",)]
    assert store.query("PRAGMA synchronous")[1] == [(2,)]  # FULL
    assert store.query("PRAGMA foreign_keys")[1] == [(1,)]


def test_migrations_are_applied_once_in_order(store_path, monkeypatch):
    """An older store is brought up to date by the migrations that it lacks, and keeps its rows."""
    Store.open(store_path).close()
    from ethogram.store import file as module

    first = module.migrations()
    more = [*first, "CREATE TABLE extra (x); INSERT INTO extra VALUES (1);"]
    monkeypatch.setattr(module, "migrations", lambda: more)
    with pytest.raises(StoreError, match="written by an older version"):
        Store.read(store_path)
    for _ in range(2):
        Store.open(store_path).close()
    assert rows(store_path, "SELECT count(*) FROM extra") == [(1,)]
    assert rows(store_path, "PRAGMA user_version") == [(len(more),)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(store_path, monkeypatch):
    """Half a migration is never kept."""
    Store.open(store_path).close()
    from ethogram.store import file as module

    first = module.migrations()
    broken = [*first, "CREATE TABLE half (x); CREATE TABLE half (x);"]
    with monkeypatch.context() as patched:
        patched.setattr(module, "migrations", lambda: broken)
        with pytest.raises(StoreError, match="half"):
            Store.open(store_path)
    assert rows(store_path, "PRAGMA user_version") == [(len(first),)]
    assert rows(store_path, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == [(0,)]
    Store.open(store_path).close()


def test_a_store_whose_requests_had_no_numbers_keeps_every_row(store_path):
    """The second migration: each attempt still leads to its request, response, reply, verdict."""
    from ethogram.store import file as module

    hashes = [request_id(b"%d" % i) for i in range(5)]
    with sqlite3.connect(store_path) as db:
        db.executescript(module.migrations()[0])
        db.execute(f"PRAGMA application_id = {module.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO party VALUES (1, 'model', 'm', '{}'), (2, 'judge', 'j', '{}')")
        db.execute("INSERT INTO trait VALUES (1, 'warm', ''), (2, 'bold', '')")
        db.execute("INSERT INTO prompt VALUES (1, 'p', 'Hello', '', '')")
        db.execute("INSERT INTO trial VALUES (1, 1, 'main', 'feels', 0, 1, 2, 1, 0, NULL, 1)")
        db.execute("INSERT INTO judging VALUES (1, 1, 2, 'main', 0, 0, 1)")
        db.executemany("INSERT INTO request VALUES (?, ?)", [(h, f"asks {h}") for h in hashes])
        db.executemany(
            "INSERT INTO attempt VALUES (?, ?, ?, 'ok', '', 200, 1.5, .5, 1, 2, NULL, 1, 'x', 'm')",
            [(7, hashes[3], 1), (8, hashes[0], 1), (9, hashes[3], 2)],
        )
        db.execute("INSERT INTO response VALUES (7, 'seven'), (9, ?)", (BODY.decode(),))
        db.execute("INSERT INTO reply VALUES (1, 9, 'ok', '', 4, 0)")
        db.execute("INSERT INTO verdict VALUES (1, 8, 'ok', '', 1, NULL)")
        columns = [
            row[1] for row in db.execute("PRAGMA table_info(attempt)") if row[1] != "request"
        ]
        whole = (
            f"SELECT {', '.join(f'a.{column}' for column in columns)}, q.body "
            "FROM attempt a JOIN request q ON q.id = a.request ORDER BY a.id"
        )
        before = db.execute(whole).fetchall()
    Store.open(store_path).close()
    after = rows(store_path, whole)
    assert len(after) == 3
    assert after == before
    assert rows(store_path, "SELECT hash FROM request ORDER BY hash") == sorted(
        (h,) for h in hashes
    )
    assert rows(store_path, "PRAGMA foreign_key_check") == []
    assert rows(store_path, "PRAGMA integrity_check") == [("ok",)]
    schema = " ".join(sql for (sql,) in rows(store_path, "SELECT sql FROM sqlite_master") if sql)
    assert "numbered_" not in schema
    with Store.open(store_path) as store:
        writer = store.writer()
        assert store.earlier(hashes[3]) == (2, 2, (7, 200, b"seven"))
        assert store.earlier(hashes[1]) is None
        assert writer.put_attempt(*attempt(), cost=None) == 10
        writer.close()
        assert store.query("PRAGMA foreign_keys")[1] == [(1,)]
    with sqlite3.connect(store_path) as db:
        db.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            db.execute("UPDATE attempt SET request = 99")


@pytest.mark.parametrize("way", [Store.open, Store.read])
def test_a_newer_store_is_refused(store_path, way):
    """A schema that this version does not know is refused, with both numbers and what to do."""
    Store.open(store_path).close()
    with sqlite3.connect(store_path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer ethogram \(schema 99, this one knows \d+\).*pip"):
        way(store_path)


@pytest.mark.parametrize("way", [Store.open, Store.read])
def test_another_programs_database_is_refused_and_left_alone(store_path, way):
    """A database that is no store is not touched, not by a byte."""
    with sqlite3.connect(store_path) as db:
        db.execute("CREATE TABLE birds (name)")
    db.close()
    before = store_path.read_bytes()
    with pytest.raises(StoreError, match="not an ethogram store"):
        way(store_path)
    assert store_path.read_bytes() == before
    assert not store_path.with_name("study.db-wal").exists()


@pytest.mark.parametrize("way", [Store.open, Store.read])
def test_a_file_that_is_no_database_is_refused(store_path, way):
    """A text file under the store's name gives one clear line that names it."""
    store_path.write_text("not a database, but long enough to have a header" * 100)
    with pytest.raises(StoreError, match=r"study\.db.*file is not a database"):
        way(store_path)


def test_reading_a_store_that_is_not_there_makes_none(store_path):
    """A wrong path is said to be wrong and no empty file is left behind."""
    with pytest.raises(StoreError, match=r"no store at .*study\.db"):
        Store.read(store_path)
    assert not store_path.exists()


def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path):
    """The text names the path."""
    with pytest.raises(StoreError, match=r"nowhere/study\.db cannot be written"):
        Store.open(tmp_path / "nowhere" / "study.db")


def test_a_damaged_store_is_named_when_it_is_read(store_path):
    """Pages that were overwritten give a StoreError, not a traceback."""
    plan(store_path)
    with store_path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(StoreError, match=r"study\.db"), Store.read(store_path) as opened:
        count_stages(opened)


# -- one writer, many readers -----------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(store, store_path):
    """Another process is refused at once, with the first one's number, and breaks nothing."""
    second = subprocess.run(
        [sys.executable, "-c", OPEN, store_path], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"in use by another ethogram (process {os.getpid()})" in second.stderr
    store.add_traits([("warm", "")])  # the first goes on
    assert store.trait_ids() == {"warm": 1}


def test_a_store_is_free_again_when_its_writer_ends(store_path):
    """Closing gives the store back, and so does the end of a process that never closed."""
    Store.open(store_path).close()
    ended = subprocess.run([sys.executable, "-c", OPEN, store_path], check=False)
    assert ended.returncode == 0
    Store.open(store_path).close()


def test_a_failed_opening_gives_the_lock_back(store_path):
    """A store that could not be opened is not in use."""
    store_path.write_text("no database" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(store_path)
    store_path.unlink()
    Store.open(store_path).close()


def test_a_store_is_read_while_it_is_written(store, store_path):
    """Counts are whole at every moment, and grow while a run writes."""
    planned = plan_into(store, prepare_text(study_text(URL)))
    trials = planned.trials["alpha"]
    seen = []

    def write():
        writer = store.writer()
        for n, trial in enumerate(trials):
            number = writer.put_attempt(*attempt(content=str(n)), cost=None)
            writer.put_reply(ReplyRow(trial, "ok", "", 5, False), number)
        writer.close()

    writing = threading.Thread(target=write)
    writing.start()
    while writing.is_alive():
        with Store.read(store_path) as reader:
            seen.append(count_stages(reader)[0])
    writing.join()
    with Store.read(store_path) as reader:
        seen.append(count_stages(reader)[0])
    assert {c.planned for c in seen} == {len(trials)}
    done = [c.done for c in seen]
    assert done == sorted(done)
    assert done[-1] == len(trials) == 780


# -- planning ---------------------------------------------------------------------------------


def test_planning_the_same_study_again_changes_nothing(store_path):
    """Ids and counts are those of the first time."""
    first = plan(store_path)
    assert plan(store_path) == first
    assert first[1][0].planned == 40 * 39 // 2


@pytest.mark.parametrize(
    "longer", [{"repeats": 2}, {"max_trials": None}, {"orders": "balanced", "pairs": "all"}]
)
def test_a_longer_design_adds_to_a_shorter_one(store_path, longer):
    """The trials of the shorter study keep their ids, and so their replies."""
    short, _ = plan(store_path, max_trials=100)
    answer_first_trial(store_path)
    long, counts = plan(store_path, **longer)
    assert long.trials["alpha"][:100] == short.trials["alpha"]
    assert len(long.trials["alpha"]) >= 780
    assert counts[0].done == 1


def test_a_shorter_design_takes_nothing_away(store_path):
    """A study that is cut asks and counts only its beginning; made long again, it has all."""
    _, before = plan(store_path)
    _, cut = plan(store_path, max_trials=100)
    _, after = plan(store_path)
    assert {count.planned for count in cut} == {100}
    assert after == before


def test_a_model_or_judge_can_be_added(store_path):
    """New names get trials and judgings of their own; the old keep theirs."""
    before, _ = plan(store_path)
    text = {"models": {"alpha": {}, "beta": {}}, "judges": {"judge": {}, "judge-two": {}}}
    after, counts = plan(store_path, **text)
    assert after.trials["alpha"] == before.trials["alpha"]
    assert not set(after.trials["beta"]) & set(before.trials["alpha"])
    assert sum(c.planned for c in counts) == 780 * (2 + 2 * 2)


@pytest.mark.parametrize(
    "other", [{"seed": 5}, {"orders": "both"}, {"traits": "study144"}, {"pairs": 3, "seed": 2}]
)
def test_another_design_is_refused(store_path, other):
    """Other pairs, orders or traits at the same places belong in another store."""
    plan(store_path)
    with pytest.raises(StoreError, match=r"holds another design.*--store"):
        plan(store_path, **other)
    assert plan(store_path)[1][0].planned == 780  # what was refused left nothing behind


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"temperature": 0.5}, "temperature"),
        ({"max_tokens": 7}, "max_tokens"),
        ({"model": "beta"}, "model was alpha, is beta"),
        ({"extra_body": {"top_a": 1}}, "top_a"),
    ],
)
def test_changed_settings_of_a_model_with_answers_are_refused(store_path, table, named):
    """A model's answers are all got in one way; the text says what differs."""
    plan(store_path)
    answer_first_trial(store_path)
    with pytest.raises(StoreError, match=f"(?s)'alpha' has answers.*{named}"):
        plan(store_path, models={"alpha": table})


@pytest.mark.parametrize(
    "table", [{"concurrency": 1}, {"timeout": 3}, {"base_url": "http://127.0.0.1:10/v1"}]
)
def test_what_does_not_change_answers_may_be_changed(store_path, table):
    """Limits, time-outs and the address of a model can differ from run to run."""
    plan(store_path)
    answer_first_trial(store_path)
    assert plan(store_path, models={"alpha": table})[1][0].done == 1


def test_settings_may_be_changed_while_there_are_no_answers(store_path):
    """Before the first reply a mistake in the study file can be mended."""
    plan(store_path)
    plan(store_path, models={"alpha": {"temperature": 0.5}})
    settings = rows(store_path, "SELECT settings FROM party WHERE name = 'alpha'")[0][0]
    assert '"temperature":0.5' in settings


def test_changed_settings_of_a_judge_with_verdicts_are_refused(store_path):
    """A judge's verdicts are all got in one way, templates and examples included."""
    planned, _ = plan(store_path)
    answer_first_trial(store_path)
    with Store.open(store_path) as opened:
        writer = opened.writer()
        number = writer.put_attempt(*attempt(content="Which?"), cost=None)
        writer.put_verdict(VerdictRow(1, "ok", "", next(iter(planned.trait_ids.values()))), number)
        writer.close()
    with pytest.raises(StoreError, match=r"'judge' has answers.*examples was False, is True"):
        plan(store_path, judges={"judge": {"examples": True}})


def test_a_prompt_keeps_its_text(store):
    """One key cannot stand for two texts."""
    assert store.add_prompts([("p1", "Hello", "en", "")]) == [1]
    with pytest.raises(StoreError, match="'p1' has another text"):
        store.add_prompts([("p1", "Goodbye", "en", "")])


# -- writing ----------------------------------------------------------------------------------


def test_an_attempt_is_kept_whole(store, store_path):
    """Request, response, status, usage, times and cost come back as they went in."""
    body = BODY[:-1] + b', "usage": {"prompt_tokens": 7, "completion_tokens": 2}, "model": "m2"}'
    writer = store.writer()
    canonical, made = attempt(body=body)
    assert writer.put_attempt(canonical, made, cost=0.5) == 1
    writer.close()
    found = rows(
        store_path,
        """SELECT a.number, status, http, started, seconds, prompt_tokens, completion_tokens,
        cost, model_said, r.body, s.body FROM attempt a JOIN request r ON r.id = a.request
        JOIN response s ON s.attempt = a.id""",
    )
    whole = (1, "ok", 200, 1.0, 0.5, 7, 2, 0.5, "m2", canonical.decode(), body.decode())
    assert found == [whole]
    assert store.spent() == (0.5, 0)


def test_a_body_that_is_no_text_is_kept_byte_by_byte(store, store_path):
    """Invalid UTF-8 is stored as it came."""
    body = b'{"choices": "\xff\xfe"}'
    writer = store.writer()
    writer.put_attempt(*attempt(reading=failure(S.MALFORMED, "bad"), body=body), cost=None)
    writer.close()
    assert rows(store_path, "SELECT body FROM response") == [(body,)]


def test_attempts_are_only_added(store):
    """Numbers go on where the last run stopped, and an answer is found by its request."""
    failed = attempt(reading=failure(S.TIMEOUT, "late"), body=b"")
    for made in (failed, attempt(2), attempt(1, content="Another")):
        writer = store.writer()
        writer.put_attempt(*made, cost=None)
        writer.close()
    name = attempt()[1].request_id
    assert store.earlier(name) == (2, 1, (2, 200, BODY))  # a time-out is no answer
    assert store.earlier(attempt(content="Never asked")[1].request_id) is None
    assert store.last_attempt() == 3


@pytest.mark.parametrize(
    ("status", "number", "reopened"),
    [
        ("timeout", 4, 1),
        ("timeout", 5, 0),
        ("unparsed", 2, 1),
        ("unparsed", 3, 0),
        ("refused", 1, 0),
        ("invalid_request", 1, 0),
        ("ok", 1, 0),
    ],
)
def test_only_what_can_pass_and_has_tries_left_is_reopened(store_path, status, number, reopened):
    """Losses become pending again as long as there are attempts left, final ones never."""
    plan(store_path)
    with Store.open(store_path) as opened:
        writer = opened.writer()
        made = attempt(reading=read_response(200, BODY)._replace(status=S(status)))
        for n in range(1, number + 1):
            last = writer.put_attempt(made[0], made[1]._replace(number=n), cost=None)
        writer.put_reply(ReplyRow(1, status, "", None, None), last)
        writer.close()
        with opened.planning():
            asked = [("elicit", 1)]
            assert opened.reopen_lost(5, 3, parts=["plant"], asked=asked, models=[1]) == 0
            assert opened.reopen_lost(5, 3, parts=["main"], asked=[("judge", 1)], models=[1]) == 0
            assert opened.reopen_lost(5, 3, parts=["main"], asked=[("elicit", 2)], models=[1]) == 0
            assert opened.reopen_lost(5, 3, parts=["main"], asked=asked, models=[1]) == reopened


def test_what_is_pending_comes_in_chunks_and_in_order(store_path):
    """Every trial is handed out once, whatever the size of a chunk."""
    plan(store_path)
    with Store.open(store_path) as opened:
        first = opened.pending_trials(1, 0, ("main",))
        second = opened.pending_trials(1, first[-1].id, ("main",))
        assert opened.pending_trials(1, second[-1].id, ("main",)) == []
    assert (len(first), len(second)) == (CHUNK, 780 - CHUNK)
    ids = [trial.id for trial in first + second]
    assert ids == sorted(set(ids))


def test_a_writer_that_fails_says_so_at_the_next_put_and_at_the_end(store, monkeypatch):
    """A disk that fails is not passed over: the run stops with what is kept and what to do."""
    from ethogram.store import writer as module

    def fail(db, batch):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_write", fail)
    writer = store.writer()
    writer.put_attempt(*attempt(), cost=None)
    with pytest.raises(StoreError, match=r"disk is full.*kept"):
        writer.close()
    with pytest.raises(StoreError, match="disk is full"):
        writer.put_reply(ReplyRow(1, "ok", "", 1, False), 1)


def test_a_row_that_cannot_be_written_is_not_passed_over(store):
    """Any failure of the writing thread comes out, even one that is our own bug."""
    writer = store.writer()
    made = attempt(reading=failure(S.TIMEOUT, "lone surrogate \ud800"), body=b"")
    writer.put_attempt(*made, cost=None)
    with pytest.raises(StoreError, match="surrogates not allowed"):
        writer.close()
