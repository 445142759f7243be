"""Figures: rendered for real, at every size, in both themes; legible, honest, harmless."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import vl_convert

from ethogram.analysis.analyse import analyse
from ethogram.analysis.clusters import Cluster
from ethogram.analysis.cohort import form_cohort
from ethogram.errors import InputError
from ethogram.figures.catalogue import CATALOGUE, Subject, choose_figures, file_names
from ethogram.figures.components import component_chart
from ethogram.figures.groups import cluster_map
from ethogram.figures.labels import place_labels
from ethogram.figures.models import convergence_chart, deviation_panels
from ethogram.figures.profiles import distributions, forest, shift_bars
from ethogram.figures.radial import radial
from ethogram.figures.save import draw_figures, save_figures
from ethogram.figures.shades import contrast
from ethogram.figures.similarity import similarity_map
from ethogram.figures.theme import PALETTES
from ethogram.ratings.rate import rate_counts, reference_profiles
from ethogram.ratings.shift import shift

COLUMN = 720  # pixels that docs/cli.md promises


def simulate(n_traits, n_models, seed=0, names=None):
    """Profiles from the win counts of simulated round robins."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n_traits)
    profiles = []
    for i in range(n_models):
        strength = common + 0.6 * rng.normal(size=n_traits)
        chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        upper = np.triu(rng.random(chance.shape) < chance, 1)
        lower = np.triu(~upper, 1).T
        wins = (upper | lower).sum(axis=1).astype(float)
        profiles.append(
            rate_counts(
                [f"trait {t}" for t in range(n_traits)],
                wins,
                total=wins.sum(),
                model=names[i] if names else f"vendor/model-{i}",
            )
        )
    return profiles


@pytest.fixture(scope="module")
def reference():
    return list(reference_profiles().values())


@pytest.fixture(scope="module")
def study(reference):
    """The analysis that the report makes: no group of traits holds under resampling."""
    found = analyse(reference)
    assert found.clusters.ward.holding == found.clusters.density.holding == ()
    return found


@pytest.fixture(scope="module")
def small():
    profiles = simulate(12, 2)
    return profiles, analyse(profiles, n_draws=100)


def svg(figure):
    """Render as a file would be."""
    return vl_convert.vegalite_to_svg(figure.titled().to_dict())


def rows_of(figure):
    """All data rows of a figure."""
    return [row for rows in figure.spec()["datasets"].values() for row in rows]


def check(figure):
    """A figure renders, without a hole in it, and its spec is strict JSON."""
    picture = svg(figure)
    assert "NaN" not in picture
    assert "undefined" not in picture
    assert figure.title in html.unescape(picture)
    json.dumps(figure.spec(), allow_nan=False)
    assert re.search(r"\d", figure.caption)
    return picture


# --- Every figure, every size


def test_every_figure_of_the_study_renders(reference, study):
    """Nine models on 144 traits give every figure but the clusters, of which none holds."""
    figures = draw_figures(reference, study)
    names = [f.name for f in figures]
    assert names[:10] == [
        "radial",
        "ranks",
        "disagreement",
        "shift",
        "similarity",
        "deviations",
        "convergence",
        "components",
        "components-plain",
        "distributions",
    ]
    assert names[10:] == [f"ranked-{name}" for name in file_names([p.model for p in reference])]
    for figure in figures[:11]:
        check(figure)


def test_every_figure_of_the_quick_start_renders_dark(small):
    """Two models on twelve traits give what two models can, in the dark theme."""
    profiles, analysis = small
    figures = draw_figures(profiles, analysis, theme="dark")
    assert {f.name for f in figures} == {
        "radial",
        "ranks",
        "disagreement",
        "shift",
        "similarity",
        "convergence",
        "deviations",
        "distributions",
        "ranked-vendor-model-0",
        "ranked-vendor-model-1",
    }
    for figure in figures:
        assert PALETTES["dark"].background in check(figure)


def test_catalogue_names_are_those_of_the_figures(reference, study, small):
    """A row's name is its figure's; the page leaves out only what the row says."""
    for profiles, analysis in ((reference, study), small):
        subject = Subject(profiles, analysis)
        for entry in CATALOGUE:
            for draw in entry.drawings(subject):
                name = draw(theme="light").name
                assert name == entry.name or name.startswith(f"{entry.name}-")
    two, nine = (
        [draw(theme="light").name for draw in choose_figures(Subject(*of, switches=True), "page")]
        for of in (small, (reference, study))
    )
    assert two == ["radial", "ranks", "shift", "distributions"]
    assert nine == [
        "radial",
        "ranks",
        "shift",
        "similarity",
        "deviations",
        "convergence",
        "components",
        "distributions",
    ]


