"""Planning: a study file with all that it names, and its trials written into the store.

No call is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ethogram import __version__
from ethogram.design import Design, Part, assign_wordings, make_design
from ethogram.engine.endpoints import plan_endpoint
from ethogram.errors import Problems, StudyError
from ethogram.protocols.letter import letter_template
from ethogram.protocols.templates import (
    Templates,
    check_examples,
    choose_wordings,
    make_templates,
)
from ethogram.run.begun import ADAPTIVE, check_rounds, designs_so_far, passes
from ethogram.stimuli.prompts import Prompt, PromptSet, load_prompts
from ethogram.stimuli.traits import TraitSet, load_traits
from ethogram.store.rows import JudgingRow, Role, TrialRow
from ethogram.store.store import Store
from ethogram.study import JUDGE_DEFAULTS, JudgeTable, Study

_DEFAULTS = JUDGE_DEFAULTS


@dataclass(frozen=True)
class Prepared:
    """A study with everything that it names read and checked; no call was made.

    Attributes
    ----------
    designs : mapping of model to Design
        What each model is asked; of a study in rounds, so far.
    fixed : Design
        The balanced design, as long as the study can get: all of a study whose pairs are fixed, and
        how others begin.
    """

    study: Study
    traits: TraitSet
    prompts: PromptSet
    templates: Templates
    designs: Mapping[str, Design]
    fixed: Design

    @property
    def design(self) -> Design:
        """The longest of the models' designs; where pairs are shared, all models'."""
        return max(self.designs.values(), key=len)

    @property
    def most_trials(self) -> int:
        """How many trials a model gets if nothing stops the study before."""
        return len(self.fixed)


def prepare(study: Study, store: Path | None = None, *, draw: bool = True) -> Prepared:
    """Read the traits and prompts, check the templates, lay out the design.

    Parameters
    ----------
    study : Study
    store : Path, optional
        Where it exists, prompts that were drawn from WildChat for it before are not drawn again:
        the source is large, and the hub's stream need not be the same tomorrow.
    draw : bool
        False lets the bundled prompts stand in for WildChat's on the hub: good enough to say how
        many requests there will be and about how long they are, with no call made.
    """
    table = study.study
    problems = Problems()  # all that is wrong is said at once
    with problems.gather():
        traits = load_traits(table.traits, base=study.base)
    names = () if problems else traits.names
    with problems.gather():  # nothing is drawn for a study that cannot be run
        prompts = _kept_prompts(study, store) or _read_prompts(
            study, len(names) or 2, draw=draw and not problems
        )
    with problems.gather():
        templates = study_templates(study, names)
    with problems.gather():
        if any(judge.examples for judge in study.judges.values()):
            check_examples(names)
    with problems.gather():
        check_rounds(table, names)
    problems.raise_any(StudyError)
    fixed = make_design(
        len(traits),
        len(prompts),
        pairs="all" if table.pairs == ADAPTIVE else table.pairs,
        repeats=passes(table, len(traits), len(prompts)),
        orders=table.orders,
        max_trials=table.max_trials,
        seed=table.seed,
    )
    designs = (
        designs_so_far(study, traits.names, prompts, fixed, store)
        if table.in_rounds
        else dict.fromkeys(study.models, fixed)
    )
    return Prepared(study, traits, prompts, templates, designs, fixed)


def _read_prompts(study: Study, n_traits: int, *, draw: bool) -> PromptSet:
    """Read or draw the prompts that a study names."""
    table = study.study
    if table.prompts == "wildchat" and not draw:
        found = load_prompts("bundled", seed=table.seed)
        return replace(found, caveat="in place of WildChat's, which are drawn when the study runs")
    return load_prompts(
        table.prompts,
        filter=study.prompts,
        seed=table.seed,
        base=study.base,
        limit=_hub_limit(study, n_traits),
    )


def _draw_name(study: Study) -> str:
    """Name a draw from WildChat by all that decides it; "" for sources that are read each time."""
    source = study.study.prompts
    if not isinstance(source, str) or not source.startswith("wildchat"):
        return ""
    limits = (study.study.prompts, study.study.seed, study.study.repeats, study.study.traits)
    kept = study.prompts.model_dump(mode="json")
    if kept["turn"] == 1:  # stores of releases without later turns name their draws so
        del kept["turn"]
    return _json([*limits, kept])


def _kept_prompts(study: Study, path: Path | None) -> PromptSet | None:
    """Return the prompts that a store drew before for the same study, if it did."""
    name = _draw_name(study)
    if not name or path is None or not path.is_file():
        return None
    with Store.read(path) as store:
        kept = store.drawn_prompts(name)
        if kept is None:
            return None
        rows, text = kept
        told = orjson.loads(text)
        contexts = told.get("contexts") or [None] * len(rows)
        turns = [() if at is None else store.earlier_turns(at) for at in contexts]
    prompts = tuple(Prompt(*row, said) for row, said in zip(rows, turns, strict=True))
    return PromptSet(str(study.study.prompts), prompts, told["counts"], told["caveat"])


def _hub_limit(study: Study, n_traits: int) -> int | None:
    """Return how many prompts to draw from WildChat on the hub, which is never read whole."""
    if study.study.prompts != "wildchat" or study.prompts.sample is not None:
        return None
    return n_traits * (n_traits - 1) // 2 * study.study.repeats


# -- planning into the store ----------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """Ids in the store of what a study plans; `contexts` of prompts with earlier turns."""

    models: dict[str, int]
    judges: dict[str, int]
    trait_ids: dict[str, int]
    trials: dict[str, list[int]]
    prompts: list[int]
    prompt_ids: dict[int, int]
    contexts: dict[int, int]


def plan_into(store: Store, prepared: Prepared) -> Planned:
    """Write the design into the store: every trial of every model, every judging of every judge.

    Planning the same study again changes nothing; planning a longer one adds to it.
    """
    study = prepared.study
    with store.planning():
        store.add_study(
            name=study.study.name,
            version=__version__,
            file=study.without_secrets(study.text),
            settings=study.without_secrets(study_settings(study)),
        )
        traits = store.add_traits((t.name, t.description) for t in prepared.traits.traits)
        used = sorted({int(i) for d in prepared.designs.values() for i in np.unique(d.prompt)})
        every = prepared.prompts.prompts
        kept, contexts = keep_prompts(store, (every[i] for i in used))
        if name := _draw_name(study):
            _keep_draw(store, name, prepared.prompts)
        prompts = dict(zip(used, kept, strict=True))
        names = dict(zip(prepared.traits.names, traits, strict=True))
        models = {
            name: add_model(store, prepared, name, [study.study.condition]) for name in study.models
        }
        judges = {name: add_judge(store, prepared, name) for name in study.judges}
        planned = Planned(models, judges, names, {}, kept, prompts, contexts)
        for name, party in models.items():
            rows = design_rows(prepared, planned, name)
            planned.trials[name] = store.add_trials(party, Part.MAIN, study.study.condition, rows)
        for name, judge in judges.items():
            for model, ids in planned.trials.items():
                swap = prepared.designs[model].judge_swap
                orders = judge_orders(study.judges[name].orders, ids, swap)
                store.add_judgings(judge, Part.MAIN, orders)
    return planned


def _keep_draw(store: Store, name: str, drawn: PromptSet) -> None:
    """Keep which prompts were drawn, and which of them go on from earlier turns."""
    ids, contexts = keep_prompts(store, drawn.prompts)
    told: dict[str, Any] = {"counts": drawn.counts, "caveat": drawn.caveat}
    if contexts:
        told["contexts"] = [contexts.get(prompt) for prompt in ids]
    store.keep_draw(name, ids, _json(told))


def design_rows(prepared: Prepared, planned: Planned, model: str) -> list[TrialRow]:
    """Return a model's design as rows of the store."""
    design = prepared.designs[model]
    traits = [planned.trait_ids[name] for name in prepared.traits.names]
    wordings = assign_wordings(design, prepared.study.study.wordings).tolist()
    columns = zip(design.first, design.second, design.prompt.tolist(), wordings, strict=True)
    return [
        TrialRow(
            seq,
            traits[a],
            traits[b],
            planned.prompt_ids[p],
            context=planned.contexts.get(planned.prompt_ids[p]),
            wording=wording,
        )
        for seq, (a, b, p, wording) in enumerate(columns)
    ]


