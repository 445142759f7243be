"""`make bench`: every figure on speed and memory in bench/README.md, measured anew.

::

    python -m bench [--only load|memory|reading|ratings|sizes|reports|view|local] [--quick]

`local` is run by `.venv-ray/bin/python` where that is there (`make test-ray` makes it), for Ray.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from bench import load_bench, ratings_bench, report_bench, size_bench, view_bench

PARTS = ("load", "memory", "reading", "ratings", "sizes", "reports", "view", "local")
RAY = Path(__file__).parents[1] / ".venv-ray/bin/python"


def main() -> None:
    """Run what is asked for, one after the other: they would slow each other down."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    asked = parser.parse_args()
    if asked.only not in {"ratings", "sizes", "reports", "view", "local"}:
        load_bench.main(asked.only, quick=asked.quick)
    if asked.only in {None, "ratings"}:
        print("\nRatings\n")
        ratings_bench.main()
    if asked.only in {None, "sizes"}:
        print("\nThousands of traits\n")
        size_bench.main(quick=asked.quick)
    if asked.only in {None, "reports"}:
        print("\nReports\n")
        report_bench.main()
    if asked.only in {None, "view"}:
        print("\nIn the browser\n")
        view_bench.main(quick=asked.quick)
    if asked.only in {None, "local"}:
        print("\nLocal models, and Ray\n", flush=True)
        runs = ["--runs", "1"] if asked.quick else []
        python, ray = (str(RAY), ["--ray"]) if RAY.is_file() else (sys.executable, [])
        subprocess.run([python, "-m", "bench.local_speed", *runs, *ray], check=True)


if __name__ == "__main__":
    main()
