"""What stands in probe.json: of this store's replies or of others, whole or not."""

from __future__ import annotations

import json

import pytest
from tests.planted.probed_store import MODEL, PlantedReader, fill_probed_store

from ethogram.engine.activations.passages import Passage
from ethogram.store.activations import activations_folder, open_shards
from ethogram.store.replies import read_probed
from ethogram.store.store import Store
from ethogram.validity.inside.measure import measure_probes
from ethogram.validity.inside.section import FILE, describe_probes, keep_section, probes_section
from ethogram.validity.results import StoreResults


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a store that was looked into, and its probe.json."""
    known = fill_probed_store(tmp_path_factory.mktemp("kept") / "study.db", plants=3, each_pair=1)
    reader, folder = PlantedReader(known), activations_folder(known.path, MODEL)
    shards = open_shards(folder, "reply", weights="planted", width=24, layers=range(4))
    with Store.read(known.path) as store:
        trials = list(read_probed(store, MODEL, ("main", "plant")))
    shards.add([reader.read(Passage(t.id, (), t.reply)) for t in trials])
    with StoreResults.open(known.path) as results:
        section = describe_probes(measure_probes(results, MODEL, shards))
    keep_section(section, folder, model=MODEL, weights="planted")
    return known.path, folder / FILE


def _section(path):
    with StoreResults.open(path) as results:
        return probes_section(results)


def test_replies_of_a_store_made_anew_are_said_to_be_others(kept, tmp_path):
    """As many of them, by the same trials: what was measured is not of these."""
    path, file = kept
    assert "Run `ethogram probe` again" not in " ".join(_section(path).notes)
    anew = fill_probed_store(tmp_path / "study.db", plants=3, each_pair=1, seed=1).path
    folder = activations_folder(anew, MODEL)
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(file.read_bytes())
    assert "alpha: measured on other replies than the store has now" in _section(anew).notes[0]


TABLE = {"caption": "c", "head": ["a", "b"], "rows": [["1"], ["2", "3"]]}
ODD = {
    "a list for a model": {"model": ["alpha"]},
    "a table for a model": {"model": {}},
    "no replies": {"data": {"model": "alpha", "replies": None}},
    "replies in a list": {"data": {"model": "alpha", "replies": []}},
    "a model by number": {"data": {"model": 5, "replies": {}}},
    "no data": {"data": {}},
    "nothing claimed": {"claims": []},
    "cells that are lost": {"tables": [TABLE]},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_file_that_is_not_whole_is_passed_over(kept, odd):
    """Whatever wrote it, the report goes on without."""
    path, file = kept
    whole = file.read_text("utf-8")
    try:
        file.write_text(json.dumps({**json.loads(whole), **odd}), "utf-8")
        assert _section(path) is None
        file.write_text("[" * 100_000, "utf-8")
        assert _section(path) is None
    finally:
        file.write_text(whole, "utf-8")
    assert _section(path) is not None
