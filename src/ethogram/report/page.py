"""Laying a report out: one HTML file that needs nothing else.

Scripts, styles, figures and data stand in the file. A content security policy forbids every
other script (those inside are allowed by their hash) and every request, so that a model's text
could do nothing even if it were not escaped; and it is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape

from ethogram.engine.requests import USABLE
from ethogram.figures.theme import interval_level, missing_verdicts
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.profile import Profile, won_number, won_words
from ethogram.ratings.shift import Change, Shift
from ethogram.report.content import Report, ViewReport
from ethogram.report.findings import signed
from ethogram.report.judge import JUDGES_CANNOT_SHOW, judge_rows
from ethogram.report.page_figures import DataPool, PageFigure, draw_page_figures
from ethogram.report.script_data import POLICIES
from ethogram.store.read import StageCount, others_said
from ethogram.validity.measure import NOT_TESTED

FOLD_ABOVE = 40
"""Lists of more traits open with their two ends only."""

FOLD_ENDS = 12


def render_page(report: Report) -> str:
    """Return the whole page."""
    pool = DataPool()
    views = [_view(view, pool) for view in report.views]
    figures = any(view["figures"] for view in views)
    scripts = [_javascript_bundle(), _asset("report.js")] if figures else [_asset("report.js")]
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies |= POLICIES
    environment.filters |= {"breakable": breakable, "signed": signed, "thousands": thousands}
    page: str = environment.get_template("report.html.j2").render(
        report=report,
        policy=_policy(scripts),
        css=_asset("report.css"),
        scripts=scripts,
        views=views,
        fold=_fold,
        ranked=_ranked,
        judge_rows=judge_rows,
        judges_cannot_show=JUDGES_CANNOT_SHOW,
        losses=_losses(report.stages),
        effects=_effects(report),
        excerpts=_excerpts(report),
        replies_intervals="; ".join(dict.fromkeys(r.interval for r in report.replies if r.slopes)),
        replies_caveats=dict.fromkeys(text for r in report.replies for text in r.caveats),
        p_value=_p_value,
        number=_number,
        published_number=_published_number,
        points=_points,
        interval_level=interval_level,
        won_number=won_number,
        won_words=won_words,
        ranked_caption=ranked_caption,
        method_words=method_words,
        elo=ELO_PER_LOGIT,
        not_tested=NOT_TESTED,
        payload=_payload(report),
        figures={
            "specs": [_specs(view["figures"].values()) for view in views],
            "pool": pool.tables,
        },
        evidence=report.evidence.to_dict() if report.evidence else None,
    )
    return page


def _view(view: ViewReport, pool: DataPool) -> dict[str, Any]:
    """What the sections on the models show for one judge and condition."""
    compared = _comparison(view)
    moved = compared["shift"] if compared else None
    figures = (
        draw_page_figures(view.profiles, view.analysis, pool, moved=moved, said=view.said)
        if view.analysis is not None
        else ()
    )
    return {
        "name": view.name,
        "said": view.said,
        "profiles": view.profiles,
        "labels": view.labels,
        "findings": view.findings,
        "scale": _scale(view.profiles[0]) if view.profiles else None,
        "overview": _overview(view),
        "comparison": compared,
        "figures": {figure.name: figure for figure in figures},
    }


# -- safety -----------------------------------------------------------------------------------


def _policy(scripts: Sequence[str]) -> str:
    """Forbid all but these scripts and the page's own styles."""
    hashes = (hashlib.sha256(text.encode()).digest() for text in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return files("ethogram.report").joinpath("assets", name).read_text("utf-8")


@cache
def _javascript_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script, with nothing that could end its element."""
    import vl_convert

    text: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub lacks the default
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


# -- pieces -----------------------------------------------------------------------------------


def breakable(text: str) -> Markup:
    """A name that may break after its hyphens, slashes and underscores."""
    for sign in "-/_":
        text = text.replace(sign, sign + "\0")
    return Markup(str(escape(text)).replace("\0", "<wbr>"))


def ranked_caption(profile: Profile, label: str, said: str = "") -> str:
    """What is told beneath a profile's list of traits; ends with what its view says."""
    return (
        f"{label}: {len(profile.traits)} traits from {profile.n:,} comparisons; "
        f"{missing_verdicts(profile.lost)}. Bars: {interval_level(profile)} interval of each trait "
        f"on its own ({profile.interval_method}). Blue: above 1000; orange: below; grey: the "
        "interval contains 1000. The rank ranges hold for all traits at once, at 95%."
        + (f" {said}" if said else "")
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


def thousands(value: float) -> str:
    """A whole number with separators."""
    return f"{value:,.0f}"


def _number(value: float, unit: str) -> str:
    """A figure of ours beside a published one, to the digits its unit deserves."""
    if unit == "Elo":
        return f"{value:,.0f}".replace("-", "\u2212")
    if unit == "share":
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if unit == "correlation" else f"{value:.1f}"


def _published_number(value: float, unit: str) -> str:
    """A figure to the digits it was published with."""
    return f"{value:g}" if unit == "correlation" else _number(value, unit)


def _p_value(value: float) -> str:
    """A p-value to two digits."""
    return f"{value:.2g}" if value >= 0.0001 else "<0.0001"


def _points(value: float) -> str:
    """Percentage points with a sign."""
    return f"{value:+.1f}".replace("-", "\u2212")


def _fold(count: int, place: int) -> bool:
    """Whether a row is in the folded middle of its list."""
    return count > FOLD_ABOVE and FOLD_ENDS <= place < count - FOLD_ENDS


def _scale(profile: Profile) -> dict[str, Any]:
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


def _ranked(profile: Profile) -> list[dict[str, Any]]:
    """One profile's traits, strongest first."""
    rows = profile.frame().to_dicts()
    for row in rows:
        row["side"] = "up" if row["low"] > 1000 else "down" if row["high"] < 1000 else "open"
    return rows


def _overview(view: ViewReport) -> dict[str, Any] | None:
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
    return {"rows": rows, "traits": len(traits)}


def _cell(profile: Profile, i: int) -> dict[str, float]:
    rating = float(profile.ratings[i])
    reach = float(np.abs(profile.ratings - 1000).max()) or 1.0
    return {
        "rating": rating,
        "low": float(profile.rating_low[i]),
        "high": float(profile.rating_high[i]),
        "tint": (rating - 1000) / reach,
    }


def _comparison(view: ViewReport) -> dict[str, Any] | None:
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


def _losses(stages: Sequence[StageCount]) -> dict[str, Any] | None:
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


def _effects(report: Report) -> list[dict[str, Any]]:
    """One row per profile and position effect."""
    return [
        {"label": label, "what": _EFFECTS.get(e.name, e.name.replace("_", " ")), "effect": e}
        for p, label in zip(report.profiles, report.labels, strict=True)
        for e in p.effects
    ]


def _excerpts(report: Report, count: int = 5) -> list[dict[str, Any]]:
    """A handful of trials to read without scripts, from different models and prompts."""
    if report.evidence is None:
        return []
    e = report.evidence
    picked: list[dict[str, Any]] = []
    prompts: set[int] = set()
    for trial in e.trials:
        if trial["p"] not in prompts and len(picked) < count:
            prompts.add(trial["p"])
            picked.append(trial)
    return [
        {
            "id": t["id"],
            "model": e.models[t["m"]],
            "traits": (e.traits[t["a"]], e.traits[t["b"]]),
            "prompt": e.prompts[t["p"]]["t"],
            "prompt_cut": e.prompts[t["p"]]["cut"],
            "reply": t["r"],
            "reply_cut": t["cut"],
            "status": t["s"],
            "verdicts": [
                {
                    "judge": e.judges[v["j"]],
                    "winner": None if v["w"] is None else e.traits[v["w"]],
                    "usable": v["s"] in USABLE,
                    "status": v["s"],
                    "text": v["t"],
                }
                for v in t["v"]
            ],
        }
        for t in picked
    ]


# -- data for the scripts -----------------------------------------------------------------------


def _payload(report: Report) -> dict[str, Any]:
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
                "said": view.said,
                "shifts": {f"{i}-{j}": _shift_data(s, place) for (i, j), s in view.shifts.items()},
            }
            for view in report.views
        ],
    }


def _profile_data(profile: Profile, label: str, said: str, place: dict[str, int]) -> dict[str, Any]:
    return {
        "label": label,
        "n": profile.n,
        "scale": _scale(profile),
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
            ]
            for row in profile.frame().to_dicts()
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


def _specs(figures: Iterable[PageFigure]) -> dict[str, Any]:
    return {p.name: {"light": p.light, "dark": p.dark} for p in figures}
