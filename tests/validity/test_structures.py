"""Directions against how traits go together: a planted structure is found, a random one is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ethogram.analysis.components import center
from ethogram.ratings.rate import reference_profiles
from ethogram.validity.inside.structure import PUBLISHED, compare_structures

PROFILES = list(reference_profiles().values())
TRAITS = PROFILES[0].traits[:30]


def _compare(directions, profiles=(), traits=TRAITS):
    rated = SimpleNamespace(profiles=tuple(profiles))
    results = SimpleNamespace(rated=lambda part: rated)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return compare_structures(results, PROFILES[0].judge, traits, unit)


def _planted(traits=TRAITS):
    """Directions whose cosines are the correlations of the published ratings."""
    rows = center(np.array([p.restrict(traits).strengths for p in PROFILES]), standardised=True)
    return rows.T


def test_directions_that_follow_the_published_ratings_are_seen_to():
    """Cosines equal to correlations: Spearman 1, and larger ones on the same side."""
    (found,) = _compare(_planted())
    assert found.source == PUBLISHED
    assert (found.models, found.traits) == (len(PROFILES), 30)
    assert found.rho > 0.999
    assert found.p < 0.01
    assert found.sides.alike > found.sides.others
    assert found.sides.p < 0.01


def test_random_directions_are_not():
    """P of twenty random sets of directions is spread over the whole range."""
    rng = np.random.default_rng(5)
    p = [_compare(rng.normal(size=(30, 64)))[0].p for _ in range(20)]
    assert min(p) > 0.001
    assert 0.25 < np.mean(p) < 0.75


def test_the_stores_own_models_are_a_second_structure_where_there_are_three():
    """Two models give none; with three, both are told."""
    assert len(_compare(_planted(), PROFILES[:2])) == 1
    own, published = _compare(_planted(), PROFILES[:4])
    assert (own.models, published.models) == (4, len(PROFILES))


def test_traits_that_nobody_rated_are_left_out():
    """Of own words none is in the published profiles: nothing is compared."""
    made_up = [f"word{i}" for i in range(30)]
    assert _compare(_planted(), traits=made_up) == ()
    (found,) = _compare(_planted(), traits=[*TRAITS[:20], *made_up[:10]])
    assert found.traits == 20
