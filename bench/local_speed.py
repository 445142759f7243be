"""How much of llama.cpp's speed is left: tokens per second of a study, and of its requests bare.

::

    python -m bench.local_speed [--model local/smollm2] [--trials 24] [--runs 3]

A study is run on an empty store, replies and verdicts; then its requests, word for word, are sent
to a server of the same settings by four threads that do nothing else. The two take turns; figures
are medians, and the ratio is the median of the turns' ratios.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
[judges.judge]
model = "{model}"
concurrency = 4
"""


class Speed(NamedTuple):
    """Tokens per second of wall time."""

    generated: float
    read: float
    seconds: float


def run_a_study(model: str, trials: int, store: Path) -> Speed:
    """Run a study; the clock runs while the requests do, and not while weights are loaded."""
    study = parse_study(STUDY.format(model=model, trials=trials))
    run_study(study, store=store, progress=False).raise_if_stopped()
    with closing(sqlite3.connect(store)) as db:
        first, last = db.execute(
            "SELECT min(started), max(started + seconds) FROM attempt"
        ).fetchone()
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM response")]
    return _speed([answer["timings"] for answer in bodies], last - first)


def send_bare(model: str, store: Path) -> Speed:
    """Send a store's requests again, in order, with nothing around them."""
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute(
            "SELECT q.body FROM attempt a JOIN request q ON q.id = a.request ORDER BY a.started"
        ).fetchall()
    asked = [json.loads(body) for (body,) in rows]
    bodies = [{"model": a["model"], "messages": a["messages"], **a["params"]} for a in asked]
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
    return Speed(generated / seconds, read / seconds, seconds)


def main() -> None:
    """Take turns, then print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="local/smollm2")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(asked.runs):
            store = Path(folder) / f"{run}.db"
            ours.append(run_a_study(asked.model, asked.trials, store))
            bare.append(send_bare(asked.model, store))
    print("| | generated tokens/s | prompt tokens/s | seconds |\n|---|---|---|---|")
    for name, runs in (("ethogram", ours), ("llama.cpp alone", bare)):
        cells = [f"{median(getattr(run, f) for run in runs):.1f}" for f in Speed._fields]
        print(f"| {name} | {' | '.join(cells)} |")
    ratio = median(b.seconds / o.seconds for o, b in zip(ours, bare, strict=True))
    print(f"\n{asked.model}, {asked.runs} turns: {ratio:.0%} of llama.cpp's speed.")


if __name__ == "__main__":
    main()
