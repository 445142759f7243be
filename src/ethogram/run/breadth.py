"""Breadth in a study: which prompts are asked for log-probabilities, under which conditions.

Planning only. The stage `breadth` asks; `ethogram.validity.breadth` reads the answers back.
"""

from __future__ import annotations

from itertools import islice
from typing import get_args

from ethogram.design import Condition, Part
from ethogram.protocols.breadth import GIVES_NONE
from ethogram.run.prepare import Planned, Prepared, add_model, design_rows
from ethogram.run.tokens import trial_tokens
from ethogram.run.way import Asked, Way
from ethogram.store.rows import TrialRow
from ethogram.store.store import Store
from ethogram.study import BreadthCondition, BreadthTable

STAGE = "breadth"
BREADTH_CONDITIONS: tuple[BreadthCondition, ...] = get_args(BreadthCondition)


def breadth_table(prepared: Prepared) -> BreadthTable:
    """Return the study's `[breadth]` table, or its defaults."""
    return prepared.study.breadth or BreadthTable()


def breadth_calls(prepared: Prepared) -> int:
    """Return how many calls each model gets that is asked at all."""
    table = breadth_table(prepared)
    n_prompts = len(set(prepared.design.prompt.tolist()))
    return min(table.prompts, n_prompts) * table.samples * len(table.conditions)


def breadth_left_out(prepared: Prepared) -> list[str]:
    """Name each model that is not asked, as its service gives no log-probabilities."""
    return [
        f"{name}: {model.service} gives no log-probabilities; its breadth is not measured"
        for name, model in prepared.study.models.items()
        if model.service in GIVES_NONE
    ]


def ask_breadth(prepared: Prepared) -> list[Asked]:
    """Return what each model will be asked; its replies are taken to be as long as they may."""
    table = breadth_table(prepared)
    return [
        Asked(
            STAGE,
            name,
            breadth_calls(prepared),
            sum(trial_tokens(prepared, c, name) for c in table.conditions) / len(table.conditions),
            answered=float(table.max_tokens),
        )
        for name, model in prepared.study.models.items()
        if model.service not in GIVES_NONE
    ]


def plan_breadth(store: Store, prepared: Prepared, planned: Planned) -> None:
    """Write the trials into the store: the same prompts for every model, under each condition.

    They are the first of the design, each with the traits that it is first asked with. Fewer
    prompts are the beginning of more. What is no longer in the table is kept, and not wanted. Call
    it while the store is `planning()`.
    """
    table = breadth_table(prepared)
    for model, party in planned.models.items():
        if prepared.study.models[model].service in GIVES_NONE:
            continue
        add_model(store, prepared, model, table.conditions)
        first = _first_prompts(prepared, planned, model, table.prompts)
        for condition in BREADTH_CONDITIONS:
            asked = first if condition in table.conditions else []
            rows = [
                _row(row, condition, n, worded=condition == prepared.study.study.condition)
                for row in asked
                for n in range(table.samples)
            ]
            store.add_trials(party, Part.BREADTH, condition, rows, protocol=STAGE)


def _first_prompts(prepared: Prepared, planned: Planned, model: str, count: int) -> list[TrialRow]:
    """Return the trials of a model's design in which its first prompts are first asked."""
    first: dict[int, TrialRow] = {}
    for row in design_rows(prepared, planned, model):
        first.setdefault(row.prompt, row)
    return list(islice(first.values(), count))


def _row(row: TrialRow, condition: str, sample: int, *, worded: bool) -> TrialRow:
    """Return a trial under a condition; only the study's has wordings, and natural has no trait."""
    row = row._replace(sample=sample, wording=row.wording if worded else 0)
    natural = condition == Condition.NATURAL
    return row._replace(trait_1=None, trait_2=None) if natural else row


BREADTH = Way(
    name="breadth",
    parts=(Part.BREADTH,),
    stages=(STAGE,),
    plan=plan_breadth,
    asks=ask_breadth,
)
