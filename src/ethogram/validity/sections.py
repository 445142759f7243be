"""What another way of asking found, as the report, the terminal and JSON show it.

Each way (free choice, persistence, self-report, breadth, ...) measures what the store holds of it,
and says it as one `Section`: a claim, what it rests on, tables, and what it cannot show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SectionTable:
    """A table in a section.

    Attributes
    ----------
    caption : str
        A sentence: what is counted, over what, and which intervals.
    head : tuple of str
    rows : tuple of tuple of str
        Cells as they are shown; the first column names the row.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers: most of their cells begin with one."""
        columns = [list(column) for column in zip(*self.rows, strict=True)]
        counts = [sum(cell[:1].isdigit() or cell[:1] in "−±$" for cell in c) for c in columns]
        found = tuple(2 * n > len(c) for n, c in zip(counts, columns, strict=True))
        return found or (False,) * len(self.head)


@dataclass(frozen=True)
class Section:
    """One way of asking: what it found.

    Attributes
    ----------
    name : str
        Short, for links and `--only`, such as "free".
    title : str
        The question that it answers.
    claims : tuple of str
        What was found, one sentence per model, with intervals; the first is the headline.
    tables : tuple of SectionTable
    notes : tuple of str
        What was asked, what was lost, and what the numbers cannot show.
    data : mapping
        The numbers unrounded, for JSON.
    """

    name: str
    title: str
    claims: tuple[str, ...]
    tables: tuple[SectionTable, ...] = ()
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