def keep_prompts(store: Store, prompts: Iterable[Prompt]) -> tuple[list[int], dict[int, int]]:
    """Keep prompts; returns their ids, and the context of those that have earlier turns."""
    prompts = list(prompts)
    ids = store.add_prompts((p.id, p.text, p.language, p.topic) for p in prompts)
    said = zip(ids, prompts, strict=True)
    return ids, {i: store.add_context(turns=p.turns) for i, p in said if p.turns}


def study_templates(study: Study, traits: Sequence[str]) -> Templates:
    """Return the texts that a study sends.

    Raises
    ------
    StudyError
        One lacks a slot or names a trait, or there are fewer wordings than asked for.
    """
    table, own = study.study, study.templates
    texts = own.model_dump(exclude={"set", "wordings"})
    if getattr(own, table.condition) is not None and table.wordings > 1 and not own.wordings:
        raise StudyError(
            f"wordings = {table.wordings}, and {table.condition} in [templates] is your own: "
            "write its paraphrases as wordings = [...] there, or leave it out"
        )
    wordings = choose_wordings(table.condition, table.wordings, base=own.set, own=own.wordings)
    return make_templates(texts, traits, base=own.set, wordings=wordings)


def judge_orders(
    orders: str, trials: Sequence[int], swap: Sequence[bool] | Any
) -> Iterator[JudgingRow]:
    """Yield one order per reply, balanced over the design, or both."""
    for trial, turned in zip(trials, swap, strict=True):
        yield JudgingRow(trial, bool(turned))
        if orders == "both":
            yield JudgingRow(trial, not turned)


