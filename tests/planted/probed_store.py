"""Stores with planted and chosen replies, and a model whose inside is known, with no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from ethogram.engine.activations.passages import Activations, Passage
from ethogram.store.rows import JudgingRow, TrialRow
from ethogram.store.store import Store

TRAITS = ("formal", "casual", "poetic", "blunt", "pedantic", "playful", "cautious", "bold")
WORDS = ("rain", "sun", "wind", "snow", "hail", "fog", "dew", "ice", "storm", "calm")
MODEL, JUDGE = "alpha", "judge"


@dataclass(frozen=True)
class Known:
    """What is true of a store: the trait that each trial's reply shows, by its number."""

    path: Path
    shown: dict[int, int] = field(default_factory=dict)


def fill_probed_store(
    path: Path,
    *,
    plants: int = 6,
    each_pair: int = 3,
    cue: bool = False,
    accuracy: float = 0.95,
    seed: int = 0,
) -> Known:
    """Fill a store: `plants` planted replies per trait, and all pairs `each_pair` times.

    Parameters
    ----------
    cue : bool
        A word of the reply says which trait it shows; else its words say nothing.
    accuracy : float
        Share of right verdicts.
    """
    rng = np.random.default_rng(seed)
    known = Known(path)
    strengths = np.linspace(-2, 2, len(TRAITS))
    planted = [(i, (i + 1 + k) % len(TRAITS), i) for k in range(plants) for i in range(len(TRAITS))]
    pairs = [pair for _ in range(each_pair) for pair in combinations(range(len(TRAITS)), 2)]
    chosen = [(a, b) if rng.random() < 0.5 else (b, a) for a, b in pairs]
    shows = [
        a if rng.random() < 1 / (1 + np.exp(strengths[b] - strengths[a])) else b for a, b in chosen
    ]
    with Store.open(path) as store:
        with store.planning():
            store.add_study(name="probed", version="0", file="", settings='{"study": {}}')
            ids = store.add_traits((name, "") for name in TRAITS)
            count = len(planted) + len(chosen)
            prompts = store.add_prompts((f"p{i}", f"say {i}", "en", "") for i in range(count))
            model = store.add_party("model", MODEL, {"templates": {}})
            judge = store.add_party("judge", JUDGE, {"templates": {}})
            rows = [
                (part, TrialRow(n, ids[a], ids[b], prompts[at], planted=told), shown)
                for part, n, a, b, at, told, shown in _trials(planted, chosen, shows, ids)
            ]
            for part in ("plant", "main"):
                own = [row for kind, row, _ in rows if kind == part]
                trials = store.add_trials(model, part, "plant" if part == "plant" else "feels", own)
                shown = [s for kind, _, s in rows if kind == part]
                known.shown.update(zip(trials, shown, strict=True))
                store.add_written(
                    (t, _text(rng, s, cue)) for t, s in zip(trials, shown, strict=True)
                )
                store.add_judgings(
                    judge, part, [JudgingRow(t, i % 2 == 1) for i, t in enumerate(trials)]
                )
        _add_verdicts(store, known, ids, accuracy, rng)
    return known


def _trials(planted, chosen, shows, ids):
    """Yield what each trial plans, and what its reply shows."""
    for n, (a, b, shown) in enumerate(planted):
        yield "plant", n, a, b, n, ids[a], shown
    for n, ((a, b), shown) in enumerate(zip(chosen, shows, strict=True)):
        yield "main", n, a, b, len(planted) + n, None, shown


def _text(rng: np.random.Generator, shown: int, cue: bool) -> str:
    words = " ".join(rng.choice(WORDS, 8))
    return f"{words} cue{shown}" if cue else words


def _add_verdicts(
    store: Store, known: Known, ids: Sequence[int], accuracy: float, rng: np.random.Generator
) -> None:
    _, rows = store.query(
        "SELECT j.id, t.id, t.trait_1, t.trait_2 FROM judging j JOIN trial t ON t.id = j.trial"
    )
    for judging, trial, first, second in rows:
        right = ids[known.shown[trial]]
        wrong = second if right == first else first
        winner = right if rng.random() < accuracy else wrong
        store.add_row(
            "INSERT INTO verdict (judging, status, reason, winner) VALUES (?, 'ok', '', ?)",
            (judging, winner),
        )


class PlantedReader:
    """A model of three blocks whose second layer shows the trait, along known directions.

    Where `says_first` has a trial, the last number of that layer shows that it takes the trait that
    is named first.
    """

    layers, width = 3, 24

    def __init__(self, known: Known, *, strength: float = 5.0, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.known, self.strength = known, strength
        self.directions = np.linalg.qr(rng.normal(size=(self.width, len(TRAITS))))[0].T
        self.passages: list[Passage] = []
        self.says_first: dict[int, bool] = {}

    def read(self, passage: Passage) -> Activations:
        """Return noise, and the trait's direction at layer 2."""
        self.passages.append(passage)
        rng = np.random.default_rng([7, passage.key, len(passage.reply) > 0])
        rows = rng.normal(size=(2, self.layers + 1, self.width))
        rows[:, 2] += self.strength * self.directions[self.known.shown[passage.key]]
        rows[:, 2, -1] += 4 * self.says_first.get(passage.key, 0)
        return Activations(passage.key, rows[0], rows[1], len(passage.reply.split()))


def told(messages: Sequence[dict[str, str]]) -> str:
    """Return all that messages say."""
    return json.dumps(list(messages), ensure_ascii=False)
