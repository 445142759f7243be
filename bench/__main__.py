"""`make bench`: every figure on speed and memory in bench/README.md, measured anew.

::

    python -m bench [--only load|memory|reading|ratings|sizes|reports] [--quick]
"""

from __future__ import annotations

import argparse

from bench import load_bench, ratings_bench, report_bench, size_bench

PARTS = ("load", "memory", "reading", "ratings", "sizes", "reports")


def main() -> None:
    """Run what is asked for, one after the other: they would slow each other down."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    asked = parser.parse_args()
    if asked.only not in {"ratings", "sizes", "reports"}:
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


if __name__ == "__main__":
    main()
