"""Which pairs are asked next, from what was answered: adaptive designs.

Pure and seeded, like `ethogram.design`: the same answers give the same pairs. Each pair of a round
is the one whose answer is expected to take most off a sum of variances (L-optimality, see
Pukelsheim, Optimal Design of Experiments, 2006), one after another, the information counted as it
will be:

- aim `ranks`: of the traits' expected ranks. Rank i is the sum over j of P(j beats i); its slopes
  in the strengths say how unsure it is. So calls go to traits that are near each other and unsure.
- aim `ratings`: of the strengths (A-optimality).
- aim `traits:a,b`: of these traits' strengths alone, each against the average.

Positions are balanced as pairs are added, and prompts are dealt in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ethogram.design import Design
from ethogram.errors import InputError, guess
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray
from ethogram.ratings.covariance import fisher_covariance
from ethogram.ratings.models import expect
from ethogram.ratings.rate import fit_comparisons

RANKS, RATINGS, TRAITS = "ranks", "ratings", "traits"
RIDGE = 0.7
"""Of the prior while pairs are chosen: strengths spread 1.2 logits, as published ones do."""
LARGEST = 2_000
"""Traits up to which pairs are chosen: matrices of traits by traits are worked on."""


@dataclass(frozen=True)
class Belief:
    """What is known of one model's strengths.

    Attributes
    ----------
    strengths : float array, shape (K,)
        Logits.
    covariance : float array, shape (K, K)
    """

    strengths: FloatArray
    covariance: FloatArray


def believe(comparisons: Comparisons) -> Belief:
    """Fit one model's comparisons; errors as in `ethogram.ratings.rate.rate`.

    The prior is narrower than that of ratings: early extremes, half of them luck, would else look
    settled, and not be asked again.
    """
    fit = fit_comparisons(comparisons, ridge=RIDGE).fit
    k = comparisons.n_traits
    return Belief(fit.strengths, fisher_covariance(fit)[:k, :k])


def find_aim(aim: str, traits: Sequence[str]) -> IntArray | None:
    """Return the traits whose variances an aim is after; None for ranks.

    Raises
    ------
    InputError
        An aim, or a trait in it, that is not known.
    """
    if aim == RANKS:
        return None
    if aim == RATINGS:
        return np.arange(len(traits))
    kind, _, names = aim.partition(":")
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if kind != TRAITS or not wanted:
        raise InputError(
            f'aim = {aim!r}: expected "{RANKS}", "{RATINGS}" or "{TRAITS}:" and names of traits, '
            'such as "traits:sycophantic,warm"'
        )
    place = {name: i for i, name in enumerate(traits)}
    for name in wanted:
        if name not in place:
            raise InputError(f"aim = {aim!r}: no trait {name!r}{guess(name, place)}")
    return np.unique([place[name] for name in wanted])


def free_prompts(design: Design) -> IntArray:
    """Return how many prompts each pair has not met, shape (K, K)."""
    k = design.n_traits
    met = np.unique(
        np.stack(
            [
                np.minimum(design.first, design.second),
                np.maximum(design.first, design.second),
                design.prompt,
            ]
        ),
        axis=1,
    )
    free = np.full((k, k), design.n_prompts)
    np.subtract.at(free, (met[0], met[1]), 1)
    np.subtract.at(free, (met[1], met[0]), 1)
    np.fill_diagonal(free, 0)
    return free


def choose_pairs(
    beliefs: Sequence[Belief],
    n_pairs: int,
    aim: IntArray | None,
    *,
    free: IntArray | None = None,
) -> IntArray:
    """Choose the pairs of a round.

    Parameters
    ----------
    beliefs : sequence of Belief
        Of each model that will be asked these pairs; all count alike.
    n_pairs : int
    aim : int array or None
        As `find_aim` returns it.
    free : int array, shape (K, K), optional
        How often each pair may be asked at most.

    Returns
    -------
    int array, shape (n_pairs, 2)
        Trait indices; a pair may occur more than once. Fewer where no pair may be asked.
    """
    identity = np.eye(len(beliefs[0].strengths))
    parts = [
        _Information(belief, _rank_slopes(belief) if aim is None else identity[aim])
        for belief in beliefs
    ]
    left = None if free is None else free.copy()
    return np.array(_informative(parts, n_pairs, left), dtype=np.int64).reshape(-1, 2)


def _informative(
    parts: Sequence[_Information], n_pairs: int, left: IntArray | None
) -> list[tuple[int, int]]:
    """Choose one pair after another by what its answer takes off the variances aimed at."""
    chosen = []
    for _ in range(n_pairs):
        gain = sum((part.gain() for part in parts[1:]), start=parts[0].gain())
        if left is not None:
            gain = np.where(left > 0, gain, -np.inf)
        i, j = pair = divmod(int(np.argmax(gain)), len(gain))
        if gain[pair] == -np.inf:
            break
        chosen.append(pair)
        if left is not None:
            left[[i, j], [j, i]] -= 1
        for part in parts:
            part.add(*pair)
    return chosen


class _Information:
    """One model's covariance as a round's pairs are added, whatever will be answered.

    What is aimed at is the sum of the variances of L @ strengths, that is the trace of L C L', for
    a matrix L of shape (m, K).
    """

    def __init__(self, belief: Belief, aim: FloatArray) -> None:
        gaps = belief.strengths[:, None] - belief.strengths[None, :]
        _, self._slope, _ = expect(gaps, 0.0)
        np.fill_diagonal(self._slope, 0.0)  # a trait never meets itself
        self._covariance = belief.covariance.copy()
        aim = aim / np.sqrt(np.trace(aim @ self._covariance @ aim.T))  # models count alike
        self._aim = aim
        moved = aim @ self._covariance
        self._reach = moved.T @ moved  # C L' L C

    def gain(self) -> FloatArray:
        """Return what one more answer on each pair takes off the sum of variances, shape (K, K)."""
        reach, unsure = (_of_differences(a) for a in (self._reach, self._covariance))
        return np.asarray(self._slope * reach / (1 + self._slope * unsure))

    def add(self, i: int, j: int) -> None:
        """Count an answer on a pair: rank-one updates of the covariance and of what it reaches."""
        column = self._covariance[:, i] - self._covariance[:, j]
        slope = self._slope[i, j]
        slope /= 1 + slope * (column[i] - column[j])
        reached = self._aim @ column
        back = self._reach[:, i] - self._reach[:, j]
        self._covariance -= slope * np.outer(column, column)
        cross = slope * np.outer(back, column)
        self._reach -= cross + cross.T
        self._reach += slope**2 * (reached @ reached) * np.outer(column, column)


def _of_differences(matrix: FloatArray) -> FloatArray:
    """Return d' M d for the difference d of each two unit vectors, shape (K, K)."""
    own = np.diag(matrix)
    return np.asarray(own[:, None] + own[None, :] - 2 * matrix)


