"""What the bridges' tests share: a store with losses, and its data set."""

from __future__ import annotations

import pytest
from tests.planted.simulated_store import Losses, fill_store

TRAITS = ("warm", "blunt", "formal", "playful", "cautious", "bold")


@pytest.fixture
def filled(store_path):
    """Return a store of two models and two judges, with losses."""
    return fill_store(
        store_path,
        traits=TRAITS,
        models=("alpha", "beta"),
        judges=("one", "two"),
        losses=Losses(empty=0.1, unparsed=0.1),
        words=12,
    )
