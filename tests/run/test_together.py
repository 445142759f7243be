"""Rows about one reply are one worker's, so that a service reads the reply once."""

from __future__ import annotations

from ethogram.protocols.protocol import Judging, Trial
from ethogram.run.stages import MOST_TOGETHER, together


def judging(number, reply, prompt="p"):
    return Judging(number, number, "warm", "curt", False, 0, prompt, reply)


def ids(groups):
    return [[row.id for row in group] for group in groups]


def test_questions_about_one_reply_are_together_wherever_they_stand():
    """A written reply stands in a trial for each question; the first place counts."""
    rows = [judging(n, reply) for n, reply in enumerate("abcab")]
    assert ids(together(rows)) == [[0, 3], [1, 4], [2]]


def test_one_text_for_two_prompts_is_two_replies():
    rows = [judging(0, "Yes.", "one"), judging(1, "Yes.", "two"), judging(2, "Yes.", "one")]
    assert ids(together(rows)) == [[0, 2], [1]]


def test_a_reply_that_is_everywhere_is_not_one_workers_alone():
    groups = ids(together([judging(n, "Yes.") for n in range(2 * MOST_TOGETHER + 1)]))
    assert [len(group) for group in groups] == [MOST_TOGETHER, MOST_TOGETHER, 1]
    assert [one for group in groups for one in group] == list(range(2 * MOST_TOGETHER + 1))


def test_trials_are_asked_one_by_one():
    rows = [Trial(n, "feels", "warm", "curt", "p", 0) for n in range(3)]
    assert ids(together(rows)) == [[0], [1], [2]]
