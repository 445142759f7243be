"""Which cores of this machine are free: what llama.cpp may use without slowing others and itself.

Its threads wait for each other at every step, so that one that has to share its core holds all up.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

WATCHED = 0.25  # seconds for which the cores are watched

_STAT = Path("/proc/stat")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_TOPOLOGY = Path("/sys/devices/system/cpu")


def free_cores() -> int:
    """Return how many cores this process may use that are idle now; at least 1.

    Two threads of one physical core count once, as they share its arithmetic. On other systems than
    Linux every core is taken to be idle.
    """
    allowed = _allowed()
    busy = _busy_share() * (os.cpu_count() or 1)
    return max(1, min(len(allowed), _quota(), _physical(allowed), round(_quota() - busy)))


def _allowed() -> set[int]:
    """Return the logical cores that this process may run on."""
    try:
        return os.sched_getaffinity(0)
    except AttributeError:
        return set(range(os.cpu_count() or 1))


def _quota() -> int:
    """Return how many cores a container may use at once."""
    cores = os.cpu_count() or 1
    try:
        most, period = _QUOTA.read_text().split()
        return cores if most == "max" else max(1, int(most) // int(period))
    except (OSError, ValueError):
        return cores


def _physical(allowed: set[int]) -> int:
    """Return on how many physical cores these logical ones are."""
    cores = set()
    for core in allowed:
        try:
            cores.add((_TOPOLOGY / f"cpu{core}/topology/thread_siblings_list").read_text())
        except OSError:
            return len(allowed)
    return len(cores)


def _busy_share() -> float:
    """Return the share of all cores' time that is in use, from 0 to 1."""
    before = _times()
    if before is None:
        return 0.0
    time.sleep(WATCHED)
    after = _times()
    if after is None or after[1] == before[1]:
        return 0.0
    return 1 - (after[0] - before[0]) / (after[1] - before[1])


def _times() -> tuple[int, int] | None:
    """Return idle and total time of all cores so far, in ticks."""
    try:
        fields = [int(x) for x in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    return fields[3] + fields[4], sum(fields)
