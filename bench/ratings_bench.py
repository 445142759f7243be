"""Time and memory of the ratings against three peers, on the same 10,296 comparisons of 144 traits.

    python -m bench.ratings_bench

The peers are heavy, so they live in an environment of their own, `.venv-bench/`, which this script
makes. Every contender runs alone in a process of its own, with one BLAS thread.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PEERS_ENV = ROOT / ".venv-bench"
PEERS = ("evalica==0.4.2", "arena-rank==0.1.1", "choix==0.4.1")
CONTENDERS = ("ethogram", "evalica", "choix", "arena-rank")
CLOSE = ("ethogram", "evalica")  # run three times; the others are many times slower
N_TRAITS, RESAMPLES = 144, 1000


def simulate(k, n, seed=0):
    """Draw n comparisons of k traits: every pair in turn, shown in a random order."""
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, 1.2, k)
    low, high = np.triu_indices(k, 1)
    order = rng.permutation(len(low))
    pair = order[np.arange(n) % len(low)]
    swap = rng.random(n) < 0.5
    first = np.where(swap, high[pair], low[pair])
    second = np.where(swap, low[pair], high[pair])
    won = rng.random(n) < 1 / (1 + np.exp(strengths[second] - strengths[first]))
    return first, second, won.astype(float)


def peers_python():
    """The interpreter of the peers' environment, made at the first call."""
    python = PEERS_ENV / "bin" / "python"
    stamp = PEERS_ENV / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(PEERS):
        venv.create(PEERS_ENV, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        stamp.write_text(" ".join(PEERS))
    return python


def run(script, arguments, python=sys.executable):
    """What a contender printed as JSON; its errors, too, are shown."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [str(python), str(ROOT / "bench" / script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def against_peers():
    """One fit and 1,000 resamples, each contender by itself; the close ones best of three runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "comparisons.npz"
        first, second, won = simulate(N_TRAITS, N_TRAITS * (N_TRAITS - 1) // 2)
        np.savez(path, first=first, second=second, won=won)
        rows = []
        for name in CONTENDERS:
            python = sys.executable if name == "ethogram" else peers_python()
            runs = [
                run("ratings_contender.py", (name, path, RESAMPLES), python)
                for _ in range(3 if name in CLOSE else 1)
            ]
            rows.append(
                {
                    "name": name,
                    "fit": min(r["fit"] for r in runs),
                    "resamples": min(r["resamples"] for r in runs),
                    "timed": runs[0]["timed"],
                    "memory": max(r["memory"] for r in runs),
                    "strengths": np.array(runs[0]["strengths"]),
                }
            )
    return rows


def growth():
    """Seconds to count and fit, and for a whole profile, as traits and comparisons grow."""
    sizes = [(144, n) for n in (10**4, 10**5, 10**6, 10**7)] + [(500, 10**6), (1000, 10**6)]
    return [run("ratings_contender.py", ("growth", k, n)) for k, n in sizes]


def main():
    """Print both tables."""
    started = time.perf_counter()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    print(f"\n{N_TRAITS} traits, 10,296 comparisons")
    print(f"{'':12}{'one fit':>10}{'1,000 resamples':>18}{'peak memory':>13}{'agreement':>12}")
    rows = against_peers()
    ours = rows[0]
    for row in rows:
        scaled = "" if row["timed"] == RESAMPLES else f"  ({row['timed']} resamples, scaled up)"
        off = np.abs(row["strengths"] - ours["strengths"]).max()
        print(
            f"{row['name']:12}{row['fit']:>9.4f}s{row['resamples']:>17.2f}s"
            f"{row['memory']:>10.0f} MB{off:>12.1e}{scaled}"
        )
    peers = rows[1:]
    fit = ours["fit"] / min(row["fit"] for row in peers)
    resamples = min(row["resamples"] for row in peers) / ours["resamples"]
    print(f"one fit takes {fit:.2f} times the fastest peer's (goal: at most 1.5)")
    print(f"1,000 resamples are {resamples:.1f} times faster than the best peer's (goal: 3)")
    print(f"peak memory {ours['memory']:.0f} MB (goal: under 300)")
    print("\nHow the cost grows")
    print(f"{'traits':>8}{'comparisons':>14}{'count + fit':>13}{'whole profile':>15}{'memory':>10}")
    for row in growth():
        whole = f"{row['rate']:.2f}s" if row["rate"] is not None else "-"
        print(
            f"{row['k']:>8}{row['n']:>14,}{row['fit']:>12.3f}s{whole:>15}{row['memory']:>7.0f} MB"
        )
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
