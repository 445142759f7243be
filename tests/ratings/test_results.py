"""Other people's comparisons: files that are rated, files that are refused, and the JSON."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.planted.studies import rows, run_text, study_text

from ethogram.api import read_source
from ethogram.errors import InputError, StoreError
from ethogram.ratings.comparison_files import read_table
from ethogram.ratings.rate import rate
from ethogram.ratings.results import rate_all
from ethogram.ratings.serialise import ratings_json
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import (
    count_stages,
    export_rows,
    read_comparisons,
    read_trial,
    sample_trials,
)
from ethogram.store.store import Store

GOOD = """model,trait_1,trait_2,winner
alpha,warm,blunt,warm
alpha,blunt,poetic,poetic
alpha,poetic,warm,tie
beta,warm,blunt,blunt
"""


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a comparison file and reads it."""

    def read(text, name="theirs.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_table(path)

    return read


# -- comparison files -------------------------------------------------------------------------


def test_each_model_of_a_file_has_its_comparisons(table):
    """Outcomes are from the first trait's side; a tie is a half and is marked."""
    alpha, beta = table(GOOD)
    assert (alpha.model, beta.model) == ("alpha", "beta")
    assert alpha.traits == ("blunt", "poetic", "warm")
    assert alpha.first.tolist() == [2, 0, 1]  # warm, blunt, poetic
    assert alpha.second.tolist() == [0, 1, 2]
    assert alpha.outcome.tolist() == [1.0, 0.0, 0.5]
    assert alpha.tie.tolist() == [False, False, True]
    assert alpha.prompt.tolist() == [-1, -1, -1]
    assert alpha.judge_first.tolist() == [0, 0, 0]
    assert beta.outcome.tolist() == [0.0]


def test_the_optional_columns_are_read(table):
    """Prompts become clusters, the judge's order a sign, and each judge has comparisons apart."""
    text = """model,trait_1,trait_2,winner,prompt_id,judge,judge_first,condition,extra
a,x,y,x,p7,j1,x,likes,1
a,x,y,y,p7,j1,y,likes,2
a,x,y,x,,j1,,likes,3
a,x,y,x,p9,j2,x,likes,4
"""
    one, two = table(text)
    assert (one.judge, one.condition, two.judge) == ("j1", "likes", "j2")
    assert one.judge_first.tolist() == [1, -1, 0]
    assert one.prompt[0] == one.prompt[1] >= 0
    assert one.prompt[2] == -1


def test_a_parquet_file_gives_what_the_csv_file_gives(table, tmp_path):
    """The format changes nothing, nor does space around a cell."""
    table(GOOD.replace("warm,blunt", " warm ,blunt "))
    frame = pl.read_csv(tmp_path / "theirs.csv")
    frame.write_parquet(tmp_path / "theirs.parquet")
    for one, other in zip(
        read_table(tmp_path / "theirs.csv"), read_table(tmp_path / "theirs.parquet"), strict=True
    ):
        assert one.traits == other.traits
        np.testing.assert_array_equal(one.outcome, other.outcome)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("model,trait_1,trait_2,winner\n", "holds no comparisons"),
        ("model,trait_1,trait_2\na,x,y\n", "lacks the column 'winner'; it has model, trait_1"),
        ("who,trait_1,trait_2,winner\na,x,y,x\n", "lacks the column 'model'"),
        (GOOD + "alpha,warm,blunt,poetic\n", "line 6: a winner that is neither trait"),
        (GOOD + "alpha,warm,blunt,Warm\n", "line 6: a winner that is neither trait"),
        (GOOD + "alpha,warm,warm,warm\n", "line 6: a trait against itself"),
        (GOOD + "alpha,warm,,warm\n", "line 6: an empty cell"),
        (GOOD + ",warm,blunt,warm\n", "line 6: an empty cell"),
        ("model,trait_1,trait_2,winner\na,x,y,\n", "holds no comparisons with a winner"),
        (
            "model,trait_1,trait_2,winner,judge_first\na,x,y,x,z\n",
            "line 2: a judge_first that is neither trait",
        ),
        ('model,trait_1,trait_2,winner\na,"x,y,x\n', "theirs.csv"),
        (GOOD + "alpha,warm,blunt,warm,more,and,more\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_of_comparisons_is_refused(table, text, said):
    """The file, the line and the cells are named."""
    with pytest.raises(InputError) as caught:
        table(text)
    assert said in str(caught.value)
    assert "theirs.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    """A missing file, a folder, bytes that are no text, a Parquet file that is none."""
    (tmp_path / "bytes.csv").write_bytes(b"model,trait_1\n\xff\xfe,\x00")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "folder.csv").mkdir()
    for name in ("missing.csv", "bytes.csv", "no.parquet", "folder.csv"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_table(tmp_path / name)


def test_what_only_a_store_knows_cannot_be_asked_of_a_file(table, tmp_path):
    """A file does not say which replies were cut."""
    table(GOOD)
    with pytest.raises(InputError, match="--without needs a store"):
        read_source(tmp_path / "theirs.csv", without=["truncated"])
    with pytest.raises(StoreError, match="no store at"):
        read_source(tmp_path / "nowhere.db")


# -- ratings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bradley-terry", "elo"])
def test_the_json_has_what_the_documentation_says(table, method):
    """One profile per model and judge; ratings on the Elo scale with mean 1000, by rank."""
    more = "".join(f"alpha,{a},{b},{a}\nalpha,{b},{a},{b}\n" for a, b in ["xy", "yz", "zx"])
    (found,) = table("model,trait_1,trait_2,winner\n" + more * 3)
    (profile,) = ratings_json(rate_all([found], method=method))["profiles"]
    assert {"model", "judge", "condition", "method", "n", "ratings"} <= profile.keys()
    assert profile["n"] == 18
    entries = profile["ratings"]
    assert [e["rank"] for e in entries] == sorted(e["rank"] for e in entries)
    assert np.mean([e["rating"] for e in entries]) == pytest.approx(1000)
    for entry in entries:
        assert entry.keys() == {"trait", "rating", "low", "high", "rank", "n", "mark"}
        assert entry["mark"] == ""  # nothing is known of the judge
        assert entry["low"] < entry["rating"] < entry["high"]
        assert entry["n"] == 12


def test_traits_that_never_meet_are_not_rated_and_it_says_why(table):
    """Two islands have no common scale: no ratings, but the reason and the counts."""
    (found,) = table("model,trait_1,trait_2,winner\na,w,x,w\na,x,w,x\na,y,z,y\na,z,y,z\n")
    rated = ratings_json(rate_all([found]))
    assert rated["profiles"] == []
    (unrated,) = rated["unrated"]
    assert (unrated["model"], unrated["n"], unrated["lost"]) == ("a", 4, 0)
    assert unrated["reason"]


def test_an_unknown_method_is_refused():
    """With the two that there are."""
    with pytest.raises(InputError, match="method 'glicko': expected one of bradley-terry, elo"):
        rate_all([], method="glicko")


# -- from a store -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study in which some replies are cut and some name their trait."""
    from tests.planted.answers import ModelPlan
    from tests.planted.server import Config, serve

    folder = tmp_path_factory.mktemp("finished")
    traits = load_traits("contested40").names[:10]
    (folder / "traits.txt").write_text("\n".join(traits) + "\n")
    config = Config(
        traits=traits,
        models={"*": ModelPlan(names=0.2)},
        faults={"length": 0.15, "refusal": 0.05},
        judges={},
    )
    with serve(config) as server:
        text = study_text(server.base_url, traits="traits.txt", orders="both")
        run_text(text, folder / "study.db", folder=folder)
    return folder / "study.db"


@pytest.fixture
def opened(finished):
    """The finished study's store, to read."""
    with Store.read(finished) as store:
        yield store


@pytest.mark.parametrize(
    ("without", "condition"),
    [
        ([], "1"),
        (["truncated"], "r.status = 'ok'"),
        (["named"], "NOT r.named"),
        (["truncated", "named"], "r.status = 'ok' AND NOT r.named"),
    ],
)
def test_cut_replies_and_replies_that_name_a_trait_can_be_left_out(
    opened, finished, without, condition
):
    """What is left out on purpose is no loss: the losses stay those of the run."""
    (found,) = read_comparisons(opened, without=without)
    ((expected,),) = rows(
        finished,
        "SELECT count(*) FROM verdict v JOIN judging j ON j.id = v.judging "
        f"JOIN reply r ON r.trial = j.trial WHERE v.winner IS NOT NULL AND {condition}",
    )
    assert len(found) == expected
    ((everything,),) = rows(finished, "SELECT count(*) FROM verdict WHERE winner IS NOT NULL")
    assert found.lost == 90 - everything
    assert (len(found) < everything) == bool(without)
    assert rate(found).n == expected


def test_another_word_than_truncated_and_named_is_refused(opened):
    """With the two that there are."""
    with pytest.raises(InputError, match="without 'cut': expected truncated or named"):
        read_comparisons(opened, without=["cut"])


def test_every_loss_is_counted_by_status_and_by_trait(opened, finished):
    """A lost trial is lost for both of its traits, and in judging as having no reply."""
    elicited, judged = count_stages(opened)
    assert (elicited.planned, elicited.pending, judged.planned, judged.pending) == (90, 0, 90, 0)
    assert elicited.lost == elicited.losses["refused"] > 0
    assert sum(elicited.losses_by_trait.values()) == 2 * elicited.lost
    assert sum(judged.losses_by_trait.values()) == 2 * judged.lost
    assert judged.losses["no_reply"] == elicited.lost
    ((cut, named),) = rows(finished, "SELECT sum(status = 'truncated'), sum(named) FROM reply")
    assert (elicited.truncated, elicited.named) == (cut, named)
    assert cut > 0
    assert named > 0


def test_exported_comparisons_give_the_same_ratings(opened, tmp_path):
    """A store's own export can be read back as other people's data."""
    (found,) = read_comparisons(opened)
    exported = [row for chunk in export_rows(opened, "comparisons", chunk=7) for row in chunk]
    pl.DataFrame(exported).write_csv(tmp_path / "mine.csv")
    (again,) = read_table(tmp_path / "mine.csv")
    assert set(again.traits) == set(found.traits)
    one, other = rate(found, interval="fisher"), rate(again, interval="fisher")
    expected = dict(zip(one.traits, one.strengths, strict=True))
    assert dict(zip(other.traits, other.strengths, strict=True)) == pytest.approx(expected)


def test_a_trial_is_read_in_full_or_refused(opened):
    """Prompt, reply, verdict and every attempt; a number that is not there is named."""
    trial = read_trial(opened, 1)
    assert trial["prompt"]
    assert trial["attempts"][0]["request"]["messages"][1]["content"] == trial["prompt"]
    assert trial["verdicts"][0]["judge"] == "judge"
    with pytest.raises(InputError, match="no trial 999: ids run from 1 to 90"):
        read_trial(opened, 999)


def test_a_sample_is_seeded_and_cut(opened):
    """The same seed draws the same trials; long texts are cut and it says so."""
    one = sample_trials(opened, limit=5, seed=3, chars=40)
    assert [t["id"] for t in one] == [
        t["id"] for t in sample_trials(opened, limit=5, seed=3, chars=40)
    ]
    assert [t["id"] for t in one] != [t["id"] for t in sample_trials(opened, limit=5, seed=4)]
    assert len(one) == 5
    assert all(len(t["reply"]) <= 40 and t["cut"] for t in one)


def test_a_study_that_lost_everything_is_read_and_not_rated(planted, tmp_path, word_list):
    """No comparison is left: counts are whole, ratings are refused with a reason."""
    server, path = planted(faults={"refusal": 1.0}), tmp_path / "study.db"
    run_text(study_text(server.base_url, traits=word_list("warm", "blunt")), path, folder=tmp_path)
    (found,) = read_source(path)
    assert (len(found), found.lost) == (0, 1)
    rated = rate_all([found])
    assert (len(rated.profiles), len(rated.unrated)) == (0, 1)
