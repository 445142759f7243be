"""Every label of every figure can be read: size in a column, contrast, true minus signs."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import vl_convert

from ethogram.analysis.analyse import analyse
from ethogram.analysis.clusters import Cluster
from ethogram.figures.catalogue import CATALOGUE, Subject
from ethogram.figures.dumbbells import Dumbbell, draw_dumbbells
from ethogram.figures.groups import cluster_map
from ethogram.figures.shades import STEPS, cell_colours, contrast, legible_on
from ethogram.figures.theme import COLUMN, PALETTES
from ethogram.ratings.differences import find_difference
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gates import Gate
from ethogram.ratings.rate import rate_counts

LEAST_SIZE, LEAST_CONTRAST = 12.0, 4.5

CHINESE = [f"通义千问大型语言模型第{i}版本" for i in range(3)] + ["model 🦊🚀"]
LONG = [f"vendor/model-family-of-the-year-2026-instruct-preview-{i:02}" for i in range(12)]
COHORTS = {
    "one model": (20, ["one"]),
    "three traits": (3, ["one", "two"]),
    "Chinese and emoji": (16, CHINESE),
    "twelve long names": (60, LONG),
    "500 traits": (500, ["one", "two", "three"]),
}


def simulate(n_traits, names):
    """Profiles from the win counts of simulated round robins."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=n_traits)
    profiles = []
    for name in names:
        strength = common + rng.normal(size=n_traits)
        chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        upper = np.triu(rng.random(chance.shape) < chance, 1)
        wins = (upper | np.triu(~upper, 1).T).sum(axis=1).astype(float)
        traits = [f"unconventional {i}" for i in range(n_traits)]
        profiles.append(rate_counts(traits, wins, total=wins.sum(), model=name))
    return profiles


@pytest.fixture(scope="module", params=COHORTS)
def subject(request):
    n_traits, names = COHORTS[request.param]
    profiles = simulate(n_traits, names)
    found = [find_difference(profiles[0], p, gate=Gate((), others=90.0)) for p in profiles]
    return Subject(
        profiles,
        analyse(profiles, n_draws=20),
        gate_runs=[one.as_run("before") for one in found],
        drift=Drift(profiles[0].model, tuple(found), (), 0.95),
        switches=True,
    )


def figures_of(subject, theme):
    """Every figure of a subject, of the ranked traits the first."""
    for entry in CATALOGUE:
        for draw in list(entry.draw(subject))[:1]:
            yield draw(theme=theme)


def texts_of(svg):
    """Size, colour and content of every text that is not the halo behind another."""
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if text.get("stroke") is None and "".join(text.itertext()).strip():
            size = float(re.match(r"[\d.]+", text.get("font-size"))[0])
            yield size, text.get("fill"), "".join(text.itertext())


def width_of(svg):
    """Width of a picture, pixels."""
    return float(re.search(r'<svg[^>]* width="([\d.]+)"', svg)[1])


@pytest.mark.parametrize("theme", PALETTES)
def test_labels_are_large_dark_and_signed(subject, theme):
    """In a column of 720 pixels all labels have 12 pixels, a contrast of 4.5 and a true minus.

    Text in black or white stands on cells, whose contrast the next test checks. Print has the
    light picture.
    """
    colours = PALETTES[theme]
    for figure in figures_of(subject, theme):
        svg = vl_convert.vegalite_to_svg(figure.spec())
        scale = COLUMN / width_of(svg)
        for size, fill, text in texts_of(svg):
            assert size * scale >= LEAST_SIZE, (figure.name, text)
            assert not re.search(r"(?<![\w-])-\d", text), (figure.name, text)
            if fill not in ("#000000", "#ffffff"):
                assert contrast(fill, colours.background) >= LEAST_CONTRAST, (figure.name, text)
            else:
                assert figure.name in ("ranks", "disagreement", "similarity"), (figure.name, text)


