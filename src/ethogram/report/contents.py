"""The page's contents: every section by group, for the navigation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ethogram.report.content import Report
from ethogram.report.page_figures import PageFigure

MODELS, BETWEEN, OTHERWISE, TRUST, BEHIND = (
    "The finding",
    "Between models",
    "Asked otherwise",
    "Can it be believed?",
    "Behind it",
)
GROUPS = (MODELS, BETWEEN, OTHERWISE, TRUST, BEHIND)

SECTIONS: dict[str, tuple[str, str]] = {
    "findings": (MODELS, "What was found"),
    "measured": (MODELS, "How it was measured"),
    "ranked": (MODELS, "Ranked traits"),
    "radial": (MODELS, "The trait wheel"),
    "distributions": (MODELS, "Spread of ratings"),
    "table": (BETWEEN, "Every trait, every model"),
    "ranks": (BETWEEN, "Top and bottom"),
    "compare": (BETWEEN, "Two side by side"),
    "shift": (BETWEEN, "Their shifts, drawn"),
    "similarity": (BETWEEN, "How alike"),
    "deviations": (BETWEEN, "What sets each apart"),
    "convergence": (BETWEEN, "Agreement by place"),
    "components": (BETWEEN, "Directions of difference"),
    "clusters": (BETWEEN, "Groups of models"),
    "gates": (BETWEEN, "A gate over time"),
    "persistence": (OTHERWISE, "Over many turns"),
    "free": (OTHERWISE, "Free to decline"),
    "self-report": (OTHERWISE, "In its own words"),
    "breadth": (OTHERWISE, "Breadth"),
    "wordings": (TRUST, "The wording"),
    "probes": (TRUST, "Inside the model"),
    "independence": (TRUST, "Several judges"),
    "judge": (TRUST, "The judge"),
    "replies": (TRUST, "Length of replies"),
    "losses": (TRUST, "Losses"),
    "claims": (TRUST, "The published study"),
    "evidence": (BEHIND, "The evidence"),
    "method": (BEHIND, "Method and caveats"),
}
"""Group and short name of each section, in the order of the page; figures not here follow the
others between models, under their titles."""


@dataclass(frozen=True)
class Link:
    """One entry of the navigation; hidden where the view shown first has no such section."""

    name: str
    words: str
    hidden: bool


def figure_order(figures: Sequence[PageFigure]) -> list[str]:
    """Names of the figures that have a section of their own, as the page shows them."""
    names = [figure.name for figure in figures]
    known = [name for name in SECTIONS if name in names]
    return [*known, *[name for name in names if name not in SECTIONS]]


def table_of_contents(
    report: Report, sections: Sequence[Sequence[str]], titles: dict[str, str]
) -> list[tuple[str, list[Link]]]:
    """Group the links to all sections.

    Parameters
    ----------
    report : Report
    sections : sequence of sequence of str
        Names of the sections of each view.
    titles : dict of str to str
        Of figures that are not in `SECTIONS`.
    """
    anywhere = {name for names in sections for name in names}
    own = {
        "measured": True,
        **{section.name.replace("_", "-"): True for section in report.sections},
        "judge": True,
        "replies": bool(report.replies),
        "losses": bool(report.stages),
        "claims": report.claims is not None,
        "evidence": report.evidence is not None,
        "method": True,
    }
    here = {*sections[0], *[name for name, there in own.items() if there]}
    wanted = [name for name in SECTIONS if name in anywhere or own.get(name)]
    wanted += [name for name in titles if name in anywhere and name not in SECTIONS]
    grouped: dict[str, list[Link]] = {group: [] for group in GROUPS}
    for name in wanted:
        group, words = SECTIONS.get(name, (BETWEEN, titles.get(name, name)))
        grouped[group].append(Link(name, words, name not in here))
    return [(group, links) for group, links in grouped.items() if links]
