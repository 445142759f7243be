"""What the breadth of a study's models comes to, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr

from ethogram.analysis.breadth import ConditionBreadth, Interval, ModelBreadth, Paired
from ethogram.analysis.breadth_tokens import NUCLEUS, VOCABULARY
from ethogram.design import Condition
from ethogram.ratings.numbers import count_words, say_interval, say_number
from ethogram.ratings.quantiles import normal_quantile
from ethogram.ratings.serialise import as_plain
from ethogram.validity.asked_charts import along_chart
from ethogram.validity.sections import Section, SectionTable

PLAIN = "temperature 1"
SMALL = 0.02  # by which the others may raise the factor before they are named
FEWEST_MODELS = 5  # with which breadth is set against how alike profiles are
SPEARMAN_ERROR = 1.06  # root of the variance of Fisher's z of a rank correlation, times n - 3
TOLD = {
    Condition.NATURAL: "no trait named",
    Condition.FEELS: "told to choose the trait that feels more like it",
    Condition.LIKES: "told to choose the trait that it would like",
    Condition.RANDOM: "told to choose a trait at random",
}


def breadth_words(
    models: Sequence[ModelBreadth],
    *,
    losses: Sequence[str] = (),
    agreement: Mapping[str, float] | None = None,
) -> Section | None:
    """Say what was measured; None where nothing was.

    Parameters
    ----------
    models : sequence of ModelBreadth
    losses : sequence of str
        What was lost, a sentence each.
    agreement : mapping of model to float, optional
        Mean rank correlation of its profile with the other models'.
    """
    if not models:
        return _only_losses(losses)
    return Section(
        "breadth",
        "How many next words does a model consider?",
        tuple(_claim(model) for model in models),
        tuple(table for table in _tables(models) if table.rows),
        (*_notes(models), *_relation(models, agreement or {}), *losses),
        {"models": as_plain(list(models)), "agreement": dict(agreement or {})},
        tuple(chart for model in models if (chart := along_chart(model)) is not None),
    )


def _only_losses(losses: Sequence[str]) -> Section | None:
    """Say that nothing could be measured, if anything was tried."""
    if not losses:
        return None
    claim = "Nothing could be measured: no reply came with log-probabilities."
    return Section(
        "breadth", "How many next words does a model consider?", (claim,), (), tuple(losses)
    )


# -- sentences --------------------------------------------------------------------------------


def _claim(model: ModelBreadth) -> str:
    first = model.conditions[0]
    told = TOLD.get(Condition(first.condition), first.condition)
    if not np.isfinite(first.mean.estimate):
        return f"{model.model}: the service lists no alternatives, so no entropy can be computed."
    sentence = (
        f"{model.model}, {told}: the branching factor over the listed tokens is "
        f"{_plain(first.mean)}, mean over {count_words(first.mean.n, 'prompt')}{_rest(first)}."
    )
    return " ".join([sentence, *(_compared(pair) for pair in model.paired)])


def _rest(one: ConditionBreadth) -> str:
    """Say what the tokens that are not listed make of it, if they matter."""
    if one.low <= (1 + SMALL) * one.mean.estimate:
        return ""
    return (
        f"; with the others, which have {one.hidden:.0%} of the probability, it is at least "
        f"{say_number(one.low, 2)} and at most {say_number(one.high, 2)}"
    )


def _compared(pair: Paired) -> str:
    """Say how one condition's breadth compares with the first's."""
    told = TOLD.get(Condition(pair.condition), pair.condition)
    ratio, equal = pair.ratio, pair.equal_length
    told = f"{told[:1].upper()}{told[1:]}"
    if not ratio.n:
        return f"{told}: no prompt was answered under both conditions."
    if not np.isfinite(ratio.low):
        return (
            f"{told}: too few prompts ({ratio.n}) were answered under both conditions to compare."
        )
    verdict = "" if _apart(ratio) else ", which is not told apart from no difference"
    same = "" if _apart(ratio) == _apart(equal) else " (not so over replies of equal length: "
    tail = f"{same}{_plain(equal)})" if same else ""
    return f"{told}, it is {_plain(ratio)} times that{verdict}{tail}."


def _apart(ratio: Interval) -> bool:
    """Whether a ratio's interval leaves out 1."""
    return bool(ratio.low > 1 or ratio.high < 1)


def _plain(interval: Interval) -> str:
    """Write an estimate with its interval, such as 5.21 (4.80 to 5.66)."""
    shown = say_number(interval.estimate, 2)
    if not np.isfinite(interval.low):
        return shown
    return f"{shown} ({say_interval(interval.low, interval.high, 2)})"


# -- tables -----------------------------------------------------------------------------------


def _tables(models: Sequence[ModelBreadth]) -> list[SectionTable]:
    conditions = [condition for model in models for condition in model.conditions]
    return [
        SectionTable(
            "Branching factor over prompts, with 95% intervals over prompts (mean: bootstrap-t; "
            "median: order statistics). Renormalised: over the listed tokens, as if there were no "
            "others, never more than the truth; not listed: probability that they leave out; "
            f"whole: the least and the most that all {VOCABULARY:,} tokens can come to; "
            f"p = {NUCLEUS}: over the likeliest tokens with that much probability, as published; "
            "AEP: by what was sampled.",
            (
                *("model, condition", "prompts", "tokens per reply", "renormalised, mean"),
                *("renormalised, median", "not listed", "whole, mean", f"p = {NUCLEUS}, mean"),
                "AEP, mean",
            ),
            tuple(_factor_row(one) for one in conditions),
        ),
        SectionTable(
            "Conditions compared on the same prompts: how many times the branching factor of the "
            "first (ratio of geometric means; paired 95% t-interval on logs).",
            ("model", "condition", "against", "prompts", "ratio", "over equal length", "by AEP"),
            tuple(_paired_row(model.model, pair) for model in models for pair in model.paired),
        ),
        SectionTable(
            "Along the reply: mean branching factor over the prompts whose replies reach these "
            "tokens, and how many times that of tokens 1 to 5 of the same prompts it is.",
            ("model, condition", "tokens", "prompts", "branching factor", "against tokens 1 to 5"),
            tuple(
                (
                    *(_name(one), f"{place.first} to {place.last}", str(place.breadth.n)),
                    *(_plain(place.breadth), _plain(place.against_first) if i else "1"),
                )
                for one in conditions
                for i, place in enumerate(one.curve)
            ),
        ),
    ]


