"""Every figure of a set of profiles: drawn as specifications, saved as pictures.

The figures themselves are in `charts_radial` and `charts_profiles` (what profiles are),
`charts_models` and `charts_components` (how they compare); colours in `theme`. A
specification is Vega-Lite: interactive on a page, and SVG, PNG or PDF by vl-convert, without
a browser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.analysis.analyse import Analysis, analyse
from ethogram.analysis.cohort import label_models
from ethogram.errors import InputError
from ethogram.figures.components import cluster_map, component_chart
from ethogram.figures.models import convergence_chart, deviation_panels, similarity_map
from ethogram.figures.profiles import distributions, forest, rank_map, shift_bars
from ethogram.figures.radial import radial
from ethogram.figures.theme import Figure, Theme
from ethogram.ratings.shift import Shift, shift

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile

FORMATS = ("svg", "png", "pdf", "json")


def draw_figures(
    profiles: Sequence[Profile],
    analysis: Analysis,
    *,
    before: Sequence[Profile] | None = None,
    moved: Shift | None = None,
    theme: Theme = "light",
) -> tuple[Figure, ...]:
    """Draw every figure that these profiles allow.

    Parameters
    ----------
    profiles : sequence of Profile
    analysis : Analysis
        Of the same profiles (`ethogram.analysis.analyse.analyse`).
    before : sequence of Profile, optional
        An earlier profile for each, drawn behind it in the distributions.
    moved : Shift, optional
        What the shift figure shows; else the two models that are least alike, as
        independent (`ethogram.ratings.shift.shift` of their comparisons pairs them and is surer).
    theme : "light" or "dark"
    """
    cohort = analysis.cohort
    figures = [radial(cohort, theme=theme)]
    if analysis.similarity is not None:
        figures.append(rank_map(cohort, theme=theme))
        one, other = analysis.similarity.spearman.least
        moved = moved or shift(profiles[one], profiles[other])
        figures.append(shift_bars(moved, theme=theme))
        figures.append(similarity_map(analysis.similarity, theme=theme))
    if analysis.convergence is not None:
        figures.append(convergence_chart(analysis.convergence, theme=theme))
    if analysis.deviations is not None:
        figures.append(deviation_panels(analysis.deviations, cohort, theme=theme))
    found = (analysis.components, analysis.components_plain)
    figures += [component_chart(one, theme=theme) for one in found if one is not None]
    clusters = analysis.clusters
    if clusters is not None and (clusters.ward.holding or clusters.density.holding):
        figures.append(cluster_map(clusters, cohort, theme=theme))
    figures.append(distributions(profiles, before=before, theme=theme))
    names = file_names(label_models(profiles))
    figures += [
        forest(p, theme=theme, name=f"ranked-{name}")
        for p, name in zip(profiles, names, strict=True)
    ]
    return tuple(figures)


def save_figures(
    profiles: Sequence[Profile],
    out_dir: Path,
    *,
    formats: Sequence[str] = ("svg", "png", "pdf"),
    theme: Theme = "light",
    analysis: Analysis | None = None,
    before: Sequence[Profile] | None = None,
    moved: Shift | None = None,
    seed: int = 0,
    scale: float = 2.0,
) -> list[Path]:
    """Save every figure, title and caption included, and return the paths.

    Parameters
    ----------
    formats : sequence of str
        Of "svg", "png", "pdf" and "json" (the Vega-Lite specification).
    analysis : Analysis, optional
        Of these profiles, if it is there already; else it is made with `seed`.
    scale : float
        Pixels of a PNG for each pixel of the figure.

    Raises
    ------
    InputError
        An unknown format.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format is {name!r}, expected one of {', '.join(FORMATS)}")
    analysis = analysis or analyse(profiles, seed=seed)
    figures = draw_figures(profiles, analysis, before=before, moved=moved, theme=theme)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for figure in figures:
        for ending in formats:
            path = out_dir / f"{figure.name}{'-dark' if theme == 'dark' else ''}.{ending}"
            save_figure(figure, path, scale=scale)
            paths.append(path)
    return paths


def save_figure(figure: Figure, path: Path, *, scale: float = 2.0) -> None:
    """Save one figure in the format of the path's ending."""
    chart = figure.titled()
    if path.suffix == ".png":
        chart.save(path, scale_factor=scale)
    else:
        chart.save(path)


def file_names(labels: Sequence[str]) -> list[str]:
    """Turn labels into distinct file names of small letters, digits and hyphens."""
    names: list[str] = []
    for label in labels:
        plain = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "model"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names
