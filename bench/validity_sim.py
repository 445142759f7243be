"""Simulations behind docs/validity.md: `python -m bench.validity_sim [correction|noise|power]`.

Each prints a Markdown table. Nothing is asked of any model: judges and profiles are simulated.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import spearmanr

from ethogram.design import plant_pairs
from ethogram.errors import InputError
from ethogram.ratings.comparisons import Comparisons, compare
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.study import Shares
from ethogram.validity.accuracy import Plants, collect_plants, judge_accuracy
from ethogram.validity.agreement import cohen_kappa, position_consistency, repeat_stability
from ethogram.validity.correction import Corrected, correct

READ_BY_TWO_JUDGES = 0.1
"""Share of the replies on which the kappa of two judges is simulated."""


@dataclass(frozen=True)
class World:
    """A simulated study of which the truth is known."""

    strengths: np.ndarray
    accuracy: np.ndarray
    comparisons: Comparisons
    plants: Plants
    shows: np.ndarray
    """Whether each reply shows the first trait."""
    sure: np.ndarray
    """The judge's probability of being right on each reply."""


def simulate(
    n_traits,
    *,
    accuracy,
    seed,
    spread=0.1,
    plants_each=8,
    rounds=1,
    scale=1.2,
    place=0.0,
    choice=0.0,
    acted=0.0,
    pair_spread=0.0,
    reply_spread=0.0,
):
    """One study: strengths N(0, scale) logits, accuracies N(accuracy, spread) within .02 and .98.

    `rounds`: how often each pair is asked. `place`, `choice`: lean of the judge to the trait shown
    first, of the model to choice 1 (logits). `acted`: how much easier planted replies are for the
    judge (logits). `pair_spread`: how much its accuracy depends on the other trait (logits),
    `reply_spread`: on the reply.
    """
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0, scale, n_traits)
    strengths -= strengths.mean()
    right = np.clip(rng.normal(accuracy, spread, n_traits), 0.02, 0.98)
    pair = rng.normal(0, pair_spread, (n_traits, n_traits))
    skill = logit(right)
    a, b = (np.tile(x, rounds) for x in np.triu_indices(n_traits, 1))
    swap = rng.random(len(a)) < 0.5
    first, second = np.where(swap, b, a), np.where(swap, a, b)
    judge_first = rng.choice([-1, 1], len(a))
    shows = rng.random(len(a)) < expit(strengths[first] - strengths[second] + choice)
    shown, other = np.where(shows, first, second), np.where(shows, second, first)
    at = np.where(shows, judge_first, -judge_first)
    reply = rng.normal(0, reply_spread, len(a)) if reply_spread else 0.0
    sure = expit(skill[shown] + pair[shown, other] + place * at + reply)
    found = rng.random(len(a)) < sure
    names = [f"t{i}" for i in range(n_traits)]
    comparisons = compare(names, first, second, found == shows, judge_first=judge_first)
    planted, foil, planted_first = plant_pairs(
        n_traits, n_trials=n_traits * plants_each, share=1.0, seed=seed
    )
    at = np.where(planted_first, 1, -1)
    hit = rng.random(len(planted)) < expit(
        skill[planted] + pair[planted, foil] + place * at + acted
    )
    plants = collect_plants(
        names, planted, foil, np.where(hit, planted, foil), planted_first=planted_first
    )
    return World(strengths, right, comparisons, plants, shows, sure)


def raw_correction(world: World) -> np.ndarray:
    """Strengths with each trait's own raw accuracy plugged in: known to hurt; for contrast.

    With half a hit and half a miss added to each trait, so that the likelihood is finite, and the
    weak prior of the plain fit.
    """
    hits, counts = world.plants.hits_by_trait()
    accuracy = (hits + 0.5) / (counts + 1)
    c, k = world.comparisons, len(hits)
    a_first, a_second = accuracy[c.first], accuracy[c.second]

    def loss(s):
        p = expit(s[c.first] - s[c.second])
        q = np.clip(a_first * p + (1 - a_second) * (1 - p), 1e-9, 1 - 1e-9)
        pull = (c.outcome - q) / (q * (1 - q)) * (a_first + a_second - 1) * p * (1 - p)
        slope = np.bincount(c.first, pull, k) - np.bincount(c.second, pull, k) - 0.1 * s
        value = c.outcome @ np.log(q) + (1 - c.outcome) @ np.log1p(-q) - 0.05 * (s @ s)
        return -value, -slope

    made = minimize(loss, np.zeros(k), jac=True, method="L-BFGS-B").x
    return made - made.mean()


