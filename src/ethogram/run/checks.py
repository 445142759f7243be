"""The validity checks: what each one plans into the store.

Planning only: the same stages that run a study run these. `validity.measure` reads them back.

=========  ==============================================================================
exemplars  written replies whose trait is known; every judge must find it
plants     each model is told to show one named trait; every judge must find it
orders     replies judged again in the other order
repeats    replies judged again in the same order
retest     trials asked, and judged, again
random     the whole design under the random condition: the null (a study of its own)
natural    the whole design with no trait named, and what each judge thinks of words that
           nobody asked for (a study of its own)
=========  ==============================================================================

A share of the design is its beginning: any prefix of it is balanced. What a study plans is part
of what a longer one plans, so that checks grow with a study and are never asked anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np

from ethogram.design import Condition, Part, foreign_pairs, plant_pairs
from ethogram.errors import InputError, guess
from ethogram.ratings.comparisons import BoolArray, IntArray
from ethogram.run.exemplars import count_exams, plan_exemplars
from ethogram.run.prepare import (
    Planned,
    Prepared,
    add_model,
    design_rows,
    judge_orders,
    keep_prompts,
)
from ethogram.store.read import trial_ids
from ethogram.store.rows import JudgingRow, TrialRow
from ethogram.store.store import Store
from ethogram.study import Shares


class Check(StrEnum):
    """The checks by name."""

    EXEMPLARS = "exemplars"
    PLANTS = "plants"
    ORDERS = "orders"
    REPEATS = "repeats"
    RETEST = "retest"
    RANDOM = "random"
    NATURAL = "natural"


CHECKS = (Check.EXEMPLARS, Check.PLANTS, Check.ORDERS, Check.REPEATS, Check.RETEST)
STUDIES = (Check.RANDOM, Check.NATURAL)  # as large as the study itself; only when asked for
PARTS = {
    Check.EXEMPLARS: Part.EXEMPLAR,
    Check.PLANTS: Part.PLANT,
    Check.ORDERS: Part.ORDER,
    Check.REPEATS: Part.REPEAT,
    Check.RETEST: Part.RETEST,
    Check.RANDOM: Part.RANDOM,
    Check.NATURAL: Part.NATURAL,
}
LEAST_WORDS = 8
"""Fewest word verdicts that a trait is the first of, as far as there are replies. In simulations
with likings of standard deviation 0.3 and 0.8 logits, what was measured on 4 per trait had a mean
square error of 2 and 0.7 times that of subtracting nothing; on 8, of 0.9 and 0.4 times."""


def check_names(names: Iterable[str] | None) -> tuple[Check, ...]:
    """Return the checks to run; all but the studies of their own if none is named.

    Raises
    ------
    InputError
        There is no such check.
    """
    try:
        return tuple(Check(name) for name in names or CHECKS)
    except ValueError as error:
        unknown = next(name for name in names or () if name not in list(Check))
        raise InputError(
            f"no check {unknown!r}{guess(unknown, Check)}; expected {', '.join(Check)}"
        ) from error


def parts_of(checks: Iterable[str]) -> tuple[Part, ...]:
    """Return the parts of the plan that checks run."""
    parts = [PARTS[check] for check in (check_names(checks) if checks else ())]
    return tuple(dict.fromkeys([*parts, *([Part.WORD] if Part.NATURAL in parts else [])]))


def plan_checks(store: Store, prepared: Prepared, planned: Planned, checks: Sequence[str]) -> None:
    """Write the checks' trials and judgings into the store, for all models and judges."""
    checks = check_names(checks) if checks else ()
    shares = prepared.study.validity.shares()
    with store.planning():
        if Check.EXEMPLARS in checks:
            plan_exemplars(store, prepared, planned)
        for model in planned.models:
            if Check.PLANTS in checks:
                _plan_plants(store, prepared, planned, model, shares)
            if Check.RETEST in checks:
                _plan_retest(store, prepared, planned, model, shares.retest)
            for check in STUDIES:
                if check in checks:
                    _plan_condition(store, prepared, planned, model, PARTS[check])
            if Check.NATURAL in checks:
                _plan_words(store, prepared, planned, model)
            for judge in planned.judges:
                if Check.ORDERS in checks and prepared.study.judges[judge].orders == "balanced":
                    _plan_again(store, prepared, planned, (model, judge), Part.ORDER, shares.orders)
                if Check.REPEATS in checks:
                    _plan_again(
                        store, prepared, planned, (model, judge), Part.REPEAT, shares.repeats
                    )


