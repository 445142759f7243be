"""The cells of a comparison file by what they are, each with its place for an error's text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError, guess
from ethogram.ratings.arrays import WEIGHTS, are_weights
from ethogram.ratings.comparison_forms import Form, fitting
from ethogram.ratings.comparisons import FloatArray
from ethogram.stimuli.tables.columns import Columns, read_columns
from ethogram.stimuli.tables.flags import NOTHING, parse_flag
from ethogram.stimuli.tables.names import cell_text, check_name
from ethogram.stimuli.tables.records import BINARY, kind_of

NUMBERS = ("p_first", "weight", "chars", "judging", "trial", "seq", "sample", "wording")
_COMMA = re.compile(r"[+-]?[\d.]*,\d+")
_NUMBER = re.compile(r"[\s\d.eE+-]*$", re.ASCII)  # no 1_000, no inf
_QUOTED = re.compile(r'\s*".*"\s*', re.DOTALL)
_SHOWN = ("trait_1", "trait_2", "winner")


@dataclass
class Cells:
    """Columns of text, one spelling each, and columns of numbers as they are.

    Attributes
    ----------
    path : Path
    columns : dict of str to list of str
        By what they are (see `Form.columns`), not by what the file calls them.
    numbers : dict of str to list
        The same, of what is to be a number.
    places : list of tuple of str and int
        ("line", 7) or ("row", 6).
    unused : list of str
        The file's columns that nothing is read from.
    """

    path: Path
    columns: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, list[Any]] = field(default_factory=dict)
    places: list[tuple[str, int]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, name: str) -> list[str]:
        return self.columns[name]

    def array(self, name: str) -> NDArray[Any]:
        """Return a column as an array of objects."""
        return np.array(self.columns[name], dtype=object)

    def place(self, row: int) -> str:
        """Return where a row stands, for an error."""
        word, number = self.places[row]
        return f"{self.path}, {word} {number}"

    def wrong(self, row: int, what: str) -> InputError:
        """Return the error that a row is refused with."""
        said = ", ".join(f"{n} {self.columns[n][row] or None!r}" for n in _SHOWN)
        return InputError(f"{self.place(row)}: {what} ({said})")

    def weights(self) -> FloatArray | None:
        """Return the weights, or None where the file has none.

        Raises
        ------
        InputError
            A cell that is not a positive number.
        """
        made = self._floats("weight")
        if made is not None:
            self._refuse("weight", ~are_weights(made), WEIGHTS)
        return made

    def probabilities(self) -> FloatArray | None:
        """Return the judge's probabilities, NaN in an empty cell, or None where there are none.

        Raises
        ------
        InputError
            A cell that is not a probability.
        """
        made = self._floats("p_first")
        if made is not None:
            given = np.array(
                [cell_text(v).strip().casefold() not in NOTHING for v in self.numbers["p_first"]]
            )
            wrong = given & ~((made >= 0) & (made <= 1))
            self._refuse("p_first", wrong, "a probability from 0 to 1")
        return made

    def order_column(self, name: str) -> FloatArray | None:
        """Return a column of numbers, or None where it is not there or has other cells."""
        made = self._floats(name)
        return made if made is not None and np.isfinite(made).all() else None

    def _floats(self, name: str) -> FloatArray | None:
        """Return a column as numbers, NaN where a cell is none."""
        if name not in self.numbers:
            return None
        return np.array([_float(value) for value in self.numbers[name]])

    def _refuse(self, name: str, wrong: NDArray[np.bool_], expected: str) -> None:
        """Refuse the first row that is wrong."""
        rows = np.flatnonzero(wrong)
        if rows.size:
            row = int(rows[0])
            shown = cell_text(self.numbers[name][row])[:80]
            hint = ", with a decimal point" if _COMMA.fullmatch(shown) else ""
            raise InputError(f"{self.place(row)}: {name} is {shown!r}, expected {expected}{hint}")


def gather(path: Path, form: Form) -> Cells:
    """Read the cells of a file, or of a folder of files, each folder a model's.

    Raises
    ------
    InputError
        A file that cannot be read, has no rows, lacks a column, or a name with a character that
        no name can have.
    """
    if path.is_dir() and not form.folders:
        raise InputError(
            f"{path} is a folder: give a file, or add --as oct (Open Character Training)"
        )
    table, models = _read_all(path)
    if not len(table):
        raise InputError(f"{path} holds no comparisons")
    if form.winner == "side" and "winner" not in table.names:
        _one_winner(table, path)
    used = _choose(table.names, form, path)
    cells = Cells(path, places=table.places)
    cells.unused = [name for key, name in table.names.items() if key not in used.values()]
    for name, key in used.items():
        if name in NUMBERS:
            cells.numbers[name] = table.cells[key]
        else:
            cells.columns[name] = _names(table.cells[key], name, cells)
    for name in ("judge", "condition", "winner"):
        cells.columns.setdefault(name, [""] * len(cells))
    cells.columns.setdefault("model", models)
    return cells


def _read_all(path: Path) -> tuple[Columns, list[str]]:
    """Read a file, or the files of a folder one after another; and for each row its model."""
    table = Columns()
    models: list[str] = []
    for model, file in _files(path):
        before = len(models)
        read_columns(file, table)
        models += [model] * (len(table) - before)
        if file != path:  # each row says of which file of the folder it is
            inside = file.relative_to(path)
            table.places[before:] = [(f"{inside}, {w}", n) for w, n in table.places[before:]]
    return table, models


def _one_winner(table: Columns, path: Path) -> None:
    """Put one column in place of winner_model_a, winner_model_b, winner_tie..., of 0 and 1."""
    said = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
    said["winner_tie_bothbad"] = "tie (bothbad)"
    if not {"winner_model_a", "winner_model_b"} <= table.names.keys():
        return
    winner = [""] * len(table)
    for key, word in said.items():
        table.names.pop(key, None)
        for row, cell in enumerate(table.cells.pop(key, ())):
            place = f"{path}, {' '.join(map(str, table.places[row]))}"
            if parse_flag(cell, place=place, name=key):
                if winner[row]:
                    raise InputError(f"{place}: both {winner[row]} and {word} won: correct the row")
                winner[row] = word
    table.names["winner"], table.cells["winner"] = "winner", winner


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a path, each with the model that its folder or its name stands for."""
    if not path.is_dir():
        yield _label(path), path
        return
    found = sorted(p for p in path.rglob("*") if kind_of(p) in BINARY and _is_data(p, path))
    if not found:
        raise InputError(f"{path} is a folder without Parquet or Arrow files: give a file")
    for file in found:
        split = (file.parent.parent / "dataset_dict.json").is_file()  # train, test: of one model
        yield _label(file.parent.parent if split else file.parent), file


