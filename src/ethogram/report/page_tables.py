"""What the page's tables show: rows of each, in the words and colours that the template sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ethogram.figures.theme import interval_level, missing_verdicts
from ethogram.ratings.marks import explain_marks
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import rank_words
from ethogram.ratings.profile import Profile
from ethogram.report.content import Report, ViewReport
from ethogram.store.read import StageCount, others_said

FOLD_ABOVE = 40
"""Lists of more traits open with their two ends only."""

FOLD_ENDS = 12

MOST_ROWS = 2000
"""Rows of a table in the page; of more traits it has both ends, and the JSON has all."""


def both_ends(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that a page carries."""
    half = MOST_ROWS // 2
    return rows if len(rows) <= MOST_ROWS else [*rows[:half], *rows[-half:]]


def said_of_ends(count: int) -> str:
    """Say that only the ends of so many traits are shown."""
    if count <= MOST_ROWS:
        return ""
    half = MOST_ROWS // 2
    return f"The {half:,} highest and the {half:,} lowest of {count:,} traits; the JSON has all."


def ranked_caption(profile: Profile, label: str, said: str = "") -> str:
    """What is told beneath a profile's list of traits; ends with what its view says."""
    return (
        f"{label}: {len(profile.traits)} traits from {profile.n:,} comparisons; "
        f"{missing_verdicts(profile.lost)}. Bars: {interval_level(profile)} interval of each trait "
        f"on its own ({profile.interval_method}). Blue: above 1000; orange: below; grey: the "
        "interval contains 1000. The rank ranges hold for all traits at once, at 95%."
        + "".join(f" {more}" for more in (explain_marks(profile.marks), said) if more)
    )


_METHODS = {
    "bradley-terry": "Ratings are Bradley-Terry strengths by penalised maximum likelihood, on the "
    "Elo scale: mean 1000, 173.7 points per logit. They do not depend on the order of the "
    "comparisons.",
    "davidson": "Where the judge may call a tie, ratings are strengths of Davidson's extension of "
    "the Bradley-Terry model, by penalised maximum likelihood, on the Elo scale: mean 1000, 173.7 "
    "points a logit. They do not depend on the order of the comparisons.",
    "elo": "Elo ratings are computed in passes through the comparisons and depend on their order.",
}


def method_words(profiles: Sequence[Profile]) -> list[str]:
    """How the profiles were rated, a sentence or two per method."""
    methods = dict.fromkeys(p.method for p in profiles)
    return [_METHODS.get(method, f"Ratings by {method}.") for method in methods]


def fold(count: int, place: int) -> bool:
    """Whether a row is in the folded middle of its list."""
    return count > FOLD_ABOVE and FOLD_ENDS <= place < count - FOLD_ENDS


def scale(profile: Profile) -> dict[str, Any]:
    """The rating axis of one profile's list: its ends and its ticks."""
    low, high = float(profile.rating_low.min()), float(profile.rating_high.max())
    low, high = min(low, 990.0), max(high, 1010.0)
    pad = 0.03 * (high - low)
    low, high = math.floor(low - pad), math.ceil(high + pad)
    step = next(s for s in (50, 100, 200, 400, 1000, 2000, 5000, 10**6) if (high - low) / s <= 6)
    return {
        "low": low,
        "high": high,
        "ticks": [*range(math.ceil(low / step) * step, high + 1, step)],
    }


def ranked(profile: Profile) -> list[dict[str, Any]]:
    """One profile's traits, strongest first."""
    rows = profile.frame().to_dicts()
    for row, place in zip(rows, rank_words([row["rating"] for row in rows]), strict=True):
        row["place"] = place
        row["side"] = "up" if row["low"] > 1000 else "down" if row["high"] < 1000 else "open"
    return both_ends(rows)


def overview(view: ViewReport) -> dict[str, Any] | None:
    """Every trait in every model: rating and interval, mean and spread."""
    if len(view.profiles) < 2:
        return None
    traits = list(dict.fromkeys(t for p in view.profiles for t in p.traits))
    places = [{t: i for i, t in enumerate(p.traits)} for p in view.profiles]
    rows: list[dict[str, Any]] = []
    for trait in traits:
        cells = [
            None if trait not in place else _cell(p, place[trait])
            for p, place in zip(view.profiles, places, strict=True)
        ]
        known = [c["rating"] for c in cells if c]
        rows.append(
            {
                "trait": trait,
                "cells": cells,
                "mean": float(np.mean(known)),
                "spread": float(np.std(known)) if len(known) > 1 else None,
            }
        )
    rows.sort(key=lambda row: -row["mean"])
    return {"rows": both_ends(rows), "traits": len(traits), "ends": said_of_ends(len(rows))}


