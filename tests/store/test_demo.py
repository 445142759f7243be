"""The study in the box: real replies of three small models, unpacked and read."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ethogram import read_profiles
from ethogram.cli.app import app
from ethogram.errors import InputError
from ethogram.store.demo import DEMO, NAME, unpack_demo
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.validity.results import StoreResults

MODELS = ("qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the unpacked store."""
    return unpack_demo(tmp_path_factory.mktemp("demo"))


def test_it_is_a_whole_study(demo):
    """All pairs of 24 traits for three models, each judged in both orders, nothing pending."""
    with Store.read(demo) as store:
        counts = count_stages(store)
    assert not any(c.pending for c in counts)
    main = {(c.stage, c.model): c for c in counts if c.part == "main"}
    assert {model for _, model in main} == set(MODELS)
    for model in MODELS:
        assert main["elicit", model].planned == 276
        assert main["judge", model].planned == 552
        assert main["judge", model].lost <= 0.1 * 552


def test_it_has_full_validity(demo):
    """Exemplars of all traits, plants of every trait and model, retest, repeats, random choice."""
    with sqlite3.connect(demo) as db:
        plants = Counter(db.execute("SELECT model, planted FROM trial WHERE part = 'plant'"))
        parts = {row[0] for row in db.execute("SELECT DISTINCT part FROM judging")}
        (written,) = db.execute(
            "SELECT count(DISTINCT planted) FROM trial WHERE part = 'exemplar'"
        ).fetchone()
    assert len(plants) == 3 * 24
    assert min(plants.values()) >= 2
    assert {"main", "plant", "exemplar", "repeat", "retest", "random"} <= parts
    assert written == 24


def test_its_replies_are_real_text(demo):
    """Hundreds of different replies, as the models wrote them."""
    with sqlite3.connect(demo) as db:
        chars = [row[0] for row in db.execute("SELECT chars FROM reply WHERE chars IS NOT NULL")]
    assert len(chars) > 900
    assert len(set(chars)) > 100


def test_its_ratings_come_with_a_judge_that_sees(demo):
    """Three profiles of 24 traits; the judge is above chance on written replies."""
    profiles = read_profiles(demo)
    assert sorted(profile.model for profile in profiles) == sorted(MODELS)
    assert all(len(profile.traits) == 24 for profile in profiles)
    with StoreResults.open(demo) as results:
        (judge,) = results.judges
        assert results.sight(judge).accuracy.overall.low > 0.5


def test_unpacking_again_keeps_what_was_added(demo, tmp_path):
    """A demo that someone went on with is left as it is; the study file beside it is renewed."""
    path = shutil.copy(demo, tmp_path / demo.name)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE study SET version = 'mine'")
    assert unpack_demo(tmp_path) == tmp_path / demo.name
    with Store.read(tmp_path / demo.name) as store:
        assert store.studies()[-1]["version"] == "mine"
        assert store.studies()[-1]["name"] == NAME


def test_a_file_that_is_not_the_demo_is_not_replaced(tmp_path):
    """It is named, and --force replaces it."""
    path = tmp_path / f"{DEMO}.db"
    path.write_text("mine")
    with pytest.raises(InputError, match="is not the demo's store"):
        unpack_demo(tmp_path)
    assert path.read_text() == "mine"
    assert unpack_demo(tmp_path, force=True) == path


def test_the_verb_writes_a_report_and_says_where(ethogram, tmp_path):
    """One command, no model: a report, a store and a study file."""
    code, out, _ = ethogram("demo", "-o", tmp_path / "here")
    assert code == 0
    assert {p.name for p in (tmp_path / "here").iterdir()} == {
        f"{DEMO}.db",
        f"{DEMO}.toml",
        f"{DEMO}.html",
        f"{DEMO}.json",
        f"{DEMO}.md",
    }
    assert f"{DEMO}.html" in out


def test_the_pages_commands_work(demo, tmp_path, monkeypatch):
    """What docs/demo.md says to do with it, word for word."""
    page = Path(__file__).parents[2] / "docs" / "demo.md"
    commands = re.findall(r"^\$ (ethogram \S+ ethogram-demo/.*)$", page.read_text("utf-8"), re.M)
    assert len(commands) > 3
    (tmp_path / "ethogram-demo").mkdir()
    shutil.copy(demo, tmp_path / "ethogram-demo")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        made = CliRunner().invoke(app, command.split()[1:])
        assert made.exit_code == 0, (command, made.output)


ENDINGS = ("toml", "html", "json", "md")


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_written_beside_a_file_of_ones_own(ethogram, tmp_path, ending):
    """Each output is looked at first: the folder is as it was, and the file is named."""
    mine = tmp_path / f"{DEMO}.{ending}"
    mine.write_text("mine")
    code, _, err = ethogram("demo", "-o", tmp_path)
    assert code == 2
    assert f"{mine} exists" in err
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "mine"


def test_all_files_in_the_way_are_named_at_once(ethogram, tmp_path):
    """Those of one's own in one line; a folder, and a store that is not the demo's, beside it."""
    (tmp_path / f"{DEMO}.html").mkdir()
    mine = [tmp_path / f"{DEMO}.{ending}" for ending in ("toml", "json", "md")]
    for path in [*mine, tmp_path / f"{DEMO}.db"]:
        path.write_text("mine")
    code, _, err = ethogram("demo", "-o", tmp_path)
    assert code == 2
    assert f"{mine[0]}, {mine[1]} and {mine[2]} exist" in err
    assert f"{DEMO}.html is a folder" in err
    assert f"{DEMO}.db is there and is not the demo's store" in err
    assert len(list(tmp_path.iterdir())) == 5
    assert (tmp_path / f"{DEMO}.db").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "pasted"), [("my demo's", "my demo's"), ("-x", "./-x"), ("~", "~")]
)
def test_what_to_do_next_can_be_pasted(ethogram, tmp_path, monkeypatch, name, pasted):
    """A folder's name is quoted as shells take it, and never taken for an option."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = ethogram("demo", "-o", name)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("More: ")]
    for command in line.removeprefix("More: ").split("; "):
        assert shlex.split(command)[2] == f"{pasted}/{DEMO}.db"
    assert CliRunner().invoke(app, shlex.split(command)[1:]).exit_code == 0


def test_a_folder_by_the_stores_name_is_said_also_with_force(ethogram, tmp_path):
    """And what is in it stays."""
    (tmp_path / f"{DEMO}.db").mkdir()
    (tmp_path / f"{DEMO}.db" / "mine").write_text("mine")
    code, _, err = ethogram("demo", "-o", tmp_path, "--force")
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"{DEMO}.db is a folder" in err
    assert [path.name for path in tmp_path.rglob("*")] == [f"{DEMO}.db", "mine"]


def test_the_store_is_not_written_over_through_a_link(demo, ethogram, tmp_path):
    """A study file that leads to the store: named, also with --force."""
    store = shutil.copy(demo, tmp_path / demo.name)
    (tmp_path / f"{DEMO}.toml").symlink_to(store)
    code, _, err = ethogram("demo", "-o", tmp_path, "--force")
    assert code == 2
    assert f"{DEMO}.toml is what is read" in err
    assert Store.read(store).close() is None


def test_two_outputs_that_are_one_file_are_refused(ethogram, tmp_path):
    """Each would take the other's place."""
    (tmp_path / f"{DEMO}.json").symlink_to(tmp_path / f"{DEMO}.md")
    code, _, err = ethogram("demo", "-o", tmp_path)
    assert code == 2
    assert "is the same file as" in err
    assert [path.name for path in tmp_path.iterdir()] == [f"{DEMO}.json"]
