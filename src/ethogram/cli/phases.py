"""What a long rating, analysis or report is busy with, on standard error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from ethogram.ratings.phases import listening

PATIENCE = 1.0  # seconds before anything is shown: most commands are done by then
LINES_APART = 15.0  # seconds between two lines where there is no terminal


@contextmanager
def shown(console: Console) -> Iterator[None]:
    """Show the present phase once a second has passed, while this lasts.

    On a terminal it is one line that changes and goes away; elsewhere (a log file) a line every
    quarter of a minute, the first after as long.
    """
    watch = _Watch(console)
    watch.start()
    try:
        with listening(watch.note):
            yield
    finally:
        watch.end()


class _Watch(threading.Thread):
    """Writes in a thread of its own: linear algebra leaves the interpreter free meanwhile."""

    def __init__(self, console: Console) -> None:
        super().__init__(daemon=True)
        self._console, self._over = console, threading.Event()
        self._phase, self._start = "", time.monotonic()

    def note(self, phase: str) -> None:
        """Remember what is done now."""
        self._phase = phase

    def end(self) -> None:
        """Stop showing, before anything else is printed."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Show until the end."""
        if self._over.wait(PATIENCE if self._console.is_terminal else LINES_APART):
            return
        if self._console.is_terminal:
            with self._console.status(self._line()) as status:
                while not self._over.wait(0.2):
                    status.update(self._line())
            return
        while True:
            self._console.print(self._line())
            if self._over.wait(LINES_APART):
                return

    def _line(self) -> str:
        """Phase and seconds so far."""
        seconds = time.monotonic() - self._start
        return f"{self._phase or 'reading'} ({seconds:,.0f} s)"
