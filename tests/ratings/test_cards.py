"""What a notebook and `print` show of ratings: the right traits, escaped, in no fixed colour."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import ethogram
from ethogram.ratings.cards import Card, Row, card_html, text_table
from ethogram.ratings.numbers import rank_words, say_interval, say_number
from ethogram.ratings.results import Rated, Unrated

VOID = {"path", "circle", "br"}


class Tree(HTMLParser):
    """Collects tags, texts and attributes, and checks that every tag is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.cells, self.attributes = [], [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Note a tag that opens."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
            if tag in ("td", "th"):
                self.cells.append("")

    def handle_endtag(self, tag):
        """Check that the tag that was opened last closes."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, text):
        """Add to the cell that is open."""
        if {"td", "th"} & set(self.open):
            self.cells[-1] += text


def a_profile(*traits, wins=None, model="fern", judge="owl", condition="feels", lost=0):
    """Rate a round-robin of traits in which an earlier one beats a later one, twice in three."""
    k = len(traits)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    first = [i for i, _ in pairs] * 3
    second = [j for _, j in pairs] * 3
    outcome = [1.0] * (2 * len(pairs)) + [0.0] * len(pairs)
    comparisons = ethogram.compare(
        list(traits), first, second, outcome, model=model, judge=judge, condition=condition
    )
    return replace(ethogram.rate(comparisons, splits=0), lost=lost)


MANY = tuple(f"trait{i:02}" for i in range(14))


def test_the_card_names_what_a_profile_rests_on():
    """Model, judge, condition, n, lost and the kind of interval stand in both forms."""
    profile = a_profile(*MANY, lost=7)
    for shown in (profile._repr_html_(), str(profile)):
        text = re.sub(r"<[^>]+>", " ", shown)
        assert "fern, judged by owl, condition feels" in text
        # 14 x 13 / 2 = 91 pairs, three times each
        assert "14 traits, 273 comparisons, 7 lost" in text
        assert profile.interval in text
        assert all(caveat in unescape(text) for caveat in profile.caveats)


def test_the_ends_are_shown_and_the_middle_is_counted():
    """Five from the top and five from the bottom, in order; four are left out, and it says so."""
    profile = a_profile(*MANY)
    cells = Tree(profile._repr_html_()).cells
    assert [c for c in cells if c.startswith("trait0") or c.startswith("trait1")] == [
        *MANY[:5],
        *MANY[-5:],
    ]
    assert "… 4 more traits …" in cells
    assert "... 4 more traits ..." in str(profile)


@pytest.mark.parametrize("k", [2, 3, 10, 11])
def test_few_traits_stand_once_each(k):
    """Top and bottom do not overlap, and nothing is left out that would fit."""
    profile = a_profile(*MANY[:k])
    cells = Tree(profile._repr_html_()).cells
    assert [c for c in cells if c.startswith("trait") and c != "trait"] == list(MANY[:k])
    assert "more traits" not in str(profile)


def test_numbers_are_those_of_the_profile():
    """Rating and interval in whole points, in text as in HTML."""
    profile = a_profile("calm", "bold", "wry")
    row = profile.frame().row(0, named=True)
    interval = say_interval(row["low"], row["high"], grouped=True)
    assert [f"{row['rating']:,.0f}", interval] == Tree(profile._repr_html_()).cells[7:9]
    assert interval in str(profile)


@pytest.mark.parametrize(
    "name", ["<b>bold</b>", '"><script>alert(1)</script>', "a & b", "{0.__class__}", "100%"]
)
def test_names_are_text_and_never_markup(name):
    """Whatever a trait, model or judge is called is shown as it is spelled."""
    profile = a_profile(name, "calm", model=name, judge=name)
    tree = Tree(profile._repr_html_())
    assert name in tree.cells
    assert not {"b", "script"} & set(tree.tags)
    assert name in str(profile)
    moved = ethogram.shift(profile, a_profile("calm", name, model=name))
    assert name in Tree(moved._repr_html_()).cells
    rated = Rated((profile, profile), (Unrated(name, name, "", 1, 0, name),))
    assert not {"b", "script"} & set(Tree(rated._repr_html_()).tags)


def test_the_html_has_no_colour_link_or_class_of_its_own():
    """It is read in a light and in a dark notebook, and needs nothing from elsewhere."""
    profile = a_profile(*MANY)
    moved = ethogram.shift(profile, a_profile(*MANY[::-1], model="moss"))
    for page in (profile, moved, Rated((profile, profile), ())):
        attributes = Tree(page._repr_html_()).attributes
        assert not {"class", "href", "src", "id"} & {name for name, _ in attributes}
        for name, value in attributes:
            if name in ("stroke", "fill"):
                assert value == "currentColor"
            if name == "style":
                assert "color:" not in value
                assert re.findall(r"opacity:([\d.]+)", value) in ([], [".8"])
                assert set(re.findall(r"background:(\w+)", value)) <= {"none"}


def test_negative_numbers_have_a_true_minus_and_zero_has_none():
    """A hyphen is no minus."""
    assert say_number(-1234.4, grouped=True) == "−1,234"
    assert say_number(-0.4) == "0"
    assert say_number(0.4, sign=True) == "0"
    assert say_number(3.2, sign=True) == "+3"
    assert say_interval(-410.2, 726) == "−410 to 726"
    assert say_number(float("nan")) == "unknown"
    assert say_interval(float("-inf"), 1) == "unknown"


def test_an_interval_that_is_not_there_is_not_drawn():
    """The card of a profile without intervals shows its ratings still."""
    profile = a_profile("calm", "bold")
    nothing = np.full(2, np.nan)
    card = replace(profile, low=nothing, high=nothing)._repr_html_()
    assert "unknown" in card
    assert "svg" not in Tree(card).tags
    assert "nan" not in card.lower()


def test_equal_ratings_share_a_rank():
    """The largest is 1; equal ones have the best rank among them, marked as equal."""
    assert rank_words(np.array([5.0, 7.0, 5.0, 1.0])) == ["=2", "1", "=2", "4"]


def test_a_shift_says_what_moved_and_how_surely():
    """Rises first, falls last, with sign, interval, corrected p-value and pairing."""
    before, after = a_profile(*MANY), a_profile(*MANY[::-1], model="moss")
    moved = ethogram.shift(before, after)
    text = str(moved)
    assert text.startswith("Shift from fern to moss\n")
    clear = int((moved.raw.p_adjusted < 0.05).sum())
    assert f"{clear} of 14 traits moved clearly" in text
    lines = [line.split() for line in text.splitlines() if line.startswith("trait")]
    assert lines[1][0] == "trait13"
    assert lines[1][1].startswith("+")
    assert lines[-1][0] == "trait00"
    assert lines[-1][1].startswith("−")
    assert set(moved.caveats) <= set(text.splitlines())
    assert repr(moved) == f"<Shift from fern to moss: {clear} of 14 traits moved clearly>"


def test_several_profiles_are_a_table_and_one_is_its_own_card():
    """Three traits: one most and one least, never the same."""
    one = a_profile("calm", "bold", "wry")
    other = replace(one, model="moss", lost=2)
    assert Rated((one,), ())._repr_html_() == one._repr_html_()
    page = Rated((one, other), ())._repr_html_()
    assert "2 profiles, judged by owl, condition feels" in page
    cells = Tree(page).cells
    assert cells[5:] == ["fern", "calm", "wry", "9", "0", "moss", "calm", "wry", "9", "2"]
    two = Tree(Rated((one, replace(one, judge="kite")), ())._repr_html_()).cells
    assert two[1:3] == ["judge", "condition"]
    assert [two[8], two[15]] == ["owl", "kite"]
    assert repr(Rated((one, other), ())) == "<Rated, 2 profiles: fern, moss>"


def test_what_could_not_be_rated_is_shown_with_its_reason():
    """No profile at all is said in words, not as an empty table."""
    lonely = Unrated("moss", "owl", "feels", 3, 1, "Two traits never meet.")
    shown = str(Rated((), (lonely,)))
    said = "moss, judged by owl, condition feels: not rated (3 comparisons, 1 lost)."
    assert said in shown
    assert "Two traits never meet." in shown
    assert str(Rated((), ())) == "No profiles\nThere are no comparisons."


def test_columns_are_aligned_whatever_the_script():
    """A wide character takes two columns, a combining one none."""
    table = text_table(("trait", "n"), [("cafe\u0301", "1"), ("冷静", "22")], left=1)
    assert table == ["trait   n", "cafe\u0301    1", "冷静   22"]


def test_a_card_without_rows_has_no_table():
    """Sentences only, in both forms."""
    card = Card("Nothing", ("No data.",))
    assert "table" not in Tree(str(card_html(card))).tags
    assert Tree(str(card_html(Card("x", heads=("a",), rows=(Row(("1",)),))))).cells == ["a", "1"]


def test_a_profile_is_plotted_and_ratings_stay_light():
    """What draws is loaded by the first plot, not by the ratings."""
    profile = a_profile("calm", "bold", "wry")
    assert profile.plot().name.startswith("ranked")
    assert profile.plot("radial", theme="dark").name == "radial"
    assert ethogram.shift(profile, replace(profile, model="moss")).plot().name == "shift"
    with pytest.raises(ethogram.EthogramError, match="similarity"):
        profile.plot("similarity")
    code = "import ethogram.ratings.shift, sys; print('altair' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
