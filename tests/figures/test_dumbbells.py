"""Two values per line: what is drawn, what the colours say, what is written beside it."""

from __future__ import annotations

import pytest
import vl_convert

from ethogram.errors import InputError
from ethogram.figures.dumbbells import Dumbbell, draw_dumbbells

ROWS = [
    Dumbbell("correlation", 0.83, 0.807, 0.797, 0.816, group="Correlation", digits=2),
    Dumbbell("shift", -300, -412, -520, -280, group="Elo points"),
    Dumbbell("no interval", -100, 40, group="Elo points"),
    Dumbbell("not recomputed", 44, None, group="Share", suffix="%"),
]


def draw(rows=ROWS, **more):
    """The figure of these rows."""
    return draw_dumbbells(rows, name="published", title="Two values", **more)


def test_sides_follow_the_interval():
    """The published value is inside, outside, or there is no interval to test it by."""
    assert [row.side for row in ROWS] == ["outside", "inside", "untested", "untested"]
    assert "orange where it does not (1 of 2)" in draw().caption


def test_numbers_are_written_with_a_true_minus():
    """Both values and the interval stand beside the line; a missing one is "none"."""
    assert ROWS[0].text == "0.83 → 0.81 (0.80 to 0.82)"
    assert ROWS[1].text == "−300 → −412 (−520 to −280)"
    assert ROWS[3].text == "44% → none"
    assert Dumbbell("zero", -0.001, 0.0, digits=2).text == "0.00 → 0.00"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_group_has_its_axis(theme):
    """Groups stand below each other in order, each with its own scale and title."""
    figure = draw(theme=theme, caption="Four claims.")
    spec = figure.spec()
    assert [p["title"]["text"] for p in spec["vconcat"]] == ["Correlation", "Elo points", "Share"]
    picture = vl_convert.vegalite_to_svg(figure.titled().to_dict())
    assert "NaN" not in picture
    assert figure.caption.startswith("Four claims. Hollow: published; filled: recomputed.")


def test_a_long_label_is_wrapped_whole():
    """Every word of a claim is drawn, over as many lines as it takes."""
    claim = "Models agree on the top twenty traits far more than on those in the middle of the list"
    figure = draw([Dumbbell(claim, 1, 2)])
    lines = [r["text"] for rows in figure.spec()["datasets"].values() for r in rows if len(r) == 2]
    assert len(lines) > 1
    assert " ".join(lines) == claim


def test_nothing_to_draw_is_an_error():
    """No rows, or none with a value, is refused."""
    for rows in ([], [Dumbbell("claim", None, None)]):
        with pytest.raises(InputError, match="no value is given"):
            draw(rows)
