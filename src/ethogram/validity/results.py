"""What a store holds, read once and rated once for all that a command says of it.

Printing ratings, judging the judges and writing a report each need the same comparisons, verdicts
and profiles. `StoreResults` fetches each of them when it is first asked for, and keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import orjson

from ethogram.design import Part
from ethogram.errors import EthogramError
from ethogram.protocols.elicit import names_a_trait
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.ratings.results import Rated, Unrated, keep_what_fits
from ethogram.ratings.threads import on_one_thread
from ethogram.store.read import (
    StageCount,
    Verdicts,
    count_stages,
    is_judged_twice,
    number_written,
    planned_traits,
    read_comparisons,
    read_verdicts,
    written_replies,
)
from ethogram.store.store import Store
from ethogram.validity.accuracy import Plants, collect_plants
from ethogram.validity.acting import Acting, act_by_model
from ethogram.validity.both_orders import has_probabilities, merge_verdicts
from ethogram.validity.controls import word_preference
from ethogram.validity.exemplars import Sight, measure_sight
from ethogram.validity.labels import LabelAccuracy, Labels, label_accuracy
from ethogram.validity.marking import mark_traits

T = TypeVar("T")

_RATED = (Part.MAIN, Part.RANDOM, Part.NATURAL, Part.WORD)


class StoreResults:
    """A store's counts, comparisons, verdicts and profiles, each fetched once.

    It keeps what it has fetched: make another one after the store was written to.

    Parameters
    ----------
    store : Store
        Open for as long as anything is asked for.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[Hashable, object] = {}

    @classmethod
    @contextmanager
    def open(cls, path: str | Path) -> Iterator[StoreResults]:
        """Open a store for reading, and close it in the end."""
        with Store.read(path) as store:
            yield cls(store)

    @cached_property
    def counts(self) -> tuple[StageCount, ...]:
        """Planned, done and lost rows."""
        return tuple(count_stages(self.store))

    @cached_property
    def models(self) -> dict[str, str]:
        """Settings (JSON) of each tested model."""
        return {name: settings for name, (_, settings) in self.store.parties("model").items()}

    @cached_property
    def judges(self) -> dict[str, str]:
        """Settings (JSON) of each judge."""
        return {name: settings for name, (_, settings) in self.store.parties("judge").items()}

    def comparisons(
        self, part: str = Part.MAIN, *, soft: bool = True, without: Sequence[str] = ()
    ) -> tuple[Comparisons, ...]:
        """Comparisons of each model, judge and condition; see `store.read.read_comparisons`."""
        left_out = tuple(sorted(set(without)))
        return self._once(
            ("comparisons", str(part), soft, left_out),
            lambda: tuple(
                read_comparisons(
                    self.store, part=part, soft=soft, without=left_out, counts=self.counts
                )
            ),
        )

    def verdicts(self, judge: str) -> Verdicts:
        """All of a judge's verdicts."""
        return self._once(("verdicts", judge), lambda: read_verdicts(self.store, judge))

    def plants(self, judge: str, *, each: bool = False) -> Plants | None:
        """A judge's verdicts on planted replies; None where it was given none.

        Both orders of a reply are one verdict, where the judge's probabilities are averaged in the
        ratings too; with `each`, every order is a row.
        """
        merged = not each and is_judged_twice(self.store, judge)
        return self._once(
            ("plants", judge, merged),
            lambda: select_plants(self.verdicts(judge), judge, merged=merged),
        )

    def gives_probabilities(self, judge: str) -> bool:
        """Whether a judge's answers are asked for with their probabilities."""
        verdict = orjson.loads(self.judges.get(judge, "{}")).get("verdict")
        return verdict in ("logprobs", "letter")

    def sight(self, judge: str) -> Sight | None:
        """What a judge makes of written replies; None where it was given none."""
        return self._once(
            ("sight", judge),
            lambda: measure_sight(
                self.verdicts(judge),
                judge,
                replies=self._written,
                averaged=is_judged_twice(self.store, judge),
                by_p=self.gives_probabilities(judge),
                missing=self._without_exemplar,
                named=self._named,
            ),
        )

    @cached_property
    def _written(self) -> dict[int, int]:
        """Which written reply each trial shows."""
        return number_written(self.store)

    @cached_property
    def _named(self) -> int:
        """How many written replies name the trait that they show."""
        return sum(names_a_trait(text, trait) for text, trait in written_replies(self.store))

    @cached_property
    def _without_exemplar(self) -> tuple[str, ...]:
        """The traits of the study itself of which no exemplar is planned."""
        shown = planned_traits(self.store, Part.EXEMPLAR, planted=True)
        return tuple(t for t in planned_traits(self.store, Part.MAIN) if t not in shown)

    def labels(self, judge: str) -> Labels | None:
        """People's labels of chosen replies beside a judge's verdicts; None without any."""
        from ethogram.validity.label_results import labels_beside

        return self._once(("labels", judge), lambda: labels_beside(self, judge))

    def beside_people(self, judge: str) -> LabelAccuracy | None:
        """How often a judge names what people see; None where nobody labelled its replies."""

        def work() -> LabelAccuracy | None:
            labels = self.labels(judge)
            return None if labels is None else label_accuracy(labels)

        return self._once(("beside people", judge), work)

    def acting(self, judge: str) -> dict[str, Acting]:
        """How far each model acts, by a judge that was tried on exemplars too."""
        return self._once(("acting", judge), lambda: self._acting(judge))

    def _acting(self, judge: str) -> dict[str, Acting]:
        sight, plants, each = self.sight(judge), self.plants(judge), self.plants(judge, each=True)
        if sight is None or plants is None or each is None:
            return {}
        return act_by_model(plants, each, sight)

    def marks(self, model: str, judge: str) -> dict[str, str]:
        """Return the traits whose rating says little about a model's preference, and why."""
        known = {Part.EXEMPLAR, Part.PLANT}
        if not any(c.judge == judge and c.part in known and c.done for c in self.counts):
            return {}
        return mark_traits(self.sight(judge), self.plants(judge), self.acting(judge), model)

    def mark(self, profile: Profile) -> Profile:
        """Mark the traits of a profile whose rating says little about preference."""
        return replace(profile, marks=self.marks(profile.model, profile.judge))

    def profile(self, comparisons: Comparisons) -> Profile | Unrated:
        """Rate comparisons by `rate` with its defaults and mark it, or say why it cannot be."""

        def rate_and_mark(rows: Comparisons) -> Profile:
            return self.mark(rate(rows))

        return self._rating("rate", comparisons, rate_and_mark)

    def word_preference(self, comparisons: Comparisons) -> Profile | Unrated:
        """Rate a judge's liking for the words as such, or say why it cannot be rated."""
        return self._rating("word", comparisons, word_preference)

    @on_one_thread
    def rated(self, part: str = Part.MAIN, *, without: Sequence[str] = ()) -> Rated:
        """Every profile of a part, and what could not be rated."""
        every = [self.profile(c) for c in self.comparisons(part, without=without)]
        return Rated(
            tuple(p for p in every if isinstance(p, Profile)),
            tuple(u for u in every if isinstance(u, Unrated)),
        )

    def _rating(
        self, how: str, comparisons: Comparisons, make: Callable[[Comparisons], Profile]
    ) -> Profile | Unrated:
        """Rate one set of comparisons once, told from others by its identity."""

        def work() -> tuple[Comparisons, Profile | Unrated]:
            return comparisons, _rate_or_say_why(comparisons, make, self._n_profiles)

        return self._once((how, id(comparisons)), work)[1]

    @cached_property
    def _n_profiles(self) -> int:
        """How many profiles may come to be kept: those of the study and of its controls."""
        rated = (c for c in self.counts if c.stage == "judge" and c.part in _RATED)
        return max(1, len({(c.model, c.judge, c.condition, c.part) for c in rated}))

    def _once(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what is kept under a key, after doing the work for it if need be."""
        if key not in self._kept:
            self._kept[key] = work()
        return cast(T, self._kept[key])


def results_of(source: Store | StoreResults) -> StoreResults:
    """Return the results of a store; of results, themselves."""
    return source if isinstance(source, StoreResults) else StoreResults(source)


def _rate_or_say_why(
    comparisons: Comparisons, make: Callable[[Comparisons], Profile], n_profiles: int
) -> Profile | Unrated:
    try:
        return keep_what_fits(make(comparisons), n_profiles)
    except EthogramError as error:
        return Unrated.of(comparisons, str(error))


def select_plants(verdicts: Verdicts, judge: str, *, merged: bool = False) -> Plants | None:
    """Take a judge's verdicts on planted replies out of all of its verdicts; None without any."""
    rows = verdicts.part(Part.PLANT)
    if not len(rows):
        return None
    if merged and has_probabilities(rows):
        rows = merge_verdicts(rows)
    named = np.where(rows.code == 1, rows.first, np.where(rows.code == 0, rows.second, -1))
    return collect_plants(
        rows.traits,
        rows.first,
        rows.second,
        named,
        planted_first=~rows.swapped,
        tied=rows.tied,
        prompt=rows.prompt,
        model=[rows.models[i] for i in rows.model],
        judge=judge,
    )
