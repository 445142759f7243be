"""The progress display of `run_study` in Python: in a notebook, on a terminal, in a log.

Plain text and plain HTML; the command line has a display of its own on top of the same numbers.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TextIO

from markupsafe import Markup, escape

from ethogram.ratings.cards import text_table
from ethogram.run.progress import HEADS, Pace, StageProgress, remarks
from ethogram.run.runner import Run, Watch

SECONDS = 0.5  # between two updates
LOG_SECONDS = 30.0  # the same where nothing can be redrawn

Show = Callable[[Sequence[StageProgress], Sequence[str]], None]
"""Shows the stages, and what is to be remarked on."""


def choose_watch(progress: bool | None) -> Watch | None:
    """Return what shows the progress of a run, or None for nothing.

    Parameters
    ----------
    progress : bool or None
        None: in a notebook, and where standard output and standard error are a terminal.
    """
    if progress is False:
        return None
    if in_notebook():
        return watch_with(_NotebookDisplay(), SECONDS)
    if _is_terminal(sys.stdout) and _is_terminal(sys.stderr):
        return watch_with(_TerminalDisplay(sys.stderr), SECONDS)
    return watch_with(_log_to(sys.stderr), LOG_SECONDS) if progress else None


def watch_with(show: Show, seconds: float) -> Watch:
    """Return what shows a run every so many seconds until it is cancelled, and once more then."""

    async def watch(run: Run) -> None:
        pace = Pace()
        try:
            while True:
                show(pace.read(run), remarks(run))
                await asyncio.sleep(seconds)
        finally:
            show(pace.read(run), [])  # what was waited for is over

    return watch


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel; IPython on a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return "IPKernelApp" in getattr(shell, "config", {})


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


class _NotebookDisplay:
    """One output of the cell, which is redrawn."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, stages: Sequence[StageProgress], said: Sequence[str]) -> None:
        ipython = import_module("IPython.display")  # it has no types
        page = ipython.HTML(progress_html(stages, said))
        if self._handle is None:
            self._handle = ipython.display(page, display_id=True)
        else:
            self._handle.update(page)


class _TerminalDisplay:
    """A few lines, which are redrawn."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines = 0

    def __call__(self, stages: Sequence[StageProgress], said: Sequence[str]) -> None:
        columns = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be taken back
        lines = [line[:columns] for line in [*_lines(stages), *said]]
        up = f"\x1b[{self._lines}A\x1b[J" if self._lines else ""
        self._stream.write(up + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._lines = len(lines)


def _log_to(stream: TextIO) -> Show:
    def show(stages: Sequence[StageProgress], said: Sequence[str]) -> None:
        print(*_lines(stages), *said, sep="\n", file=stream, flush=True)

    return show


def _lines(stages: Sequence[StageProgress]) -> list[str]:
    return text_table(HEADS, [stage.cells() for stage in stages], left=2)


def progress_html(stages: Sequence[StageProgress], said: Sequence[str]) -> str:
    """Return the stages as a table with a bar for each, in the notebook's own colours."""
    style = "padding:1px 14px 1px 0;border:0;background:none;text-align:{};white-space:nowrap"
    left, right = style.format("left"), style.format("right")
    styles = [left if i < 2 else right for i in range(len(HEADS))]
    heads = Markup("").join(
        Markup('<th scope="col" style="{}">{}</th>').format(s, head)
        for s, head in zip(styles, HEADS, strict=True)
    )
    body = Markup("").join(
        Markup('<tr style="background:none">{}<td style="{}">{}</td></tr>').format(
            Markup("").join(
                Markup('<td style="{}">{}</td>').format(s, cell)
                for s, cell in zip(styles, stage.cells(), strict=True)
            ),
            left,
            Markup('<progress value="{:.4f}" max="1" style="width:120px">{:.0%}</progress>').format(
                stage.share, stage.share
            ),
        )
        for stage in stages
    )
    notes = Markup("").join(Markup("<div>{}</div>").format(escape(line)) for line in said)
    return str(
        Markup(
            '<div><table style="margin:0;border-collapse:collapse"><thead><tr '
            'style="background:none">{}<td style="{}"></td></tr></thead><tbody>{}</tbody></table>'
            "{}</div>"
        ).format(heads, left, body, notes)
    )