def test_twenty_models_render():
    """Twenty models of 40 traits fit a column; what has no room for numbers says so."""
    profiles = simulate(40, 20)
    figures = {f.name: f for f in draw_figures(profiles, analyse(profiles, n_draws=40))}
    for name in list(figures)[:10]:
        width = float(re.search(r'<svg[^>]* width="([\d.]+)"', check(figures[name]))[1])
        assert width < 1.041 * COLUMN, name  # as test_legibility allows for labels at an edge
    for name in ("ranks", "similarity"):
        assert "too many models for numbers in the cells" in figures[name].caption


def test_one_model_renders():
    """One model has its radial, its ranked traits and its distribution."""
    profiles = simulate(12, 1)
    figures = draw_figures(profiles, analyse(profiles, n_draws=20))
    assert [f.name for f in figures] == ["radial", "distributions", "ranked-vendor-model-0"]
    for figure in figures:
        check(figure)


def test_a_thousand_traits_draw():
    """Altair's limit of 5,000 rows does not stop ten models on a thousand traits."""
    profiles = [replace(p, model=f"m{i}") for i, p in enumerate(simulate(1000, 1) * 10)]
    assert len(rows_of(radial(form_cohort(profiles)))) > 10_000


# --- What the figures show


def test_radial_wedges_point_outwards_above_the_mean(study):
    """Every trait of every model has a wedge from one circle, outwards exactly above 1000."""
    wedges = [r for r in rows_of(radial(study.cohort)) if "model" in r]
    assert len(wedges) == 144 * 9
    circle = {r["inner"] for r in wedges if r["rating"] > 1000}
    assert circle == {r["outer"] for r in wedges if r["rating"] < 1000}
    assert len(circle) == 1


def test_radial_order_is_that_of_the_mean_rating(study):
    """Going clockwise, mean ratings never rise."""
    means = [r["mean rating"] for r in rows_of(radial(study.cohort)) if "mean rating" in r]
    assert len(means) == 144
    assert means == sorted(means, reverse=True)


def test_forest_is_grey_where_the_interval_holds_the_mean(reference):
    """A trait is coloured only if its interval lies on one side of 1000."""
    rows = [r for r in rows_of(forest(reference[0])) if "side" in r]
    assert len(rows) == 144
    for row in rows:
        clear = row["low"] > 1000 or row["high"] < 1000
        assert clear == (row["side"] != "unclear")
    assert {r["side"] for r in rows} == {"above", "unclear", "below"}


def test_shift_colours_follow_the_corrected_p_value(reference):
    """Bars are coloured by the corrected p-value, and turning the pair turns the figure."""
    there, back = shift(reference[0], reference[1]), shift(reference[1], reference[0])
    rows = [r for r in rows_of(shift_bars(there)) if "side" in r]
    assert len(rows) == 20
    assert all((r["adjusted p"] < 0.05) == (r["side"] != "unclear") for r in rows)
    turned = {r["trait"]: r["shift"] for r in rows_of(shift_bars(back)) if "side" in r}
    assert turned == pytest.approx({r["trait"]: -r["shift"] for r in rows}, rel=1e-3)


def test_similarity_has_measured_below_and_corrected_above(study):
    """The matrix carries both kinds, each 36 times for nine models."""
    kinds = [r["what"] for r in rows_of(similarity_map(study.similarity)) if "what" in r]
    assert kinds.count("as measured") == kinds.count("without noise") == 36


def test_unknown_reliability_leaves_an_empty_cell(study):
    """A correlation that cannot be corrected is null in the spec, not NaN."""
    broken = replace(
        study.similarity,
        spearman=replace(
            study.similarity.spearman,
            disattenuated=np.full_like(study.similarity.spearman.disattenuated, np.nan),
        ),
    )
    check(similarity_map(broken))


def test_deviation_panels_say_when_intervals_are_cut(study):
    """The note on cut intervals stands exactly where one leaves its panel."""
    narrow = replace(
        study.deviations, low=study.deviations.logits - 0.1, high=study.deviations.logits + 0.1
    )
    assert "cut" not in deviation_panels(narrow, study.cohort).caption
    high = narrow.high.copy()
    high[0, narrow.furthest(0, 1)] += 100
    wide = replace(narrow, high=high)
    assert "Intervals that leave a panel are cut" in deviation_panels(wide, study.cohort).caption


def test_component_caption_counts_in_words(study):
    """The caption says how many components stand above the null, for none, one and more."""
    for above, words in ((0, "none stands"), (1, "the first stands"), (3, "the first 3 stand")):
        changed = replace(study.components, above_null=above)
        assert words in component_chart(changed).caption


def test_convergence_draws_models_beside_chance(study):
    """Each tier shows the models' spread and the null model's."""
    rows = [r for r in rows_of(convergence_chart(study.convergence)) if "what" in r]
    assert len(rows) == 2 * 2 * 4
    assert {r["what"] for r in rows} == {"models", "chance"}


def test_clusters_are_drawn_only_if_they_hold(study):
    """Without a holding group there is no figure; with one it shows its traits alone."""
    with pytest.raises(InputError, match="no group of traits holds"):
        cluster_map(study.clusters, study.cohort)
    group = Cluster(study.cohort.traits[:5], 0.9)
    held = replace(study.clusters, ward=replace(study.clusters.ward, holding=(group,)))
    figure = cluster_map(held, study.cohort)
    check(figure)
    assert {r["trait"] for r in rows_of(figure)} == set(group.traits)


