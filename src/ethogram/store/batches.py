"""The batches of a store: reserved before they are submitted, and open until every line is kept.

A reservation is on the disk before anything is sent, so that no crash can pay for a line twice.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ethogram.engine.batch.book import FILES, OPEN, Batch, Open, State
from ethogram.engine.requests import request_id
from ethogram.errors import InputError, StoreError
from ethogram.store.file import connect

_COLUMNS = ", ".join(f"b.{name}" for name in Batch._fields if name not in ("lines", "answered"))
_COUNTS = """(SELECT count(*) FROM batch_line l WHERE l.batch = b.id),
    (SELECT count(*) FROM batch_answer a WHERE a.batch = b.id)"""
_OPEN = ", ".join(f"'{state}'" for state in OPEN)

_FREE = f"(state IN ('held', 'written') OR state = 'reserved' AND path = '{FILES}')"


class BatchBook:
    """Writes and reads the batches of a store that is open for writing; see `Book`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def reserve(
        self,
        lines: Sequence[tuple[str, bytes]],
        *,
        owner: str,
        service: str,
        path: str,
        worst: float,
        state: State = State.RESERVED,
        handle: str = "",
    ) -> Batch:
        """Keep the lines of a batch that is about to be submitted.

        Parameters
        ----------
        lines : sequence of (hash, canonical JSON)
        owner, service, path, worst, state, handle
            Columns of the table `batch`.
        """
        nonce = uuid.uuid4().hex.encode()
        fingerprint = request_id(nonce + "".join(name for name, _ in lines).encode())
        fingerprint = f"ethogram-{fingerprint.removeprefix('b2:')}"
        now = time.time()
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT INTO request (hash, body) VALUES (?, CAST(? AS TEXT)) "
                "ON CONFLICT DO NOTHING",
                lines,
            )
            (number,) = db.execute(
                "INSERT INTO batch (fingerprint, owner, service, path, state, handle, worst, "
                "created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (fingerprint, owner, service, path, state, handle, worst, now, now),
            ).fetchone()
            db.executemany(
                "INSERT INTO batch_line (batch, request) SELECT ?, id FROM request WHERE hash = ?",
                ((number, name) for name, _ in lines),
            )
            db.execute("COMMIT")
            return self._one(db, number)

    def change(
        self, batch: int, state: State, *, handle: str | None = None, said: str | None = None
    ) -> None:
        """Note what became of a batch."""
        with self._open() as db:
            db.execute(
                "UPDATE batch SET state = ?, handle = coalesce(?, handle), "
                "said = coalesce(?, said), changed = ? WHERE id = ?",
                (state, handle, said, time.time(), batch),
            )

    def open_batches(self) -> list[Open]:
        """Return the batches whose lines may be answered yet, with these lines."""
        with self._open() as db:
            found = _read(db, f"WHERE b.state IN ({_OPEN})")
            return [Open(batch, self._pending(db, batch.id)) for batch in found]

    def handles(self) -> frozenset[str]:
        """Return the services' ids of all batches that have one."""
        with self._open() as db:
            rows = db.execute("SELECT handle FROM batch WHERE handle <> '' AND path <> ?", (FILES,))
            return frozenset(handle for (handle,) in rows)

    def _pending(self, db: sqlite3.Connection, batch: int) -> frozenset[str]:
        rows = db.execute(
            "SELECT hash FROM batch_line l JOIN request r ON r.id = l.request "
            "WHERE l.batch = :b "
            "AND l.request NOT IN (SELECT request FROM batch_answer WHERE batch = :b)",
            {"b": batch},
        )
        return frozenset(name for (name,) in rows)

    def release(self, batches: Iterable[int]) -> None:
        """Let the lines of batches be asked again that are held, or were written to files.

        Raises
        ------
        InputError
            There is none of a number; none is released then.
        """
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            for batch in dict.fromkeys(batches):
                self._release(db, batch)
            db.execute("COMMIT")

    def _release(self, db: sqlite3.Connection, batch: int) -> None:
        """Release one batch."""
        held = [b.id for b in _read(db, f"WHERE {_FREE}")]
        changed = db.execute(
            f"UPDATE batch SET state = ?, changed = ? WHERE id = ? AND {_FREE}",
            (State.RELEASED, time.time(), batch),
        ).rowcount
        if not changed:
            there = f"there is {', '.join(map(str, held))}" if held else "there is none"
            raise InputError(f"no batch {batch} is held or written in {self._path}: {there}")

    def settle(self) -> None:
        """Note which written batches have all their answers."""
        with self._open() as db:
            db.execute(
                """UPDATE batch SET state = ?, changed = ? WHERE state = ? AND
                (SELECT count(*) FROM batch_line l WHERE l.batch = batch.id) =
                (SELECT count(*) FROM batch_answer a WHERE a.batch = batch.id)""",
                (State.COLLECTED, time.time(), State.WRITTEN),
            )

    def _one(self, db: sqlite3.Connection, number: int) -> Batch:
        return _read(db, f"WHERE b.id = {int(number)}")[0]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Connect for as long as a block takes; what was begun in it and fails is undone."""
        try:
            with closing(connect(self._path)) as db:
                yield db
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._path} cannot be written: {error}. All that was committed before is kept; "
                "free some disk space or repair the file, then run again"
            ) from error


def list_batches(db: sqlite3.Connection, *, only: Iterable[int] = ()) -> list[Batch]:
    """Return all batches, oldest first, or those of these numbers."""
    numbers = ", ".join(str(int(number)) for number in only)
    return _read(db, f"WHERE b.id IN ({numbers})" if numbers else "")


def _read(db: sqlite3.Connection, where: str) -> list[Batch]:
    rows = db.execute(f"SELECT {_COLUMNS}, {_COUNTS} FROM batch b {where} ORDER BY b.id")
    return [Batch(*row) for row in rows]
