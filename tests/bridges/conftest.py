"""What the bridges' tests share: a store with losses, and its data set."""

from __future__ import annotations

import pytest
from tests.planted.simulated_store import fill_with_losses


@pytest.fixture
def filled(store_path):
    """Return a store of two models and two judges, with losses."""
    return fill_with_losses(store_path)
