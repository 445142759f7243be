"""Every figure of a set of profiles: drawn as specifications, saved as pictures.

Which figures there are is in `catalogue`. A specification is Vega-Lite: interactive on a page,
and SVG, PNG or PDF by vl-convert, without a browser.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt

from ethogram.analysis.analyse import Analysis
from ethogram.errors import InputError, guess
from ethogram.figures.catalogue import CATALOGUE, Compare, Subject, choose_figures
from ethogram.figures.choose import draw_entry, find_entries, pick_models
from ethogram.figures.theme import Chart, Figure, Theme
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.shift import shift
from ethogram.stimuli.tables.names import check_name
from ethogram.stimuli.tables.written import check_folder, check_outputs, write_whole

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.validity.sections import Section

FORMATS = ("svg", "png", "pdf", "json")


def draw_figures(
    profiles: Sequence[Profile],
    analysis: Analysis | None = None,
    *,
    only: Sequence[str] | None = None,
    models: Sequence[str] = (),
    before: Sequence[Profile] | None = None,
    compare: Compare = shift,
    theme: Theme = "light",
    said: str = "",
    seed: int = 0,
    gate_runs: Sequence[GateRun] = (),
    sections: Sequence[Section] = (),
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
    compare : callable
        Compares the two profiles of the shift figure: two models, the first to the second, or the
        two that are least alike. As independent, if not given; their comparisons paired are surer.
    theme : "light" or "dark"
    said : str
        Ends every caption: judge and condition, where there are others.
    gate_runs : sequence of GateRun
        What gates said of these models.
    sections : sequence of Section
        What other ways of asking found.

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
        compare=compare,
        said=said,
        seed=seed,
        gate_runs=gate_runs,
        sections=sections,
    )
    if only is None:
        return tuple(draw(theme=theme) for draw in choose_figures(subject, "files"))
    drawings = [draw for entry in find_entries(only) for draw in draw_entry(entry, subject)]
    return tuple(draw(theme=theme) for draw in drawings)


def save_figures(
    profiles: Sequence[Profile],
    out_dir: Path,
    *,
    formats: Sequence[str] = ("svg", "png", "pdf"),
    theme: Theme = "light",
    analysis: Analysis | None = None,
    before: Sequence[Profile] | None = None,
    compare: Compare = shift,
    seed: int = 0,
    scale: float = 2.0,
    said: str = "",
    only: Sequence[str] | None = None,
    models: Sequence[str] = (),
    force: bool = False,
    gate_runs: Sequence[GateRun] = (),
    sections: Sequence[Section] = (),
) -> list[Path]:
    """Save every figure, or those that are named, title and caption included; return the paths.

    Parameters
    ----------
    formats : sequence of str
        Of "svg", "png", "pdf" and "json" (the Vega-Lite specification).
    analysis : Analysis, optional
        Of these profiles, if it is there already; else it is made with `seed`.
    scale : float
        Pixels of a PNG for each pixel of the figure.
    compare, gate_runs, sections
        As of `draw_figures`.
    said : str
        Ends every caption: judge and condition, where there are others.
    only, models : sequence of str
        Names of figures and of models; else all.
    force : bool
        Also replace files that ethogram did not write.

    Raises
    ------
    InputError
        An unknown format, figure or model, a named figure that these profiles do not allow, a
        place that cannot be written, or profiles of several judges or conditions.
    """
    check_figures(out_dir, formats=formats, theme=theme, force=force, only=only)
    if seed < 0:
        raise InputError(f"seed is {seed}, expected 0 or more")
    figures = draw_figures(
        profiles,
        analysis,
        only=only,
        models=models,
        before=before,
        compare=compare,
        theme=theme,
        said=said,
        seed=seed,
        gate_runs=gate_runs,
        sections=sections,
    )
    paths = []
    for figure in figures:
        for ending in formats:
            path = out_dir / f"{figure.name}{'-dark' if theme == 'dark' else ''}.{ending}"
            save_figure(figure, path, scale=scale)
            paths.append(path)
    return paths


def check_figures(
    out_dir: Path,
    *,
    formats: Sequence[str] = FORMATS,
    theme: Theme = "light",
    force: bool = False,
    only: Sequence[str] | None = None,
) -> None:
    """Refuse, before any work, formats that there are not and a folder with others' files.

    Raises
    ------
    InputError
        The folder cannot be written, or has a file of a figure's name that is not ethogram's.
    """
    for name in formats:
        if name not in FORMATS:
            near = guess(name, FORMATS)
            raise InputError(f"format is {name!r}{near}, expected one of {', '.join(FORMATS)}")
    entries = CATALOGUE if only is None else find_entries(only)
    names = [entry.name for entry in entries]
    check_folder(out_dir)
    if out_dir.is_dir():
        endings = tuple(f"{'-dark' if theme == 'dark' else ''}.{name}" for name in formats)
        in_the_way = _in_the_way(out_dir, endings, names)
        check_outputs(in_the_way, force=force)


def _is_asked(name: str, only: Sequence[str]) -> bool:
    """Whether a figure is of a row of the catalogue that was asked for."""
    return name in only or ("ranked" in only and name.startswith("ranked-"))


def _in_the_way(folder: Path, endings: tuple[str, ...], names: Sequence[str]) -> Iterator[Path]:
    """Yield what a folder has under names that figures may have: RADIAL.svg, RANKED-MODEL.svg."""
    for path in sorted(folder.iterdir()):
        for ending in endings:
            name = path.name.removesuffix(ending)
            if path.name.endswith(ending) and _is_asked(name, names):
                yield path


def save_figure(figure: Figure, path: Path, *, scale: float = 2.0) -> None:
    """Save one figure in the format of the path's ending, whatever is there."""
    write_whole(path, render_figure(figure, path.suffix.removeprefix("."), scale=scale))