def _plan_plants(
    store: Store, prepared: Prepared, planned: Planned, model: str, shares: Shares
) -> None:
    """Plan planted replies: every trait planted, and foil, equally often."""
    design, k = prepared.design, prepared.design.n_traits
    traits = [planned.trait_ids[name] for name in prepared.traits.names]
    planted, foil, first = plant_pairs(
        k, n_trials=len(design), share=shares.plants, seed=design.seed
    )
    seqs = _plant_numbers(planted, foil, first, k)
    prompts, contexts = _plant_prompts(store, prepared, seqs)
    rows = [
        TrialRow(
            *(seq, traits[a], traits[b], prompt),
            planted=traits[a],
            context=contexts.get(prompt),
        )
        for seq, a, b, prompt in zip(seqs, planted, foil, prompts, strict=True)
    ]
    add_model(store, prepared, model, [Condition.PLANT])
    ids = store.add_trials(planned.models[model], Part.PLANT, Condition.PLANT, rows)
    for name, judge in planned.judges.items():
        orders = judge_orders(prepared.study.judges[name].orders, ids, ~first)
        store.add_judgings(judge, Part.PLANT, orders)


def _plant_numbers(planted: IntArray, foil: IntArray, first: BoolArray, k: int) -> list[int]:
    """Number plants by what they are, as their order depends on how many there are."""
    seen: Counter[int] = Counter()
    numbers = []
    for key in ((first * k + planted) * k + foil).tolist():
        numbers.append(2 * k * k * seen[key] + key)
        seen[key] += 1
    return numbers


def _plant_prompts(
    store: Store, prepared: Prepared, seqs: Sequence[int]
) -> tuple[list[int], dict[int, int]]:
    """Draw a prompt for each plant from the whole set, so that it does not depend on the design."""
    prompts = prepared.prompts.prompts
    order = np.random.default_rng([prepared.design.seed, 0x91]).permutation(len(prompts))
    return keep_prompts(store, (prompts[order[seq % len(prompts)]] for seq in seqs))


def _plan_retest(
    store: Store, prepared: Prepared, planned: Planned, model: str, share: float
) -> None:
    """Plan the beginning of the design once more, with another sample number."""
    n = count_share(prepared, share)
    rows = [row._replace(sample=1) for row in design_rows(prepared, planned, model)[:n]]
    condition = prepared.study.study.condition
    ids = store.add_trials(planned.models[model], Part.RETEST, condition, rows)
    _judge_all(store, prepared, planned, model, ids, Part.RETEST, sample=1)


def _plan_condition(
    store: Store, prepared: Prepared, planned: Planned, model: str, part: Part
) -> None:
    """Plan the whole design under another condition, in as many wordings as that has."""
    condition = Condition(part)
    add_model(store, prepared, model, [condition])
    wordings = 1 + len(prepared.templates.wordings.get(condition, ()))
    rows = [
        row._replace(wording=row.wording % wordings)
        for row in design_rows(prepared, planned, model)
    ]
    ids = store.add_trials(planned.models[model], part, condition, rows)
    _judge_all(store, prepared, planned, model, ids, part)


def _judge_all(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    model: str,
    ids: Sequence[int],
    part: Part,
    *,
    sample: int = 0,
) -> None:
    """Plan every judge's judgings of these trials, in the design's orders.

    With another sample number a reply that came out word for word as before is judged anew, too.
    """
    swap = prepared.designs[model].judge_swap[: len(ids)]
    for name, judge in planned.judges.items():
        orders = prepared.study.judges[name].orders
        rows = (row._replace(sample=sample) for row in judge_orders(orders, ids, swap))
        store.add_judgings(judge, part, rows)


