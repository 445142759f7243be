"""CSV and its like: which separator, and records with the line that each begins on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from ethogram.errors import InputError
from ethogram.tables.text import open_text

_SEPARATORS = ",\t;|"
_LONGEST_CELL = 2**31 - 1


def read_delimited(
    path: Path, *, separator: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place ("line 2") and the cells of each record, every cell as text.

    The separator is what a first line such as ``sep=;`` says, or else the one of comma, tab,
    semicolon and bar that the header has most. Blank lines are passed over.

    Raises
    ------
    InputError
        No header, a name twice in it, a row of more cells than it, or quotes that never end.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(path) as file:
        lines, skipped, said = _past_declaration(file)
        first = next(lines, "")
        rows = csv.reader(
            chain([first], lines), delimiter=said or separator or _separator(first), strict=True
        )
        try:
            yield from _records(rows, skipped, path)
        except csv.Error as error:
            raise InputError(
                f"{path} cannot be read as CSV: line {rows.line_num + skipped}: {error}: look for "
                "a quote that is not closed, from that line up"
            ) from error


def _past_declaration(file: Iterable[str]) -> tuple[Iterator[str], int, str | None]:
    """Return the lines from the header on, how many stood before it, and the separator said."""
    lines, skipped = iter(file), 0
    said = None
    for line in lines:
        text = line.strip("\r\n \ufeff").strip('"')
        if text[:4].casefold() == "sep=" and len(text) == 5:
            said = text[4]
        elif line.strip("\r\n").casefold() in ("sep=\t", "sep="):
            said = "\t"
        elif text or line.strip("\r\n "):
            return chain([line], lines), skipped, said
        skipped += 1
    return iter(()), skipped, said


def _separator(header: str) -> str:
    """Return the separator that stands most often outside quotes."""
    bare = "".join(header.split('"')[0::2])
    return max(_SEPARATORS, key=bare.count)


def _records(rows: Any, skipped: int, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    header = [_column(name) for name in next(rows, [])]
    while header and not header[-1]:  # a separator at the end of each line
        header.pop()
    if not header:
        raise InputError(f"{path} cannot be read as CSV: it is empty, expected a header and rows")
    check_columns(header, path)
    for row in rows:
        line = rows.line_num + skipped
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            raise InputError(
                f"{path}, line {line} cannot be read: it has {len(row)} cells, the header has "
                f"{len(header)}; a cell with a separator in it needs quotes"
            )
        yield f"line {line}", dict(zip(header, row, strict=False))


def _column(name: str) -> str:
    return name.strip("\ufeff").strip()


def check_columns(names: Iterable[str], path: Path) -> None:
    """Refuse two columns of one name, whatever their case."""
    seen: dict[str, str] = {}
    for name in filter(None, names):
        key = column_key(name)
        if key in seen:
            raise InputError(
                f"{path} has the columns {seen[key]!r} and {name!r}: rename or delete one"
            )
        seen[key] = name


def column_key(name: str) -> str:
    """Return a column's name as it is looked up: case and space around it do not count."""
    return name.strip("\ufeff").strip().casefold()
