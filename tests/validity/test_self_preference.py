"""Self-preference of judges on planted replies."""

from dataclasses import replace

import numpy as np
import pytest

from ethogram.design import plant_pairs
from ethogram.errors import InputError
from ethogram.validity.accuracy import collect_plants
from ethogram.validity.self_preference import self_preference

NAMES = [f"t{i}" for i in range(20)]
FAVOUR = np.repeat([1.0, 0.0], 10)


def judged(accuracy, *, seed, kind=0.0, judge="j"):
    """The same plants answered by models "own" and "other".

    The judge finds the planted trait with `accuracy[model]`; on replies of "own" it names the more
    favourable trait without looking in a share `kind`.
    """
    rng = np.random.default_rng(seed)
    planted, foil, first = (np.tile(x, 2) for x in plant_pairs(20, n_trials=400, share=1.0))
    n = len(planted) // 2
    model = ["own"] * n + ["other"] * n
    hit = rng.random(2 * n) < np.array([accuracy[name] for name in model])
    lead = FAVOUR[planted] - FAVOUR[foil]
    kindly = (rng.random(2 * n) < kind) & (np.array(model) == "own") & (lead != 0)
    hit = np.where(kindly, lead > 0, hit)
    named = np.where(hit, planted, foil)
    prompt = np.tile(np.arange(n), 2)
    return collect_plants(
        NAMES, planted, foil, named, planted_first=first, prompt=prompt, model=model, judge=judge
    )


def test_a_planted_accuracy_gain_is_recovered():
    """Twelve points more accuracy on its own family lie within the interval, nine times in ten."""
    inside = []
    for seed in range(60):
        made = self_preference(judged({"own": 0.87, "other": 0.75}, seed=seed), ["own"])
        inside.append(made.accuracy_gain.low <= 0.12 <= made.accuracy_gain.high)
    assert np.mean(inside) >= 0.9


def test_a_judge_that_never_errs_is_not_certainly_fair():
    """Two models' plants all found: no gain is seen, and some cannot be excluded."""
    made = self_preference(judged({"own": 1.0, "other": 1.0}, seed=0), ["own"], favour=FAVOUR)
    for found in (made.accuracy_gain, made.kindness):
        assert found.estimate == pytest.approx(0.0)
        assert found.low < -0.001
        assert found.high > 0.001


def test_equal_accuracy_is_rarely_called_a_preference():
    """A judge without a preference is called partial in at most one case in ten."""
    called = []
    for seed in range(60):
        made = self_preference(
            judged({"own": 0.8, "other": 0.8}, seed=seed), ["own"], favour=FAVOUR
        )
        called.append(made.accuracy_gain.low > 0 or made.accuracy_gain.high < 0)
    assert np.mean(called) <= 0.1


def test_planted_kindness_is_recovered_and_is_not_accuracy():
    """Naming the better trait without looking in 20% of cases is a kindness of ten points."""
    # On uneven pairs P(favourable) rises from a to .8 a + .2 where it is planted, and from 1 - a to
    # .8 (1 - a) + .2 where not: on average from 1/2 to .8 / 2 + .2 = .6, so kindness is .1.
    inside = []
    for seed in range(60):
        made = self_preference(
            judged({"own": 0.8, "other": 0.8}, seed=seed, kind=0.2), ["own"], favour=FAVOUR
        )
        inside.append(made.kindness.low <= 0.1 <= made.kindness.high)
    assert np.mean(inside) >= 0.9


def test_a_second_judge_takes_out_how_clearly_a_family_acts():
    """Where two judges find one family equally easier, the gain beyond the reference is rare."""
    easier, alone_seen, beyond_seen = {"own": 0.9, "other": 0.7}, [], []
    for seed in range(40):
        plants = judged(easier, seed=seed)
        reference = judged(easier, seed=1000 + seed, judge="reference")
        alone = self_preference(plants, ["own"])
        beyond = self_preference(plants, ["own"], reference=reference)
        alone_seen.append(alone.accuracy_gain.low > 0)
        beyond_seen.append(beyond.accuracy_gain.low > 0 or beyond.accuracy_gain.high < 0)
    assert np.mean(alone_seen) > 0.9
    assert np.mean(beyond_seen) <= 0.1
    assert beyond.reference == "reference"
    assert any("second judge" in text for text in alone.caveats)
    assert not any("second judge" in text for text in beyond.caveats)


def test_swapping_the_families_negates_the_gain():
    """Own minus other is minus other minus own."""
    plants = judged({"own": 0.9, "other": 0.7}, seed=2)
    one, other = (self_preference(plants, [name]) for name in ("own", "other"))
    assert one.accuracy_gain.estimate == pytest.approx(-other.accuracy_gain.estimate)
    assert one.accuracy_gain.low == pytest.approx(-other.accuracy_gain.high)


def test_sentence_says_what_the_interval_allows():
    """A clear gain is stated; kindness that is not shown is not claimed."""
    made = self_preference(judged({"own": 0.95, "other": 0.7}, seed=3), ["own"], favour=FAVOUR)
    assert "the judge is more accurate (+" in made.sentence
    assert "not shown to be kinder or harsher" in made.sentence


def test_a_family_that_wrote_nothing_is_refused():
    """There must be replies of the family, and of others."""
    plants = judged({"own": 0.8, "other": 0.8}, seed=0)
    with pytest.raises(InputError, match="family \\['nobody'\\]"):
        self_preference(plants, ["nobody"])
    with pytest.raises(InputError, match="one outside it"):
        self_preference(plants, ["own", "other"])


def test_a_reference_on_other_replies_is_refused():
    """The reference judge must have read the same replies, in the same rows."""
    plants = judged({"own": 0.8, "other": 0.8}, seed=0)
    moved = replace(plants, prompt=plants.prompt[::-1].copy(), judge="moved")
    with pytest.raises(InputError, match="'moved' has verdicts on other planted replies"):
        self_preference(plants, ["own"], reference=moved)
