"""Simulations of people's labels behind docs/labels.md: `python -m bench.label_sim`.

A judge reads planted replies better than chosen ones; simulated people of known accuracy label a
draw of the chosen ones. Nothing is asked of any model.
"""

from __future__ import annotations

import numpy as np

from bench.validity_sim import World, measure, simulate
from ethogram.validity.accuracy import judge_accuracy
from ethogram.validity.correction import correct
from ethogram.validity.label_sampling import draw_replies
from ethogram.validity.labels import FIRST, NEITHER, SECOND, Labels, label_accuracy


def label(
    world: World,
    size: int,
    *,
    human=1.0,
    labellers=2,
    overlap=0.2,
    undecided=0.0,
    seed=0,
    prompts=0,
) -> Labels:
    """Let people label a draw; each is right with probability `human`, errors independent.

    `undecided`: how often a reply shows neither trait to anybody. `prompts`: how many prompts the
    replies share; 0 gives each its own.
    """
    rng = np.random.default_rng(10_000 + seed)
    c = world.comparisons
    named = np.where(c.outcome > 0.5, c.first, c.second)
    sure = np.clip(world.sure + rng.normal(0, 0.1, len(c)), 0.5, 0.999)
    drawn = draw_replies(sure, named, size=size, overlap=overlap, seed=seed)
    times = np.where(drawn.shared, labellers, 1)
    row = np.repeat(drawn.order, times)
    who = np.concatenate([np.arange(n) if n > 1 else rng.integers(0, labellers, 1) for n in times])
    right = rng.random(len(row)) < human
    saw_first = world.shows[row] == right
    neither = (rng.random(len(c)) < undecided)[row]
    return Labels(
        traits=c.traits,
        trial=row,
        prompt=row % prompts if prompts else row,
        first=c.first[row],
        second=c.second[row],
        answer=np.where(neither, NEITHER, np.where(saw_first, FIRST, SECOND)),
        named=named[row],
        named_first=c.judge_first[row] > 0,
        labeller=who,
        model=np.zeros(len(row), dtype=np.int64),
        stratum=drawn.stratum[row],
        replies=drawn.replies,
        labellers=tuple(f"person-{i}" for i in range(labellers)),
        judge="judge",
    )


def truth(world: World) -> float:
    """How often the judge is right on the chosen replies."""
    return float(((world.comparisons.outcome > 0.5) == world.shows).mean())


WORLD = {"accuracy": 0.72, "acted": 0.9, "reply_spread": 1.0, "spread": 0.08}
"""A judge that is right in seven of ten chosen replies, and in nine of ten planted ones."""


def coverage(
    seeds, *, size=200, human=1.0, undecided=0.0, n_traits=40, rounds=4, prompts=0, **options
):
    """Per study: labels cover the truth, plants do, labels net of people's errors do, half width.

    The study's replies are one draw too: the truth is the judge's accuracy on all of them.
    """
    made = []
    for seed in seeds:
        world = simulate(n_traits, seed=seed, rounds=rounds, **{**WORLD, **options})
        labels = label(
            world,
            size,
            human=human,
            undecided=undecided,
            seed=seed,
            prompts=prompts,
            overlap=1.0 if human < 1 else 0.2,
        )
        found, plants = label_accuracy(labels), judge_accuracy(world.plants)
        true = truth(world)
        net = found.net
        made.append(
            [
                found.overall.low <= true <= found.overall.high,
                plants.overall.low <= true <= plants.overall.high,
                np.nan if net is None else net.low <= true <= net.high,
                (found.overall.high - found.overall.low) / 2,
                found.overall.estimate - true,
                np.nan if net is None else net.estimate - true,
                np.nan if net is None else (net.high - net.low) / 2,
            ]
        )
    return np.array(made, dtype=float)


def corrections(seeds, *, size=200, n_traits=24, rounds=6, accuracy=0.8, **options):
    """Errors of ratings: plain, corrected with plants alone, with labels beside them."""
    made = []
    for seed in seeds:
        world = simulate(
            n_traits, seed=seed, rounds=rounds, **{**WORLD, "accuracy": accuracy, **options}
        )
        plain = correct(world.comparisons, world.plants, seed=seed)
        labels = label(world, size, seed=seed)
        both = correct(world.comparisons, world.plants, labels=labels, plain=plain.plain, seed=seed)
        made.append(
            [
                measure(plain.plain.strengths, world, plain.plain),
                measure(plain.profile.strengths, world, plain.profile),
                measure(both.profile.strengths, world, both.profile),
            ]
        )
    return np.array(made)


def print_coverage(seeds=range(400)):
    """How often the intervals cover the judge's accuracy on chosen replies."""
    print(
        "| people | labels | covered by labels | by plants | net of people's errors | half width |"
    )
    print("|---|---|---|---|---|---|")
    for human, size, undecided in (
        (1.0, 50, 0.0),
        (1.0, 100, 0.0),
        (1.0, 200, 0.0),
        (1.0, 200, 0.2),
        (0.9, 200, 0.0),
    ):
        mean = np.nanmean(coverage(seeds, size=size, human=human, undecided=undecided), axis=0)
        who = f"right in {human:.0%}" + (f", {undecided:.0%} undecided" if undecided else "")
        print(
            f"| {who} | {size} | {mean[0]:.1%} | {mean[1]:.1%} | {mean[2]:.1%} | {mean[3]:.3f} |",
            flush=True,
        )


def print_corrections(seeds=range(12)):
    """Whether labels bring the corrected ratings nearer to the truth."""
    head = "error plain | plants | labels too | coverage plain | plants | labels too | nearer"
    print(f"| labels | {head} |")
    print("|---|---|---|---|---|---|---|---|")
    for size in (100, 200, 400):
        made = corrections(seeds, size=size)
        mean = made.mean(axis=0)
        nearer = int((made[:, 2, 0] < made[:, 1, 0]).sum())
        errors, covered = (" | ".join(f"{mean[i, j]:.2f}" for i in range(3)) for j in (0, 2))
        print(f"| {size} | {errors} | {covered} | {nearer} of {len(made)} |", flush=True)


if __name__ == "__main__":
    print_coverage()
    print_corrections()
