"""What is printed, and on what: whether to be quiet, and a console that loads nothing."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

_QUIET = [False]
_STYLES = {"bold": "\N{ESCAPE}[1m", "dim": "\N{ESCAPE}[2m"}
_PLAIN = "\N{ESCAPE}[0m"


def be_quiet(value: bool) -> bool:
    """Print no more than errors and what was asked for in a format, from here on."""
    _QUIET[0] = _QUIET[0] or value
    return value


def is_quiet() -> bool:
    """Whether that was asked for."""
    return _QUIET[0]


def start_talking() -> None:
    """Forget what an earlier command line in this process asked for."""
    _QUIET[0] = False


def break_lines(text: str, width: int) -> str:
    """Break each line at words."""
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


class PlainConsole:
    """Prints as `ethogram.cli.wrapping.WrappingConsole` does, for a verb that is done at once.

    To load rich takes longer than to count what is in a store.
    """

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self.width = shutil.get_terminal_size().columns
        self._styled = self.is_terminal and not os.environ.get("NO_COLOR")

    def print(self, text: str, *, style: str | None = None) -> None:
        """Print, broken at words on a terminal."""
        self.print_row(break_lines(text, self.width) if self.is_terminal else text, style=style)

    def print_row(self, row: str, *, style: str | None = None) -> None:
        """Print a row of a table, which is not broken."""
        if is_quiet():
            return
        code = _STYLES.get(style or "", "") if self._styled else ""
        sys.stdout.write(f"{code}{row}{_PLAIN if code else ''}\n")
