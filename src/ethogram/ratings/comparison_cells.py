"""The cells of a comparison file by what they are, each with its place for an error's text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.ratings.comparison_forms import Form, fitting
from ethogram.ratings.comparisons import FloatArray
from ethogram.tables.delimited import column_key
from ethogram.tables.names import check_name
from ethogram.tables.records import BINARY, kind_of, read_records

_NAMES = ("model", "trait_1", "trait_2", "winner", "judge", "judge_first", "condition")
_SHOWN = ("trait_1", "trait_2", "winner")


@dataclass
class Cells:
    """Columns of text, one spelling each; `places` says where each row stands.

    Attributes
    ----------
    path : Path
    columns : dict of str to list of str
        By what they are (see `Form.columns`), not by what the file calls them.
    places : list of str
        "line 7" or "row 6".
    unused : list of str
        The file's columns that nothing is read from.
    """

    path: Path
    columns: dict[str, list[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, name: str) -> list[str]:
        return self.columns[name]

    def array(self, name: str) -> NDArray[Any]:
        """Return a column as an array of objects."""
        return np.array(self.columns[name], dtype=object)

    def wrong(self, row: int, what: str) -> InputError:
        """Return the error that a row is refused with."""
        said = ", ".join(f"{n} {self.columns[n][row] or None!r}" for n in _SHOWN)
        return InputError(f"{self.path}, {self.places[row]}: {what} ({said})")

    def number(self, name: str, *, low: float = 0, high: float = math.inf) -> FloatArray | None:
        """Return a column of numbers; of probabilities (up to 1), an empty cell is NaN.

        Raises
        ------
        InputError
            A cell that is no such number.
        """
        if name not in self.columns:
            return None
        share = high == 1
        made = np.empty(len(self))
        for row, text in enumerate(self.columns[name]):
            value = _float(text)
            missing = share and (not text or text.lower() in ("nan", "null", "none"))
            fits = low <= value <= high if share else low < value < high
            if not (fits or missing):
                expected = "a probability from 0 to 1" if share else "a positive number"
                raise InputError(
                    f"{self.path}, {self.places[row]}: {name} is {text!r}, expected {expected}"
                )
            made[row] = math.nan if missing else value
        return made

    def order_column(self, name: str) -> FloatArray | None:
        """Return a column of numbers, or None where it is not there or has other cells."""
        made = np.array([_float(text) for text in self.columns.get(name, [])])
        return made if made.size and np.isfinite(made).all() else None


def gather(path: Path, form: Form) -> Cells:
    """Read the cells of a file, or of a folder of files, each folder a model's.

    Raises
    ------
    InputError
        A file that cannot be read, has no rows, lacks a column, or a name with a character that
        no name can have.
    """
    raw: dict[str, list[Any]] = {}
    spelt: dict[str, str] = {}
    cells = Cells(path)
    if path.is_dir() and not form.folders:
        raise InputError(f"{path} is a folder: give a file, or add --as oct for a folder of these")
    for model, file in _files(path):
        for place, record in read_records(file):
            if not _append(raw, spelt, record, len(cells)):
                raise InputError(f"{file}, {place}: two columns have one name but for their case")
            raw.setdefault("", []).append(model)
            cells.places.append(place if file == path else f"{file.relative_to(path)}, {place}")
    if not cells.places:
        raise InputError(f"{path} holds no comparisons")
    used = _choose(spelt, form, path)
    cells.unused = [name for key, name in spelt.items() if name and key not in used.values()]
    for name, key in used.items():
        cells.columns[name] = _texts(_padded(raw[key], len(cells)), name, cells)
    for name in ("judge", "condition", "winner"):
        cells.columns.setdefault(name, [""] * len(cells))
    cells.columns.setdefault("model", [str(name) for name in raw[""]])
    return cells


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a path, each with the model that its folder or its name stands for."""
    if not path.is_dir():
        yield _label(path), path
        return
    found = sorted(p for p in path.rglob("*") if p.is_file() and kind_of(p) in BINARY)
    if not found:
        raise InputError(f"{path} is a folder without Parquet or Arrow files: give a file")
    for file in found:
        yield file.parent.name or _label(file), file


def _label(path: Path) -> str:
    return path.name.partition(".")[0] or path.name


def _append(
    raw: dict[str, list[Any]], spelt: dict[str, str], record: Mapping[str, Any], row: int
) -> bool:
    """Put a record's cells under their columns; a column that comes late begins with nothing.

    Returns whether each column got one cell at most.
    """
    for name, value in record.items():
        key = column_key(name)
        if not key:
            continue
        column = raw.get(key)
        if column is None:
            column = raw[key] = []
            spelt[key] = name.strip()
        if len(column) > row:
            return False
        column.extend([None] * (row - len(column)))
        column.append(value)
    return True


def _padded(column: list[Any], length: int) -> list[Any]:
    return column + [None] * (length - len(column))


def _choose(spelt: Mapping[str, str], form: Form, path: Path) -> dict[str, str]:
    """Return the column for each thing that is read; refuse a file that lacks one."""
    used = {
        name: next(c for c in columns if c in spelt)
        for name, columns in form.columns.items()
        if any(c in spelt for c in columns)
    }
    for name in form.needed:
        if name not in used and not (name == "winner" and "p_first" in used):
            needed = ", ".join(form.columns[n][0] for n in form.needed)
            raise InputError(
                f"{path} lacks the column {form.columns[name][0]!r}; it has "
                f"{', '.join(spelt.values()) or 'none'}, needed are {needed}{fitting(spelt)}"
            )
    return used


def _texts(column: list[Any], name: str, cells: Cells) -> list[str]:
    """Return cells as text; of names, each in its one spelling."""
    made, known = [], {}
    for value, place in zip(column, cells.places, strict=True):
        text = value if isinstance(value, str) else _text(value, name, f"{cells.path}, {place}")
        if text not in known:
            known[text] = check_name(text, place=f"{cells.path}, {place}", what=name)
        made.append(known[text])
    return made


def _text(value: Any, name: str, place: str) -> str:
    """Return a cell that is no text as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, list | dict) and name in (*_NAMES, "p_first", "weight"):
        raise InputError(f"{place}: {name} is {str(value)[:80]}, expected text")
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str).decode()
    return str(value)


def _of_bytes(value: bytes) -> str:
    """Return bytes as the text that they are, or else in hexadecimal digits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
