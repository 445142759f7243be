"""Do directions inside lie to each other as traits go together over models?

Traits that rise and fall together over models form the clusters and components of the analysis. If
a model's directions follow the same structure, pairs of traits that go together have larger
cosines, and so have pairs on the same side of the first component. Held against the models of the
store, where there are three, and against the published profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.analysis.components import center
from ethogram.analysis.probes.utility import (
    LEAST,
    Nearness,
    compare_cosines,
    correlate_matrices,
)
from ethogram.design import Part
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import reference_profiles
from ethogram.validity.results import StoreResults

MODELS = 3
"""Models without which traits cannot be said to go together."""
PUBLISHED = "the published profiles"


@dataclass(frozen=True)
class Structure:
    """Cosines of directions against how ratings go together over some models.

    Attributes
    ----------
    source : str
        Which models these are.
    models, traits : int
    rho, p : float
        Spearman of cosines with correlations of ratings over models, and its p by shuffling traits.
    sides : Nearness
        Cosines of pairs on the same side of the models' first component, and of the others.
    """

    source: str
    models: int
    traits: int
    rho: float
    p: float
    sides: Nearness


def compare_structures(
    results: StoreResults, judge: str, traits: Sequence[str], directions: FloatArray
) -> tuple[Structure, ...]:
    """Hold the cosines of unit directions, shape (T, d), against both structures."""
    own = [p for p in results.rated(Part.MAIN).profiles if p.judge == judge]
    sources = (
        ("the store's models", own),
        (PUBLISHED, list(reference_profiles().values())),
    )
    found = (_compare(source, profiles, traits, directions) for source, profiles in sources)
    return tuple(one for one in found if one is not None)


def _compare(
    source: str, profiles: Sequence[Profile], traits: Sequence[str], directions: FloatArray
) -> Structure | None:
    """Compare on the traits that all profiles have; None with too few of them, or of models."""
    if len({p.model for p in profiles}) < MODELS:
        return None
    places = [i for i, trait in enumerate(traits) if all(trait in p.traits for p in profiles)]
    if len(places) < LEAST:
        return None
    shared = [traits[i] for i in places]
    rows = center(np.array([p.restrict(shared).strengths for p in profiles]), standardised=True)
    if (rows.std(axis=0) < 1e-9).any():
        return None
    chosen = directions[places]
    cosines = chosen @ chosen.T
    rho, p = correlate_matrices(cosines, np.asarray(np.corrcoef(rows.T)))
    side = np.linalg.svd(rows, full_matrices=False)[2][0] > 0
    alike = side[:, None] == side[None, :]
    return Structure(source, len(rows), len(shared), rho, p, compare_cosines(cosines, alike))
