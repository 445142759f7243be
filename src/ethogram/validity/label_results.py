"""People's labels in a store: drawing replies to label, and labels beside a judge's verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ethogram.design import Part
from ethogram.errors import InputError, guess
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.store.labels import ANSWERS, Label, LabelDraw, LabelItem, read_draw, read_labels
from ethogram.store.read import Verdicts
from ethogram.validity.both_orders import has_probabilities, merge_verdicts
from ethogram.validity.label_sampling import OVERLAP, draw_replies
from ethogram.validity.labels import BOTH, FIRST, NEITHER, SECOND, UNSURE, Labels
from ethogram.validity.results import StoreResults

_CODES = dict(zip(ANSWERS, (FIRST, SECOND, BOTH, NEITHER, UNSURE), strict=True))
_CHECKED = (Part.MAIN, Part.ORDER, Part.REPEAT)


def plan_labels(
    results: StoreResults,
    size: int,
    *,
    judge: str | None = None,
    models: Sequence[str] = (),
    overlap: float = OVERLAP,
    seed: int = 0,
) -> LabelDraw:
    """Draw chosen replies for people to label.

    Parameters
    ----------
    results : StoreResults
    size : int
    judge : str, optional
        Whose verdicts people are to be the yardstick of; else the first.
    models : sequence of str
        Only replies of these; else of all.
    overlap, seed : float, int
        See `draw_replies`.

    Raises
    ------
    InputError
        An unknown judge or model, or no reply with a verdict.
    """
    name = _pick_judge(results, judge)
    for model in models:
        if model not in results.models:
            raise InputError(
                f"{results.store.path} has no model {model!r}{guess(model, results.models)}; it "
                f"has {', '.join(results.models)}"
            )
    rows = chosen_verdicts(results, name)
    kept = rows.take(
        (rows.code >= 0) & np.isin(np.array(rows.models)[rows.model], models or rows.models)
        if len(rows)
        else np.zeros(0, dtype=bool)
    )
    if not len(kept):
        raise InputError(
            f"{results.store.path} has no chosen reply with a verdict by {name!r}: run the study "
            "first"
        )
    drawn = draw_replies(
        _confidence(results, kept),
        np.where(kept.code == 1, kept.first, kept.second),
        size=size,
        overlap=overlap,
        seed=seed,
    )
    items = zip(drawn.order.tolist(), drawn.shared.tolist(), drawn.swapped.tolist(), strict=True)
    return LabelDraw(
        judge=name,
        seed=seed,
        overlap=overlap,
        strata=tuple(zip(drawn.names, drawn.replies.tolist(), strict=True)),
        items=tuple(
            LabelItem(place, int(kept.trial[row]), int(drawn.stratum[row]), shared, swapped)
            for place, (row, shared, swapped) in enumerate(items)
        ),
    )


def _pick_judge(results: StoreResults, judge: str | None) -> str:
    """Return the judge of this name, or the first."""
    if not results.judges:
        raise InputError(f"{results.store.path} has no judge: run the study first")
    if judge is None:
        return next(iter(results.judges))
    if judge not in results.judges:
        raise InputError(
            f"{results.store.path} has no judge {judge!r}{guess(judge, results.judges)}; it has "
            f"{', '.join(results.judges)}"
        )
    return judge


def chosen_verdicts(results: StoreResults, judge: str) -> Verdicts:
    """Return a judge's verdict on each chosen reply of the study, both orders as one."""
    rows = results.verdicts(judge).part(Part.MAIN)
    if not len(rows):
        return rows
    rows = rows.take(np.array(rows.conditions)[rows.condition] != "random")
    if has_probabilities(rows):
        return merge_verdicts(rows)
    return rows.take(np.unique(rows.trial, return_index=True)[1])


def _confidence(results: StoreResults, rows: Verdicts) -> FloatArray:
    """How sure a judge is of its verdicts: by its probabilities, else by who else said so.

    Without probabilities it is the share of all verdicts on the reply, of every judge and order,
    that name the same trait; NaN where there is only one.
    """
    if has_probabilities(rows):
        return np.where(np.isnan(rows.p_first), np.nan, np.maximum(rows.p_first, 1 - rows.p_first))
    same, told = np.zeros(len(rows)), np.zeros(len(rows))
    for name in results.judges:
        others = results.verdicts(name).part(*_CHECKED)
        others = others.take((others.code >= 0) & np.isin(others.trial, rows.trial))
        at = np.searchsorted(rows.trial, others.trial)
        told += np.bincount(at, minlength=len(rows))
        same += np.bincount(at, others.code == rows.code[at], minlength=len(rows))
    share: FloatArray = np.divide(same, told, out=np.full(len(rows), np.nan), where=told > 1)
    return share


def labels_beside(results: StoreResults, judge: str) -> Labels | None:
    """Return people's labels beside a judge's verdicts; None where there are none."""
    kept = read_labels(results.store)
    rows = chosen_verdicts(results, judge)
    at = {trial: row for row, trial in enumerate(rows.trial.tolist())}
    kept = [label for label in kept if label.trial in at]
    if not kept:
        return None
    draw = read_draw(results.store)
    where = np.array([at[label.trial] for label in kept])
    code, labellers = rows.code[where], tuple(sorted({label.labeller for label in kept}))
    return Labels(
        traits=rows.traits,
        trial=rows.trial[where],
        prompt=rows.prompt[where],
        first=rows.first[where],
        second=rows.second[where],
        answer=np.array([_CODES[label.answer] for label in kept]),
        named=np.where(code == 1, rows.first[where], np.where(code == 0, rows.second[where], -1)),
        named_first=~rows.swapped[where],
        labeller=np.array([labellers.index(label.labeller) for label in kept]),
        model=rows.model[where],
        stratum=_strata(draw, kept),
        replies=np.array([n for _, n in draw.strata] if draw else [], dtype=np.int64),
        labellers=labellers,
        models=rows.models,
        judge=judge,
    )


def _strata(draw: LabelDraw | None, labels: Sequence[Label]) -> IntArray:
    """Return the stratum of each label's reply in a draw; -1 where it was not drawn."""
    known = {item.trial: item.stratum for item in draw.items} if draw is not None else {}
    return np.array([known.get(label.trial, -1) for label in labels], dtype=np.int64)
