"""Exemplars: short replies that were written to show one trait plainly, for judges to be tried on.

A judge that finds the trait of an exemplar can see; whether a model can act it is another matter.
Knows nothing of designs, judges or the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ethogram.errors import InputError, Problems
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.tables.delimited import column_key
from ethogram.stimuli.tables.names import cell_text, check_name, clean_name
from ethogram.stimuli.tables.records import read_records, stem_of

WRITTEN = "written144"
"""The set that comes with ethogram: three replies for each of the study's 144 traits."""

_DATA = Path(__file__).parents[1] / "data"
_MOST_NAMED = 5  # of the lines that cannot be used
_COLUMNS = ("trait", "prompt", "reply")


@dataclass(frozen=True)
class Exemplar:
    """One written reply: the trait that it shows, the user's message, and the reply."""

    trait: str
    prompt: str
    reply: str


@dataclass(frozen=True)
class ExemplarSet:
    """Exemplars in the order of their file.

    `name` is the set's name or the file's stem; the whole name of a file whose stem is the set's.
    """

    name: str
    exemplars: tuple[Exemplar, ...]

    def __len__(self) -> int:
        return len(self.exemplars)

    @property
    def traits(self) -> tuple[str, ...]:
        """The traits that have exemplars, in order."""
        return tuple(dict.fromkeys(one.trait for one in self.exemplars))


def load_exemplars(source: str | Path = WRITTEN, *, base: Path | None = None) -> ExemplarSet:
    """Read exemplars: the set that comes with ethogram, or a file of one's own.

    Parameters
    ----------
    source : str or Path
        ``"written144"``, or a file (JSONL, CSV, Parquet ...) with the columns trait, prompt and
        reply. A file that is called like the set is read as ``./NAME``.
    base : Path, optional
        Folder that a relative path starts from; the working directory if not given.

    Raises
    ------
    InputError
        No such file; or a row without one of the three, with a trait that is no name, or that is
        there twice, whatever the case of its trait. The text names the place.
    """
    name = WRITTEN
    if source == WRITTEN:
        path = _DATA / "exemplars" / f"{WRITTEN}.jsonl"
    else:
        path = named_path(source, base=base)
        if not path.is_file():
            raise InputError(
                f"exemplars = {str(source)!r} is neither the set {WRITTEN} nor a file at {path}"
            )
        stem = stem_of(path)
        name = path.name if stem == WRITTEN else stem
    return ExemplarSet(name, tuple(_read(path)))


def _read(path: Path) -> list[Exemplar]:
    """Read the exemplars of a file; the first rows that cannot be used are named together."""
    problems, found = Problems(_MOST_NAMED), dict[Exemplar, tuple[str, Exemplar]]()
    for number, (place, record) in enumerate(read_records(path)):
        if number == 0:  # of a column that is not there, the first row says all
            _check_columns(record, f"{path}, {place}")
        with problems.gather():
            one = _exemplar(record, f"{path}, {place}")
            key = replace(one, trait=one.trait.casefold())
            if key in found:
                raise InputError(f"{path}, {place}: the same exemplar as at {found[key][0]}")
            found[key] = place, one
    problems.raise_any()
    if not found:
        raise InputError(f"{path} has no exemplar; expected rows with trait, prompt and reply")
    return [one for _, one in found.values()]


def _check_columns(record: dict[str, Any], place: str) -> None:
    """Refuse a row that lacks one of the three."""
    for name in _COLUMNS:
        if name not in map(column_key, record):
            there = ", ".join(map(str, record)) or "nothing"
            raise InputError(f"{place}: no {name}; expected trait, prompt and reply, has {there}")


def _exemplar(record: dict[str, Any], place: str) -> Exemplar:
    """Return the exemplar of one row."""
    _check_columns(record, place)
    found = {column_key(key): value for key, value in record.items()}
    for name in _COLUMNS:
        if isinstance(found[name], list | dict):
            raise InputError(f"{place}: the {name} is {found[name]!r:.60}, expected a text")
    cells = {name: cell_text(found[name]).strip() for name in _COLUMNS}
    for name, text in cells.items():
        if not clean_name(text):  # blank, or of characters that nobody sees
            raise InputError(f"{place}: the {name} is empty")
    trait = check_name(cells["trait"], place=place, what="trait")
    return Exemplar(trait, cells["prompt"], cells["reply"])


@cache
def near_traits() -> dict[str, frozenset[str]]:
    """Traits of the study's list that lie near each trait in meaning; itself is not among them.

    Written for this project (data/near/study144.txt), from the words' plain meanings.
    """
    near: dict[str, set[str]] = {}
    for group in _groups():
        for trait in group:
            near.setdefault(trait, set()).update(other for other in group if other != trait)
    return {trait: frozenset(others) for trait, others in near.items()}


def _groups() -> Iterator[list[str]]:
    """Yield the groups of near traits."""
    text = (_DATA / "near" / "study144.txt").read_text(encoding="utf-8")
    yield from (line.split() for line in text.splitlines() if line and line[0] != "#")


def pair_class(trait: str, other: str) -> str:
    """Say how far apart two traits are in meaning.

    Returns
    -------
    str
        "near": they stand in one group. "far": no group has both, and no third trait is near to
        both. "": in between, or one of them is not of the study's list.
    """
    near, trait, other = near_traits(), trait.casefold(), other.casefold()
    if trait not in near or other not in near:
        return ""
    if other in near[trait]:
        return "near"
    return "" if near[trait] & near[other] else "far"
