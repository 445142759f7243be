"""Every figure of a set of profiles: drawn as specifications, saved as pictures.

Which figures there are is in `catalogue`. A specification is Vega-Lite: interactive on a page,
and SVG, PNG or PDF by vl-convert, without a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.analysis.analyse import Analysis
from ethogram.errors import InputError
from ethogram.figures.catalogue import Subject, choose_figures
from ethogram.figures.choose import draw_entry, find_entries, pick_models
from ethogram.figures.theme import Figure, Theme

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.shift import Shift

FORMATS = ("svg", "png", "pdf", "json")


def draw_figures(
    profiles: Sequence[Profile],
    analysis: Analysis | None = None,
    *,
    only: Sequence[str] | None = None,
    models: Sequence[str] = (),
    before: Sequence[Profile] | None = None,
    moved: Shift | None = None,
    theme: Theme = "light",
    said: str = "",
    seed: int = 0,
) -> tuple[Figure, ...]:
    """Draw every figure that these profiles allow, or those that are named.

    Parameters
    ----------
    profiles : sequence of Profile
    analysis : Analysis, optional
        Of the same profiles (`ethogram.analysis.analyse.analyse`); else it is made with `seed`
        if a figure needs it.
    only : sequence of str, optional
        Names of figures (`ethogram.figures.choose.FIGURE_NAMES`).
    models : sequence of str
        Only these models, in this order; else all.
    before : sequence of Profile, optional
        An earlier profile for each, drawn behind it in the distributions.
    moved : Shift, optional
        What the shift figure shows; else two models, the first to the second, or the two that
        are least alike, as independent (`ethogram.ratings.shift.shift` of their comparisons
        pairs them and is surer).
    theme : "light" or "dark"
    said : str
        Ends every caption: judge and condition, where there are others.

    Raises
    ------
    InputError
        An unknown figure or model, or a named figure that these profiles do not allow.
    """
    places = pick_models(profiles, models)
    subject = Subject(
        [profiles[i] for i in places],
        None if models else analysis,
        before=None if before is None else [before[i] for i in places],
        shift=moved,
        said=said,
        seed=seed,
    )
    if only is None:
        return tuple(draw(theme=theme) for draw in choose_figures(subject, "files"))
    drawings = [draw for entry in find_entries(only) for draw in draw_entry(entry, subject)]
    return tuple(draw(theme=theme) for draw in drawings)


def save_figures(
    profiles: Sequence[Profile],
    out_dir: Path,
    *,
    only: Sequence[str] | None = None,
    models: Sequence[str] = (),
    formats: Sequence[str] = ("svg", "png", "pdf"),
    theme: Theme = "light",
    analysis: Analysis | None = None,
    before: Sequence[Profile] | None = None,
    moved: Shift | None = None,
    seed: int = 0,
    scale: float = 2.0,
    said: str = "",
) -> list[Path]:
    """Save every figure, or those that are named, title and caption included; return the paths.

    Parameters
    ----------
    only, models : sequence of str
        Names of figures and of models; else all.
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
        An unknown format, figure or model, a named figure that these profiles do not allow, or
        profiles of several judges or conditions.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format is {name!r}, expected one of {', '.join(FORMATS)}")
    if seed < 0:
        raise InputError(f"seed is {seed}, expected 0 or more")
    figures = draw_figures(
        profiles,
        analysis,
        only=only,
        models=models,
        before=before,
        moved=moved,
        theme=theme,
        said=said,
        seed=seed,
    )
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
