"""How many cores a local model is given: those that it may use and that are idle."""

from __future__ import annotations

import pytest

from ethogram.engine import cores
from ethogram.engine.local import share_cores


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that makes a machine of so many cores, and says what they do."""
    monkeypatch.setattr(cores, "WATCHED", 0)

    def make(n, *, allowed=None, siblings=1, quota="max 100000", busy=0.0):
        monkeypatch.setattr(cores.os, "cpu_count", lambda: n)
        monkeypatch.setattr(
            cores.os, "sched_getaffinity", lambda _: set(range(allowed or n)), raising=False
        )
        (tmp_path / "cpu.max").write_text(quota)
        monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(cores, "_TOPOLOGY", tmp_path)
        for core in range(n):
            folder = tmp_path / f"cpu{core}" / "topology"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "thread_siblings_list").write_text(f"{core // siblings}")
        times = iter([(0, 0), (round(1000 * (1 - busy)), 1000)])
        monkeypatch.setattr(cores, "_times", lambda: next(times))

    return make


@pytest.mark.parametrize(
    ("machine_is", "free"),
    [
        ({"n": 2}, 2),
        ({"n": 8, "siblings": 2}, 4),  # two threads of one core share its arithmetic
        ({"n": 8, "allowed": 3}, 3),  # taskset, or a batch system
        ({"n": 8, "quota": "200000 100000"}, 2),  # a container of two cores
        ({"n": 8, "quota": "50000 100000"}, 1),
        ({"n": 8, "busy": 0.5}, 4),
        ({"n": 2, "busy": 1.0}, 1),  # never none
        ({"n": 4, "busy": 0.1}, 4),
    ],
)
def test_the_cores_that_are_free(machine, machine_is, free):
    """Cores that are forbidden, shared or in use are not counted; there is always one."""
    machine(**machine_is)
    assert cores.free_cores() == free


def test_this_machine_has_some():
    """Whatever this is, it is between one core and all."""
    assert 1 <= cores.free_cores() <= (cores.os.cpu_count() or 1)


def test_what_cannot_be_read_is_taken_to_be_free(monkeypatch, tmp_path):
    """Other systems have none of these files: every core counts."""
    for name in ("_STAT", "_QUOTA", "_TOPOLOGY"):
        monkeypatch.setattr(cores, name, tmp_path / "absent")
    monkeypatch.delattr(cores.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 6)
    assert cores.free_cores() == 6


@pytest.mark.parametrize(
    ("sizes", "n", "shares"),
    [
        ((1_117,), 2, [2]),
        ((1_117, 491, 98), 2, [1, 1, 1]),
        ((1_117, 491, 98), 4, [2, 1, 1]),
        ((1_117, 491, 98), 8, [5, 2, 1]),
        ((500, 500), 8, [4, 4]),
        ((500, 500), 1, [1, 1]),
        ((), 4, []),
    ],
)
def test_cores_are_shared_by_weight(sizes, n, shares):
    """The largest model is what the others wait for."""
    assert share_cores(sizes, n) == shares
