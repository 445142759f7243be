"""Labels in tables that people filled in: how a row is read, and how a cell is written for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any

from ethogram.errors import InputError, guess
from ethogram.stimuli.tables.records import read_records
from ethogram.store.labellers import labeller_key, labeller_name
from ethogram.store.labels import Label

_WORDS = {"both": "both", "neither": "neither", "unsure": "unsure"}
_SPELLINGS = {"can't tell": "unsure", "cant tell": "unsure", "cannot tell": "unsure", "?": "unsure"}
_FORMULA = tuple("=+-@")
_BLANKS = " \t\r\n"
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc`\u00b4]")
_THOUSANDS = re.compile(r"\d{1,3},\d{3}")  # or a decimal comma: nobody knows


def text_cell(cell: str) -> str:
    """Mark a cell that a spreadsheet would run as a formula, as one that it shows.

    People open the queue in one, and models write what they like.
    """
    return f"'{cell}" if _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return cell.lstrip(_BLANKS)[:1] in _FORMULA


def read_label_rows(
    source: Path, words: Mapping[int, tuple[str, str]], labeller: str | None
) -> list[Label]:
    """Read the rows of a table that have a label.

    Parameters
    ----------
    source : Path
    words : mapping of int to (str, str)
        Each trial's two words.
    labeller : str, optional
        Whose labels they are, else the column says.

    Raises
    ------
    InputError
        No column of that name, a row that cannot be read, or two labels of one person on a trial.
    """
    rows = [(place, _by_head(row)) for place, row in read_records(source)]
    for column in ("trial", "label"):
        if rows and not any(column in row for _, row in rows):
            heads = ", ".join(dict.fromkeys(head for _, row in rows for head in row))
            raise InputError(f"{source} has no column {column!r}: it has {heads}")
    labels = [
        _label(row, f"{source}, {place}", words, labeller, source.name)
        for place, row in rows
        if str(row.get("label") or "").strip()
    ]
    _refuse_twice(labels, source)
    return labels


def _by_head(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a row by the head of their column, in lower case."""
    return {str(head).strip().casefold(): cell for head, cell in row.items()}


def _label(
    row: Mapping[str, Any],
    where: str,
    words: Mapping[int, tuple[str, str]],
    labeller: str | None,
    source: str,
) -> Label:
    """Read one row."""
    trial = _trial(row.get("trial"), where)
    if trial not in words:
        raise InputError(f"{where}: no trial {trial} in the study itself")
    one, other = words[trial]
    given = [_plain(row[key]) for key in ("word_1", "word_2") if row.get(key)]
    if len(given) == 2 and {*map(_folded, given)} != {_folded(one), _folded(other)}:
        raise InputError(
            f"{where}: trial {trial} is between {one} and {other}, not {given[0]} and {given[1]}: "
            "the file is of another store"
        )
    who = labeller or str(row.get("labeller") or "")
    if not who.strip():
        raise InputError(f"{where}: no labeller: fill in that column, or name one with --by")
    answer = _answer(_plain(row["label"]), one, other, where)
    swapped = bool(given) and _folded(given[0]) == _folded(other)
    seconds = _seconds(row.get("seconds"), where)
    return Label(trial, labeller_name(who), answer, swapped, time(), seconds, source)


def _plain(cell: Any) -> str:
    """Return a cell as it was before `text_cell`."""
    text = str(cell).strip()
    return text[1:].strip() if text.startswith("'") and _is_formula(text[1:]) else text


def _folded(word: str) -> str:
    """Return what spellings of one word have in common: not case, width or composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold()).strip()


def _trial(cell: Any, where: str) -> int:
    """Read a trial's number; a program that met an empty cell writes 12 as 12.0."""
    found = re.fullmatch(r"(\d{1,18})(?:\.0*)?", str("" if cell is None else cell).strip())
    if found is None:
        raise InputError(f"{where}: trial {str(cell)[:40]!r}, expected a trial's number")
    return int(found[1])


def _answer(text: str, one: str, other: str, where: str) -> str:
    """Read a label: one of the two words, or that it is both, neither or unsure."""
    exact = {one: "trait_1", other: "trait_2"}  # two words may differ by case only
    if text in exact:
        return exact[text]
    words = {_folded(one): "trait_1", _folded(other): "trait_2"}
    known = {**_SPELLINGS, **_WORDS, **words}
    found = known.get(_folded(text)) or known.get(_APOSTROPHES.sub("'", _folded(text)))
    if found is None:
        raise InputError(
            f"{where}: label {text!r}{guess(text, known)}: expected {one}, {other}, both, neither "
            "or unsure"
        )
    return found


def _seconds(value: Any, where: str) -> float | None:
    """Read how long a label took, also with a decimal comma; None where it is not said."""
    text = str("" if value is None else value).strip()
    if not text:
        return None
    try:
        seconds = float("x" if "_" in text or _THOUSANDS.fullmatch(text) else _pointed(text))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InputError(f"{where}: seconds {value!r}, expected a number of seconds")
    return seconds


def _pointed(number: str) -> str:
    return number if "." in number else number.replace(",", ".")


def _refuse_twice(labels: Sequence[Label], source: Path) -> None:
    """Refuse a file in which a person labels a trial twice: which of the two is meant?"""
    for (trial, _), mine in _by_person(labels).items():
        if len(mine) > 1:
            who = " and ".join(dict.fromkeys(label.labeller for label in mine))
            raise InputError(f"{source}: {who} labels trial {trial} {len(mine)} times: keep one")


def _by_person(labels: Iterable[Label]) -> dict[tuple[int, str], list[Label]]:
    kept: dict[tuple[int, str], list[Label]] = {}
    for label in labels:
        kept.setdefault((label.trial, labeller_key(label.labeller)), []).append(label)
    return kept
