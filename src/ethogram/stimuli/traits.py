"""Traits: the words whose pull on a model is measured, and the sets they come in.

A set is a text file (one trait per line) or a CSV file (columns trait and description). Knows
nothing of designs, models or the store.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ethogram.errors import InputError
from ethogram.stimuli.paths import named_path

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


def load_traits(source: str | Path, *, base: Path | None = None) -> TraitSet:
    """Read a trait set.

    Parameters
    ----------
    source : str or Path
        The name of a set (see `trait_sets`), or a file. A text file has one trait per line;
        lines that begin with ``#`` are comments. A CSV file has a column ``trait`` and,
        if you like, ``description``. A file that is called like a set is read as ``./NAME``.
    base : Path, optional
        Folder that a relative path starts from; the working directory if not given.

    Raises
    ------
    InputError
        No such set or file, fewer than two traits, or a line that is blank, repeats a trait
        (whatever its case or hyphens) or is not a single word. A phrase is refused because the
        judge must repeat the trait exactly, and because prompt templates are searched for
        traits word by word; write it with hyphens (down-to-earth).
    """
    path = _find(source, base=base)
    lines = list(_csv_lines(path) if path.suffix.lower() == ".csv" else _text_lines(path))
    _refuse_bad_lines(lines, path=path)
    if len(lines) < 2:
        last = lines[-1][0] if lines else 1
        raise InputError(
            f"{path}, line {last}: the file ends with {len(lines)} trait(s), expected at least "
            "two, because traits are compared in pairs"
        )
    return TraitSet(path.stem, tuple(trait for _, trait in lines))


def _find(source: str | Path, *, base: Path | None) -> Path:
    """Return the file of a named set, or the user's own file."""
    if isinstance(source, str) and source in trait_sets():
        return _SETS / f"{source}.txt"
    path = named_path(source, base=base)
    if not path.is_file():
        raise InputError(
            f"traits = {str(source)!r} is neither a set ({', '.join(trait_sets())}) "
            f"nor a file at {path}"
        )
    return path


def _headline(path: Path) -> str:
    """Return the first comment of a set's file."""
    with path.open(encoding="utf-8") as lines:
        return next(lines).lstrip("# ").rstrip("\n")


def _read(path: Path) -> str:
    """Return a file's text, a byte-order mark aside."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from error


def _text_lines(path: Path) -> Iterator[tuple[int, Trait]]:
    """Yield line numbers and traits of a text file."""
    for number, line in enumerate(_read(path).splitlines(), start=1):
        if not line.startswith("#"):
            yield number, Trait(_clean(line))


def _csv_lines(path: Path) -> Iterator[tuple[int, Trait]]:
    """Yield line numbers and traits of a CSV file."""
    rows = csv.reader(_read(path).splitlines(keepends=True))
    header = [name.strip().lower() for name in next(rows, [])]
    if "trait" not in header:
        raise InputError(
            f"{path}, line 1: no column 'trait', found {', '.join(header) or 'nothing'}"
        )
    for row in rows:
        cells = dict(zip(header, row, strict=False))
        yield (
            rows.line_num,
            Trait(_clean(cells.get("trait", "")), cells.get("description", "").strip()),
        )


def _clean(word: str) -> str:
    """Return a trait without surrounding space, in one Unicode form."""
    return unicodedata.normalize("NFC", word.strip())


def _refuse_bad_lines(lines: Iterable[tuple[int, Trait]], *, path: Path) -> None:
    """Refuse the first line that is blank, not one word, or says the same as an earlier one."""
    seen: dict[str, int] = {}
    for number, trait in lines:
        where = f"{path}, line {number}"
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
            raise InputError(
                f"{where}: {trait.name!r} repeats line {seen[key]}: delete one of them"
            )
        seen[key] = number


def _is_one_word(name: str) -> bool:
    """Whether this is letters only, or such parts joined by hyphens or apostrophes."""
    parts = name.replace("'", "-").replace("’", "-").split("-")
    return all(part and all(map(_is_letter, part)) for part in parts)


def _is_letter(char: str) -> bool:
    """Whether this is a letter or a mark on one (the vowel signs of many scripts are marks)."""
    return unicodedata.category(char)[0] in "LM"
