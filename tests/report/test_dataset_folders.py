"""A store exported as a data set of the hub: what it holds, that it rates alike, its card."""

from __future__ import annotations

import numpy as np
import orjson
import polars as pl
import pytest
from tests.planted.simulated_store import SIX, fill_with_losses
from tests.planted.studies import run_text, study_text

from ethogram.api import read_profiles
from ethogram.api.bridges import export_bridge
from ethogram.api.reading import read_source
from ethogram.errors import InputError
from ethogram.report.bridges.dataset_card import prompt_licence
from ethogram.stimuli.traits import load_traits


@pytest.fixture
def filled(store_path):
    """Return a store of two models and two judges, with losses."""
    return fill_with_losses(store_path)


@pytest.fixture
def folder(filled, tmp_path):
    """Return the store's data set."""
    export_bridge(filled, tmp_path / "set", "hf")
    return tmp_path / "set"


def _same(one, other):
    """Whether two sets of profiles are equal: who, which traits, ratings, intervals, losses."""
    assert [(p.model, p.judge, p.condition) for p in one] == [
        (p.model, p.judge, p.condition) for p in other
    ]
    for p, q in zip(one, other, strict=True):
        assert (p.traits, p.n, p.lost) == (q.traits, q.n, q.lost)
        for name in ("strengths", "low", "high"):
            assert np.allclose(getattr(p, name), getattr(q, name), rtol=0, atol=1e-9)


def test_a_dataset_rates_as_its_store(filled, folder):
    """Ratings, intervals and losses survive the way out and back."""
    _same(read_profiles(filled), read_profiles(f"hf:{folder}"))


@pytest.mark.parametrize(
    "study",
    [
        {"pairs": "adaptive", "max_trials": 120},
        {"wordings": 3, "pairs": 4},
        {"pairs": 3, "judges": {"judge": {"verdict": "logprobs", "orders": "both"}}},
        {"pairs": 3, "repeats": 2, "orders": "both"},
    ],
    ids=["adaptive", "wordings", "probabilities", "both-orders"],
)
def test_every_kind_of_study_rates_alike(planted, store_path, tmp_path, study):
    """Pairs chosen from answers, paraphrases, probabilities, both orders: all survive."""
    server = planted(traits=load_traits("quickstart").names)
    run_text(study_text(server.base_url, traits="quickstart", seed=3, **study), store_path)
    export_bridge(store_path, tmp_path / "set", "hf")
    _same(read_profiles(store_path), read_profiles(f"hf:{tmp_path / 'set'}"))


def test_what_no_row_says_is_carried(filled, folder):
    """A planned trait that nobody compared, and pairs chosen from the answers, are in the facts."""
    facts = orjson.loads((folder / "ethogram.json").read_bytes())
    facts["groups"][0]["traits"].append("unseen")
    facts["groups"][0]["adaptive"] = True
    (folder / "ethogram.json").write_bytes(orjson.dumps(facts))
    first = read_source(f"hf:{folder}")[0]
    assert first.traits == (*SIX, "unseen")
    assert first.adaptive
    assert first.lost == read_source(filled)[0].lost > 0


def test_rows_that_are_not_those_counted_are_refused(folder):
    """A table that was shortened gives no ratings under the old denominators."""
    path = folder / "comparisons.parquet"
    pl.read_parquet(path).head(20).write_parquet(path)
    with pytest.raises(InputError, match="export the store again"):
        read_source(f"hf:{folder}")


def test_rows_that_nobody_counted_are_refused(folder):
    """Comparisons of another model, put in later, are not passed over."""
    path = folder / "comparisons.parquet"
    table = pl.read_parquet(path)
    more = table.head(3).with_columns(pl.lit("gamma").alias("model"))
    pl.concat([table, more]).write_parquet(path)
    with pytest.raises(InputError, match="'gamma' by 'one' that ethogram"):
        read_source(f"hf:{folder}")


@pytest.mark.parametrize(
    "facts",
    ["{", "[]", '{"form": 1}', '{"form": 1, "groups": 5}', '{"form": 1, "groups": [{}]}',
     '{"form": 1, "groups": [null]}', '{"form": 1, "groups": [{"model": 1}]}'],
)  # fmt: skip
def test_facts_that_were_edited_are_one_line(folder, facts):
    """Whatever is wrong with them, the file is named."""
    (folder / "ethogram.json").write_text(facts, encoding="utf-8")
    with pytest.raises(InputError, match=r"ethogram\.json is not as ethogram wrote it"):
        read_source(f"hf:{folder}")


