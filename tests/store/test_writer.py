"""What keeps a run fast: batches, the filter before the store, the limit on what waits."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from ethogram.engine.address import proxy_for
from ethogram.engine.caller import RECENT
from ethogram.engine.reading import read_response
from ethogram.engine.requests import Attempt, Request, request_id
from ethogram.errors import StoreError
from ethogram.store import writer as writer_module
from ethogram.store.file import connect
from ethogram.store.store import Store
from ethogram.store.writer import MAX_WAITING, ROWS, STEP, AskedRequests, Batch

BODY = b'{"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}]}'


def put(writer, name: str, body: bytes = BODY) -> tuple[str, int]:
    """Put one answered request; returns its id and the attempt's."""
    canonical = Request("test", name, ({"role": "user", "content": name},)).canonical()
    attempt = Attempt(request_id(canonical), 1, read_response(200, body), 200, body, 1.8e9, 0.5)
    return attempt.request_id, writer.put_attempt(canonical, attempt, cost=0.0)


@pytest.mark.parametrize("n", [1, STEP - 1, STEP, STEP + 1, ROWS, ROWS + 1, 3 * ROWS + 7])
def test_a_batch_is_written_whole(tmp_path, n):
    """A batch of one INSERT or several loses no row, adds none and mixes none up."""
    with Store.open(tmp_path / "s.db") as store:
        writer = store.writer()
        kept = [put(writer, f"m{i}", b"answer %d" % i) for i in range(n)]
        writer.close()
        _, rows = store.query(
            "SELECT q.hash, a.id, s.body FROM attempt a JOIN request q ON q.id = a.request "
            "JOIN response s ON s.attempt = a.id"
        )
    assert sorted(rows) == sorted((r, a, f"answer {i}") for i, (r, a) in enumerate(kept))


def test_a_body_that_is_no_utf8_shares_a_batch_with_text(tmp_path):
    """Blobs and texts of one batch are kept as the bytes that were received."""
    bodies = [
        b"text",
        b"\xff\xfe",
        BODY,
        "“naïve” 🙂".encode(),
        BODY.replace(b"Yes", "Ça".encode()),
    ]
    with Store.open(tmp_path / "s.db") as store:
        writer = store.writer()
        for i, body in enumerate(bodies):
            put(writer, f"m{i}", body)
        writer.close()
        _, kept = store.query("SELECT typeof(body), CAST(body AS BLOB) FROM response")
    types = ["text", "blob", "text", "text", "text"]
    assert kept == list(zip(types, bodies, strict=True))


def test_the_filter_never_denies_a_request_that_was_asked():
    """Ids that were added are all found, and of others at most a few."""
    asked = [request_id(b"%d" % i) for i in range(20_000)]
    found = AskedRequests(asked)
    assert all(name in found for name in asked)
    wrong = sum(request_id(b"other %d" % i) in found for i in range(20_000))
    assert wrong < 100  # 20,000 of 2^24 bits are set: 24 expected, standard deviation 5


def test_a_store_that_is_opened_again_knows_what_was_asked(tmp_path):
    """The filter is filled from the store, so a later run buys nothing again."""
    with Store.open(tmp_path / "s.db") as store:
        writer = store.writer()
        name, number = put(writer, "m")
        writer.close()
    with Store.open(tmp_path / "s.db") as store:
        store.writer().close()
        assert store.earlier(name) == (1, 1, (number, 200, BODY))
        assert store.earlier(request_id(b"never asked")) is None


def test_a_disk_that_is_slow_is_said_to_be_behind(tmp_path, monkeypatch):
    """More than MAX_WAITING waiting results are `is_behind`, and fewer are not."""
    written, taken, goes_on = writer_module._write, threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection, batch: Batch) -> None:
        taken.set()
        assert goes_on.wait(120)
        written(db, batch)

    monkeypatch.setattr(writer_module, "_write", slow)
    with Store.open(tmp_path / "s.db") as store:
        writer = store.writer()
        put(writer, "first")
        assert taken.wait(120)
        for i in range(MAX_WAITING - 1):  # what is being written waits, too
            put(writer, f"m{i}")
        assert not writer.is_behind()
        put(writer, "one more")
        assert writer.is_behind()
        goes_on.set()
        writer.close()
        assert not writer.is_behind()


def test_a_disk_that_failed_is_not_waited_for(tmp_path, monkeypatch):
    """`is_behind` raises once the writer has died, so that no caller waits for ever."""

    def full(db: sqlite3.Connection, batch: Batch) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(writer_module, "_write", full)
    with Store.open(tmp_path / "s.db") as store:
        writer = store.writer()
        put(writer, "m")
        with pytest.raises(StoreError, match="disk is full"):
            writer.close()
        with pytest.raises(StoreError, match="disk is full"):
            writer.is_behind()


def test_answers_at_hand_are_more_than_those_that_wait_for_the_disk():
    """An answer that is not stored yet is at hand, so that an equal request is not bought."""
    assert RECENT > MAX_WAITING


def test_a_full_disk_leaves_no_lock_behind(tmp_path, monkeypatch):
    """The same process can go on once there is room: the batch that failed was undone."""

    def small(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("PRAGMA max_page_count = 60")
        return db

    path = tmp_path / "s.db"
    Store.open(path).close()
    with monkeypatch.context() as patched, Store.open(path) as store:
        patched.setattr(writer_module, "connect", small)
        writer = store.writer()
        with contextlib.suppress(StoreError):  # on a busy machine it may have failed by then
            for i in range(400):
                put(writer, f"m{i}", b"z" * 3000)
        with pytest.raises(StoreError, match="full") as failed:
            writer.close()
    with Store.open(path) as store:
        store._db.execute("PRAGMA busy_timeout = 100")
        with store.planning():
            store.add_study(name="s", version="1", file="", settings="{}")
        ((kept,),) = store.query("SELECT count(*) FROM attempt")[1]
        assert kept < 400  # batches before the one that failed may be there, and are whole
        assert store.query("SELECT count(*) FROM response")[1] == [(kept,)]
    assert failed.value.__cause__ is not None  # an error that is kept keeps no connection


def test_rows_that_fill_a_statement_up_carry_no_bodies():
    """A large response that comes alone is bound once, not sixteen times."""
    bound: list[list] = []

    class Connection:
        def execute(self, sql: str, values: list) -> None:
            bound.append(values)

    writer_module._insert(Connection(), "response", "?, ?", [7, bytearray(1000)])
    (values,) = bound
    assert values[::2] == [7] * STEP
    assert [len(body) for body in values[1::2]] == [1000] + [0] * (STEP - 1)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example.com/v1", "http://proxy.example:3128"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://intern.example.org/v1", None),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names(monkeypatch, url, expected):
    """https_proxy counts for https addresses, and no_proxy takes hosts out."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,.example.org")
    assert proxy_for(url) == expected
