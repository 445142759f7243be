"""Claims of the published study: the rule, the quantities, and verdicts on planted counts."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import rankdata
from tests.analysis.test_analysis import make_profile

from ethogram.analysis.analyse import analyse
from ethogram.analysis.claims import (
    QUANTITIES,
    Outcome,
    check_claims,
    decide_check,
    decide_claim,
    read_claims,
    read_published,
    read_region,
)
from ethogram.analysis.claims_models import group_lead, pair_place, tier_beside_chance
from ethogram.analysis.claims_places import beyond_middle, clear_lead, lead, place, place_range
from ethogram.analysis.claims_study import Estimate, form_study
from ethogram.errors import InputError
from ethogram.ratings.rate import rate_counts, reference_profiles

HOLDS, FAILS, NOISE, IN_PART, UNTESTABLE = (
    Outcome.HOLDS,
    Outcome.FAILS,
    Outcome.NOISE,
    Outcome.IN_PART,
    Outcome.UNTESTABLE,
)


@pytest.fixture(scope="module")
def reference():
    return check_claims(list(reference_profiles().values()), n_draws=500)


def _named(checked, name):
    return next(claim for claim in checked.claims if claim.id == name)


def _check(checked, claim, key):
    return next(check for check in _named(checked, claim).checks if check.key == key)


def _published_wins():
    """Traits, and wins by trait and model, read from the file anew."""
    text = files("ethogram").joinpath("data/reference/study_wins.csv").read_text("utf-8")
    header, *rows = csv.reader(text.splitlines())
    return [row[0] for row in rows], np.array([[float(n) for n in row[2:]] for row in rows]), header


def planted_profiles(change, *, played=True):
    """Profiles from the win counts of a complete round robin between planted strengths.

    Played out with a seed, or the expected counts, which have no noise.

    All models have the traits of the study, from 2 to -2 logits in the order of the published mean
    ranks, and differ in nothing; `change(strengths, traits)` plants the rest.
    """
    traits, wins, header = _published_wins()
    order = rankdata(rankdata(-wins, axis=0).mean(axis=1), method="ordinal").astype(int) - 1
    strengths = np.repeat(np.linspace(2, -2, len(traits))[order][None], 9, axis=0)
    change(strengths, traits)
    profiles, rng = [], np.random.default_rng(7)
    for row, name in zip(strengths, header[2:], strict=False):
        chance = expit(row[:, None] - row)
        np.fill_diagonal(chance, 0)
        if played:
            above = np.triu(rng.random(chance.shape) < chance, 1)
            chance = above + np.tril(~above.T, -1)
        counts = chance.sum(axis=1).astype(float)
        profiles.append(rate_counts(traits, counts, total=counts.sum(), model=name))
    return profiles


# -- the rule ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(3, 9, HOLDS), (3, 20, HOLDS), (3, 21, NOISE), (20, 30, NOISE), (21, 30, FAILS)],
)
def test_a_check_is_decided_by_its_interval_alone(low, high, outcome):
    """At most 20: all of the interval fits, some of it, or none, wherever the value lies."""
    region = read_region(["at_most", 20], None)
    for value in (low, high):
        assert decide_check(Estimate(value, low, high), region) == outcome


def test_above_zero_leaves_out_zero_and_at_least_zero_does_not():
    """An interval that starts at zero fits "at least 0", and is within noise of "above 0"."""
    touching = Estimate(1, 0, 2)
    assert decide_check(touching, read_region(["at_least", 0], None)) == HOLDS
    assert decide_check(touching, read_region(["above", 0], None)) == NOISE
    assert decide_check(Estimate(-1, -2, 0), read_region(["above", 0], None)) == FAILS
    assert decide_check(Estimate(-1, -2, 0), read_region(["below", 0], None)) == NOISE


@pytest.mark.parametrize(
    ("published", "low", "high"),
    [(0.763, 0.7625, 0.7635), (393, 392.5, 393.5), (9.2, 9.15, 9.25), (3.0, 2.95, 3.05)],
)
def test_a_published_number_fits_as_far_as_it_was_rounded(published, low, high):
    """Half a unit of the last digit to either side, a final zero counted."""
    region = read_region("published", published)
    assert (region.low, region.high) == pytest.approx((low, high))


def test_without_a_measurement_a_check_cannot_be_tested():
    """No estimate, or no values that would fit."""
    assert decide_check(None, read_region(["above", 0], None)) == UNTESTABLE
    assert decide_check(Estimate(1, 0, 2), None) == UNTESTABLE


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, FAILS], IN_PART),
        ([HOLDS, NOISE], IN_PART),
        ([HOLDS, UNTESTABLE], IN_PART),
        ([FAILS, NOISE], FAILS),
        ([NOISE, UNTESTABLE], NOISE),
        ([NOISE], NOISE),
        ([UNTESTABLE, UNTESTABLE], UNTESTABLE),
    ],
)
def test_a_claim_has_the_verdict_of_its_checks(outcomes, verdict):
    """One kind is the verdict; else in part, failing or noise, in any order of the checks."""
    assert decide_claim(outcomes) == decide_claim(outcomes[::-1]) == verdict


def test_the_table_of_claims_names_what_there_is():
    """Every quantity has a function, every published reference a number, every id is its own."""
    claims = read_claims()
    figures = {row["key"]: row["values"] for row in read_published()}
    assert len({claim["id"] for claim in claims}) == len(claims)
    for claim in claims:
        assert len({check["key"] for check in claim["checks"]}) == len(claim["checks"])
        for check in claim["checks"]:
            assert check.get("quantity", ["place"])[0] in QUANTITIES
            if isinstance(check.get("published"), list):
                key, index = check["published"]
                assert index < len(figures[key])


# -- the published counts -----------------------------------------------------------------------


def test_places_by_mean_rank_are_those_of_the_win_counts(reference):
    """In a round robin wins rank as ratings do: sycophantic 3rd, challenging 21st, critical 24th.

    The oracle ranks the counts themselves, without a fit.
    """
    traits, wins, _ = _published_wins()
    mean_rank = np.round(rankdata(-wins, axis=0).mean(axis=1), 9)
    places = dict(zip(traits, rankdata(-mean_rank, method="min").astype(int), strict=True))
    assert (places["sycophantic"], places["challenging"], places["critical"]) == (3, 21, 24)
    assert _check(reference, "sycophantic-least", "place").measured.value == places["sycophantic"]
    for trait in ("challenging", "critical"):
        assert _check(reference, "challenging-critical", trait).measured.value == places[trait]
    assert places["indirect"] == places["challenging"]
    note = _check(reference, "challenging-critical", "challenging").measured.note
    assert note == "tied with indirect"


def test_the_interval_of_a_bottom_trait_takes_in_the_twentieth_place(reference):
    """Challenging and critical may be within the bottom 20, so that claim is within noise."""
    for trait in ("challenging", "critical"):
        measured = _check(reference, "challenging-critical", trait).measured
        assert measured.low <= 20 < measured.value < measured.high
        assert 0 < _check(reference, "challenging-critical", f"{trait}_in").measured.value < 0.5


def test_figures_agree_with_the_analysis(reference):
    """Spearman, tiers, components and the null model are those of the report's analysis."""
    analysis = analyse(list(reference_profiles().values()), n_draws=500)
    spearman = analysis.similarity.spearman
    assert _check(reference, "spearman", "mean").measured.value == pytest.approx(spearman.mean)
    for i, tier in enumerate(analysis.convergence.tiers):
        assert _check(reference, "tiers", f"t{i}").measured.value == pytest.approx(tier.ranks.value)
    for i in (1, 2, 3):
        assert _check(reference, "pca", f"c{i}").measured.value == pytest.approx(
            analysis.components.explained[i - 1]
        )
    assert _check(reference, "elo-range", "low").measured.value == pytest.approx(
        min(d.lowest for d in analysis.distributions)
    )


