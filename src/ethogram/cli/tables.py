"""Plain tables on a terminal: where room is short, names are shortened and numbers never are.

What is piped is never cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ethogram.cli.console import PlainConsole
    from ethogram.cli.wrapping import WrappingConsole

    AnyConsole = PlainConsole | WrappingConsole

Kind = Literal["number", "word", "name", "extra"]
"""Numbers stand at the right; names are shortened, and what is extra is left out."""

SHORT = 18  # cells to which names are shortened before what is extra is left out
FOLDED = 12  # cells that a name is counted as where a table is folded
SHORTEST = 6  # cells that are left of a name at the least


class Table:
    """Rows under titles, without lines."""

    def __init__(self, *columns: tuple[str, Kind]) -> None:
        self._columns = columns
        self._rows: list[Sequence[str]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row, a cell per column."""
        self._rows.append(cells)

    def print(self, console: AnyConsole) -> None:
        """Print it as wide as it is, or as the terminal is."""
        width = console.width if console.is_terminal else None
        for number, line in enumerate(self.lines(width)):
            console.print_row(line, style=None if number else "bold")

    def fold(self, width: int | None = None) -> list[Table]:
        """Return the table, or several whose numbers fit, each with the names it starts with."""
        kept, widths = self._fitted(width)
        if width is None or _excess(kept, widths, width) <= 0:
            return [self]
        head = next((i for i, (_, kind) in enumerate(self._columns) if kind == "number"), 0)
        room = width - sum(min(w, FOLDED) + 1 for w in widths[:head]) + 1
        parts: list[list[int]] = [[]]
        for i in range(head, len(widths)):
            if parts[-1] and sum(widths[j] + 1 for j in (*parts[-1], i)) > room:
                parts.append([])
            parts[-1].append(i)
        return [self._of([*range(head), *part]) for part in parts]

    def _of(self, columns: Sequence[int]) -> Table:
        """Return these columns as a table."""
        part = Table(*(self._columns[i] for i in columns))
        for row in self._rows:
            part.add_row(*(row[i] for i in columns))
        return part

    def lines(self, width: int | None = None) -> Iterator[str]:
        """Yield the titles and each row; of at most this width, if numbers leave that much."""
        kept, widths = self._fitted(width)
        for row in [[title for title, _ in self._columns], *self._rows]:
            cells = [_fit(row[i], widths[i], right=self._columns[i][1] == "number") for i in kept]
            yield " ".join(cells).rstrip()

    def _fitted(self, width: int | None) -> tuple[list[int], list[int]]:
        """Return which columns are shown, and how wide each is."""
        rows = [[title for title, _ in self._columns], *self._rows]
        widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
        kept = list(range(len(widths)))
        self._shorten(kept, widths, width, SHORT)
        for i in reversed(range(len(widths))):
            if self._columns[i][1] == "extra" and _excess(kept, widths, width) > 0:
                kept.remove(i)
        self._shorten(kept, widths, width, SHORTEST)
        return kept, widths

    def _shorten(
        self, kept: Sequence[int], widths: list[int], width: int | None, least: int
    ) -> None:
        """Take from the widest name, as long as a line is too long and names have more to give."""
        names = [i for i in kept if self._columns[i][1] == "name"]
        while _excess(kept, widths, width) > 0:
            longest = max(names, key=lambda i: widths[i], default=None)
            if longest is None or widths[longest] <= least:
                return
            widths[longest] -= 1


def _excess(kept: Sequence[int], widths: Sequence[int], width: int | None) -> int:
    """Return how many cells a line has too many."""
    return 0 if width is None else sum(widths[i] for i in kept) + len(kept) - 1 - width


def _fit(text: str, width: int, *, right: bool) -> str:
    """Return a text in so many cells; one that is too long ends in an ellipsis."""
    if _cells(text) > width:
        text = _cut(text, width - 1).rstrip() + "…"
    space = " " * (width - _cells(text))
    return space + text if right else text + space


def _cells(text: str) -> int:
    """Return how many cells a text takes; rich, which knows of wide letters, is slow to load."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    """Return as much of a text as so many cells hold."""
    if text.isascii():
        return text[:width]
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def shorten(text: str, width: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
