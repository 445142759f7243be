"""Exemplars in a study: which written replies a judge is shown, against which foils, how often.

Planning only. The judge's own stage asks; `ethogram.validity.exemplars` reads the verdicts back.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ethogram.design import Condition, Part
from ethogram.errors import InputError, guess
from ethogram.run.prepare import Planned, Prepared
from ethogram.stimuli.exemplars import (
    WRITTEN,
    Exemplar,
    ExemplarSet,
    load_exemplars,
    pair_class,
)
from ethogram.store.rows import JudgingRow, Role, TrialRow
from ethogram.store.store import Store

MOST_LISTED = 5  # traits that the study has not
ORDERS = 2  # every exemplar is judged with its trait shown first, and shown second


@dataclass(frozen=True)
class Exam:
    """One question for every judge, asked in both orders: does the reply show trait or foil?"""

    exemplar: Exemplar
    trait: str
    foil: str

    @property
    def number(self) -> int:
        """A number made of the texts (62 bits), the same wherever the exam stands in the plan."""
        said = "\0".join((self.trait, self.foil, self.exemplar.prompt, self.exemplar.reply))
        return int(_digest(said), 16) >> 2


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def read_exemplars(prepared: Prepared) -> ExemplarSet:
    """Read the exemplars that a study names."""
    return load_exemplars(prepared.study.validity.exemplars, base=prepared.study.base)


def make_exams(prepared: Prepared, found: ExemplarSet) -> list[Exam]:
    """Choose exemplars and foils for a study: every trait that has exemplars equally often.

    Returns
    -------
    list of Exam
        About half of `exemplar_calls`, as each is judged in both orders; a smaller number is the
        beginning of a larger one; none where no trait has an exemplar. Near and far foils in
        turn, where a trait has near ones.
    """
    table = prepared.study.validity
    own = _by_trait(prepared.traits.names, found.exemplars)
    if not table.exemplar_calls or not own:
        return []
    rounds = max(1, round(table.exemplar_calls / (ORDERS * len(own))))
    foils = _Foils(prepared.traits.names, prepared.study.study.seed)
    asked = [islice(_exams(trait, replies, foils), rounds) for trait, replies in own.items()]
    exams: list[Exam] = []
    while asked:  # a round: one exam of every trait that has any left
        turn = [(exam, one) for one in asked if (exam := next(one, None)) is not None]
        exams += [exam for exam, _ in turn]
        asked = [one for _, one in turn]
    return exams


def count_exams(prepared: Prepared) -> int:
    """Return how many calls each judge gets for exemplars; 0 where no trait has one."""
    return ORDERS * len(make_exams(prepared, read_exemplars(prepared)))


def check_exams(prepared: Prepared) -> None:
    """Refuse a study for whose judges there is no exam.

    Raises
    ------
    InputError
    """
    if not prepared.study.validity.exemplar_calls:
        raise InputError("[validity] exemplar_calls = 0: expected 1 or more to try judges")
    found = read_exemplars(prepared)
    if not _by_trait(prepared.traits.names, found.exemplars):
        raise InputError(
            f"the exemplars {found.name} show none of the study's {len(prepared.traits)} traits, "
            f"but {', '.join(found.traits[:5])}{' ...' if len(found.traits) > 5 else ''}; give "
            "your own (trait, prompt, reply) with --file FILE.jsonl"
        )


def say_left_out(prepared: Prepared) -> str:
    """Name the traits of one's own exemplars that the study has not; "" if there are none."""
    if prepared.study.validity.exemplars == WRITTEN:  # it has more than most studies, on purpose
        return ""
    names = {name.casefold() for name in prepared.traits.names}
    left = [one for one in read_exemplars(prepared).traits if one.casefold() not in names]
    if not left:
        return ""
    listed = [f"{one}{guess(one, prepared.traits.names)}" for one in left[:MOST_LISTED]]
    more = f" and {len(left) - MOST_LISTED} more" if len(left) > MOST_LISTED else ""
    return (
        f"left out, as the study has no such {'trait' if len(left) == 1 else 'traits'}: "
        f"{', '.join(listed)}{more}"
    )


def _by_trait(names: Sequence[str], exemplars: Sequence[Exemplar]) -> dict[str, list[Exemplar]]:
    """Return the exemplars of each of the study's traits that has any, whatever its case."""
    known = {name.casefold(): name for name in names}
    own: dict[str, list[Exemplar]] = {name: [] for name in names}
    for one in exemplars:
        if (name := known.get(one.trait.casefold())) is not None:
            own[name].append(one)
    return {name: replies for name, replies in own.items() if replies}


class _Foils:
    """Foils for exemplars: near and far in turn, each trait about as often as any other."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        order = np.random.default_rng([seed, 0xE8]).permutation(len(names))
        self._names = [names[i] for i in order]
        self._used: Counter[str] = Counter()
        self.count = len(names)

    def draw(self, trait: str, wanted: str, taken: set[str]) -> str | None:
        """Return the least used foil of a class that is not taken; of any class if none is left."""
        left = [name for name in self._names if name != trait and name not in taken]
        of_class = [name for name in left if pair_class(trait, name) == wanted]
        foil = min(of_class or left, key=lambda name: self._used[name], default=None)
        if foil is not None:
            self._used[foil] += 1
        return foil


def _exams(trait: str, replies: Sequence[Exemplar], foils: _Foils) -> Iterator[Exam]:
    """Yield a trait's exams: its replies in turn, each with foils that it has not had."""
    taken: dict[Exemplar, set[str]] = {reply: set() for reply in replies}
    n = len(replies)
    for place in range(n * foils.count):
        reply = replies[place % n]
        is_far = (place + (0 if n % 2 else place // n)) % 2  # each reply near and far in turn
        foil = foils.draw(trait, "far" if is_far else "near", taken[reply])
        if foil is not None:
            taken[reply].add(foil)
            yield Exam(reply, trait, foil)


def plan_exemplars(store: Store, prepared: Prepared, planned: Planned) -> None:
    """Write the exams into the store, with their replies, for every judge.

    Only the set that was planned last is wanted; what judges said of another is kept.
    """
    found = read_exemplars(prepared)
    exams = make_exams(prepared, found)
    writer = store.add_party(Role.WRITER, found.name, {})
    store.leave_out(Role.WRITER, Part.EXEMPLAR, but=writer)
    keys = {exam.exemplar.prompt: f"exemplar-{_digest(exam.exemplar.prompt)}" for exam in exams}
    ids = store.add_prompts((key, text, "", "") for text, key in keys.items())
    prompts = dict(zip(keys, ids, strict=True))
    rows = [_row(exam, planned.trait_ids, prompts) for exam in exams]
    trials = store.add_trials(writer, Part.EXEMPLAR, Condition.EXEMPLAR, rows)
    store.add_written(
        (trial, exam.exemplar.reply) for trial, exam in zip(trials, exams, strict=True)
    )
    for judge in planned.judges.values():
        both = [JudgingRow(trial, swapped) for trial in trials for swapped in (False, True)]
        store.add_judgings(judge, Part.EXEMPLAR, both)


def _row(exam: Exam, traits: dict[str, int], prompts: dict[str, int]) -> TrialRow:
    """Return an exam as a row of the store, numbered by what it is: its place may change."""
    trait = traits[exam.trait]
    return TrialRow(
        exam.number, trait, traits[exam.foil], prompts[exam.exemplar.prompt], planted=trait
    )
