"""A result as a small card: its name, what it rests on, a short table, its caveats.

One content, two forms: HTML for a notebook and plain text for `print`. The HTML sets no colour, so
it is as legible as the notebook around it, light or dark.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ethogram.ratings.comparisons import FloatArray

ENDS = 5
"""How many traits are shown from the top and from the bottom."""


@dataclass(frozen=True)
class Row:
    """One row of a card's table: its cells, and an interval that is drawn behind them."""

    cells: tuple[str, ...]
    interval: tuple[float, float, float] | None = None  # low, middle, high


@dataclass(frozen=True)
class Card:
    """What is shown of a result.

    Attributes
    ----------
    title : str
    lines : tuple of str
        Sentences below the title.
    heads : tuple of str
        Of the table's columns; empty: no table.
    rows : tuple of Row
    gap : (int, str), optional
        Before which row something is left out, and what.
    left : int
        How many columns, from the first, are words and aligned left.
    notes : tuple of str
        Sentences below the table.
    """

    title: str
    lines: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    gap: tuple[int, str] | None = None
    left: int = 1
    notes: tuple[str, ...] = ()


def pick_ends(values: FloatArray) -> tuple[list[int], tuple[int, str] | None]:
    """Return the places of the largest and smallest values, in order, and what is between."""
    order = [int(i) for i in np.argsort(-values, kind="stable")]
    hidden = len(order) - 2 * ENDS
    if hidden <= 1:  # the one would take no more room than the line that stands for it
        return order, None
    return order[:ENDS] + order[-ENDS:], (ENDS, f"{hidden:,} more traits")


# -- plain text -----------------------------------------------------------------------------


def card_text(card: Card) -> str:
    """Return a card as lines of plain text."""
    lines = [card.title, *card.lines]
    if card.heads:
        table = text_table(card.heads, [row.cells for row in card.rows], left=card.left)
        if card.gap is not None:
            table.insert(1 + card.gap[0], f"... {card.gap[1]} ...")
        lines += table
    return "\n".join([*lines, *card.notes])


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Align cells in columns, the first `left` of them to the left; one text for each line."""
    table = [tuple(heads), *map(tuple, rows)]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) if i < left else " " * (width - _width(cell)) + cell
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _width(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    shown = [char for char in text if not unicodedata.combining(char)]
    return len(shown) + sum(unicodedata.east_asian_width(char) in "WF" for char in shown)


# -- HTML -----------------------------------------------------------------------------------

CELL = "padding:1px 14px 1px 0;border:0;background:none;vertical-align:top;"
QUIET = "opacity:.8;"  # of the notebook's own ink: 4.5:1 and more on any usual theme
BAR = (120, 12)  # pixels


def cards_html(cards: Sequence[Card]) -> str:
    """Return cards below one another as HTML, for a notebook."""
    return str(Markup("").join(card_html(card) for card in cards))


def card_html(card: Card) -> Markup:
    """Return a card as HTML that needs no style sheet and sets no colour."""
    return Markup(
        '<div style="margin:4px 0 12px;max-width:60em;line-height:1.45;overflow-x:auto">'
        '<div style="font-weight:600;font-size:1.1em;overflow-wrap:anywhere">{}</div>{}{}{}</div>'
    ).format(card.title, _paragraphs(card.lines), _table(card), _paragraphs(card.notes))


def _paragraphs(lines: Sequence[str]) -> Markup:
    return Markup("").join(
        Markup('<div style="{}overflow-wrap:anywhere">{}</div>').format(QUIET, line)
        for line in lines
    )


def _table(card: Card) -> Markup:
    if not card.heads:
        return Markup("")
    drawn = any(row.interval is not None for row in card.rows)
    rows = [_row(row, card, drawn=drawn) for row in card.rows]
    if card.gap is not None:
        gap = Markup('<tr style="background:none"><td colspan="{}" style="{}">… {} …</td></tr>')
        span, style = len(card.heads) + drawn, f"{CELL}{QUIET}text-align:left"
        rows.insert(card.gap[0], gap.format(span, style, card.gap[1]))
    heads = Markup("").join(
        Markup('<th scope="col" style="{}">{}</th>').format(_style(i, card), head)
        for i, head in enumerate(card.heads)
    )
    if drawn:
        heads += Markup('<td style="{}"></td>').format(CELL)
    return Markup(
        '<table style="margin:6px 0;border-collapse:collapse;border:0"><thead>'
        '<tr style="background:none">{}</tr></thead><tbody>{}</tbody></table>'
    ).format(heads, Markup("").join(rows))


def _style(column: int, card: Card) -> str:
    words = column < card.left
    return (
        f"{CELL}text-align:{'left' if words else 'right'};"
        f"{'overflow-wrap:break-word' if words else 'white-space:nowrap'}"
    )


def _row(row: Row, card: Card, *, drawn: bool) -> Markup:
    cells = Markup("").join(
        Markup('<td style="{}">{}</td>').format(_style(i, card), cell)
        for i, cell in enumerate(row.cells)
    )
    if drawn:
        cells += Markup('<td style="{}">{}</td>').format(CELL, _bar(row, card.rows))
    return Markup('<tr style="background:none">{}</tr>').format(cells)


def _bar(row: Row, rows: Sequence[Row]) -> Markup:
    """Draw an interval with its middle, on the scale of all of the card's."""
    ends = [value for r in rows for value in r.interval or () if math.isfinite(value)]
    if row.interval is None or not all(map(math.isfinite, row.interval)):
        return Markup("")
    width, height = BAR
    least, span = min(ends), max(max(ends) - min(ends), 1e-9)
    low, middle, high = (4 + (value - least) / span * (width - 8) for value in row.interval)
    return Markup(
        '<svg width="{w}" height="{h}" viewBox="0 0 {w} {h}" aria-hidden="true">'
        '<path d="M{low:.1f} {y}H{high:.1f}" stroke="currentColor" stroke-width="2"/>'
        '<circle cx="{middle:.1f}" cy="{y}" r="4" fill="currentColor"/></svg>'
    ).format(w=width, h=height, y=height // 2, low=low, middle=middle, high=high)
