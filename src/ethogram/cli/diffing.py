"""What `ethogram diff` prints and writes, and the exit code that says the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.cli.tables import Table
from ethogram.errors import InputError
from ethogram.ratings.gate_forms import (
    difference_markdown,
    estimate_words,
    interval_words,
    intervals_words,
    junit_xml,
    movement_words,
    overall_words,
    percent,
    verdict_words,
    worst_first,
)
from ethogram.ratings.gates import OVERALL, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethogram.cli.wrapping import WrappingConsole
    from ethogram.ratings.differences import Difference
    from ethogram.ratings.drifts import Drift
    from ethogram.ratings.gates import Row

CODES = {None: 0, Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNDECIDED: 3}
"""Exit code of each verdict; without a gate there is none."""

MOST = 20  # rows that are printed of those nobody named


def print_difference(console: WrappingConsole, found: Difference, *, every: bool = False) -> None:
    """Print the verdict first, then the rows, then what they rest on."""
    who = f"{found.after or 'after'} minus {found.before or 'before'}, in rating points"
    if found.gate is None:
        console.print(f"\n{who}", style="bold")
        _print_moved(console, found, every=every)
        console.print(movement_words(found))
    else:
        console.print(f"\n{str(found.verdict).upper()}: gate {found.gate.name}", style="bold")
        console.print(f"{verdict_words(found)} {who}:")
        _print_bounds(console, found, every=every)
    for line in overall_words(found):
        console.print(line)
    for said in found.accepted:
        console.print(f"Accepted although it differs: {said}.")
    for line in (intervals_words(found), *found.notes):
        console.print(line, style="dim")


def _print_moved(console: WrappingConsole, found: Difference, *, every: bool) -> None:
    """Print the traits that moved, the largest shift first; all of few."""
    few = every or len(found.rows) < len(found.shift.traits)
    rows = sorted(found.rows if few else found.moved, key=lambda row: -abs(row.interval.estimate))
    table = Table(
        ("trait", "name"), ("shift", "number"), ("interval", "number"), ("movement", "word")
    )
    shown = rows if few else rows[:MOST]
    for row in shown:
        table.add_row(row.trait, estimate_words(row), interval_words(row), row.movement)
    if shown:
        table.print(console)
    if len(shown) < len(rows):
        console.print(f"and {len(rows) - len(shown):,} more that moved (--all)")


def _print_bounds(console: WrappingConsole, found: Difference, *, every: bool) -> None:
    """Print failed bounds, undecided ones, then those that passed."""
    rows = worst_first(found.rows)
    left = 0 if every else max(0, len(rows) - _shown(rows, found))
    table = Table(
        ("verdict", "word"),
        ("trait", "name"),
        ("asked", "word"),
        ("shift", "number"),
        ("interval", "number"),
        ("further comparisons", "number"),
    )
    for row in rows[: len(rows) - left]:
        table.add_row(
            str(row.verdict),
            row.trait or OVERALL,
            row.bound.words if row.bound else "",
            estimate_words(row),
            interval_words(row),
            _further(row),
        )
    table.print(console)
    if left:
        passed = sum(row.verdict is Verdict.PASS for row in rows[len(rows) - left :])
        console.print(f"and {left:,} more, of which {passed:,} passed (--all)")
    if any(row.verdict is Verdict.UNDECIDED for row in rows):
        console.print(
            "Further comparisons: about how many on each side would settle what is undecided, if "
            "the estimate stays where it is.",
            style="dim",
        )


def _shown(rows: Sequence[Row], found: Difference) -> int:
    """How many rows are printed: as many as the gate names, and at least `MOST`."""
    named = len(found.gate.bounds) if found.gate else 0
    return max(MOST, named)


def _further(row: Row) -> str:
    if row.verdict is not Verdict.UNDECIDED:
        return ""
    return "no number" if row.further is None else f"{row.further:,}"


def print_drift(console: WrappingConsole, found: Drift, *, every: bool = False) -> None:
    """Print a table of traits by releases; then what it rests on."""
    console.print(f"\nDrift since {found.since}, in rating points", style="bold")
    traits = found.charted
    if every and not found.traits:
        traits = tuple(row.trait for row in found.differences[-1].rows)
    table = Table(
        ("trait", "name"),
        ("release", "name"),
        ("shift", "number"),
        ("interval", "number"),
        ("movement", "word"),
    )
    for trait in traits:
        for one in found.differences:
            row = next((row for row in one.rows if row.trait == trait), None)
            if row is not None:
                cells = (estimate_words(row), interval_words(row), row.movement)
                table.add_row(trait, one.after, *cells)
    table.print(console)
    for one in found.differences:
        console.print(f"{one.after}: {movement_words(one)} {' '.join(overall_words(one))}")
    console.print(
        f"All intervals of all releases, those to come included, hold at once with probability "
        f"{percent(found.joint)}: the n-th release may spend 6/(π² n²) of the error.",
        style="dim",
    )
    for line in _drift_notes(found):
        console.print(line, style="dim")


def _drift_notes(found: Drift) -> list[str]:
    """Return what is said of every release once, and what is said of some with their names."""
    said: dict[str, list[str]] = {}
    for one in found.differences:
        accepted = [f"Accepted although it differs: {what}." for what in one.accepted]
        for line in (*accepted, *one.notes):
            said.setdefault(line, []).append(one.after)
    every = len(found.differences)
    return [
        line if len(names) == every else f"{', '.join(names)}: {line}"
        for line, names in said.items()
    ]


def check_files(
    junit: Path | None,
    markdown: Path | None,
    chart: Path | None,
    *,
    gate: Path | None,
    sources: Sequence[Path],
    force: bool,
) -> None:
    """Refuse, before any work, files that cannot be written, or that the request does not give.

    Raises
    ------
    InputError
    """
    from ethogram.figures.save import FORMATS
    from ethogram.stimuli.tables.written import check_outputs

    if junit is not None and gate is None:
        raise InputError("--junit needs a gate: a test case is a bound (--gate FILE)")
    if chart is not None and chart.suffix.removeprefix(".") not in FORMATS:
        raise InputError(f"{chart}: a chart ends in {', '.join('.' + name for name in FORMATS)}")
    paths = [path for path in (junit, markdown, chart) if path is not None]
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError(f"{paths[0]} is named twice: give each output a file of its own")
    read = [path for path in (*sources, gate) if path is not None]
    check_outputs(paths, force=force, sources=read)


def write_files(found: Difference, junit: Path | None, markdown: Path | None) -> None:
    """Write what other programs read."""
    from ethogram.stimuli.tables.written import write_whole

    if junit is not None:
        write_whole(junit, junit_xml(found))
    if markdown is not None:
        write_whole(markdown, difference_markdown(found).encode())
