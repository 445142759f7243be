"""The console that the verbs print on."""

from __future__ import annotations

import textwrap
from typing import Any

from rich.console import Console

_QUIET = [False]


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


class WrappingConsole(Console):
    """Breaks sentences at words on a terminal; what is piped stays as it is.

    No markup: names, texts and errors of others may hold square brackets.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, soft_wrap=True, quiet=is_quiet(), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; a word that is longer than the line, such as a path, is left whole."""
        if self.is_terminal:
            objects = tuple(_broken(o, self.width) if isinstance(o, str) else o for o in objects)
        super().print(*objects, **options)


def _broken(text: str, width: int) -> str:
    """Break each line at words."""
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