def _rank_slopes(belief: Belief) -> FloatArray:
    """Return how each trait's expected rank moves with each strength, shape (K, K)."""
    width = np.sqrt(np.maximum(_of_differences(belief.covariance), 1e-12))
    gaps = belief.strengths[:, None] - belief.strengths[None, :]
    slopes = norm.pdf(gaps / width) / width
    np.fill_diagonal(slopes, 0.0)
    return np.asarray(np.diag(slopes.sum(axis=1)) - slopes)


def extend_design(
    design: Design, pairs: IntArray, *, both: bool = False
) -> tuple[IntArray, IntArray, IntArray]:
    """Lay out a round: positions balanced for each trait, prompts in turn.

    Parameters
    ----------
    design : Design
        What was asked so far.
    pairs : int array, shape (n, 2)
    both : bool
        Ask each pair in both orders, with the same prompt.

    Returns
    -------
    first, second, prompt : int array
        Of the trials so far and the new ones behind them. A pair never meets a prompt twice in the
        same order; one that has met all of them is left out.
    """
    rng = np.random.default_rng([design.seed, 0xAD, len(design)])
    lead = _leads(design.first, design.second, design.n_traits)
    first, second, prompts = list[int](), list[int](), list[int]()
    for pair, prompt in _deal(design, pairs):
        one, other = _first_of(pair, lead, rng)
        for a, b in ((one, other), (other, one))[: 1 + both]:
            first.append(a)
            second.append(b)
            prompts.append(prompt)
            lead[a] += 1
            lead[b] -= 1
    return (
        np.concatenate([design.first, np.array(first, dtype=np.int64)]),
        np.concatenate([design.second, np.array(second, dtype=np.int64)]),
        np.concatenate([design.prompt, np.array(prompts, dtype=np.int64)]),
    )


