"""Data sets of the hub: `datasets` loads them, `publish` uploads them; `make test-bridges`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import polars as pl
import pytest
from tests.bridges.loopback_hub import loopback_hub

from ethogram.api.bridges import export_bridge
from ethogram.errors import InputError
from ethogram.report.bridges.publish import check_publishing

datasets = pytest.importorskip("datasets")
pytest.importorskip("huggingface_hub")

KEY = "hf_" + "abcdefgh" * 4
TABLES = ("comparisons", "ratings", "counts", "trials", "replies", "verdicts")


@pytest.fixture
def folder(filled, tmp_path):
    """Return a store's data set."""
    export_bridge(filled, tmp_path / "set", "hf")
    return tmp_path / "set"


@pytest.mark.parametrize("name", TABLES)
def test_load_dataset_reads_every_table(folder, tmp_path, name):
    """Each table named in the card loads by its name with the rows that were written."""
    loaded = datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path / "c"))
    assert loaded.to_list() == pl.read_parquet(folder / f"{name}.parquet").to_dicts()


def test_the_comparisons_load_where_no_table_is_named(folder, tmp_path):
    """The card's default is what ratings are made from."""
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "c"))
    assert {"model", "trait_1", "trait_2", "winner", "judge"} <= set(loaded.column_names)


def test_the_cards_metadata_is_what_the_hub_takes(folder):
    """The hub's client reads the front matter, and finds licence and tables."""
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(folder / "README.md")
    assert card.data.license == "other"
    assert card.data.license_name == "prompts-apache-2.0-replies-by-model"
    assert [c["config_name"] for c in card.data.configs] == list(TABLES)


def test_a_title_of_any_characters_stands_in_the_metadata(tmp_path):
    """What YAML has only as an escape is escaped; the card loads with the title as it was."""
    from huggingface_hub import DatasetCard, ModelCard
    from tests.planted.simulated_store import fill_store

    from ethogram.api import write_report

    title = 'a: "b" # \x7f \x9f \ufeff \ufffe 😀 \\ - end'
    store = fill_store(tmp_path / "s.db", traits=("warm", "- a: b", "null", "#x"), study=title)
    export_bridge(store, tmp_path / "set", "hf")
    assert DatasetCard.load(tmp_path / "set" / "README.md").data.pretty_name == title
    assert datasets.load_dataset(str(tmp_path / "set"), "ratings", split="train",
                                 cache_dir=str(tmp_path / "c")).num_rows == 4  # fmt: skip
    write_report(store, tmp_path / "r.html")
    results = ModelCard.load(tmp_path / "r.md").data.eval_results
    assert {r.dataset_name for r in results} == {title}


def _publish(folder, hub, *words, stdin=subprocess.DEVNULL, **more):
    """Run `ethogram publish` against a hub on the loopback."""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": KEY, **more}
    environment["HF_HOME"] = str(folder.parent / "home")
    environment["HF_HUB_DISABLE_XET"] = "1"  # its chunk store is beyond a test server: LFS instead
    return subprocess.run(
        [sys.executable, "-m", "ethogram.cli.app", "publish", str(folder), *words],
        capture_output=True, text=True, check=False, timeout=120, env=environment, stdin=stdin,
    )  # fmt: skip


def test_publish_uploads_what_was_exported_and_no_more(folder):
    """With --yes, a private repository gets the data set's files; others in the folder stay."""
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with loopback_hub() as hub:
        done = _publish(folder, hub, "me/character", "--yes")
    assert done.returncode == 0, done.stderr
    assert hub.made == [
        {"name": "character", "organization": "me", "visibility": "private", "type": "dataset"}
    ]
    names = {"README.md", "ethogram.json", *(f"{name}.parquet" for name in TABLES)}
    assert hub.files == {name: (folder / name).read_bytes() for name in names}
    assert hub.keys == {f"Bearer {KEY}"}
    assert KEY not in done.stdout + done.stderr
    assert not any(KEY.encode() in content for content in hub.files.values())


