"""Tables on a terminal: numbers stay at every width, and names are shortened for them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rich.cells import cell_len

from ethogram.cli.console import PlainConsole, be_quiet, start_talking
from ethogram.cli.tables import Table
from ethogram.store.store import Store

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


def test_status_does_without_rich(tmp_path):
    """Counting is done at once; what draws on a terminal takes longer to load than that."""
    Store.open(tmp_path / "empty.db").close()
    code = (
        "import sys; from ethogram.cli.app import app; "
        f"app(['status', {str(tmp_path / 'empty.db')!r}], standalone_mode=False); "
        "print(sorted({'rich', 'numpy._core', 'scipy'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_plain_console_is_quiet_and_breaks_lines_on_a_terminal_only(monkeypatch, capsys):
    """Piped text stays as it is."""
    console = PlainConsole()
    console.print("word " * 40)
    assert len(capsys.readouterr().out.splitlines()) == 1
    console.is_terminal, console.width = True, 60
    console.print("word " * 40)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 60
    be_quiet(True)
    console.print("word")
    start_talking()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("width", [60, 80, 100, 300])
def test_a_table_that_is_too_wide_is_folded_between_numbers(width):
    """Each part has the names and fits; together they have every number whole and once."""
    made = Table(("model", "name"), ("by", "word"), *((f"n{i}", "number") for i in range(8)))
    numbers = [f"−0.{i}2 (−0.{i}1 to 0.{i}3)" for i in range(8)]
    made.add_row(LONG, "two words", *numbers)
    parts = made.fold(width)
    assert (len(parts) == 1) == (width == 300)
    shown = [list(part.lines(width)) for part in parts]
    assert all(cell_len(line) <= width for lines in shown for line in lines)
    assert all(row.startswith("xxx") and " two words " in row for _, row in shown)
    for number in numbers:
        assert sum(row.count(number) for _, row in shown) == 1


def test_what_is_piped_is_not_folded():
    """Without a width a table is one."""
    made = table()
    assert made.fold() == [made]
