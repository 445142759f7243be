"""Wordings: how far a rating depends on how the instruction is put."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ethogram.design import Part
from ethogram.errors import NotConverged
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.wordings import WordingSpread, wording_spread
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section, SectionTable

SHOWN = 5  # traits that depend on the wording most


@dataclass(frozen=True)
class Worded:
    """One model by one judge."""

    model: str
    judge: str
    traits: tuple[str, ...]
    found: WordingSpread


def measure_wordings(results: StoreResults) -> tuple[Worded, ...]:
    """Return what each model's ratings depend on the wording; empty where there was one."""
    return tuple(_measured(results))


def _measured(results: StoreResults) -> Iterator[Worded]:
    for rows in results.comparisons(Part.MAIN):
        try:
            found = wording_spread(rows)
        except NotConverged:
            continue
        if found is not None:
            yield Worded(rows.model, rows.judge, rows.traits, found)


def wording_section(results: StoreResults) -> Section | None:
    """Say how far ratings move between wordings; None where there was one wording."""
    found = measure_wordings(results)
    if not found:
        return None
    rows = tuple((w.model, w.judge, f"{w.found.wordings}", _points(w), _most(w)) for w in found)
    table = SectionTable(
        "Standard deviation of a trait’s rating over wordings, Elo points, with the range of its "
        "likelihood ratio (95%); and the traits whose rating is furthest from its mean in any.",
        ("model", "judge", "wordings", "moves by", "most"),
        rows,
    )
    return Section(
        name="wordings",
        title="Does the wording of the instruction matter?",
        claims=tuple(_claim(w) for w in found),
        tables=(table,),
        notes=NOTES,
        data={"models": [_data(w) for w in found]},
    )


NOTES = (
    "Each trial was asked in one of several paraphrases of the instruction, equally often for "
    "every trait. They are taken for a sample of all that could be used, so ratings are those of "
    "the average wording, and what differs between wordings is part of every interval.",
    "The paraphrases are ours: other authors' could differ by more.",
)


def _claim(w: Worded) -> str:
    points = ELO_PER_LOGIT * w.found.spread
    if not w.found.low:
        return (
            f"{w.model}: no rating is shown to depend on the wording ({w.found.wordings} "
            f"paraphrases; a standard deviation of up to {ELO_PER_LOGIT * w.found.high:.0f} points "
            f"is possible), by {w.judge}."
        )
    return (
        f"{w.model}: between wordings of the instruction a rating moves by {points:.0f} points "
        f"(standard deviation; {_range(w)}), by {w.judge}."
    )


def _range(w: Worded) -> str:
    return f"{ELO_PER_LOGIT * w.found.low:.0f} to {ELO_PER_LOGIT * w.found.high:.0f}"


def _points(w: Worded) -> str:
    return f"{ELO_PER_LOGIT * w.found.spread:.0f} ({_range(w)})"


def _most(w: Worded) -> str:
    """Name the traits that some wording moves furthest."""
    if not w.found.low:
        return "not shown"
    reach = np.abs(w.found.deviations).max(axis=0)
    return ", ".join(w.traits[i] for i in np.argsort(-reach, kind="stable")[:SHOWN])


def _data(w: Worded) -> dict[str, object]:
    return {
        "model": w.model,
        "judge": w.judge,
        "wordings": w.found.wordings,
        "spread": w.found.spread,
        "low": w.found.low,
        "high": w.found.high,
        "traits": list(w.traits),
        "deviations": w.found.deviations.tolist(),
    }
