"""Time and peak memory of `ratings` and `report` on files of thousands of traits.

    python -m bench.size_bench [--quick]

Each command runs in a process of its own, whose peak resident size the kernel reports when it ends.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RUNS = 1  # six minutes or more; memory hardly varies
GOAL = 2_000  # MB
# name, models, traits, comparisons for each model, prompts (0: each comparison its own)
SIZES = (
    ("2,000 traits", 1, 2_000, 12_000, 0),
    ("5,000 traits", 1, 5_000, 60_000, 0),
    ("5,000 traits, 3,000 prompts", 1, 5_000, 60_000, 3_000),
    ("10,000 traits", 1, 10_000, 100_000, 0),
    ("20 models of 500 traits", 20, 500, 5_000, 0),
    ("144 traits, 2 million", 1, 144, 2_000_000, 0),
)
QUICK = (("500 traits", 1, 500, 3_000, 0), ("3 models of 300 traits", 3, 300, 2_000, 0))


def write_comparisons(path, models, traits, n, prompts):
    """Random pairs of traits of planted strengths, linked by a ring through all of them."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        columns = "model,judge,trait_1,trait_2,winner"
        file.write(f"{columns},prompt_id\n" if prompts else f"{columns}\n")
        for model in range(models):
            strengths = rng.normal(0, 1.2, traits)
            first = rng.integers(0, traits, n)
            second = (first + rng.integers(1, traits, n)) % traits
            first[:traits] = np.arange(traits)
            second[:traits] = (np.arange(traits) + 1) % traits
            won = rng.random(n) < 1 / (1 + np.exp(strengths[second] - strengths[first]))
            prompt = rng.integers(0, prompts, n) if prompts else None
            for i in range(n):
                a, b = first[i], second[i]
                more = f",{prompt[i]}" if prompts else ""
                file.write(f"m{model},j,t{a},t{b},t{a if won[i] else b}{more}\n")


def run(verb, path):
    """Wall seconds, CPU seconds and peak MB of one command."""
    out = ["-o", str(path.with_suffix(".html"))] if verb == "report" else []
    command = [sys.executable, "-m", "ethogram.cli.app", verb, str(path), *out]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    started = time.perf_counter()
    nothing = os.open(os.devnull, os.O_WRONLY)
    child = os.posix_spawn(
        sys.executable,
        command,
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, nothing, 1)],
    )
    _, status, used = os.wait4(child, 0)
    os.close(nothing)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {status}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    cpu = used.ru_utime + used.ru_stime
    return time.perf_counter() - started, cpu, used.ru_maxrss / unit


def main(*, quick: bool = False, runs: int = RUNS) -> None:
    """Print medians over the runs."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    print(f"Medians of runs: {runs}; goal: peak memory below {GOAL:,} MB\n")
    print("| file | comparisons | command | seconds | CPU seconds | peak memory |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, models, traits, n, prompts in QUICK if quick else SIZES:
            path = Path(folder) / "comparisons.csv"
            write_comparisons(path, models, traits, n, prompts)
            for verb in ("ratings", "report"):
                made = [run(verb, path) for _ in range(runs)]
                wall, cpu, memory = (
                    statistics.median(column) for column in zip(*made, strict=True)
                )
                print(
                    f"| {name} | {models * n:,} | `{verb}` | {wall:.1f} | {cpu:.1f} | "
                    f"{memory:,.0f} MB |",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args()
    main(quick=asked.quick, runs=asked.runs)
