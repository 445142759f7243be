"""The replies of one model that probes are fitted on or score, and what judges said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ethogram.analysis.probes.decoding import ReadRows, Site
from ethogram.design import Part
from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray
from ethogram.stimuli.exemplars import pair_class
from ethogram.store.activations import Shards
from ethogram.store.replies import ProbedTrial, read_probed
from ethogram.store.store import Store
from ethogram.validity.both_orders import merge_verdicts
from ethogram.validity.results import StoreResults

PROBED = (Part.MAIN, Part.PLANT)
"""Parts of a study whose replies are read."""
LEAST_PLANTS = 2
"""Planted replies without which a trait has no probe: one to fit, one to hold out."""


@dataclass(frozen=True)
class Replies:
    """The replies of one model that probes are fitted on or score.

    Attributes
    ----------
    trials : tuple of ProbedTrial
    traits : tuple of str
        Those with enough planted replies.
    planted, first, second : int array, shape (n,)
        Indices into `traits`; −1: a trait that has no probe, or none planted.
    chosen : bool array, shape (n,)
        Replies of the study itself.
    prompt : int array, shape (n,)
    """

    trials: tuple[ProbedTrial, ...]
    traits: tuple[str, ...]
    planted: IntArray
    first: IntArray
    second: IntArray
    chosen: BoolArray
    prompt: IntArray

    @property
    def texts(self) -> list[str]:
        """What the replies say."""
        return [t.reply for t in self.trials]

    @property
    def ids(self) -> IntArray:
        """Trials."""
        return np.array([t.id for t in self.trials], dtype=np.int64)


def read_replies(results: StoreResults, model: str) -> Replies:
    """Read the planted and the chosen replies of a model.

    Raises
    ------
    InputError
        Fewer than two traits are planted often enough.
    """
    trials = tuple(read_probed(results.store, model, PROBED))
    return _arrange(trials, list(results.store.trait_ids()), model)


def _arrange(trials: tuple[ProbedTrial, ...], names: Sequence[str], model: str) -> Replies:
    """Number the traits that are planted often enough in these trials."""
    planted = [t.planted for t in trials if t.part == Part.PLANT]
    traits = tuple(t for t in names if planted.count(t) >= LEAST_PLANTS)
    if len(traits) < 2:
        raise InputError(
            f"{model} has planted replies of {len(set(planted))} traits that can be read, expected "
            f"at least {LEAST_PLANTS} of each of 2 traits: run `ethogram validity STUDY.toml "
            "--only plants` (more of them: plants in [validity])"
        )
    place = {name: i for i, name in enumerate(traits)}
    columns = {
        key: np.array([place.get(getattr(t, key), -1) for t in trials], dtype=np.int64)
        for key in ("planted", "trait_1", "trait_2")
    }
    chosen = np.array([t.part == Part.MAIN for t in trials])
    return Replies(
        trials,
        traits,
        np.where(chosen, -1, columns["planted"]),
        columns["trait_1"],
        columns["trait_2"],
        chosen,
        np.array([t.prompt_id for t in trials], dtype=np.int64),
    )


def keep_read(replies: Replies, shards: Shards, model: str) -> Replies:
    """Leave out replies that no activations are kept of, and traits that have too few without.

    Raises
    ------
    InputError
        Fewer than two traits are left.
    """
    known = set(shards.trials().tolist())
    trials = tuple(t for t in replies.trials if t.id in known)
    return _arrange(trials, replies.traits, model)


def digest_replies(store: Store, model: str) -> str:
    """Return what tells a model's replies from those of another store, of the same number too."""
    digest = hashlib.blake2b(digest_size=8)
    for t in read_probed(store, model, PROBED):
        told = f"{t.id} {t.planted} {t.trait_1} {t.trait_2}\n{t.prompt}\n{t.reply}\n"
        digest.update(told.encode("utf-8", "replace"))
    return digest.hexdigest()


def read_outcomes(results: StoreResults, judge: str, trials: IntArray, *parts: Part) -> FloatArray:
    """A judge's probability of each trial's first trait (0, one half, 1 by word); NaN: none."""
    merged = merge_verdicts(results.verdicts(judge).part(*parts))
    by_trial = dict(zip(merged.trial.tolist(), merged.p_first.tolist(), strict=True))
    return np.array([by_trial.get(t, np.nan) for t in trials.tolist()], dtype=np.float64)


def pairs_near(traits: Sequence[str]) -> BoolArray:
    """Which traits are near in meaning."""
    return np.array([[pair_class(a, b) == "near" for b in traits] for a in traits], dtype=bool)


def layer_reader(shards: Shards, trials: IntArray) -> ReadRows:
    """Read layers of these trials; the one that was read last is kept."""

    @lru_cache(maxsize=1)
    def read(site: Site) -> FloatArray:
        return shards.read(site.layer, site.over, trials)

    return read
