"""The progress display of a run: one line per stage, on standard error."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ethogram.engine.caller import Meter
from ethogram.run.runner import Run

SECONDS = 0.5  # between two updates
WINDOW = 60  # updates that the rate is taken over


class Progress:
    """Shows done, lost, tokens/s, time left and cost so far for each stage.

    On a terminal it is a table that is redrawn; elsewhere (a log file) one line per stage every
    half minute.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._seen: dict[tuple[str, str], deque[tuple[float, int, int]]] = {}

    async def watch(self, run: Run) -> None:
        """Redraw until cancelled, and once more then."""
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False, transient=False) as live:
                await self._loop(run, lambda: live.update(self._table(run), refresh=True), SECONDS)
        else:
            await self._loop(run, lambda: self._console.print(self._table(run)), 30.0)

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
        for title in ("stage", "name"):
            table.add_column(title, overflow="ellipsis", no_wrap=True)
        for title in ("done", "lost", "tokens/s", "left", "cost"):
            table.add_column(title, justify="right", no_wrap=True)
        for key, meter in run.meters.items():
            planned, done, lost = run.totals.get(key, (0, 0, 0))
            settled = done + lost + meter.done + meter.lost
            rate, tokens = self._rates(key, meter)
            table.add_row(
                key[0],
                key[1][:24],
                f"{done + meter.done:,} of {planned:,}",
                f"{lost + meter.lost:,}",
                f"{tokens:,.0f}" if tokens else "-",
                _clock((planned - settled) / rate) if rate and planned > settled else "-",
                _money(meter),
            )
        table.caption = "\n".join(_pauses(run)) or None
        table.caption_justify = "left"
        if run.interrupted:
            table.caption = "finishing calls in flight; Ctrl-C again drops them"
        return table

    def _rates(self, key: tuple[str, str], meter: Meter) -> tuple[float, float]:
        """Return rows and tokens per second, over the last half minute."""
        seen = self._seen.setdefault(key, deque([(self._start, 0, 0)], maxlen=WINDOW))
        now = time.monotonic()
        seen.append((now, meter.done + meter.lost, meter.tokens))
        then, rows, tokens = seen[0]
        span = max(now - then, 1e-9)
        return (meter.done + meter.lost - rows) / span, (meter.tokens - tokens) / span


def _money(meter: Meter) -> str:
    """US dollars so far; a question mark where some are unknown."""
    if meter.unknown_cost and not meter.cost:
        return "unknown"
    return f"${meter.cost:,.4f}{'+?' if meter.unknown_cost else ''}"


def _clock(seconds: float) -> str:
    """Return h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _pauses(run: Run) -> list[str]:
    """Say which endpoints are left alone, until when and why."""
    now = time.time()
    return [
        f"{name} waits until {time.strftime('%H:%M:%S', time.localtime(meter.waits_until))}: "
        f"{' '.join(meter.waits_for.split())[:200]}"
        for (_, name), meter in run.meters.items()
        if meter.waits_until > now + 1
    ]
