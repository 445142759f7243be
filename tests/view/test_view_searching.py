"""A search while the index is made says how far it is; an error of the index is said."""

from __future__ import annotations

import threading

import pytest
from tests.planted.simulated_store import Losses, fill_store
from tests.view.served import TRAITS, fill_studies

pytest.importorskip("starlette")

from ethogram.api.view import searching
from ethogram.api.view.searching import Indexing, Searches
from ethogram.errors import StoreError
from ethogram.store.search import ReplyIndex, fts_query


def test_a_search_that_must_wait_says_so_and_then_answers(tmp_path, monkeypatch):
    """Held up in the middle: how far it is, by one thread only; let go: what was found."""
    path = fill_studies(tmp_path) / "one.db"
    go, begun, update = threading.Event(), [], ReplyIndex.update

    def held(index):
        begun.append(index)
        go.wait(30)
        return update(index)

    monkeypatch.setattr(ReplyIndex, "update", held)
    monkeypatch.setattr(searching, "PATIENCE", 0.05)
    searches = Searches(tmp_path / "cache")
    assert isinstance(searches.find(path, "zebra"), Indexing)
    assert isinstance(searches.find(path, "zebra"), Indexing)
    go.set()
    monkeypatch.setattr(searching, "PATIENCE", 30)
    assert len(searches.find(path, "zebra")) == 2
    assert len(searches.find(path, "zebra crossed")) == 2
    assert len(begun) == 1


def test_an_index_that_cannot_be_read_is_said_and_can_be_mended(tmp_path):
    """The file is named; once it is removed the search works."""
    path = fill_studies(tmp_path) / "few.db"
    index = ReplyIndex(path, tmp_path / "cache")
    index.path.write_text("no database, and long enough to be taken for one" * 40)
    searches = Searches(tmp_path / "cache")
    with pytest.raises(StoreError) as caught:
        searches.find(path, "manner")
    assert str(index.path) in str(caught.value)
    index.path.unlink()
    assert searches.find(path, "manner")


WRITTEN = (
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u306f\u9762\u767d\u3044\u3067\u3059",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e07\u0e48\u0e32\u0e22",
    "\ud55c\uad6d\uc5b4\ub294 \uc7ac\ubbf8\uc788\uc5b4\uc694",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e",
    "Well done \U0001f600\u2764\ufe0f and e\u0301te\u0301, "
    "\uff26\uff35\uff2c\uff2c; C++ \u2192 zebra_crossing",
)


@pytest.fixture(scope="module")
def in_scripts(tmp_path_factory):
    """Return the index of a store with replies in several scripts, by trial."""
    folder = tmp_path_factory.mktemp("scripts")
    path = fill_store(
        folder / "s.db",
        traits=TRAITS[:4],
        losses=Losses(0, 0, 0, 0),
        replies=dict(enumerate(WRITTEN)),
    )
    index = ReplyIndex(path, folder / "cache")
    index.update()
    return index


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("\u65e5\u672c", 0),
        ("\u30c6\u30ad\u30b9\u30c8 \u9762\u767d", 0),
        ("\u672c\u65e5", None),  # the same letters the other way round
        ("\u0e44\u0e17\u0e22", 1),
        ("\u0e07\u0e32\u0e22", None),  # without its tone mark it is another word
        ("\ud55c\uad6d", 2),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", 3),
        ("\u0939\u0928\u0926", None),  # the consonants alone are another word
        ("\U0001f600", 4),
        ("\u2764", 4),
        ("\U0001f601", None),
        ("ete full", 4),
        ("\u00e9t\u00e9", 4),
        ("\u2192 zebra", 4),
        ("crossing", 4),
        ("don\0e", None),
        ("done\0", 4),
        ('"well done', 4),
        ("NEAR(done)", None),
    ],
)
def test_words_of_all_scripts_and_symbols_are_found(in_scripts, query, place):
    """Chinese, Thai and Korean inside a run of letters; emoji; nothing that is not there."""
    assert in_scripts.find(query) == ([] if place is None else [place + 1])


@pytest.mark.parametrize("query", ['"', "?!", "_", "*", "\0", '""'])
def test_signs_alone_are_no_query(in_scripts, query):
    """Nothing is asked of the index."""
    assert fts_query(query) == ""
    assert in_scripts.find(query) == []


@pytest.mark.parametrize("harm", ["remove", "cut", "empty", "overwrite"])
def test_an_index_that_was_cleared_or_damaged_is_made_anew(tmp_path, harm):
    """While the viewer runs: no search answers from what is left of it."""
    path = fill_studies(tmp_path) / "one.db"
    searches = Searches(tmp_path / "cache")
    found = searches.find(path, "zebra")
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    if harm == "remove":
        file.unlink()
    else:
        left = {"cut": whole[:5000], "empty": b"", "overwrite": whole[:100] + b"x" * len(whole)}
        file.write_bytes(left[harm])
    assert searches.find(path, "zebra") == found
    assert len(found) == 2


def test_a_cache_that_cannot_be_made_is_said(tmp_path):
    """A file stands where the folder would be."""
    path = fill_studies(tmp_path) / "few.db"
    (tmp_path / "cache").write_text("mine")
    with pytest.raises(StoreError, match="cannot be made"):
        Searches(tmp_path / "cache" / "view").find(path, "zebra")


def test_a_store_that_was_made_anew_or_grew_is_searched_as_it_is(tmp_path):
    """Another study under the same path, with other replies of the same trials."""
    path = tmp_path / "s.db"
    searches = Searches(tmp_path / "cache")
    for word in ("zebra", "okapi"):
        path.unlink(missing_ok=True)
        fill_store(path, traits=TRAITS[:3], losses=Losses(0, 0, 0, 0), replies={1: f"An {word}."})
        assert searches.find(path, word) == {2}
    assert searches.find(path, "zebra") == set()
