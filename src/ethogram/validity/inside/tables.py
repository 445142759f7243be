"""What was found inside a model, in tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ethogram.analysis.probes.decoding import Decoded
from ethogram.analysis.probes.separation import Separation
from ethogram.ratings.numbers import say_interval, say_number, say_p
from ethogram.validity.inside.measure import Probes
from ethogram.validity.inside.sentences import hardest, say_points
from ethogram.validity.inside.structure import Structure
from ethogram.validity.proportions import Estimate
from ethogram.validity.sections import SectionTable


def methods_table(probes: Probes) -> SectionTable:
    """Return the accuracy of probes and of every baseline."""
    inside = probes.inside
    rows = [
        _method_row("logistic regression", inside.logistic.separation, None),
        _method_row("difference of means", inside.difference.separation, None),
    ]
    rows += [
        _method_row(name, found, inside.gain(name)) for name, found in inside.baselines.items()
    ]
    return SectionTable(
        f"{probes.model}: how well the trait of planted replies is told, mean of "
        f"{len(probes.replies.traits)} traits on "
        f"{int((probes.replies.planted >= 0).sum()):,} replies. Last column: what the probe by "
        "logistic regression tells beyond it, paired by prompt.",
        ("read by", "accuracy", "probe beyond it"),
        tuple(rows),
    )


def _method_row(name: str, found: Separation, gain: Estimate | None) -> tuple[str, ...]:
    return name, found.mean().interval, "" if gain is None else say_points(gain)


def layers_table(probes: Probes) -> SectionTable:
    """Return the accuracy at each layer."""
    inside = probes.inside
    layers = sorted({site.layer for site in inside.logistic.by_site})
    by_over = {
        (m, over): {s.layer: e for s, e in d.by_site.items() if s.over == over}
        for m, d in (("logistic", inside.logistic), ("difference", inside.difference))
        for over in ("mean", "last")
    }
    rows = [
        (
            str(layer),
            *(
                by_over[m, over][layer].interval
                for m in ("logistic", "difference")
                for over in ("mean", "last")
            ),
        )
        for layer in layers
    ]
    return SectionTable(
        f"{probes.model}: accuracy by layer, held out by prompt, with no choice among layers. The "
        f"inner split chose {_chosen(inside.logistic)} (logistic regression) and "
        f"{_chosen(inside.difference)} (difference of means).",
        ("layer", "logistic, mean", "logistic, last", "difference, mean", "difference, last"),
        tuple(rows),
    )


def _chosen(decoded: Decoded) -> str:
    sites = sorted(set(decoded.chosen.values()))
    return "; ".join(map(str, sites))


def traits_table(probes: Probes) -> SectionTable:
    """Return each trait, by its probe and by the best reader of the text."""
    inside, replies = probes.inside, probes.replies
    best_text = hardest(inside)
    rows = []
    for i, trait in enumerate(replies.traits):
        found = inside.logistic.separation.of(i)
        text = inside.baselines[best_text].of(i)
        reads = "reads the text" if inside.reads_the_text(i) else "more than the words"
        rows.append(
            (trait, f"{int((replies.planted == i).sum())}", _each(found), _each(text), reads)
        )
    return SectionTable(
        f"{probes.model}: each trait by logistic regression, and by {best_text}. A trait reads the "
        "text unless its probe is clearly above every text baseline.",
        ("trait", "planted", "probe", best_text, "verdict"),
        tuple(rows),
    )


def _each(one: Estimate) -> str:
    return one.interval if one.n else "unknown"


def judge_table(probes: Probes) -> SectionTable:
    """Return what probes and judges say of the same replies."""
    rows = []
    for one in probes.outside:
        rows += [
            (one.judge, "agrees on chosen replies", one.agreement.interval),
            (one.judge, "a bag of words agrees", one.by_words.interval),
            (
                one.judge,
                "Spearman of projection difference and verdict",
                f"{say_number(one.correlation.estimate, 2)} "
                f"({say_interval(one.correlation.low, one.correlation.high, 2)})",
            ),
        ]
        if one.plants is not None:
            rows += [
                (one.judge, "judge finds the planted trait", one.judge_on_plants.interval),
                (one.judge, "probe finds the planted trait", one.probe_on_plants.interval),
                (
                    one.judge,
                    "both, only probe, only judge, neither",
                    f"{one.plants.both}, {one.plants.only_probe}, {one.plants.only_judge}, "
                    f"{one.plants.neither} (neither by chance: "
                    f"{say_number(one.plants.chance_neither, 1)})",
                ),
            ]
        for structure in one.structures:
            rows += [(one.judge, said, value) for said, value in _structure_rows(structure)]
        for name, found in (("activations", one.utility), ("words", one.utility_by_words)):
            if found is not None:
                rows.append(
                    (
                        one.judge,
                        f"ratings predicted from {name}, left out with what is near: r",
                        f"{say_number(found.r.estimate, 2)} "
                        f"({say_interval(found.r.low, found.r.high, 2)}), p = {say_p(found.p)}",
                    )
                )
    return SectionTable(
        f"{probes.model}: probes as a second judge, which sees no names of traits. On planted "
        "replies, the trait against the trial's other one.",
        ("judge", "what", "value"),
        tuple(rows),
    )


def _structure_rows(one: Structure) -> Iterator[tuple[str, str]]:
    """Yield what directions have in common with ratings over some models."""
    models = f"{one.source} ({one.models}), {one.traits} traits"
    yield (
        f"cosines of directions with correlations of ratings over {models}: Spearman",
        f"{say_number(one.rho, 2)}, p = {say_p(one.p)}",
    )
    sides = one.sides
    if np.isfinite(sides.p):
        yield (
            f"mean cosine on the same side of the first component of {models}; on other sides",
            f"{say_number(sides.alike, 2)}; {say_number(sides.others, 2)}, p = {say_p(sides.p)}",
        )


def before_table(probes: Probes) -> SectionTable:
    """Return what is told at the last token of the prompt."""
    rows = []
    for one in probes.beforehand:
        rows.append((one.judge, "activations", one.decoded.separation.mean().interval, ""))
        rows.append((one.judge, "directions of planted replies", one.by_directions.interval, ""))
        rows += [
            (one.judge, name, found.mean().interval, say_points(one.gain(name)))
            for name, found in one.baselines.items()
        ]
    return SectionTable(
        f"{probes.model}: which trait the judge will name, told at the last token of the prompt "
        "with its instruction; held out by prompt and by pair of traits. The names alone are a "
        "Bradley-Terry model of the other pairs.",
        ("judge", "read by", "accuracy", "activations beyond it"),
        tuple(rows),
    )
