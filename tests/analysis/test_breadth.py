"""Breadth: estimators against distributions of known entropy, bounds, intervals, comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ethogram.analysis.breadth import (
    EDGES,
    FEWEST,
    compare_conditions,
    log_breadth,
    mean_interval,
    measure_breadth,
    median_interval,
    position_curve,
    ratio_interval,
)
from ethogram.analysis.breadth_tokens import (
    entropy_bounds,
    measure_reply,
    nucleus_entropy,
    surprisal,
)
from ethogram.protocols.breadth import BreadthReply, TokenLogprobs, renormalised_entropy
from ethogram.validity.breadth_words import breadth_words

SIZE = 2000  # tokens of the test's vocabulary


def uniform(m):
    """Return m equally likely tokens."""
    return np.full(m, 1 / m)


def geometric(ratio, size=SIZE):
    """Return tokens of which each is `ratio` times as likely as the one before."""
    p = ratio ** np.arange(size)
    return p / p.sum()


def zipf(size=SIZE):
    """Return a distribution with a long tail."""
    p = 1 / np.arange(1, size + 1)
    return p / p.sum()


def entropy(p):
    """Entropy in nats, by its definition."""
    return -sum(x * math.log(x) for x in p if x > 0)


def reply(distributions, rng, *, top=20, prompt="p", condition="natural", model="m", sample=0):
    """Sample a token from each distribution, and list the likeliest of each."""
    chosen, listed = [], []
    for p in distributions:
        ordered = np.sort(p)[::-1]
        chosen.append(math.log(rng.choice(ordered, p=ordered)))
        row = np.full(top, -np.inf)
        row[: min(top, len(p))] = np.log(ordered[:top])
        listed.append(row)
    tokens = TokenLogprobs(np.array(chosen), np.array(listed))
    return BreadthReply(model, condition, prompt, sample, tokens, {"temperature": 1.0})


# -- one reply ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        ([uniform(7)], 7.0),
        ([uniform(1)], 1.0),
        # -(ln(1 - r) + r ln(r) / (1 - r)) for r = 0.5 is 2 ln 2: a factor of 4.
        ([geometric(0.5)], 4.0),
        # Half of the positions with one choice, half with nine: exp((ln 1 + ln 9) / 2) = 3.
        ([uniform(1), uniform(9)], 3.0),
        ([uniform(2), uniform(4), uniform(8)], 4.0),
    ],
    ids=["uniform", "certain", "geometric", "two kinds", "three kinds"],
)
def test_the_factor_of_a_known_distribution_is_found(mixture, expected):
    """Uniform over m tokens is m; positions are averaged in nats."""
    rng = np.random.default_rng(1)
    measured = [measure_reply(reply(mixture * 60, rng, prompt=str(i))) for i in range(20)]
    factors = np.exp(list(log_breadth(measured).values()))
    assert factors.mean() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("p", [uniform(7), geometric(0.7), zipf(200)], ids=["7", "0.7", "zipf"])
def test_what_was_sampled_agrees_with_the_entropy_on_long_replies(p):
    """By asymptotic equipartition: both estimates tend to the same, whatever the distribution."""
    ordered, n = np.sort(p)[::-1][:200], 20_000
    sampled = np.random.default_rng(2).choice(len(ordered), size=n, p=ordered / ordered.sum())
    tokens = TokenLogprobs(np.log(ordered)[sampled], np.tile(np.log(ordered), (n, 1)))
    measured = measure_reply(BreadthReply("m", "natural", "p", 0, tokens, {}))
    by_sample, by_entropy = (
        log_breadth([measured], kind)["p"] for kind in ("surprisal", "entropy")
    )
    assert math.exp(by_sample - by_entropy) == pytest.approx(1, rel=0.02)
    assert by_entropy == pytest.approx(entropy(p), rel=0.001)


@pytest.mark.parametrize("top", [2, 5, 20])
@pytest.mark.parametrize("p", [uniform(50), geometric(0.9), zipf(), zipf(30), geometric(0.2)])
def test_bounds_hold_the_entropy_of_the_whole(p, top):
    """Of what is cut off only the probability is known; renormalising never exceeds the truth."""
    one = reply([p], np.random.default_rng(3), top=top).tokens
    low, high = entropy_bounds(one, vocabulary=SIZE)
    assert low[0] <= entropy(p) + 1e-9 <= high[0] + 2e-9
    assert renormalised_entropy(one.top)[0] <= low[0] + 1e-9


def test_bounds_hold_where_the_sampled_token_stands_for_the_last():
    """As vLLM lists the sampled token, and leaves out likelier ones."""
    p = np.array([0.4, 0.2, 0.15, 0.15, 0.099, 0.001])
    listed = np.log(p[[0, 1, 5]])[None, :]  # the sampled token, the sixth, in place of the third
    low, high = entropy_bounds(TokenLogprobs(listed[:, 2], listed), vocabulary=6)
    assert low[0] <= entropy(p) <= high[0]


def test_nothing_left_out_closes_the_bounds():
    """All tokens listed: both bounds are the entropy."""
    low, high = entropy_bounds(reply([uniform(8)], np.random.default_rng(0)).tokens)
    assert (low[0], high[0]) == pytest.approx((math.log(8), math.log(8)))


def test_the_nucleus_is_the_least_set_with_enough_probability():
    """0.5 + 0.3 + 0.15 reach 0.9: the fourth token is left out, and the three are renormalised."""
    top = np.log([[0.5, 0.3, 0.15, 0.05]])
    three = np.array([0.5, 0.3, 0.15]) / 0.95
    assert nucleus_entropy(top)[0] == pytest.approx(entropy(three))
    assert nucleus_entropy(np.log([[0.95, 0.05]]))[0] == 0


def test_a_position_with_one_listed_token_is_not_certain():
    """One alternative of 60% tells no entropy; one of all the probability does."""
    top = np.array([[math.log(0.6), -np.inf], [0.0, -np.inf], [-np.inf, -np.inf]])
    np.testing.assert_array_equal(renormalised_entropy(top), [np.nan, 0, np.nan])
    one = measure_reply(BreadthReply("m", "natural", "p", 0, TokenLogprobs(top[:, 0], top), {}))
    assert np.isnan(one.entropy).tolist() == np.isnan(one.low).tolist() == [True, False, True]
    assert log_breadth([one]) == {"p": 0.0}


def test_an_unlikely_token_counts_as_the_least_that_is_listed():
    """A service's "unlikely" is no number of nats; at least that of the least listed it is."""
    top = np.log([[0.6, 0.3, 0.1]])
    assert surprisal(TokenLogprobs(np.array([-np.inf]), top))[0] == pytest.approx(-math.log(0.1))
    assert np.isnan(surprisal(TokenLogprobs(np.array([np.nan]), top))[0])


