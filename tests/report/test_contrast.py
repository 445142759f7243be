"""Contrast of every label of the page and its figures, by WCAG 2.2's formula."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from ethogram.figures.theme import PALETTES

CSS = files("ethogram.report").joinpath("assets", "report.css").read_text("utf-8")
LEAST = 4.5
LABELS = ("ink", "muted", "up", "alarm")
MARKS = ("up", "down", "open")
GROUNDS = ("paper", "wash", "alarm-wash")


def _variables(block: str) -> dict[str, tuple[int, int, int]]:
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{3,6});", block)
    full = {name: hexa if len(hexa) == 6 else "".join(c * 2 for c in hexa) for name, hexa in found}
    return {n: tuple(int(h[i : i + 2], 16) for i in (0, 2, 4)) for n, h in full.items()}


def _schemes() -> dict[str, dict[str, tuple[int, int, int]]]:
    """The variables of light, dark and print; the later ones stand on the light ones."""
    roots = [_variables(block) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)]
    assert len(roots) == 3
    return {
        name: roots[0] | root for name, root in zip(("light", "dark", "print"), roots, strict=True)
    }


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [
        v / 12.92 if (v := c / 255) <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for c in colour
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ratio(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_that_of_the_standard():
    """Black on white is 21 to 1; #767676 on white is the standard's own 4.54."""
    assert _ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert _ratio((0x76,) * 3, (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_labels_stand_out_from_what_they_stand_on(scheme):
    """Every colour of letters on every ground, whether or not the page pairs them today."""
    colours = _schemes()[scheme]
    ratios = {(a, b): _ratio(colours[a], colours[b]) for a in LABELS for b in GROUNDS}
    assert {pair: round(r, 2) for pair, r in ratios.items() if r < LEAST} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tone", ["up", "down"])
def test_ratings_are_read_on_the_deepest_shade(scheme, tone):
    """The table's cells mix their tone into the paper, at most by the share in the style sheet."""
    colours = _schemes()[scheme]
    share = float(re.search(r"calc\(var\(--t\) \* (\d+)%\)", CSS)[1]) / 100
    ground = tuple(
        round(share * a + (1 - share) * b)
        for a, b in zip(colours[tone], colours["paper"], strict=True)
    )
    assert _ratio(colours["ink"], ground) >= LEAST


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_marks_stand_out_from_the_paper(scheme):
    """Bars and dots, 3 to 1 as the standard asks of what is no text."""
    colours = _schemes()[scheme]
    assert min(_ratio(colours[mark], colours["paper"]) for mark in MARKS) >= 3


def test_letters_are_coloured_by_label_colours_only():
    """`color:` names a variable that is checked above; those of marks are for cells of bars."""
    rules = re.findall(r"([^{};]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL))
    coloured = {
        (selector.strip(), value)
        for selector, body in rules
        for value in re.findall(r"(?:^|[;\s])color: ([^;]+);", body)
    }
    allowed = {f"var(--{name})" for name in LABELS} | {"inherit"}
    others = {(selector, value) for selector, value in coloured if value not in allowed}
    assert others == {(f".{mark}", f"var(--{mark})") for mark in MARKS if mark not in LABELS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_letters_stand_out_too(scheme):
    palette = PALETTES[scheme]
    rgb = {
        name: tuple(int(getattr(palette, name)[i : i + 2], 16) for i in (1, 3, 5))
        for name in ("ink", "muted", "background")
    }
    assert _ratio(rgb["ink"], rgb["background"]) >= LEAST
    assert _ratio(rgb["muted"], rgb["background"]) >= LEAST


def test_no_letter_is_smaller_than_12_pixels_on_a_screen():
    """Sizes in pixels, shorthand or not, outside of print."""
    screen = CSS.split("@media print")[0]
    sizes = re.findall(r"font(?:-size)?:[^;}]*?(\d+(?:\.\d+)?)px", screen)
    assert sizes
    assert min(float(size) for size in sizes) >= 12
