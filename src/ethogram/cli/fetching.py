"""The progress of fetching a model, on standard error."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ethogram.cli.console import is_quiet
from ethogram.engine.fetch import Fetching


@contextmanager
def show_fetching(console: Console) -> Iterator[Callable[[Fetching], None]]:
    """Yield what is called with each step: a bar on a terminal, else one line per step.

    Meanwhile SIGTERM is what Ctrl-C is, so that a fetch that is ended by it leaves nothing behind.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        if is_quiet():
            yield lambda at: None
        elif console.is_terminal:
            with _bar(console) as tell:
                yield tell
        else:
            yield _lines(console)
    except KeyboardInterrupt:
        if not is_quiet():
            console.print("interrupted: the same command goes on from what is whole")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _lines(console: Console) -> Callable[[Fetching], None]:
    """Return what prints a line where a step begins."""
    last = ""

    def tell(at: Fetching) -> None:
        nonlocal last
        if at.doing != last:
            console.print(f"{at.doing}: {at.done / 1e6:,.0f} of {at.total / 1e6:,.0f} MB")
        last = at.doing

    return tell


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Fetching], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("")
        yield lambda at: bar.update(task, description=at.doing, completed=at.done, total=at.total)
