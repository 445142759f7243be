"""Probes of a store against its judge: planted insides are found, and words that give them away."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.planted.probed_store import JUDGE, MODEL, TRAITS, PlantedReader, fill_probed_store

from ethogram.analysis.probes.decoding import Site
from ethogram.engine.activations.passages import Passage
from ethogram.errors import InputError, StoreError
from ethogram.store.activations import activations_folder, find_shards, open_shards
from ethogram.store.replies import read_probed
from ethogram.store.store import Store
from ethogram.validity.inside.against import measure_inside_shift, shift_section
from ethogram.validity.inside.measure import measure_probes
from ethogram.validity.inside.planted import measure_inside
from ethogram.validity.inside.replies import read_replies
from ethogram.validity.inside.section import describe_probes, keep_section, probes_section
from ethogram.validity.results import StoreResults


def _read(known, reader, kind="reply", folder=None):
    """Write what the planted model reads as shards."""
    folder = folder or activations_folder(known.path, MODEL)
    shards = open_shards(
        folder, kind, weights="planted", width=reader.width, layers=range(reader.layers + 1)
    )
    with Store.read(known.path) as store:
        trials = list(read_probed(store, MODEL, ("main", "plant")))
    shards.add([reader.read(Passage(t.id, (), t.reply if kind == "reply" else "")) for t in trials])
    return shards


def _measured(tmp_path, *, before=False, **options):
    known = fill_probed_store(tmp_path / "study.db", **options)
    reader = PlantedReader(known)
    shards = _read(known, reader)
    asked = _read(known, reader, "before") if before else None
    with StoreResults.open(known.path) as results:
        return reader, measure_probes(results, MODEL, shards, before=asked)


def test_a_planted_inside_is_found_and_agrees_with_the_judge(tmp_path):
    """The layer, the directions, the judge's verdicts and its ratings are all found again."""
    reader, found = _measured(tmp_path)
    inside = found.inside
    assert {site.layer for site in inside.logistic.chosen.values()} == {2}
    assert inside.logistic.separation.mean().low > 0.9
    centred = reader.directions - reader.directions.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert (np.einsum("td,td->t", inside.directions, centred) > 0.9).all()
    assert not inside.reads_the_text()
    (outside,) = found.outside
    assert outside.judge == JUDGE
    assert outside.agreement.low > 0.85
    assert outside.gain.low > 0.2
    assert outside.ratings.plain.estimate > 0.9
    assert outside.correlation.low > 0.5


def test_shuffled_labels_and_words_without_a_cue_are_chance(tmp_path):
    """What has nothing to tell holds one half in its interval."""
    _, found = _measured(tmp_path)
    for name in ("shuffled labels", "bag of words", "length", "token embeddings"):
        mean = found.inside.baselines[name].mean()
        assert mean.low < 0.5 < mean.high, name


def test_a_cue_in_the_words_is_reported_as_reading_the_text(tmp_path):
    """Where a word gives the trait away, the probe is not above the bag of words, and says so."""
    _, found = _measured(tmp_path, cue=True)
    assert found.inside.baselines["bag of words"].mean().low > 0.9
    assert found.inside.reads_the_text()
    claim = describe_probes(found).claims[0]
    assert "the probe reads the text" in claim
    assert all(found.inside.reads_the_text(i) for i in range(len(TRAITS)))


def test_errors_of_probe_and_judge_are_told_apart(tmp_path):
    """A judge that is wrong in 3 of 10 misses planted traits that the probe finds."""
    _, found = _measured(tmp_path, accuracy=0.7)
    (outside,) = found.outside
    table = outside.plants
    assert table.n == 6 * len(TRAITS)
    assert table.only_probe > table.only_judge
    assert outside.probe_on_plants.low > outside.judge_on_plants.estimate


def test_before_any_reply_the_choice_is_told(tmp_path):
    """A direction of the trait that will be chosen is found, held out by pair and by prompt."""
    known = fill_probed_store(tmp_path / "study.db", each_pair=4)
    reader = PlantedReader(known)
    with Store.read(known.path) as store:
        reader.says_first = {
            t.id: t.part == "main" and TRAITS[known.shown[t.id]] == t.trait_1
            for t in read_probed(store, MODEL, ("main", "plant"))
        }
    before = _read(known, reader, "before")
    reader.says_first = {}
    shards = _read(known, reader)
    with StoreResults.open(known.path) as results:
        (told,) = measure_probes(results, MODEL, shards, before=before).beforehand
    assert {site.layer for site in told.decoded.chosen.values()} == {2}
    assert told.decoded.separation.mean().low > 0.7
    shuffled = told.baselines["shuffled labels"].mean()
    assert shuffled.low < 0.5 < shuffled.high
    names = told.baselines["names of the traits"].mean()
    assert names.low > 0.5  # strengths are planted: names alone tell much
    assert told.gain("words of the prompt").low > 0
    assert told.by_directions.low > 0.8  # the trait's own direction is there already


