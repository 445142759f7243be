"""The one door from a result up to the figures: `profile.plot()` and `shift.plot()`.

Figures stand above ratings and know them, not the other way round; the import contract names this
module as the exception. What draws is loaded by the first call, so ratings stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ethogram.figures.theme import Figure as Figure  # noqa: PLC0414 - for the classes' types
    from ethogram.figures.theme import Theme as Theme  # noqa: PLC0414
    from ethogram.ratings.profile import Profile
    from ethogram.ratings.shift import Shift


def plot_profile(profile: Profile, name: str, theme: Theme) -> Figure:
    """Draw a figure of one profile."""
    from ethogram.figures.choose import draw_figure

    return draw_figure(name, [profile], theme=theme)


def plot_shift(moved: Shift, theme: Theme) -> Figure:
    """Draw a shift."""
    from ethogram.figures.profiles import shift_bars

    return shift_bars(moved, theme=theme)