def test_figures_fill_the_column(subject):
    """A picture is about as wide as the column, so that neither room nor size is lost."""
    for figure in figures_of(subject, "light"):
        width = width_of(vl_convert.vegalite_to_svg(figure.spec()))
        assert 0.88 * COLUMN < width < 1.041 * COLUMN, (figure.name, width)


@pytest.mark.parametrize("theme", PALETTES)
def test_text_on_cells_has_contrast(subject, theme):
    """On each tint, what a cell and its text are coloured in has a contrast of 4.5."""
    checked = 0
    for figure in figures_of(subject, theme):
        if figure.name in ("ranks", "disagreement", "similarity"):
            fills, inks = tint_ranges(figure.spec())
            for fill, ink in zip(fills, inks, strict=True):
                assert contrast(fill, ink) >= LEAST_CONTRAST
                checked += 1
    assert checked >= 2 * (2 * STEPS + 1) or len(subject.profiles) == 1


def tint_ranges(spec):
    """Colours by tint of the cells and of the text on them."""
    ranges = {}

    def walk(node):
        if isinstance(node, dict):
            colour = node.get("encoding", {}).get("color", {})
            if colour.get("field") == "tint":
                assert colour["scale"]["domain"] == list(range(-STEPS, STEPS + 1))
                ranges[node["mark"]["type"]] = colour["scale"]["range"]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(spec)
    return ranges["rect"], ranges["text"]


@pytest.mark.parametrize("theme", PALETTES)
def test_words_in_every_colour_have_contrast(theme):
    """Each colour that words are written in has a contrast of 4.5 on the background."""
    colours = PALETTES[theme]
    for words in (colours.ink, colours.muted, colours.expressed_text, colours.avoided_text):
        assert contrast(words, colours.background) >= LEAST_CONTRAST


def test_some_ink_is_legible_on_any_colour():
    """Black or white has a contrast of 4.5 on every colour, greys at the worst point included."""
    for level in range(256):
        grey = "#" + 3 * f"{level:02x}"
        assert contrast(legible_on(grey), grey) >= LEAST_CONTRAST
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_tints_run_through_the_palette():
    """The ends and the middle of the tints are those of the palette."""
    for colours in PALETTES.values():
        tints = cell_colours(colours)
        assert len(tints) == 2 * STEPS + 1
        assert (tints[0], tints[STEPS], tints[-1]) == (
            colours.diverging[-1],
            colours.diverging[3],
            colours.diverging[0],
        )


@pytest.mark.parametrize("theme", PALETTES)
def test_dumbbells_are_legible(theme):
    """The figure of two values keeps to the same rules, with long labels and wide numbers."""
    rows = [
        Dumbbell("A claim of many words " * 5, -1234.5, -1299.1, -1400, -1200, "Elo points", 1),
        Dumbbell("模型" * 40, 0.1, 0.2, group="Correlation", digits=2),
    ]
    svg = vl_convert.vegalite_to_svg(
        draw_dumbbells(rows, name="claims", title="Claims", theme=theme).spec()
    )
    for size, fill, text in texts_of(svg):
        assert size * COLUMN / width_of(svg) >= LEAST_SIZE, text
        assert contrast(fill, PALETTES[theme].background) >= LEAST_CONTRAST, text
        assert "-1" not in text


def test_groups_of_traits_are_legible():
    """The figure of groups, which few cohorts have, keeps to the same rules."""
    profiles = simulate(12, LONG)
    analysis = analyse(profiles, n_draws=20)
    held = replace(
        analysis.clusters,
        ward=replace(analysis.clusters.ward, holding=(Cluster(analysis.cohort.traits[:5], 0.9),)),
    )
    svg = vl_convert.vegalite_to_svg(cluster_map(held, analysis.cohort).spec())
    assert 0.88 * COLUMN < width_of(svg) < 1.041 * COLUMN
    for size, fill, text in texts_of(svg):
        assert size * COLUMN / width_of(svg) >= LEAST_SIZE, text
        assert contrast(fill, PALETTES["light"].background) >= LEAST_CONTRAST, text
