"""The design's promises, each checked on every prefix where it is promised for every prefix."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.design import is_connected, make_design, pair_sequence, prompt_offsets
from ethogram.errors import InputError


def prefix_spread(first, second, n_traits):
    """Largest imbalance over all prefixes: of appearances, and of choice 1 against choice 2."""
    as_first = np.zeros((len(first) + 1, n_traits), dtype=int)
    as_second = as_first.copy()
    as_first[np.arange(1, len(first) + 1), first] = 1
    as_second[np.arange(1, len(first) + 1), second] = 1
    ones, twos = as_first.cumsum(0), as_second.cumsum(0)
    total = ones + twos
    return int((total.max(1) - total.min(1)).max()), int(np.abs(ones - twos).max())


designs = st.fixed_dictionaries(
    {
        "n_traits": st.integers(2, 23),
        "n_prompts": st.integers(3, 40),
        "repeats": st.integers(1, 3),
        "orders": st.sampled_from(["balanced", "both"]),
        "seed": st.integers(0, 2**32),
    }
)


@given(designs)
@settings(max_examples=150, deadline=None)
def test_every_prefix_is_balanced(options):
    """Counts, and choice 1 against choice 2, never differ by more than one, wherever it stops."""
    design = make_design(**options)
    counts, positions = prefix_spread(design.first, design.second, options["n_traits"])
    assert counts <= 1
    assert positions <= 1


@given(designs)
@settings(max_examples=100, deadline=None)
def test_judge_order_is_balanced(options):
    """The judge, too, sees each trait first and second equally often within one, at any stop."""
    design = make_design(**options)
    first = np.where(design.judge_swap, design.second, design.first)
    second = np.where(design.judge_swap, design.first, design.second)
    assert prefix_spread(first, second, options["n_traits"])[1] <= 1


def test_judge_order_is_independent_of_the_models():
    """Over the full study the judge's order agrees with the model's in half the trials."""
    design = make_design(144, 10_296, seed=3)
    # 71 whole cycles of 144 and half a one: at worst one and a half cycles lean one way.
    assert abs(design.judge_swap.mean() - 0.5) <= 0.5 * 1.5 * 144 / 10_296 + 1e-9
    for trait in range(144):
        as_first = design.judge_swap[design.first == trait].mean()
        assert abs(as_first - 0.5) <= 1 / 71 + 1e-9


@pytest.mark.parametrize("n_traits", [2, 3, 4, 5, 10, 13, 144])
def test_all_pairs_once(n_traits):
    """`pairs = "all"` is each unordered pair exactly once."""
    design = make_design(n_traits, 7, seed=1)
    asked = {frozenset(p) for p in zip(design.first, design.second, strict=True)}
    assert len(design) == n_traits * (n_traits - 1) // 2 == len(asked)
    assert asked == {frozenset(p) for p in itertools.combinations(range(n_traits), 2)}


@pytest.mark.parametrize(("n_traits", "rounds"), [(10, 2), (10, 5), (144, 3), (11, 4), (2, 1)])
def test_rounds_are_matchings(n_traits, rounds):
    """Each round of an even number of traits is a perfect matching; every trait has `rounds`."""
    design = make_design(n_traits, 9, pairs=rounds, seed=5)
    counts = np.bincount(np.r_[design.first, design.second], minlength=n_traits)
    assert (counts == rounds).all()
    if n_traits % 2 == 0:
        for part in range(rounds):
            rows = slice(part * n_traits // 2, (part + 1) * n_traits // 2)
            members = np.r_[design.first[rows], design.second[rows]]
            assert sorted(members) == list(range(n_traits))


@given(st.integers(3, 40), st.sampled_from(["balanced", "both"]), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_shortest_study_is_connected(n_traits, orders, seed):
    """K - 1 trials, the fewest that can, do connect K traits."""
    design = make_design(n_traits, 5, orders=orders, max_trials=n_traits - 1, seed=seed)
    assert len(design) == n_traits - 1
    assert is_connected(design.first, design.second, n_traits)


def test_unconnected_is_seen():
    """Two separate pairs among four traits are not one graph."""
    assert not is_connected(np.array([0, 2]), np.array([1, 3]), 4)


@given(st.integers(2, 15), st.integers(2, 30), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_prompts_are_even_and_new_to_the_pair(n_traits, n_prompts, repeats, seed):
    """At every prefix prompts are used equally often within one; no pair meets one twice."""
    repeats = min(repeats, n_prompts)
    design = make_design(n_traits, n_prompts, repeats=repeats, seed=seed)
    used = np.zeros((len(design), n_prompts), dtype=int)
    used[np.arange(len(design)), design.prompt] = 1
    running = used.cumsum(0)
    assert (running.max(1) - running.min(1)).max() <= 1
    pair = np.minimum(design.first, design.second) * n_traits + np.maximum(
        design.first, design.second
    )
    met = pair * n_prompts + design.prompt
    assert len(np.unique(met)) == len(met)


def test_both_orders_share_prompt():
    """With both orders each pair is asked twice, turned round, with one prompt."""
    design = make_design(9, 50, orders="both", seed=2)
    seen = {(a, b): p for a, b, p in zip(design.first, design.second, design.prompt, strict=True)}
    assert len(seen) == 72
    assert all(seen[b, a] == prompt for (a, b), prompt in seen.items())


def test_seed_decides():
    """The same seed gives the same trials, another seed others."""
    one, same, other = (make_design(20, 30, seed=s) for s in (4, 4, 5))
    assert (one.first == same.first).all()
    assert (one.prompt == same.prompt).all()
    assert (one.first != other.first).any()


def test_offsets_by_hand():
    """4 pairs, 6 prompts: 0-3 going up, then 5, 4, 3, 2 going down, then on upwards from 4."""
    # Pass 1 walks pair 3 first: (3 + offset) mod 6 must be 5, so offset = 2 = -4 mod 6.
    # Together 0-3 and 5-2 leave 2 and 3 used twice; pass 2 goes up from 4.
    assert (prompt_offsets(4, 6, 3) % 6).tolist() == [0, 2, 4]


def test_directions_vary_by_cycle():
    """Cycles are turned by a coin each, so choice 1 does not follow the list of traits."""
    pairs, _ = pair_sequence(144, np.random.default_rng(0))
    assert 0.4 < (pairs[:, 0] < pairs[:, 1]).mean() < 0.6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_traits": 1}, "at least two"),
        ({"n_prompts": 0}, "no prompts"),
        ({"orders": "any"}, 'expected "balanced" or "both"'),
        ({"repeats": 0}, "expected 1 or more"),
        ({"repeats": 6}, "only 5"),
        ({"max_trials": 8}, "9 trials or more"),
        ({"pairs": 1}, "allow 2 to 9"),
        ({"pairs": 10}, "allow 2 to 9"),
        ({"pairs": "some"}, "number of rounds"),
        ({"n_traits": 11, "pairs": 3}, "even number"),
    ],
)
def test_impossible_designs_are_refused(options, message):
    """A design that cannot be balanced or connected is refused, with what would do."""
    with pytest.raises(InputError, match=message):
        make_design(**{"n_traits": 10, "n_prompts": 5} | options)


def test_a_longer_study_begins_with_the_shorter():
    """More trials, rounds or repeats under the same seed go on where the shorter study ended."""
    long = make_design(10, 30, repeats=3, seed=8)
    for options in ({"repeats": 1}, {"repeats": 2}, {"pairs": 4}, {"repeats": 2, "max_trials": 60}):
        short = make_design(10, 30, seed=8, **options)
        for name in ("first", "second", "prompt", "judge_swap"):
            assert (getattr(long, name)[: len(short)] == getattr(short, name)).all(), name
