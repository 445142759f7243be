"""Persistence: the conversation goes on, and the replies at some of its turns are judged.

A conversation is a trial of the study and its followers: each asks one more user message after the
reply before it. The first reply is the study's own (the same request is answered once).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ethogram.design import Part
from ethogram.errors import InputError, guess
from ethogram.ratings.comparisons import BoolArray
from ethogram.run.prepare import Planned, Prepared, design_rows, judge_orders
from ethogram.run.tokens import estimate_tokens, judging_tokens, trial_tokens
from ethogram.run.way import Asked, Way
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.prompts import Prompt, PromptFilter, load_prompts
from ethogram.store.rows import StageName, TrialRow
from ethogram.store.store import Store
from ethogram.study import KEEP_GOING, PersistenceTable

FOLLOW_UPS = Path(__file__).parents[1] / "data" / "prompts" / "follow_ups.jsonl"
_AS_THEY_ARE = PromptFilter(near_duplicates=False)
PLACES = 1000  # a trial's number is its place in the design times this, and its turn


def load_follow_ups(prepared: Prepared) -> dict[str, tuple[Prompt, ...]]:
    """Return the user messages that conversations go on with, by language; "" for any.

    Raises
    ------
    InputError
        The file that the study names cannot be read.
    """
    source = _table(prepared).follow_ups
    if source == KEEP_GOING:
        return {"": (Prompt("follow-keep-going", "Keep going."),)}
    if source != "bundled":
        own = _own_messages(source, prepared.study.base)
        return {"": tuple(Prompt(f"follow-{p.id}", p.text) for p in own)}
    found = load_prompts(str(FOLLOW_UPS), filter=_AS_THEY_ARE).prompts
    languages = dict.fromkeys(p.language for p in found)
    return {name: tuple(p for p in found if p.language == name) for name in languages}


def _own_messages(source: str | list[str], base: Path) -> tuple[Prompt, ...]:
    """Return the messages of a list or a file."""
    said = f"[persistence] follow_ups = {source!r}"
    if isinstance(source, str):
        path = named_path(source, base=base)
        if not path.is_file():
            near = guess(source, ("bundled", KEEP_GOING))
            raise InputError(f"{said} is neither bundled, keep going nor a file at {path}{near}")
        source = str(path)
    try:
        return load_prompts(source, filter=_AS_THEY_ARE).prompts
    except InputError as error:
        why = str(error).removesuffix(" Loosen the filters in [prompts]")
        raise InputError(f"{said}: {why}") from error


def _table(prepared: Prepared) -> PersistenceTable:
    return prepared.study.persistence or PersistenceTable()


def conversations(prepared: Prepared, model: str) -> int:
    """Return how many conversations are held with a model."""
    return min(_table(prepared).conversations, len(prepared.designs[model]))


def plan_persistence(store: Store, prepared: Prepared, planned: Planned) -> None:
    """Plan every turn of every conversation, and the judging of those that are to be read."""
    messages = load_follow_ups(prepared)
    ids = {
        language: store.add_prompts((p.id, p.text, p.language, "") for p in those)
        for language, those in messages.items()
    }
    for model in planned.models:
        trials = _plan_turns(store, prepared, planned, model, ids)
        swap = prepared.designs[model].judge_swap[: conversations(prepared, model)]
        for name, judge in planned.judges.items():
            orders = prepared.study.judges[name].orders
            rows = [
                row
                for turn in _table(prepared).turns
                for row in judge_orders(orders, trials[turn - 1], _turned(swap, turn))
            ]
            store.add_judgings(judge, Part.PERSISTENCE, rows)


def _turned(swap: BoolArray, turn: int) -> BoolArray:
    """Turn the judge's order in every other conversation after the first turn.

    In one order throughout, a judge that names whichever word comes first would keep every trait.
    """
    return swap if turn == 1 else swap ^ (np.arange(len(swap)) % 2 == 1)


def _plan_turns(
    store: Store, prepared: Prepared, planned: Planned, model: str, ids: dict[str, list[int]]
) -> list[list[int]]:
    """Plan a model's conversations; returns the trials of each turn."""
    begun = design_rows(prepared, planned, model)[: conversations(prepared, model)]
    prompts = prepared.designs[model].prompt.tolist()
    languages = [prepared.prompts.prompts[prompts[place]].language for place in range(len(begun))]
    rows: list[TrialRow] = []
    trials: list[list[int]] = []
    for turn in range(1, _table(prepared).turns[-1] + 1):
        for place, (row, language) in enumerate(zip(begun, languages, strict=True)):
            first = row._replace(seq=place * PLACES + turn)
            follow = ids.get(language) or ids.get("en") or ids[""]
            said = follow[(place + turn - 2) % len(follow)]
            rows.append(first if turn == 1 else _later(first, said, turn, trials[-1][place]))
        made = store.add_trials(
            planned.models[model], Part.PERSISTENCE, prepared.study.study.condition, rows
        )
        trials.append(made[-len(begun) :])
    return trials


def _later(row: TrialRow, prompt: int, turn: int, after: int) -> TrialRow:
    """Return a later turn of the conversation that a trial begins."""
    return row._replace(prompt=prompt, turn=turn, after=after, context=None)


def ask_persistence(prepared: Prepared) -> list[Asked]:
    """Return what the turns after the first will ask."""
    table, study = _table(prepared), prepared.study
    last, judged = table.turns[-1], len(table.turns) - 1
    message = max(
        estimate_tokens(p.text) + 4 for those in load_follow_ups(prepared).values() for p in those
    )
    asked, conversed = [], 0
    for name in study.models:
        n = conversations(prepared, name)
        conversed += n
        requests = n * (last - 1)
        begun = trial_tokens(prepared, study.study.condition, name)
        sent = begun + message * last / 2
        asked.append(Asked(StageName.ELICIT, name, requests, sent, replies=last / 2))
    for name, judge in study.judges.items():
        times = 2 if judge.orders == "both" else 1
        sent = judging_tokens(prepared, judge, "") + message
        asked.append(Asked(StageName.JUDGE, name, times * conversed * judged, sent, replies=1))
    return asked


PERSISTENCE = Way(
    name="persistence",
    parts=(Part.PERSISTENCE,),
    stages=(StageName.ELICIT, StageName.JUDGE),
    plan=plan_persistence,
    asks=ask_persistence,
)
