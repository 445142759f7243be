"""Figures as a page carries them: a still picture, and specifications that share their data.

The picture (SVG, light) serves print, readers without scripts, and the time until the
interactive figure is there. Data rows stand once, by column names, for both themes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import vl_convert

from ethogram.analysis.analyse import Analysis
from ethogram.figures.catalogue import Drawing, Subject, choose_figures, section_drawings
from ethogram.figures.theme import COLUMN, Figure
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.profile import Profile
from ethogram.ratings.shift import Shift
from ethogram.validity.sections import Section


@dataclass(frozen=True)
class PageFigure:
    """One figure of the page.

    Attributes
    ----------
    name, title, caption : str
    svg : str
        The light figure, drawn.
    light, dark : dict
        Vega-Lite; every `data` names an entry of the page's pool.
    width : int
        Pixels of the picture.
    """

    name: str
    title: str
    caption: str
    svg: str
    light: dict[str, Any]
    dark: dict[str, Any]
    width: int


@dataclass(frozen=True)
class StillFigure:
    """A figure without its data: a picture (SVG) with its caption, `width` pixels wide."""

    svg: str
    caption: str
    width: int


def draw_still(figure: Figure) -> StillFigure:
    """Draw a figure as a picture that can stand in a page beside others."""
    svg = _still(vl_convert.vegalite_to_svg(figure.spec()), figure.name)
    width = re.search(r'width="([0-9.]+)"', svg)
    return StillFigure(svg, figure.caption, round(float(width[1])) if width else COLUMN)


@dataclass
class DataPool:
    """Data rows by name: {"columns": [...], "rows": [[...]]}."""

    tables: dict[str, Any] = field(default_factory=dict)

    def share(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Move a specification's data here; altair names them by a hash of their content."""
        for name, values in spec.get("datasets", {}).items():
            columns = list(dict.fromkeys(key for row in values for key in row))
            rows = [[row.get(column) for column in columns] for row in values]
            self.tables[name] = {"columns": columns, "rows": rows}
        return {key: value for key, value in spec.items() if key not in ("datasets", "$schema")}


def draw_page_figures(
    profiles: Iterable[Profile],
    analysis: Analysis,
    pool: DataPool,
    *,
    moved: Shift | None = None,
    said: str = "",
    gate_runs: Sequence[GateRun] = (),
) -> tuple[PageFigure, ...]:
    """Draw the catalogue's figures for a page, their data put into the pool.

    `moved` is what the shift figure shows; else the two models that are least alike. `said` is a
    sentence on judge and condition, where the page has several. `gate_runs` are a gate's history.
    """
    subject = Subject(
        tuple(profiles), analysis, shift=moved, said=said, gate_runs=gate_runs, switches=True
    )
    drawings = choose_figures(subject, "page")
    return tuple(_page_figure(draw, pool) for draw in drawings)


def draw_section_figures(section: Section, pool: DataPool) -> tuple[PageFigure, ...]:
    """Draw a section's charts for a page, their data put into the pool."""
    return tuple(_page_figure(draw, pool) for draw in section_drawings(section))


def _page_figure(draw: Drawing, pool: DataPool) -> PageFigure:
    light, dark = draw(theme="light"), draw(theme="dark")
    still = draw_still(light)
    return PageFigure(
        name=light.name,
        title=light.title,
        caption=light.caption,
        svg=still.svg,
        light=pool.share(light.spec()),
        # Same chart, other colours: the light one was validated.
        dark=pool.share(dict(dark.chart.to_dict(validate=False))),
        width=still.width,
    )


_FOR_READERS = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
_GEOMETRY = re.compile(r' (?:d|transform)="[^"]*"')
_DECIMALS = re.compile(r"(\d\.\d)\d+")


def _still(svg: str, name: str) -> str:
    """Make a picture small and alone: the caption and tables speak for it, ids are its own."""
    svg = _FOR_READERS.sub("", svg)
    svg = _GEOMETRY.sub(lambda numbers: _DECIMALS.sub(r"\1", numbers[0]), svg)
    svg = svg.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-")
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