def test_a_folder_at_home_is_named_as_a_shell_names_it(filled, folder, monkeypatch, tmp_path):
    """No shell puts the home directory for ~ after a colon, so this is done here."""
    monkeypatch.setenv("HOME", str(tmp_path))
    _same(read_profiles(filled), read_profiles("hf:~/set/"))


@pytest.mark.parametrize("name", ["comparisons.parquet", "ethogram.json"])
def test_a_folder_without_its_files_is_named(folder, name, ethogram):
    """What is missing is named in one line, with exit code 2."""
    (folder / name).unlink()
    code, _, said = ethogram("ratings", f"hf:{folder}")
    assert code == 2
    assert name in said
    assert len(said.splitlines()) == 1


def test_every_table_is_counted_in_the_card(filled, folder):
    """The card has the denominators, the licence, every table's rows and how to load it."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    for name in ("comparisons", "ratings", "counts", "trials", "replies", "verdicts"):
        rows = len(pl.read_parquet(folder / f"{name}.parquet"))
        assert f"| {name} | {rows:,} |" in card
        assert f"- config_name: {name}\n  data_files: {name}.parquet" in card
    counts = pl.read_parquet(folder / "counts.parquet")
    lost = counts.filter(pl.col("stage") == "elicit")["lost"].to_list()
    assert all(f"| {n} |" in card for n in lost)
    assert "judge not tested" in card
    assert "load_dataset" in card


def test_the_ratings_table_has_every_trait_of_every_profile(filled, folder):
    """A row per trait, with the numbers that `ethogram ratings` gives."""
    table = pl.read_parquet(folder / "ratings.parquet")
    profiles = read_profiles(filled)
    assert len(table) == len(SIX) * len(profiles)
    for p in profiles:
        mine = table.filter((pl.col("model") == p.model) & (pl.col("judge") == p.judge))
        assert mine["rating"].to_list() == p.frame()["rating"].to_list()


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        (["bundled"], "apache-2.0"),
        (["wildchat"], "odc-by"),
        (["wildchat:folder/x"], "odc-by"),
        (["mine.jsonl"], "unknown"),
        ([["a text"]], "unknown"),
        (["bundled", "wildchat"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_licence_is_the_prompts_own(prompts, code):
    """Only sources whose licence is known are given one."""
    studies = [
        {"settings": orjson.dumps({"study": {"prompts": source}}).decode()} for source in prompts
    ]
    assert prompt_licence(studies).code == code


def test_a_store_without_comparisons_gives_no_dataset(store, store_path, tmp_path, ethogram):
    """Nothing is written where there is nothing to rate."""
    store.close()
    code, _, said = ethogram("export", store_path, "-o", tmp_path / "set", "--format", "hf")
    assert code == 2
    assert "no comparisons" in said
    assert not (tmp_path / "set").exists()


def test_a_file_of_somebody_else_stays(filled, tmp_path, ethogram):
    """A card that was written by hand is not replaced without --force."""
    out = tmp_path / "set"
    out.mkdir()
    (out / "README.md").write_text("mine\n", encoding="utf-8")
    code, _, said = ethogram("export", filled, "-o", out, "--format", "hf")
    assert code == 2
    assert "README.md exists" in said
    assert (out / "README.md").read_text(encoding="utf-8") == "mine\n"
    assert not (out / "comparisons.parquet").exists()


def test_tables_cannot_be_chosen_for_a_form_of_its_own(filled, ethogram):
    """--table goes with the plain formats only."""
    code, _, said = ethogram("export", filled, "--format", "hf", "--table", "trials")
    assert code == 2
    assert "--table is 'trials'" in said


def test_an_unknown_format_names_all(filled, ethogram):
    """A misspelt format is answered with those there are."""
    code, _, said = ethogram("export", filled, "--format", "hff")
    assert code == 2
    assert "parquet, csv, jsonl, hf, eee, inspect" in said


@pytest.mark.parametrize(
    ("form", "words"), [(99, "use a newer ethogram"), (0, "export the store again")]
)
def test_a_data_set_of_another_form_is_refused_with_what_to_do(folder, form, words):
    facts = orjson.loads((folder / "ethogram.json").read_bytes())
    (folder / "ethogram.json").write_bytes(orjson.dumps({**facts, "form": form}))
    with pytest.raises(InputError, match=f"has form {form}, expected 1: {words}"):
        read_profiles(f"hf:{folder}")