def test_samples_of_a_prompt_are_averaged_before_the_exponent():
    """The published estimate: exp of the mean over samples; here of ln 2 and ln 8."""
    rng = np.random.default_rng(0)
    replies = [reply([uniform(m)] * 3, rng, sample=i) for i, m in enumerate((2, 8))]
    assert math.exp(log_breadth(map(measure_reply, replies))["p"]) == pytest.approx(4)


# -- intervals ------------------------------------------------------------------------------


def test_few_prompts_give_no_interval():
    """Fewer than five, or none: the estimate stands alone."""
    for found in (
        mean_interval([2.0] * (FEWEST - 1)),
        median_interval([2.0] * (FEWEST - 1)),
        ratio_interval(dict.fromkeys("abcd", 1.0), dict.fromkeys("abcd", 1.0)),
    ):
        assert (found.n, np.isnan(found.low), np.isnan(found.high)) == (FEWEST - 1, True, True)
    assert np.isnan(mean_interval([]).estimate)
    assert np.isnan(median_interval([]).estimate)
    assert ratio_interval({"a": 1.0}, {"b": 1.0}).n == 0


def test_equal_prompts_give_an_interval_of_no_width():
    """No spread, no division by it."""
    found = mean_interval([3.0] * 10)
    assert (found.estimate, found.low, found.high) == (3.0, 3.0, 3.0)


def test_a_median_needs_six_prompts_for_its_interval():
    """The least and the greatest of five hold it 94% of the time, of six 97%."""
    assert np.isnan(median_interval([1.0, 2, 3, 4, 5]).low)
    # From the least to the greatest 96.875%, one further in 78.125%: a share of 0.1 of the way
    # down to 95%, and so (6 - 1) 0.1 / (1 + (6 - 2) 0.1) = 0.357 of the way in.
    found = median_interval([6.0, 1, 5, 2, 4, 3])
    assert (found.low, found.high) == pytest.approx((1 + 0.5 / 1.4, 6 - 0.5 / 1.4))


