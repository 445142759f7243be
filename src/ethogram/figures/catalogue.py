"""Every figure there is, in one table: its name, what it takes, what draws it and where it is used.

A new figure is one function here, which yields the drawing where the profiles allow it, and one
row of `CATALOGUE`. The `figures` verb and the report both read the table. Knows nothing of files
and pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from ethogram.analysis.analyse import Analysis, analyse
from ethogram.analysis.cohort import Cohort, form_cohort, label_models
from ethogram.analysis.views import check_one_view
from ethogram.figures.components import component_chart
from ethogram.figures.groups import cluster_map
from ethogram.figures.heat import heat_map
from ethogram.figures.models import convergence_chart, deviation_panels
from ethogram.figures.profiles import distributions, forest, shift_bars
from ethogram.figures.radial import radial
from ethogram.figures.sections import drawable, section_figure
from ethogram.figures.similarity import similarity_map
from ethogram.figures.theme import Figure, Theme
from ethogram.figures.timelines import drift_lines, gate_history
from ethogram.ratings.drifts import Drift
from ethogram.ratings.gate_runs import GateRun
from ethogram.ratings.shift import Shift
from ethogram.ratings.shift import shift as independent

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile
    from ethogram.validity.sections import Section

Place = Literal["files", "page"]

Drawing = Callable[..., Figure]
"""Draws one figure, given `theme="light"` or `theme="dark"`."""

Compare = Callable[["Profile", "Profile"], Shift]
"""Compares two profiles; `ethogram.ratings.shift.shift` as independent ones, which is less sure."""


@dataclass(frozen=True)
class Subject:
    """What figures are drawn of.

    Attributes
    ----------
    profiles : sequence of Profile
    known : Analysis, optional
        Of the same profiles; else it is made with `seed` when a figure needs it.
    before : sequence of Profile, optional
        An earlier profile for each.
    shift : Shift, optional
        Of two of the models; else, of two models, from the first to the second, and of more,
        between the two that are least alike, as `compare` has it.
    said : str
        A sentence on judge and condition, where there are others: every caption ends with it.
    gate_runs : sequence of GateRun
        What gates said of these models, oldest first.
    drift : Drift, optional
        Of releases.
    sections : sequence of Section
        What other ways of asking found.
    switches : bool
        Whether a reader can operate switches: then variants of a figure are one figure.
    """

    profiles: Sequence[Profile]
    known: Analysis | None = None
    before: Sequence[Profile] | None = None
    shift: Shift | None = None
    compare: Compare = independent
    said: str = ""
    gate_runs: Sequence[GateRun] = ()
    drift: Drift | None = None
    sections: Sequence[Section] = ()
    switches: bool = False
    seed: int = 0

    @cached_property
    def analysis(self) -> Analysis:
        """All that is between the profiles; seconds, where it is not known."""
        return self.known or analyse(self.profiles, seed=self.seed)

    @cached_property
    def cohort(self) -> Cohort:
        """The profiles on the traits that they share; at once.

        Raises
        ------
        InputError
            They are of several judges or conditions, or share too few traits.
        """
        if self.known is not None:
            return self.known.cohort
        check_one_view(self.profiles)
        return form_cohort(self.profiles)

    @cached_property
    def moved(self) -> Shift:
        """The shift between two of the models."""
        if self.shift is not None:
            return self.shift
        pair = (0, 1)
        if len(self.profiles) > 2 and self.analysis.similarity is not None:
            pair = self.analysis.similarity.spearman.least
        return self.compare(self.profiles[pair[0]], self.profiles[pair[1]])


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Attributes
    ----------
    name : str
        Of the figure; where a row has one figure per profile, their names begin with it.
    drawings : callable
        Of a subject; yields a drawing for each figure, none where the subject does not allow it.
    needs : int
        The fewest models that it can be drawn of.
    page : int or None
        The fewest models with which the report's page has it; None: never.
    most : int or None
        The most traits with which the page has it: beyond, its marks are more than can be told
        apart, and megabytes.
    source : str
        What the figure is drawn of, where that is not the profiles.
    """

    name: str
    drawings: Callable[[Subject], Iterator[Drawing]]
    needs: int = 1
    page: int | None = None
    most: int | None = None
    source: str = ""

    def is_used(self, place: Place, n_profiles: int) -> bool:
        """Whether this place has the figure for so many profiles."""
        fewest = self.needs if place == "files" else self.page
        return fewest is not None and n_profiles >= fewest

    def is_too_large(self, place: Place, n_traits: int) -> bool:
        """Whether so many traits are too many for this place."""
        return place == "page" and self.most is not None and n_traits > self.most

    def draw(self, subject: Subject) -> Iterator[Drawing]:
        """Yield what draws each figure of this row; captions end with what the subject says."""
        if len(subject.profiles) >= self.needs:
            for draw in self.drawings(subject):
                yield partial(_say_view, draw, subject.said) if subject.said else draw


