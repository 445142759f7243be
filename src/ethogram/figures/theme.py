"""The look of the figures: colours that colour-blind readers can tell apart, light and dark.

The hues are blue and vermilion/orange of Okabe and Ito (2008), which stay apart under every
common colour blindness; darkness differs too, so that the figures survive a grey printer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import altair as alt
from altair.utils import schemapi

from ethogram.errors import InputError
from ethogram.figures.names import LABEL_SIZE, wrap_text

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile

Theme = Literal["light", "dark"]
Chart: TypeAlias = Any  # layering and joining change the class, and altair's hints lose track

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # the first is bundled with vl-convert

COLUMN = 720
"""Width of every figure, pixels: that of a column of text, so that labels keep their size."""

PADDING = 12
ROOM = COLUMN - 2 * PADDING
"""Pixels between a figure's margins, for plots and the labels beside them."""

TITLE_SIZE = 16


@dataclass(frozen=True)
class Palette:
    """Colours of one theme.

    Attributes
    ----------
    background, ink, muted, grid : str
    expressed, avoided : str
        Above and below the middle; more and less than others.
    expressed_text, avoided_text : str
        The same for words, which need more contrast than bars.
    diverging : tuple of str
        From the strongest to the weakest, through the background's own shade.
    """

    background: str
    ink: str
    muted: str
    grid: str
    expressed: str
    avoided: str
    expressed_text: str
    avoided_text: str
    diverging: tuple[str, ...]


PALETTES = {
    "light": Palette(
        background="#ffffff",
        ink="#1b1f24",
        muted="#6a727c",
        grid="#dfe3e8",
        expressed="#0072b2",
        avoided="#d55e00",
        expressed_text="#0067a3",
        avoided_text="#ad4c00",
        diverging=("#00436b", "#3f8fc4", "#b9d7ea", "#f4f2ee", "#f3c9a4", "#dd7a2b", "#8f3d00"),
    ),
    "dark": Palette(
        background="#14171b",
        ink="#e8eaed",
        muted="#9aa3ad",
        grid="#323840",
        expressed="#56b4e9",
        avoided="#e69f00",
        expressed_text="#56b4e9",
        avoided_text="#e69f00",
        diverging=("#a8dcfa", "#4b9fd6", "#235a80", "#23272d", "#6e4a14", "#c98a12", "#ffd480"),
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
    """

    name: str
    title: str
    caption: str
    chart: Chart

    def spec(self) -> dict[str, Any]:
        """Return the Vega-Lite specification, for a page; it is not checked once more."""
        return dict(self.chart.to_dict(validate=False))

    def titled(self) -> Chart:
        """Return the chart with title and caption in it, for a picture that stands alone."""
        title = wrap_text(self.title, ROOM, 1.08 * TITLE_SIZE)  # it is bold
        lines = wrap_text(self.caption, ROOM, LABEL_SIZE)
        return self.chart.properties(title=alt.TitleParams(title, subtitle=lines))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show the figure, title and caption included, in a notebook: also offline, and on GitHub.

        Altair's own way fetches scripts from the network; `chart` has it.
        """
        from vl_convert import vegalite_to_svg

        svg = vegalite_to_svg(self.titled().to_dict())
        return {"image/svg+xml": svg, "text/plain": f"{self.title}\n{self.caption}"}


@contextmanager
def unchecked() -> Iterator[None]:
    """Draw without holding every part of a chart against Vega-Lite's schema.

    That takes a quarter of a report's time, and figures are the same for any data: the tests check
    them, and so does a figure that is drawn alone.
    """
    with schemapi.debug_mode(False):
        yield


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
        "labelFontSize": LABEL_SIZE,
        "titleFontSize": LABEL_SIZE,
        "titleFontWeight": "normal",
        "labelLimit": 240,
        "labelFlush": False,
    }
    return chart.configure(
        background=colours.background,
        font=FONT,
        padding=PADDING,
        axis=axis,
        view={"stroke": None},
        text={"color": colours.ink, "fontSize": LABEL_SIZE},
        header={
            "labelColor": colours.ink,
            "labelFontSize": LABEL_SIZE,
            "titleColor": colours.muted,
        },
        legend={
            "labelColor": colours.ink,
            "titleColor": colours.muted,
            "titleFontWeight": "normal",
            "labelFontSize": LABEL_SIZE,
            "titleFontSize": LABEL_SIZE,
        },
        title={
            "color": colours.ink,
            "subtitleColor": colours.muted,
            "anchor": "start",
            "fontSize": TITLE_SIZE,
            "subtitleFontSize": LABEL_SIZE,
            "subtitleLineHeight": 16,
            "offset": 14,
            "subtitlePadding": 6,
        },
    )


def table(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Make rows the data of a chart, floats rounded to five significant digits.

    Inline data are kept once under `datasets`, however many layers use them.
    """
    return _Rows(values=[{key: _short(value) for key, value in row.items()} for row in rows])


class _Rows(alt.InlineData):
    """Rows that copies of a chart share: altair copies a chart with each layer and panel."""

    def __deepcopy__(self, memo: Any) -> Self:
        return self


def panel_title(text: str, colours: Palette, *, dx: float = 0) -> alt.TitleParams:
    """Title of one panel among several, `dx` pixels from the left edge of its plot."""
    return alt.TitleParams(
        text,
        fontSize=LABEL_SIZE,
        color=colours.ink,
        offset=6,
        anchor="start",
        frame="group",
        dx=dx,
    )


def number_tip(field: str, style: str = ",.0f") -> alt.Tooltip:
    """Show a field under the pointer, with a true minus; "+" in a style would write −0 of −0.3."""
    return alt.Tooltip(f"{field}:Q", format=style)


def label_by_index(names: Sequence[str]) -> str:
    """Vega expression that turns an axis value 0, 1, 2 ... into a name."""
    listed = ",".join(quoted(name) for name in names)
    return f"[{listed}][datum.value]"


def quoted(text: str) -> str:
    """Quote a text for a Vega expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


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
