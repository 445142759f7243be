"""How long the published study's report takes, and the analysis of ten models, in this process."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

from ethogram.analysis.analyse import analyse
from ethogram.ratings.rate import reference_profiles
from ethogram.report import write_reference_report

RUNS = 3


def main() -> None:
    """Print medians over `RUNS` runs, one BLAS thread."""
    profiles = [*reference_profiles().values()]
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1, user_api="blas"):
        jobs = {
            "reference report (goal: 20 s)": lambda: write_reference_report(Path(folder)),
            "analysis, nine models of 144 traits": lambda: analyse(profiles),
        }
        for name, job in jobs.items():
            seconds = [_time(job) for _ in range(RUNS)]
            print(f"{name}: {statistics.median(seconds):.1f} s, median of {RUNS}")


def _time(job) -> float:
    """Seconds that a job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start
