"""Reading back: profiles, counts, trials, tables, of a store, a file or the published study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ethogram.analysis.views import View, pick_view, say_view
from ethogram.errors import InputError, guess
from ethogram.ratings.comparison_files import is_table, read_table
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.methods import DEFAULT_METHOD, rating_method
from ethogram.ratings.results import Rated, rate_all
from ethogram.store import read
from ethogram.store.export import EXPORTED, export_tables
from ethogram.store.read import StageCount, count_stages, read_comparisons
from ethogram.store.store import Store
from ethogram.validity.combined import combine_all
from ethogram.validity.measure import rate_corrected
from ethogram.validity.results import StoreResults

REFERENCE = "reference:"
"""What stands before the name of a published profile."""


def read_profiles(
    source: str | Path,
    *,
    method: str = "bradley-terry",
    model: str | None = None,
    without: Sequence[str] = (),
    corrected: bool = False,
    combine: str | None = None,
    form: str = "plain",
) -> Rated:
    """Rate a store or a comparison file.

    Parameters
    ----------
    source : path
    method : str
        One of `ethogram.ratings.methods.METHODS`.
    model : str, optional
        Only this one.
    without : of "truncated" and "named"
        Leave out such replies (of a store).
    corrected : bool
        Rate with the judges' errors modelled, from planted replies (of a store).
    combine : "majority" or "weighted", optional
        Rate one verdict per reply of all judges (of a store), in place of each judge's.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.

    Returns
    -------
    Rated
        One profile per model, judge and condition: a sequence of these. What could not be rated
        is in `unrated`, with the reason.

    Raises
    ------
    InputError
        An unknown method, or a model of which there are no comparisons.
    """
    rating_method(method)
    if combine is not None:
        rated = _rate_combined(Path(source), combine, method, model, without, corrected=corrected)
    elif corrected:
        if method != DEFAULT_METHOD:
            raise InputError(
                f"method is {method!r}: corrected ratings are by {DEFAULT_METHOD} only"
            )
        if is_table(Path(source)):
            raise InputError(f"{source} is not a store: corrected ratings need its planted replies")
        with Store.read(source) as store:
            rated = rate_corrected(store, model=model, without=without)
    else:
        rated = rate_all(
            read_source(source, without=without, model=model, form=form), method=method
        )
    if not is_table(Path(source), form=form):
        with StoreResults.open(source) as results:
            rated = replace(rated, profiles=tuple(map(results.mark, rated.profiles)))
    if model is not None and not (rated.profiles or rated.unrated):
        there = dict.fromkeys(c.model for c in read_source(source, form=form))
        raise InputError(
            f"{source} has no comparisons of {model!r}{guess(model, there)}; it has those of "
            f"{', '.join(there)}"
        )
    return rated


def _rate_combined(
    source: Path,
    how: str,
    method: str,
    model: str | None,
    without: Sequence[str],
    *,
    corrected: bool,
) -> Rated:
    """Rate one verdict per reply of all judges of a store."""
    if is_table(source):
        raise InputError(f"{source} is not a store: combined ratings need its judges' verdicts")
    if corrected or without:
        raise InputError(
            f"combine is {how!r}: combined verdicts are not corrected, and leave out no replies; "
            "rate a single judge for these"
        )
    with StoreResults.open(source) as results:
        return rate_all(combine_all(results, how, model=model), method=method)


@dataclass(frozen=True)
class StoreStatus:
    """What a store has.

    Attributes
    ----------
    counts : tuple of StageCount
        Planned, done and lost rows of each stage, model, judge, part and condition.
    spent : float
        US dollars.
    unknown : int
        Attempts of unknown cost.
    """

    counts: tuple[StageCount, ...]
    spent: float
    unknown: int


def read_status(store: str | Path) -> StoreStatus:
    """Count what a store has, and what was spent."""
    with Store.read(store) as opened:
        return StoreStatus(tuple(count_stages(opened)), *opened.spent())


def read_trial(store: str | Path, trial: int) -> dict[str, Any]:
    """Read one trial with its reply, its verdicts and every attempt.

    Raises
    ------
    InputError
        There is no such trial.
    """
    with Store.read(store) as opened:
        return read.read_trial(opened, trial)


def export_store(
    store: str | Path,
    out: str | Path,
    *,
    tables: Sequence[str] = EXPORTED,
    file_format: str = "parquet",
    force: bool = False,
) -> dict[Path, int]:
    """Write tables of a store to files.

    Parameters
    ----------
    store : path
    out : path
        The folder; made if it is not there.
    tables : of "comparisons", "trials", "replies", "verdicts" and "attempts"
    file_format : "parquet", "csv" or "jsonl"
    force : bool
        Also replace files that ethogram did not write.

    Returns
    -------
    dict of Path to int
        How many rows each file has.
    """
    with Store.read(store) as opened:
        return dict(export_tables(opened, tables, Path(out), file_format, force=force))


def read_source(
    path: str | Path,
    *,
    without: Sequence[str] = (),
    model: str | None = None,
    form: str = "plain",
    keyed: bool = False,
) -> list[Comparisons]:
    """Read the comparisons of a store, or of a file of other people's.

    Parameters
    ----------
    path : path
        A store; or CSV, TSV, JSONL, JSON, Parquet, Arrow or Feather; the text kinds also gzipped.
    without : of "truncated" and "named"
        Leave out such replies (of a store).
    model : str, optional
        Only this one.
    form : "plain", "arena", "oct" or "scores"
        How a comparison file is laid out.
    keyed : bool
        Number prompts by the text of their ids, so that those of two sources can be paired; else
        as in this source.

    Raises
    ------
    InputError
        A comparison file that lacks a column or holds a row that is not a comparison.
    """
    path = Path(path)
    if is_table(path, form=form):
        if without:
            raise InputError("--without needs a store: a comparison file does not record it")
        found = read_table(path, form=form, keyed=keyed)
        return [c for c in found if model in (None, c.model)]
    check_form(path, form)
    with Store.read(path) as store:
        return read_comparisons(store, without=without, model=model, keyed=keyed)


def check_form(path: Path, form: str) -> None:
    """Refuse a form of comparison files for a store."""
    if form != "plain":
        raise InputError(f"--as {form} needs a comparison file: {path} has no such ending")


def within_view(
    sides: Sequence[Sequence[Comparisons]],
    judge: str | None,
    condition: str | None,
    note: Callable[[str], None] | None,
    *,
    pairs: bool,
) -> list[list[Comparisons]]:
    """Keep, on both sides, what is of the judge and condition that both have most of.

    `pairs` says that both sides are one source, of which two sets are needed.
    """
    planned: dict[tuple[str, str], int] = {}
    for side in sides[:1] if pairs else sides:
        for c in side:
            key = (c.judge, c.condition)
            planned[key] = planned.get(key, 0) + len(c) + c.lost
    views = [
        View(*key, (), n)
        for key, n in planned.items()
        if all(
            sum((c.judge, c.condition) == key for c in side) >= (2 if pairs else 1)
            for side in sides
        )
    ]
    if not views:
        return [[*side] for side in sides]
    view = pick_view(views)
    if note is not None and len(views) > 1:
        note(say_view(views, view, judge, condition))
    key = (view.judge, view.condition)
    return [[c for c in side if (c.judge, c.condition) == key] for side in sides]
