"""Looking inside a model of a study, from its weights to what is kept beside the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ethogram.design import Part
from ethogram.engine.activations.embedding import check_embedding, embed_texts
from ethogram.engine.activations.loading import (
    check_installed,
    find_source,
    identify,
    load_weights,
)
from ethogram.engine.activations.reading import TransformersReader
from ethogram.engine.activations.steering import TransformersWriter
from ethogram.engine.local import check_llama
from ethogram.errors import InputError, StoreError
from ethogram.ratings.comparisons import FloatArray
from ethogram.run.prepare import plan_into, prepare, store_path
from ethogram.run.probing import Probed, check_model, read_activations
from ethogram.run.runner import Watch, asked_tables, check_keys, run_stages
from ethogram.run.steering import (
    DOSES,
    PROMPTS,
    Direction,
    SteeredCondition,
    check_doses,
    choose_traits,
    name_writer,
    write_steered,
)
from ethogram.store.activations import activations_folder, lock_activations
from ethogram.store.rows import StageName
from ethogram.store.store import Store
from ethogram.study import Study
from ethogram.validity.inside.against import measure_inside_shift, shift_section
from ethogram.validity.inside.measure import Probes, measure_probes
from ethogram.validity.inside.replies import read_replies
from ethogram.validity.inside.section import describe_probes, keep_section
from ethogram.validity.inside.steering import Condition, measure_steering
from ethogram.validity.inside.steering_section import steering_section
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section

STEERED = "steering.json"

Say = Callable[[str], None]


def _silent(said: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Steer:
    """What is to be steered.

    Attributes
    ----------
    traits : tuple of str
    doses : tuple of float
        Shares of the residual stream's norm.
    prompts : int
    """

    traits: tuple[str, ...] = ()
    doses: tuple[float, ...] = DOSES
    prompts: int = PROMPTS


@dataclass(frozen=True)
class Look:
    """What was found, and where it is kept.

    Attributes
    ----------
    section : Section
        Claims, tables, notes, and the numbers as `data`.
    probes : Probes
    file : Path
        probe.json.
    read : Probed
        How many passages were read now, and how many were there.
    """

    section: Section
    probes: Probes
    file: Path
    read: Probed


class _Weights:
    """Weights that are loaded once, when something is to be read or written with them."""

    def __init__(self, source: str | Path, say: Say) -> None:
        self.source, self._say = source, say
        self._loaded: tuple[Any, Any] | None = None

    def load(self) -> tuple[Any, Any]:
        """Return (model, tokenizer)."""
        if self._loaded is None:
            self._say(f"loading {self.source}")
            self._loaded = load_weights(self.source)
        return self._loaded

    def reader(self) -> TransformersReader:
        """Return what reads activations."""
        return TransformersReader(*self.load())


def look_inside(
    study: Study,
    model: str,
    *,
    store: str | Path | None = None,
    weights: str | None = None,
    layers: Sequence[int] | None = None,
    before: bool = True,
    steer: Steer | None = None,
    against: str | None = None,
    embedding: str | None = None,
    say: Say = _silent,
    watch: Watch | None = None,
) -> Look:
    """Read activations, fit probes, steer, and keep what was found as probe.json.

    See `ethogram.api.probe_study`.
    """
    path = store_path(study, store)
    check_model(study, model)
    steer = steer or Steer()
    doses = check_doses(steer.doses) if steer.traits else ()
    check_installed()
    if steer.traits:
        _check_judges(study)
    if embedding is not None:
        check_embedding()
    source = find_source(weights or own_weights(study, model), base=study.base)
    with closing(Store.read(path)) as opened:
        replies = read_replies(StoreResults(opened), model)  # before weights are loaded
        choose_traits(steer.traits, replies.traits)
    folder = activations_folder(path, model)
    with lock_activations(folder):
        return _look(
            study,
            model,
            path,
            _Weights(source, say),
            layers=layers,
            before=before,
            steer=replace(steer, doses=doses),
            against=against,
            embedding=embedding,
            say=say,
            watch=watch,
        )


def _look(
    study: Study,
    model: str,
    path: Path,
    loaded: _Weights,
    *,
    layers: Sequence[int] | None,
    before: bool,
    steer: Steer,
    against: str | None,
    embedding: str | None,
    say: Say,
    watch: Watch | None,
) -> Look:
    """Read, fit, steer and keep, once all that was asked for is known to be possible."""
    folder = activations_folder(path, model)
    with closing(Store.read(path)) as opened:
        options: dict[str, Any] = {"layers": layers, "say": say}
        read = _read(opened, study, model, loaded, folder, before=before, **options)
        results = StoreResults(opened)
        probes = measure_probes(
            results,
            model,
            read.replies,
            before=read.before if before else None,
            embed=None if embedding is None else partial(_embed, embedding),
            seed=study.study.seed,
        )
        more = []
        if against is not None:
            more.append(_against(opened, study, model, against, path, probes, read, **options))
    if steer.traits:
        writer = TransformersWriter(*loaded.load(), _params(study, model))
        _steer(study, model, path, folder, writer, probes, steer, say, watch)
    with closing(Store.read(path)) as opened:
        more += _steered(StoreResults(opened), model, folder)
    section = describe_probes(probes, more=more, notes=read.skipped)
    file = keep_section(section, folder, model=model, weights=identify(loaded.source))
    return Look(section, probes, file, read)


def _check_judges(study: Study) -> None:
    """Refuse to write steered replies, which takes hours, where no judge could be asked then.

    Raises
    ------
    EndpointError
        A key is not set, or llama.cpp is not installed.
    """
    tables = asked_tables(study, (StageName.JUDGE,))
    check_keys(tables)
    if any(table.is_local and table.engine == "live" for table in tables.values()):
        check_llama()


def own_weights(study: Study, model: str) -> str:
    """Return the weights that a model's table names: a local model, or one that Ray runs.

    Raises
    ------
    InputError
        It is asked of a service, which does not give its weights.
    """
    table = study.models[model]
    if table.model.startswith("local/") or table.engine == "ray":
        return table.model
    raise InputError(
        f"{model} is {table.model} at a service, whose inside cannot be seen: give its weights "
        "with --weights, as a Hugging Face id, a folder or a GGUF file"
    )


def _embed(name: str, texts: Sequence[str]) -> FloatArray:
    """Return a sentence embedding of each text."""
    return embed_texts(name, texts).astype(np.float64)


def _params(study: Study, model: str) -> dict[str, Any]:
    """Return the sampling settings of a model's table."""
    table = study.models[model]
    return {"temperature": table.temperature, "top_p": table.top_p}


