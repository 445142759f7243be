"""What the verbs on batches print."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethogram.cli.tables import Table
from ethogram.ratings.numbers import count_words

if TYPE_CHECKING:
    from ethogram.api import ReadBatches, WrittenBatches
    from ethogram.cli.wrapping import WrappingConsole
    from ethogram.engine.batch.book import Batch


def print_batches(console: WrappingConsole, batches: Sequence[Batch]) -> None:
    """Print a line per batch, and what to do about those that nobody knows the state of."""
    if not batches:
        console.print("No batches.")
        return
    table = Table(
        ("batch", "number"),
        ("of", "name"),
        ("state", "word"),
        ("answers", "number"),
        ("made", "word"),
        ("the service says", "name"),
    )
    for one in batches:
        table.add_row(
            str(one.id),
            one.owner,
            one.state,
            f"{one.answered:,} of {one.lines:,}",
            time.strftime("%m-%d %H:%M", time.localtime(one.created)),
            one.said,
        )
    table.print(console)
    from ethogram.run.transports import say_held

    for one in batches:
        if one.state == "held":
            console.print(say_held(one))


def say_under_way(batches: Sequence[Batch]) -> Iterator[str]:
    """Name the batches that are at a service yet: they go on without us, and are paid for."""
    for one in batches:
        if one.state == "submitted":
            left = count_words(one.lines - one.answered, "request")
            yield (
                f"Batch {one.id} of {one.owner} ({left}) goes on at its service, and is paid for: "
                "run it again to collect the answers."
            )


def batches_json(batches: Sequence[Batch]) -> dict[str, Any]:
    """Return batches as JSON."""
    return {"batches": [batch._asdict() for batch in batches]}


def say_written(made: WrittenBatches, folder: Path) -> Iterator[str]:
    """Say what was written, what was not, and what comes next."""
    for path, lines in made.files.items():
        yield f"{path}: {count_words(lines, 'request')}"
    for place, lines in made.before.items():
        words = count_words(lines, "request")
        yield (
            f"{words} left out: in {place}, without an answer so far (--again writes them anew)"
            if not place.startswith("batch ")
            else f"{words} left out: in {place}"
        )
    if made.files:
        yield (
            f"Run them, put the answers into {folder} under any name, then: "
            f"ethogram batch read {folder}"
        )
    elif not made.before:
        yield "Nothing to write: no request is pending that could be asked now."
        yield from made.said


def say_read(taken: ReadBatches) -> Iterator[str]:
    """Say what was taken, and what is pending yet."""
    found = taken.found
    yield (
        f"{count_words(found.answers, 'answer')} from {count_words(found.files, 'file')} into "
        f"{taken.store}."
    )
    settled = sum(meter.done + meter.lost for meter in taken.run.meters.values())
    if found.answers > settled:
        yield (
            f"{found.answers - settled:,} of them cannot be used (no verdict, or failed in "
            "passing) and are asked again: write again."
        )
    if found.others:
        yield f"{count_words(found.others, 'line')} passed over: read before, or not of this study."
    if found.twice:
        words = count_words(found.twice, "line")
        yield f"{words} passed over: another answer to the same request came before."
    if found.unreadable:
        yield f"{count_words(found.unreadable, 'line')} cannot be read as an answer."
    pending = sum(count.pending for count in taken.counts)
    if pending:
        yield (
            f"{pending:,} answers are pending: write again for what can be asked now, such as "
            "the judging of these replies."
        )
    elif taken.in_rounds:
        yield "Nothing is pending: write again for the next round, if there is one."