def _name(one: ConditionBreadth) -> str:
    return f"{one.model}, {one.condition}"


def _factor_row(one: ConditionBreadth) -> tuple[str, ...]:
    return (
        *(_name(one), str(one.mean.n or one.aep.n), say_number(one.tokens)),
        *(_plain(one.mean), _plain(one.median), f"{one.hidden:.1%}"),
        *(say_interval(one.low, one.high, 2), _plain(one.nucleus), _plain(one.aep)),
    )


def _paired_row(model: str, pair: Paired) -> tuple[str, ...]:
    return (
        *(model, pair.condition, pair.baseline, str(pair.ratio.n)),
        *(_plain(pair.ratio), _plain(pair.equal_length), _plain(pair.sampled)),
    )


# -- notes ------------------------------------------------------------------------------------


def _notes(models: Sequence[ModelBreadth]) -> list[str]:
    """Say how replies were sampled, what is not known, and what the numbers cannot show."""
    conditions = [condition for model in models for condition in model.conditions]
    return [
        *_few_prompts(conditions),
        *_unknown(conditions),
        *_other_sampling(models),
        *_mixed_limits(models),
        "The branching factor is per token. Models cut text into different tokens, so compare "
        "conditions of one model before models with each other.",
        "Later tokens are those of longer replies only; the last column compares the same prompts.",
        "A small branching factor says that one model's replies to a prompt resemble each other, "
        "not that different models' replies, or characters, do.",
    ]


def _unknown(conditions: Sequence[ConditionBreadth]) -> list[str]:
    """Say where positions have no entropy, as too few tokens are listed."""
    shares = [f"{_name(one)}: {one.unknown:.0%}" for one in conditions if one.unknown]
    return [f"Positions whose entropy is not known: {'; '.join(shares)}."] if shares else []


def _other_sampling(models: Sequence[ModelBreadth]) -> list[str]:
    """Name the models that may be sampled from another distribution than the reported one."""
    found: dict[str, list[str]] = {}
    for model in models:
        settings = {_sampled(sent) for one in model.conditions for sent in one.params}
        if settings - {PLAIN}:
            found.setdefault(" and at ".join(sorted(settings)), []).append(model.model)
    if not found:
        return []
    said = "; ".join(f"at {settings}: {', '.join(names)}" for settings, names in found.items())
    return [
        f"Sampled {said}. The AEP estimate is of the entropy only where tokens are drawn from the "
        "distribution that the service reports: most report it at temperature 1, before any "
        "truncation."
    ]


def _mixed_limits(models: Sequence[ModelBreadth]) -> list[str]:
    """Name the models whose replies were asked for under different limits, as a study changed."""
    mixed = []
    for model in models:
        limits = {
            tuple(sent.get(key) for key in ("top_logprobs", "max_tokens", "max_completion_tokens"))
            for one in model.conditions
            for sent in one.params
        }
        if len(limits) > 1:
            mixed.append(model.model)
    return [f"Asked under different limits of length or top: {', '.join(mixed)}."] if mixed else []


def _sampled(sent: Mapping[str, object]) -> str:
    """Write how tokens were drawn, by the parameters sent."""
    temperature = sent.get("temperature")
    said = (
        "the service's own temperature" if temperature is None else f"temperature {temperature:g}"
    )
    cuts = [
        f"{key} {sent[key]:g}" for key in ("top_p", "top_k", "min_p") if _cuts(sent.get(key), key)
    ]
    return ", ".join([said, *cuts])


def _cuts(value: object, key: str) -> bool:
    """Whether a truncation leaves anything out."""
    return value is not None and value != (1 if key == "top_p" else 0)


def _few_prompts(conditions: Sequence[ConditionBreadth]) -> list[str]:
    few = [_name(one) for one in conditions if not np.isfinite(one.mean.low)]
    return [f"Too few prompts for an interval: {'; '.join(few)}."] if few else []


def _relation(models: Sequence[ModelBreadth], agreement: Mapping[str, float]) -> list[str]:
    """Set breadth with no trait named against how like the others' a model's profile is."""
    pairs = [
        (model.conditions[0].mean.estimate, agreement[model.model])
        for model in models
        if model.conditions[0].condition == Condition.NATURAL and model.model in agreement
    ]
    pairs = [pair for pair in pairs if np.isfinite(pair).all()]
    n = len(pairs)
    if n < FEWEST_MODELS:
        return [
            "Whether models of smaller breadth have more similar characters is not tested: "
            f"{count_words(n, 'model')} with both, and at least {FEWEST_MODELS} are needed."
        ]
    rho = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    half = normal_quantile() * SPEARMAN_ERROR / np.sqrt(n - 3)
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    low, high = np.tanh([z - half, z + half]).tolist()
    apart = "" if low > 0 or high < 0 else ", not told apart from no relation"
    return [
        f"Over {n} models, branching factor and mean similarity of the profile to the other "
        f"models' correlate by {say_number(rho, 2)} (Spearman, {say_interval(low, high, 2)}, "
        f"approximate){apart}. "
        "A correlation over models is no cause: they differ in much else."
    ]
