"""Can the judge see? Its verdicts on written replies whose trait is known.

Planted replies mix two things up: whether a model can act a trait, and whether the judge can see
it. Exemplars are written to show their trait, so that only the judge is tried on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ethogram.design import Part
from ethogram.ratings.comparisons import IntArray
from ethogram.stimuli.exemplars import pair_class
from ethogram.store.read import Verdicts
from ethogram.validity.accuracy import (
    JudgeAccuracy,
    Plants,
    collect_plants,
    judge_accuracy,
)
from ethogram.validity.both_orders import has_probabilities, merge_verdicts
from ethogram.validity.proportions import Estimate

CAVEAT = "Exemplars overdo one trait each: a judge that passes here may still fail on real replies."
CLASSES = {"near": "a near trait", "far": "a far one", "": "one that is neither"}


@dataclass(frozen=True)
class Sight:
    """How well a judge finds the trait of written replies.

    Attributes
    ----------
    accuracy : JudgeAccuracy
        Of what the study uses: one verdict of both orders, where it averages probabilities so;
        else each verdict counts. `by_class` has near and far foils.
    single : JudgeAccuracy
        Each order on its own, as planted replies are read.
    both : Estimate or None
        Share found with the probabilities of both orders averaged; None where there are none.
    exemplars : str
        The set's name.
    replies : int
        Written replies that were shown to it.
    ties : int
        Verdicts that name neither word, or one half for each: neither right nor wrong, so that
        they are in no share unless there are no others (`JudgeAccuracy.tied`); counted apart from
        what was lost.
    missing : tuple of str
        Traits of the study without an exemplar: nothing is known of these.
    averaged : bool
        Whether both orders are averaged in `accuracy`, as in the study's ratings.
    named : int
        Written replies that name the trait they show: a judge can read it off.
    answered, without_p : int
        Verdicts that were given, ties among them; and those of them without a probability, though
        the judge is asked for one.
    twice : bool
        Whether the study reads each reply in both orders, to average their probabilities.
    """

    accuracy: JudgeAccuracy
    single: JudgeAccuracy
    exemplars: str
    replies: int
    both: Estimate | None = None
    ties: int = 0
    missing: tuple[str, ...] = ()
    averaged: bool = False
    named: int = 0
    answered: int = 0
    without_p: int = 0
    twice: bool = False

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        return self.accuracy.sentence

    @property
    def lost(self) -> int:
        """Questions without an answer that can be read; ties are not among them."""
        return self.accuracy.lost - (0 if self.accuracy.tied else self.ties)

    def findings(self) -> list[str]:
        """Say what else was found, one sentence each."""
        found = self.accuracy.by_class
        said = [
            f"Told from {words}: {found[name].percent} of {found[name].n:,}."
            for name, words in CLASSES.items()
            if name in found and len(found) > 1 and not found[name].few
        ]
        if self.both is not None and not self.both.few:
            said.append(self._orders_sentence)
        if self.ties and not self.accuracy.tied:
            one = self.ties == 1
            said.append(
                f"{self.ties:,} {'verdict names' if one else 'verdicts name'} neither word: "
                f"{'it is' if one else 'they are'} in no share."
            )
        if self.named:
            said.append(
                f"{self.named:,} written {'reply names' if self.named == 1 else 'replies name'} "
                "the trait shown, which a judge can read off: reword."
            )
        if self.missing:
            one = len(self.missing) == 1
            names = ", ".join(self.missing[:12]) + (" ..." if len(self.missing) > 12 else "")
            said.append(
                f"{len(self.missing)} {'trait has' if one else 'traits have'} no exemplar: {names}."
            )
        return [*said, CAVEAT]

    @property
    def without_p_sentence(self) -> str:
        """How many verdicts had no probability, and what that means; "" where each had one."""
        if not self.without_p:
            return ""
        then = "the answer alone counts for these"
        if self.twice:
            then += ", as 0 or 1 in the average" if self.averaged else ", and no order is averaged"
        return (
            f"{self.without_p:,} of {self.answered:,} verdicts came without a probability that can "
            f"be read: {then}."
        )

    @property
    def _orders_sentence(self) -> str:
        """What averaging both orders buys, or would buy."""
        if self.averaged:
            one = self.single.overall
            return f"Each order on its own: {one.percent} of {one.n:,} verdicts are right."
        both = Estimate(0.5, 0.0, 1.0, 0) if self.both is None else self.both
        return (
            f'With both orders averaged (orders = "both"): {both.percent} of {both.n:,} would be '
            "right."
        )


def measure_sight(
    verdicts: Verdicts,
    judge: str,
    *,
    replies: Mapping[int, int],
    averaged: bool = False,
    by_p: bool = False,
    missing: Sequence[str] = (),
    named: int = 0,
) -> Sight | None:
    """Measure a judge on exemplars; None where it was given none.

    Parameters
    ----------
    verdicts : Verdicts
        All of the judge's.
    judge : str
    replies : mapping of int to int
        The number of the written reply that each trial shows: verdicts on one are not independent.
    averaged : bool
        The study reads each reply in both orders, and averages their probabilities if there are.
    by_p : bool
        The judge is asked for probabilities.
    missing : sequence of str
        Traits of the study without an exemplar.
    named : int
        Written replies that name the trait they show.
    """
    rows = verdicts.part(Part.EXEMPLAR)
    if not len(rows):
        return None
    each = _as_plants(rows, rows.code, judge, replies)
    merged, has_p = merge_verdicts(rows), has_probabilities(rows)
    single, both = (
        _accuracy(plants) for plants in (each, _as_plants(merged, merged.code, judge, replies))
    )
    used = both if averaged and has_p else single
    answered = (rows.code >= 0) | rows.tied
    return Sight(
        accuracy=replace(used, lean=single.lean),
        single=single,
        exemplars=rows.models[rows.model[0]],
        replies=len(np.unique(each.prompt)),
        both=both.overall if has_p else None,
        ties=int((merged if used is both else rows).tied.sum()),
        missing=tuple(missing),
        averaged=used is both,
        named=named,
        answered=int(answered.sum()),
        without_p=int((answered & np.isnan(rows.p_first)).sum()) if by_p else 0,
        twice=averaged,
    )


def _accuracy(plants: Plants) -> JudgeAccuracy:
    """Measure a judge, by how near the foil is too."""
    return judge_accuracy(plants, pair_class=_classes(plants), source="exemplars")


def sights_json(sights: Mapping[str, Sight], pending: Mapping[str, int]) -> dict[str, Any]:
    """Return the JSON form of `ethogram exemplars`: shares from 0 to 1, with 95% intervals.

    `pending` says of every judge that is asked how many verdicts are still to come; one that has
    given none yet is there with these alone.
    """
    judges = []
    for name, n in pending.items():
        sight = sights.get(name)
        found = _nothing_json(name) if sight is None else _sight_json(sight)
        judges.append({**found, "pending": n})
    return {"judges": judges}


def _nothing_json(judge: str) -> dict[str, Any]:
    """Return the JSON form of a judge of which nothing is known yet."""
    return {"judge": judge, **_estimate_json(Estimate(0.5, 0.0, 1.0, 0)), "by_trait": []}


def _sight_json(sight: Sight) -> dict[str, Any]:
    found = sight.accuracy
    columns = (found.traits, found.counts, found.hits, found.accuracy, found.low, found.high)
    return {
        "judge": found.judge,
        **_estimate_json(found.overall),
        "sentence": sight.sentence,
        "exemplars": sight.exemplars,
        "replies": sight.replies,
        "named": sight.named,
        "orders_averaged": sight.averaged,
        "lost": sight.lost,
        "ties": sight.ties,
        "without_probability": sight.without_p,
        "lean": _estimate_json(found.lean, "lean"),
        "each_order": _estimate_json(sight.single.overall),
        "both_orders": None if sight.both is None else _estimate_json(sight.both),
        "by_class": {name or "other": _estimate_json(one) for name, one in found.by_class.items()},
        "by_trait": [
            {
                "trait": trait,
                "accuracy": float(p),
                "low": float(low),
                "high": float(high),
                "n": int(n),
                "right": float(right) if found.tied else int(right),
                "seen": trait not in found.blind,
            }
            for trait, n, right, p, low, high in zip(*columns, strict=True)
            if n
        ],
        "missing": list(sight.missing),
        "caveats": list(found.caveats),
    }


def _estimate_json(one: Estimate, name: str = "accuracy") -> dict[str, Any]:
    known = one.n > 0
    return {
        name: one.estimate if known else None,
        "low": one.low if known else None,
        "high": one.high if known else None,
        "n": one.n,
    }


def _as_plants(rows: Verdicts, code: IntArray, judge: str, replies: Mapping[int, int]) -> Plants:
    """Return verdicts on exemplars as those on plants: trait 1 is the one that is shown."""
    return collect_plants(
        rows.traits,
        rows.first,
        rows.second,
        np.where(code == 1, rows.first, np.where(code == 0, rows.second, -1)),
        planted_first=~rows.swapped,
        tied=rows.tied,
        prompt=[replies[trial] for trial in rows.trial.tolist()],
        judge=judge,
    )


def _classes(plants: Plants) -> list[str]:
    """Return how near the foil of each row is to its trait."""
    return [
        pair_class(plants.traits[a], plants.traits[b])
        for a, b in zip(plants.planted, plants.foil, strict=True)
    ]
