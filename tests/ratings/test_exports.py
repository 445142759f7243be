"""A store's own export, read back: the ratings are the store's, whatever the format."""

from __future__ import annotations

import sqlite3

import numpy as np
import polars as pl
import pytest
from tests.planted.simulated_store import fill_store

from ethogram.api import export_store, read_profiles, read_source
from ethogram.errors import InputError
from ethogram.ratings.comparison_files import read_table
from ethogram.stimuli.traits import load_traits

TRAITS = ["naïve", *load_traits("contested40").names[:13]]
FORMATS = ("parquet", "csv", "jsonl")


@pytest.fixture(scope="module")
def soft_store(tmp_path_factory):
    """One judge gives probabilities, most replies in both orders; the other gives words."""
    path = tmp_path_factory.mktemp("soft") / "soft.db"
    fill_store(path, traits=TRAITS, models=("fern", "moss"), judges=("soft", "plain"))
    rng = np.random.default_rng(5)
    with sqlite3.connect(path) as db:
        soft = "SELECT j.id FROM judging j JOIN party d ON d.id = j.judge WHERE d.name = 'soft'"
        for (judging,) in db.execute(
            f"SELECT judging FROM verdict WHERE judging IN ({soft}) AND winner IS NOT NULL"
        ).fetchall():
            if rng.random() < 0.9:
                new = _other_order(db, judging)
                _set_probability(db, new, rng)
            _set_probability(db, judging, rng)
        _make_ties(db, f"judging IN ({soft}) AND judging % 17 = 0")
        _make_ties(db, f"judging NOT IN ({soft}) AND winner IS NOT NULL AND judging % 13 = 0")
    return path


def _other_order(db, judging):
    """Copy a judging and its verdict, the traits shown the other way round."""
    columns = [row[1] for row in db.execute("PRAGMA table_info(judging)") if row[1] != "id"]
    taken = ", ".join("1 - swapped" if c == "swapped" else c for c in columns)
    new = db.execute(
        f"INSERT INTO judging ({', '.join(columns)}) SELECT {taken} FROM judging WHERE id = ?",
        (judging,),
    ).lastrowid
    others = [row[1] for row in db.execute("PRAGMA table_info(verdict)") if row[1] != "judging"]
    db.execute(
        f"INSERT INTO verdict (judging, {', '.join(others)}) "
        f"SELECT ?, {', '.join(others)} FROM verdict WHERE judging = ?",
        (new, judging),
    )
    return new


def _set_probability(db, judging, rng):
    p = float(rng.beta(0.3, 0.3))
    db.execute("UPDATE verdict SET p_first = ? WHERE judging = ?", (p, judging))


def _make_ties(db, which):
    db.execute(f"UPDATE verdict SET winner = NULL, p_first = NULL WHERE {which}")


def ratings_of(profiles):
    """Ratings by model, judge and trait."""
    return {
        (p.model, p.judge, trait): strength
        for p in profiles
        for trait, strength in zip(p.traits, p.strengths, strict=True)
    }


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("method", ["bradley-terry", "elo"])
def test_an_export_read_back_gives_the_ratings_of_its_store(
    soft_store, tmp_path, file_format, method
):
    """To 1e-9, the numbers of comparisons and ties too."""
    export_store(soft_store, tmp_path, tables=["comparisons"], file_format=file_format)
    mine = read_profiles(soft_store, method=method)
    again = read_profiles(tmp_path / f"comparisons.{file_format}", method=method)
    assert len(mine) == 4
    assert ratings_of(again) == pytest.approx(ratings_of(mine), abs=1e-9, rel=0)
    assert {(p.model, p.judge): (p.n, p.ties) for p in again} == {
        (p.model, p.judge): (p.n, p.ties) for p in mine
    }
    assert any(p.ties for p in mine)
    assert len({p.n for p in mine}) > 1


def test_an_export_without_the_trial_pairs_the_orders_all_the_same(soft_store, tmp_path):
    """Exports of earlier releases say neither trial nor place: prompt, traits and order do."""
    export_store(soft_store, tmp_path, tables=["comparisons"], file_format="csv")
    frame = pl.read_csv(tmp_path / "comparisons.csv").drop("trial", "seq")
    frame.write_csv(tmp_path / "old.csv")
    mine, again = read_source(soft_store), read_table(tmp_path / "old.csv")
    by_key = {(c.model, c.judge): len(c) for c in mine}
    assert {(c.model, c.judge): len(c) for c in again} == by_key


