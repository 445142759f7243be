"""What was found inside a model, in sentences."""

from __future__ import annotations

import numpy as np

from ethogram.analysis.word_and_deed import Interval
from ethogram.ratings.numbers import say_interval, say_number, say_p
from ethogram.validity.inside.before import Beforehand
from ethogram.validity.inside.judges import Outside
from ethogram.validity.inside.measure import Probes
from ethogram.validity.inside.planted import Inside
from ethogram.validity.proportions import Estimate

VAGUE = 1.5
"""An interval of a correlation that is so wide says nothing."""


def inside_claim(probes: Probes) -> str:
    """Say how well the trait of a planted reply is told, and whether the text alone tells it."""
    inside, n = probes.inside, len(probes.replies.traits)
    mean = inside.logistic.separation.mean()
    said = f"{probes.model}: a probe tells the trait of a planted reply in {mean.interval}"
    best_text = hardest(inside)
    best = inside.baselines[best_text].mean()
    against = f"the best reader of the text alone ({best_text}) in {best.interval}"
    verdict = "reads the text" if inside.reads_the_text() else "reads more than the words"
    gain = say_points(inside.gain(best_text))
    return (
        f"{said} of comparisons (mean of {n} traits), {against}. Difference: {gain}; the probe "
        f"{verdict}."
    )


def hardest(inside: Inside) -> str:
    """Return the text baseline that tells most."""
    return max(inside.text_baselines, key=lambda name: inside.baselines[name].mean().estimate)


def outside_claim(probes: Probes, one: Outside) -> str:
    """Say how far probes agree with a judge on chosen replies."""
    words = (
        f"{probes.model}: on {one.agreement.n:,} chosen replies the probe names the trait that "
        f"{one.judge} names in {one.agreement.interval}"
    )
    by_words = f"a bag of words does in {one.by_words.interval} ({say_points(one.gain)})"
    rated = (
        f"Ratings by probes alone against the judge's, over {one.ratings.n} traits: Spearman "
        f"{one.ratings.plain.words}, {_net_of_noise(one.ratings.corrected)}."
        if one.ratings
        else f"Ratings by probes cannot be compared: {one.why}."
    )
    return f"{words}; {by_words}. {rated}"


def _net_of_noise(found: Interval) -> str:
    """Say a correlation net of noise, or that noise leaves anything open."""
    if not found.high - found.low <= VAGUE:
        return "which noise leaves wholly open"
    return f"{found.words} net of noise"


def before_claim(model: str, one: Beforehand) -> str:
    """Say whether the choice can be told before the reply."""
    mean = one.decoded.separation.mean()
    gain = one.gain("names of the traits")
    verdict = "more than" if gain.low > 0 else "not clearly more than"
    return (
        f"{model}: before any reply, activations tell which of the two traits {one.judge} will "
        f"name in {mean.interval} of comparisons, {verdict} the traits' names alone "
        f"({one.baselines['names of the traits'].mean().interval}; {say_points(gain)})."
    )


def say_points(gain: Estimate) -> str:
    """Say a difference of two shares in points, with its interval."""
    low_high = say_interval(100 * gain.low, 100 * gain.high, sign=True)
    return f"{say_number(100 * gain.estimate, sign=True)} points ({low_high})"


def own_notes(probes: Probes) -> list[str]:
    """Say what was left out, and how directions lie to each other."""
    said, cosines = [], probes.inside.cosines
    if "sentence embedding" not in probes.inside.baselines:
        said.append("A sentence embedding was not run as a baseline: none was named.")
    if cosines.n_alike and np.isfinite(cosines.p):
        said.append(
            f"{probes.model}: directions of the {cosines.n_alike:,} pairs of traits near in "
            f"meaning have a mean cosine of {say_number(cosines.alike, 2)}, the others of "
            f"{say_number(cosines.others, 2)} (p = {say_p(cosines.p)} by shuffling traits)."
        )
    return said
