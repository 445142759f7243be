"""Laying a report out: one HTML file that needs nothing else.

Scripts, styles, figures and data stand in the file. A content security policy forbids every
other script (those inside are allowed by their hash) and every request, so that a model's text
could do nothing even if it were not escaped; and it is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from ethogram.figures.theme import interval_level
from ethogram.ratings.marks import SIGNS
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.numbers import (
    count_words,
    part_of,
    say_interval,
    say_number,
    say_p,
    say_range,
)
from ethogram.ratings.phases import say_phase
from ethogram.ratings.profile import won_number, won_words
from ethogram.ratings.summaries import name_source
from ethogram.report.claims import render_section
from ethogram.report.content import Report, ViewReport
from ethogram.report.contents import figure_order, table_of_contents
from ethogram.report.evidence import excerpts
from ethogram.report.heads import losses_claim
from ethogram.report.judge import JUDGES_CANNOT_SHOW, judge_rows
from ethogram.report.page_data import payload
from ethogram.report.page_figures import (
    DataPool,
    PageFigure,
    draw_page_figures,
    draw_section_figures,
)
from ethogram.report.page_tables import (
    FOLD_ABOVE,
    comparison,
    effects,
    fold,
    losses,
    method_words,
    overview,
    ranked,
    ranked_caption,
    said_of_ends,
    scale,
)
from ethogram.report.script_data import POLICIES
from ethogram.report.strip import draw_strip
from ethogram.report.templates import asset, environment
from ethogram.stimuli.paths import as_text
from ethogram.validity.measure import NOT_TESTED
from ethogram.validity.sections import SectionTable

LEADS = 3
"""Findings of the first screen."""


class Follow(NamedTuple):
    """A study under way that a served page follows: its key, and the verdicts that it shows."""

    key: str
    shown: int


def render_page(
    report: Report,
    *,
    beside: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
    follow: Follow | None = None,
) -> str:
    """Return the whole page.

    `beside` names the JSON and the Markdown that are written with it; `links` are words and
    addresses of other pages, for the head of the page. With `follow`, the page asks the server that
    it came from how far the study is.
    """
    pool = DataPool()
    views = [_view(view, pool) for view in report.views]
    charts = {section.name: draw_section_figures(section, pool) for section in report.sections}
    shared = [figure for figures in charts.values() for figure in figures]
    figures = bool(shared) or any(view["figures"] for view in views)
    scripts = [_javascript_bundle(), asset("report.js")] if figures else [asset("report.js")]
    return as_text(
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            policy=_policy(scripts, follow=follow is not None),
            follow=follow,
            css=asset("report.css") + (asset("claims.css") if report.claims else ""),
            claims=render_section(report.claims) if report.claims else "",
            scripts=scripts,
            views=views,
            contents=_contents(report, views),
            beside=[(name, quote(name)) for name in beside],
            links=links,
            judge_rows=judge_rows,
            losses=losses(report.stages),
            losses_head=losses_claim(report.stages),
            effects=effects(report),
            charts=charts,
            excerpts=excerpts(report.evidence, report.views[0].judge),
            replies_intervals="; ".join(
                dict.fromkeys(r.interval for r in report.replies if r.slopes)
            ),
            replies_caveats=dict.fromkeys(text for r in report.replies for text in r.caveats),
            payload=payload(report),
            figures={
                "specs": [_specs(view["figures"].values()) for view in views],
                "shared": _specs(shared),
                "pool": pool.tables,
            },
            evidence=report.evidence.to_dict() if report.evidence else None,
        )
    )


def _environment() -> jinja2.Environment:
    """What the templates know: how numbers are written, and the words of captions."""
    filters = {
        "breakable": breakable,
        "number": say_number,
        "signed": partial(say_number, sign=True),
        "thousands": partial(say_number, grouped=True),
    }
    names = {
        "say_interval": say_interval,
        "count_words": count_words,
        "name_source": name_source,
        "say_range": say_range,
        "say_p": say_p,
        "part_of": part_of,
        "fold": fold,
        "fold_above": FOLD_ABOVE,
        "said_of_ends": said_of_ends,
        "ranked": ranked,
        "interval_level": interval_level,
        "won_number": won_number,
        "won_words": won_words,
        "ranked_caption": ranked_caption,
        "method_words": method_words,
        "judges_cannot_show": JUDGES_CANNOT_SHOW,
        "not_tested": NOT_TESTED,
        "signs": SIGNS,
        "column_kinds": column_kinds,
        "elo": ELO_PER_LOGIT,
        "leads": LEADS,
    }
    made = environment(filters=filters, names=names)
    made.policies |= POLICIES
    return made


def _view(view: ViewReport, pool: DataPool) -> dict[str, Any]:
    """What the sections on the models show for one judge and condition."""
    say_phase("drawing figures")
    compared = comparison(view)
    moved = compared["shift"] if compared else None
    figures = (
        draw_page_figures(
            view.profiles,
            view.analysis,
            pool,
            moved=moved,
            said=view.said,
            gate_runs=view.gate_runs,
        )
        if view.analysis is not None
        else ()
    )
    return {
        "name": view.name,
        "said": view.said,
        "headline": view.headline,
        "doubt": view.doubt,
        "heads": view.heads,
        "strip": draw_strip(view.profiles, view.labels, view.analysis),
        "profiles": view.profiles,
        "labels": view.labels,
        "findings": view.findings,
        "scale": scale(view.profiles[0]) if view.profiles else None,
        "overview": overview(view),
        "comparison": compared,
        "figures": {figure.name: figure for figure in figures},
        "order": figure_order(figures),
    }


def _contents(report: Report, views: Sequence[dict[str, Any]]) -> list[Any]:
    sections = [
        [
            "findings",
            *["ranked"] * bool(view["profiles"]),
            *["table"] * bool(view["overview"]),
            *["compare"] * bool(view["comparison"]),
            *view["order"],
        ]
        for view in views
    ]
    titles = {name: figure.title for view in views for name, figure in view["figures"].items()}
    return table_of_contents(report, sections, titles)


# -- safety -----------------------------------------------------------------------------------


def _policy(scripts: Sequence[str], *, follow: bool = False) -> str:
    """Forbid all but these scripts and the page's own styles; what follows may ask its server."""
    hashes = (hashlib.sha256(text.encode()).digest() for text in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    ours, asking = (" 'self'", " connect-src 'self';") if follow else ("", "")
    return (
        f"default-src 'none'; script-src{ours} {allowed};{asking} style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


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


def column_kinds(table: SectionTable) -> list[Markup]:
    """Return the class of each column."""
    return [Markup(' class="num"' if numeric else "") for numeric in table.numeric]


def _specs(figures: Iterable[PageFigure]) -> dict[str, Any]:
    return {p.name: {"light": p.light, "dark": p.dark} for p in figures}
