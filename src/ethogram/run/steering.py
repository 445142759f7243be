"""Steered replies in a study: which directions, doses and prompts, and what judges are asked.

The replies are written here and kept in the store as a part of their own, as exemplars are; the
judge's own stage asks. What is there is not written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ethogram.analysis.probes.doses import NONE, ORTHOGONAL, RANDOM, TRAIT, control_directions
from ethogram.design import Condition, Part
from ethogram.engine.activations.passages import Push, Writer
from ethogram.engine.requests import Messages
from ethogram.errors import InputError, guess
from ethogram.protocols.elicit import elicit_messages
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.numbers import say_number
from ethogram.run.prepare import Planned, Prepared, judge_orders
from ethogram.store.rows import Role, TrialRow
from ethogram.store.store import Store

DOSES = (-0.2, -0.1, 0.1, 0.2)
DECIMALS = 3
"""Of a dose."""
PROMPTS = 24
MAX_TOKENS = 200
"""Of a steered reply at most, if the study allows more."""


@dataclass(frozen=True)
class Direction:
    """The direction of one trait, and those of others for a control.

    Attributes
    ----------
    trait : str
    layer : int
    unit : float array, shape (d,)
    others : float array, shape (m, d)
    """

    trait: str
    layer: int
    unit: FloatArray
    others: FloatArray


@dataclass(frozen=True)
class SteeredCondition:
    """Replies to the same prompts under one push; `name` is the condition in the store."""

    name: str
    trait: str
    kind: str
    dose: float
    push: Push | None


def name_writer(model: str) -> str:
    """Return the name under which a model's steered replies are kept."""
    return f"{model}, steered"


def choose_traits(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the traits to steer, refusing those without a direction.

    Raises
    ------
    InputError
    """
    for trait in wanted:
        if trait not in known:
            raise InputError(
                f"no direction of {trait!r}{guess(trait, known)}: expected a trait with planted "
                f"replies, one of {', '.join(known)}"
            )
    return list(dict.fromkeys(wanted))


def steered_conditions(
    direction: Direction, doses: Sequence[float], *, seed: int
) -> Iterator[SteeredCondition]:
    """Yield each dose of the trait's direction and of both controls, and no dose at all."""
    trait, layer = direction.trait, direction.layer
    yield SteeredCondition(f"steer {trait}: none", trait, NONE, 0.0, None)
    controls = control_directions(direction.unit, direction.others, seed=seed)
    units = {TRAIT: direction.unit, RANDOM: controls[0], ORTHOGONAL: controls[1]}
    for kind, unit in units.items():
        number = hashlib.blake2b(np.round(unit, 4).tobytes(), digest_size=4).hexdigest()
        for dose in doses:
            said = say_number(dose, DECIMALS, sign=True)
            name = f"steer {trait}: {kind} {said} after layer {layer} ({number})"
            yield SteeredCondition(name, trait, kind, dose, Push(layer, unit, dose))


def check_doses(doses: Sequence[float]) -> tuple[float, ...]:
    """Refuse doses that move nothing, or that no reply survives.

    Raises
    ------
    InputError
    """
    for dose in doses:
        if not (1e-9 < abs(dose) <= 10):
            raise InputError(f"dose {dose:g}: expected a share of the norm, such as 0.1 or -0.1")
        if abs(round(dose, DECIMALS) - dose) > 1e-9:  # replies are kept by what is written of it
            raise InputError(f"dose {dose:g}: expected at most {DECIMALS} decimals, such as 0.125")
    if not doses:
        raise InputError("no dose is given: expected at least one, such as 0.1")
    return tuple(sorted({round(dose, DECIMALS) for dose in doses}))


def write_steered(
    store: Store,
    prepared: Prepared,
    planned: Planned,
    model: str,
    writer: Writer,
    directions: Sequence[Direction],
    *,
    doses: Sequence[float],
    prompts: int = PROMPTS,
    tell: Callable[[str], None] = lambda said: None,
) -> list[SteeredCondition]:
    """Write the steered replies that are not there, and plan their judgings.

    Parameters
    ----------
    store, prepared, planned, model
    writer : Writer
    directions : sequence of Direction
    doses : sequence of float
        Shares of the residual stream's norm; each is also given to both controls.
    prompts : int
        How many of the study's prompts each condition answers.
    tell : function
        Told what is written now.

    Returns
    -------
    list of SteeredCondition
    """
    seed = prepared.study.study.seed
    asked = _asked(prepared, planned, model, prompts)
    with store.planning():
        party = store.add_party(Role.WRITER, name_writer(model), {})
    done = []
    for direction in directions:
        rows = _rows(direction.trait, prepared, planned, list(asked))
        for one in steered_conditions(direction, doses, seed=seed):
            with store.planning():
                ids = store.add_trials(party, Part.STEER, one.name, rows)
            _write(
                store,
                prepared,
                model,
                writer,
                one,
                dict(zip(ids, asked.values(), strict=True)),
                tell,
            )
            with store.planning():
                _plan_judgings(store, prepared, planned, ids)
            done.append(one)
    return done


def _asked(prepared: Prepared, planned: Planned, model: str, count: int) -> dict[int, Messages]:
    """Return prompts (ids in the store) with the messages that put them, with no trait named."""
    system = prepared.study.models[model].system
    every = list(dict.fromkeys(planned.prompt_ids.items()))
    lot = np.random.default_rng([prepared.study.study.seed, 0x57]).permutation(len(every))
    found = {}
    for place, number in (every[i] for i in lot[:count]):
        prompt = prepared.prompts.prompts[place]
        found[number] = elicit_messages(
            prepared.templates, Condition.NATURAL, prompt.text, system=system, turns=prompt.turns
        )
    return found


def _rows(
    trait: str, prepared: Prepared, planned: Planned, prompts: Sequence[int]
) -> list[TrialRow]:
    """Return a trial per prompt: the trait against each of the others in turn."""
    others = [name for name in prepared.traits.names if name != trait]
    lot = np.random.default_rng([prepared.study.study.seed, 0x58]).permutation(len(others))
    ids = planned.trait_ids
    return [
        TrialRow(
            seq,
            ids[trait],
            ids[others[lot[seq % len(others)]]],
            prompt,
            planted=ids[trait],
            context=planned.contexts.get(prompt),
        )
        for seq, prompt in enumerate(prompts)
    ]


def _write(
    store: Store,
    prepared: Prepared,
    model: str,
    writer: Writer,
    one: SteeredCondition,
    asked: Mapping[int, Messages],
    tell: Callable[[str], None],
) -> None:
    """Write the replies of one condition that are not there."""
    there = store.replies_of(list(asked))
    trials = [trial for trial in asked if trial not in there]
    if not trials:
        return
    tell(one.name)
    most = min(prepared.study.models[model].max_tokens, MAX_TOKENS)
    replies = writer.write(
        [asked[t] for t in trials], one.push, max_tokens=most, seed=prepared.study.study.seed
    )
    kept = [(t, r) for t, r in zip(trials, replies, strict=True) if r.text]
    with store.planning():
        store.add_written((trial, reply.text) for trial, reply in kept)
        store.add_values((trial, reply.log_likelihood) for trial, reply in kept if reply.tokens)


def _plan_judgings(
    store: Store, prepared: Prepared, planned: Planned, trials: Sequence[int]
) -> None:
    swap = [place % 2 == 1 for place in range(len(trials))]
    for name, judge in planned.judges.items():
        orders = judge_orders(prepared.study.judges[name].orders, trials, swap)
        store.add_judgings(judge, Part.STEER, orders)
