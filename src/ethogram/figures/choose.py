"""Figures by name and of chosen models, for `ethogram figures --only` and `ethogram.figure`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ethogram.analysis.analyse import Analysis
from ethogram.analysis.cohort import label_models
from ethogram.errors import InputError, guess
from ethogram.figures.catalogue import CATALOGUE, Compare, Drawing, Entry, Subject
from ethogram.figures.theme import Figure, Theme
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.numbers import count_words
from ethogram.ratings.shift import shift

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.validity.sections import Section

FIGURE_NAMES = tuple(entry.name for entry in CATALOGUE)
"""What a figure can be asked for by."""


def draw_figure(
    name: str,
    profiles: Sequence[Profile],
    *,
    models: Sequence[str] = (),
    analysis: Analysis | None = None,
    before: Sequence[Profile] | None = None,
    compare: Compare = shift,
    theme: Theme = "light",
    said: str = "",
    seed: int = 0,
    gate_runs: Sequence[GateRun] = (),
    sections: Sequence[Section] = (),
) -> Figure:
    """Draw one figure.

    Parameters
    ----------
    name : str
        One of `FIGURE_NAMES`.
    profiles : sequence of Profile
        Of one judge and one condition.
    models : sequence of str
        Only these, in this order (the shift is from the first to the second); else all.
    analysis : Analysis, optional
        Of these profiles, where all are drawn; else what a figure needs is made with `seed`.
    before : sequence of Profile, optional
        An earlier profile for each profile, drawn behind it in the distributions.
    compare : callable
        Compares the two profiles of the shift figure; as independent, if not given
        (`ethogram.ratings.shift.shift` of their comparisons pairs them and is surer).
    said : str
        Ends the caption: judge and condition, where there are others.
    gate_runs : sequence of GateRun
        What gates said of these models, for the figure "gates".
    sections : sequence of Section
        What other ways of asking found, for the figures "sections".

    Raises
    ------
    InputError
        An unknown name or model, fewer models than the figure takes, several models where it
        draws one, or profiles of several judges or conditions.
    """
    entry = find_entries([name])[0]
    places = pick_models(profiles, models)
    subject = Subject(
        [profiles[i] for i in places],
        analysis if not models else None,
        before=None if before is None else [before[i] for i in places],
        compare=compare,
        said=said,
        seed=seed,
        gate_runs=gate_runs,
        sections=sections,
    )
    drawings = draw_entry(entry, subject)
    if len(drawings) > 1:
        raise InputError(
            f"figure {name!r} draws one model and {len(drawings)} were given; name one of "
            f"{', '.join(label_models(subject.profiles))}"
        )
    return drawings[0](theme=theme)


def draw_entry(entry: Entry, subject: Subject) -> list[Drawing]:
    """Return the drawings of a row that was asked for by name.

    Raises
    ------
    InputError
        The subject does not allow it.
    """
    given = len(subject.profiles)
    if given < entry.needs:
        raise InputError(
            f"figure {entry.name!r} needs at least {count_words(entry.needs, 'model')}, "
            f"{given} given"
        )
    drawings = list(entry.draw(subject))
    if not drawings:
        missing = "none holds under resampling"
        why = (
            f"it is drawn of {entry.source}"
            if entry.source
            else dict(subject.analysis.not_run).get(entry.name, missing)
        )
        raise InputError(f"figure {entry.name!r} has nothing to show: {why}")
    return drawings


def find_entries(names: Sequence[str]) -> list[Entry]:
    """Find rows of the catalogue by name, in the order of the catalogue.

    Raises
    ------
    InputError
        No name, or one that no row has.
    """
    if not names:
        raise InputError(f"no figure is named, expected some of {', '.join(FIGURE_NAMES)}")
    for name in names:
        if name not in FIGURE_NAMES:
            near, expected = guess(name, FIGURE_NAMES), ", ".join(FIGURE_NAMES)
            raise InputError(f"figure is {name!r}{near}, expected one of {expected}")
    return [entry for entry in CATALOGUE if entry.name in names]


def pick_models(profiles: Sequence[Profile], models: Sequence[str]) -> list[int]:
    """Find the profiles of the named models, in the order of the names; all where none is named.

    A name is the model's, or its label where a model occurs more than once.

    Raises
    ------
    InputError
        A name that no profile has, that several have, or that is given twice.
    """
    labels = label_models(profiles)
    places: list[int] = []
    for name in models:
        exact = [i for i, label in enumerate(labels) if label == name]
        fit = exact or [i for i, p in enumerate(profiles) if p.model == name]
        if not fit:
            near, expected = guess(name, labels), ", ".join(labels)
            raise InputError(f"model is {name!r}{near}, expected one of {expected}")
        if len(fit) > 1:
            several = ", ".join(labels[i] for i in fit)
            raise InputError(f"model is {name!r}, which several profiles are of: {several}")
        if fit[0] in places:
            raise InputError(f"model {name!r} is named twice, expected different models")
        places += fit
    return places or list(range(len(profiles)))