def study_settings(study: Study) -> str:
    """Return a study as JSON, without what it does not say."""
    return study.model_dump_json(exclude={"text", "path"}, exclude_none=True)


def add_model(store: Store, prepared: Prepared, name: str, conditions: Iterable[str]) -> int:
    """Keep a model with what defines its answers under these conditions; returns its id."""
    endpoint = plan_endpoint(name, prepared.study.models[name])
    templates = {
        _worded(condition, wording): prepared.templates.worded(condition, wording)
        for condition in map(str, conditions)
        if hasattr(prepared.templates, condition)
        for wording in range(1 + len(prepared.templates.wordings.get(condition, ())))
    }
    settings = {**endpoint.settings(), "templates": templates}
    return store.add_party(Role.MODEL, name, settings, defaults=_DEFAULTS)


def _worded(condition: str, wording: int) -> str:
    """Name a wording of a condition's template."""
    return f"{condition} {wording + 1}" if wording else condition


def add_judge(store: Store, prepared: Prepared, name: str, *, free: bool = False) -> int:
    """Keep a judge with what defines its answers, of a free choice too; returns its id."""
    settings = _judge_settings(prepared, name, free=free)
    return store.add_party(Role.JUDGE, name, settings, defaults=_DEFAULTS)


def _judge_settings(prepared: Prepared, name: str, *, free: bool) -> dict[str, Any]:
    """Return what defines a judge's answers."""
    table = prepared.study.judges[name]
    settings = {
        **plan_endpoint(name, table).settings(),
        "examples": table.examples,
        "grammar": table.grammar,
        "ties": table.ties,
        "verdict": table.verdict,
    }
    if table.verdict == "completion":
        used: tuple[str, ...] = ("completion",)
    else:
        used = ("judge_system", *_question_templates(table, free=free))
        settings["show_prompt"] = table.show_prompt
    return {**settings, "templates": {key: getattr(prepared.templates, key) for key in used}}


def _question_templates(table: JudgeTable, *, free: bool) -> list[str]:
    """Return the templates of a judge's question; a free choice may have another."""
    if table.verdict != "letter":
        return ["judge" if table.show_prompt else "judge_without_prompt"]
    kinds = (False, True) if free else (False,)
    return [letter_template(show_prompt=table.show_prompt, neither=kind) for kind in kinds]


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def store_path(study: Study, given: str | Path | None) -> Path:
    """Return the store that a study writes to."""
    return Path(given) if given else study.default_store