def _is_data(file: Path, folder: Path) -> bool:
    """Whether a file is of the data set itself, not a copy that the library datasets keeps."""
    inside = file.relative_to(folder).parts
    hidden = any(part.startswith(".") for part in inside)
    return file.is_file() and not hidden and not file.name.startswith(("cache-", "tmp"))


def _label(path: Path) -> str:
    """Return what a file's or folder's name says of its model."""
    name = path.resolve().name if path.name in ("", "..") else path.name
    return name if path.is_dir() else name.partition(".")[0] or name


def _choose(spelt: Mapping[str, str], form: Form, path: Path) -> dict[str, str]:
    """Return the column for each thing that is read; refuse a file that lacks one."""
    known: dict[str, list[str]] = {}
    for key in spelt:
        known.setdefault(_joined(key), []).append(key)
    used = {}
    for name, columns in form.columns.items():
        there = [known[joined] for joined in map(_joined, columns) if joined in known]
        if there and len(there[0]) > 1:
            twins = " and ".join(repr(spelt[key]) for key in there[0])
            raise InputError(f"{path} has the columns {twins}: rename or delete one")
        if there:
            used[name] = there[0][0]
    for name in form.needed:
        if name not in used and not (name == "winner" and "p_first" in used):
            needed = ", ".join(form.columns[n][0] for n in form.needed)
            raise InputError(
                f"{path} lacks the column {form.columns[name][0]!r}"
                f"{_nearest(name, form, spelt)}; it has {', '.join(spelt.values()) or 'none'}, "
                f"needed are {needed}{fitting(spelt)}"
            )
    return used


def _joined(column: str) -> str:
    """Return a column's name without what joins its words: "Trait 1" and "trait1" are trait_1."""
    return re.sub(r"[\s_.-]+", "", column)


def _nearest(name: str, form: Form, spelt: Mapping[str, str]) -> str:
    """Offer the column that is nearest to one that is lacking, of those not read otherwise."""
    used = {column for columns in form.columns.values() for column in columns}
    offers = (guess(c, [s for k, s in spelt.items() if k not in used]) for c in form.columns[name])
    return next(filter(None, offers), "")


def _names(column: list[Any], name: str, cells: Cells) -> list[str]:
    """Return cells as names, each in its one spelling."""
    known: dict[Any, str] = {}
    made = []
    for row, value in enumerate(column):
        spelt = known.get(value) if isinstance(value, str) else None
        if spelt is None:
            spelt = _name(value, name, cells, row)
            if isinstance(value, str):
                known[value] = spelt
        made.append(spelt)
    return made


def _name(value: Any, name: str, cells: Cells, row: int) -> str:
    if isinstance(value, list | dict) and name != "prompt_id":
        raise InputError(f"{cells.place(row)}: {name} is {str(value)[:80]}, expected text")
    if isinstance(value, str) and _QUOTED.fullmatch(value):
        raise InputError(
            f"{cells.place(row)}: {name} is {value[:80]!r}, with the quotes: delete them, or the "
            "space before them"
        )
    return check_name(cell_text(value), place=cells.place(row), what=name)


def _float(value: Any) -> float:
    """Return a cell as a number, NaN where it is none."""
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.match(value)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
