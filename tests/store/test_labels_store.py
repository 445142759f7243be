"""People's labels in the store: the queue, who is asked what, undoing, replacing, refusing."""

from __future__ import annotations

import pytest
from tests.planted.simulated_store import Losses, fill_store

from ethogram.errors import InputError
from ethogram.store.labels import (
    Label,
    LabelDraw,
    LabelItem,
    add_labels,
    keep_draw,
    label_progress,
    next_item,
    read_draw,
    read_labels,
    undo_label,
)
from ethogram.store.store import Store

NONE = Losses(0, 0, 0, 0)


@pytest.fixture
def labelled(tmp_path):
    """Return a store of ten judged trials with a queue of four, the second and fourth shared."""
    path = fill_store(
        tmp_path / "labelled.db", traits=["warm", "blunt", "poetic", "playful", "calm"], losses=NONE
    )
    items = tuple(LabelItem(n, n + 1, n % 2, n % 2 == 1, False) for n in range(4))
    with Store.open(path) as store:
        keep_draw(store, LabelDraw("simulated-judge", 3, 0.5, (("unsure", 6), ("sure", 4)), items))
        yield store


def _label(trial, labeller="ann", answer="trait_1", **more):
    return Label(trial, labeller, answer, False, 1.8e9, **more)


def test_a_draw_comes_back_as_it_was_kept(labelled):
    """Judge, seed, strata with their counts, and items in their order."""
    draw = read_draw(labelled)
    assert (draw.judge, draw.seed, draw.overlap) == ("simulated-judge", 3, 0.5)
    assert draw.strata == (("unsure", 6), ("sure", 4))
    assert [(item.trial, item.shared) for item in draw.items] == [
        (1, False),
        (2, True),
        (3, False),
        (4, True),
    ]


def test_two_labellers_share_the_queue(labelled):
    """What one person labelled goes to nobody else, but for the shared replies."""
    add_labels(labelled, [_label(1), _label(2)])
    assert next_item(labelled, "ann").trial == 3
    assert next_item(labelled, "bea").trial == 2
    assert label_progress(labelled, "bea") == (0, 3)
    assert next_item(labelled, "bea", taken=[2, 3]).trial == 2
    add_labels(labelled, [_label(2, "bea")])
    assert next_item(labelled, "bea", taken=[3]).trial == 4


def test_an_undone_label_is_kept_and_asked_again(labelled):
    """The last label is taken back, stays as a row with the time, and its reply comes next."""
    add_labels(labelled, [_label(1)])
    add_labels(labelled, [_label(2)])
    assert undo_label(labelled, "ann") == 2
    assert [label.trial for label in read_labels(labelled)] == [1]
    assert next_item(labelled, "ann", first=2).trial == 2
    _, rows = labelled.query("SELECT trial, undone IS NOT NULL FROM label ORDER BY id")
    assert rows == [(1, 0), (2, 1)]
    assert undo_label(labelled, "ann") == 1
    assert undo_label(labelled, "ann") is None


def test_a_person_labels_a_reply_once(labelled):
    """The same label again changes nothing; another one replaces the first, which stays undone."""
    assert add_labels(labelled, [_label(1)]) == 1
    assert add_labels(labelled, [_label(1)]) == 0
    assert add_labels(labelled, [_label(1, answer="neither")]) == 1
    assert [label.answer for label in read_labels(labelled)] == ["neither"]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (_label(1, answer="trait_3"), "'trait_3' (did you mean"),
        (_label(1, labeller=" "), "has no labeller"),
        (_label(99), "trial 99 has no reply"),
        (_label(2**70), "has no reply"),
    ],
)
def test_a_label_that_cannot_be_is_refused_and_nothing_is_kept(labelled, label, words):
    """All labels of a call are kept, or none."""
    with pytest.raises(InputError) as caught:
        add_labels(labelled, [_label(3), label])
    assert words in str(caught.value)
    assert read_labels(labelled) == []


@pytest.mark.parametrize("other", ["Ann", " ann ", "ANN", "a\u200bnn", "\uff41\uff4e\uff4e"])
def test_one_person_is_one_name_however_it_is_typed(labelled, other):
    """Asked, counted and undone as the same; the first spelling stays."""
    add_labels(labelled, [_label(2, "ann")])
    assert next_item(labelled, other).trial == 1
    assert label_progress(labelled, other) == (1, 3)
    assert add_labels(labelled, [_label(2, other, "both"), _label(1, other)]) == 2
    assert {label.labeller for label in read_labels(labelled)} == {"ann"}
    assert next_item(labelled, "bea").trial == 2
    assert undo_label(labelled, other) == 1


def test_names_of_different_people_stay_apart(labelled):
    """A letter or an accent more is somebody else."""
    add_labels(labelled, [_label(2, name) for name in ("ann", "anne", "\xe5nn", "ann b")])
    assert len(read_labels(labelled)) == 4


@pytest.mark.parametrize("name", ["", " \n", "\x00", "\u200b\u202e", "\ud800"])
def test_a_name_of_nothing_is_refused(labelled, name):
    """Control signs, marks of direction and halves of a sign are no name."""
    with pytest.raises(InputError):
        add_labels(labelled, [_label(2, name)])
    assert read_labels(labelled) == []


def test_only_what_was_asked_here_is_undone(labelled):
    """A label from a file, or of a reply that is no longer in the queue, would not come again."""
    add_labels(labelled, [_label(2), _label(7), _label(1, source="in.csv")])
    assert undo_label(labelled, "ann") == 2
    assert undo_label(labelled, "ann") is None
    assert {label.trial for label in read_labels(labelled)} == {7, 1}
