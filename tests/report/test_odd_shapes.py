"""Reports on what studies seldom are: no trait in common, a judge by chance, one comparison."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.report.test_report import _Elements, _simulated

from ethogram.figures import catalogue
from ethogram.figures.catalogue import CATALOGUE
from ethogram.ratings.rate import rate
from ethogram.ratings.results import Unrated, rate_all
from ethogram.report import page_tables
from ethogram.report.content import DOUBT, build_report
from ethogram.report.findings import find_headlines
from ethogram.report.judge import untested
from ethogram.report.leads import alike_words
from ethogram.report.page import render_page
from ethogram.report.summary import render_json, render_markdown
from ethogram.store.read import StageCount

SPREAD = np.linspace(-1.5, 1.5, 8)


def _data(strengths, *, names="trait", n=2000, seed=0, **said):
    data = _simulated(np.asarray(strengths, float), n=n, seed=seed)
    return replace(data, traits=tuple(f"{names}{i}" for i in range(len(strengths))), **said)


def _report(data, **options):
    profiles = [rate(one) for one in data]
    return build_report(profiles, title="t", source="table", comparisons=data, **options)


@pytest.mark.parametrize("shared", [0, 2])
def test_models_of_other_traits_are_not_compared(shared):
    """A page is written, and says how many traits they have in common, not that nothing is seen."""
    other = _data(SPREAD, names="other", model="b", seed=1)
    other = replace(
        other, traits=tuple([f"trait{i}" for i in range(shared)]) + other.traits[shared:]
    )
    report = _report([_data(SPREAD, model="a"), other])
    headline = report.views[0].headline
    if shared:  # both of them are low in both lists
        assert headline == "Both models shy away from trait0 and trait1"
    else:
        assert headline == "No trait was asked of both models"
    page = render_page(report)
    assert ('id="strip"' in page) == bool(shared)
    assert "of 0 traits" not in page


def test_traits_and_comparisons_are_counted_of_what_is_rated():
    """A model without a rating has no part in what the ratings are computed from."""
    lost = Unrated("c", "judge", "", 7, 3, "no scale")
    report = _report(
        [_data(SPREAD, model="a"), _data(SPREAD[:6], model="b", n=900)], unrated=[lost]
    )
    assert "900 to 2,000 comparisons per model of two models on 6 to 8 traits" in report.measured
    nothing = build_report([], title="t", source="table", unrated=[replace(lost, n=1)])
    assert nothing.measured.startswith("Nothing could be rated from a file of comparisons: 1 ")
    assert "1 comparison of c." in nothing.measured


def test_a_store_without_a_verdict_says_what_is_planned():
    """Once that nothing was judged, then how much is to come; nothing of a judge of no verdicts."""
    stage = StageCount("elicit", "m", "", "main", "", planned=45, done=0, truncated=0, named=0)
    for stages, words in (
        ([stage], "45 of 45 planned replies and verdicts are still to come."),
        ([], "The store holds no study yet."),
    ):
        page = render_page(build_report([], title="t", stages=stages))
        opening = page[page.index('<section id="findings"') :].split("</section>")[0]
        assert opening.count("Nothing has been judged yet") == 1
        assert f"<p>{words}</p>" in opening
        assert "verdict-note" not in opening
        assert "There is no study to describe yet." in page


def test_what_is_not_rated_names_judge_and_condition():
    """Two judges may each have lost the same model."""
    lost = [Unrated("c", judge, "likes", 1, 0, "no scale") for judge in ("owl", "jay")]
    report = build_report([], title="t", unrated=lost)
    markdown = render_markdown(report, "t.html")
    for text in (_Elements(render_page(report)).words, markdown):
        assert "c, judged by owl, condition likes" in text
        assert "c, judged by jay, condition likes" in text
    assert "1 comparison has a verdict" in _Elements(render_page(report)).words
    assert "**Nothing could be rated yet.**" in markdown


def test_any_two_models_are_alike_only_where_the_least_alike_are():
    """Two of three are the same and the third is turned: on average they agree, any two do not."""
    rng = np.random.default_rng(1)
    common = rng.normal(0, 1, 24)
    odd = common.copy()
    odd[:12] = odd[:12][::-1]
    same = _report([_data(common, model=f"m{i}", seed=i, n=9000) for i in range(3)]).views[0]
    mixed = _report(
        [_data(s, model=f"m{i}", seed=i, n=9000) for i, s in enumerate((common, common, odd))]
    ).views[0]
    assert alike_words(same.analysis.similarity) == (
        "Any two models order the traits almost the same way"
    )
    assert same.heads["similarity"].startswith("Any two models")
    assert mixed.analysis.similarity.spearman.mean_low > 0
    assert mixed.heads["similarity"].startswith("On average, two models")
    assert any(f.text.startswith("On average, two models") for f in mixed.findings)


def test_a_perfect_order_of_few_comparisons_is_not_sure():
    """Two models of five comparisons that order three traits alike need not be alike."""
    few = [_data([-1.0, 0.0, 1.0], model=m, n=24, seed=3) for m in "ab"]
    similarity = _report(few).views[0].analysis.similarity
    rho = similarity.spearman
    assert rho.value[0, 1] == pytest.approx(1)
    assert rho.low[0, 1] < 0.9
    assert rho.high[0, 1] == pytest.approx(1)


def test_a_judge_by_chance_makes_no_claims():
    """Heads stay plain, and the findings are under a sentence that says what they are of."""
    common = [_data(3 * SPREAD, model=m, seed=i, judge="owl") for i, m in enumerate("abc")]
    told = replace(untested(["owl"]), tested=True, blind=("owl",))
    report = _report(common, judge=told)
    (view,) = report.views
    assert view.heads == {}
    assert _report(common).views[0].heads
    for text in (_Elements(render_page(report)).words, render_markdown(report, "t.html")):
        assert DOUBT in text
    assert json.loads(render_json(report))["doubt"] == DOUBT
    assert DOUBT not in render_page(_report(common))


def test_caveats_of_shifts_name_their_view_and_pair():
    """What is said of a pair is not said of all; what is true of all pairs stands once."""
    sets = [_data(SPREAD, model="a"), _data(SPREAD, model="b", seed=1)]
    longer = [_data(np.linspace(-1, 1, 8 + i), model=m, seed=i) for i, m in ((1, "c"), (3, "d"))]
    left_out = [
        (label, text) for label, text in _report([*sets, *longer]).caveats if "left" in text
    ]
    assert ("c to d", "2 traits are on one side only and left out.") in left_out
    both = "a to c and b to c"
    assert (both, "1 trait is on one side only and left out.") in left_out
    assert ("Pairs with d", "3 traits are on one side only and left out.") not in left_out
    assert ("a to d and b to d", "3 traits are on one side only and left out.") in left_out
    two_views = [
        *sets[:2],
        *(replace(one, judge="jay") for one in (_data(0 * SPREAD, model=m) for m in "ab")),
    ]
    noisy = [label for label, text in _report(two_views).caveats if "is noise" in text]
    assert noisy
    assert set(noisy) == {"jay"}


def test_models_that_rank_all_alike_have_their_page():
    """No spread of ranks at all, in the models and by chance: the chart of agreement is drawn."""
    report = _report([_data([-2.0, 0.0, 2.0], model=m, seed=i) for i, m in enumerate("abc")])
    assert report.views[0].analysis.similarity.spearman.least == (0, 1)
    assert 'id="figure-convergence"' in render_page(report)


def test_no_more_than_all_variance_is_noise():
    """Models of equal traits: their noise can be more than what is seen of them."""
    few = [_data(0 * SPREAD, model=m, n=40, seed=i) for i, m in enumerate("abcd")]
    texts = [text for s in _report(few).views[0].shifts.values() for text in s.caveats]
    shares = [text.split()[0] for text in texts if "of the variance" in text]
    assert "All" in shares
    assert all(share == "All" or int(share.rstrip("%")) < 100 for share in shares)


def test_a_view_without_a_judge_says_so():
    """One judge has a name and the other has none."""
    views = _report([_data(SPREAD, model="a", judge=judge) for judge in ("", "jay")]).views
    assert {view.said for view in views} == {"Judge not named.", "Judged by jay."}


def test_a_single_loss_is_one():
    """Numbers and verbs agree."""
    (profile,) = rate_all([replace(_data([0.0, 0.5, 1.0], n=12), lost=1)]).profiles
    (loss,) = (f for f in find_headlines([profile], ["m"], None, []) if f.section == "losses")
    assert loss.text.startswith("1 of 13 planned comparisons of m has no verdict")


def test_models_of_which_each_has_its_own_favourite_share_none():
    """That nothing is shared is not that no model favours anything."""
    one, other = np.zeros(10), np.zeros(10)
    one[0], other[0], one[1], other[1] = 3, -3, -3, 3
    headline = (
        _report([_data(s, model=m, n=900) for m, s in (("a", one), ("b", one), ("c", other))])
        .views[0]
        .headline
    )
    assert headline == "Three models share no clear favourite; c stands apart on trait0"


def test_very_many_traits_are_cut_and_the_cut_is_said(monkeypatch):
    """Beyond the limits the page has the ends of its tables and no wheel, and says both."""
    monkeypatch.setattr(page_tables, "MOST_ROWS", 10)
    wheel = replace(CATALOGUE[0], most=11)
    monkeypatch.setattr(catalogue, "CATALOGUE", (wheel, *CATALOGUE[1:]))
    data = [_data(np.linspace(-1, 1, 12), model=m, seed=i) for i, m in enumerate("ab")]
    report = _report(data)
    page = render_page(report)
    assert 'id="figure-radial"' not in page
    assert 'id="figure-distributions"' in page
    assert "The figure “radial” of 12 traits would have too many marks" in report.notes[0]
    assert page.count("The 5 highest and the 5 lowest of 12 traits; the JSON has all.") == 2
    assert len(json.loads(_Elements(page).data["data"])["views"][0]["profiles"][0]["rows"]) == 12
    assert "Show all 12" not in page  # a list of ten is not folded
    assert build_report(report.profiles[:1], title="t").notes != ()