def test_columns_that_are_not_used_are_named(tmp_path):
    """Once for the file, as it spells them, and in no profile's own caveats."""
    path = tmp_path / "more.csv"
    path.write_text(
        "model,trait_1,trait_2,winner,Mood,note\na,x,y,x,1,2\na,y,x,x,1,2\n"
        "b,x,y,x,1,2\nb,y,x,x,1,2\n"
    )
    note = "Columns of the file that are not used: Mood, note."
    for method in ("bradley-terry", "elo"):
        rated = read_profiles(path, method=method)
        assert rated.notes == (note,)
        assert len(rated) == 2
        assert not any("not used" in text for profile in rated for text in profile.caveats)
        assert str(rated).count(note) == 1
    assert str(read_profiles(path, model="a")).count(note) == 1


def test_probabilities_need_no_winner(tmp_path):
    """A probability is the verdict; a row with neither is lost."""
    path = tmp_path / "p.csv"
    path.write_text("model,trait_1,trait_2,p_first\na,x,y,0.75\na,y,x,0.5\na,x,y,\n")
    (found,) = read_table(path)
    assert found.outcome.tolist() == [0.75, 0.5]
    assert not found.tie.any()
    assert found.lost == 1


@pytest.mark.parametrize("text", ["1.5", "-0.1", "often", "inf"])
def test_a_probability_that_is_none_is_refused(tmp_path, text):
    """With the line and the value."""
    path = tmp_path / "p.csv"
    path.write_text(f"model,trait_1,trait_2,winner,p_first\na,x,y,x,0.5\na,x,y,x,{text}\n")
    with pytest.raises(InputError, match=rf"line 3: p_first is '{text}', expected a probability"):
        read_table(path)


def test_a_row_of_weight_three_is_three_rows(tmp_path):
    """Ratings and intervals are those of the rows written out."""
    head, rows = "model,trait_1,trait_2,winner", ["a,x,y,x", "a,y,z,z", "a,z,x,x", "a,x,y,y"]
    weights = [3, 1, 2, 1]
    (tmp_path / "weighted.csv").write_text(
        f"{head},weight\n" + "".join(f"{row},{w}\n" for row, w in zip(rows, weights, strict=True))
    )
    (tmp_path / "long.csv").write_text(
        f"{head}\n" + "".join(f"{row}\n" * w for row, w in zip(rows, weights, strict=True))
    )
    (one,), (other,) = (
        read_profiles(tmp_path / "weighted.csv"),
        read_profiles(tmp_path / "long.csv"),
    )
    assert one.strengths == pytest.approx(other.strengths, abs=1e-9)
    assert one.low == pytest.approx(other.low, abs=1e-6)
    assert any("weight 2 counts as two" in caveat for caveat in one.caveats)
    (elo,) = read_profiles(tmp_path / "weighted.csv", method="elo")
    assert any("no account of weights" in caveat for caveat in elo.caveats)


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "heavy", ""])
def test_a_weight_that_is_none_is_refused(tmp_path, text):
    """Each must be a positive number."""
    path = tmp_path / "w.csv"
    path.write_text(f"model,trait_1,trait_2,winner,weight\na,x,y,x,2\na,x,y,x,{text}\n")
    with pytest.raises(InputError, match=rf"line 3: weight is '{text}', expected a number above 0"):
        read_table(path)


def test_orders_of_one_reply_count_by_their_weights(tmp_path):
    """(3 x 0.9 + 1 x 0.1) / 4 = 0.7: the mean of both orders is the weights' own."""
    path = tmp_path / "w.csv"
    rows = ["model,prompt_id,trait_1,trait_2,winner,p_first,judge_first,weight"]
    rows += ["m,1,calm,bold,calm,0.9,calm,3", "m,1,calm,bold,bold,0.1,bold,1"]
    path.write_text("\n".join(rows))
    (found,) = read_table(path)
    first = 0.7 if found.traits[found.first[0]] == "calm" else 0.3
    assert found.outcome == pytest.approx([first])
    assert found.weight == pytest.approx([2])
