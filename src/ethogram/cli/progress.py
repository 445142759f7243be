"""The progress display of a run: one line per stage, on standard error."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ethogram.run.display import LOG_SECONDS, SECONDS, watch_with
from ethogram.run.progress import HEADS, StageProgress
from ethogram.run.runner import Run


class Progress:
    """Shows done, lost, tokens/s, time left and cost so far for each stage.

    On a terminal it is a table that is redrawn; elsewhere (a log file) one line per stage every
    half minute.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    async def watch(self, run: Run) -> None:
        """Redraw until cancelled, and once more then."""
        if not self._console.is_terminal:
            await watch_with(lambda *told: self._console.print(_table(*told)), LOG_SECONDS)(run)
            return
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            await watch_with(lambda *told: live.update(_table(*told), refresh=True), SECONDS)(run)


def _table(stages: Sequence[StageProgress], said: Sequence[str]) -> Table:
    """Lay the numbers out."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in HEADS[:2]:
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    for title in HEADS[2:]:
        table.add_column(title, justify="right", no_wrap=True)
    for stage in stages:
        table.add_row(*stage.cells())
    table.caption = "\n".join(said) or None
    table.caption_justify = "left"
    return table