def choose_figures(subject: Subject, place: Place) -> Iterator[Drawing]:
    """Yield what draws each figure that the subject allows and the place has, in order."""
    for entry in CATALOGUE:
        if not entry.is_used(place, len(subject.profiles)):
            continue
        if not entry.is_too_large(place, len(subject.cohort.traits)):
            yield from entry.draw(subject)


def name_too_large(n_profiles: int, n_traits: int) -> list[str]:
    """Name the figures that a page of so many traits goes without."""
    return [
        entry.name
        for entry in CATALOGUE
        if entry.is_used("page", n_profiles) and entry.is_too_large("page", n_traits)
    ]


def _say_view(draw: Drawing, said: str, *, theme: Theme) -> Figure:
    """Draw a figure whose caption ends with the judge and condition."""
    figure = draw(theme=theme)
    return replace(figure, caption=f"{figure.caption} {said}")


def _radial(subject: Subject) -> Iterator[Drawing]:
    yield partial(radial, subject.cohort)


def _ranks(subject: Subject) -> Iterator[Drawing]:
    yield partial(heat_map, subject.cohort, switch=subject.switches)


def _disagreement(subject: Subject) -> Iterator[Drawing]:
    yield partial(heat_map, subject.cohort, by="disagreement")


def _shift(subject: Subject) -> Iterator[Drawing]:
    yield partial(shift_bars, subject.moved)


def _similarity(subject: Subject) -> Iterator[Drawing]:
    if (similarity := subject.analysis.similarity) is not None:
        yield partial(similarity_map, similarity)


def _deviations(subject: Subject) -> Iterator[Drawing]:
    if (deviations := subject.analysis.deviations) is not None:
        yield partial(deviation_panels, deviations, subject.cohort)


def _convergence(subject: Subject) -> Iterator[Drawing]:
    if (convergence := subject.analysis.convergence) is not None:
        yield partial(convergence_chart, convergence)


def _components(subject: Subject) -> Iterator[Drawing]:
    if (components := subject.analysis.components) is not None:
        other = subject.analysis.components_plain if subject.switches else None
        yield partial(component_chart, components, other)


def _components_plain(subject: Subject) -> Iterator[Drawing]:
    if (components := subject.analysis.components_plain) is not None:
        yield partial(component_chart, components)


def _clusters(subject: Subject) -> Iterator[Drawing]:
    clusters = subject.analysis.clusters
    if clusters is not None and (clusters.ward.holding or clusters.density.holding):
        yield partial(cluster_map, clusters, subject.cohort)


def _distributions(subject: Subject) -> Iterator[Drawing]:
    yield partial(distributions, subject.profiles, before=subject.before)


def _ranked(subject: Subject) -> Iterator[Drawing]:
    names = file_names(label_models(subject.profiles))
    for profile, name in zip(subject.profiles, names, strict=True):
        yield partial(forest, profile, name=f"ranked-{name}")


def _gates(subject: Subject) -> Iterator[Drawing]:
    if subject.gate_runs:
        yield partial(gate_history, subject.gate_runs)


def _drift(subject: Subject) -> Iterator[Drawing]:
    if subject.drift is not None:
        yield partial(drift_lines, subject.drift)


def _sections(subject: Subject) -> Iterator[Drawing]:
    for section in subject.sections:
        yield from section_drawings(section)


def section_drawings(section: Section) -> list[Drawing]:
    """Return what draws each chart of a section that has something to draw."""
    names = file_names([chart.name for chart in section.charts])
    return [
        partial(section_figure, chart, name)
        for chart, name in zip(section.charts, names, strict=True)
        if drawable(chart).marks
    ]


CATALOGUE: tuple[Entry, ...] = (
    Entry("radial", _radial, page=1, most=1000),
    Entry("ranks", _ranks, needs=2, page=2),
    Entry("disagreement", _disagreement, needs=2),
    Entry("shift", _shift, needs=2, page=2),
    # On the page, two models have tables in place of the next three.
    Entry("similarity", _similarity, needs=2, page=3),
    Entry("deviations", _deviations, needs=2, page=3),
    Entry("convergence", _convergence, needs=2, page=3),
    Entry("components", _components, needs=3, page=3),
    Entry("components-plain", _components_plain, needs=3),
    Entry("clusters", _clusters, needs=2, page=2),
    Entry("distributions", _distributions, page=2, most=1000),
    Entry("gates", _gates, page=1, source="runs of `ethogram diff --gate` that a store keeps"),
    Entry("drift", _drift, source="what `ethogram diff --since MODEL --chart FILE` compares"),
    Entry("sections", _sections, source="what other ways of asking, and probes, found in a store"),
    Entry("ranked", _ranked),
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
