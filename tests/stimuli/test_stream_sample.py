"""The one-pass sample of distinct texts."""

import random

from ethogram.stimuli.files import Row
from ethogram.stimuli.stream_sample import StreamSample


def fill(rows, *, size, seed=3):
    """Return a reserve that was offered these rows."""
    reserve = StreamSample(size=size, seed=seed)
    for row in rows:
        reserve.offer(row)
    return reserve


def test_reserve_is_the_start_of_all_sorted():
    """With repeats and evictions it holds what sorting all distinct texts puts first."""
    rows = [Row(f"text {i}", f"t{i}") for i in range(400)]
    whole = [row.text for row in fill(rows, size=400).rows()]
    many = rows * 3
    random.Random(2).shuffle(many)
    assert [row.text for row in fill(many, size=30).rows()] == whole[:30]


def test_counts_of_offered_and_distinct():
    """Every offer is counted, and texts that differ in case and space only count once."""
    reserve = fill([Row("A b", "1"), Row("c", "2"), Row(" a  B\n", "3"), Row("c", "4")], size=1)
    assert (reserve.offered, reserve.distinct, len(reserve.rows())) == (4, 2, 1)
    assert (StreamSample(size=1, seed=0).offered, StreamSample(size=1, seed=0).distinct) == (0, 0)


def test_first_of_equal_texts_stays():
    """Of equal texts the first row is kept, with a size and without."""
    rows = [Row("a b", "first"), Row("c", "other"), Row("A B", "second")]
    for size in (None, 5):
        assert {row.id for row in fill(rows, size=size).rows()} == {"first", "other"}


def test_without_size_the_order_stays():
    """Without a size all distinct rows come back as they came, and it is never full."""
    rows = [Row(f"text {i}", f"t{i}") for i in range(50)]
    reserve = fill(rows, size=None)
    assert reserve.rows() == rows
    assert not reserve.full
