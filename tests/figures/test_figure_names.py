"""Names cut to fit, distinct and told in full; captions wrapped, in any script."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ethogram.figures.names import fit_names, fit_text, say_cut, text_width, wrap_text

LONG = [f"vendor/model-family-of-the-year-2026-instruct-preview-{i:02}" for i in range(12)]


@pytest.mark.parametrize(
    "names", [LONG, ["通义千问大型语言模型" * 3 + str(i) for i in range(3)], ["🦊" * 40, "🚀" * 40]]
)
def test_long_names_fit_and_stay_distinct(names):
    """Names of 60 characters, Chinese and emoji fit their width, no two alike."""
    short = fit_names(names, 120)
    assert len(set(short)) == len(names)
    assert max(map(text_width, short)) <= 120


def test_names_alike_at_both_ends_are_numbered():
    """Two names that differ in the middle only, which is cut, are told apart by a number."""
    names = ["a" * 30 + middle + "b" * 30 for middle in "xy"]
    first, second = fit_names(names, 120)
    assert first.endswith(" 1")
    assert second.endswith(" 2")
    assert max(map(text_width, (first, second))) <= 120


def test_the_vendor_goes_first():
    """The part before the slash is dropped where names stay distinct, and kept where not."""
    assert fit_names(["a/one", "b/two"], 200) == ["one", "two"]
    assert fit_names(["a/one", "b/one"], 200) == ["a/one", "b/one"]


def test_cut_names_are_told_in_full():
    """A caption gives the whole of a name that was cut, and says nothing where none was."""
    assert say_cut(["abcdef"], ["a…f"]) == " Names in full: a…f is abcdef."
    assert say_cut(["a/one"], ["one"]) == ""


def test_a_name_that_fits_is_whole():
    """Nothing is cut that has room, and something remains where there is none."""
    assert fit_text("pedantic", 100) == "pedantic"
    assert fit_text("pedantic", 1) == "…"


@pytest.mark.parametrize("text", ["word " * 60, "字" * 200, "x" * 300])
def test_wrapped_lines_fit(text):
    """Lines fit their width, with and without spaces, and lose nothing."""
    lines = wrap_text(text, 300, 12.5)
    assert max(text_width(line, 12.5) for line in lines) <= 300
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_lines_are_filled():
    """No line could have taken the next one's first word."""
    lines = wrap_text("some words of several lengths in a row " * 8, 300, 12.5)
    for one, other in pairwise(lines):
        assert text_width(f"{one} {other.split()[0]}", 12.5) > 300
