"""What was found inside a model, for programs: `probe.json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ethogram.analysis.probes.decoding import Decoded
from ethogram.analysis.word_and_deed import Interval
from ethogram.validity.inside.judges import Outside
from ethogram.validity.inside.measure import Probes
from ethogram.validity.inside.structure import Structure
from ethogram.validity.proportions import Estimate


def data_of(probes: Probes) -> dict[str, Any]:
    """Return all that was measured."""
    inside, replies = probes.inside, probes.replies
    return {
        "model": probes.model,
        "replies": {
            "planted": int((replies.planted >= 0).sum()),
            "chosen": int(replies.chosen.sum()),
            "in_store": probes.in_store,
            "digest": probes.digest,
            "prompts": len(np.unique(replies.prompt)),
        },
        "probes": {
            "logistic": _decoded(inside.logistic),
            "difference": _decoded(inside.difference),
        },
        "baselines": {
            name: {
                "accuracy": estimate(found.mean()),
                "gain": estimate(inside.gain(name)),
                "text": name in inside.text_baselines,
            }
            for name, found in inside.baselines.items()
        },
        "reads_the_text": inside.reads_the_text(),
        "traits": [
            {
                "trait": trait,
                "planted": int((replies.planted == i).sum()),
                "accuracy": estimate(inside.logistic.separation.of(i)),
                "baselines": {k: estimate(b.of(i)) for k, b in inside.baselines.items()},
                "reads_the_text": inside.reads_the_text(i),
            }
            for i, trait in enumerate(replies.traits)
        ],
        "cosines": {
            "traits": list(replies.traits),
            "site": str(inside.difference.best),
            "values": np.round(inside.directions @ inside.directions.T, 4).tolist(),
            "near": number(inside.cosines.alike),
            "others": number(inside.cosines.others),
            "p": number(inside.cosines.p),
        },
        "judges": [_outside(one) for one in probes.outside],
        "before": [
            {
                "judge": one.judge,
                **_decoded(one.decoded),
                "by_directions": estimate(one.by_directions),
                "baselines": {
                    name: {"accuracy": estimate(b.mean()), "gain": estimate(one.gain(name))}
                    for name, b in one.baselines.items()
                },
            }
            for one in probes.beforehand
        ],
    }


def _decoded(one: Decoded) -> dict[str, Any]:
    return {
        "accuracy": estimate(one.separation.mean()),
        "chosen": {str(fold): [site.layer, site.over] for fold, site in one.chosen.items()},
        "best": [one.best.layer, one.best.over],
        "by_layer": [
            {"layer": site.layer, "over": site.over, **estimate(found)}
            for site, found in one.by_site.items()
        ],
    }


def _outside(one: Outside) -> dict[str, Any]:
    return {
        "judge": one.judge,
        "agreement": estimate(one.agreement),
        "agreement_of_words": estimate(one.by_words),
        "gain": estimate(one.gain),
        "spearman_of_replies": estimate(one.correlation),
        "ratings": None
        if one.ratings is None
        else {
            "traits": one.ratings.n,
            "spearman": _interval(one.ratings.plain),
            "net_of_noise": _interval(one.ratings.corrected),
            "reliability": [number(value) for value in one.ratings.reliability],
        },
        "why": one.why,
        "cosines_with_ratings": [_structure(found) for found in one.structures],
        "plants": None if one.plants is None else dict(vars(one.plants)),
        "probe_on_plants": estimate(one.probe_on_plants),
        "judge_on_plants": estimate(one.judge_on_plants),
        **{
            name: None if found is None else {"r": estimate(found.r), "p": found.p}
            for name, found in (
                ("utility", one.utility),
                ("utility_by_words", one.utility_by_words),
            )
        },
    }


def estimate(one: Estimate) -> dict[str, Any]:
    """Return an estimate with its interval and its number of replies."""
    return {
        "estimate": number(one.estimate),
        "low": number(one.low),
        "high": number(one.high),
        "n": one.n,
    }


def number(value: float) -> float | None:
    """Return a number that JSON has; None for others."""
    return float(value) if np.isfinite(value) else None


def _interval(one: Interval) -> dict[str, float | None]:
    return {"estimate": number(one.estimate), "low": number(one.low), "high": number(one.high)}


def _structure(one: Structure) -> dict[str, Any]:
    sides = one.sides
    return {
        "source": one.source,
        "models": one.models,
        "traits": one.traits,
        "spearman": number(one.rho),
        "p": number(one.p),
        "first_component": {
            "same_side": number(sides.alike),
            "other_side": number(sides.others),
            "p": number(sides.p),
        },
    }
