"""Throughput, memory and reading back at the size of a real study, against the planted server.

::

    python -m bench.load_bench [--only load|memory|reading] [--quick]

Throughput is comparisons per second, a reply and its verdict each, at 20 ms latency with 256 calls
in flight: of the product (both on the disk), of a bare aiohttp loop that makes the same calls and
throws everything away, and of the same job as an Inspect task. They take turns, so that
whatever else the machine does falls on all of them. What a job does is in `bench.load_jobs`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.server import ROOT, Config, Served, serve

from ethogram.stimuli.traits import load_traits

INSPECT_ENV = ROOT / ".venv-bench-inspect"
INSPECT = ("inspect-ai==0.3.285", "openai==3.54.0")
WARM_UP = 8  # samples that Inspect evaluates before the clock starts
FLIGHT = 256  # 128 calls to the tested model and 128 to the judge
LATENCY_MS, REPLY_CHARS = 20.0, 2000

Figures = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is run."""

    runs: int = 9
    comparisons: int = 6000
    inspect_comparisons: int = 300
    models: int = 10
    trials: int = 10_296
    small: int = 1000
    readings: int = 5


QUICK = Size(runs=2, comparisons=1500, inspect_comparisons=150, models=2, trials=3000, readings=2)


@dataclass
class Kept:
    """A large store that one measure fills and the next one reads."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / "large.db"


def planted() -> Config:
    """Return the server's configuration: the study's 144 traits, 2 kB replies, no faults."""
    return Config(
        traits=load_traits("study144").names,
        models={"*": ModelPlan()},
        judges={"*": JudgePlan()},
        latency_ms=LATENCY_MS,
        reply_chars=REPLY_CHARS,
        lifetime=7200.0,
    )


# -- running jobs -------------------------------------------------------------------------------


def run_job(job: str, **options: Any) -> Figures:
    """Run one of `bench.load_jobs` in a process of its own."""
    return _python([sys.executable, "-m", "bench.load_jobs", job, json.dumps(options)])


def _python(command: Sequence[str | Path]) -> Figures:
    """Run a script and read its last line as JSON; what it said on an error is shown."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[1:4]} failed:\n{done.stderr[-4000:]}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def inspect_python() -> Path:
    """Return the interpreter of Inspect's environment, which is made at the first call."""
    python = INSPECT_ENV / "bin" / "python"
    stamp = INSPECT_ENV / ".installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != " ".join(INSPECT):
        venv.create(INSPECT_ENV, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *INSPECT], check=True)
        stamp.write_text(" ".join(INSPECT), encoding="utf-8")
    return python


