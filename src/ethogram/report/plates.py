"""Figures as a page carries them: a still picture, and specifications that share their data.

The picture (SVG, light) serves print, readers without scripts, and the time until the
interactive figure is there. Data rows stand once, by column names, for both themes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import vl_convert

from ethogram.analysis.analyse import Analysis
from ethogram.figures.components import cluster_map, component_chart
from ethogram.figures.models import convergence_chart, deviation_panels, similarity_map
from ethogram.figures.profiles import distributions, rank_map
from ethogram.figures.radial import radial
from ethogram.figures.theme import Figure, Theme
from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class Plate:
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


def make_plates(
    profiles: Iterable[Profile], analysis: Analysis
) -> tuple[tuple[Plate, ...], DataPool]:
    """Draw every figure between models that an analysis allows (and the shape of one)."""
    pool = DataPool()
    drawn = list(_figures(tuple(profiles), analysis))
    return tuple(_plate(draw, pool) for draw in drawn), pool


def _figures(
    profiles: tuple[Profile, ...], analysis: Analysis
) -> Iterable[Callable[[Theme], Figure]]:
    """Yield one function a figure, in the order of the page."""
    cohort, clusters = analysis.cohort, analysis.clusters
    several = len(profiles) > 1
    yield lambda theme: radial(cohort, theme=theme)
    if several:
        yield lambda theme: rank_map(cohort, theme=theme)
    if (similarity := analysis.similarity) is not None and len(profiles) > 2:
        yield lambda theme: similarity_map(similarity, theme=theme)
    if (convergence := analysis.convergence) is not None and len(profiles) > 2:
        yield lambda theme: convergence_chart(convergence, theme=theme)
    if (deviations := analysis.deviations) is not None and len(profiles) > 2:
        yield lambda theme: deviation_panels(deviations, cohort, theme=theme)
    if (components := analysis.components) is not None:
        yield lambda theme: component_chart(components, theme=theme)
    if (plain := analysis.components_plain) is not None:
        yield lambda theme: component_chart(plain, theme=theme)
    if clusters is not None and (clusters.ward.holding or clusters.density.holding):
        yield lambda theme: cluster_map(clusters, cohort, theme=theme)
    if several:
        yield lambda theme: distributions(profiles, theme=theme)


def _plate(draw: Callable[[Theme], Figure], pool: DataPool) -> Plate:
    light, dark = draw("light"), draw("dark")
    spec = light.spec()
    svg = _still(vl_convert.vegalite_to_svg(spec), light.name)
    width = re.search(r'width="([0-9.]+)"', svg)
    return Plate(
        name=light.name,
        title=light.title,
        caption=light.caption,
        svg=svg,
        light=pool.share(spec),
        # Same chart, other colours: the light one was validated.
        dark=pool.share(dict(dark.chart.to_dict(validate=False))),
        width=round(float(width[1])) if width else light.width,
    )


_FOR_READERS = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
_GEOMETRY = re.compile(r' (?:d|transform)="[^"]*"')
_DECIMALS = re.compile(r"(\d\.\d)\d+")


def _still(svg: str, name: str) -> str:
    """Make a picture small and alone: the caption and tables speak for it, ids are its own."""
    svg = _FOR_READERS.sub("", svg)
    svg = _GEOMETRY.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), svg)
    svg = svg.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-")
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
