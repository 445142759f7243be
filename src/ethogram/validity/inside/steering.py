"""Does adding a direction move the verdict? Dose and response of steered replies, with controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ethogram.analysis.probes.doses import (
    CONTROLS,
    TRAIT,
    Responses,
    slope,
    slope_gain,
)
from ethogram.design import Part
from ethogram.ratings.comparisons import FloatArray
from ethogram.store.replies import read_values
from ethogram.validity.both_orders import merge_verdicts
from ethogram.validity.proportions import Estimate, proportion
from ethogram.validity.results import StoreResults

UNIT = 0.1
"""Slopes are told per tenth of the residual norm."""


class Condition(NamedTuple):
    """A condition in the store, and what was added in it."""

    name: str
    trait: str
    kind: str
    dose: float


@dataclass(frozen=True)
class Dose:
    """What one condition came to: the judge's share for the trait, and coherence."""

    condition: Condition
    share: Estimate
    likelihood: float
    n: int


@dataclass(frozen=True)
class Steering:
    """Dose and response of one trait by one judge.

    Attributes
    ----------
    trait, judge : str
    doses : tuple of Dose
    slopes : mapping of kind to Estimate
        Change of the share per tenth of the norm: of the trait's direction, and of the controls.
    gains : mapping of control to Estimate
        How much steeper the trait's direction is.
    coherence : Estimate
        Change of the log likelihood per tenth of the norm, whatever its sign, by the trait's
        direction.
    """

    trait: str
    judge: str
    doses: tuple[Dose, ...]
    slopes: Mapping[str, Estimate]
    gains: Mapping[str, Estimate]
    coherence: Estimate

    @property
    def moves(self) -> bool:
        """Whether the trait's direction moves the verdict upward, and more than both controls."""
        return all(found.low > 0 for found in (self.slopes[TRAIT], *self.gains.values()))


def measure_steering(
    results: StoreResults, writer: str, conditions: Sequence[Condition]
) -> list[Steering]:
    """Measure each steered trait by each judge that read its replies."""
    found = []
    for judge in results.judges:
        for trait in dict.fromkeys(c.trait for c in conditions):
            own = [c for c in conditions if c.trait == trait]
            made = _measure(results, writer, judge, trait, own)
            if made is not None:
                found.append(made)
    return found


def _measure(
    results: StoreResults, writer: str, judge: str, trait: str, conditions: Sequence[Condition]
) -> Steering | None:
    rows = merge_verdicts(results.verdicts(judge).part(Part.STEER))
    by_name = {c.name: c for c in conditions}
    names = [rows.conditions[i] for i in rows.condition.tolist()]
    models = [rows.models[i] for i in rows.model.tolist()]
    kept = [
        i
        for i, (name, model) in enumerate(zip(names, models, strict=True))
        if name in by_name and model == writer and not np.isnan(rows.p_first[i])
    ]
    if not kept:
        return None
    taken = [by_name[names[i]] for i in kept]
    values = read_values(results.store, rows.trial[kept].tolist())
    likely = np.array([values.get(t, np.nan) for t in rows.trial[kept].tolist()])
    share = Responses(
        rows.p_first[kept],
        np.array([c.dose for c in taken]) / UNIT,
        tuple(c.kind for c in taken),
        rows.prompt[kept],
    )
    kinds = (TRAIT, *CONTROLS)  # of one that is not judged yet, nothing is known
    return Steering(
        trait,
        judge,
        tuple(_dose(c, taken, share, likely) for c in conditions if c in taken),
        {kind: slope(share, kind) for kind in kinds},
        {kind: slope_gain(share, kind) for kind in kinds if kind != TRAIT},
        slope(_coherence(share, likely), TRAIT),
    )


def _coherence(share: Responses, likely: FloatArray) -> Responses:
    """Return log likelihoods against the size of the dose, where they are known."""
    known = np.flatnonzero(~np.isnan(likely))
    return Responses(
        likely[known],
        np.abs(share.dose[known]),
        tuple(share.kind[i] for i in known),
        share.prompt[known],
    )


def _dose(
    condition: Condition, taken: Sequence[Condition], share: Responses, likely: FloatArray
) -> Dose:
    rows = np.array([c == condition for c in taken])
    told = likely[rows & ~np.isnan(likely)]
    return Dose(
        condition,
        proportion(share.value[rows], clusters=share.prompt[rows]),
        float(told.mean()) if len(told) else float("nan"),
        int(rows.sum()),
    )