def test_distributions_before_and_after(reference):
    """With earlier profiles each model has two shapes and a legend that names them."""
    figure = distributions(reference[:2], before=reference[2:4])
    picture = check(figure)
    assert ">before<" in picture
    assert ">after<" in picture
    assert {r["when"] for r in rows_of(figure)} == {"before", "after"}


def test_captions_state_n_and_what_the_bars_are(reference, study):
    """Every figure with bars or bands says what they are, and each says how much data."""
    figures = {f.name: f for f in draw_figures(reference, study)}
    for name in ("radial", "ranks", "distributions", "deviations", "ranked-gpt-5-1"):
        assert re.search(r"10,2\d\d", figures[name].caption), name
    for name in ("shift", "deviations", "components", "convergence", "ranked-gpt-5-1"):
        assert "95%" in figures[name].caption, name


def test_names_from_outside_stay_text():
    """A model name with quotes and tags neither breaks a figure nor becomes markup."""
    hostile = """x');alert('1\\"<script>alert(1)</script>"""
    profiles = simulate(12, 3, names=[hostile, "b", "c"])
    figures = draw_figures(profiles, analyse(profiles, n_draws=20))
    pictures = {figure.name: svg(figure) for figure in figures}
    assert not [name for name, picture in pictures.items() if "<script" in picture]
    shown = html.escape(hostile.rsplit("/", maxsplit=1)[-1])  # what is left after a slash
    for name in ("distributions", "ranks", "similarity"):
        assert shown in pictures[name], name
    whole = hostile.replace("/", "")
    (alone,) = draw_figures(simulate(12, 1, names=[whole]), only=["ranked"])
    assert whole in html.unescape(svg(alone))


# --- Labels and colours


def test_labels_do_not_overlap_where_there_is_room():
    """Labels of points that crowd together are moved apart."""
    points = [(100.0, 100.0), (104.0, 103.0), (98.0, 106.0), (300.0, 100.0)]
    labels = place_labels(
        points, ["alpha", "beta", "gamma", "delta"], points, width=400, height=300
    )
    boxes = [
        (
            r["x"] - 0.27 * 11 * len(r["text"]),
            r["y"] - 6,
            r["x"] + 0.27 * 11 * len(r["text"]),
            r["y"] + 6,
        )
        for r in labels
    ]
    for a, b in combinations(boxes, 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
    assert labels[3]["y"] == 100.0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(theme):
    """Text meets WCAG AA on its background, and marks the 3 to 1 asked of graphics."""
    colours = PALETTES[theme]
    assert contrast(colours.ink, colours.background) > 7
    assert contrast(colours.muted, colours.background) > 4.5
    assert contrast(colours.expressed, colours.background) > 3
    assert contrast(colours.avoided, colours.background) > 3


# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
BLINDNESS = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, matrix):
    """CIE L*a*b* of a colour as seen through a colour blindness."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ seen
        / (0.9505, 1.0, 1.089)
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_stay_apart_for_the_colour_blind(theme, blindness):
    """Expressed, avoided and undecided differ by far more than is just noticeable (about 2)."""
    colours = PALETTES[theme]
    matrix = BLINDNESS[blindness]
    for one, other in combinations((colours.expressed, colours.avoided, colours.muted), 2):
        assert np.linalg.norm(lab(one, matrix) - lab(other, matrix)) > 15


# --- Files


def test_files_are_what_their_endings_say(small, tmp_path):
    """SVG, PNG, PDF and JSON are written for every figure, titled and captioned."""
    profiles, analysis = small
    paths = save_figures(
        profiles,
        tmp_path / "out",
        formats=("svg", "png", "pdf", "json"),
        analysis=analysis,
        scale=1,
    )
    assert len(paths) == 4 * 10
    start = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}
    for path in paths:
        assert path.read_bytes().startswith(start[path.suffix[1:]]), path.name
    assert "The shape of character" in (tmp_path / "out" / "radial.svg").read_text()
    assert "12 traits of 2 models" in (tmp_path / "out" / "radial.svg").read_text()


def test_unknown_format_and_theme_are_refused(small, tmp_path):
    """A wrong format or theme is named, with what was expected, before anything is written."""
    profiles, analysis = small
    with pytest.raises(InputError, match="format is 'gif', expected one of svg, png, pdf, json"):
        save_figures(profiles, tmp_path / "out", formats=("gif",), analysis=analysis)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="theme is 'sepia', expected 'light' or 'dark'"):
        draw_figures(profiles, analysis, theme="sepia")


def test_file_names_are_plain_and_distinct():
    """Labels become small letters, digits and hyphens; what collides is numbered."""
    assert file_names(["A/b 1", "a-b-1", "../x", "///"]) == ["a-b-1", "a-b-1-2", "x", "model"]
