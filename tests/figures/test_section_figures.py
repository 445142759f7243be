"""Figures of other ways of asking: every mark with its interval, told apart, named."""

from __future__ import annotations

import pytest

from ethogram.figures.catalogue import section_drawings
from ethogram.figures.sections import section_figure
from ethogram.validity.sections import Mark, Section, SectionChart

SERIES = ("a", "b", "c", "d", "e")


def _lines(series=SERIES, places=(1, 2, 3)):
    marks = tuple(
        Mark(x, 0.5 + 0.05 * i, 0.4, 0.7, name) for i, name in enumerate(series) for x in places
    )
    levels = ((0.5, "chance"),)
    return SectionChart("held", "Held", "By turn.", "lines", "turn", "share", marks, levels, True)


def _points(n):
    marks = tuple(
        Mark(i, i / n, i / n - 0.1, i / n + 0.1, label=f"trait{i}", across=(i - 1, i + 1))
        for i in range(n)
    )
    return SectionChart("free", "Free", "By trait.", "points", "rating", "share", marks)


def _rows(figure):
    return [row for rows in figure.spec()["datasets"].values() for row in rows]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_mark_is_drawn_with_its_interval(theme):
    """Fifteen marks of five series are fifteen rows, whichever colours they have."""
    rows = [row for row in _rows(section_figure(_lines(), "held", theme=theme)) if "series" in row]
    assert len(rows) == 15
    assert {row["series"] for row in rows} == set(SERIES)
    assert all(row["low"] == 0.4 and row["high"] == 0.7 for row in rows)


def test_series_at_one_place_stand_apart():
    """Also where there is one place only, no two marks lie on each other."""
    rows = [r for r in _rows(section_figure(_lines(places=(3,)), "held")) if "series" in r]
    assert len({row["at"] for row in rows}) == len(SERIES)
    assert all(row["x"] == 3 and abs(row["at"] - 3) < 0.2 for row in rows)


def test_the_fifth_series_is_told_from_the_first():
    """Colours come again after four; the dashes and signs with them do not."""
    spec = section_figure(_lines(), "held").spec()
    (dashes,) = {
        tuple(map(tuple, layer["encoding"]["strokeDash"]["scale"]["range"]))
        for layer in spec["layer"]
        if "strokeDash" in layer["encoding"]
    }
    assert dashes[4] != dashes[0]


@pytest.mark.parametrize(("n", "named"), [(3, 3), (90, 40)])
def test_points_are_named_and_of_many_the_outermost(n, named):
    """Names stand beside points; of ninety, forty have one, those at the ends among them."""
    texts = {row["text"] for row in _rows(section_figure(_points(n), "free")) if "text" in row}
    assert len(texts) == named
    assert {"trait0", f"trait{n - 1}"} <= texts


def test_one_point_and_no_interval_can_be_drawn():
    """A single mark whose interval has no width makes axes all the same."""
    chart = SectionChart("x", "X", "One.", "points", "x", "y", (Mark(1, 2, 2, 2, label="t"),))
    picture = section_figure(chart, "x").titled().to_dict()
    assert picture["width"] > 0


def test_charts_of_one_name_become_figures_of_two():
    """Two charts that are called alike are two files."""
    section = Section("s", "S?", ("c",), charts=(_lines(), _lines()))
    names = [draw(theme="light").name for draw in section_drawings(section)]
    assert len(set(names)) == 2
