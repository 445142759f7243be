"""Tables on a terminal: numbers stay at every width, and names are shortened for them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ethogram.cli.tables import Table

LONG, WIDE = "x" * 60, "静かで穏やかな性格の長い名前のとくせいです"


def table():
    """Return a table with names that are long, in Latin and in wide letters."""
    made = Table(("rank", "number"), ("trait", "name"), ("rating", "number"), ("", "extra"))
    made.add_row("1", LONG, "1234", "──●──")
    made.add_row("10", WIDE, "98", "──●──")
    return made


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_numbers_stay_at_every_width(width):
    """Every line fits, counted in cells, and ends with its whole number."""
    titles, *rows = table().lines(width)
    assert all(cell_len(line) <= width for line in (titles, *rows))
    assert [row.replace("──●──", "").split()[::2][:2] for row in rows] == [
        ["1", "1234"],
        ["10", "98"],
    ]
    assert all("…" in row for row in rows) == (width < 60)


def test_what_is_piped_is_whole():
    """No width, no ellipsis, and columns that stand under one another."""
    _, first, second = table().lines()
    assert LONG in first
    assert WIDE in second
    assert cell_len(first[: first.index("1234")]) + 2 == cell_len(second[: second.index("98")])


def test_numbers_are_not_cut_even_where_they_do_not_fit():
    """The line is too long then."""
    made = Table(("planned", "number"), ("done", "number"))
    made.add_row("123,456,789", "987,654,321")
    assert [*made.lines(10)][1] == "123,456,789 987,654,321"
