"""What is known before hours are spent on a model's inside: its weights, and who judges."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ethogram.engine import local
from ethogram.errors import EndpointError, InputError
from ethogram.run.looking import _check_judges, own_weights
from ethogram.study import parse_study


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


def _judged_by(*lines):
    return parse_study(
        "\n".join(
            ['[study]\nname = "steered"\n[models.fern]\nmodel = "local/fern"\n[judges.owl]', *lines]
        )
    )


def test_steering_does_not_begin_without_a_judge(monkeypatch):
    """A key that is not set, or a program that is not there, is said before replies are written."""
    served = _judged_by('service = "openrouter"', 'model = "owl"')
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-here")
    _check_judges(served)
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(EndpointError, match="OPENROUTER_API_KEY"):
        _check_judges(served)
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EndpointError, match="xllamacpp"):
        _check_judges(_judged_by('model = "local/smollm2"'))
