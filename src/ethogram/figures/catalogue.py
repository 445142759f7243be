"""Every figure there is, in one table: what draws it, and whether files and the page have it.

A new figure is one function here, which yields the drawing where the profiles allow it, and one
row of `CATALOGUE`. The `figures` verb and the report both read the table. Knows nothing of files
and pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from ethogram.analysis.cohort import label_models
from ethogram.figures.components import cluster_map, component_chart
from ethogram.figures.models import convergence_chart, deviation_panels, similarity_map
from ethogram.figures.profiles import distributions, forest, rank_map, shift_bars
from ethogram.figures.radial import radial
from ethogram.figures.theme import Figure, Theme
from ethogram.ratings.shift import Shift, shift

if TYPE_CHECKING:
    from ethogram.analysis.analyse import Analysis
    from ethogram.ratings.profile import Profile

Place = Literal["files", "page"]

Drawing = Callable[..., Figure]
"""Draws one figure, given `theme="light"` or `theme="dark"`."""


@dataclass(frozen=True)
class Subject:
    """What figures are drawn of.

    Attributes
    ----------
    profiles : sequence of Profile
    analysis : Analysis
        Of the same profiles.
    before : sequence of Profile, optional
        An earlier profile for each.
    shift : Shift, optional
        Of two of the models; else of the two that are least alike.
    said : str
        A sentence on judge and condition, where there are others: every caption ends with it.
    """

    profiles: Sequence[Profile]
    analysis: Analysis
    before: Sequence[Profile] | None = None
    shift: Shift | None = None
    said: str = ""


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Attributes
    ----------
    name : str
        Of the figure; where a row has one figure per profile, their names begin with it.
    drawings : callable
        Of a subject; yields a drawing for each figure, none where the subject does not allow it.
    files, page : int or None
        The fewest profiles with which the saved files, and the report's page, have the figure;
        None: never.
    """

    name: str
    drawings: Callable[[Subject], Iterator[Drawing]]
    files: int | None
    page: int | None

    def is_used(self, place: Place, n_profiles: int) -> bool:
        """Whether this place has the figure for so many profiles."""
        fewest = self.files if place == "files" else self.page
        return fewest is not None and n_profiles >= fewest


def choose_figures(subject: Subject, place: Place) -> Iterator[Drawing]:
    """Yield what draws each figure that the subject allows and the place has, in order."""
    for entry in CATALOGUE:
        if entry.is_used(place, len(subject.profiles)):
            for draw in entry.drawings(subject):
                yield partial(_say_view, draw, subject.said) if subject.said else draw


def _say_view(draw: Drawing, said: str, *, theme: Theme) -> Figure:
    """Draw a figure whose caption ends with the judge and condition."""
    figure = draw(theme=theme)
    return replace(figure, caption=f"{figure.caption} {said}")


def _radial(subject: Subject) -> Iterator[Drawing]:
    yield partial(radial, subject.analysis.cohort)


def _ranks(subject: Subject) -> Iterator[Drawing]:
    yield partial(rank_map, subject.analysis.cohort)


def _shift(subject: Subject) -> Iterator[Drawing]:
    if (similarity := subject.analysis.similarity) is not None:
        one, other = (subject.profiles[i] for i in similarity.spearman.least)
        yield partial(shift_bars, subject.shift or shift(one, other))


def _similarity(subject: Subject) -> Iterator[Drawing]:
    if (similarity := subject.analysis.similarity) is not None:
        yield partial(similarity_map, similarity)


def _deviations(subject: Subject) -> Iterator[Drawing]:
    if (deviations := subject.analysis.deviations) is not None:
        yield partial(deviation_panels, deviations, subject.analysis.cohort)


def _convergence(subject: Subject) -> Iterator[Drawing]:
    if (convergence := subject.analysis.convergence) is not None:
        yield partial(convergence_chart, convergence)


def _components(subject: Subject) -> Iterator[Drawing]:
    if (components := subject.analysis.components) is not None:
        yield partial(component_chart, components)


def _components_plain(subject: Subject) -> Iterator[Drawing]:
    if (components := subject.analysis.components_plain) is not None:
        yield partial(component_chart, components)


def _clusters(subject: Subject) -> Iterator[Drawing]:
    clusters = subject.analysis.clusters
    if clusters is not None and (clusters.ward.holding or clusters.density.holding):
        yield partial(cluster_map, clusters, subject.analysis.cohort)


def _distributions(subject: Subject) -> Iterator[Drawing]:
    yield partial(distributions, subject.profiles, before=subject.before)


def _ranked(subject: Subject) -> Iterator[Drawing]:
    names = file_names(label_models(subject.profiles))
    for profile, name in zip(subject.profiles, names, strict=True):
        yield partial(forest, profile, name=f"ranked-{name}")


CATALOGUE: tuple[Entry, ...] = (
    Entry("radial", _radial, files=1, page=1),
    Entry("ranks", _ranks, files=2, page=2),
    # On the page, two models have tables in place of the next four.
    Entry("shift", _shift, files=2, page=None),
    Entry("similarity", _similarity, files=2, page=3),
    Entry("deviations", _deviations, files=2, page=3),
    Entry("convergence", _convergence, files=2, page=3),
    Entry("components", _components, files=3, page=3),
    Entry("components-plain", _components_plain, files=3, page=3),
    Entry("clusters", _clusters, files=2, page=2),
    Entry("distributions", _distributions, files=1, page=2),
    Entry("ranked", _ranked, files=1, page=None),  # on the page, a table
)


def file_names(labels: Sequence[str]) -> list[str]:
    """Turn labels into distinct file names of small letters, digits and hyphens."""
    names: list[str] = []
    for label in labels:
        plain = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "model"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names
