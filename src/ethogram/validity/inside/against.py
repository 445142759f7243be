"""Before and after: the same replies read by two sets of weights, along the same directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ethogram.errors import StoreError
from ethogram.ratings.numbers import say_interval, say_number
from ethogram.store.activations import Shards
from ethogram.validity.inside.planted import Inside
from ethogram.validity.inside.replies import Replies
from ethogram.validity.proportions import Estimate, contrast
from ethogram.validity.sections import Section, SectionTable

NOTE = (
    "Before and after: the replies in the store are read by both sets of weights, with no "
    "instruction, and projected on the directions of the study's own model. A shift is in standard "
    "deviations of its planted replies. It says how the other weights represent the same text, "
    "not what they would write."
)


@dataclass(frozen=True)
class InsideShift:
    """How far other weights lie along each trait's direction, in standard deviations.

    Attributes
    ----------
    weights : str
    traits : tuple of str
    shifts : tuple of Estimate
        Other weights minus the study's own, paired by reply, clustered by prompt.
    """

    weights: str
    traits: tuple[str, ...]
    shifts: tuple[Estimate, ...]


def measure_inside_shift(
    replies: Replies, inside: Inside, own: Shards, other: Shards, *, weights: str
) -> InsideShift:
    """Project the same replies, read by both weights, on the same directions.

    Raises
    ------
    StoreError
        The other weights have no such layer, or another width.
    """
    site = inside.difference.best
    if site.layer not in other.layers:
        raise StoreError(f"{other.folder} has no layer {site.layer}: read it with --layers")
    ids = replies.ids[np.isin(replies.ids, other.trials())]
    before, after = (s.read(site.layer, site.over, ids) for s in (own, other))
    if before.shape[1] != after.shape[1]:
        raise StoreError(
            f"{weights} has a residual stream {after.shape[1]} wide, expected {before.shape[1]}"
        )
    kept = np.isin(replies.ids, ids)
    along = (after - before).astype(np.float64) @ inside.directions.T
    planted = replies.planted[kept] >= 0
    spread = (before[planted].astype(np.float64) @ inside.directions.T).std(axis=0)
    cell, prompt = np.zeros(len(ids), dtype=np.int64), replies.prompt[kept]
    shifts = tuple(
        contrast(along[:, i] / max(spread[i], 1e-12), cell, (1,), clusters=prompt)
        for i in range(len(replies.traits))
    )
    return InsideShift(weights, replies.traits, shifts)


def shift_section(model: str, found: InsideShift) -> Section:
    """Say along which traits other weights lie elsewhere."""
    order = np.argsort([-abs(one.estimate) for one in found.shifts], kind="stable")
    most = found.shifts[order[0]]
    rows = tuple((found.traits[i], _shift(found.shifts[i])) for i in order)
    return Section(
        name="before_and_after",
        title="How do other weights represent the same replies?",
        claims=(
            f"{found.weights} against {model}: the largest shift is along "
            f"{found.traits[order[0]]}, {_shift(most)} standard deviations.",
        ),
        tables=(
            SectionTable(
                f"{found.weights} minus {model}, along the directions of {model}, in standard "
                "deviations; 95% intervals by prompt, of each trait on its own.",
                ("trait", "shift"),
                rows,
            ),
        ),
        notes=(NOTE,),
        data=_data(found),
    )


def _shift(one: Estimate) -> str:
    low_high = say_interval(one.low, one.high, 2, sign=True)
    return f"{say_number(one.estimate, 2, sign=True)} ({low_high})"


def _data(found: InsideShift) -> dict[str, Any]:
    return {
        "weights": found.weights,
        "traits": [
            {"trait": t, "shift": s.estimate, "low": s.low, "high": s.high, "n": s.n}
            for t, s in zip(found.traits, found.shifts, strict=True)
        ],
    }
