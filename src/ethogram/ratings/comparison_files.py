"""Comparison files of other people's: tables of any kind in, comparisons out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError, Problems
from ethogram.ratings.arrays import text_label
from ethogram.ratings.comparison_cells import Cells, gather
from ethogram.ratings.comparison_forms import TIE, Form, form_of, is_side, outcome_of
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray, compare
from ethogram.ratings.dataset_folders import (
    ROWS,
    complete,
    dataset_folder,
    is_dataset,
    read_groups,
)
from ethogram.ratings.orders import merge_orders
from ethogram.stimuli.tables.names import is_tie, look_alikes
from ethogram.stimuli.tables.records import SUFFIXES, kind_of

_MOST_NAMED = 5
_MOST_COLUMNS = 20


def is_table(path: Path, *, form: str = "plain") -> bool:
    """Whether a path names comparisons: by its ending, as hf:FOLDER, or as a folder (of a form)."""
    return (
        is_dataset(path) or kind_of(path) in SUFFIXES or (form_of(form).folders and path.is_dir())
    )


def read_table(path: Path, *, form: str = "plain", keyed: bool = False) -> list[Comparisons]:
    """Read a file of comparisons: CSV, TSV, JSONL, JSON, Parquet, Arrow or Feather.

    Columns model, trait_1 (shown first), trait_2, winner (one of the two, "tie", or empty: a
    comparison that was lost); optional prompt_id, judge, judge_first (the trait the judge was
    shown first), condition, p_first (the judge's probability of trait_1), weight. Files that
    `ethogram export` wrote give the ratings of their store.

    Parameters
    ----------
    path : Path
        A file; of the form "oct", a folder of them too. Or hf:FOLDER, a data set of ours.
    form : one of `ethogram.ratings.comparison_forms.FORMS`
    keyed : bool
        Number prompts by the text of their ids, alike in all files; else from 0 in this one.

    Raises
    ------
    InputError
        A file that cannot be read, lacks a column, or holds a row that is not a comparison.
    """
    if is_dataset(path):
        return _read_dataset(path, form=form, keyed=keyed)
    layout = form_of(form)
    cells = gather(path, layout)
    problems = Problems(_MOST_NAMED)
    won = _outcomes(cells, layout, problems)
    _check(cells, problems)
    problems.raise_any()
    p_first = cells.probabilities()
    keys = list(zip(cells["model"], cells["judge"], cells["condition"], strict=True))
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    group = np.array([number[key] for key in keys])
    order = _order(cells)
    rows = _Rows(cells, won, p_first, cells.weights(), _prompts(cells, keyed=keyed))
    made = [_comparisons(rows, order[group[order] == i], key) for key, i in number.items()]
    if not any(len(one) for one in made):
        raise InputError(f"{path} holds no comparisons with a winner")
    notes = tuple(_notes(cells))
    return [replace(one, source_notes=notes) for one in made]


def _read_dataset(path: Path, *, form: str, keyed: bool) -> list[Comparisons]:
    """Read a folder that `ethogram export --format hf` wrote: rows, and what no row can say."""
    if form != "plain":
        raise InputError(f"--as {form} needs a comparison file: {path} is ethogram's own data set")
    folder = dataset_folder(path)
    return complete(read_table(folder / ROWS, keyed=keyed), read_groups(folder), folder)


@dataclass(frozen=True)
class _Rows:
    """All rows of a file: its names, who won by words, by probability, weights and prompts."""

    cells: Cells
    won: FloatArray
    p_first: FloatArray | None
    weight: FloatArray | None
    prompt: IntArray | None


def _outcomes(cells: Cells, form: Form, problems: Problems) -> FloatArray:
    """Read who won each comparison; gather those that nobody can have won."""
    sides = zip(cells["winner"], cells["trait_1"], cells["trait_2"], strict=True)
    made = np.empty(len(cells))
    for row, (winner, one, two) in enumerate(sides):
        value = outcome_of(winner, one, two, form)
        if value is None:
            expected = _unreadable(winner, one, two, form)
            problems.add(None if problems.full else cells.wrong(row, expected))
        made[row] = np.nan if value is None else value
    return made


def _unreadable(winner: str, one: str, two: str, form: Form) -> str:
    """Say what is wrong with a winner that cannot be read."""
    if winner in (one, two):
        return "a winner that is one trait by its name and the other by its side: rename the trait"
    if winner.casefold() == "none":
        return 'a winner "none": leave the cell empty if there is no answer, write tie for a tie'
    if form.winner == "score":
        hint = ", with a decimal point" if "," in winner else ""
        return f"a score that is not 1, 0.5 or 0{hint}"
    if form.winner == "side":
        return "a winner that is not model_a, model_b, tie or tie (bothbad)"
    return f"a winner that is neither trait{'; add --as arena' if is_side(winner) else ''}"


def _check(cells: Cells, problems: Problems) -> None:
    """Gather the rows that are no comparison, each with its place."""
    shown = cells.columns.get("judge_first") or [""] * len(cells)
    ties = {name for name in {*cells["trait_1"], *cells["trait_2"]} if is_tie(name)}
    for row, (model, one, two, first) in enumerate(
        zip(cells["model"], cells["trait_1"], cells["trait_2"], shown, strict=True)
    ):
        if not (model and one and two):
            what = "an empty cell"
        elif one == two:
            what = "a trait against itself"
        elif first and first not in (one, two):
            what = "a judge_first that is neither trait"
        elif one in ties or two in ties:
            what = "a trait called 'tie', which is the word for no winner: rename the trait"
        else:
            continue
        problems.add(None if problems.full else cells.wrong(row, what))


def _notes(cells: Cells) -> list[str]:
    """Say of the whole file what was not used, and which names may be one."""
    notes = []
    if cells.unused:
        notes.append(f"Columns of the file that are not used: {_columns(cells.unused)}.")
    notes += _alike("traits", {*cells["trait_1"], *cells["trait_2"]})
    return [*notes, *_alike("models", {*cells["model"]})]


def _alike(what: str, names: Iterable[str]) -> list[str]:
    """Say which names look alike."""
    twins = look_alikes(names)
    if not twins:
        return []
    shown = "; ".join(" and ".join(map(repr, group)) for group in twins[:_MOST_NAMED])
    more = f"; and {len(twins) - _MOST_NAMED} more" if len(twins) > _MOST_NAMED else ""
    return [f"Treated as different {what}, although they look alike: {shown}{more}."]


def _contradictions(won: FloatArray, p_first: FloatArray) -> list[str]:
    """Say in how many rows of a model the winner is the trait that p_first says is less likely."""
    n = int((((won == 1) & (p_first < TIE)) | ((won == 0) & (p_first > TIE))).sum())
    return (
        [
            f"In {n:,} of {len(won):,} rows the winner is not the trait that p_first (the "
            "probability of trait_1) favours; p_first is what is rated."
        ]
        if n
        else []
    )


def _columns(names: Sequence[str]) -> str:
    """Return names with commas; of very many, how many more there are."""
    more = len(names) - _MOST_COLUMNS
    return ", ".join(names[:_MOST_COLUMNS]) + (f" and {more:,} more" if more > 0 else "")


def _order(cells: Cells) -> IntArray:
    """Return the rows in the order asked, which the store's own export records."""
    columns = [cells.order_column(name) for name in ("judging", "sample", "seq")]
    if any(column is None for column in columns):
        return np.arange(len(cells))
    found: IntArray = np.lexsort([column for column in columns if column is not None])
    return found


def _comparisons(rows: _Rows, mine: IntArray, key: tuple[str, str, str]) -> Comparisons:
    """Turn the rows of one model, judge and condition into comparisons."""
    cells, won = rows.cells, rows.won[mine]
    p_first = np.full(len(mine), np.nan) if rows.p_first is None else rows.p_first[mine]
    soft = not np.isnan(p_first).all()
    usable = ~(np.isnan(won) & np.isnan(p_first))
    notes = [*_contradictions(won, p_first), *_left_out(cells, mine, usable)]
    mine, won, p_first = mine[usable], won[usable], p_first[usable]
    one, two = (cells.array(name)[mine] for name in ("trait_1", "trait_2"))
    tie = (won == TIE) & np.isnan(p_first)
    outcome = np.where(np.isnan(p_first), won, p_first)
    judge_first = _signs(cells, mine, one, two)
    weight = np.ones(len(mine)) if rows.weight is None else rows.weight[mine]
    keep = np.arange(len(mine))
    if soft:
        reply = _replies(cells, mine, judge_first)
        keep, outcome, judge_first, tie = merge_orders(reply, outcome, judge_first, tie, weight)
        weight = _mean(reply, weight)
    traits = sorted({*one, *two})
    place = {trait: i for i, trait in enumerate(traits)}
    return compare(
        traits,
        [place[trait] for trait in one[keep]],
        [place[trait] for trait in two[keep]],
        outcome,
        tie=tie,
        prompt=None if rows.prompt is None else rows.prompt[mine[keep]],
        judge_first=judge_first,
        length=_lengths(cells, mine[keep]),
        weight=weight,
        lost=int((~usable).sum()),
        model=key[0],
        judge=key[1],
        condition=key[2],
        notes=notes,
        wording=_wordings(cells, mine[keep]),
    )


def _left_out(cells: Cells, mine: IntArray, usable: BoolArray) -> list[str]:
    """Say which traits have no verdict at all, and so no rating."""
    sides = [cells.array(name)[mine] for name in ("trait_1", "trait_2")]
    missing = sorted({t for s in sides for t in s} - {t for s in sides for t in s[usable]})
    if not missing:
        return []
    shown = ", ".join(missing[:_MOST_NAMED])
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return [f"Without any verdict, and so left out: {shown}{more}."]


def _signs(cells: Cells, mine: IntArray, one: Any, two: Any) -> IntArray:
    """Return +1 where the judge was shown the first trait first, -1 the second, 0 unknown."""
    if "judge_first" not in cells.columns:
        return np.zeros(len(mine), dtype=np.int64)
    shown = cells.array("judge_first")[mine]
    return np.where(shown == one, 1, np.where(shown == two, -1, 0)).astype(np.int64)


def _replies(cells: Cells, mine: IntArray, judge_first: IntArray) -> IntArray:
    """Number the replies that the rows are about, so that both orders of one have its number.

    Our own export says which trial a row is of. Elsewhere two rows are of one reply where prompt,
    traits and sample are the same and the judge was shown the traits in two orders.
    """
    trial = cells.order_column("trial") if "judging" in cells.numbers else None
    keys = _guessed_replies(cells, mine, judge_first) if trial is None else trial[mine].tolist()
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def _guessed_replies(cells: Cells, mine: IntArray, judge_first: IntArray) -> list[Any]:
    """Return a key for each row that the other order of the same reply shares."""
    if "prompt_id" not in cells.columns:
        return list(range(len(mine)))
    about = [cells.array(name)[mine] for name in ("prompt_id", "trait_1", "trait_2")]
    sample = cells.order_column("sample")
    about += [] if sample is None else [sample[mine]]
    seen: dict[Any, int] = {}
    keys: list[Any] = []
    for row, (key, sign) in enumerate(
        zip(zip(*about, strict=True), judge_first.tolist(), strict=True)
    ):
        if not key[0] or not sign:
            keys.append(row)
            continue
        seen[key, sign] = seen.get((key, sign), 0) + 1
        keys.append((key, seen[key, sign]))
    return keys


def _mean(reply: IntArray, values: FloatArray) -> FloatArray:
    """Return the mean of each reply's values, in the order of `merge_orders`."""
    return np.asarray(np.bincount(reply, values) / np.bincount(reply), dtype=np.float64)


def _prompts(cells: Cells, *, keyed: bool) -> IntArray | None:
    """Number the prompts, alike for all models; an empty id is -1, unknown."""
    if "prompt_id" not in cells.columns:
        return None
    ids: NDArray[np.str_] = cells.array("prompt_id").astype(str)
    known, code = np.unique(ids, return_inverse=True)
    if keyed:
        code = np.array([text_label(str(i)) for i in known], dtype=np.int64)[code]
    return np.where(ids == "", -1, code)


def _wordings(cells: Cells, rows: IntArray) -> IntArray | None:
    """Return which paraphrase of the instruction each row had, where there were several."""
    found = cells.order_column("wording")
    return None if found is None or not found.any() else found[rows].astype(np.int64)


def _lengths(cells: Cells, rows: IntArray) -> FloatArray | None:
    """Return the replies' lengths, where all rows have a number."""
    found = cells.order_column("chars")
    return None if found is None else found[rows]
