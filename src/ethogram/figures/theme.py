"""The look of the figures: colours that colour-blind readers can tell apart, light and dark.

The hues are blue and vermilion/orange of Okabe and Ito (2008), which stay apart under every
common colour blindness; darkness differs too, so that the figures survive a grey printer.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import altair as alt

from ethogram.errors import InputError

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile

Theme = Literal["light", "dark"]
Chart: TypeAlias = Any  # layering and joining change the class, and altair's hints lose track

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # the first is bundled with vl-convert


@dataclass(frozen=True)
class Palette:
    """Colours of one theme.

    Attributes
    ----------
    background, ink, muted, grid : str
    expressed, avoided : str
        Above and below the middle; more and less than others.
    diverging : tuple of str
        From the strongest to the weakest, through the background's own shade.
    sequential : tuple of str
        From little to much.
    """

    background: str
    ink: str
    muted: str
    grid: str
    expressed: str
    avoided: str
    diverging: tuple[str, ...]
    sequential: tuple[str, ...]


PALETTES = {
    "light": Palette(
        background="#ffffff",
        ink="#1b1f24",
        muted="#6a727c",
        grid="#dfe3e8",
        expressed="#0072b2",
        avoided="#d55e00",
        diverging=("#00436b", "#3f8fc4", "#b9d7ea", "#f4f2ee", "#f3c9a4", "#dd7a2b", "#8f3d00"),
        sequential=("#f2f6fa", "#b9d7ea", "#3f8fc4", "#00436b"),
    ),
    "dark": Palette(
        background="#14171b",
        ink="#e8eaed",
        muted="#9aa3ad",
        grid="#323840",
        expressed="#56b4e9",
        avoided="#e69f00",
        diverging=("#a8dcfa", "#4b9fd6", "#235a80", "#23272d", "#6e4a14", "#c98a12", "#ffd480"),
        sequential=("#1d242c", "#235a80", "#4b9fd6", "#c4e6fb"),
    ),
}


@dataclass(frozen=True)
class Figure:
    """A chart with what a reader has to be told beside it.

    Attributes
    ----------
    name : str
        File name without ending: letters, digits and hyphens.
    title : str
    caption : str
        Says n, and what the bars or bands are.
    chart : altair chart
        Without title and caption; a page sets those itself.
    width : int
        Of the whole chart, pixels, roughly; the caption of a picture is wrapped to it.
    """

    name: str
    title: str
    caption: str
    chart: Chart
    width: int

    def spec(self) -> dict[str, Any]:
        """Return the Vega-Lite specification, for a page."""
        return dict(self.chart.to_dict())

    def titled(self) -> Chart:
        """Return the chart with title and caption in it, for a picture that stands alone."""
        lines = textwrap.wrap(self.caption, max(40, int(self.width / 5.6)))
        return self.chart.properties(title=alt.TitleParams(self.title, subtitle=lines))


def palette(theme: Theme) -> Palette:
    """Return the colours of a theme.

    Raises
    ------
    InputError
        Neither light nor dark.
    """
    if theme not in PALETTES:
        raise InputError(f"theme is {theme!r}, expected 'light' or 'dark'")
    return PALETTES[theme]


def dress(chart: Chart, colours: Palette) -> Chart:
    """Set fonts, axes and colours of a whole chart."""
    axis = {
        "labelColor": colours.ink,
        "titleColor": colours.muted,
        "gridColor": colours.grid,
        "domain": False,
        "tickColor": colours.grid,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 240,
        "labelFlush": False,
    }
    return chart.configure(
        background=colours.background,
        font=FONT,
        padding=14,
        axis=axis,
        view={"stroke": None},
        text={"color": colours.ink, "fontSize": 11},
        header={"labelColor": colours.ink, "labelFontSize": 12, "titleColor": colours.muted},
        legend={
            "labelColor": colours.ink,
            "titleColor": colours.muted,
            "titleFontWeight": "normal",
            "labelFontSize": 11,
            "titleFontSize": 11,
        },
        title={
            "color": colours.ink,
            "subtitleColor": colours.muted,
            "anchor": "start",
            "fontSize": 16,
            "subtitleFontSize": 11.5,
            "subtitleLineHeight": 15,
            "offset": 14,
            "subtitlePadding": 6,
        },
    )


def table(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Make rows the data of a chart, floats rounded to five significant digits.

    Inline data are kept once under `datasets`, however many layers use them.
    """
    return alt.InlineData(
        values=[{key: _short(value) for key, value in row.items()} for row in rows]
    )


def panel_title(text: str, colours: Palette, *, size: int = 12) -> alt.TitleParams:
    """Title of one panel among several."""
    return alt.TitleParams(text, fontSize=size, color=colours.ink, offset=6, anchor="start")


def label_by_index(names: Sequence[str]) -> str:
    """Vega expression that turns an axis value 0, 1, 2 ... into a name."""
    listed = ",".join(_quoted(name) for name in names)
    return f"[{listed}][datum.value]"


def _quoted(text: str) -> str:
    """Quote a text for a Vega expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def count_of(n: int, thing: str) -> str:
    """Say how many, with a plural."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def say_comparisons(n: Sequence[int]) -> str:
    """State how many comparisons are behind each model."""
    low, high = min(n), max(n)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{each} comparisons{'' if len(n) == 1 else ' per model'}."


def missing_verdicts(lost: int) -> str:
    """Say how many planned comparisons have no verdict."""
    if not lost:
        return "all have verdicts"
    return "1 more has no verdict" if lost == 1 else f"{lost:,} more have no verdict"


def interval_level(profile: Profile) -> str:
    """Level of a profile's intervals, such as "95%"."""
    return f"{profile.level:.0%}"
