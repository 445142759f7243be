"""Which traits of a profile are marked: those that the judge does not see, or the model not act."""

from __future__ import annotations

from collections.abc import Mapping

from ethogram.ratings.marks import NOT_ACTED, NOT_FOUND, NOT_SEEN
from ethogram.validity.accuracy import Plants, judge_accuracy
from ethogram.validity.acting import Acting
from ethogram.validity.exemplars import Sight


def mark_traits(
    sight: Sight | None, plants: Plants | None, acting: Mapping[str, Acting], model: str
) -> dict[str, str]:
    """Return the marks of one model's profile by one judge.

    Parameters
    ----------
    sight : Sight or None
        The judge on exemplars; without it, a plant that is not found can have two causes.
    plants : Plants or None
        The judge on planted replies of all models.
    acting : mapping of model to Acting
    model : str

    Returns
    -------
    dict of trait to mark
    """
    if sight is not None and sight.accuracy.tested:
        told = acting.get(model)
        unacted = () if told is None else told.unacted
        marks = dict.fromkeys(unacted, NOT_ACTED)
        return marks | dict.fromkeys(sight.accuracy.blind, NOT_SEEN)
    if plants is None or model not in plants.models:
        return {}
    own = judge_accuracy(plants.take(plants.model == plants.models.index(model)))
    return dict.fromkeys(own.blind if own.tested else (), NOT_FOUND)
