"""The page on the published study's claims: HTML that opens offline, Markdown and JSON.

`write_claims` writes all three; `render_section` is the same list as a section of a report.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from markupsafe import Markup

from ethogram.analysis.claims import check_claims
from ethogram.figures.dumbbells import draw_dumbbells
from ethogram.figures.theme import Theme
from ethogram.ratings.rate import reference_profiles
from ethogram.report.claims_content import (
    ClaimsReport,
    ShownCheck,
    ShownClaim,
    claims_json,
    describe_claims,
    rows_for_dumbbells,
)
from ethogram.report.page_figures import StillFigure, draw_still
from ethogram.report.places import check_page, page_files
from ethogram.report.summary import plain
from ethogram.report.templates import asset, environment
from ethogram.stimuli.tables.written import write_whole

NUMBERS = "Published and recomputed numbers"
TEN = "Spreads and mean ranks were published for ten models; those here are of nine."

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""The page has no scripts and fetches nothing."""


def write_claims(out: Path, *, seed: int = 0, force: bool = False) -> Path:
    """Check the claims on the public win counts and write STEM.html, STEM.json and STEM.md.

    Parameters
    ----------
    force : bool
        Also replace files that ethogram did not write.

    Returns
    -------
    Path
        Of the HTML file.

    Raises
    ------
    InputError
        The files cannot be written there, or one of them is not ethogram's.
    """
    check_page(out, force=force)
    page, numbers, summary = page_files(out)
    report = describe_claims(check_claims(list(reference_profiles().values()), seed=seed))
    write_whole(page, render_page(report).encode())
    write_whole(numbers, render_json(report))
    write_whole(summary, render_markdown(report).encode())
    return page


def render_page(report: ClaimsReport) -> str:
    """Return the page that stands alone."""
    styles = Markup(asset("report.css") + asset("claims.css"))
    page: str = (
        environment()
        .get_template("claims.html.j2")
        .render(report=report, policy=POLICY, css=styles, chart=_draw_numbers(report), folded=False)
    )
    return page


def render_section(report: ClaimsReport) -> Markup:
    """Return the claims as a section of another page, which needs `claims.css` too."""
    chart = _draw_numbers(report)
    return Markup(
        environment()
        .get_template("claims_section.html.j2")
        .render(report=report, chart=chart, folded=True)
    )


def _draw_numbers(report: ClaimsReport) -> dict[Theme, StillFigure]:
    """Published and recomputed numbers as a figure, for a light and for a dark page."""
    rows = rows_for_dumbbells(report.checked)
    themes: tuple[Theme, ...] = ("light", "dark")
    return {
        theme: draw_still(
            draw_dumbbells(rows, name="published", title=NUMBERS, caption=TEN, theme=theme)
        )
        for theme in themes
    }


def render_json(report: ClaimsReport) -> bytes:
    """Return every claim with its checks, numbers unrounded and in words."""
    return orjson.dumps(claims_json(report), option=orjson.OPT_SERIALIZE_NUMPY)


def render_markdown(report: ClaimsReport) -> str:
    """Return the same as Markdown."""
    parts = [f"## {plain(report.title)}", plain(report.summary)]
    for topic, claims in report.topics:
        parts.append(f"### {plain(topic)}")
        parts += [_claim_markdown(claim) for claim in claims]
    parts.append("### How to read this")
    parts += [f"**{plain(head)}.** {plain(text)}" for head, text in report.notes]
    return "\n\n".join([*parts, f"Made by ethogram {report.version}."]) + "\n"


def _claim_markdown(claim: ShownClaim) -> str:
    lines = [
        f"#### {plain(claim.claim)}",
        "",
        f"**{plain(claim.verdict)}** ({plain(claim.source)}). {plain(claim.found)}",
        "",
        f"Read as: {plain(claim.reading)} Not shown by this: {plain(claim.limits)}"
        + (f" Why the numbers differ: {plain(claim.why)}" if claim.why else ""),
        "",
        "| quantity | published | here | 95% interval | fits the claim if | verdict |",
        "|---|---:|---:|---:|---|---|",
    ]
    return "\n".join([*lines, *(_check_markdown(check) for check in claim.checks)])


def _check_markdown(check: ShownCheck) -> str:
    cells = (
        check.label,
        check.published,
        check.here,
        check.interval,
        check.fits,
        check.verdict or "shown only",
    )
    return f"| {' | '.join(plain(cell) for cell in cells)} |"