def run_inspect(server: Served, comparisons: int, seed: int) -> Figures:
    """Run the job as an Inspect task; its warm-up comes on top of the comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = f"{folder}/jobs.json"
        trials = comparisons + WARM_UP
        run_job("inspect_jobs", url=server.base_url, trials=trials, seed=seed, path=jobs)
        return _python([inspect_python(), ROOT / "bench" / "inspect_job.py", jobs, folder])


# -- the measures -------------------------------------------------------------------------------


def measure_load(server: Served, size: Size) -> dict[str, list[Figures]]:
    """Run the three in turn, `size.runs` times, each time on other trials."""
    jobs: dict[str, Callable[[int], Figures]] = {
        "bare aiohttp loop": lambda seed: run_http("bare", server, size.comparisons, seed),
        "ethogram": lambda seed: run_http("ours", server, size.comparisons, seed),
        "inspect-ai": lambda seed: run_inspect(server, size.inspect_comparisons, seed),
    }
    found: dict[str, list[Figures]] = {name: [] for name in jobs}
    for seed in range(size.runs):
        for name, job in jobs.items():
            found[name].append(job(seed))
            say(f"{name}: {rate(found[name][-1]):,.0f} comparisons/s")
    return found


def run_http(job: str, server: Served, comparisons: int, seed: int) -> Figures:
    """Run the product or the bare loop, and check that the server saw what was meant."""
    server.reset()
    figures = run_job(job, url=server.base_url, trials=comparisons, flight=FLIGHT, seed=seed)
    seen = server.stats()
    if figures["comparisons"] != comparisons or seen["requests"] != 2 * comparisons:
        raise RuntimeError(f"{job}: {figures['comparisons']} done, {seen['requests']} requests")
    return figures | {"in_flight": seen["max_in_flight"]}


def rate(figures: Figures) -> float:
    """Comparisons a second."""
    return float(figures["comparisons"] / figures["seconds"])


def measure_memory(server: Served, size: Size, kept: Kept) -> dict[str, Figures]:
    """Run a small study and a large one; each process tells its own peak."""
    small = run_job("ours", url=server.base_url, trials=size.small)
    say(f"{size.small:,} trials: {small['peak_mb']:.0f} MB")
    return {"small": small, "large": fill(server, size, kept)}


def fill(server: Served, size: Size, kept: Kept) -> Figures:
    """Run the large study into the store that is kept."""
    say(f"{size.models * size.trials:,} trials of {size.models} models ...")
    server.reset()
    figures = run_job(
        "ours", url=server.base_url, trials=size.trials, models=size.models, path=str(kept.path)
    )
    say(f"... {rate(figures):,.0f} comparisons/s, {figures['peak_mb']:.0f} MB")
    return figures


def measure_reading(server: Served, size: Size, kept: Kept) -> dict[str, list[Figures]]:
    """Read the large store back, each time in a new process."""
    if not kept.path.exists():
        fill(server, size, kept)
    found: dict[str, list[Figures]] = {"ratings": [], "status": [], "report": []}
    for turn in range(size.readings):
        for job, figures in found.items():
            if job != "report" or turn == 0:  # has no limit to keep, and takes its time
                figures.append(run_job(job, path=str(kept.path)))
                say(f"{job}: {figures[-1]['seconds']:.2f} s")
    return found


# -- tables -------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(text, file=sys.stderr, flush=True)


def median(figures: Sequence[Figures], key: str) -> float:
    """Median of one figure over runs."""
    return statistics.median(f[key] for f in figures)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n")
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")


def print_load(found: dict[str, list[Figures]]) -> None:
    """Print throughput, and the medians of the ratios of runs that took turns."""
    rows = []
    for name, figures in found.items():
        rates = [rate(f) for f in figures]
        cpu = statistics.median(f["cpu"] / f["comparisons"] for f in figures)
        rows.append(
            [
                name,
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{1000 * cpu:.2f}",
                f"{figures[0]['comparisons']:,}",
            ]
        )
    runs = len(found["ethogram"])
    table(
        f"Throughput: {LATENCY_MS:g} ms latency, {FLIGHT} calls in flight, replies of about "
        f"{REPLY_CHARS / 1000:g} kB, {runs} runs in turn",
        ["", "comparisons/s, median", "range", "CPU ms a comparison", "comparisons a run"],
        rows,
    )
    print()
    for name, target in (("bare aiohttp loop", 0.6), ("inspect-ai", 50.0)):
        turns = zip(found["ethogram"], found[name], strict=True)
        ratio = statistics.median(rate(ours) / rate(other) for ours, other in turns)
        told = f"{100 * ratio:.0f}% of the" if target < 1 else f"{ratio:,.0f} times"
        limit = f"{100 * target:.0f}%" if target < 1 else f"{target:.0f} times"
        print(f"ethogram reaches {told} {name} (median of {runs} ratios; target {limit}).")
    longest = [f["longest_ms"] for f in found["ethogram"]]
    print(
        "From the first result of a batch to its commit, the longest of each run: "
        f"{statistics.median(longest):.0f} ms (median), {max(longest):.0f} ms (at most)."
    )
    print(f"Inspect {found['inspect-ai'][0]['version']}.")


def print_memory(found: dict[str, Figures]) -> None:
    """Print peak memory against the study's size."""
    rows = [
        [
            f"{f['comparisons']:,}",
            f"{f['peak_mb']:.0f}",
            f"{f['store_mb']:,.0f}",
            f"{f['planning']:.1f}",
            f"{f['seconds']:.1f}",
            f"{rate(f):,.0f}",
        ]
        for f in found.values()
    ]
    header = ["trials", "peak MB", "store MB", "planning s", "run s", "comparisons/s"]
    table("Memory: peak resident size of the process, imports included", header, rows)
    more = found["large"]["peak_mb"] - found["small"]["peak_mb"]
    print(f"\nThe large study takes {more:.0f} MB more (target: at most 150 MB).")


def print_reading(found: dict[str, list[Figures]], size: Size) -> None:
    """Print the seconds of reading back, and how much of the file that took."""
    rows = [
        [
            job,
            f"{median(f, 'seconds'):.2f}",
            f"{min(g['seconds'] for g in f):.2f} to {max(g['seconds'] for g in f):.2f}",
            "" if f[0]["read_mb"] is None else f"{median(f, 'read_mb'):,.0f}",
            f"{median(f, 'peak_mb'):.0f}",
            str(len(f)),
        ]
        for job, f in found.items()
    ]
    table(
        f"Reading back {size.models * size.trials:,} trials of {size.models} models, "
        "one BLAS thread, imports not counted",
        ["", "s, median", "range", "MB read", "peak MB", "runs"],
        rows,
    )
    print("\nTarget: the ratings of ten models in 3 s; the status never reads a reply.")


def print_machine() -> None:
    """Print what the figures were measured on, and how busy it was."""
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}, "
        f"a commit {1000 * fsync_seconds():.1f} ms{load}; {time.strftime('%Y-%m-%d %H:%M')}."
    )


def fsync_seconds(count: int = 20) -> float:
    """Median seconds that it takes to write 4 kB through to the disk."""
    seconds = []
    with tempfile.TemporaryFile() as file:
        for _ in range(count):
            start = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main(only: str | None = None, *, quick: bool = False) -> None:
    """Measure and print; `only` is "load", "memory" or "reading"."""
    size = QUICK if quick else Size()
    print_machine()
    with tempfile.TemporaryDirectory() as folder, serve(planted()) as server:
        kept = Kept(Path(folder))
        if only in {None, "load"}:
            print_load(measure_load(server, size))
        if only in {None, "memory"}:
            print_memory(measure_memory(server, size, kept))
        if only in {None, "reading"}:
            print_reading(measure_reading(server, size, kept), size)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=("load", "memory", "reading"))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    asked = parser.parse_args()
    main(asked.only, quick=asked.quick)