def _plan_again(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    who: tuple[str, str],
    part: Part,
    share: float,
) -> None:
    """Plan the judging of replies again: in the other order, or with another sample number."""
    n = count_share(prepared, share)
    trials = planned.trials[who[0]][:n]
    swap = prepared.designs[who[0]].judge_swap[:n]
    rows = (
        JudgingRow(trial, bool(turned) != (part is Part.ORDER), int(part is Part.REPEAT))
        for trial, turned in zip(trials, swap, strict=True)
    )
    store.add_judgings(planned.judges[who[1]], part, rows)


def _plan_words(store: Store, prepared: Prepared, planned: Planned, model: str) -> None:
    """Plan what judges make of two words that a reply's trial did not name.

    Such a trial has its reply from the start: that of the trial it borrows from. Which replies are
    there differs from run to run, so what is planned stays, and only what is missing is added.
    """
    design, trials = prepared.designs[model], planned.trials[model]
    replied = store.replies_of(trials)
    rows = np.flatnonzero([trial in replied for trial in trials])
    known = len(trial_ids(store, model, Part.WORD))
    missing = min(_words(prepared), len(rows)) - known
    if design.n_traits >= 5 and missing >= min(design.n_traits, len(rows)) > 0:
        reply, one, other = foreign_pairs(
            design.first[rows],
            design.second[rows],
            design.n_traits,
            n_pairs=missing,
            seed=design.seed + known,
        )
        traits = [planned.trait_ids[name] for name in prepared.traits.names]
        plan = design_rows(prepared, planned, model)
        asked = [
            TrialRow(
                *(seq, traits[a], traits[b], plan[rows[r]].prompt), context=plan[rows[r]].context
            )
            for seq, (r, a, b) in enumerate(zip(reply, one, other, strict=True), start=known)
        ]
        ids = store.add_trials(planned.models[model], Part.WORD, Condition.WORD, asked)
        store.borrow_replies(zip(ids, [trials[rows[r]] for r in reply], strict=True))
    words = trial_ids(store, model, Part.WORD)
    for judge in planned.judges.values():
        judgings = (JudgingRow(i, seq % 2 == 1) for seq, i in enumerate(words))
        store.add_judgings(judge, Part.WORD, judgings)


def _words(prepared: Prepared) -> int:
    """Return how many word trials a model gets, where all its trials have replies."""
    n, k = len(prepared.design), prepared.design.n_traits
    each = max(LEAST_WORDS, -(-round(prepared.study.validity.words * n) // k))
    return min(n, k * max(2, round(min(each, n / k)))) if k >= 5 else 0


def count_share(prepared: Prepared, share: float) -> int:
    """Return how many trials a share of the design is."""
    return round(share * len(prepared.design))


def extra_calls(prepared: Prepared, checks: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Return the calls of each check: {(check, stage, name): calls}, with no store."""
    study, n = prepared.study, len(prepared.design)
    shares = study.validity.shares()
    made = shares.calls(prepared.design.n_traits, n)
    trials = {  # asked of each model
        "plants": made["plants"] // 2,
        "retest": count_share(prepared, shares.retest),
        "random": n,
        "natural": n,
    }
    exams = count_exams(prepared) if Check.EXEMPLARS in checks else 0
    calls: dict[tuple[str, str, str], int] = {}
    for check in checks:
        if check == Check.EXEMPLARS:
            calls |= {(check, "judge", name): exams for name in study.judges}
            continue
        for model in study.models if check in trials else ():
            calls[check, "elicit", model] = trials[check]
        for name, judge in study.judges.items():
            times = 2 if judge.orders == "both" else 1
            replies = {
                "plants": times * trials["plants"],
                "orders": 0 if times == 2 else count_share(prepared, shares.orders),
                "repeats": count_share(prepared, shares.repeats),
                "retest": times * trials["retest"],
                "random": times * n,
                "natural": times * n + _words(prepared),
            }
            calls[check, "judge", name] = len(study.models) * replies[check]
    return calls
