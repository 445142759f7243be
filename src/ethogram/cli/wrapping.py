"""The console that most verbs print on; rich stands behind it, which takes a while to load."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from ethogram.cli.console import break_lines, is_quiet


class WrappingConsole(Console):
    """Breaks sentences at words on a terminal; what is piped stays as it is.

    No markup: names, texts and errors of others may hold square brackets.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, soft_wrap=True, quiet=is_quiet(), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a word that is longer than the line, such as a path, is left whole."""
        if self.is_terminal:
            objects = tuple(
                break_lines(o, self.width) if isinstance(o, str) else o for o in objects
            )
        super().print(*objects, **options)

    def print_row(self, row: str, *, style: str | None = None) -> None:
        """Print a row of a table, which is not broken."""
        super().print(Text(row), style=style)
