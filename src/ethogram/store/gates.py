"""The history of gates in a store: each run's verdict, and the interval of each bound."""

from __future__ import annotations

import orjson

from ethogram.ratings.gate_runs import GateRun, read_rows, row_plain
from ethogram.ratings.gates import Verdict
from ethogram.store.store import Store

_COLUMNS = "time, gate, digest, before, after, judge, condition, verdict, rows"


def keep_gate_run(store: Store, run: GateRun) -> None:
    """Add a run of a gate to a store that is open for writing.

    Raises
    ------
    StoreError
        It cannot be written.
    """
    values = (*(getattr(run, name) for name in _COLUMNS.split(", ")[:-2]), str(run.verdict))
    rows = orjson.dumps([row_plain(row) for row in run.rows]).decode()
    sql = f"INSERT INTO gate_run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    store.add_row(sql, (*values, rows))


def gate_runs(store: Store) -> tuple[GateRun, ...]:
    """Return the runs of gates that a store keeps, oldest first."""
    _, found = store.query(f"SELECT {_COLUMNS} FROM gate_run ORDER BY time, id")
    return tuple(_run(*row) for row in found)


def _run(time: float, *texts: str) -> GateRun:
    gate, digest, before, after, judge, condition, verdict, rows = texts
    said = Verdict(verdict)
    decided = read_rows(orjson.loads(rows))
    return GateRun(time, gate, digest, before, after, judge, condition, said, decided)
