"""The validity checks: what each one plans into the store.

Planning only: the same stages that run a study run these. `ethogram.validity` reads them back.

=========  ==============================================================================
plants     each model is told to show one named trait; every judge must find it
orders     replies judged again in the other order
repeats    replies judged again in the same order
retest     trials asked, and judged, again
random     the whole design under the random condition: the null (a study of its own)
natural    the whole design with no trait named, and what each judge thinks of words that
           nobody asked for (a study of its own)
=========  ==============================================================================

A share of the design is its beginning: any prefix of it is balanced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ethogram.accuracy import plant_pairs
from ethogram.controls import foreign_pairs
from ethogram.errors import InputError
from ethogram.shares import Shares
from ethogram.stages import Planned, Prepared, design_rows, judge_orders
from ethogram.store import Store

CHECKS = ("plants", "orders", "repeats", "retest")
STUDIES = ("random", "natural")  # as large as the study itself; only when asked for
PARTS = {
    "plants": "plant",
    "orders": "order",
    "repeats": "repeat",
    "retest": "retest",
    "random": "main",
    "natural": "natural",
}
WORD = "word"


def check_names(names: Iterable[str] | None) -> tuple[str, ...]:
    """Return the checks to run; all but the studies of their own if none is named."""
    chosen = tuple(names or CHECKS)
    for name in chosen:
        if name not in PARTS:
            raise InputError(f"no check {name!r}; expected {', '.join(PARTS)}")
    return chosen


def parts_of(checks: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of the plan that checks run."""
    parts = [PARTS[name] for name in checks]
    return tuple(dict.fromkeys([*parts, *([WORD] if "natural" in parts else [])]))


def plan_checks(store: Store, prepared: Prepared, planned: Planned, checks: Sequence[str]) -> None:
    """Write the checks' trials and judgings into the store, for all models and judges."""
    shares = prepared.study.validity.shares()
    with store.planning():
        for model in planned.models:
            if "plants" in checks:
                _plan_plants(store, prepared, planned, model, shares)
            if "retest" in checks:
                _plan_retest(store, prepared, planned, model, shares.retest)
            for condition in STUDIES:
                if condition in checks:
                    _plan_condition(store, prepared, planned, model, condition)
            if "natural" in checks:
                _plan_words(store, prepared, planned, model)
            for judge in planned.judges:
                if "orders" in checks and prepared.study.judges[judge].orders == "balanced":
                    _plan_again(store, prepared, planned, (model, judge), "order", shares.orders)
                if "repeats" in checks:
                    _plan_again(store, prepared, planned, (model, judge), "repeat", shares.repeats)


def _plan_plants(
    store: Store, prepared: Prepared, planned: Planned, model: str, shares: Shares
) -> None:
    """Plan planted replies: every trait planted, and foil, equally often."""
    design = prepared.design
    traits = [planned.trait_ids[name] for name in prepared.traits.names]
    planted, foil, first = plant_pairs(
        design.n_traits, n_trials=len(design), share=shares.plants, seed=design.seed
    )
    rng = np.random.default_rng([design.seed, 0x91])
    prompts = np.resize(rng.permutation(planned.prompts), len(planted))
    rows = [
        (seq, traits[a], traits[b], int(p), 0, traits[a])
        for seq, (a, b, p) in enumerate(zip(planted, foil, prompts, strict=True))
    ]
    ids = store.add_trials(planned.models[model], "plant", "plant", rows)
    for judge in planned.judges.values():
        store.add_judgings(judge, "plant", ((i, not f, 0) for i, f in zip(ids, first, strict=True)))


def _plan_retest(
    store: Store, prepared: Prepared, planned: Planned, model: str, share: float
) -> None:
    """Plan the beginning of the design once more, with another sample number."""
    n = count_share(prepared, share)
    rows = [(*row[:4], 1, None) for row in design_rows(prepared, planned)[:n]]
    condition = prepared.study.study.condition
    ids = store.add_trials(planned.models[model], "retest", condition, rows)
    _judge_all(store, prepared, planned, ids, "retest")