def design_of_trials(
    fixed: Design, first: IntArray, second: IntArray, prompt: IntArray, *, both: bool = False
) -> Design:
    """Return the design that some trials are, the first of them as in a fixed design.

    Parameters
    ----------
    fixed : Design
        What the trials began with; may be longer than what they share.
    first, second, prompt : int array, shape (n,)
    both : bool
        Each pair was asked in both orders, one after the other.

    Returns
    -------
    Design
        Of the n trials. The judge's orders are those of `fixed` as far as it goes; after that they
        depend on the trials and the seed alone, so that a design that grew in rounds has the same.
    """
    n = min(len(fixed), len(first))
    same = (fixed.first[:n] == first[:n]) & (fixed.second[:n] == second[:n])
    same &= fixed.prompt[:n] == prompt[:n]
    shared = n if same.all() else int(np.argmin(same))
    swap = _swaps(fixed.judge_swap[:shared], first, second, fixed.n_traits, fixed.seed)
    return Design(
        first=first,
        second=second,
        prompt=prompt,
        repeat=_repeats(first, second, both=both),
        judge_swap=swap,
        n_traits=fixed.n_traits,
        n_prompts=fixed.n_prompts,
        seed=fixed.seed,
    )


def _repeats(first: IntArray, second: IntArray, *, both: bool) -> IntArray:
    """Return how often each trial's pair was asked before; both orders count once."""
    seen: Counter[tuple[int, int]] = Counter()
    repeats = []
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        pair = min(a, b), max(a, b)
        repeats.append(seen[pair] // (1 + both))
        seen[pair] += 1
    return np.array(repeats, dtype=np.int64)


def _leads(first: IntArray, second: IntArray, n_traits: int) -> FloatArray:
    """Return how often more each trait was first than second."""
    often, seldom = (np.bincount(side, minlength=n_traits) for side in (first, second))
    return (often - seldom).astype(np.float64)


def _first_of(pair: tuple[int, int], lead: FloatArray, rng: np.random.Generator) -> tuple[int, int]:
    """Put first who was first less often."""
    a, b = pair
    turned = rng.random() < 0.5 if lead[a] == lead[b] else lead[a] > lead[b]
    return (b, a) if turned else (a, b)


def _deal(design: Design, pairs: IntArray) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield each pair with the next prompt that it has not met, the least used first."""
    met: dict[tuple[int, int], set[int]] = {}
    trials = zip(design.first.tolist(), design.second.tolist(), design.prompt.tolist(), strict=True)
    for a, b, prompt in trials:
        met.setdefault((min(a, b), max(a, b)), set()).add(prompt)
    used = np.bincount(design.prompt, minlength=design.n_prompts)
    order = np.random.default_rng([design.seed, 0xAE]).permutation(design.n_prompts)
    queue = order[np.argsort(used[order], kind="stable")].tolist()
    for a, b in pairs.tolist():
        seen = met.setdefault((min(a, b), max(a, b)), set())
        place = next((i for i, prompt in enumerate(queue) if prompt not in seen), None)
        if place is None:
            continue
        prompt = queue.pop(place)
        queue.append(prompt)
        seen.add(prompt)
        yield (a, b), prompt


def _swaps(
    kept: BoolArray, first: IntArray, second: IntArray, n_traits: int, seed: int
) -> BoolArray:
    """Choose the judge's order of each trial, the first ones given: for each trait as often first
    as second.
    """
    coins = np.random.default_rng([seed, 0xAF]).random(len(first)) < 0.5
    lead, turned_more, swaps = np.zeros(n_traits), 0, list[bool]()
    for i, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        gap = lead[a] - lead[b]
        chosen = gap > 0 if gap else turned_more < 0 if turned_more else coins[i]
        turn = bool(kept[i]) if i < len(kept) else bool(chosen)
        turned_more += 1 if turn else -1  # than not turned
        one, other = (b, a) if turn else (a, b)
        lead[one] += 1
        lead[other] -= 1
        swaps.append(turn)
    return np.array(swaps, dtype=bool)
