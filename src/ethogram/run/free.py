"""Free choice: the study's trials once more, where either trait may be taken, or neither."""

from __future__ import annotations

from ethogram.design import Condition, Part
from ethogram.errors import StudyError
from ethogram.protocols.templates import takes_ties
from ethogram.run.prepare import (
    Planned,
    Prepared,
    add_judge,
    add_model,
    design_rows,
    judge_orders,
)
from ethogram.run.tokens import trial_tokens, verdict_tokens
from ethogram.run.way import Asked, Way
from ethogram.store.rows import StageName
from ethogram.store.store import Store
from ethogram.study import FreeTable


def count_free(prepared: Prepared, model: str) -> int:
    """Return how many trials of a model are asked so."""
    share = (prepared.study.free or FreeTable()).share
    return max(1, round(share * len(prepared.designs[model])))


def plan_free(store: Store, prepared: Prepared, planned: Planned) -> None:
    """Plan the trials, and their judging by judges that may name neither trait."""
    check_judges(prepared)
    for model, party in planned.models.items():
        n = count_free(prepared, model)
        add_model(store, prepared, model, [Condition.FREE])
        rows = [row._replace(wording=0) for row in design_rows(prepared, planned, model)[:n]]
        ids = store.add_trials(party, Part.FREE, Condition.FREE, rows)
        swap = prepared.designs[model].judge_swap[:n]
        for name, judge in planned.judges.items():
            add_judge(store, prepared, name, free=True)
            orders = prepared.study.judges[name].orders
            store.add_judgings(judge, Part.FREE, judge_orders(orders, ids, swap))


def check_judges(prepared: Prepared) -> None:
    """Refuse judges that have no way of naming neither trait.

    Raises
    ------
    StudyError
    """
    for name, judge in prepared.study.judges.items():
        if judge.verdict == "completion":
            raise StudyError(
                f'[judges.{name}] verdict = "completion" cannot name neither trait, as [free] '
                'needs: use "word" or "letter", or leave [free] out'
            )
        template = "judge" if judge.show_prompt else "judge_without_prompt"
        if judge.verdict != "letter" and not takes_ties(getattr(prepared.templates, template)):
            raise StudyError(
                f"the template {template!r} has no slot {{ties}}, where [free] tells the judge "
                "that it may name neither trait: add it"
            )


def ask_free(prepared: Prepared) -> list[Asked]:
    """Return what it will ask."""
    study = prepared.study
    trials = {name: count_free(prepared, name) for name in study.models}
    asked = [
        Asked(StageName.ELICIT, name, n, trial_tokens(prepared, Condition.FREE, name))
        for name, n in trials.items()
    ]
    for name, judge in study.judges.items():
        times = 2 if judge.orders == "both" else 1
        sent = verdict_tokens(prepared, judge)
        asked.append(Asked(StageName.JUDGE, name, times * sum(trials.values()), sent, replies=1))
    return asked


FREE = Way(
    name="free",
    parts=(Part.FREE,),
    stages=(StageName.ELICIT, StageName.JUDGE),
    plan=plan_free,
    asks=ask_free,
)
