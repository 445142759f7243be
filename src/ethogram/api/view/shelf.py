"""The studies that are shown: which stores there are, what each holds, and its report's page."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import NamedTuple

from ethogram.api.reading import REFERENCE
from ethogram.errors import EthogramError, InputError
from ethogram.figures.theme import unchecked
from ethogram.report import judge_account, reference_report, report_on
from ethogram.report.page import Follow, render_page
from ethogram.store.counts import count_verdicts
from ethogram.store.file import has_sign, is_held
from ethogram.store.store import Store
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults

PUBLISHED = "published"
"""The key of the published study."""

QUICK = "`ethogram report` adds ratings corrected for the judge's errors: they take too long here."
"""A note on a page that is drawn while somebody waits."""

_KEPT_PAGES = 4  # of some megabytes each
_FRESH = 30.0  # seconds for which the page of a run under way is not drawn again


@dataclass(frozen=True)
class Study:
    """A study on the list.

    Attributes
    ----------
    key : str
        In addresses.
    path : Path or None
        None: the published study.
    name : str
    models, judges : tuple of str
    planned, done : int
        Of the judgings of the study itself.
    changed : float
        Seconds since 1970.
    under_way : bool
        A process has the store open for writing.
    problem : str
        Why it cannot be read; "" where it can.
    """

    key: str
    path: Path | None
    name: str
    models: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    planned: int = 0
    done: int = 0
    changed: float = 0.0
    under_way: bool = False
    problem: str = ""

    @property
    def version(self) -> tuple[float, int, int]:
        """What tells one state of its store from another."""
        return (self.changed, self.done, self.planned)


class _Page(NamedTuple):
    """A report's page as it was drawn."""

    version: tuple[float, int, int]
    under_way: bool
    drawn: float
    text: str

    def is_fresh(self, study: Study) -> bool:
        """Whether it shows the study as it is, or, of a run under way, as it just was."""
        young = monotonic() - self.drawn < _FRESH
        as_it_is = (self.version, self.under_way) == (study.version, study.under_way)
        return as_it_is or (study.under_way and self.under_way and young)


class Shelf:
    """The studies at some paths, each read again when its store has changed.

    Parameters
    ----------
    paths : sequence of path
        Stores, folders of stores, and "reference:" for the published study.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        found = _each_once(one for path in paths for one in _stores_at(path))
        self.paths = dict(zip(_keys(found), found, strict=True))
        if not self.paths:
            raise InputError(
                f"no store in {', '.join(map(str, paths))}: name stores (STEM.db) or their folder"
            )
        self._known: dict[str, tuple[tuple[float, int], Study]] = {}
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._drawing = Lock()

    def studies(self) -> list[Study]:
        """Return every study, those that changed last first."""
        every = [self.study(key) for key in self.paths]
        return sorted(every, key=lambda study: (not study.under_way, -study.changed))

    def study(self, key: str) -> Study:
        """Return one study as it is now.

        Raises
        ------
        InputError
            There is none under this key.
        """
        if key not in self.paths:
            raise InputError(f"no study {key!r} here: the list has all that there are")
        path = self.paths[key]
        if path is None:
            return Study(key, None, "The published study", ("nine frontier models",))
        state = store_state(path)
        if key not in self._known or self._known[key][0] != state:
            self._known[key] = (state, _read(key, path, state[0]))
        return replace(self._known[key][1], under_way=is_held(path))

    def page(self, key: str, links: Sequence[tuple[str, str]]) -> str:
        """Return the report's page of a study, drawn anew where its store has changed."""
        study = self.study(key)
        if study.problem:
            raise InputError(study.problem)
        with self._drawing:  # one at a time: it takes all of a core
            kept = self._pages.get(key)
            if kept is None or not kept.is_fresh(study):
                follow = Follow(key, study.done) if study.under_way else None
                text = draw_page(study, links, follow=follow)
                kept = _Page(study.version, study.under_way, monotonic(), text)
            self._pages[key] = kept
            self._pages.move_to_end(key)
            while len(self._pages) > _KEPT_PAGES:
                self._pages.popitem(last=False)
            return kept.text


def draw_page(
    study: Study,
    links: Sequence[tuple[str, str]],
    *,
    texts: bool = True,
    whole: bool = False,
    follow: Follow | None = None,
) -> str:
    """Return the report's page of a study.

    Parameters
    ----------
    study : Study
    links : sequence of (words, address)
    texts : bool
        False: no reply and no prompt is in it.
    whole : bool
        With ratings corrected for the judge's errors, some seconds per model.
    follow : Follow, optional
        As in `render_page`.
    """
    if study.path is None:
        made = reference_report()
    else:
        with StoreResults.open(study.path) as results:
            account = judge_account(measure_validity(results, corrections=whole))
            made = report_on(results, judge=account)
        if account.tested and not whole:
            made = replace(made, notes=(*made.notes, QUICK))
    if not texts:
        made = replace(made, evidence=None)
    with unchecked():
        return render_page(made, links=links, follow=follow)


def _stores_at(path: str | Path) -> list[Path | None]:
    """Return the stores at a path: itself, or those in a folder."""
    if str(path) == REFERENCE:
        return [None]
    path = Path(path)
    if path.is_dir():
        return [one for one in sorted(path.glob("*.db")) if _is_store(one)]
    if not path.exists():
        raise InputError(f"no store at {path}")
    return [path]


def _each_once(paths: Iterable[Path | None]) -> list[Path | None]:
    """Leave out further names of a store: one given twice, and symbolic links."""
    kept: dict[Path | None, Path | None] = {}
    for path in paths:
        place = path and path.resolve()
        if place not in kept or not (path and path.is_symlink()):
            kept[place] = path
    return list(kept.values())


def _is_store(path: Path) -> bool:
    """Whether a file is a store, also one that cannot be read today."""
    if not path.is_file():
        return False
    try:
        Store.read(path).close()
    except EthogramError as error:
        return "version" in str(error) or has_sign(path)
    return True


def _keys(paths: Sequence[Path | None]) -> list[str]:
    """Return an address for each store: its name, with a number where two have one."""
    keys: list[str] = []
    for path in paths:
        stem = PUBLISHED if path is None else re.sub(r"[^\w.-]+", "-", path.stem).strip("-.")
        names = (f"{stem or 'study'}{ending}" for ending in endings())
        keys.append(next(name for name in names if name not in keys))
    return keys


def endings() -> Iterator[str]:
    """What is put behind a name to tell it from those before it: nothing, then numbers."""
    return chain([""], (f"-{number}" for number in count(2)))


def store_state(path: Path) -> tuple[float, int]:
    """What changes when a store is written: of the file, and of the log beside it."""
    files = [path, path.with_name(path.name + "-wal")]
    found = [one.stat() for one in files if one.exists()]
    return max((s.st_mtime for s in found), default=0.0), sum(s.st_size for s in found)


def _read(key: str, path: Path, changed: float) -> Study:
    try:
        with Store.read(path) as store:
            studies, (planned, done) = store.studies(), count_verdicts(store)
            return Study(
                key,
                path,
                studies[-1]["name"] if studies else path.stem,
                tuple(store.parties("model")),
                tuple(store.parties("judge")),
                planned,
                done,
                changed,
            )
    except EthogramError as error:
        return Study(key, path, path.stem, changed=changed, problem=str(error))