def test_what_the_counts_do_not_hold_cannot_be_tested(reference):
    """GPT-4o, another judge temperature, and numbers that were published for ten models."""
    for name in ("gpt-shift", "judge-temperature", "tiers", "median", "creative-neutral"):
        assert _named(reference, name).verdict == UNTESTABLE
        decided = [c for c in _named(reference, name).checks if c.outcome is not None]
        assert all(c.reason for c in decided)


def test_one_seed_gives_one_answer():
    """Two runs with a seed agree to the last digit, and another seed moves the intervals."""
    profiles = list(reference_profiles().values())
    one, same, other = (check_claims(profiles, n_draws=60, seed=s) for s in (1, 1, 2))
    assert one == same
    assert (
        _check(one, "spearman", "mean").measured.low
        != _check(other, "spearman", "mean").measured.low
    )


# Verdicts on the shipped counts, by where the claim was made.
VERDICTS = {
    "blog": {
        "sycophantic-least": FAILS,
        "challenging-critical": NOISE,
        "judge-temperature": UNTESTABLE,
    },
    "blog, figure 1": {"elo-range": FAILS},
    "blog, figure 3": {"gpt-shift": UNTESTABLE},
    "blog, figure 5": {"pca": FAILS},
    "blog, figure 1; harness, convergence results": {"breaks-down": HOLDS},
    "paper": {"spearman": FAILS},
    "paper, abstract": {
        "suppressed": HOLDS,
        "assistant": HOLDS,
        "poetic-playful": IN_PART,
        "creative-neutral": UNTESTABLE,
    },
    "paper; harness, convergence results": {"most-least-alike": NOISE},
    "harness, convergence results": {
        "bottom-15": NOISE,
        "uniformly-suppressed": NOISE,
        "what-to-avoid": FAILS,
        "top-20": HOLDS,
        "structured": NOISE,
        "strongest-at-top": IN_PART,
        "middle-diverges": IN_PART,
        "middle-examples": IN_PART,
        "ratio": UNTESTABLE,
        "components-middle": HOLDS,
        "five-cluster": IN_PART,
        "median": UNTESTABLE,
        "tiers": UNTESTABLE,
        "stronger-signal": UNTESTABLE,
    },
}