def _plan_condition(
    store: Store, prepared: Prepared, planned: Planned, model: str, condition: str
) -> None:
    """Plan the whole design under another condition."""
    part = PARTS[condition]
    rows = design_rows(prepared, planned)
    ids = store.add_trials(planned.models[model], part, condition, rows)
    _judge_all(store, prepared, planned, ids, part)


def _judge_all(
    store: Store, prepared: Prepared, planned: Planned, ids: Sequence[int], part: str
) -> None:
    """Plan every judge's judgings of these trials, in the design's orders."""
    swap = prepared.design.judge_swap[: len(ids)]
    for name, judge in planned.judges.items():
        orders = prepared.study.judges[name].orders
        store.add_judgings(judge, part, judge_orders(orders, ids, swap))


def _plan_again(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    who: tuple[str, str],
    part: str,
    share: float,
) -> None:
    """Plan the judging of replies again: in the other order, or with another sample number."""
    n = count_share(prepared, share)
    trials = planned.trials[who[0]][:n]
    swap = prepared.design.judge_swap[:n]
    rows = (
        (trial, (not turned) if part == "order" else bool(turned), int(part == "repeat"))
        for trial, turned in zip(trials, swap, strict=True)
    )
    store.add_judgings(planned.judges[who[1]], part, rows)


def _plan_words(store: Store, prepared: Prepared, planned: Planned, model: str) -> None:
    """Plan what judges make of two words that a reply's trial did not name.

    Such a trial has its reply from the start: that of the trial it borrows from.
    """
    design = prepared.design
    replied = store.replies_of(planned.trials[model])
    rows = np.flatnonzero([trial in replied for trial in planned.trials[model]])
    if len(rows) < 5 or design.n_traits < 5:
        return
    share = prepared.study.validity.words
    n_pairs = min(len(rows), max(round(share * len(design)), design.n_traits))
    reply, one, other = foreign_pairs(
        design.first[rows], design.second[rows], design.n_traits, n_pairs=n_pairs, seed=design.seed
    )
    traits = [planned.trait_ids[name] for name in prepared.traits.names]
    plan = design_rows(prepared, planned)
    asked: list[Any] = [
        (seq, traits[a], traits[b], plan[rows[r]][3], 0, None)
        for seq, (r, a, b) in enumerate(zip(reply, one, other, strict=True))
    ]
    ids = store.add_trials(planned.models[model], WORD, WORD, asked)
    sources = [planned.trials[model][rows[r]] for r in reply]
    store.borrow_replies(zip(ids, sources, strict=True))
    for judge in planned.judges.values():
        store.add_judgings(judge, WORD, ((i, seq % 2 == 1, 0) for seq, i in enumerate(ids)))


def count_share(prepared: Prepared, share: float) -> int:
    """Return how many trials a share of the design is."""
    return round(share * len(prepared.design))


def extra_calls(prepared: Prepared, checks: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Return the calls of each check: {(check, stage, name): calls}, with no store."""
    study, n = prepared.study, len(prepared.design)
    shares = study.validity.shares()
    made = replace(shares).calls(prepared.design.n_traits, n, further_judges=0)
    trials = {
        "plants": made["plants"] // 2,
        "retest": count_share(prepared, shares.retest),
        "random": n,
        "natural": n,
    }
    calls: dict[tuple[str, str, str], int] = {}
    for check in checks:
        for model in study.models if check in trials else ():
            calls[check, "elicit", model] = trials[check]
        for name, judge in study.judges.items():
            both = judge.orders == "both"
            replies = {
                **{c: t * (2 if both and c != "plants" else 1) for c, t in trials.items()},
                "orders": 0 if both else count_share(prepared, shares.orders),
                "repeats": count_share(prepared, shares.repeats),
            }
            calls[check, "judge", name] = len(study.models) * replies[check]
    return calls
