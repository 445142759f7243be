"""The progress of fetching a model, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ethogram.cli.console import is_quiet
from ethogram.engine.fetch import Fetching


@contextmanager
def show_fetching(console: Console) -> Iterator[Callable[[Fetching], None]]:
    """Yield what is called with each step: a bar on a terminal, else one line per step."""
    if is_quiet():
        yield lambda at: None
    elif not console.is_terminal:
        yield lambda at: console.print(
            f"{at.doing}: {at.done / 1e6:,.0f} of {at.total / 1e6:,.0f} MB"
        )
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task("")

            def tell(at: Fetching) -> None:
                bar.update(task, description=at.doing, completed=at.done, total=at.total)

            yield tell
