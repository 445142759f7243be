"""What was planned, done and lost, as `status` and the verbs that ask print it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ethogram.cli.tables import Table, shorten
from ethogram.store.counts import others_said

if TYPE_CHECKING:
    from ethogram.cli.tables import AnyConsole
    from ethogram.store.counts import StageCount


def print_counts(console: AnyConsole, counts: Sequence[StageCount]) -> None:
    """Print planned, done and lost of each stage, and the losses by status."""
    table = Table(
        ("stage", "word"),
        ("model", "name"),
        ("judge", "name"),
        ("part", "word"),
        ("planned", "number"),
        ("done", "number"),
        ("cut", "number"),
        ("named", "number"),
        ("lost", "number"),
        ("pending", "number"),
    )
    for c in counts:
        table.add_row(
            c.stage,
            c.model,
            c.judge,
            _part(c, counts),
            f"{c.planned:,}",
            f"{c.done:,}",
            f"{c.truncated:,}",
            f"{c.named:,}" if c.stage == "elicit" else "",
            f"{c.lost:,}",
            f"{c.pending:,}",
        )
    table.print(console)
    for c in counts:
        if c.losses:
            kinds = ", ".join(f"{n} {status}" for status, n in sorted(c.losses.items()))
            worst = sorted(c.losses_by_trait.items(), key=lambda item: -item[1])[:3]
            traits = ", ".join(f"{trait} {n}" for trait, n in worst)
            part = f", {c.part}" if c.part != "main" else ""
            most = f"; most affected: {traits}" if traits else ""
            by = f" by {c.judge}" if c.judge else ""
            console.print(f"lost in {c.stage}, {c.model}{by}{part}: {kinds}{most}")
        _print_reasons(console, c)
    _print_others(console, counts)


def name_row(count: StageCount, counts: Sequence[StageCount]) -> str:
    """Name the model, the judge where there is one, and the part if it is not the study itself."""
    who = f"{count.model} by {count.judge}" if count.judge else count.model
    return f"{who}, {_part(count, counts)}" if count.part != "main" else who


def _part(count: StageCount, counts: Sequence[StageCount]) -> str:
    """Name a part; by its condition where it is the study itself, or has several."""
    if count.part == "main":
        return "main" if count.condition == "feels" else count.condition
    conditions = {c.condition for c in counts if (c.stage, c.part) == (count.stage, count.part)}
    return f"{count.part}, {count.condition}" if len(conditions) > 1 else count.part


def print_providers(console: AnyConsole, providers: Sequence[tuple[str, str, str, int]]) -> None:
    """Print who answered, where an address has several behind it, or nodes."""
    for (stage, name), rows in groupby(providers, key=lambda row: row[:2]):
        told = ", ".join(f"{provider} {n:,}" for *_, provider, n in rows)
        console.print(f"{stage}, {name}: answered by {told}")


def print_losses(console: AnyConsole, counts: Sequence[StageCount]) -> None:
    """Print the account of what was lost, in sentences."""
    for c in counts:
        who = name_row(c, counts)
        kinds = ", ".join(f"{n} {s}" for s, n in sorted(c.losses.items())) or "none"
        more = [f"{c.pending:,} pending"] if c.pending else []
        if c.truncated:
            more.append(f"{c.truncated} truncated, kept")
        if c.other_finish:
            more.append(f"{c.other_finish} ended for an unknown reason (finish_reason), kept")
        if c.named:
            more.append(f"{c.named} naming a trait although told not to")
        if c.split:
            more.append(f"{c.split} with thoughts in the text, stripped before judging")
        what = (
            "verdicts" if c.judge else "answers" if c.stage in ("stated", "likert") else "replies"
        )
        tail = f"; {'; '.join(more)}" if more else ""
        console.print(f"{what}, {who}: {c.done:,} of {c.planned:,}; lost: {kinds}{tail}.")
        _print_reasons(console, c)
    _print_others(console, counts)


def _print_reasons(console: AnyConsole, count: StageCount) -> None:
    """Print why rows were lost, in the services' words."""
    for status, reason, n in count.reasons:
        console.print(f"  {n:,} {status}: {shorten(reason, 300)}")


def _print_others(console: AnyConsole, counts: Sequence[StageCount]) -> None:
    """Print where a service answered with another model than was asked."""
    for said in others_said(counts):
        console.print(f"{said}.")
