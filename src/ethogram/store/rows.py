"""Rows of the store by name, and the words that they are kept under."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """Who a party is: a tested model, a judge, or who wrote replies that no model gave."""

    MODEL = "model"
    JUDGE = "judge"
    WRITER = "writer"


class StageName(StrEnum):
    """The stages of a study, and of asking its models about themselves."""

    ELICIT = "elicit"
    JUDGE = "judge"
    STATED = "stated"
    LIKERT = "likert"


class TrialRow(NamedTuple):
    """A trial to plan; traits, prompt and context by their ids in the store.

    `after` is the trial whose conversation this one goes on with, once that has a reply; `turn`
    counts the user's messages since the traits were named; `wording` is which paraphrase of the
    instruction is used.
    """

    seq: int
    trait_1: int | None
    trait_2: int | None
    prompt: int
    sample: int = 0
    planted: int | None = None
    context: int | None = None
    after: int | None = None
    turn: int = 1
    wording: int = 0


class JudgingRow(NamedTuple):
    """A judging to plan; `swapped`: the judge is shown the trial's second trait first."""

    trial: int
    swapped: bool
    sample: int = 0


class PlannedJudging(NamedTuple):
    """A judging that is planned for a trial, and has no verdict yet."""

    id: int
    swapped: bool
    sample: int


class ReplyRow(NamedTuple):
    """What a reply came to, as columns in the table's order; its attempt is put with it.

    `named` is 1 where it names a trait although told not to; `choice` (a trait's id) and `value`
    are what a protocol reads of the reply itself; `split` is 1 where thoughts stood in the text
    and were parted from it.
    """

    trial: int
    status: str
    reason: str
    chars: int | None
    named: int | None
    choice: int | None = None
    value: float | None = None
    split: int | None = None


class VerdictRow(NamedTuple):
    """What a verdict came to, as columns in the table's order; its attempt is put with it.

    `winner` is a trait's id in the store.
    """

    judging: int
    status: str
    reason: str
    winner: int | None
    p_first: float | None = None
