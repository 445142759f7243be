"""Every figure of a set of profiles: drawn as specifications, saved as pictures.

Which figures there are is in `catalogue`. A specification is Vega-Lite: interactive on a page,
and SVG, PNG or PDF by vl-convert, without a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.analysis.analyse import Analysis, analyse
from ethogram.errors import InputError
from ethogram.figures.catalogue import Subject, choose_figures
from ethogram.figures.theme import Figure, Theme

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.shift import Shift

FORMATS = ("svg", "png", "pdf", "json")


def draw_figures(
    profiles: Sequence[Profile],
    analysis: Analysis,
    *,
    before: Sequence[Profile] | None = None,
    moved: Shift | None = None,
    theme: Theme = "light",
    said: str = "",
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
    said : str
        Ends every caption: judge and condition, where there are others.
    """
    subject = Subject(profiles, analysis, before=before, shift=moved, said=said)
    return tuple(draw(theme=theme) for draw in choose_figures(subject, "files"))


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
    said: str = "",
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
    said : str
        Ends every caption: judge and condition, where there are others.

    Raises
    ------
    InputError
        An unknown format, or profiles of several judges or conditions.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format is {name!r}, expected one of {', '.join(FORMATS)}")
    if seed < 0:
        raise InputError(f"seed is {seed}, expected 0 or more")
    analysis = analysis or analyse(profiles, seed=seed)
    figures = draw_figures(profiles, analysis, before=before, moved=moved, theme=theme, said=said)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out_dir} cannot be written: {error.strerror}") from error
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
