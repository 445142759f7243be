"""The writer: one thread that commits a run's results in batches.

A batch is what comes within `BATCH_SECONDS`, or while the last batch is written where that takes
longer. A result becomes columns as soon as it is put. What is left for the thread is SQLite's work,
during which the event loop goes on.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from ethogram.engine.requests import Attempt, Earlier
from ethogram.errors import StoreError
from ethogram.store.file import connect
from ethogram.store.rows import ReplyRow, VerdictRow

BATCH_SECONDS = 0.02
ROWS = 256  # rows that one INSERT writes at most
STEP = 16  # what their number is a multiple of
MAX_WAITING = 2048  # results that may wait for the disk; no more attempts than a run keeps at hand

# What rows are inserted into, and the SQL of one row, in the order in which rows name each other.
_TABLES = (
    ("request (hash, body)", "?, CAST(? AS TEXT)"),
    ("attempt", f"?, (SELECT id FROM request WHERE hash = ?){', ?' * 13}"),
    ("response", "?, CAST(? AS TEXT)"),
    ("response", "?, ?"),
    (
        "reply (trial, attempt, status, reason, chars, named, choice, value, split, charged)",
        f"{'?, ' * 9}1",
    ),
    ("verdict (judging, attempt, status, reason, winner, p_first, charged)", f"{'?, ' * 6}1"),
    ("batch_answer (batch, request, attempt)", "?, (SELECT id FROM request WHERE hash = ?), ?"),
)
_REQUEST, _ATTEMPT, _TEXT, _BLOB, _REPLY, _VERDICT, _ANSWER = range(len(_TABLES))

_EMPTY = bytearray()

Columns = tuple[Any, ...]
Batch = list[list[Any]]  # for each of the tables, the columns of row after row


class AskedRequests:
    """Which requests may have been asked: a "no" is certain, so that it needs no query.

    One bit per hash (a Bloom filter with one function): 2 MB however large the study; with a
    million requests one "perhaps" in seventeen is wrong, and costs a query.
    """

    BITS = 1 << 24

    def __init__(self, requests: Iterable[str] = ()) -> None:
        self._bits = bytearray(self.BITS // 8)
        for request in requests:
            self.add(request)

    def add(self, request: str) -> None:
        """Note a request by its hash."""
        byte, bit = self._place(request)
        self._bits[byte] |= bit

    def __contains__(self, request: str) -> bool:
        byte, bit = self._place(request)
        return bool(self._bits[byte] & bit)

    def _place(self, request: str) -> tuple[int, int]:
        place = hash(request) % self.BITS
        return place >> 3, 1 << (place & 7)


class Writer:
    """One thread that commits a run's results in batches.

    Putting a result never waits for the disk; when that fails, the next one and `close` raise
    `StoreError`, and all that was committed before is kept.
    """

    def __init__(
        self,
        path: Path,
        *,
        first_attempt: int,
        asked: AskedRequests,
        earlier: Callable[[str], Earlier | None] = lambda request: None,
    ) -> None:
        self._path = path
        self._next = first_attempt
        self._asked = asked
        self.earlier = earlier  # what is kept of a request, by its hash
        self._batch: Batch = [[] for _ in _TABLES]
        self._waiting = 0  # results that are not committed yet
        self._taking = threading.Lock()  # so that a result is in one batch with all its rows
        self._some = threading.Event()
        self._closing = threading.Event()
        self._error: Exception | None = None
        self._since = 0.0  # when the first result of the batch came
        self.longest = 0.0  # seconds from the first result of a batch to its commit, at most
        self._thread = threading.Thread(target=self._run, name="ethogram-writer", daemon=True)
        self._thread.start()

    def put_attempt(self, canonical: bytes, attempt: Attempt, *, cost: float | None) -> int:
        """Keep an attempt; returns the id it will have.

        Bodies are bound as `bytearray`: for `bytes`, sqlite3 first looks for an adapter.
        """
        number, self._next = self._next, self._next + 1
        self._asked.add(attempt.request_id)
        reading, usage = attempt.reading, attempt.reading.usage
        columns = (
            number,
            attempt.request_id,
            attempt.number,
            str(reading.status),
            reading.reason,
            attempt.http_status,
            attempt.started,
            attempt.seconds,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.reasoning_tokens,
            cost,
            reading.provider,
            reading.model_said,
            int(reading.cut),
        )
        rows: list[tuple[int, Columns]] = [(_ATTEMPT, columns)]
        if attempt.number == 1:
            rows.append((_REQUEST, (attempt.request_id, bytearray(canonical))))
        if attempt.response is not None:
            body = (number, bytearray(attempt.response))
            rows.append((_TEXT if _is_text(attempt) else _BLOB, body))
        if attempt.batch is not None:
            rows.append((_ANSWER, (attempt.batch, attempt.request_id, number)))
        self._put(rows)
        return number

    def put_reply(self, row: ReplyRow, attempt: int | None) -> None:
        """Keep a reply's reading."""
        self._put([(_REPLY, (row.trial, attempt, *row[1:]))])

    def put_verdict(self, row: VerdictRow, attempt: int | None) -> None:
        """Keep a verdict's reading."""
        self._put([(_VERDICT, (row.judging, attempt, *row[1:]))])

    def is_behind(self) -> bool:
        """Whether so much waits for the disk that no more should be asked for.

        Raises
        ------
        StoreError
            It waits in vain: the disk has failed.
        """
        self._check()
        return self._waiting > MAX_WAITING

    def close(self) -> None:
        """Write what is left and stop."""
        self._closing.set()
        self._some.set()
        self._thread.join()
        self._check()

    def _put(self, rows: list[tuple[int, Columns]]) -> None:
        """Add a result's rows to the batch."""
        self._check()
        with self._taking:
            if not any(self._batch):
                self._since = time.perf_counter()
                self._some.set()
            self._waiting += 1
            for table, columns in rows:
                self._batch[table] += columns

    def _take(self) -> tuple[Batch, int]:
        """Return the batch and how many results wait by now, and begin a new batch."""
        with self._taking:
            batch, self._batch = self._batch, [[] for _ in _TABLES]
            return batch, self._waiting

    def _check(self) -> None:
        if self._error is not None:
            raise StoreError(
                f"{self._path} cannot be written: {self._error}. All that was committed before is "
                "kept; free some disk space or repair the file, then run again"
            ) from self._error

    def _run(self) -> None:
        try:
            with closing(connect(self._path)) as db:  # also undoes a batch that failed
                while self._write_batch(db):
                    pass
        except Exception as error:  # a thread's error is lost unless it is handed over
            self._error = error

    def _write_batch(self, db: sqlite3.Connection) -> bool:
        """Wait for a result, gather for a batch's time from then on, commit; False: the end."""
        self._some.wait()
        self._some.clear()  # it is set again by the first result of the next batch, or at the end
        since = self._since  # long ago, if it came while the last batch was written
        ending = self._closing.wait(max(0.0, since + BATCH_SECONDS - time.perf_counter()))
        batch, results = self._take()
        if results:
            _write(db, batch)
            self.longest = max(self.longest, time.perf_counter() - since)
            with self._taking:
                self._waiting -= results
        return not ending