def measure(strengths, world: World, profile: Profile | None = None):
    """Root mean square error, Spearman, coverage and mean half width of the intervals (logits)."""
    truth = world.strengths
    error = float(np.sqrt(((strengths - truth) ** 2).mean()))
    rank = float(spearmanr(strengths, truth).statistic)
    if profile is None:
        return error, rank, np.nan, np.nan
    covered = (profile.low <= truth) & (truth <= profile.high)
    return error, rank, float(covered.mean()), float((profile.high - profile.low).mean() / 2)


def side_by_side(seeds, n_traits, **options):
    """Measures of plain, corrected and raw ratings, wins of the correction, and its noise."""
    rows, refused = [], 0
    for seed in seeds:
        world = simulate(n_traits, seed=seed, **options)
        plain = rate(world.comparisons, splits=0)
        try:
            made: Corrected = correct(world.comparisons, world.plants, plain=plain, seed=seed)
        except InputError:
            refused += 1
            continue
        rows.append(
            [
                measure(plain.strengths, world, plain),
                measure(made.profile.strengths, world, made.profile),
                measure(raw_correction(world), world),
                (made.noise, made.preferred, made.convergence, np.nan),
            ]
        )
    return np.array(rows, dtype=float), refused


HEAD = """\
| {} | accuracy | error plain | corrected | raw | Spearman plain | corrected | raw \
| coverage plain | corrected | half width plain | corrected | nearer | default |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def print_row(name, accuracy, rows, refused):
    """One line of a Markdown table: means over studies; how often corrected ratings are nearer."""
    mean = rows.mean(axis=0)
    errors, ranks = (" | ".join(f"{mean[kind, i]:.2f}" for kind in range(3)) for i in (0, 1))
    rest = " | ".join(f"{mean[kind, i]:.2f}" for i in (2, 3) for kind in range(2))
    n = len(rows)
    nearer = f"{(rows[:, 1, 0] < rows[:, 0, 0]).sum()} of {n}"
    chosen = f"{int(rows[:, 3, 1].sum())} of {n}" + (f" ({refused} refused)" if refused else "")
    print(
        f"| {name} | {accuracy} | {errors} | {ranks} | {rest} | {nearer} | {chosen} |", flush=True
    )


def print_correction(seeds=range(8)):
    """Plain, corrected and raw ratings over judges of three accuracies."""
    print(HEAD.format("design"))
    designs = [
        ("144 traits, 10,296 comparisons, 1,152 plants", 144, {}),
        ("40 traits, 2,340 comparisons, 320 plants", 40, {"rounds": 3}),
        ("40 traits, 780 comparisons, 80 plants", 40, {"plants_each": 2}),
        ("10 traits, 180 comparisons, 80 plants", 10, {"rounds": 4}),
    ]
    for name, k, options in designs:
        for accuracy in (0.65, 0.8, 0.95):
            many = seeds if k == 144 else range(3 * len(seeds))
            print_row(name, accuracy, *side_by_side(many, k, accuracy=accuracy, **options))


def print_noise(seeds=range(100, 110)):
    """How often corrected ratings are nearer, by plants and noise: the limits of `preferred`."""
    found = []
    designs = ((10, 1, 4), (10, 4, 8), (10, 4, 24), (25, 1, 4), (25, 2, 8), (40, 1, 2), (40, 3, 8))
    for k, rounds, each in designs:
        for accuracy in (0.65, 0.7, 0.8, 0.95):
            rows, _ = side_by_side(seeds, k, accuracy=accuracy, rounds=rounds, plants_each=each)
            if len(rows):
                plants = np.full(len(rows), k * each)
                found.append(
                    np.stack([plants, rows[:, 3, 0], rows[:, 1, 0], rows[:, 0, 0]], axis=1)
                )
    size, noise, error, plain = np.concatenate(found).T
    print("| plants | noise | studies | corrected nearer | error corrected | error plain |")
    print("|---|---|---|---|---|---|")
    for sizes, of_size in (("40 to 100", size <= 100), ("200 to 320", size >= 200)):
        for low, high in itertools.pairwise((0, 0.2, 0.4, 0.6, 1.0)):
            row = of_size & (noise > low) & (noise <= high)
            won = (error[row] < plain[row]).mean()
            print(
                f"| {sizes} | {low} to {high} | {row.sum()} | {won:.0%} "
                f"| {error[row].mean():.2f} | {plain[row].mean():.2f} |"
            )


def print_broken(seeds=range(6)):
    """What happens where the model's assumptions do not hold (40 traits, each pair 3 times)."""
    print(HEAD.format("what is wrong"))
    worlds = [
        ("nothing", {}),
        ("planted replies are easier (0.7 logits)", {"acted": 0.7}),
        ("accuracy depends on the other trait (0.7 logits)", {"pair_spread": 0.7}),
        ("judge, model lean to the first (0.6, 0.4; modelled)", {"place": 0.6, "choice": 0.4}),
        ("a wide profile (2 logits)", {"scale": 2.0}),
        ("a flat profile (0.3 logits)", {"scale": 0.3}),
    ]
    for name, options in worlds:
        for accuracy in (0.8, 0.95):
            rows = side_by_side(seeds, 40, accuracy=accuracy, rounds=3, **options)
            print_row(name, accuracy, *rows)