def test_a_ratio_swaps_to_its_inverse():
    """Comparing the other way round inverts estimate and ends."""
    rng = np.random.default_rng(4)
    one = {str(i): rng.normal() for i in range(12)}
    other = {str(i): rng.normal() for i in range(12)}
    forth, back = ratio_interval(one, other), ratio_interval(other, one)
    assert (forth.estimate, forth.low, forth.high) == pytest.approx(
        (1 / back.estimate, 1 / back.high, 1 / back.low)
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize("spread", [0.3, 0.5])
def test_intervals_cover_the_truth(n, spread):
    """Mean, median and ratio over prompts whose factors are lognormal, 93 to 97% of 4,000."""
    rng = np.random.default_rng(n)
    times, held = 4000, np.zeros(3)
    for _ in range(times):
        logs = 1 + spread * rng.standard_normal(n)
        other = logs + 0.1 + 0.2 * rng.standard_normal(n)
        factors = np.exp(logs)
        pairs = ({str(i): x for i, x in enumerate(values)} for values in (other, logs))
        found = mean_interval(factors), median_interval(factors), ratio_interval(*pairs)
        truth = math.exp(1 + spread**2 / 2), math.e, math.exp(0.1)
        held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    assert (held / times >= 0.93).all()
    assert (held / times <= 0.97).all()


# -- positions and conditions -----------------------------------------------------------------


def test_the_curve_follows_a_planted_decline():
    """Eight choices over the first ten tokens, two after: 8, 8, 2, and a quarter of the start."""
    rng = np.random.default_rng(5)
    planted = [uniform(8)] * 10 + [uniform(2)] * 15
    replies = [measure_reply(reply(planted, rng, prompt=str(i))) for i in range(6)]
    curve = position_curve(replies)
    assert [(b.first, b.last) for b in curve] == [(1, 5), (6, 10), (11, 20), (21, 50)]
    assert [b.breadth.estimate for b in curve] == pytest.approx([8, 8, 2, 2])
    assert curve[-1].against_first.estimate == pytest.approx(0.25)


def test_the_curve_compares_late_tokens_with_the_same_prompts():
    """Only narrow prompts have long replies: they are no narrower late than they were early."""
    rng = np.random.default_rng(6)
    long = [reply([uniform(2)] * 30, rng, prompt=f"long {i}") for i in range(6)]
    short = [reply([uniform(16)] * 5, rng, prompt=f"short {i}") for i in range(6)]
    curve = position_curve([measure_reply(one) for one in (*long, *short)])
    assert curve[0].breadth.estimate == pytest.approx(9)
    assert curve[-1].breadth.estimate == pytest.approx(2)
    assert curve[-1].against_first.estimate == pytest.approx(1)


def test_bins_of_positions_have_no_gap():
    """Every position to the last edge is in one bin."""
    assert list(EDGES) == sorted(set(EDGES))
    assert EDGES[0] == 0


def test_conditions_are_compared_at_equal_length():
    """Alike but for length: wide starts and narrow ends, so that the longer looks narrower."""
    rng = np.random.default_rng(7)
    longer, shorter = [uniform(8)] * 5 + [uniform(1)] * 15, [uniform(8)] * 5
    one = [measure_reply(reply(longer, rng, prompt=str(i), condition="feels")) for i in range(6)]
    other = [measure_reply(reply(shorter, rng, prompt=str(i))) for i in range(6)]
    found = compare_conditions(one, other)
    assert (found.condition, found.baseline) == ("feels", "natural")
    # exp(ln 8 / 4) / 8 = 8 ** -0.75
    assert found.ratio.estimate == pytest.approx(8**-0.75)
    assert found.equal_length.estimate == pytest.approx(1)


# -- a study --------------------------------------------------------------------------------


def study_replies(factors, *, n=8, model="m", length=12):
    """Return replies of one model: {condition: choices at each position}."""
    rng = np.random.default_rng(8)
    return [
        reply([uniform(m)] * length, rng, prompt=str(i), condition=condition, model=model)
        for condition, m in factors.items()
        for i in range(n)
    ]


def test_conditions_are_compared_with_the_natural_one():
    """Whatever comes first in the store, no trait named is what others are compared with."""
    (found,) = measure_breadth(study_replies({"feels": 2, "natural": 4}))
    assert [one.condition for one in found.conditions] == ["natural", "feels"]
    assert [one.mean.estimate for one in found.conditions] == pytest.approx([4, 2])
    (pair,) = found.paired
    assert (pair.condition, pair.ratio.estimate) == ("feels", pytest.approx(0.5))


def test_a_section_says_what_was_measured():
    """The claim has the factor with its interval and the ratio; tables have a row each."""
    section = breadth_words(measure_breadth(study_replies({"natural": 4, "feels": 2})))
    assert section.name == "breadth"
    assert "the branching factor over the listed tokens is 4.00 (4.00 to 4.00)" in section.claims[0]
    assert "it is 0.50 (0.50 to 0.50) times that." in section.claims[0]
    assert [len(table.rows) for table in section.tables] == [2, 1, 6]
    for table in section.tables:
        assert {len(row) for row in table.rows} == {len(table.head)}
    assert section.data["models"][0]["conditions"][0]["mean"]["n"] == 8


def test_a_claim_names_what_the_list_leaves_out():
    """Of 100 equally likely tokens 20 are listed: 20 at first sight, and at least 100."""
    section = breadth_words(measure_breadth(study_replies({"natural": 100})))
    assert "is 20.00 (20.00 to 20.00), mean over 8 prompts; with the others" in section.claims[0]
    assert "80% of the probability, it is at least 100.00 and at most" in section.claims[0]
    whole = breadth_words(measure_breadth(study_replies({"natural": 20})))
    assert "with the others" not in whole.claims[0]


def test_no_difference_is_said_to_be_none():
    """A ratio whose interval holds 1 is not told apart from no difference."""
    rng = np.random.default_rng(9)
    replies = [
        reply([uniform(int(rng.integers(2, 9)))] * 6, rng, prompt=str(i), condition=condition)
        for condition in ("natural", "feels")
        for i in range(12)
    ]
    (claim,) = breadth_words(measure_breadth(replies)).claims
    assert "not told apart from no difference" in claim


def test_a_section_without_replies_says_why():
    """Nothing asked: no section. All lost: a section that says so."""
    assert breadth_words(()) is None
    section = breadth_words((), losses=("m, natural: of 5 replies planned, 5 unparsed.",))
    assert "Nothing could be measured" in section.claims[0]
    assert section.notes == ("m, natural: of 5 replies planned, 5 unparsed.",)


def test_chosen_tokens_alone_give_no_entropy_and_no_false_one():
    """Where a service lists no alternatives, only the estimate by what was sampled is left."""
    tokens = TokenLogprobs(np.log(np.full(10, 0.25)), np.empty((10, 0)))
    replies = [BreadthReply("m", "natural", str(i), 0, tokens, {}) for i in range(6)]
    (found,) = measure_breadth(replies)
    assert (found.conditions[0].mean.n, found.conditions[0].aep.estimate) == (0, pytest.approx(4))
    assert "no entropy can be computed" in breadth_words((found,)).claims[0]


def test_other_sampling_than_the_reported_distribution_is_said():
    """Cold or truncated sampling makes the estimate by samples one of something else."""
    replies = study_replies({"natural": 4})
    plain = breadth_words(measure_breadth(replies))
    assert not any(note.startswith("Sampled at") for note in plain.notes)
    cold = [one._replace(params={"temperature": 0.3, "top_p": 0.9}) for one in replies]
    notes = breadth_words(measure_breadth(cold)).notes
    assert any(note.startswith("Sampled at temperature 0.3, top_p 0.9: m.") for note in notes)
    mixed = breadth_words(measure_breadth([*replies, *cold]))
    assert any("temperature 0.3, top_p 0.9 and at temperature 1: m." in n for n in mixed.notes)


def test_limits_that_were_changed_between_runs_are_said():
    """Replies of two lengths of one model are not alike: breadth changes along a reply."""
    replies = study_replies({"natural": 4})
    longer = [one._replace(params={"temperature": 1, "max_tokens": 99}) for one in replies[:2]]
    notes = breadth_words(measure_breadth([*longer, *replies[2:]])).notes
    assert "Asked under different limits of length or top: m." in notes


@pytest.mark.parametrize(("n", "words"), [(3, "is not tested"), (6, "Over 6 models")])
def test_breadth_is_set_against_the_likeness_of_profiles_where_models_suffice(n, words):
    """Fewer than five models cannot tell; more get a correlation with its interval."""
    replies = [one for i in range(n) for one in study_replies({"natural": i + 2}, model=str(i))]
    agreement = {str(i): -float(i) for i in range(n)}
    notes = breadth_words(measure_breadth(replies), agreement=agreement).notes
    (said,) = [note for note in notes if words in note]
    assert n == 3 or "\N{MINUS SIGN}1.00 (Spearman" in said