def _read(
    store: Store,
    study: Study,
    model: str,
    loaded: _Weights,
    folder: Path,
    *,
    layers: Sequence[int] | None,
    before: bool,
    say: Say,
) -> Probed:
    """Read what has no activations yet."""
    return read_activations(
        store,
        study,
        model,
        loaded.reader,
        folder=folder,
        weights=identify(loaded.source),
        layers=layers,
        before=before,
        tell=lambda done, of: say(f"reading replies, {done:,} of {of:,}"),
    )


def _against(
    store: Store,
    study: Study,
    model: str,
    against: str,
    path: Path,
    probes: Probes,
    read: Probed,
    *,
    layers: Sequence[int] | None,
    say: Say,
) -> Section:
    """Read the same replies with other weights, and compare along the same directions."""
    source = find_source(against, base=study.base)
    folder = activations_folder(path, model, weights=identify(source))
    options: dict[str, Any] = {"layers": layers, "before": False, "say": say}
    other = _read(store, study, model, _Weights(source, say), folder, **options)
    shift = measure_inside_shift(
        probes.replies, probes.inside, read.replies, other.replies, weights=against
    )
    return shift_section(model, shift)


def _steer(
    study: Study,
    model: str,
    path: Path,
    folder: Path,
    writer: TransformersWriter,
    probes: Probes,
    steer: Steer,
    say: Say,
    watch: Watch | None,
) -> None:
    """Write steered replies into the store and have them judged."""
    directions = [_direction(probes, trait) for trait in steer.traits]
    prepared = prepare(study, path)
    with Store.open(path) as opened:
        planned = plan_into(opened, prepared)
        done = write_steered(
            opened,
            prepared,
            planned,
            model,
            writer,
            directions,
            doses=steer.doses,
            prompts=steer.prompts,
            tell=say,
        )
        _keep_conditions(folder, done)
        say("judging steered replies")
        run = run_stages(
            prepared, opened, planned, stages=(StageName.JUDGE,), parts=(Part.STEER,), watch=watch
        )
    if run.stopped is not None:
        raise run.stopped


def _direction(probes: Probes, trait: str) -> Direction:
    """Return a trait's difference of means, and those of the other traits."""
    inside, place = probes.inside, probes.replies.traits.index(trait)
    others = [d for i, d in enumerate(inside.directions) if i != place]
    site = inside.difference.best
    return Direction(trait, site.layer, inside.directions[place], np.array(others))


def _keep_conditions(folder: Path, done: Sequence[SteeredCondition]) -> None:
    """Remember what was added in which condition, with those of other traits kept before."""
    kept = {c.name: c for c in _conditions(folder)}
    traits = {one.trait for one in done}
    kept = {name: c for name, c in kept.items() if c.trait not in traits}
    kept |= {one.name: Condition(one.name, one.trait, one.kind, one.dose) for one in done}
    try:
        text = json.dumps([list(c) for c in kept.values()], ensure_ascii=False, indent=1)
        (folder / STEERED).write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(f"{folder / STEERED} cannot be written: {error}") from error


def _conditions(folder: Path) -> list[Condition]:
    try:
        return [Condition(*row) for row in json.loads((folder / STEERED).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _steered(results: StoreResults, model: str, folder: Path) -> list[Section]:
    """Measure what was steered by now."""
    conditions = _conditions(folder)
    found = measure_steering(results, name_writer(model), conditions) if conditions else []
    return [steering_section(model, found)] if found else []
