"""Rounds: what a study asks next, once all that it asked has been answered.

A round depends on the study and the answers alone, and is planned into the store before any of it
is asked: a run that was killed goes on with the same pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ethogram.design import Design, Part
from ethogram.errors import DisconnectedError, NotConverged
from ethogram.ratings.allocation import (
    Belief,
    believe,
    choose_pairs,
    design_of_trials,
    extend_design,
    find_aim,
    free_prompts,
)
from ethogram.ratings.comparisons import Comparisons
from ethogram.ratings.rate import rate
from ethogram.ratings.stopping import is_met, measure_all
from ethogram.run.begun import ADAPTIVE, round_size
from ethogram.run.prepare import Planned, Prepared, plan_into
from ethogram.store.read import count_stages, read_comparisons
from ethogram.store.rows import StageName
from ethogram.store.store import Store


@dataclass
class Rounds:
    """The rounds of one run.

    Attributes
    ----------
    store : Store
        Open for writing.
    prepared : Prepared
        With the designs so far; replaced at each round.
    told : dict
        By the models that share pairs: what the rule to stop looks at, as last measured.
    enough : set
        Those of them for which it is met.
    lost : set
        Those of them whose every answer was lost, so that no pair can be chosen.
    pending : dict
        By model: answers that its next round waits for.
    """

    store: Store
    prepared: Prepared
    told: dict[tuple[str, ...], dict[str, float]] = field(default_factory=dict)
    enough: set[tuple[str, ...]] = field(default_factory=set)
    lost: set[tuple[str, ...]] = field(default_factory=set)
    pending: Counter[str] = field(default_factory=Counter)

    def next(self) -> Planned | None:
        """Plan the next round into the store.

        Returns
        -------
        Planned or None
            None where there is none (yet): answers are pending, the rule to stop is met, all is
            asked, or every answer was lost.
        """
        if not self.prepared.study.study.in_rounds:
            return None
        self.pending = self._count_pending()
        whole = [names for names in self._groups() if not any(map(self.pending.get, names))]
        if not whole:
            return None
        asked = self._comparisons()
        designs = dict(self.prepared.designs)
        for names in whole:
            given = [c for name in names for c in asked[name]]
            self._look(names, given)
            if not given:
                self.lost.add(names)
            elif names not in self.enough:
                longer = _longer(self.prepared, designs[names[0]], given)
                designs |= dict.fromkeys(names, longer)
        if all(len(designs[name]) == len(d) for name, d in self.prepared.designs.items()):
            return None
        self.prepared = replace(self.prepared, designs=designs)
        return plan_into(self.store, self.prepared)

    def _groups(self) -> list[tuple[str, ...]]:
        """Return which models are asked the same pairs."""
        study = self.prepared.study
        names = tuple(study.models)
        return [names] if study.study.share_pairs else [(name,) for name in names]

    def _count_pending(self) -> Counter[str]:
        """Count each model's answers that are pending."""
        study, pending = self.prepared.study, Counter[str]()
        for c in count_stages(self.store):
            ours = c.part == Part.MAIN and c.condition == study.study.condition
            asked = c.stage == StageName.ELICIT or c.judge in study.judges
            if ours and asked and c.pending and c.model in study.models:
                pending[c.model] += c.pending
        return pending

    def _comparisons(self) -> dict[str, list[Comparisons]]:
        """Return each model's comparisons, one for each judge."""
        study = self.prepared.study
        found: dict[str, list[Comparisons]] = {name: [] for name in study.models}
        for c in read_comparisons(self.store):
            known = c.model in found and c.judge in study.judges
            if known and c.condition == study.study.condition and len(c):
                found[c.model].append(c)
        return found

    def _look(self, names: tuple[str, ...], given: Sequence[Comparisons]) -> None:
        """Note whether these models' ratings, by every judge, are as sure as the rule asks."""
        study = self.prepared.study
        rule = study.study.stop_rule
        if not rule or len(given) < len(names) * len(study.judges):
            return
        try:
            profiles = [rate(c, splits=0) for c in given]
        except (DisconnectedError, NotConverged):
            return
        self.told[names] = measure_all(profiles, rule)
        if is_met(self.told[names], rule):
            self.enough.add(names)


def _longer(prepared: Prepared, design: Design, given: Sequence[Comparisons]) -> Design:
    """Return a design with a round more, as far as there are trials left."""
    study, fixed = prepared.study, prepared.fixed
    table, both = study.study, study.study.orders == "both"
    left = len(fixed) - len(design)
    size = min(round_size(study, fixed), left)
    if size <= 0:
        return design
    if table.pairs != ADAPTIVE:
        n = len(design) + size
        trials = (fixed.first[:n], fixed.second[:n], fixed.prompt[:n])
        return design_of_trials(fixed, *trials, both=both)
    beliefs = [_believe(c, prepared.traits.names) for c in given]
    aim = find_aim(table.aim, prepared.traits.names)
    pairs = choose_pairs(beliefs, -(-size // (1 + both)), aim, free=free_prompts(design))
    first, second, prompt = extend_design(design, pairs, both=both)
    n = min(len(first), len(design) + size)
    return design_of_trials(fixed, first[:n], second[:n], prompt[:n], both=both)


def _believe(comparisons: Comparisons, names: Sequence[str]) -> Belief:
    """Fit comparisons in the study's order of traits; nothing is believed where that fails."""
    place = {name: i for i, name in enumerate(names)}
    local = np.array([place[name] for name in comparisons.traits])
    k = len(names)
    try:
        return believe(
            replace(
                comparisons,
                traits=tuple(names),
                first=local[comparisons.first],
                second=local[comparisons.second],
            )
        )
    except (DisconnectedError, NotConverged):
        return Belief(np.zeros(k), np.eye(k))


def say_rounds(rounds: Rounds) -> list[str]:
    """Say how far each group of models is: what it waits for, and the rule to stop."""
    rule = rounds.prepared.study.study.stop_rule
    lines = []
    if n := rounds.pending.total():
        are = "answer is" if n == 1 else "answers are"
        whose = ", ".join(rounds.pending)
        lines.append(f"The next round waits: {n:,} {are} pending ({whose}).")
    lines += [
        f"{', '.join(names)}: no further round, as every answer was lost."
        for names in sorted(rounds.lost)
    ]
    for names, told in rounds.told.items():
        who = "" if len(rounds.told) == 1 else f"{', '.join(names)}: "
        n = len(rounds.prepared.designs[names[0]])
        seen = ", ".join(f"{key} {value:,.1f} of {rule[key]:g}" for key, value in told.items())
        end = "stopped by stop_when" if names in rounds.enough else "stop_when is not met"
        lines.append(f"{who}{end} at {n:,} trials per model: {seen}.")
    return lines
