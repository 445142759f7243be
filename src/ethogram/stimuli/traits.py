"""Traits: the words whose pull on a model is measured, and the sets they come in.

A set is a text file (one trait per line) or a CSV file (columns trait and description). Knows
nothing of designs, models or the store.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ethogram.errors import InputError, Problems, guess
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.tables.delimited import column_key, open_delimited
from ethogram.stimuli.tables.names import check_name, is_tie
from ethogram.stimuli.tables.records import DELIMITED, kind_of
from ethogram.stimuli.tables.text import open_text

_MOST_NAMED = 5  # of the lines that are no trait
_SETS = Path(__file__).parents[1] / "data" / "traits"


@dataclass(frozen=True)
class Trait:
    """One trait: a single word, hyphens allowed, and what it is to mean (for readers only)."""

    name: str
    description: str = ""


@dataclass(frozen=True)
class TraitSet:
    """Traits in the order of their file; `name` is the set's name or the file's stem."""

    name: str
    traits: tuple[Trait, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The words alone, in order."""
        return tuple(trait.name for trait in self.traits)

    def __len__(self) -> int:
        return len(self.traits)


def trait_sets() -> dict[str, str]:
    """Return the sets that come with ethogram: name -> one-line description."""
    return {path.stem: _headline(path) for path in sorted(_SETS.glob("*.txt"))}


def load_traits(source: str | Path | Sequence[str], *, base: Path | None = None) -> TraitSet:
    """Read a trait set.

    Parameters
    ----------
    source : str, Path or sequence of str
        The name of a set (see `trait_sets`), a file, or the traits themselves. A text file has
        one trait per line; lines that begin with ``#`` are comments. A CSV file has a column
        ``trait`` and, if you like, ``description``. A file that is called like a set is read as
        ``./NAME``.
    base : Path, optional
        Folder that a relative path starts from; the working directory if not given.

    Raises
    ------
    InputError
        No such set or file, fewer than two traits, or a line that is blank, repeats a trait
        (whatever its case or hyphens), is "tie" or is not a single word. A phrase is refused
        because the judge must repeat the trait exactly, and because prompt templates are searched
        for traits word by word; write it with hyphens (down-to-earth).
    """
    if isinstance(source, str | Path):
        path = _find(source, base=base)
        found = _csv_lines(path) if kind_of(path) in DELIMITED else _text_lines(path)
        return _trait_set(path.stem, f"{path}", found)
    words = [(f"entry {i}", Trait(str(word).strip())) for i, word in enumerate(source, start=1)]
    return _trait_set("list", "traits", words)


def _trait_set(name: str, place: str, found: Iterable[tuple[str, Trait]]) -> TraitSet:
    """Return the traits of a file or list; refuse all lines that hold none, and fewer than two."""
    problems, lines = Problems(_MOST_NAMED), []
    for line, trait in found:
        with problems.gather():
            lines.append((line, _clean(trait, f"{place}, {line}")))
    _refuse_bad_lines(lines, place, problems)
    problems.raise_any()
    if len(lines) < 2:
        last = lines[-1][0] if lines else "line 1"
        raise InputError(
            f"{place}, {last}: the {'list' if name == 'list' else 'file'} holds "
            f"{'one trait' if lines else 'no traits'}, expected at least two, because traits are "
            "compared in pairs"
        )
    return TraitSet(name, tuple(trait for _, trait in lines))


def _find(source: str | Path, *, base: Path | None) -> Path:
    """Return the file of a named set, or the user's own file."""
    if isinstance(source, str) and source in trait_sets():
        return _SETS / f"{source}.txt"
    path = named_path(source, base=base)
    if not path.is_file():
        raise InputError(
            f"traits = {str(source)!r} is neither a set ({', '.join(trait_sets())}) "
            f"nor a file at {path}{guess(str(source), trait_sets())}"
        )
    return path


def _headline(path: Path) -> str:
    """Return the first comment of a set's file."""
    with path.open(encoding="utf-8") as lines:
        return next(lines).lstrip("# ").rstrip("\n")


def _text_lines(path: Path) -> Iterator[tuple[str, Trait]]:
    """Yield places ("line 3") and traits of a text file; blank lines at its end are passed over."""
    with open_text(path) as file:
        lines = [line.strip(" \t\r\n") for line in file]
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("#"):
            yield f"line {number}", Trait(line)


def _csv_lines(path: Path) -> Iterator[tuple[str, Trait]]:
    """Yield places and traits of a CSV file."""
    with open_delimited(path) as (header, rows):
        keys = [column_key(name) for name in header]
        if "trait" not in keys:
            raise InputError(f"{path}, line 1: no column 'trait', found {', '.join(header)}")
        for line, row in rows:
            found = dict(zip(keys, row, strict=False))
            about = (found.get("description") or "").strip()
            yield f"line {line}", Trait(found.get("trait") or "", about)


def _clean(trait: Trait, place: str) -> Trait:
    """Return a trait in its one spelling."""
    return replace(trait, name=check_name(trait.name, place=place, what="trait"))


def _refuse_bad_lines(lines: Iterable[tuple[str, Trait]], source: str, problems: Problems) -> None:
    """Gather the lines that are blank, not one word, or say the same as an earlier one."""
    seen: dict[str, str] = {}
    for place, trait in lines:
        with problems.gather():
            _refuse_bad_line(trait, place, f"{source}, {place}", seen)


def _refuse_bad_line(trait: Trait, place: str, where: str, seen: dict[str, str]) -> None:
    """Refuse a line that is not a trait; `seen` has the place of each trait so far."""
    if not trait.name:
        raise InputError(f"{where} is blank: delete it, or write a trait there")
    if not _is_one_word(trait.name):
        raise InputError(
            f"{where}: {trait.name!r} is not a single word of letters; "
            "join the words of a phrase with hyphens, as in down-to-earth"
        )
    # The judge's answer is read without its case and punctuation, so "Self-aware" and
    # "selfaware" would be one trait to the parser.
    key = "".join(filter(_is_letter, trait.name.casefold()))
    if key in seen:
        raise InputError(f"{where}: {trait.name!r} repeats {seen[key]}: delete one of them")
    if is_tie(key):
        raise InputError(f"{where}: {trait.name!r} is the word for no winner: choose another word")
    seen[key] = place


def _is_one_word(name: str) -> bool:
    """Whether this is letters only, or such parts joined by hyphens or apostrophes."""
    parts = name.replace("'", "-").replace("’", "-").split("-")
    return all(part and all(map(_is_letter, part)) for part in parts)


def _is_letter(char: str) -> bool:
    """Whether this is a letter or a mark on one (the vowel signs of many scripts are marks)."""
    return unicodedata.category(char)[0] in "LM"
