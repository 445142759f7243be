"""Rows of the store by name, and the words that they are kept under."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """Who is asked: a tested model or a judge."""

    MODEL = "model"
    JUDGE = "judge"


class StageName(StrEnum):
    """The stages of a study itself."""

    ELICIT = "elicit"
    JUDGE = "judge"


class PlannedJudging(NamedTuple):
    """A judging that is planned for a trial, and has no verdict yet."""

    id: int
    swapped: bool
    sample: int
