"""Self-report: each tested model is asked about itself, and no judge reads the answers.

It chooses between the two words of some trials (each pair in both orders), and says how far it
agrees with statements that name one trait (half of them reversed). It is asked afresh, and again in
the conversation of a trial in which it has just acted. That trial is the study's own request, and
is paid for once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np

from ethogram.design import Condition, Part
from ethogram.errors import StudyError
from ethogram.protocols.self_report import is_reversed
from ethogram.protocols.templates import fill
from ethogram.run.prepare import Planned, Prepared, design_rows
from ethogram.run.tokens import estimate_tokens, trial_tokens
from ethogram.run.way import Asked, Way
from ethogram.store.rows import StageName, TrialRow
from ethogram.store.store import Store
from ethogram.study import SelfReportTable

CONTEXTS = (Condition.FRESH, Condition.ACTED)
PLACES = 100  # a statement's number is its trait's times this, and its item


def _table(prepared: Prepared) -> SelfReportTable:
    return prepared.study.self_report or SelfReportTable()


def likert_questions(prepared: Prepared) -> list[str]:
    """Return the questions of a trait's items, by turns as they are and reversed.

    There are no questions where statements are not asked: a study then needs no texts of them.

    Raises
    ------
    StudyError
        There are fewer texts than the study asks for.
    """
    items, texts = _table(prepared).items, prepared.templates
    if not _table(prepared).likert:
        return []
    for name in ("likert", "likert_reversed"):
        if len(getattr(texts, name)) < items // 2:
            raise StudyError(
                f"[self_report] items = {items} needs {items // 2} texts of {name}, and there are "
                f"{len(getattr(texts, name))}: ask for fewer, or give a list of them in [templates]"
            )
    return [
        (texts.likert_reversed if is_reversed(item) else texts.likert)[item // 2]
        for item in range(items)
    ]


def stated_places(prepared: Prepared, model: str) -> list[int]:
    """Return the places in a model's design of the pairs that it is offered as words.

    The first ones, each pair once: every prefix of a design has each trait about equally often.
    """
    design = prepared.designs[model]
    wanted = ceil(_table(prepared).meetings * design.n_traits / 2)  # 0: none
    ends = np.sort(np.stack([design.first, design.second], axis=1), axis=1)
    _, places = np.unique(ends, axis=0, return_index=True)
    return [int(place) for place in np.sort(places)[:wanted]]


def likert_places(prepared: Prepared, model: str) -> list[list[int]]:
    """Return for each trait the places of the trials after which its statements are rated.

    The first trials that name the trait; one that has fewer than items begins anew.
    """
    design, items = prepared.designs[model], _table(prepared).items
    found: list[list[int]] = []
    for trait in range(design.n_traits if _table(prepared).likert else 0):
        named = np.flatnonzero((design.first == trait) | (design.second == trait))[:items]
        found.append(np.resize(named, items).tolist())
    return found


def plan_self_report(store: Store, prepared: Prepared, planned: Planned) -> None:
    """Plan what each model is asked about itself, and the trials after which it is asked."""
    for model in planned.models:
        rows = design_rows(prepared, planned, model)
        for context in CONTEXTS:  # of one that is not asked for, nothing is wanted
            _plan_stated(store, prepared, planned, model, rows, context)
            _plan_likert(store, prepared, planned, model, rows, context)


def _plan_stated(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    model: str,
    rows: Sequence[TrialRow],
    context: Condition,
) -> None:
    """Plan each pair of words in both orders."""
    places = stated_places(prepared, model) if context in _table(prepared).contexts else []
    (question,) = _keep_questions(store, [prepared.templates.stated])
    acted = _act(store, prepared, planned, model, Part.STATED, [rows[p] for p in places], context)
    asked = []
    for place in places:
        pair = (rows[place].trait_1, rows[place].trait_2)
        for turned, (one, other) in enumerate((pair, pair[::-1])):
            asked.append(_ask(2 * place + turned, one, other, question, acted.get(place)))
    store.add_trials(planned.models[model], Part.STATED, context, asked, protocol=StageName.STATED)


def _plan_likert(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    model: str,
    rows: Sequence[TrialRow],
    context: Condition,
) -> None:
    """Plan each statement on each trait."""
    after = likert_places(prepared, model) if context in _table(prepared).contexts else []
    questions = _keep_questions(store, likert_questions(prepared))
    every = sorted({place for places in after for place in places})
    acted = _act(store, prepared, planned, model, Part.LIKERT, [rows[p] for p in every], context)
    traits = [planned.trait_ids[name] for name in prepared.traits.names]
    asked = [
        _ask(PLACES * number + item, traits[number], None, question, acted.get(place), item=item)
        for number, places in enumerate(after)
        for item, (question, place) in enumerate(zip(questions, places, strict=True))
    ]
    store.add_trials(planned.models[model], Part.LIKERT, context, asked, protocol=StageName.LIKERT)


def _keep_questions(store: Store, texts: Iterable[str]) -> list[int]:
    """Keep questions, with their slots, as prompts; another text is another prompt."""
    texts = list(texts)
    keys = [hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in texts]
    return store.add_prompts(
        (f"self-report-{key}", text, "", "") for key, text in zip(keys, texts, strict=True)
    )


def _act(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    model: str,
    part: Part,
    rows: Sequence[TrialRow],
    context: Condition,
) -> dict[int, int]:
    """Plan trials of the study again, to be gone on from; returns them by their place in it."""
    if context != Condition.ACTED:
        return {}
    condition = prepared.study.study.condition
    made = store.add_trials(planned.models[model], part, condition, rows)
    return {row.seq: trial for row, trial in zip(rows, made, strict=True)}


def _ask(
    seq: int, one: int | None, other: int | None, question: int, after: int | None, *, item: int = 0
) -> TrialRow:
    """Return a question about one trait or two, alone or after a reply."""
    turn = 1 if after is None else 2
    return TrialRow(seq, one, other, question, after=after, turn=turn, wording=item)


def ask_self_report(prepared: Prepared) -> list[Asked]:
    """Return what the models will be asked about themselves."""
    asked: list[Asked] = []
    first, second = prepared.traits.names[:2]
    stated = estimate_tokens(fill(prepared.templates.stated, first=first, second=second)) + 4
    items = [estimate_tokens(fill(text, trait=first)) + 4 for text in likert_questions(prepared)]
    for model in prepared.study.models:
        statements = len(prepared.traits) * len(items)
        for stage, requests, tokens in (
            (StageName.STATED, 2 * len(stated_places(prepared, model)), stated),
            (StageName.LIKERT, statements, sum(items) / max(len(items), 1)),
        ):
            if requests:
                asked.append(_asked(prepared, model, stage, requests, tokens))
    return asked


def _asked(prepared: Prepared, model: str, stage: str, requests: int, tokens: float) -> Asked:
    """Return one stage's requests over all contexts, with what each sends on average."""
    contexts: Sequence[str] = _table(prepared).contexts
    acted = contexts.count(Condition.ACTED) / len(contexts)
    told = estimate_tokens(prepared.study.models[model].system)  # of a trial it is a part
    begun = trial_tokens(prepared, prepared.study.study.condition, model)
    sent = tokens + acted * begun + (1 - acted) * told
    return Asked(stage, model, requests * len(contexts), sent, replies=acted)


SELF_REPORT = Way(
    name="self_report",
    parts=(Part.STATED, Part.LIKERT),
    stages=(StageName.ELICIT, StageName.STATED, StageName.LIKERT),
    plan=plan_self_report,
    asks=ask_self_report,
)
