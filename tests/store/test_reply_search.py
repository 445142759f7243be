"""The full-text index: beside no store, up to date, made anew where the store is another."""

from __future__ import annotations

import pytest
from tests.planted.simulated_store import Losses, fill_store

from ethogram.store.counts import count_stages, count_verdicts
from ethogram.store.search import ReplyIndex, fts_query, list_replies
from ethogram.store.store import Store

TRAITS = ("warm", "blunt", "poetic", "playful", "calm")
NONE = Losses(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("warm hug", '"warm" "hug"'),
        ('"a warm hug" today', '"a warm hug" "today"'),
        ("war*", '"war"*'),
        ("NEAR(a b) OR -x:", '"NEAR(a" "b)" "OR" "-x:"'),
        ("* ( \u2014", ""),
        ('say "unclosed', '"say" """unclosed"'),
    ],
)
def test_what_is_typed_is_words_only(typed, written):
    """None of FTS5's own signs gets through, but a star at the end."""
    assert fts_query(typed) == written


def test_the_index_follows_the_store(tmp_path):
    """New replies are added; nothing is read twice; another store at the path starts anew."""
    path = fill_store(tmp_path / "a.db", traits=TRAITS, losses=NONE, replies={3: "A zebra!"})
    index = ReplyIndex(path, tmp_path / "cache")
    assert index.update() == 10
    assert index.update() == 0
    assert index.find("ZEBRA") == [4]
    assert index.find("zebra nothing") == []
    with Store.open(path) as store, store.planning():
        store.write("DELETE FROM reply WHERE trial = ?", (4,))
    assert index.update() == 9
    assert index.find("zebra") == []
    path.unlink()
    fill_store(path, traits=TRAITS, losses=NONE, replies={0: "A giraffe."})
    assert index.update() == 10
    assert index.find("giraffe") == [1]


def test_verdicts_are_counted_as_status_does(tmp_path):
    """Planned and usable, with losses of replies and of verdicts."""
    many = Losses(truncated=0.1, empty=0.1, refused=0.1, unparsed=0.1)
    path = fill_store(tmp_path / "c.db", traits=[*TRAITS, "wry", "dry"], losses=many)
    with Store.read(path) as store:
        counts = [c for c in count_stages(store) if c.stage == "judge"]
        expected = sum(c.planned for c in counts), sum(c.done for c in counts)
        assert count_verdicts(store) == expected
    assert expected[1] < expected[0] == 21


def test_lists_by_model_trait_and_disagreement(tmp_path):
    """As the verdicts have it, counted here by hand."""
    path = fill_store(
        tmp_path / "b.db",
        traits=TRAITS,
        models=("alpha", "beta"),
        judges=("one", "two"),
        losses=NONE,
        flips={"two": 0.4},
    )
    with Store.read(path) as store:
        assert len(list_replies(store)) == 20
        assert len(list_replies(store, model="beta")) == 10
        assert len(list_replies(store, trait="warm")) == 8  # with four others, of two models
        _, rows = store.query(
            "SELECT j.trial FROM judging j JOIN verdict v ON v.judging = j.id "
            "GROUP BY j.trial HAVING count(DISTINCT v.winner) > 1"
        )
        differing = {row[0] for row in rows}
        ordered = list_replies(store, disagreeing=True)
        assert 0 < len(differing) < 20
        assert set(ordered[: len(differing)]) == differing
        assert len(ordered) == 20
