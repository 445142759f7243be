"""What `ethogram exemplars` prints: a line per judge, then what it sees and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ethogram.validity.exemplars import Sight

if TYPE_CHECKING:
    from ethogram.cli.wrapping import WrappingConsole

ROWS = 5  # traits that are shown of those a judge sees least


def print_sights(console: WrappingConsole, sights: Sequence[Sight], *, every: bool = False) -> None:
    """Print each judge: the finding, its details, and the traits that it sees least."""
    for sight in sights:
        found = sight.accuracy
        console.print(f"{found.judge}: {sight.sentence}")
        console.print(
            f"{sight.replies:,} written {'reply' if sight.replies == 1 else 'replies'} "
            f"({sight.exemplars}), each with its trait shown "
            f"first and shown second; lean to the word shown first {found.lean.percent}; "
            f"{sight.lost:,} lost."
        )
        if sight.without_p_sentence:
            console.print(f"{found.judge}: {sight.without_p_sentence}")
        for sentence in sight.findings():
            console.print(sentence)
        head, *lines = _trait_lines(sight, every=every) or [""]
        if lines:
            console.print(head)
        for line in lines:
            console.print_row(line)


def _trait_lines(sight: Sight, *, every: bool) -> list[str]:
    """Return a line per trait, the least seen first."""
    found = sight.accuracy
    asked = [i for i, n in enumerate(found.counts) if n]
    order = sorted(asked, key=lambda i: float(found.accuracy[i]))
    shown = order if every else order[:ROWS]
    width = max((len(found.traits[i]) for i in shown), default=0)
    lines = [
        f"  {found.traits[i]:<{width}}  {found.hits[i]:>3g} of {found.counts[i]:<3} "
        f"{100 * found.accuracy[i]:3.0f}% ({100 * found.low[i]:.0f} to {100 * found.high[i]:.0f})"
        for i in shown
    ]
    head = "By trait, the least seen first; estimates are drawn toward the common value:"
    rest = len(order) - len(shown)
    return [head, *lines, *([f"  and {rest} more (--all)"] if rest else [])] if lines else []
