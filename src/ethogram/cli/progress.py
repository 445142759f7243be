"""The progress display of a run: one line per stage, on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ethogram.run.display import LOG_SECONDS, SECONDS
from ethogram.run.progress import HEADS, Pace, remarks
from ethogram.run.runner import Run


class Progress:
    """Shows done, lost, tokens/s, time left and cost so far for each stage.

    On a terminal it is a table that is redrawn; elsewhere (a log file) one line per stage every
    half minute.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()

    async def watch(self, run: Run) -> None:
        """Redraw until cancelled, and once more then."""
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False, transient=False) as live:
                await self._loop(run, lambda: live.update(self._table(run), refresh=True), SECONDS)
        else:
            await self._loop(run, lambda: self._console.print(self._table(run)), LOG_SECONDS)

    async def _loop(self, run: Run, draw: Callable[[], None], seconds: float) -> None:
        try:
            while True:
                draw()
                await asyncio.sleep(seconds)
        finally:
            draw()

    def _table(self, run: Run) -> Table:
        """Lay the numbers out."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in HEADS[:2]:
            table.add_column(title, overflow="ellipsis", no_wrap=True)
        for title in HEADS[2:]:
            table.add_column(title, justify="right", no_wrap=True)
        for stage in self._pace.read(run):
            table.add_row(*stage.cells())
        table.caption = "\n".join(remarks(run)) or None
        table.caption_justify = "left"
        return table
