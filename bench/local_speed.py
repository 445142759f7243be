"""How much of llama.cpp's speed is left: tokens per second of a study, and of its requests bare.

::

    python -m bench.local_speed [--model local/smollm2] [--trials 24] [--runs 3] [--ray]

A study is run on an empty store, replies and verdicts; then its requests, word for word, are sent
to a server of the same settings by four threads that do nothing else: in the study's order, and
shuffled, which is what its order saves. All take turns; figures are medians, and ratios are
medians of the turns' ratios. `--ray` also runs the study on a Ray cluster on this machine, of one
node with all its cores and of two that share them; it needs Ray beside ethogram (`.venv-ray`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ethogram import parse_study, run_study
from ethogram.engine.local import LOCAL_SLOTS, local_servers

STUDY = """
[study]
name = "local speed"
seed = 1
traits = "opposites24"
max_trials = {trials}
[prompts]
language = "en"
max_chars = 280
[templates]
set = "blunt"
[models.model]
model = "{model}"
temperature = 0.7
seed = 1
max_tokens = 80
concurrency = 4
{ray}
[judges.judge]
model = "{model}"
concurrency = 4
{judge_ray}
"""
RAY = """engine = "ray"
[{table}.ray]
address = "{address}"
replicas = {replicas}
cpus = {cpus}
"""


class Speed(NamedTuple):
    """Tokens per second of wall time; and tokens of prompts, read of all that were sent."""

    generated: float
    read: float
    seconds: float
    computed: int
    sent: int


@contextmanager
def ray_cluster(nodes: int) -> Iterator[tuple[str, int, int]]:
    """Start a cluster on this machine; yields its address, its replicas, and the cores of each."""
    from ray.cluster_utils import Cluster

    import ray

    cpus = max(1, (os.cpu_count() or 1) // nodes)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cpus})
    for _ in range(nodes - 1):
        cluster.add_node(num_cpus=cpus)
    cluster.wait_for_nodes()
    try:
        yield cluster.address, nodes, cpus
    finally:
        ray.shutdown()
        cluster.shutdown()


def run_on_ray(model: str, trials: int, store: Path, nodes: int) -> Speed:
    """Run a study on a cluster of so many nodes."""
    with ray_cluster(nodes) as (address, replicas, cpus):
        model_ray, judge_ray = (
            RAY.format(table=table, address=address, replicas=replicas, cpus=cpus)
            for table in ("models.model", "judges.judge")
        )
        return run_a_study(model, trials, store, ray=model_ray, judge_ray=judge_ray)


def run_a_study(
    model: str, trials: int, store: Path, *, ray: str = "", judge_ray: str = ""
) -> Speed:
    """Run a study; the clock runs while the requests do, and not while weights are loaded."""
    study = parse_study(STUDY.format(model=model, trials=trials, ray=ray, judge_ray=judge_ray))
    run_study(study, store=store, progress=False).raise_if_stopped()
    with closing(sqlite3.connect(store)) as db:
        first, last = db.execute(
            "SELECT min(started), max(started + seconds) FROM attempt"
        ).fetchone()
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM response")]
    return _speed([answer["timings"] for answer in bodies], last - first)


def send_bare(model: str, store: Path, *, shuffled: bool = False) -> Speed:
    """Send a store's requests again, in order or not, with nothing around them."""
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute(
            "SELECT q.body FROM attempt a JOIN request q ON q.id = a.request ORDER BY a.started"
        ).fetchall()
    asked = [json.loads(body) for (body,) in rows]
    bodies = [{"model": a["model"], "messages": a["messages"], **a["params"]} for a in asked]
    if shuffled:
        random.Random(1).shuffle(bodies)
    with local_servers([model]) as urls, ThreadPoolExecutor(LOCAL_SLOTS) as threads:
        url = f"{urls[model]}/chat/completions"
        began = time.perf_counter()
        timings = list(threads.map(lambda body: _post(url, body), bodies))
        return _speed(timings, time.perf_counter() - began)


def _post(url: str, body: dict[str, object]) -> dict[str, float]:
    """Send one request; returns llama.cpp's own count of tokens."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        timings: dict[str, float] = json.load(answer)["timings"]
    return timings


def _speed(timings: Sequence[dict[str, float]], seconds: float) -> Speed:
    """Sum what was generated, and what was read and not taken from the cache."""
    generated = sum(t["predicted_n"] for t in timings)
    read = sum(t["prompt_n"] for t in timings)
    sent = read + sum(t.get("cache_n", 0) for t in timings)
    return Speed(generated / seconds, read / seconds, seconds, int(read), int(sent))


def main() -> None:
    """Take turns, then print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="local/smollm2")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ray", action="store_true")
    asked = parser.parse_args()
    turns: dict[str, list[Speed]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(asked.runs):
            store = Path(folder) / f"{run}.db"
            turn = {
                "ethogram": run_a_study(asked.model, asked.trials, store),
                "llama.cpp alone": send_bare(asked.model, store),
                "llama.cpp alone, shuffled": send_bare(asked.model, store, shuffled=True),
            }
            for nodes in (1, 2) if asked.ray else ():
                kept = Path(folder) / f"{run}-{nodes}.db"
                turn[f"ethogram, Ray, nodes: {nodes}"] = run_on_ray(
                    asked.model, asked.trials, kept, nodes
                )
            for name, speed in turn.items():
                turns.setdefault(name, []).append(speed)
    print_table(asked.model, turns)


def print_table(model: str, turns: dict[str, list[Speed]]) -> None:
    """Print medians, and each one's share of llama.cpp's speed."""
    bare = turns["llama.cpp alone"]
    print(
        "| | generated tokens/s | prompt tokens/s | seconds | prompt tokens computed of sent | "
        "speed |\n|---|---|---|---|---|---|"
    )
    for name, runs in turns.items():
        ratio = median(b.seconds / o.seconds for o, b in zip(runs, bare, strict=True))
        cells = [f"{median(getattr(run, f) for run in runs):.1f}" for f in Speed._fields[:3]]
        one = runs[len(runs) // 2]
        cells.append(f"{one.computed:,} of {one.sent:,}")
        print(f"| {name} | {' | '.join(cells)} | {ratio:.0%} |")
    print(f"\n{model}, {len(bare)} turns.")


if __name__ == "__main__":
    main()
