"""Before any reply: which trait will the model show, told at the last token of the prompt?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.analysis.probes.agreement import (
    agreement,
    differences,
    picks,
)
from ethogram.analysis.probes.decoding import (
    Decoded,
    Site,
    decode,
    score_held_out,
    separate_rows,
)
from ethogram.analysis.probes.separation import Separation
from ethogram.analysis.probes.splits import Labelled, label_rows
from ethogram.analysis.probes.texts import count_words
from ethogram.analysis.probes.utility import (
    LEAST,
)
from ethogram.design import Part
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.store.activations import Shards
from ethogram.store.replies import ProbedTrial
from ethogram.validity.inside.planted import SHUFFLED, Inside, separate_shuffled
from ethogram.validity.inside.replies import Replies, layer_reader, read_outcomes
from ethogram.validity.proportions import Estimate
from ethogram.validity.results import StoreResults

NAMES, PROMPT = "names of the traits", "words of the prompt"


@dataclass(frozen=True)
class Beforehand:
    """Which trait a reply will show by the judge, told at the last token of the prompt.

    Held out by prompt and by pair of traits; one label, "the trait that is named first".
    `by_directions` is the share in which the directions of planted replies pick the judge's trait,
    when they are read at that token.
    """

    judge: str
    decoded: Decoded
    baselines: Mapping[str, Separation]
    by_directions: Estimate

    def gain(self, name: str) -> Estimate:
        """How much more the activations tell than a baseline, paired by prompt."""
        return self.decoded.separation.less(self.baselines[name])


def measure_before(
    results: StoreResults,
    judge: str,
    replies: Replies,
    inside: Inside,
    shards: Shards,
    before: Shards,
    *,
    seed: int = 0,
) -> Beforehand | None:
    """Tell at the last prompt token which trait the reply will show; None without verdicts."""
    outcome = read_outcomes(results, judge, replies.ids, Part.MAIN)
    there = np.isin(replies.ids, before.trials())
    kept = np.flatnonzero(replies.chosen & there & ~np.isnan(outcome) & (outcome != 0.5))
    first = (outcome[kept] > 0.5)[:, None]
    if len(kept) < 2 * LEAST or first.all() or not first.any():
        return None
    trials = [replies.trials[i] for i in kept]
    rows = label_rows(first, replies.prompt[kept], pair=_pairs(trials), seed=seed)
    sites = [Site(layer, "last") for layer in before.layers if layer]
    decoded = decode(layer_reader(before, replies.ids[kept]), sites, rows)
    read = layer_reader(before, replies.ids[kept])
    features = {NAMES: _name_features(trials), PROMPT: count_words([t.prompt for t in trials])}
    baselines = {k: separate_rows(score_held_out(x, rows), rows) for k, x in features.items()}
    baselines[SHUFFLED] = separate_shuffled(read(decoded.best), rows, seed=seed)
    by_directions = _by_directions(replies, inside, shards, before, kept, outcome[kept])
    return Beforehand(judge, decoded, baselines, by_directions)


def _by_directions(
    replies: Replies,
    inside: Inside,
    shards: Shards,
    before: Shards,
    kept: IntArray,
    outcome: FloatArray,
) -> Estimate:
    """Read the directions of planted replies at the last prompt token, held out by prompt."""
    layer, over = inside.logistic.best
    planted = np.flatnonzero(replies.planted >= 0)
    chosen = (replies.first[kept] >= 0) & (replies.second[kept] >= 0)
    asked = kept[chosen]
    both = np.concatenate([planted, asked])
    features = np.concatenate(
        [
            shards.read(layer, over, replies.ids[planted]),
            before.read(layer, "last", replies.ids[asked]),
        ]
    )
    rows = inside.rows
    known = np.arange(len(both)) < len(planted)
    own = Labelled(rows.labels[both], known, rows.prompt[both], rows.fold[both], rows.pair[both])
    scores = score_held_out(features, own)[len(planted) :]
    gap = differences(scores, replies.first[asked], replies.second[asked])
    return agreement(picks(gap), outcome[chosen], replies.prompt[asked])


def _pairs(trials: Sequence[ProbedTrial]) -> IntArray:
    """Number the pairs of traits, whichever is named first."""
    pairs = [tuple(sorted((t.trait_1, t.trait_2))) for t in trials]
    known = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
    return np.array([known[pair] for pair in pairs], dtype=np.int64)


def _name_features(trials: Sequence[ProbedTrial]) -> FloatArray:
    """+1 for the trait that is named first, −1 for the second: what Bradley-Terry is told."""
    names = sorted({name for t in trials for name in (t.trait_1, t.trait_2)})
    found = np.zeros((len(trials), len(names)))
    for i, t in enumerate(trials):
        found[i, names.index(t.trait_1)] += 1
        found[i, names.index(t.trait_2)] -= 1
    return found