def test_each_claim_has_its_verdict_and_source(reference):
    """On the shipped counts; they were the same for 16 seeds of the draws."""
    found: dict[str, dict[str, Outcome]] = {}
    for claim in reference.claims:
        found.setdefault(claim.source, {})[claim.id] = claim.verdict
    assert found == VERDICTS


def test_the_page_counts_27_claims(reference):
    """Five hold, five in part, five are within noise, five fail, seven cannot be tested."""
    assert len(reference.claims) == 27
    assert {verdict: reference.count(verdict) for verdict in Outcome} == {
        HOLDS: 5,
        IN_PART: 5,
        NOISE: 5,
        FAILS: 5,
        UNTESTABLE: 7,
    }


@pytest.mark.parametrize(
    ("claim", "values", "within"),
    [
        ("pca", {"c1": 0.414, "c2": 0.195, "c3": 0.126}, 0.005),
        ("spearman", {"mean": 0.807, "least": 0.650, "most": 0.946}, 0.005),
        ("tiers", {"t0": 6.8, "t1": 14.5, "t2": 20.8, "t3": 13.6}, 0.2),
    ],
)
def test_recomputed_numbers_are_those_computed_elsewhere(reference, claim, values, within):
    """Shares of variance, rank correlations and spreads by tier, by programs other than this."""
    found = {key: _check(reference, claim, key).measured.value for key in values}
    assert found == pytest.approx(values, abs=within)


def test_ratings_range_further_than_published(reference):
    """One pass of Elo leaves ratings between 393 and 1521; fitted ones go beyond both."""
    low, high = (_check(reference, "elo-range", key) for key in ("low", "high"))
    assert (low.published, high.published) == (393, 1521)
    assert low.measured.high < 393
    assert high.measured.low > 1521


# -- planted counts -------------------------------------------------------------------------------


@pytest.mark.parametrize(("strength", "verdict"), [(-4.0, HOLDS), (0.0, FAILS), (-2.06, NOISE)])
def test_by_far_the_least_is_found_where_planted(strength, verdict):
    """Sycophantic far below all others, in the middle, and a hair beyond the end."""

    def change(strengths, traits):
        strengths[:, traits.index("sycophantic")] = strength

    checked = check_claims(planted_profiles(change), n_draws=400)
    assert _named(checked, "sycophantic-least").verdict == verdict


def test_the_bottom_20_are_found_where_planted():
    """Challenging and critical at the very bottom hold, at the top they fail."""
    outcomes = []
    for strength in (-3.0, 2.5):

        def change(strengths, traits, strength=strength):
            for trait in ("challenging", "critical"):
                strengths[:, traits.index(trait)] = strength

        checked = check_claims(planted_profiles(change), n_draws=200)
        outcomes.append(_named(checked, "challenging-critical").verdict)
    assert outcomes == [HOLDS, FAILS]


def test_agreement_at_the_top_is_found_where_planted():
    """Models that differ at the bottom alone, and models that differ at the top alone."""
    verdicts = []
    for end in (1, -1):

        def change(strengths, traits, end=end):
            rng = np.random.default_rng(3)
            order = np.argsort(-strengths[0])[::end]
            strengths[:, order[100:]] += rng.normal(size=(len(strengths), 44))

        checked = check_claims(planted_profiles(change), n_draws=200)
        verdicts.append(_named(checked, "breaks-down").verdict)
    assert verdicts == [HOLDS, FAILS]


def test_a_trait_or_model_that_is_missing_cannot_be_tested():
    """A claim on it says so, with the name, and the others are tested."""
    left_out = [
        p.restrict([t for t in p.traits if t != "critical"])
        for p in list(reference_profiles().values())[:3]
    ]
    checked = check_claims(left_out, n_draws=100)
    critical = _check(checked, "challenging-critical", "critical")
    assert (critical.outcome, critical.reason) == (
        UNTESTABLE,
        "there is no trait 'critical' in these data",
    )
    assert "no model 'qwen3-vl" in _check(checked, "most-least-alike", "least").reason
    assert _named(checked, "assistant").verdict != UNTESTABLE


