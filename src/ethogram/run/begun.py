"""The design of a study that grows in rounds, as far as its store has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ethogram.design import Design
from ethogram.errors import StudyError
from ethogram.ratings.allocation import LARGEST, design_of_trials, find_aim
from ethogram.stimuli.prompts import PromptSet
from ethogram.store.read import asked_trials
from ethogram.store.store import Store
from ethogram.study import Study, StudyTable

ADAPTIVE = "adaptive"
MEETINGS_AT_FIRST = 6  # of each trait with others, before pairs are chosen
LEAST_FIRST = 20  # trials
ROUNDS = 24  # into which a study is divided, where nobody says
BATCHES = 8  # the same where a round is a batch


def check_rounds(table: StudyTable, traits: Sequence[str]) -> None:
    """Refuse an aim that is not there, or more traits than pairs can be chosen from."""
    if table.pairs == ADAPTIVE:
        find_aim(table.aim, traits)
        if len(traits) > LARGEST:
            raise StudyError(
                f'pairs = "adaptive" with {len(traits):,} traits: expected at most {LARGEST:,}'
            )


def first_size(table: StudyTable, n_traits: int) -> int:
    """Return the trials of the balanced start: each trait meets `MEETINGS_AT_FIRST` others."""
    both = 2 if table.orders == "both" else 1
    return both * max(LEAST_FIRST, n_traits * MEETINGS_AT_FIRST // 2, n_traits - 1)


def round_size(study: Study, fixed: Design) -> int:
    """Return the trials of a round of each model: as the study says, or a share of the whole."""
    table = study.study
    both = 2 if table.orders == "both" else 1
    slow = any(t.engine != "live" for t in (*study.models.values(), *study.judges.values()))
    size = table.round_size or max(fixed.n_traits, len(fixed) // (BATCHES if slow else ROUNDS))
    return -(-size // both) * both


def passes(table: StudyTable, n_traits: int, n_prompts: int) -> int:
    """Return how often the balanced design asks each pair.

    Of an adaptive study as often as reaches its cap: a study that was begun with such a design goes
    on with the judge's orders of its trials, whatever it was begun as.
    """
    if table.pairs != ADAPTIVE or table.max_trials is None:
        return table.repeats
    once = n_traits * (n_traits - 1) // 2 * (2 if table.orders == "both" else 1)
    return max(1, min(-(-table.max_trials // max(once, 1)), n_prompts))


def designs_so_far(
    study: Study, traits: Sequence[str], prompts: PromptSet, fixed: Design, path: Path | None
) -> dict[str, Design]:
    """Return what each model is asked so far: what its store has, or the start.

    Raises
    ------
    StudyError
        The store has other traits or prompts; or models were asked other pairs, though the study
        says that they share them.
    """
    table = study.study
    begun = {name: _begun(study, name, traits, prompts, fixed, path) for name in study.models}
    if table.share_pairs:
        longest = max(begun.values(), key=len)
        for name, design in begun.items():
            if not _begins(longest, design):
                raise StudyError(
                    f"the store has other pairs of {name} than of other models: set share_pairs = "
                    "false, or use another store (--store)"
                )
        return dict.fromkeys(begun, longest)
    return begun


def _begun(
    study: Study,
    model: str,
    traits: Sequence[str],
    prompts: PromptSet,
    fixed: Design,
    path: Path | None,
) -> Design:
    """Return one model's design: the trials in the store, and at least the start."""
    table, both = study.study, study.study.orders == "both"
    first = min(first_size(table, fixed.n_traits), len(fixed))
    known = _stored(path, model, table.condition, traits, prompts)[: len(fixed)]
    if table.pairs != ADAPTIVE:
        n = max(first, len(known))
        trials = fixed.first[:n], fixed.second[:n], fixed.prompt[:n]
        return design_of_trials(fixed, *trials, both=both)
    rest = slice(len(known), max(first, len(known)))
    start = np.stack([fixed.first[rest], fixed.second[rest], fixed.prompt[rest]], axis=1)
    asked = np.concatenate([known, start])
    return design_of_trials(fixed, asked[:, 0], asked[:, 1], asked[:, 2], both=both)


def _stored(
    path: Path | None, model: str, condition: str, traits: Sequence[str], prompts: PromptSet
) -> np.ndarray:
    """Return trait, trait and prompt of each trial in the store, as places in the study."""
    if path is None or not path.is_file():
        return np.zeros((0, 3), dtype=np.int64)
    with Store.read(path) as store:
        rows = asked_trials(store, model, condition)
    trait, prompt = _places(traits), _places(p.id for p in prompts.prompts)
    try:
        places = [(trait[a], trait[b], prompt[key]) for a, b, key in rows]
    except KeyError as error:
        raise StudyError(
            f"{path} has trials with {error.args[0]!r}, which is not in the study: a study in "
            "rounds goes on with the same traits and prompts, or in another store (--store)"
        ) from None
    return np.array(places, dtype=np.int64).reshape(-1, 3)


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: i for i, name in enumerate(names)}


def _begins(longer: Design, design: Design) -> bool:
    """Whether a design is the beginning of a longer one."""
    n = len(design)
    return all(
        np.array_equal(getattr(longer, key)[:n], getattr(design, key))
        for key in ("first", "second", "prompt")
    )
