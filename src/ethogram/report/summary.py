"""The report's other two forms: every number as JSON, and a short Markdown for a model card."""

from __future__ import annotations

from typing import Any

import orjson

from ethogram.figures.theme import interval_level, missing_verdicts
from ethogram.ratings.gate_runs import run_plain
from ethogram.ratings.marks import explain_marks, with_sign
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import rank_words, say_interval, say_number, say_p, say_range
from ethogram.ratings.profile import Profile
from ethogram.ratings.results import Rated
from ethogram.ratings.serialise import as_plain, change_json, ratings_json
from ethogram.ratings.shift import Shift
from ethogram.ratings.summaries import say_unrated
from ethogram.report.claims_content import claims_json
from ethogram.report.content import Report, ViewReport
from ethogram.report.judge import JUDGES_CANNOT_SHOW, JudgeAccount, judge_rows
from ethogram.report.model_index import front_matter
from ethogram.report.replies import ReplyLengths
from ethogram.store.read import others_said
from ethogram.validity.asked import section_json
from ethogram.validity.sections import Section

ENDS = 10  # traits of each end in the Markdown table of a single model
ENDS_OF_SEVERAL = 5


def render_json(report: Report) -> bytes:
    """Return every number of a report as JSON; ratings and shifts on the Elo scale."""
    return orjson.dumps(
        {
            "title": report.title,
            "source": report.source,
            "ethogram": report.version,
            "made": report.written_at.isoformat(),
            "seed": report.seed,
            "study": dict(report.facts),
            "parties": [as_plain(party) for party in report.parties],
            "judge": _judge(report.judge),
            "judges_compared": [as_plain(two) for two in report.judges_compared],
            **_ratings(report),
            **_view(report.views[0]),
            "other_views": [_view(view) for view in report.views[1:]],
            "claims": claims_json(report.claims) if report.claims else None,
            "replies": [as_plain(replies) for replies in report.replies],
            "sections": {section.name: section_json(section) for section in report.sections},
            "stages": [
                {**as_plain(c), "lost": c.lost, "pending": c.pending} for c in report.stages
            ],
            "evidence": _evidence(report),
            "notes": list(report.notes),
            "caveats": [{"profile": label, "text": text} for label, text in report.caveats],
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def _section(section: Section) -> str:
    """Return another way of asking in Markdown: its claims, without its tables."""
    return "\n\n".join([f"### {plain(section.title)}", *map(plain, section.claims)])


def _ratings(report: Report) -> dict[str, Any]:
    """The form of `ethogram ratings --json`, with ranks, wins and labels added."""
    ratings = ratings_json(Rated(report.profiles, report.unrated))
    for shown, p, label in zip(ratings["profiles"], report.profiles, report.labels, strict=True):
        shown["label"] = label
        shown["prior_effect_points"] = p.prior_effect * ELO_PER_LOGIT
        for row, full in zip(shown["ratings"], p.frame().sort("rank").to_dicts(), strict=True):
            row |= {key: full[key] for key in ("rank_low", "rank_high", "wins")}
    return ratings


def _view(view: ViewReport) -> dict[str, Any]:
    """What is said of the models within one judge and condition."""
    return {
        "view": {"judge": view.judge, "condition": view.condition, "models": list(view.labels)},
        "headline": view.headline,
        "doubt": view.doubt,
        "gate_runs": [run_plain(run) for run in view.gate_runs],
        "heads": view.heads,
        "findings": [as_plain(finding) for finding in view.findings],
        "shifts": [_shift(view, pair, s) for pair, s in view.shifts.items()],
        "analysis": view.analysis.to_dict() if view.analysis else None,
    }


def _judge(account: JudgeAccount) -> dict[str, Any]:
    return {**as_plain(account), "sentences": [account.opening, *account.sentences[1:]]}


def _shift(view: ViewReport, pair: tuple[int, int], shift: Shift) -> dict[str, Any]:
    return {
        "before": view.labels[pair[0]],
        "after": view.labels[pair[1]],
        "paired": shift.paired,
        "shared": shift.n_shared,
        "stretch": shift.stretch,
        "traits": list(shift.traits),
        "raw": change_json(shift.raw),
        "scaled": change_json(shift.scaled),
        "caveats": list(shift.caveats),
    }


def _evidence(report: Report) -> dict[str, Any] | None:
    e = report.evidence
    if e is None:
        return None
    return {
        "store": e.store,
        "trials": len(e.trials),
        "of": e.total,
        "least_by_trait_and_model": e.least,
        "cut_at": e.chars,
    }


# -- Markdown ---------------------------------------------------------------------------------


def render_markdown(report: Report, page: str) -> str:
    """Return a summary that is a model card, metadata and all; `page` is the HTML file's name."""
    count = ENDS if len(report.profiles) == 1 else ENDS_OF_SEVERAL
    metadata = front_matter(report.profiles, report.labels, report.title, ends=count)
    parts = [metadata] if metadata else []
    parts += [f"## {plain(report.title)}", plain(report.measured)]
    parts += [plain(say_unrated(u)) for u in report.unrated]
    if report.view_note:
        parts.append(plain(report.view_note))
    parts += [_findings(view) for view in report.views]
    parts.append(plain(report.judge.headline))
    if report.judges_compared:
        parts.append(_judges_compared(report))
    parts += [
        _table(profile, label, count)
        for profile, label in zip(report.profiles, report.labels, strict=True)
    ]
    if report.replies:
        parts.append(_replies(report))
    parts += [_section(section) for section in report.sections]
    if losses := _losses(report):
        parts.append(losses)
    if report.caveats:
        bullets = "\n".join(
            f"- {f'{plain(label)}: ' if label else ''}{plain(text)}"
            for label, text in report.caveats
        )
        parts.append(f"Caveats:\n\n{bullets}")
    parts.append(f"Made by ethogram {report.version}; every number and the evidence: `{page}`.")
    return "\n\n".join(parts) + "\n"


def _findings(view: ViewReport) -> str:
    """One view's findings, under its name where there are several."""
    lines = [f"- {plain(finding.whole)}" for finding in view.findings]
    named = [f"### {plain(view.name)}", ""] if view.name else []
    doubt = [plain(view.doubt), ""] if view.doubt else []
    return "\n".join([*named, f"**{plain(view.headline)}.**", "", *doubt, *lines]).rstrip()


def _judges_compared(report: Report) -> str:
    """How far the judges agree on each model."""
    lines = [
        "### The judges, compared",
        "",
        "| model | judges | Spearman | points apart | of noise alone, at most |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {plain(model)} | {plain(judges)} | {say_number(two.spearman, 2)} "
        f"| {say_number(two.points)} | {say_number(two.noise)} |"
        for model, judges, two in judge_rows(report.judges_compared)
    ]
    return "\n".join([*lines, "", plain(JUDGES_CANNOT_SHOW)])


def _table(profile: Profile, label: str, count: int) -> str:
    """Both ends of one profile's list."""
    frame = profile.frame().to_dicts()
    rows = list(zip(frame, rank_words([r["rating"] for r in frame]), strict=True))
    ends = rows if len(rows) <= 2 * count else [*rows[:count], *rows[-count:]]
    lines = [
        f"### {plain(label)}",
        "",
        f"{profile.n:,} comparisons; {missing_verdicts(profile.lost)}. Mean rating 1000."
        + (
            f" The {count} highest and {count} lowest of {len(rows)} traits."
            if ends != rows
            else ""
        ),
        "",
        f"| rank | trait | rating | {interval_level(profile)} interval "
        "| ranks (95%, all at once) |",
        "|---:|---|---:|---:|---:|",
    ]
    lines += [
        f"| {place} | {plain(with_sign(r['trait'], r['mark']))} | {say_number(r['rating'])} "
        f"| {say_interval(r['low'], r['high'])} | {say_range(r['rank_low'], r['rank_high'])} |"
        for r, place in ends
    ]
    if profile.marks:
        lines += ["", plain(explain_marks(profile.marks))]
    return "\n".join(lines)


def _replies(report: Report) -> str:
    """Which traits go with the length of the reply, and what that cannot show."""
    parts = ["### Replies and their length"]
    for replies in report.replies:
        parts.append(plain(replies.sentence))
        if replies.shown:
            parts.append(_slope_table(replies))
    caveats = dict.fromkeys(text for replies in report.replies for text in replies.caveats)
    return "\n\n".join([*parts, *(plain(text) for text in caveats)])


def _slope_table(replies: ReplyLengths) -> str:
    lines = [
        "| trait | Elo points per SD of length | 95% interval | p, corrected |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {plain(s.trait)} | {say_number(s.slope, sign=True)} "
        f"| {say_interval(s.low, s.high, sign=True)} | {say_p(s.p_adjusted)} |"
        for s in replies.shown
    ]
    return "\n".join(lines)


def _losses(report: Report) -> str:
    """One line per stage."""
    lines = []
    for c in report.stages:
        what = (
            f"verdicts of {c.judge} on {c.model}"
            if c.judge
            else f"{'replies' if c.stage == 'elicit' else 'answers'} of {c.model}"
        )
        why = ", ".join(f"{n:,} {status}" for status, n in sorted(c.losses.items()))
        lost = f"{c.lost:,} lost" + (f" ({why})" if why else "")
        lines.append(plain(f"- {what}: {c.planned:,} planned, {c.done:,} done, {lost}"))
    lines += [plain(f"- {said}") for said in others_said(report.stages)]
    return "Planned and lost:\n\n" + "\n".join(lines) if lines else ""


_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|#"})


def plain(text: str) -> str:
    """Escape what Markdown would take for markup."""
    return " ".join(text.split()).translate(_SPECIAL)
