"""CSV and its like: which separator, and records with the line that each begins on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from ethogram.errors import InputError
from ethogram.stimuli.tables.names import check_name
from ethogram.stimuli.tables.text import open_text

_SEPARATORS = ",\t;|"
_LONGEST_CELL = 2**31 - 1


def read_delimited(
    path: Path, *, separator: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place ("line 2") and the cells of each record; as `open_delimited`."""
    with open_delimited(path, separator=separator) as (header, rows):
        for line, row in rows:
            yield f"line {line}", dict(zip(header, row, strict=False))


@contextmanager
def open_delimited(
    path: Path, *, separator: str | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a table of text: its header, and the line and cells of each record.

    The separator is what a first line such as ``sep=;`` says, or the one given if the header has
    it, or else the one of comma, tab, semicolon and bar that the header has most. Where a space
    follows a separator in the header, spaces after one are no part of a cell. Blank lines are
    passed over. A record of several lines stands at the last of them. A row may have fewer cells
    than the header.

    Raises
    ------
    InputError
        No header, a name twice in it, a row of more cells than it, or quotes that never end.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(path) as file:
        lines, skipped, said = _past_declaration(file)
        first = next(lines, "")
        if first.lstrip("\ufeff[ ").startswith('{"'):
            raise InputError(
                f"{path} holds JSON: call it .json, or .jsonl if each line is an object"
            )
        mark = said or _separator(first, separator)
        rows = csv.reader(
            chain([first], lines),
            delimiter=mark,
            strict=True,
            skipinitialspace=f"{mark} " in _bare(first),
        )
        try:
            header = _header(next(rows, []), path)
            yield header, _rows(rows, len(header), skipped, path)
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


def _separator(header: str, usual: str | None) -> str:
    """Return the usual separator if it is there, or the one that stands most often."""
    bare = _bare(header)
    return usual if usual and usual in bare else max(_SEPARATORS, key=bare.count)


def _bare(line: str) -> str:
    """Return what stands outside quotes."""
    return "".join(line.split('"')[0::2])


def _header(names: list[str], path: Path) -> list[str]:
    header = [_column(name) for name in names]
    while header and not header[-1]:  # a separator at the end of each line
        header.pop()
    if not header:
        raise InputError(f"{path} cannot be read as CSV: it is empty, expected a header and rows")
    check_columns(header, path)
    return header


def _rows(rows: Any, width: int, skipped: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    for row in rows:
        if not any(map(str.strip, row)):
            continue
        if len(row) > width:
            if any(map(str.strip, row[width:])):
                raise InputError(
                    f"{path}, line {rows.line_num + skipped} cannot be read: it has {len(row)} "
                    f"cells, the header has {width}; a cell with a separator in it needs quotes"
                )
            del row[width:]
        yield rows.line_num + skipped, row


def _column(name: str) -> str:
    return name.strip("\ufeff").strip()


def check_columns(names: Iterable[str], path: Path) -> None:
    """Refuse two columns of one name, whatever their case, and names that none can have."""
    seen: dict[str, str] = {}
    for name in filter(None, names):
        check_name(name, place=f"{path}, header", what="column")
        key = column_key(name)
        if key in seen:
            raise InputError(
                f"{path} has the columns {seen[key]!r} and {name!r}: rename or delete one"
            )
        seen[key] = name


def column_key(name: str) -> str:
    """Return a column's name as it is looked up: case and space around it do not count."""
    return name.strip("\ufeff").strip().casefold()
