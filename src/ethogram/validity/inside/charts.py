"""What was found inside a model, as charts."""

from __future__ import annotations

from ethogram.analysis.probes.doses import NONE, TRAIT
from ethogram.ratings.profile import Profile
from ethogram.validity.inside.judges import Outside
from ethogram.validity.inside.measure import Probes
from ethogram.validity.inside.planted import SHUFFLED
from ethogram.validity.inside.sentences import hardest
from ethogram.validity.inside.steering import Steering
from ethogram.validity.sections import Mark, SectionChart


def layers_chart(probes: Probes) -> SectionChart:
    """Draw accuracy by layer, beside what the text alone tells and chance."""
    inside = probes.inside
    marks = tuple(
        Mark(site.layer, found.estimate, found.low, found.high, f"{method}, {_over(site.over)}")
        for method, decoded in (
            ("logistic regression", inside.logistic),
            ("difference of means", inside.difference),
        )
        for over in ("mean", "last")
        for site, found in sorted(decoded.by_site.items(), key=lambda pair: pair[0].layer)
        if site.over == over
    )
    best = hardest(inside)
    levels = ((inside.baselines[best].mean().estimate, best), (0.5, "chance"))
    return SectionChart(
        f"probe-layers-{probes.model}",
        f"{probes.model}: which trait a reply was told to show, by layer",
        f"Accuracy on {int((probes.replies.planted >= 0).sum()):,} planted replies of "
        f"{len(probes.replies.traits)} traits, held out by prompt, no choice among layers. Bars: "
        f"95% intervals by prompt. Dashed: {best}, the reader of the text alone that tells most "
        f"({SHUFFLED} tell {inside.baselines[SHUFFLED].mean().interval}), and chance.",
        "lines",
        "layer",
        "accuracy",
        marks,
        levels,
        percent=True,
    )


def _over(over: str) -> str:
    return "mean over the reply" if over == "mean" else "last token"


def judge_chart(model: str, one: Outside) -> SectionChart | None:
    """Draw each trait's rating by probes against that by the judge; None where there is none."""
    if one.judged is None or one.probed is None:
        return None
    traits = [t for t in one.judged.traits if t in one.probed.traits]
    judged, probed = one.judged.restrict(traits), one.probed.restrict(traits)
    return SectionChart(
        f"probe-judge-{model}",
        f"{model}: ratings by probes and by {one.judge}",
        f"{len(traits)} traits, rated on the replies that the judge read too: by what it said, and "
        "by which of the trial's two traits the probe finds in the reply's activations. Bars: 95% "
        "intervals.",
        "points",
        f"rating by {one.judge}",
        "rating by probes",
        tuple(_mark(judged, probed, i, trait) for i, trait in enumerate(traits)),
    )


def _mark(judged: Profile, probed: Profile, i: int, trait: str) -> Mark:
    x, y = judged.ratings, probed.ratings
    across = (float(judged.rating_low[i]), float(judged.rating_high[i]))
    low, high = float(probed.rating_low[i]), float(probed.rating_high[i])
    return Mark(float(x[i]), float(y[i]), low, high, label=trait, across=across)


def dose_chart(model: str, one: Steering) -> SectionChart:
    """Draw the judge's share for a trait against what was added, beside the controls."""
    plain = [d for d in one.doses if d.condition.kind == NONE]
    kinds = dict.fromkeys(d.condition.kind for d in one.doses if d.condition.kind != NONE)
    marks = tuple(
        Mark(
            d.condition.dose if d.condition.kind != NONE else 0.0,
            d.share.estimate,
            d.share.low,
            d.share.high,
            f"direction of {one.trait}" if kind == TRAIT else f"{kind} direction",
        )
        for kind in kinds
        for d in sorted(
            [*plain, *(d for d in one.doses if d.condition.kind == kind)],
            key=lambda d: d.condition.dose,
        )
    )
    return SectionChart(
        f"probe-doses-{model}-{one.trait}",
        f"{model}, steered along {one.trait}",
        f"How often {one.judge} names {one.trait} against another trait, by what is added to the "
        "residual stream, in units of its norm. Bars: 95% intervals by prompt. Controls: a random "
        "and an orthogonal direction of the same length.",
        "lines",
        "dose",
        f"share for {one.trait}",
        marks,
        ((0.5, "chance"),),
        percent=True,
    )