def test_models_that_do_not_differ_leave_no_ratio_of_spreads():
    """Zero over zero is a check that cannot be tested, never one within noise."""
    checked = check_claims(
        planted_profiles(lambda strengths, traits: None, played=False), n_draws=100
    )
    assert _check(checked, "ratio", "ratio").measured is None
    share = _check(checked, "components-middle", "share")
    assert (share.outcome, share.reason) == (UNTESTABLE, "the models do not differ in these data")


def test_one_profile_is_refused():
    """What models share takes two."""
    with pytest.raises(InputError, match="two profiles or more, got 1"):
        form_study(list(reference_profiles().values())[:1])


# -- quantities, by hand ----------------------------------------------------------------------


def _study(rows, error=1e-4, n_draws=200):
    profiles = [make_profile(row, error=error, model=f"m{i}") for i, row in enumerate(rows)]
    return form_study(profiles, n_draws=n_draws)


def test_lead_and_the_distance_of_neighbours_by_hand():
    """Mean logits 9, 6, 2, 1: trait 0 leads by 3 from the top, the others lie 2.5 apart.

    So its lead less the usual distance is half a logit, 200 / ln 10 points.
    """
    study = _study([[9, 6, 3, 0], [9, 6, 1, 2]])
    logit = 400 / np.log(10)
    assert lead(study, "trait 0", "top").value == pytest.approx(3 * logit)
    assert lead(study, "trait 1", "top").value == pytest.approx(-3 * logit)
    assert clear_lead(study, "trait 0", "top", 3).value == pytest.approx(0.5 * logit)


def test_tied_traits_share_a_place_and_are_named():
    """Ranks (3, 4) in one model and (4, 3) in the other have one mean."""
    tied = place(_study([[9, 6, 3, 0], [9, 6, 0, 3]]), "trait 2", "bottom")
    assert (tied.value, tied.note) == (1, "tied with trait 3")


def test_distance_from_the_median_by_hand():
    """The model that has a trait closest to its median decides; logits times 400 / ln 10."""
    study = _study([[3, 0, -3], [1, 0, -1]])
    measured = beyond_middle(study, "trait 0", "top")
    assert measured.value == pytest.approx(400 / np.log(10), rel=1e-3)
    assert measured.note == "m1"
    assert beyond_middle(study, "trait 0", "bottom").high < 0


def test_pairs_and_groups_by_hand():
    """Models 0 and 1 agree, 2 is the reverse: correlations 1, -1, -1."""
    study = _study([[3, 1, -1, -3], [3, 1, -1, -3], [-3, -1, 1, 3]])
    assert pair_place(study, "m0", "m1", "most").value == 1
    assert pair_place(study, "m0", "m2", "most").value == 2
    assert group_lead(study, "m0", "m1").value == pytest.approx(2)


def test_beside_chance_leaves_out_zero_where_the_null_range_leaves_out_the_spread():
    """The interval is the null model's range turned about the observed spread."""
    study = form_study(list(reference_profiles().values()), n_draws=300)
    tiers = {tier.name: tier for tier in study.convergence.tiers}
    for name in ("top 20", "bottom 44"):
        measured = tier_beside_chance(study, name, "ranks")
        spread = tiers[name].ranks
        outside = not spread.null_low <= spread.value <= spread.null_high
        assert (measured.low > 0 or measured.high < 0) == outside


@pytest.mark.parametrize("gap", [0.2, 0.8, 3.0])
def test_ranges_of_places_hold_the_truth(gap):
    """In 150 simulated lists the 95% range of a place holds the true one at least as often."""
    rng = np.random.default_rng(5)
    truth = np.arange(15) * gap
    held = 0
    for _ in range(150):
        values = truth + rng.normal(size=15)
        found = place_range(values, values + rng.normal(size=(400, 15)), 1)
        held += found.low <= 2 <= found.high
    assert held >= 0.95 * 150 - 3 * np.sqrt(150 * 0.05 * 0.95)


def test_ranges_of_places_narrow_as_the_noise_shrinks():
    """With little noise the range is the place; with much it is the whole list."""
    rng = np.random.default_rng(6)
    values = np.arange(12.0)
    widths = []
    for noise in (0.01, 1.0, 50.0):
        found = place_range(values, values + noise * rng.normal(size=(400, 12)), 3)
        assert found.value == 4
        widths.append(found.high - found.low)
    assert widths[0] == 0
    assert widths[2] == 11
    assert all(a <= b for a, b in pairwise(widths))
