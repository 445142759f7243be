"""From weights in a folder to a report: a tiny transformer looked into and steered, end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra probes is not installed: make test-probes")

from tests.planted.probed_store import MODEL, TRAITS, fill_probed_store  # noqa: E402
from tests.probes.conftest import LAYERS, tiny_model, tiny_tokenizer  # noqa: E402

from ethogram.api import probe_study  # noqa: E402
from ethogram.engine.activations.loading import load_weights  # noqa: E402
from ethogram.errors import EndpointError, InputError  # noqa: E402
from ethogram.run import looking  # noqa: E402
from ethogram.run.steering import Direction, steered_conditions  # noqa: E402
from ethogram.study import parse_study  # noqa: E402
from ethogram.validity.asked import find_sections  # noqa: E402
from ethogram.validity.results import StoreResults  # noqa: E402

STUDY = """
[study]
name = "probed"
traits = [{traits}]
[models.alpha]
model = "alpha"
base_url = "http://127.0.0.1:9"
[judges.judge]
model = "judge"
base_url = "http://127.0.0.1:9"
"""


@pytest.fixture
def weights(tmp_path):
    """Return a folder with the tiny model and its tokenizer."""
    folder = tmp_path / "tiny"
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def study():
    """Return the study of the planted store."""
    return parse_study(STUDY.format(traits=", ".join(f'"{t}"' for t in TRAITS)))


def test_a_folder_of_weights_is_looked_into(tmp_path, weights, study, monkeypatch):
    """All layers are read and measured, kept, shown by the report, and not read again."""
    known = fill_probed_store(tmp_path / "study.db")
    options = {"store": known.path, "weights": str(weights), "before": False}
    found = probe_study(study, MODEL, **options)
    assert found.read.new == len(known.shown)
    layers = {site.layer for site in found.probes.inside.logistic.by_site}
    assert layers == set(range(1, LAYERS + 1))
    assert json.loads(found.file.read_text("utf-8"))["model"] == MODEL
    with StoreResults.open(known.path) as results:
        (section,) = [s for s in find_sections(results) if s.name == "probes"]
    assert section.claims == found.section.claims

    def refuse(source):
        raise AssertionError("weights are loaded for nothing")

    monkeypatch.setattr(looking, "load_weights", refuse)
    again = probe_study(study, MODEL, **options)
    assert (again.read.new, again.read.kept) == (0, found.read.new)
    assert again.section.data == found.section.data


def test_random_weights_read_no_more_than_the_text(tmp_path, weights, study):
    """A network that learned nothing, on words that say nothing, is at chance and says so."""
    known = fill_probed_store(tmp_path / "study.db")
    found = probe_study(study, MODEL, store=known.path, weights=str(weights), before=False)
    mean = found.probes.inside.logistic.separation.mean()
    assert mean.low < 0.5 < mean.high
    assert found.section.data["reads_the_text"]


def test_other_weights_are_compared_along_the_same_directions(tmp_path, weights, study):
    """A second folder reads the same replies; against itself nothing is shifted."""
    known = fill_probed_store(tmp_path / "study.db")
    found = probe_study(
        study, MODEL, store=known.path, weights=str(weights), before=False, against=str(weights)
    )
    shifts = [row["shift"] for row in found.section.data["before_and_after"]["traits"]]
    assert shifts == pytest.approx([0.0] * len(TRAITS), abs=1e-6)


def test_a_service_has_no_inside(tmp_path, study):
    """Without weights, a model at a service is refused with what to give."""
    fill_probed_store(tmp_path / "study.db")
    with pytest.raises(InputError, match="--weights"):
        probe_study(study, MODEL, store=tmp_path / "study.db")


def test_a_trait_without_a_direction_is_refused_before_weights_are_loaded(tmp_path, study):
    """A misspelt trait is named with the nearest, and nothing is loaded for it."""
    known = fill_probed_store(tmp_path / "study.db")
    with pytest.raises(InputError, match="did you mean 'formal'"):
        probe_study(study, MODEL, store=known.path, weights=str(tmp_path), steer=["formaal"])


def test_a_folder_that_holds_no_weights_is_one_clear_error(tmp_path):
    """What transformers says is one line."""
    with pytest.raises(EndpointError, match="cannot be loaded"):
        load_weights(tmp_path)


def test_controls_are_of_the_same_length_and_orthogonal():
    """Every push is a unit vector; the orthogonal control has nothing of the trait's direction."""
    rng = np.random.default_rng(0)
    unit, others = np.eye(6)[0], rng.normal(size=(3, 6))
    conditions = list(steered_conditions(Direction("bold", 2, unit, others), (-0.1, 0.1), seed=4))
    assert [c.kind for c in conditions] == [
        "none",
        *np.repeat(["trait", "random", "orthogonal"], 2),
    ]
    pushes = [c.push for c in conditions if c.push]
    assert all(np.linalg.norm(p.direction) == pytest.approx(1) for p in pushes)
    assert pushes[4].direction @ unit == pytest.approx(0, abs=1e-12)
    assert abs(pushes[2].direction @ unit) > 0
    assert len({c.name for c in conditions}) == 7