def test_too_few_plants_are_refused_with_the_remedy(tmp_path):
    """With one planted reply per trait there is nothing to hold out."""
    known = fill_probed_store(tmp_path / "study.db", plants=1)
    with (
        StoreResults.open(known.path) as results,
        pytest.raises(InputError, match="--only plants"),
    ):
        read_replies(results, MODEL)


def test_the_report_shows_what_was_kept(tmp_path):
    """probe.json beside the store becomes the section of the report, numbers and all."""
    _, found = _measured(tmp_path)
    path = tmp_path / "study.db"
    section = describe_probes(found)
    file = keep_section(section, activations_folder(path, MODEL), model=MODEL, weights="planted")
    with StoreResults.open(path) as results:
        shown = probes_section(results)
    assert file.name == "probe.json"
    assert shown.claims == section.claims
    assert shown.tables == section.tables
    assert shown.data["models"][0] == json.loads(json.dumps(dict(section.data)))
    layers = shown.data["models"][0]["probes"]["logistic"]["by_layer"]
    assert {row["layer"] for row in layers} == {1, 2, 3}


def test_a_store_that_nobody_looked_into_has_no_section(tmp_path):
    """No activations, no section; activations that were not measured yet are none either."""
    known = fill_probed_store(tmp_path / "study.db")
    with StoreResults.open(known.path) as results:
        assert probes_section(results) is None
        _read(known, PlantedReader(known))
        assert probes_section(results) is None


def test_other_weights_are_shifted_by_what_was_planted(tmp_path):
    """Half a unit along one trait's direction is found along it, and hardly along others."""
    known = fill_probed_store(tmp_path / "study.db")
    own = PlantedReader(known)

    class Tuned(PlantedReader):
        def read(self, passage):
            found = super().read(passage)
            found.mean[2] += 2.0 * self.directions[0]
            found.last[2] += 2.0 * self.directions[0]
            return found

    shards = _read(known, own)
    other = _read(known, Tuned(known), folder=tmp_path / "tuned")
    with StoreResults.open(known.path) as results:
        replies = read_replies(results, MODEL)
    inside = measure_inside(replies, shards)
    assert inside.difference.best.layer == 2
    shift = measure_inside_shift(replies, inside, shards, other, weights="tuned")
    along = [one.estimate for one in shift.shifts]
    assert np.argmax(np.abs(along)) == 0
    assert along[0] > 0.5
    assert TRAITS[0] in shift_section(MODEL, shift).claims[0]


def test_layers_are_read_one_at_a_time(tmp_path):
    """A layer comes back in the order that is asked for, and what is not there is an error."""
    known = fill_probed_store(tmp_path / "study.db")
    reader = PlantedReader(known)
    shards = _read(known, reader)
    found = find_shards(shards.folder, "reply")
    trials = shards.trials()[[5, 2, 9]]
    rows = found.read(2, "last", trials)
    one = reader.read(Passage(int(trials[1]), (), "x"))
    assert rows[1] == pytest.approx(one.last[2], abs=1e-6)
    with pytest.raises(StoreError, match="no activations of 1 trials"):
        found.read(2, "last", [10_000])
    assert str(Site(2, "mean")) == "layer 2, mean"


def test_replies_that_came_since_are_said(tmp_path):
    """What was measured on fewer replies than the store has now is called so in the report."""
    _, found = _measured(tmp_path)
    path = tmp_path / "study.db"
    fewer = replace(found, in_store=found.in_store - 3)
    for probes, said in ((found, False), (fewer, True)):
        keep_section(
            describe_probes(probes), activations_folder(path, MODEL), model=MODEL, weights="planted"
        )
        with StoreResults.open(path) as results:
            notes = probes_section(results).notes
        assert any("Run `ethogram probe` again" in note for note in notes) is said


def test_a_file_of_another_version_is_passed_over(tmp_path):
    """probe.json that lacks what this version needs is no section, and no error."""
    known = fill_probed_store(tmp_path / "study.db")
    folder = activations_folder(known.path, MODEL)
    folder.mkdir(parents=True)
    for content in ("[]", "{", '{"model": "alpha"}', '{"model": "alpha", "claims": 3}'):
        (folder / "probe.json").write_text(content)
        with StoreResults.open(known.path) as results:
            assert probes_section(results) is None


@pytest.mark.parametrize(
    "names", [("a/b", "a_b"), ("a b", "a:b"), ("..", "."), ("模型 1", "模型_1")]
)
def test_models_of_any_name_have_folders_of_their_own(tmp_path, names):
    """Signs that a folder cannot have are replaced, and no two names share one."""
    folders = {activations_folder(tmp_path / "s.db", name) for name in names}
    assert len(folders) == len(names)
    assert all(f.resolve().parent == (tmp_path / "s.activations").resolve() for f in folders)
