"""The three findings of the first screen: one sentence each, with its interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.report.test_headline import SPREAD, _profile, _view

from ethogram.analysis.analyse import analyse
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.rate import reference_profiles
from ethogram.report import heads as module
from ethogram.report.heads import losses_claim, section_claims
from ethogram.report.leads import lead_findings
from ethogram.store.read import StageCount


@pytest.fixture(scope="module")
def study():
    """The published study's profiles and their analysis."""
    profiles = list(reference_profiles().values())
    return profiles, analyse(profiles)


@pytest.mark.parametrize("models", [1, 2, 4])
def test_three_sentences_each_with_an_interval(models):
    """One, two and many models have three findings; each is one sentence with small print."""
    profiles = [_profile(SPREAD, seed=s, model=f"m{s}") for s in range(models)]
    leads = _view(*profiles).findings[:3]
    assert len(leads) == 3
    for finding in leads:
        assert finding.interval
        assert finding.text.endswith(".")
        assert ". " not in finding.text
        assert "-" not in finding.interval.replace("m-", "")


def test_numbers_are_those_of_the_analysis(study):
    """The mean correlation, the largest gap and its interval, as analysed."""
    profiles, analysis = study
    shared, alike, apart = lead_findings(profiles, analysis.cohort.models, analysis, [])
    rho = analysis.similarity.spearman
    assert f"correlation of {rho.mean:.2f}" in alike.text
    assert f"{rho.mean_low:.2f} to {rho.mean_high:.2f}" in alike.interval
    d = analysis.deviations
    m, i = np.unravel_index(np.where(d.significant, np.abs(d.logits), -1).argmax(), d.logits.shape)
    points = ELO_PER_LOGIT * d.logits[m, i]
    assert f"{d.models[m]} on {d.traits[i]}, {abs(points):.0f} Elo points" in apart.text
    low, high = (ELO_PER_LOGIT * v[m, i] for v in (d.low, d.high))
    assert f"−{-low:.0f} to −{-high:.0f}" in apart.interval
    assert shared.text.startswith("Two traits rank in the top half for all nine models")


def test_noise_is_not_made_a_finding():
    """Models of equal traits agree on nothing that is told."""
    profiles = [_profile(np.zeros(10), n=200, seed=s, model=f"m{s}") for s in range(3)]
    texts = [f.text for f in _view(*profiles).findings[:3]]
    assert texts[0].startswith("No trait clearly ranks in the same half")
    assert texts[1].startswith("The models do not clearly order the traits alike")
    assert texts[2].startswith("No model differs from the mean of the others")


def test_ratings_that_are_all_the_same_have_no_first_and_no_precision():
    """Of a judge of nothing but ties: no trait is named, and no error of 0 points is claimed."""
    profile = _profile(SPREAD, model="m0")
    none = np.zeros_like(profile.strengths)
    flat = replace(profile, strengths=none, low=none, high=none, covariance=0 * profile.covariance)
    (only,) = lead_findings([flat], ["m0"], None, [])
    assert only.text.startswith(f"All {len(none)} traits of m0 are rated the same: nothing in the")
    assert only.interval == "ratings: 1000 each"


def test_correlations_end_at_one():
    """The bootstrap's upper end may lie above 1; no reader is told so."""
    profiles = [_profile(SPREAD, n=900, seed=s, model=f"m{s}") for s in (1, 2)]
    (alike,) = (f for f in _view(*profiles).findings if "correlate" in f.text)
    assert max(float(word.rstrip(";.")) for word in alike.interval.split() if "." in word) <= 1


# -- heads of sections ---------------------------------------------------------------------------


def test_heads_claim_what_the_intervals_carry(study):
    profiles, analysis = study
    heads = section_claims(profiles, analysis)
    assert heads["table"] == "Two traits rank high and four rank low in all nine models"
    assert heads["similarity"] == "On average, two models order the traits much alike"
    assert heads["convergence"] == (
        "Models agree more than chance on places 21 to 50; on the top 20 it depends on the measure"
    )
    differing = int(analysis.deviations.significant.any(axis=0).sum())
    assert heads["deviations"].startswith(f"On {differing} of 144 traits some model differs")


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ({"top 5": ("more", "no")}, "agree more than chance on the top 5 depends"),
        ({"top 5": ("no", "less")}, "differ more than chance on the top 5 depends"),
        (
            {"top 5": ("more", "no"), "6 to 9": ("no", "less")},
            "agree more or less than chance on the top 5 and places 6 to 9 depends",
        ),
    ],
)
def test_a_tier_that_depends_on_the_measure_says_in_which_way(study, monkeypatch, sides, words):
    """In one measure more or less than chance, in the other neither."""
    profiles, analysis = study
    monkeypatch.setattr(module, "tier_sides", lambda convergence: sides)
    head = section_claims(profiles, analysis)["convergence"]
    assert head == f"Whether models {words} on the measure"


def test_heads_without_a_claim_stay_plain():
    """Noise leaves no claim to make."""
    profiles = [_profile(np.zeros(10), n=200, seed=s, model=f"m{s}") for s in range(3)]
    assert section_claims(profiles, analyse(profiles)) == {}
    assert section_claims(profiles[:1], analyse(profiles[:1])) == {}


def test_losses_are_the_head_of_their_section():
    stage = StageCount("elicit", "m", "", "main", "", planned=40, done=39, truncated=0, named=0)
    assert "still to come" in losses_claim([stage])
    lost = [StageCount("elicit", "m", "", "main", "", 40, 39, 0, 0, losses={"empty": 1})]
    assert losses_claim(lost) == "1 of 40 planned replies and verdicts was lost"
    whole = StageCount("elicit", "m", "", "main", "", 40, 40, 0, 0)
    assert losses_claim([whole]) == "None of the 40 planned replies and verdicts was lost"
