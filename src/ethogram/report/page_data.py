"""What the page's scripts read: ratings and shifts, rounded to what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from ethogram.ratings.marks import SIGNS
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import rank_words
from ethogram.ratings.profile import Profile, won_words
from ethogram.ratings.shift import Change, Shift
from ethogram.report.content import Report
from ethogram.report.page_tables import FOLD_ABOVE, FOLD_ENDS, ranked_caption, scale


def payload(report: Report) -> dict[str, Any]:
    """Ratings and shifts, rounded to what is shown."""
    traits = list(dict.fromkeys(t for p in report.profiles for t in p.traits))
    place = {t: i for i, t in enumerate(traits)}
    return {
        "traits": traits,
        "fold": {"above": FOLD_ABOVE, "ends": FOLD_ENDS},
        "views": [
            {
                "profiles": [
                    _profile_data(p, label, view.said, place)
                    for p, label in zip(view.profiles, view.labels, strict=True)
                ],
                "name": view.name,
                "judge": view.judge,
                "condition": view.condition,
                "said": view.said,
                "shifts": {f"{i}-{j}": _shift_data(s, place) for (i, j), s in view.shifts.items()},
            }
            for view in report.views
        ],
    }


def _profile_data(profile: Profile, label: str, said: str, place: dict[str, int]) -> dict[str, Any]:
    rows = profile.frame().to_dicts()
    return {
        "label": label,
        "n": profile.n,
        "scale": scale(profile),
        "caption": ranked_caption(profile, label, said),
        "won": won_words(profile).capitalize(),
        "rows": [
            [
                place[row["trait"]],
                *(round(row[key]) for key in ("rating", "low", "high")),
                row["rank"],
                row["rank_low"],
                row["rank_high"],
                row["n"],
                round(row["wins"], 1),
                named,
                row["mark"] and SIGNS[row["mark"]],
            ]
            for row, named in zip(rows, rank_words([row["rating"] for row in rows]), strict=True)
        ],
    }


def _shift_data(shift: Shift, place: dict[str, int]) -> dict[str, Any]:
    return {
        "traits": [place[t] for t in shift.traits],
        "raw": _change_data(shift.raw),
        "scaled": _change_data(shift.scaled),
        "paired": shift.paired,
        "shared": shift.n_shared,
        "stretch": round(shift.stretch, 3),
    }


def _change_data(change: Change) -> list[list[float]]:
    """Rows of estimate, low, high (Elo points) and corrected p."""
    points = np.stack([change.estimate, change.low, change.high], axis=1) * ELO_PER_LOGIT
    q = change.p_adjusted
    return [
        [*(round(v) for v in row), float(f"{p:.2g}")]
        for row, p in zip(points.tolist(), q.tolist(), strict=True)
    ]
