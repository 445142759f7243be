"""Activations of a store's replies: what is read, and that nothing is read twice or by halves."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.planted.probed_store import MODEL, PlantedReader, fill_probed_store, told
from tests.planted.studies import run_text, study_text

from ethogram.errors import InputError, StoreError
from ethogram.run import probing
from ethogram.run.probing import before_passages, read_activations, reply_passages
from ethogram.store.activations import activations_folder, lock_activations
from ethogram.store.store import Store
from ethogram.study import parse_study

STUDY = '[study]\nname = "probed"\n[models.alpha]\nmodel = "alpha"\nsystem = "Be brief."\n' + (
    'base_url = "http://127.0.0.1:9"\n[judges.judge]\nmodel = "judge"\n'
    'base_url = "http://127.0.0.1:9"\n'
)


def _read(known, reader, **options):
    with Store.read(known.path) as store:
        return read_activations(
            store,
            parse_study(STUDY),
            MODEL,
            lambda: reader,
            folder=activations_folder(known.path, MODEL),
            weights=options.pop("weights", "planted"),
            before=False,
            **options,
        )


def test_all_replies_are_read_once(tmp_path):
    """A second run reads nothing, and what is kept is there for every trial."""
    known = fill_probed_store(tmp_path / "study.db")
    first = _read(known, PlantedReader(known))
    again = PlantedReader(known)
    second = _read(known, again)
    assert (first.new, first.kept) == (len(known.shown), 0)
    assert (second.new, second.kept) == (0, len(known.shown))
    assert not again.passages
    assert _read(known, None).kept == len(known.shown)  # no model is loaded for nothing
    assert set(second.replies.trials().tolist()) == set(known.shown)


def test_a_reader_that_breaks_off_is_resumed(tmp_path, monkeypatch):
    """Whole shards stay; only what was in the broken one is read again."""
    monkeypatch.setattr(probing, "SHARD", 10)
    known = fill_probed_store(tmp_path / "study.db")

    class Broken(PlantedReader):
        def read(self, passage):
            if len(self.passages) == 25:
                raise KeyboardInterrupt
            return super().read(passage)

    with pytest.raises(KeyboardInterrupt):
        _read(known, Broken(known))
    resumed = PlantedReader(known)
    found = _read(known, resumed)
    assert found.kept == 20
    assert len(resumed.passages) == len(known.shown) - 20
    kept = found.replies.trials().tolist()
    assert len(kept) == len(set(kept)) == len(known.shown)


KILLED = """
import os, signal
from pathlib import Path
from tests.planted.probed_store import Known, PlantedReader, fill_probed_store
from tests.run.test_probing import _read
from ethogram.run import probing

probing.SHARD = 10
known = fill_probed_store(Path({path!r}))

class Killed(PlantedReader):
    def read(self, passage):
        if len(self.passages) == 37:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(passage)

_read(known, Killed(known))
"""


def test_a_killed_run_is_resumed(tmp_path):
    """After kill -9 the shards that were written are whole and kept, and the rest is read."""
    path = tmp_path / "study.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(path=str(path))], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    known = fill_probed_store(tmp_path / "same.db")  # the same numbers: what is shown is known
    resumed = PlantedReader(type(known)(path, known.shown))
    found = _read(resumed.known, resumed)
    assert found.kept == 30
    assert len(resumed.passages) == len(known.shown) - 30


def test_a_shard_that_was_cut_off_is_not_taken(tmp_path, monkeypatch):
    """Neither a half-written file under its other name, nor a truncated one, counts as there."""
    monkeypatch.setattr(probing, "SHARD", 10)
    known = fill_probed_store(tmp_path / "study.db")
    first = _read(known, PlantedReader(known))
    files = first.replies.files()
    content = files[2].read_bytes()
    files[2].write_bytes(content[: len(content) // 2])
    files[0].with_suffix(".tmp").write_bytes(content[:100])
    resumed = PlantedReader(known)
    found = _read(known, resumed)
    assert len(resumed.passages) == 10
    assert not list(found.replies.folder.glob("*.tmp"))
    kept = found.replies.trials().tolist()
    assert len(kept) == len(set(kept)) == len(known.shown)


def test_other_weights_do_not_mix(tmp_path):
    """Activations of other weights are refused, with what differs and what to do."""
    known = fill_probed_store(tmp_path / "study.db")
    _read(known, PlantedReader(known))
    with pytest.raises(StoreError, match=r"weights planted there, tuned now.*delete that folder"):
        _read(known, PlantedReader(known), weights="tuned")


def test_layers_can_be_chosen_and_the_embeddings_stay(tmp_path):
    """Layer 0 is a baseline, kept in any case; a layer that is not there is refused."""
    known = fill_probed_store(tmp_path / "study.db")
    found = _read(known, PlantedReader(known), layers=[2])
    assert found.replies.layers == (0, 2)
    other = fill_probed_store(tmp_path / "other.db")
    with pytest.raises(InputError, match="layer 4 is not there: expected 0"):
        _read(other, PlantedReader(other), layers=[4])


def test_a_reply_that_is_too_long_is_named_and_left_out(tmp_path):
    """One passage that cannot be read does not stop the others."""
    known = fill_probed_store(tmp_path / "study.db")
    lost = min(known.shown)

    class Short(PlantedReader):
        def read(self, passage):
            if passage.key == lost:
                raise InputError(f"trial {lost} is too long")
            return super().read(passage)

    found = _read(known, Short(known))
    assert found.skipped == (f"trial {lost} is too long",)
    assert found.new == len(known.shown) - 1


def test_the_instruction_is_not_read_with_a_reply_and_is_before_it(planted, store_path):
    """Replies follow prompt and own system text alone; before a reply, all is as it was asked."""
    server = planted()
    text = study_text(server.base_url, models={"alpha": {"system": "Be brief."}}, max_trials=60)
    run_text(text, store_path)
    study = parse_study(text)
    with Store.read(store_path) as store:
        replies = list(reply_passages(store, study, "alpha"))
        before = {p.key: p for p in before_passages(store, "alpha")}
        traits = {
            t[0]: t[1:]
            for t in store.query(
                "SELECT t.id, a.name, b.name, p.text FROM trial t JOIN trait a ON a.id = t.trait_1 "
                "JOIN trait b ON b.id = t.trait_2 JOIN prompt p ON p.id = t.prompt"
            )[1]
        }
    assert len(replies) == len(before) == 60
    for passage in replies:
        first, second, prompt = traits[passage.key]
        assert [m["content"] for m in passage.messages] == ["Be brief.", prompt]
        assert passage.reply
        asked = told(before[passage.key].messages)
        assert first in asked
        assert second in asked
        assert before[passage.key].reply == ""


def test_two_at_once_are_told_of_each_other(tmp_path):
    """A second `probe` of the same model stops before it writes; after the first ends it may."""
    folder = tmp_path / "study.activations" / MODEL
    with (
        lock_activations(folder),
        pytest.raises(StoreError, match="in use by another ethogram"),
        lock_activations(folder),
    ):
        pass
    with lock_activations(folder):
        assert folder.is_dir()
