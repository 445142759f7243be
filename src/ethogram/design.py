"""The design: which pairs of traits are asked, in which order, with which prompt.

Pure and seeded; knows nothing of models, stores or services. One design serves every model
of a study.

All of it follows from one sequence. The complete graph on K traits falls apart into
Hamiltonian cycles (plus one perfect matching where K is even), each written as the zigzag
s, s+1, s-1, s+2, s-2, ... closed through one extra vertex (Walecki's construction, in
Lucas 1892; Alspach 2008, Bull. ICA 52). Each cycle is walked in steps of two edges, and
every edge points along its cycle. Then *every prefix* of the sequence

- has each trait equally often, within one;
- has each trait as choice 1 and as choice 2 equally often, within one;
- is connected once it holds K - 1 pairs.

So a study of some rounds, or one cut short, is a prefix and needs no rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import gcd
from typing import TYPE_CHECKING

import lazy_loader

from ethogram.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
else:
    np = lazy_loader.load("numpy")  # the store needs the names of parts from here, and no arrays


class Condition(StrEnum):
    """What a model is told to do with the traits of a trial."""

    FEELS = "feels"
    LIKES = "likes"
    RANDOM = "random"
    PLANT = "plant"  # one trait, which it is told to show
    NATURAL = "natural"  # no trait is named
    WORD = "word"  # a reply to another trial, judged for two words that it was not asked for
    EXEMPLAR = "exemplar"  # no model is told anything: the reply was written to show a trait
    FREE = "free"  # either trait, or neither
    FRESH = "fresh"  # asked about itself, in a conversation of its own
    ACTED = "acted"  # asked about itself, after the reply to a trial of the study


class Part(StrEnum):
    """Which part of a study a trial or a judging belongs to: the study itself, or a check."""

    MAIN = "main"
    PLANT = "plant"
    ORDER = "order"
    REPEAT = "repeat"
    RETEST = "retest"
    RANDOM = "random"
    NATURAL = "natural"
    WORD = "word"
    EXEMPLAR = "exemplar"
    PERSISTENCE = "persistence"
    FREE = "free"
    STATED = "stated"
    BREADTH = "breadth"
    LIKERT = "likert"
    STEER = "steer"  # replies written while a direction was added to the model's activations


@dataclass(frozen=True)
class Design:
    """Trials of one study, in the order in which they are asked.

    Attributes
    ----------
    first, second : int array, shape (n,)
        Trait indices; `first` is shown to the tested model as choice 1.
    prompt : int array, shape (n,)
        Prompt indices.
    repeat : int array, shape (n,)
        0 the first time that a pair is asked, 1 the second time, ...
    judge_swap : bool array, shape (n,)
        True where the judge is shown `second` first. Balanced for every trait, and as often
        true as false whichever trait the model saw first.
    n_traits, n_prompts : int
    seed : int
    """

    first: IntArray
    second: IntArray
    prompt: IntArray
    repeat: IntArray
    judge_swap: BoolArray
    n_traits: int
    n_prompts: int
    seed: int

    def __len__(self) -> int:
        return len(self.first)


def assign_wordings(design: Design, count: int) -> IntArray:
    """Give each trial a wording, so that every trait is asked about equally often in each.

    Each trial takes the wording that its two traits have had least, so every prefix is nearly
    balanced; what is open is drawn from the design's seed.

    Returns
    -------
    int array, shape (n,)
        0 is the template itself.
    """
    rng = np.random.default_rng([design.seed, 0x3D])
    had = np.zeros((design.n_traits, count))
    chosen = np.zeros(len(design), dtype=np.int64)
    for i, (a, b) in enumerate(zip(design.first, design.second, strict=True)):
        chosen[i] = np.argmin(had[a] + had[b] + 0.5 * rng.random(count))
        had[[a, b], chosen[i]] += 1
    return chosen


def make_design(
    n_traits: int,
    n_prompts: int,
    *,
    pairs: str | int = "all",
    repeats: int = 1,
    orders: str = "balanced",
    max_trials: int | None = None,
    seed: int = 0,
) -> Design:
    """Lay out a study's trials.

    Parameters
    ----------
    n_traits, n_prompts : int
    pairs : "all" or int
        Every pair once, or this many rounds, each a perfect matching of the traits (with an
        odd number of traits, two rounds together are a cycle through all of them).
    repeats : int
        Ask each pair this many times, each time with another prompt.
    orders : "balanced" or "both"
        Ask each pair in one order, balanced per trait, or in both with the same prompt.
    max_trials : int, optional
        Stop after this many trials.
    seed : int

    Raises
    ------
    InputError
        Numbers for which no such design exists; the text says which would do.
    """
    _check_numbers(n_traits, n_prompts, repeats=repeats, orders=orders, max_trials=max_trials)
    _check_rounds(n_traits, pairs)
    rng = np.random.default_rng([seed, 0xE7])
    sequence, cycle = pair_sequence(n_traits, rng)
    n_pairs = len(sequence) if pairs == "all" else int(pairs) * n_traits // 2
    walk = _walk(cycle[:n_pairs], repeats=repeats, both=orders == "both")
    order = rng.permutation(n_prompts)
    offsets = prompt_offsets(n_pairs, n_prompts, repeats)
    swap = _judge_swaps(walk, cycle, n_traits, rng)
    flipped = sequence[:, ::-1]
    pairs_asked = np.where(walk.flip[:, None], flipped[walk.pair], sequence[walk.pair])
    keep = slice(None, max_trials)
    return Design(
        first=pairs_asked[keep, 0].copy(),
        second=pairs_asked[keep, 1].copy(),
        prompt=order[(walk.pair + offsets[walk.repeat]) % n_prompts][keep],
        repeat=walk.repeat[keep],
        judge_swap=swap[keep],
        n_traits=n_traits,
        n_prompts=n_prompts,
        seed=seed,
    )


def pair_sequence(n_traits: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Every pair of traits once, directed, so that each prefix is balanced.

    Returns
    -------
    pairs : int array, shape (K(K-1)/2, 2)
    cycle : int array, shape (K(K-1)/2,)
        Which Hamiltonian cycle a pair belongs to; the last one is half a cycle where K is even.
    """
    n = n_traits - 1
    n_cycles = (n + 1) // 2
    zigzag = np.array([(i + 1) // 2 if i % 2 else -(i // 2) for i in range(n)])
    starts = np.arange(n_cycles)
    whole = n_cycles - 1 if n % 2 else n_cycles  # an even K leaves half a cycle: it stays last
    starts[:whole] = rng.permutation(whole)
    ring = np.empty((n_cycles, n_traits), dtype=np.int64)
    ring[:, 0] = n
    ring[:, 1:] = (starts[:, None] + zigzag) % n if n else 0
    steps = np.concatenate([np.arange(0, n_traits, 2), np.arange(1, n_traits, 2)])
    edges = np.stack([ring[:, steps], ring[:, (steps + 1) % n_traits]], axis=-1)
    turn = rng.random(n_cycles) < 0.5
    edges[turn] = edges[turn][:, :, ::-1]
    names = rng.permutation(n_traits)
    n_pairs = n_traits * n // 2
    cycle = np.repeat(np.arange(n_cycles), n_traits)[:n_pairs]
    return names[edges.reshape(-1, 2)[:n_pairs]], cycle


@dataclass(frozen=True)
class _Walk:
    """The order in which pairs are asked: index, repeat, direction and block of each trial."""

    pair: IntArray
    repeat: IntArray
    flip: BoolArray
    block: IntArray


def _walk(cycle: IntArray, *, repeats: int, both: bool) -> _Walk:
    """Go through the pairs `repeats` times; every second time backwards and turned round.

    Backwards and turned round, a pass undoes the imbalance that the one before left, step by step,
    so prefixes stay balanced. With both orders each cycle is followed by itself turned round.
    """
    pair, flip, block = _one_pass(cycle, both=both)
    n_blocks = int(block.max()) + 1
    pairs, flips, blocks = [], [], []
    for repeat in range(repeats):
        step = -1 if repeat % 2 else 1
        pairs.append(pair[::step])
        flips.append(flip[::step] ^ bool(repeat % 2))
        blocks.append(repeat * n_blocks + (n_blocks - 1 - block[::-1] if repeat % 2 else block))
    return _Walk(
        pair=np.concatenate(pairs),
        repeat=np.repeat(np.arange(repeats), len(pair)),
        flip=np.concatenate(flips),
        block=np.concatenate(blocks),
    )


def _one_pass(cycle: IntArray, *, both: bool) -> tuple[IntArray, BoolArray, IntArray]:
    """Return pair, direction and block of each trial of one pass."""
    pair = np.arange(len(cycle))
    if not both:
        return pair, np.zeros(len(pair), dtype=bool), cycle
    pair, flip = np.tile(pair, 2), np.repeat([False, True], len(pair))
    order = np.lexsort((pair, flip, cycle[pair]))
    pair, flip = pair[order], flip[order]
    return pair, flip, 2 * cycle[pair] + flip


def _judge_swaps(
    walk: _Walk, cycle: IntArray, n_traits: int, rng: np.random.Generator
) -> BoolArray:
    """Turn the judge's order against the model's, whole cycles at a time.

    A cycle turned or not shows each trait first once, so the judge's order stays balanced. One of
    every two successive cycles is turned, so the two orders are independent. Half a cycle (an even
    number of traits) is always turned alike: only its next walk, the other way, balances it.
    """
    coin = rng.random() < 0.5  # drawn first, so that a longer study keeps a shorter one's orders
    n = int(walk.block.max()) + 1
    heads = rng.random((n + 1) // 2) < 0.5
    swaps = np.stack([heads, ~heads], axis=1).ravel()[:n][walk.block]
    half = cycle[walk.pair] == n_traits // 2 - 1 if n_traits % 2 == 0 else np.zeros_like(swaps)
    return np.where(half, coin, swaps)


def prompt_offsets(n_pairs: int, n_prompts: int, repeats: int) -> IntArray:
    """Shifts that give pair i the prompt (i + offset) mod n_prompts in each repeat.

    A pair never meets a prompt twice, and after any number of pairs, the passes walked
    alternately up and down, prompts have been used equally often within one: each pass goes on
    where the prompts used so far end.
    """
    period = n_prompts // gcd(n_pairs, n_prompts)
    low = high = 0
    offsets = []
    for repeat in range(repeats):
        if repeat % period == 0:  # every prompt was used equally often: begin again, one on
            low = high = repeat // period
        if repeat % 2:
            low -= n_pairs
            offsets.append(low)
        else:
            offsets.append(high)
            high += n_pairs
    return np.array(offsets, dtype=np.int64)


def is_connected(first: IntArray, second: IntArray, n_traits: int) -> bool:
    """Whether the comparisons join all traits into one graph."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_traits, n_traits))
    return bool(connected_components(graph, directed=False)[0] == 1)


def _check_numbers(
    n_traits: int,
    n_prompts: int,
    *,
    repeats: int,
    orders: str,
    max_trials: int | None,
) -> None:
    """Refuse numbers for which no balanced, connected design exists."""
    if n_traits < 2:
        raise InputError(f"{n_traits} traits: a comparison needs at least two")
    if n_prompts < 1:
        raise InputError("no prompts: a trial needs one")
    if orders not in ("balanced", "both"):
        raise InputError(f'orders = {orders!r}: expected "balanced" or "both"')
    if repeats < 1:
        raise InputError(f"repeats = {repeats}: expected 1 or more")
    if repeats > n_prompts:
        raise InputError(
            f"repeats = {repeats} asks each pair with {repeats} different prompts, "
            f"but there are only {n_prompts}"
        )
    if max_trials is not None and max_trials < n_traits - 1:
        raise InputError(
            f"max_trials = {max_trials}: {n_traits} traits are only connected "
            f"by {n_traits - 1} trials or more"
        )


def _check_rounds(n_traits: int, pairs: str | int) -> None:
    """Refuse a number of rounds that leaves the traits unconnected or uneven."""
    if pairs == "all":
        return
    if isinstance(pairs, bool) or not isinstance(pairs, int):
        raise InputError(f'pairs = {pairs!r}: expected "all" or a number of rounds')
    low, high = min(2, n_traits - 1), n_traits - 1
    if not low <= pairs <= high:
        raise InputError(
            f"pairs = {pairs} rounds: {n_traits} traits allow {low} to {high} "
            "(ask more with repeats)"
        )
    if n_traits % 2 and pairs % 2:
        raise InputError(
            f"pairs = {pairs} rounds: an odd number of traits ({n_traits}) needs an even number "
            "of rounds, or some trait would be asked less often"
        )


PLANT_SHARE = 1 / 9
"""Plants, as a share of a study's trials: 1,152 (8 per trait) for 144 traits and 10,296 trials."""


LEAST_PLANTS = 2
"""Fewest plants per trait, however small the study: the trait shown once first, once second."""


def plant_pairs(
    n_traits: int, *, n_trials: int, share: float = PLANT_SHARE, seed: int = 0
) -> tuple[IntArray, IntArray, BoolArray]:
    """Design a sample of plants in which every trait is planted, and is foil, equally often.

    Parameters
    ----------
    n_traits : int
    n_trials : int
        Trials of the study that the share refers to.
    share : float
        Plants as a share of the trials; rounded to whole plants per trait, at least `LEAST_PLANTS`.
    seed : int

    Returns
    -------
    planted, foil : int array, shape (n,)
        n = n_traits times the plants per trait.
    planted_first : bool array, shape (n,)
        Each trait is shown first in half of its plants (one more or less where they are odd).

    Raises
    ------
    InputError
        Fewer than two traits, or a share that is not from 0 to 1.
    """
    if n_traits < 2 or not 0 < share <= 1:
        raise InputError(
            f"{n_traits} traits and a share of {share}: expected at least 2 traits and a share "
            "above 0, at most 1"
        )
    each = max(LEAST_PLANTS, round(share * n_trials / n_traits))
    rng = np.random.default_rng(seed)
    ring = rng.permutation(n_traits)
    steps = np.concatenate(
        [rng.permutation(np.arange(1, n_traits)) for _ in range(-(-each // (n_traits - 1)))]
    )[:each]
    # A whole turn of the ring by one step: every trait once, with another trait as its foil.
    planted = np.tile(ring, each)
    foil = np.concatenate([np.roll(ring, -step) for step in steps])
    first = (np.arange(n_traits)[None, :] + np.arange(each)[:, None]) % 2 == 0
    order = rng.permutation(n_traits * each)
    return planted[order], foil[order], first.ravel()[order]


def foreign_pairs(
    first: IntArray, second: IntArray, n_traits: int, *, n_pairs: int, seed: int = 0
) -> tuple[IntArray, IntArray, IntArray]:
    """Choose replies, and for each two traits that its trial did not name.

    Parameters
    ----------
    first, second : int array, shape (n,)
        The traits of each trial that has a reply.
    n_traits : int
    n_pairs : int
        How many; at most n. Rounded up to a whole number per trait, if the replies allow it.
    seed : int

    Returns
    -------
    reply, one, other : int array, shape (m,)
        Row of the reply; the two traits to offer the judge, each trait (almost) equally often and
        as often first as second.

    Raises
    ------
    InputError
        Fewer than five traits, or more pairs than replies.
    """
    first, second = np.asarray(first), np.asarray(second)
    if n_traits < 5 or not 0 < n_pairs <= len(first):
        raise InputError(
            f"{n_pairs} pairs of {n_traits} traits on {len(first)} replies: expected at least 5 "
            "traits and at most one pair per reply"
        )
    each = -(-n_pairs // n_traits)
    share = min(each * n_traits / len(first), 1.0)
    one, other, _ = plant_pairs(n_traits, n_trials=len(first), share=share, seed=seed)
    one, other = one[: len(first)], other[: len(first)]
    rng = np.random.default_rng(seed)
    reply = rng.permutation(len(first))[: len(one)]
    for _ in range(1000):
        traits = np.stack([first[reply], second[reply]])
        clash = np.flatnonzero(((traits == one) | (traits == other)).any(axis=0))
        if not clash.size:
            return reply, one, other
        partner = rng.integers(0, len(reply), clash.size)
        for a, b in zip(clash, partner, strict=True):
            reply[a], reply[b] = reply[b], reply[a]
    raise InputError(
        "no assignment of replies to other traits was found; use more traits or fewer pairs"
    )
