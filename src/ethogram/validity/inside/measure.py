"""Looking inside a model: what its activations say of its replies, against judge and ratings.

Reads replies, verdicts and activations; `ethogram.analysis.probes` does the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ethogram.ratings.phases import say_phase
from ethogram.store.activations import Shards
from ethogram.store.replies import find_probed
from ethogram.validity.inside.before import Beforehand, measure_before
from ethogram.validity.inside.judges import Outside, measure_outside
from ethogram.validity.inside.planted import Embed, Inside, measure_inside
from ethogram.validity.inside.replies import (
    PROBED,
    Replies,
    digest_replies,
    keep_read,
    read_replies,
)
from ethogram.validity.results import StoreResults


@dataclass(frozen=True)
class Probes:
    """All that was found inside one model; `in_store` counts the replies that were there.

    `digest` tells these from the replies of a store that was made anew.
    """

    model: str
    replies: Replies
    inside: Inside
    outside: tuple[Outside, ...]
    beforehand: tuple[Beforehand, ...]
    in_store: int = 0
    digest: str = ""


def measure_probes(
    results: StoreResults,
    model: str,
    shards: Shards,
    *,
    before: Shards | None = None,
    embed: Embed | None = None,
    seed: int = 0,
) -> Probes:
    """Fit probes to the planted replies of a model and hold them against judges and ratings.

    Parameters
    ----------
    results : StoreResults
    model : str
    shards : Shards
        Activations of the replies.
    before : Shards, optional
        Activations at the end of the prompts.
    embed : function, optional
        Gives a sentence embedding of each reply, for one more baseline.
    seed : int
        Of the folds and the shuffled labels.
    """
    replies = keep_read(read_replies(results, model), shards, model)
    say_phase("fitting probes")
    inside = measure_inside(replies, shards, embed=embed, seed=seed)
    judges = list(results.judges)
    say_phase("comparing probes with judges")
    outside = [measure_outside(results, model, j, replies, inside, shards) for j in judges]
    told: list[Beforehand | None] = []
    if before is not None:
        say_phase("telling what the model will choose")
        told = [
            measure_before(results, j, replies, inside, shards, before, seed=seed) for j in judges
        ]
    return Probes(
        model,
        replies,
        inside,
        tuple(o for o in outside if o is not None),
        tuple(b for b in told if b is not None),
        in_store=len(find_probed(results.store, model, PROBED)),
        digest=digest_replies(results.store, model),
    )


def find_activations(store: Path) -> list[Path]:
    """Return the folders of activations beside a store."""
    folder = store.with_suffix(".activations")
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
