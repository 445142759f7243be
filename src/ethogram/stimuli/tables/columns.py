"""A whole table by columns, where the rows are many: files of comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ethogram.stimuli.tables.delimited import check_columns, column_key, open_delimited
from ethogram.stimuli.tables.records import (
    BINARY,
    DELIMITED,
    kind_of,
    read_frame,
    read_records,
    usual_separator,
)


@dataclass
class Columns:
    """Columns of cells as the file has them, and the place of each row.

    Attributes
    ----------
    cells : dict of str to list
        By `column_key` of the name; all of one length.
    names : dict of str to str
        By the same keys: the names as the file spells them.
    places : list of tuple of str and int
        ("line", 7) in text, ("row", 6) in other kinds of files.
    """

    cells: dict[str, list[Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    places: list[tuple[str, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.places)

    def add(self, names: Iterable[str], columns: Iterable[list[Any]], length: int) -> None:
        """Add rows by columns; a column that is not there has nothing in these rows."""
        before = len(self)
        for name, column in zip(names, columns, strict=True):
            key = column_key(name)
            if key:
                self.names.setdefault(key, name.strip())
                self.cells.setdefault(key, [None] * before).extend(column)
        self._pad(before + length)

    def append(self, cells: Mapping[str, Any], place: tuple[str, int]) -> None:
        """Add one row, whose columns may be others than those before; `pad` when all are there."""
        before = len(self)
        for name, value in cells.items():
            key = column_key(name)
            if key:
                self.names.setdefault(key, name.strip())
                column = self.cells.setdefault(key, [])
                column.extend([None] * (before - len(column)))
                column.append(value)
        self.places.append(place)

    def pad(self) -> None:
        """Put nothing into the rows that a column has no cell for."""
        self._pad(len(self))

    def _pad(self, length: int) -> None:
        for column in self.cells.values():
            column.extend([None] * (length - len(column)))


def read_columns(path: Path, into: Columns) -> None:
    """Read a table of any kind; its rows come after those that are there.

    Raises
    ------
    InputError
        As `read_records`; or one row with two columns of one name.
    """
    kind = kind_of(path)
    if kind in BINARY:
        frame = read_frame(path)
        into.add(frame.columns, (frame[name].to_list() for name in frame.columns), len(frame))
        into.places.extend(("row", number) for number in range(1, len(frame) + 1))
    elif kind in DELIMITED:
        _delimited(path, into)
    else:
        checked: list[str] = []
        for place, cells in read_records(path):
            word, _, number = place.partition(" ")
            if list(cells) != checked:
                checked = list(cells)
                check_columns(checked, Path(f"{path}, {place}"))
            into.append(cells, (word, int(number)))
        into.pad()


def _delimited(path: Path, into: Columns) -> None:
    with open_delimited(path, separator=usual_separator(path)) as (header, rows):
        columns: list[list[str]] = [[] for _ in header]
        lines = []
        for line, row in rows:
            lines.append(("line", line))
            row.extend([""] * (len(header) - len(row)))
            for column, cell in zip(columns, row, strict=True):
                column.append(cell)
    into.add(header, columns, len(lines))
    into.places.extend(lines)
