"""Profiles as records of Every Eval Ever; its own validator reads them in tests/bridges."""

from __future__ import annotations

import orjson
import pytest
from tests.planted.simulated_store import fill_store

from ethogram.api import read_profiles
from ethogram.api.bridges import export_bridge
from ethogram.report.bridges.every_eval_ever import model_info

TRAITS = ("warm", "blunt", "formal", "playful", "cautious")


@pytest.fixture
def filled(store_path):
    """Return a store of two models and two judges."""
    return fill_store(store_path, traits=TRAITS, models=("alpha", "beta"), judges=("one", "two"))


def _records(folder):
    return {path: orjson.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))}


def test_each_profile_is_a_record_with_its_numbers(filled, tmp_path):
    """A file per model and judge; every trait with rating, interval and how many comparisons."""
    written = export_bridge(filled, tmp_path / "out", "eee")
    records = _records(tmp_path / "out")
    assert written == {path: len(TRAITS) for path in records}
    found = {
        (r["model_info"]["name"], r["source_metadata"]["additional_details"]["judge"]): r
        for r in records.values()
    }
    profiles = read_profiles(filled)
    assert len(found) == len(profiles) == 4
    for p in profiles:
        record = found[p.model, p.judge]
        shown = [
            (
                r["score_details"]["details"]["trait"],
                r["score_details"]["score"],
                r["score_details"]["uncertainty"]["confidence_interval"]["lower"],
                r["score_details"]["uncertainty"]["num_samples"],
            )
            for r in record["evaluation_results"]
        ]
        assert shown == p.frame().select("trait", "rating", "low", "n").rows()
        assert record["source_metadata"]["additional_details"]["lost"] == str(p.lost)


def test_the_same_profile_has_the_same_file(filled, tmp_path):
    """Exported again, records replace those of before, and only theirs."""
    export_bridge(filled, tmp_path / "out", "eee")
    before = list(_records(tmp_path / "out"))
    export_bridge(filled, tmp_path / "out", "eee")
    assert list(_records(tmp_path / "out")) == before


def test_a_record_of_somebody_else_stays(filled, tmp_path, ethogram):
    """A file of another program under the same name is not replaced without --force."""
    export_bridge(filled, tmp_path / "out", "eee")
    path = next(iter(_records(tmp_path / "out")))
    path.write_text('{"eval_library": {"name": "helm"}}', encoding="utf-8")
    code, _, said = ethogram("export", filled, "-o", tmp_path / "out", "--format", "eee")
    assert code == 2
    assert path.name in said


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("a", {"model": "openai/gpt-5.1", "service": "openrouter"}, "openai/gpt-5.1"),
        ("a", {"model": "gpt-5.1", "service": "openai"}, "openai/gpt-5.1"),
        ("a", {"model": "local/smollm2", "service": "local"}, "local/smollm2"),
        ("a", {"model": "local//home/ann/x.Q4.gguf", "service": "local"}, "local/x.Q4"),
        ("a", {"model": "org/base:free"}, "org/base-free"),
        ("a", {"model": "mine"}, "self-hosted/mine"),
        ("a", {"model": "unknown/data"}, "model-unknown/model-data"),
        ("a", {}, "self-hosted/a"),
        ("a", {"model": "mine/"}, "self-hosted/mine"),
        ("a/b", {"model": "//", "service": "local"}, "local/a-b"),
        ("a/b", {"model": "/"}, "self-hosted/a-b"),
        ("a", {"model": "../../etc"}, "unnamed/unnamed/etc"),
    ],
)
def test_a_model_has_an_id_that_a_path_can_hold(name, settings, expected):
    """DEVELOPER/MODEL as the service spells it, without folders of this machine."""
    assert model_info(name, settings)["id"] == expected


def test_long_names_give_paths_that_a_disk_takes(store_path, tmp_path):
    """Names that are equal in their first hundred characters have records of their own."""
    models = ["x" * 300, "x" * 300 + "y", "模" * 200]
    fill_store(store_path, traits=TRAITS, models=models)
    written = export_bridge(store_path, tmp_path / "out", "eee")
    assert len({path.parent for path in written}) == 3
    assert {r["model_info"]["name"] for r in _records(tmp_path / "out").values()} == {*models}
