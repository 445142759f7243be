"""The history of gates in a store: kept whole, read in order, and there after a migration."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ethogram.errors import StoreError
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.gates import Bound, Interval, Kind, Row, Verdict
from ethogram.store.gates import gate_runs, keep_gate_run
from ethogram.store.store import Store

DATA = Path(__file__).parent / "data"


def run(time, verdict=Verdict.PASS, further=0):
    """A run of a gate of two bounds."""
    rows = (
        Row(
            "warm | <b>",
            Interval(-12.0, -80.0, 51.0, 0),
            Bound("warm | <b>", Kind.RISES_AT_MOST, 50.0),
            verdict,
            further,
        ),
        Row("", Interval(3.1, 0.0, 9.4, 1), Bound("", Kind.DISTANCE_AT_MOST, 60.0), Verdict.PASS),
    )
    return GateRun(time, "release", "sha256:1", "a in x.db", "b", "owl", "feels", verdict, rows)


def test_runs_come_back_as_they_were_oldest_first(store):
    """Every number, also what cannot be settled."""
    later, earlier = run(20.0, Verdict.UNDECIDED, None), run(10.0)
    for one in (later, earlier):
        keep_gate_run(store, one)
    assert gate_runs(store) == (earlier, later)


def test_a_store_of_release_0_1_has_a_history_after_its_migration(tmp_path):
    """Empty at first."""
    path = tmp_path / "old.db"
    path.write_bytes(gzip.decompress((DATA / "release-0.1.db.gz").read_bytes()))
    with Store.open(path) as store:
        assert gate_runs(store) == ()
        keep_gate_run(store, run(1.0))
    with Store.read(path) as store:
        assert gate_runs(store) == (run(1.0),)


def test_a_store_that_is_open_for_reading_is_not_written(store_path):
    """And says so."""
    Store.open(store_path).close()
    with Store.read(store_path) as store, pytest.raises(StoreError, match="cannot be written"):
        keep_gate_run(store, run(1.0))
