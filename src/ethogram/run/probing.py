"""Activations of a store's replies: which passages a model reads, and what is there already.

The reply is read without the instruction that named the traits: a probe must not read the
instruction. Before any reply, it is there: what the model is about to do is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from ethogram.design import Condition, Part
from ethogram.engine.activations.passages import Passage, Reader
from ethogram.errors import InputError, Problems, guess
from ethogram.protocols.elicit import elicit_messages
from ethogram.protocols.templates import Templates
from ethogram.store.activations import Shards, open_shards, read_meta
from ethogram.store.replies import ProbedTrial, read_asked, read_probed
from ethogram.store.store import Store
from ethogram.study import Study
from ethogram.validity.inside.replies import PROBED

REPLY, BEFORE = "reply", "before"
SHARD = 32
"""Passages of a shard: what is lost at most where a run is killed."""

Tell = Callable[[int, int], None]
"""Told how many passages are done, and of how many."""


@dataclass(frozen=True)
class Probed:
    """What was read of a model.

    Attributes
    ----------
    replies, before : Shards
    new : int
        Passages that were read in this run.
    kept : int
        Those that were there.
    skipped : tuple of str
        Why a passage was not read, one sentence each.
    """

    replies: Shards
    before: Shards
    new: int
    kept: int
    skipped: tuple[str, ...] = ()


def check_model(study: Study, model: str) -> None:
    """Refuse a model that a study does not have.

    Raises
    ------
    InputError
    """
    if model not in study.models:
        near = guess(model, study.models)
        raise InputError(
            f"the study has no model {model!r}{near}; expected one of {', '.join(study.models)}"
        )


def reply_passages(store: Store, study: Study, model: str) -> Iterator[Passage]:
    """Yield each chosen and planted reply after its prompt, with no instruction."""
    system = study.models[model].system
    for trial in read_probed(store, model, PROBED):
        yield Passage(trial.id, _without_instruction(trial, system), trial.reply)


def _without_instruction(trial: ProbedTrial, system: str) -> tuple[dict[str, str], ...]:
    """Return the conversation as it would be if no trait had been named."""
    told = "\n\n".join(filter(None, (system, trial.system)))
    return elicit_messages(
        Templates(), Condition.NATURAL, trial.prompt, system=told, turns=trial.turns
    )


def before_passages(store: Store, model: str) -> Iterator[Passage]:
    """Yield what each trial of the study asked, word for word, and no reply."""
    for trial, messages in read_asked(store, model, Part.MAIN):
        yield Passage(trial, messages)


def read_activations(
    store: Store,
    study: Study,
    model: str,
    load: Callable[[], Reader],
    *,
    folder: Path,
    weights: str,
    layers: Sequence[int] | None = None,
    before: bool = True,
    tell: Tell = lambda done, of: None,
) -> Probed:
    """Read the activations of all replies that have none yet, and write them beside the store.

    A reply that is another than the one that was read under its trial is read again: the store may
    have been made anew.

    Parameters
    ----------
    store, study, model
    load : function
        Returns what reads; called only where something is to be read.
    folder : Path
    weights : str
        What the weights are, by their bytes: other ones are refused.
    layers : sequence of int, optional
        Which to keep; by default all. The embeddings (0) are kept in any case. Of what is kept,
        some can be looked at.
    before : bool
        Also read the end of each prompt of the study, with its instruction.
    tell : function

    Raises
    ------
    InputError
        The model has no usable reply, or none that it can read, or no such layer.
    StoreError
    """
    width, wanted = _shape(folder, weights, layers, load)
    open_kind = partial(open_shards, folder, weights=weights, width=width, layers=wanted)
    shards = [open_kind(kind) for kind in (REPLY, BEFORE)]
    passages = [
        list(reply_passages(store, study, model)),
        list(before_passages(store, model)) if before else [],
    ]
    if not passages[0]:
        raise InputError(f"{model} has no usable reply in {store.path}: run the study first")
    there = [one.passages() for one in shards]
    pending = [
        [p for p in asked if known.get(p.key) != p.digest]
        for asked, known in zip(passages, there, strict=True)
    ]
    total, skipped = sum(map(len, pending)), Problems()
    count = iter(range(1, total + 1))
    for kept, asked in zip(shards, pending, strict=True):
        left = iter(asked)
        while batch := list(islice(left, SHARD)):
            rows = []
            for passage in batch:
                with skipped.gather():  # longer than the model's context
                    rows.append(replace(load().read(passage), passage=passage.digest))
                tell(next(count), total)
            if rows:
                kept.add(rows)
    if not len(shards[0].trials()):
        raise InputError(f"no reply of {model} can be read: {skipped.lines[0]}")
    there_before = sum(map(len, passages)) - total
    replies, ends = (replace(s, layers=_chosen_layers(layers, wanted)) for s in shards)
    return Probed(replies, ends, total - len(skipped.lines), there_before, skipped.lines)


def _shape(
    folder: Path, weights: str, layers: Sequence[int] | None, load: Callable[[], Reader]
) -> tuple[int, list[int]]:
    """Return the width and the layers to keep; of what is there already, without the model."""
    if layers is not None and not any(layers):
        raise InputError("layer 0 is the embeddings, which are kept anyway: expected one above it")
    kept = read_meta(folder)
    if kept is None or kept["weights"] != weights:
        reader = load()
        return reader.width, _check_layers(layers, reader.layers)
    for layer in layers or ():
        if layer not in kept["layers"]:
            raise InputError(
                f"layer {layer} is not among those that were kept "
                f"({', '.join(map(str, kept['layers']))}): delete {folder} to read others"
            )
    return kept["width"], kept["layers"]


def _chosen_layers(layers: Sequence[int] | None, kept: Sequence[int]) -> tuple[int, ...]:
    return tuple(kept) if layers is None else tuple(sorted({0, *layers}))


def _check_layers(layers: Sequence[int] | None, count: int) -> list[int]:
    """Return the layers to keep, with the embeddings."""
    if layers is None:
        return list(range(count + 1))
    for layer in layers:
        if not 0 <= layer <= count:
            raise InputError(f"layer {layer} is not there: expected 0 (embeddings) to {count}")
    return sorted({0, *layers})
