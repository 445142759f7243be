"""Figures as files: characters that the engine cannot draw are spelt out or refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ethogram.errors import InputError
from ethogram.figures import save
from ethogram.figures.profiles import forest
from ethogram.ratings.rate import rate_counts

TITLES = ("on fire 🔥", "静か", "👩🏽\u200d🔬 at work", "❤️", "🇩🇪", "\ue000", "ครับ")


def figure(title):
    """Return a small figure of that title, of traits of which one has it, too."""
    profile = rate_counts([title, "calm", "bold"], [2, 1, 0], total=3)
    return replace(forest(profile), name="small", title=title)


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "json"])
@pytest.mark.parametrize("title", TITLES)
def test_every_script_and_symbol_is_drawn(ending, title):
    """Whatever fonts the machine has."""
    assert len(save.render_figure(figure(title), ending)) > 400


def test_what_a_font_cannot_give_a_pdf_is_spelt_out(monkeypatch):
    """A colour font has no outlines for a PDF; the engine then fails on emoji, or on more."""
    draw, drawn = save._render, []

    def draw_or_fail(refused):
        def render(chart, ending, scale):
            text = json.dumps(json.loads(draw(chart, "json", scale)), ensure_ascii=False)
            if any(char in text for char in refused):
                raise ValueError("An error occurred while subsetting a font.")
            drawn.append(text)
            return b"%PDF"

        return render

    monkeypatch.setattr(save, "_render", draw_or_fail("🔥🏽🇩"))
    for title in ("warm 静 🔥", "👩🏽‍🔬", "🇩🇪"):
        assert save.render_figure(figure(title), "pdf") == b"%PDF"
    assert "warm 静 [fire]" in drawn[0]
    assert "[woman][microscope]" in drawn[1]
    monkeypatch.setattr(save, "_render", draw_or_fail("静"))
    save.render_figure(figure("静"), "pdf")
    assert "[U+9759]" in drawn[-1]
    monkeypatch.setattr(save, "_render", draw_or_fail(["calm"]))
    with pytest.raises(InputError, match=r"small cannot be drawn as pdf: .* subsetting a font"):
        save.render_figure(figure("plain"), "pdf")


@pytest.mark.parametrize("char", ["\0", "\x1b", "\ufffe", "\ud800", "\U0001ffff"])
def test_what_would_abort_the_engine_never_reaches_it(char):
    """The process would be gone; so the figure is refused, with the character's number."""
    with pytest.raises(InputError, match=f"the figure small: .*U\\+{ord(char):04X}"):
        save.render_figure(replace(figure("a"), title=f"a{char}b"), "svg")


@pytest.mark.parametrize("char", ["\x0b", "\x0c"])
def test_controls_that_are_white_space_part_lines_of_a_title(char):
    """A title is wrapped at white space, so these are gone before the engine sees it."""
    picture = save.render_figure(replace(figure("a"), title=f"a{char}b"), "svg").decode()
    assert char not in picture
