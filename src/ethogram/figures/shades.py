"""Colours of cells around a middle, and text that can be read on them.

A cell has one of fifteen tints, so that its colour and that of its text are tables of the theme,
whose contrast can be checked, and the data are the same in every theme.
"""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from ethogram.figures.theme import Palette

STEPS = 7
"""Tints on each side of the middle."""


def tint(value: float, reach: float) -> int:
    """Tint of a value: 0 in the middle, `STEPS` at `reach` and beyond; unknown is the middle."""
    if math.isnan(value) or reach <= 0:
        return 0
    return round(STEPS * max(-1.0, min(1.0, value / reach)))


def cell_colours(colours: Palette) -> list[str]:
    """Colours of the tints, from the lowest to the highest."""
    stops = [_channels(stop) for stop in colours.diverging[::-1]]
    places = [i * (len(stops) - 1) / (2 * STEPS) for i in range(2 * STEPS + 1)]
    return [_hex(_between(stops, place)) for place in places]


def legible_on(fill: str) -> str:
    """Black or white, whichever stands out more; that is at least 4.58 to 1 on any colour."""
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, fill))


def fill_by_tint(colours: Palette) -> alt.Color:
    """Colour cells by their field `tint`."""
    return _by_tint(cell_colours(colours))


def ink_by_tint(colours: Palette) -> alt.Color:
    """Colour the text on cells by their field `tint`."""
    return _by_tint([legible_on(fill) for fill in cell_colours(colours)])


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21.

    References
    ----------
    Web Content Accessibility Guidelines 2.2, "contrast ratio" and "relative luminance".
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _by_tint(wanted: list[str]) -> alt.Color:
    scale = alt.Scale(domain=list(range(-STEPS, STEPS + 1)), range=wanted)
    return alt.Color("tint:N", scale=scale, legend=None)


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _hex(channels: Any) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in channels)


def _between(stops: list[tuple[float, ...]], place: float) -> tuple[float, ...]:
    """Colour at a place between the stops, linear in the channels."""
    left = min(int(place), len(stops) - 2)
    share = place - left
    return tuple(
        (1 - share) * a + share * b for a, b in zip(stops[left], stops[left + 1], strict=True)
    )
