"""Which of a study's models name weights of their own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ethogram.errors import InputError
from ethogram.run.looking import own_weights


def _study(model, engine):
    return SimpleNamespace(models={"fern": SimpleNamespace(model=model, engine=engine)})


def test_a_local_model_and_one_that_ray_runs_name_their_weights():
    """Nothing need be given for them."""
    assert own_weights(_study("local/fern", "live"), "fern") == "local/fern"
    assert own_weights(_study("owner/fern", "ray"), "fern") == "owner/fern"


@pytest.mark.parametrize("engine", ["live", "batch"])
def test_a_service_does_not_give_its_weights(engine):
    """Its name for a model is no id on the hub, asked by the batch or one by one."""
    with pytest.raises(InputError, match="--weights"):
        own_weights(_study("openai/gpt-5.1", engine), "fern")