def render_figure(figure: Figure, ending: str, *, scale: float = 2.0) -> bytes:
    """Return a figure, title and caption included, as the content of a file.

    Raises
    ------
    InputError
        A text in it holds a character that no picture can show, or the engine cannot draw it.
    """
    chart = figure.titled()
    spec = chart.to_dict()
    for text in _texts(spec):
        check_name(text, place=f"the figure {figure.name}", what="text")
    why: Exception | None = None
    # The engine cannot put the glyphs of a colour font (emoji) into a PDF, whatever the machine's
    # other fonts. They are spelt out then, and if that is not enough, all that is not Latin.
    for spell in (None, _spell_symbol, _spell_foreign):
        try:
            drawn = chart if spell is None else alt.Chart.from_dict(_spelt(spec, spell))
            return _render(drawn, ending, scale)
        except ValueError as error:
            why = why or error
    raise InputError(f"the figure {figure.name} cannot be drawn as {ending}: {why}") from why


def _render(chart: Chart, ending: str, scale: float) -> bytes:
    """Draw a chart by altair, which calls vl-convert."""
    if ending in ("svg", "json"):
        text = io.StringIO()
        chart.save(text, format=ending)
        return text.getvalue().encode()
    picture = io.BytesIO()
    options = {"scale_factor": scale} if ending == "png" else {}
    chart.save(picture, format=ending, **options)
    return picture.getvalue()


def _spelt(value: Any, spell: Callable[[str], str]) -> Any:
    """Return a specification in whose texts every character is spelt so."""
    if isinstance(value, str):
        return value if value.isascii() else "".join(map(spell, value))
    if isinstance(value, Mapping):
        return {_spelt(key, spell): _spelt(inner, spell) for key, inner in value.items()}
    return [_spelt(inner, spell) for inner in value] if isinstance(value, list) else value


def _spell_symbol(char: str) -> str:
    """Return [fire] for the picture of a fire; letters and punctuation as they are."""
    kind = unicodedata.category(char)
    if char in "\u200d\ufe0e\ufe0f" or 0x1F3FB <= ord(char) <= 0x1F3FF:  # joiners, tones of skin
        return ""
    if kind not in ("So", "Cn", "Co") and ord(char) < 0x1F000:
        return char
    return f"[{unicodedata.name(char, f'U+{ord(char):04X}').lower()}]"


def _spell_foreign(char: str) -> str:
    """Return the number of a character that the bundled font lacks; Latin letters as they are."""
    spelt = _spell_symbol(char)
    is_latin = ord(char) < 0x250 or 0x2010 <= ord(char) <= 0x2044 or char == "\u2212"
    return spelt if is_latin or spelt != char else f"[U+{ord(char):04X}]"


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a specification, its data included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