def print_power(n=100):
    """How wide the intervals are with the default shares, for 144 traits and 10,296 trials."""
    shares, k, trials = Shares(), 144, 10_296
    calls = shares.calls(k, trials)
    print(f"calls: {calls}; extra {shares.extra(k, trials):.1%}")
    print_accuracy_power(n, k)
    print_consistency_power(n, trials, shares)


def print_accuracy_power(n, k):
    """Width and coverage of the accuracies; how many of 5 blind traits are found."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(n):
        world = simulate(k, accuracy=0.8, seed=seed)
        blind = rng.choice(k, 5, replace=False)
        right = world.accuracy.copy()
        right[blind] = 0.5
        planted, foil, named = (getattr(world.plants, x) for x in ("planted", "foil", "named"))
        guess = np.where(rng.random(len(planted)) < 0.5, planted, foil)
        named = np.where(np.isin(planted, blind), guess, named)
        made = judge_accuracy(replace(world.plants, named=named))
        called = np.isin(made.traits, made.blind)
        unproven = np.isin(made.traits, made.unproven)
        rows.append(
            [
                (made.overall.high - made.overall.low) / 2,
                made.overall.low <= right.mean() <= made.overall.high,
                (made.high - made.low).mean() / 2,
                ((made.low <= right) & (right <= made.high)).mean(),
                called[blind].mean(),
                called[right > 0.7].mean(),
                unproven[blind].mean(),
                unproven[right > 0.7].mean(),
            ]
        )
    names = (
        "overall half width, coverage; trait half width, coverage; guessed traits called blind, "
    )
    names += "traits above .7 called blind; the same called unproven"
    print(names, np.mean(rows, axis=0).round(3))


def print_consistency_power(n, trials, shares):
    """Half widths of the intervals of consistency, lean, repeats, kappa and retest."""
    rng = np.random.default_rng(0)
    orders, repeats, judged, again = (
        round(x * trials)
        for x in (shares.orders, shares.repeats, READ_BY_TWO_JUDGES, shares.retest)
    )

    def twice(size, same):
        once = rng.integers(0, 2, size)
        return once, np.where(rng.random(size) < same, once, 1 - once)

    widths = []
    for _ in range(n):
        truth = rng.random(orders) < 0.8
        forward, swapped = (np.where(rng.random(orders) < 0.2, 1, t) for t in (truth, ~truth))
        both = position_consistency(forward, swapped)
        found = (
            both.consistent,
            both.lean,
            repeat_stability(*twice(repeats, 0.95)).same,
            cohen_kappa(*twice(judged, 0.85)),
            repeat_stability(*twice(again, 0.75)).same,
        )
        widths.append([(x.high - x.low) / 2 for x in found])
    print("consistent, lean, repeats, kappa, retest", np.mean(widths, axis=0).round(3))


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["power", "noise", "broken", "correction"]
    for name in wanted:
        {
            "correction": print_correction,
            "noise": print_noise,
            "broken": print_broken,
            "power": print_power,
        }[name]()
