"""Activations of replies that are others by now, of other layers, and of what cannot be read."""

from __future__ import annotations

import json

import pytest
from tests.planted.probed_store import MODEL, TRAITS, PlantedReader, fill_probed_store

from ethogram.errors import InputError, StoreError
from ethogram.run.probing import read_activations
from ethogram.store.activations import META, activations_folder
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.inside.as_json import data_of
from ethogram.validity.inside.measure import measure_probes
from ethogram.validity.results import StoreResults

STUDY = '[study]\nname = "probed"\n[models.alpha]\nmodel = "alpha"\n' + (
    'base_url = "http://127.0.0.1:9"\n[judges.judge]\nmodel = "judge"\n'
    'base_url = "http://127.0.0.1:9"\n'
)


class Forgetful(PlantedReader):
    """Cannot read some trials."""

    lost: tuple[int, ...] = ()

    def read(self, passage):
        """Refuse what is lost."""
        if passage.key in self.lost:
            raise InputError(f"trial {passage.key} is too long")
        return super().read(passage)


def _read(known, reader, **options):
    folder = activations_folder(known.path, MODEL)
    with Store.read(known.path) as store:
        return read_activations(
            store,
            parse_study(STUDY),
            MODEL,
            lambda: reader,
            folder=folder,
            weights="planted",
            before=False,
            **options,
        )


def _planted(path):
    with Store.read(path) as store:
        _, rows = store.query(
            "SELECT t.id, a.name FROM trial t JOIN trait a ON a.id = t.planted ORDER BY t.id"
        )
    return rows


def test_a_store_that_was_made_anew_is_read_anew(tmp_path):
    """Trials have the same numbers in a new store; their old activations are not taken for them."""
    known = fill_probed_store(tmp_path / "study.db", seed=0)
    _read(known, PlantedReader(known, strength=0))
    for file in tmp_path.glob("study.db*"):
        file.unlink()
    known = fill_probed_store(tmp_path / "study.db", seed=1)
    reader = PlantedReader(known)
    found = _read(known, reader)
    assert (found.new, found.kept) == (len(known.shown), 0)
    trials = found.replies.trials().tolist()
    assert len(trials) == len(set(trials))
    with StoreResults.open(known.path) as results:
        probes = measure_probes(results, MODEL, found.replies)
    assert probes.inside.logistic.separation.mean().low > 0.9  # the old ones showed no trait
    assert _read(known, None).new == 0


def test_some_of_the_layers_that_are_kept_can_be_looked_at(tmp_path):
    """Fewer layers need no new reading; what comes since is written with all that are kept."""
    known = fill_probed_store(tmp_path / "study.db")
    _read(known, PlantedReader(known))
    assert _read(known, None, layers=[2]).replies.layers == (0, 2)
    with Store.open(known.path) as store:
        store.add_row("UPDATE written SET text = 'sun' WHERE trial = ?", (min(known.shown),))
    assert _read(known, PlantedReader(known), layers=[2]).new == 1
    assert _read(known, None).replies.read(3, "mean", list(known.shown)).shape[0]


@pytest.mark.parametrize("layers", [[0], []])
def test_embeddings_alone_are_no_layers(tmp_path, layers):
    """Layer 0 is a baseline, and nothing to fit a probe on."""
    known = fill_probed_store(tmp_path / "study.db")
    with pytest.raises(InputError, match="layer 0 is the embeddings"):
        _read(known, PlantedReader(known), layers=layers)


def test_a_layer_that_was_not_kept_is_named(tmp_path):
    """The weights are the same, and are not said to be others."""
    known = fill_probed_store(tmp_path / "study.db")
    _read(known, PlantedReader(known), layers=[1])
    with pytest.raises(InputError, match=r"layer 2 is not among those that were kept \(0, 1\)"):
        _read(known, PlantedReader(known), layers=[2])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": "planted"}'])
def test_a_folder_that_does_not_say_whose_it_is_is_one_clear_error(tmp_path, text):
    """What was cut off, or is another program's, is named with what to do."""
    known = fill_probed_store(tmp_path / "study.db")
    folder = activations_folder(known.path, MODEL)
    folder.mkdir(parents=True)
    (folder / META).write_text(text, "utf-8")
    with pytest.raises(StoreError, match="move or delete"):
        _read(known, PlantedReader(known))


def test_a_full_disk_is_one_clear_error(tmp_path):
    """A shard that cannot be written is named."""
    known = fill_probed_store(tmp_path / "study.db")
    folder = activations_folder(known.path, MODEL)

    class Full(PlantedReader):
        def read(self, passage):
            (folder / "reply-000000.tmp").unlink(missing_ok=True)
            (folder / "reply-000000.tmp").symlink_to("/dev/full")
            return super().read(passage)

    with pytest.raises(StoreError, match="cannot be written"):
        _read(known, Full(known))


def test_a_trait_whose_planted_replies_cannot_be_read_has_no_probe(tmp_path):
    """The others are measured as if it had not been planted."""
    known = fill_probed_store(tmp_path / "study.db")
    reader = Forgetful(known)
    reader.lost = tuple(t for t, trait in _planted(known.path) if trait == TRAITS[0])[1:]
    found = _read(known, reader)
    with StoreResults.open(known.path) as results:
        probes = measure_probes(results, MODEL, found.replies)
    assert probes.replies.traits == TRAITS[1:]
    assert json.dumps(data_of(probes), allow_nan=False)


def test_replies_none_of_which_can_be_read_say_why(tmp_path):
    """The reason is that of the first."""
    known = fill_probed_store(tmp_path / "study.db")
    reader = Forgetful(known)
    reader.lost = tuple(known.shown)
    with pytest.raises(InputError, match=r"no reply of alpha can be read: trial \d+ is too long"):
        _read(known, reader)