def _cell(profile: Profile, i: int) -> dict[str, float]:
    rating = float(profile.ratings[i])
    reach = float(np.abs(profile.ratings - 1000).max()) or 1.0
    return {
        "rating": rating,
        "low": float(profile.rating_low[i]),
        "high": float(profile.rating_high[i]),
        "tint": (rating - 1000) / reach,
    }


def comparison(view: ViewReport) -> dict[str, Any] | None:
    """The pair that the side-by-side section opens with: the least alike."""
    if not view.shifts:
        return None
    pairs = list(view.shifts)
    similarity = view.analysis.similarity if view.analysis else None
    first = similarity.spearman.least if similarity else pairs[0]
    pair = first if first in view.shifts else pairs[0]
    shift = view.shifts[pair]
    return {"pair": pair, "shift": shift, "rows": _shift_rows(view, pair)}


def _shift_rows(view: ViewReport, pair: tuple[int, int]) -> list[dict[str, Any]]:
    """The significant shifts of a pair, largest rise first."""
    shift = view.shifts[pair]
    before, after = (view.profiles[i] for i in pair)
    rows = [
        {
            "trait": trait,
            "before": _cell(before, before.traits.index(trait)),
            "after": _cell(after, after.traits.index(trait)),
            "shift": float(ELO_PER_LOGIT * shift.raw.estimate[i]),
            "low": float(ELO_PER_LOGIT * shift.raw.low[i]),
            "high": float(ELO_PER_LOGIT * shift.raw.high[i]),
            "q": float(shift.raw.p_adjusted[i]),
        }
        for i, trait in enumerate(shift.traits)
        if shift.raw.p_adjusted[i] <= 0.05
    ]
    return sorted(rows, key=lambda row: -float(str(row["shift"])))


_LOSS_WORDS = {
    "no_reply": "no reply to judge",
    "empty": "empty",
    "refused": "refused",
    "filtered": "filtered",
    "unparsed": "unreadable verdict",
    "malformed": "malformed",
    "transport": "connection failed",
    "timeout": "timed out",
    "rate_limited": "rate limited",
    "server_error": "server error",
    "invalid_request": "invalid request",
    "unauthorized": "not authorised",
    "not_found": "not found",
}


def losses(stages: Sequence[StageCount]) -> dict[str, Any] | None:
    """The stages as table rows; only statuses that occur get a column."""
    if not stages:
        return None
    statuses = list(dict.fromkeys(s for s in _LOSS_WORDS if any(s in c.losses for c in stages)))
    statuses += sorted({s for c in stages for s in c.losses} - set(statuses))
    return {
        "statuses": [(s, _LOSS_WORDS.get(s, s)) for s in statuses],
        "rows": [{"count": c, "share": c.lost / max(1, c.planned)} for c in stages],
        "worst": _most_lost(stages),
        "others": others_said(stages),
        "pending": any(c.pending for c in stages),
        "parts": len({c.part for c in stages}) > 1,
        "conditions": len({c.condition for c in stages}) > 1,
    }


def _most_lost(stages: Sequence[StageCount], count: int = 3) -> str:
    """Name the traits with the most losses in one stage; once is no pattern."""
    lost = [
        (
            n,
            trait,
            f"replies of {c.model}"
            if c.stage == "elicit"
            else f"verdicts of {c.judge} on {c.model}",
        )
        for c in stages
        for trait, n in c.losses_by_trait.items()
        if n > 1
    ]
    lost.sort(key=lambda row: (-row[0], row[1:]))
    return "; ".join(f"{trait} ({n:,} {what})" for n, trait, what in lost[:count])


_EFFECTS = {
    "model_position": "named first in the model’s prompt",
    "judge_position": "shown first to the judge",
}


def effects(report: Report) -> list[dict[str, Any]]:
    """One row per profile and position effect."""
    return [
        {"label": label, "what": _EFFECTS.get(e.name, e.name.replace("_", " ")), "effect": e}
        for p, label in zip(report.profiles, report.labels, strict=True)
        for e in p.effects
    ]