def _write(db: sqlite3.Connection, batch: Batch) -> None:
    """Commit one batch."""
    db.execute("BEGIN IMMEDIATE")
    for (into, row), values in zip(_TABLES, batch, strict=True):
        _insert(db, into, row, values)
    db.execute("COMMIT")


def _insert(db: sqlite3.Connection, into: str, row: str, values: list[Any]) -> None:
    """Insert rows, many in a statement.

    `executemany` lets go of the interpreter's lock and takes it again for every row, and so
    stops the event loop as often. Rows are made up to a multiple of `STEP` by the last one, which
    the store then has already: so there are few statements, parsed once and kept by Python. A body
    is left out there, for it would be copied.
    """
    width = row.count("?")
    for start in range(0, len(values), ROWS * width):
        part = values[start : start + ROWS * width]
        again = [_EMPTY if isinstance(value, bytearray) else value for value in part[-width:]]
        part += again * (-(len(part) // width) % STEP)
        db.execute(_insertion(into, row, len(part) // width), part)


@cache
def _insertion(into: str, row: str, count: int) -> str:
    """Return the SQL that inserts so many rows."""
    return f"INSERT INTO {into} VALUES {', '.join([f'({row})'] * count)} ON CONFLICT DO NOTHING"


def _is_text(attempt: Attempt) -> bool:
    """Whether a response is UTF-8, and so kept as text, which other tools can read.

    It is looked up for answers too: one with half a character in it is still an answer.
    """
    try:
        (attempt.response or b"").decode()
    except UnicodeDecodeError:
        return False
    return True
