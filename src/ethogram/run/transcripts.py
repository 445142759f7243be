"""Transcripts in a study: which pair of traits each reply is judged for, planned into the store.

Planning only; the judge's own stage asks. No trait was named when these replies were given: what is
measured is which manner an ordinary reply shows (the natural condition).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from ethogram import __version__
from ethogram.design import Condition, Design, Part, make_design
from ethogram.engine.transcripts import Transcript, Transcripts
from ethogram.errors import StoreError, StudyError
from ethogram.protocols.transcript import transcript
from ethogram.run.cost import plan_verdicts, total_cost
from ethogram.run.prepare import (
    Planned,
    Prepared,
    add_judge,
    judge_orders,
    keep_prompts,
    study_settings,
)
from ethogram.run.tokens import PRICED
from ethogram.stimuli.prompts import Prompt
from ethogram.store.read import count_stages
from ethogram.store.rows import Role, StageName, TrialRow
from ethogram.store.store import Store
from ethogram.study import Study

SOURCE = "transcripts"
"""Where the prompts come from: another evaluation's, so their licence is not known."""


def check_importable(study: Study) -> None:
    """Refuse a study that transcripts cannot follow.

    Raises
    ------
    StudyError
        Its pairs are chosen from the answers so far.
    """
    if study.study.in_rounds:
        raise StudyError(
            'pairs = "adaptive" and stop_when need replies to be asked for; transcripts are there '
            "already: set pairs to a number of rounds, or to all"
        )


def plan_transcripts(
    store: Store, prepared: Prepared, found: Transcripts, asked: Sequence[str] | None = None
) -> Planned:
    """Write every reply into the store with the pairs that it is judged for.

    Planning the same again changes nothing; what the judges that are `asked` (else all) lost, and
    may pass, is pending again.
    """
    study = prepared.study
    check_importable(study)
    with store.planning():
        store.add_study(
            name=study.study.name,
            version=__version__,
            file=study.without_secrets(study.text),
            settings=study.without_secrets(_settings(study)),
        )
        ids = store.add_traits((t.name, t.description) for t in prepared.traits.traits)
        traits = dict(zip(prepared.traits.names, ids, strict=True))
        judges = {name: add_judge(store, prepared, name) for name in study.judges}
        planned = Planned({}, judges, traits, {}, [], {}, {})
        for model, own in found.by_model().items():
            party = store.add_party(Role.MODEL, model, {"imported": True})
            planned.models[model] = party
            design = transcript_design(prepared, len(own))
            trials = _add_trials(store, party, own, design, list(traits.values()))
            planned.trials[model] = trials
            for name, judge in judges.items():
                orders = judge_orders(study.judges[name].orders, trials, design.judge_swap)
                store.add_judgings(judge, Part.MAIN, orders)
        store.reopen_lost(
            study.study.attempts,
            study.study.unparsed_attempts,
            parts=(Part.MAIN,),
            asked=[(StageName.JUDGE, i) for n, i in judges.items() if asked is None or n in asked],
            models=planned.models.values(),
        )
    return planned


def _settings(study: Study) -> str:
    """Return a study's settings, prompts and condition as they are here, whatever its file says."""
    settings = orjson.loads(study_settings(study))
    settings["study"] |= {"prompts": SOURCE, "condition": Condition.NATURAL}
    return orjson.dumps(settings).decode()


def describe_price(
    store: Store, prepared: Prepared, found: Transcripts, judges: Sequence[str] | None = None
) -> str:
    """Say how many verdicts are still to be asked for, and what they cost."""
    pending = {name: 0 for name in prepared.study.judges if judges is None or name in judges}
    for count in count_stages(store):
        if count.stage == StageName.JUDGE and count.judge in pending and count.part == Part.MAIN:
            pending[count.judge] += count.pending
    sample = found.kept[:: max(1, len(found.kept) // PRICED)]
    replies = [(transcript(one.turns, one.prompt), one.reply) for one in sample]
    rows = plan_verdicts(prepared, pending, replies)
    told = ", ".join(f"{row.pending:,} of {row.name}" for row in rows)
    expected, at_most = total_cost([r.expected for r in rows]), total_cost([r.most for r in rows])
    if expected is None or at_most is None:
        return f"Verdicts to ask for: {told}; price unknown (give prices in the judge's table)."
    about, most = (f"${cost:,.{4 if cost < 1 else 2}f}" for cost in (expected, at_most))
    return f"Verdicts to ask for: {told}; about {about}, at most {most}, excluding retries."


def transcript_design(prepared: Prepared, replies: int) -> Design:
    """Return which pair each reply is judged for: the study's own design, replies for prompts.

    A reply may be judged for several pairs; ratings are clustered by it.
    """
    table = prepared.study.study
    return make_design(
        len(prepared.traits),
        replies,
        pairs=table.pairs,
        repeats=table.repeats,
        orders=table.orders,
        max_trials=table.max_trials,
        seed=table.seed,
    )


def _add_trials(
    store: Store,
    party: int,
    own: Sequence[Transcript],
    design: Design,
    traits: Sequence[int],
) -> list[int]:
    """Plan a model's trials, and give each the reply that is there already."""
    prompts, contexts = keep_prompts(store, [Prompt(t.key, t.prompt, turns=t.turns) for t in own])
    rows = [
        _row(seq, traits[a], traits[b], prompts[p], contexts)
        for seq, (a, b, p) in enumerate(
            zip(design.first, design.second, design.prompt.tolist(), strict=True)
        )
    ]
    trials = store.add_trials(party, Part.MAIN, Condition.NATURAL, rows)
    shown = [own[p] for p in design.prompt.tolist()]
    store.add_written(zip(trials, (t.reply for t in shown), strict=True))
    _refuse_other_replies(
        store, own[0].model, dict(zip(trials, (t.reply for t in shown), strict=True))
    )
    store.mark_truncated(t for t, one in zip(trials, shown, strict=True) if one.truncated)
    return trials


def _refuse_other_replies(store: Store, model: str, replies: Mapping[int, str]) -> None:
    """Refuse to rate what was imported before in place of what is given now."""
    _, kept = store.query("SELECT trial, text FROM written")
    if any(replies.get(trial, text) != text for trial, text in kept):
        raise StoreError(
            f"{store.path} holds other replies of {model} to the same questions: use another store "
            "(--store), or give these another name (--model)"
        )


def _row(seq: int, first: int, second: int, prompt: int, contexts: Mapping[int, int]) -> TrialRow:
    return TrialRow(seq, first, second, prompt, context=contexts.get(prompt))
