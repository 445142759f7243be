"""Which trait a planted reply shows, by its activations and by its text; held out by prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ethogram.analysis.probes.decoding import (
    Decoded,
    Site,
    decode,
    score_held_out,
    separate_rows,
)
from ethogram.analysis.probes.directions import fit_mean_difference
from ethogram.analysis.probes.separation import Separation
from ethogram.analysis.probes.splits import Labelled, label_rows, shuffled
from ethogram.analysis.probes.texts import count_words, measure_lengths
from ethogram.analysis.probes.utility import (
    Nearness,
    compare_cosines,
)
from ethogram.ratings.comparisons import FloatArray
from ethogram.store.activations import Shards
from ethogram.validity.inside.replies import Replies, layer_reader, pairs_near
from ethogram.validity.proportions import Estimate

OVER = ("mean", "last")


DEALS = 10
"""Times that labels are shuffled for the baseline: one deal can be far from chance by luck."""


WORDS, LENGTH, TOKENS, SHUFFLED = "bag of words", "length", "token embeddings", "shuffled labels"


EMBEDDING = "sentence embedding"


TEXT_BASELINES = (WORDS, LENGTH, TOKENS, EMBEDDING)


Embed = Callable[[Sequence[str]], FloatArray]
"""Gives one vector per text, shape (n, e)."""


@dataclass(frozen=True)
class Inside:
    """What is told of planted replies, held out by prompt.

    Attributes
    ----------
    rows : Labelled
    logistic, difference : Decoded
        Probes by L2 logistic regression, and by difference of means.
    baselines : mapping of str to Separation
        What the words, the length, the token embeddings and shuffled labels tell.
    words : float array, shape (n, T)
        Held-out scores of the bag of words.
    directions : float array, shape (T, d)
        Differences of means at `difference.best`, of all planted replies, as unit vectors.
    """

    rows: Labelled
    logistic: Decoded
    difference: Decoded
    baselines: Mapping[str, Separation]
    words: FloatArray
    directions: FloatArray
    cosines: Nearness

    def gain(self, name: str, label: int | None = None) -> Estimate:
        """How much more the logistic probe tells than a baseline, paired by prompt."""
        return self.logistic.separation.less(self.baselines[name], label)

    @property
    def text_baselines(self) -> tuple[str, ...]:
        """The baselines that read the text."""
        return tuple(name for name in TEXT_BASELINES if name in self.baselines)

    def reads_the_text(self, label: int | None = None) -> bool:
        """Whether the probe is not clearly above every baseline that reads the text alone."""
        return any(not self.gain(name, label).low > 0 for name in self.text_baselines)


def measure_inside(
    replies: Replies, shards: Shards, *, embed: Embed | None = None, seed: int = 0
) -> Inside:
    """Fit and score probes of all traits at all layers, beside what the text alone tells."""
    labels = replies.planted[:, None] == np.arange(len(replies.traits))
    rows = label_rows(labels, replies.prompt, known=replies.planted >= 0, seed=seed)
    sites = [Site(layer, over) for layer in shards.layers if layer for over in OVER]
    read = layer_reader(shards, replies.ids)
    logistic = decode(read, sites, rows)
    difference = decode(read, sites, rows, fit=fit_mean_difference)
    words = score_held_out(count_words(replies.texts), rows)
    baselines = {
        WORDS: separate_rows(words, rows),
        LENGTH: separate_rows(score_held_out(measure_lengths(replies.texts), rows), rows),
        TOKENS: separate_rows(score_held_out(read(Site(0, "mean")), rows), rows),
    }
    if embed is not None:
        baselines[EMBEDDING] = separate_rows(score_held_out(embed(replies.texts), rows), rows)
    baselines[SHUFFLED] = separate_shuffled(read(logistic.best), rows, seed=seed)
    known = read(difference.best)[rows.known]
    directions = fit_mean_difference(known, labels[rows.known]).directions
    alike = pairs_near(replies.traits)
    return Inside(
        rows,
        logistic,
        difference,
        baselines,
        words,
        directions,
        compare_cosines(directions @ directions.T, alike, seed=seed),
    )


def separate_shuffled(features: FloatArray, rows: Labelled, *, seed: int) -> Separation:
    """What is told of labels that are dealt out anew: the mean of several deals."""
    found = []
    for deal in range(DEALS):
        dealt = shuffled(rows, seed=seed + deal)
        found.append(separate_rows(score_held_out(features, dealt), dealt))
    accuracy, pulls = (
        np.mean([getattr(f, key) for f in found], axis=0) for key in ("accuracy", "pulls")
    )
    return replace(found[0], accuracy=accuracy, pulls=pulls)