def test_publish_asks_first(folder):
    """Without --yes and without a terminal nothing is asked of the hub: one line, exit code 2."""
    with loopback_hub() as hub:
        done = _publish(folder, hub, "me/character")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "asks before it uploads" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_the_answer_on_a_terminal_decides(folder, answer, code):
    """At a terminal it asks, names where to, and does what was answered."""
    import pty

    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        with loopback_hub() as hub:
            done = _publish(folder, hub, "me/character", "--public", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "Upload them to me/character (made public" in done.stdout + done.stderr
    assert bool(hub.made) == (code == 0)
    assert ("Nothing was uploaded." in done.stdout) == (code == 1)


def test_a_hub_that_refuses_is_one_line(folder):
    """What the hub said is told in one line, with exit code 2, and without the key."""
    with loopback_hub(refuse=403) as hub:
        done = _publish(folder, hub, "me/character", "--yes")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "rights to create a dataset" in done.stderr
    assert KEY not in done.stderr


def test_a_key_in_a_file_stops_the_upload(folder, monkeypatch):
    """A key of this environment in any table or file is found before anything is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    path = folder / "replies.parquet"
    table = pl.read_parquet(path)
    text = pl.Series("text", [*table["text"][:-1], f"my key: {KEY}"])
    table.with_columns(text).write_parquet(path)
    with pytest.raises(InputError, match=r"replies\.parquet contains what \$OPENAI_API_KEY holds"):
        check_publishing(folder, "me/character")
    table.write_parquet(path)
    check_publishing(folder, "me/character")


@pytest.mark.parametrize("variable", ["MY_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_PAT", "OPENAI_APIKEY"])
def test_a_key_is_found_however_a_file_spells_it(folder, monkeypatch, variable):
    """The card escapes Markdown's signs and the facts JSON's: a key between them is still seen."""
    from ethogram.report.summary import plain

    key = 'sk_live*"abc"_def'
    monkeypatch.setenv(variable, key)
    check_publishing(folder, "me/character")
    for name, spelled in (("README.md", plain(key)), ("ethogram.json", json.dumps(key))):
        path = folder / name
        before = path.read_text(encoding="utf-8")
        assert key not in spelled
        path.write_text(before + spelled, encoding="utf-8")
        with pytest.raises(InputError, match=rf"{name} contains what \${variable} holds"):
            check_publishing(folder, "me/character")
        path.write_text(before, encoding="utf-8")


def test_the_key_that_the_client_kept_is_looked_for_too(folder, monkeypatch, tmp_path):
    """What `hf auth login` wrote is in no variable, and is no more let out."""
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text(KEY, encoding="utf-8")
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write(KEY)
    with pytest.raises(InputError, match="nothing was uploaded"):
        check_publishing(folder, "me/character")


@pytest.mark.parametrize("repo", ["character", "a/b/c", "me/", "/x", "me/a b"])
def test_a_name_that_is_none_of_the_hubs_is_refused(folder, repo):
    """The name is checked before the hub is asked."""
    with pytest.raises(InputError, match="expected OWNER/NAME"):
        check_publishing(folder, repo)


def test_what_is_published_rates_as_it_did(folder, tmp_path):
    """What the hub received, put into a folder, gives the same ratings."""
    from ethogram.api import read_profiles

    with loopback_hub() as hub:
        _publish(folder, hub, "me/character", "--yes")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in hub.files.items():
        (copy / name).write_bytes(content)
    before, after = read_profiles(f"hf:{folder}"), read_profiles(f"hf:{copy}")
    assert json.dumps([p.strengths.tolist() for p in before]) == json.dumps(
        [p.strengths.tolist() for p in after]
    )


def test_the_summary_of_a_report_is_a_model_card(filled, tmp_path):
    """The hub's client finds every model, judge and rating in the Markdown beside a report."""
    from huggingface_hub import ModelCard

    from ethogram.api import read_profiles, write_report

    write_report(filled, tmp_path / "r.html")
    card = ModelCard.load(tmp_path / "r.md")
    found = {(r.dataset_config, r.metric_value) for r in card.data.eval_results}
    expected = {
        (f"{p.judge}, {p.condition}", round(float(rating), 1))
        for p in read_profiles(filled)
        for rating in p.ratings
    }
    assert found == expected
    assert card.text.lstrip().startswith("## A simulated study")
