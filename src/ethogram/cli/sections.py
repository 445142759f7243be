"""What other ways of asking found, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.cli.tables import Table
from ethogram.cli.wrapping import WrappingConsole
from ethogram.validity.sections import Section, SectionTable


def print_sections(console: WrappingConsole, sections: Sequence[Section]) -> None:
    """Print each section: its claims, its tables, and what they cannot show."""
    for section in sections:
        console.print()
        console.print(section.title, style="bold")
        for claim in section.claims:
            console.print(claim)
        for table in section.tables:
            console.print()
            console.print(table.caption, style="dim")
            for part in _table(table).fold(console.width if console.is_terminal else None):
                part.print(console)
        for note in section.notes:
            console.print(note, style="dim")


def _table(table: SectionTable) -> Table:
    """Return a section's table for the terminal."""
    columns = zip(table.head, table.numeric, strict=True)
    made = Table(*((name, "number" if numeric else "name") for name, numeric in columns))
    for row in table.rows:
        made.add_row(*row)
    return made
