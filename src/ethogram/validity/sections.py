"""What another way of asking found, as the report, the terminal and JSON show it.

Each way (free choice, persistence, self-report, breadth, ...) measures what the store holds of it,
and says it as one `Section`: a claim, what it rests on, tables, and what it cannot show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Mark:
    """A number in a chart, with its 95% interval; `across` is the interval of x, where it has one.

    Attributes
    ----------
    x, y, low, high : float
    series : str
        Which line it belongs to.
    label : str
        What it is of, such as a trait.
    across : tuple of float, optional
    """

    x: float
    y: float
    low: float
    high: float
    series: str = ""
    label: str = ""
    across: tuple[float, float] | None = None


@dataclass(frozen=True)
class SectionChart:
    """What a section shows as a figure; `ethogram.figures.sections` draws it.

    Attributes
    ----------
    name : str
        What tells it from others; a file is called by it.
    title, caption : str
    kind : "lines" or "points"
        Series over x, with intervals; or one named point per mark, with intervals both ways.
    x, y : str
        Titles of the axes.
    marks : tuple of Mark
    levels : tuple of (float, str)
        Where dashed lines lie across, and what they are.
    percent : bool
        Whether y is a share, written in percent.
    """

    name: str
    title: str
    caption: str
    kind: Literal["lines", "points"]
    x: str
    y: str
    marks: tuple[Mark, ...]
    levels: tuple[tuple[float, str], ...] = ()
    percent: bool = False


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
    charts : tuple of SectionChart
    """

    name: str
    title: str
    claims: tuple[str, ...]
    tables: tuple[SectionTable, ...] = ()
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    charts: tuple[SectionChart, ...] = ()
