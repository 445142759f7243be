"""The Markdown summary's metadata: ratings as the `model-index` of a Hugging Face model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ethogram.ratings.numbers import say_interval
from ethogram.ratings.profile import Profile
from ethogram.report.card_text import yaml_text

_HOME = "https://github.com/ethogram/ethogram"
_TASK = ("text-generation", "Character: which of two traits the model shows when it may choose")
_NATURAL = "Character: which of two traits a judge reads in the model's ordinary replies"


def front_matter(
    profiles: Sequence[Profile], labels: Sequence[str], title: str, *, ends: int
) -> str:
    """Return profiles as the metadata that opens a card; empty where there is none.

    Parameters
    ----------
    profiles : sequence of Profile
    labels : sequence of str
        What the report calls each.
    title : str
        The study's name, which stands for the data set.
    ends : int
        How many of the highest and of the lowest traits stand there; the tables have as many.
    """
    if not profiles:
        return ""
    lines = ["---", "model-index:"]
    for model in dict.fromkeys(p.model for p in profiles):
        lines += [f"- name: {yaml_text(model or 'model')}", "  results:"]
        for profile, label in zip(profiles, labels, strict=True):
            if profile.model == model:
                lines += _result(profile, label, title, ends)
    return "\n".join([*lines, "---"])


def _result(profile: Profile, label: str, title: str, ends: int) -> list[str]:
    """Return one profile: what was asked, and its ends with their intervals."""
    frame = profile.frame().to_dicts()
    shown = frame if len(frame) <= 2 * ends else [*frame[:ends], *frame[-ends:]]
    kind, task = _TASK
    task = _NATURAL if profile.condition == "natural" else task
    view = ", ".join(filter(None, (profile.judge, profile.condition)))
    return [
        "  - task:",
        f"      type: {kind}",
        f"      name: {yaml_text(task)}",
        "    dataset:",
        "      type: ethogram",
        f"      name: {yaml_text(title)}",
        *([f"      config: {yaml_text(view)}"] if view else []),
        "    source:",
        f"      name: {yaml_text(f'ethogram, {label}: {profile.n:,} comparisons')}",
        f"      url: {_HOME}",
        "    metrics:",
        *(line for row in shown for line in _metric(profile, row)),
    ]


def _metric(profile: Profile, row: dict[str, Any]) -> list[str]:
    interval = say_interval(row["low"], row["high"])
    mark = f"; {row['mark']}" if row["mark"] else ""
    said = f"{row['trait']} (Bradley-Terry, mean 1000; {profile.level:.0%}: {interval}{mark})"
    return [
        "    - type: rating",
        f"      value: {round(float(row['rating']), 1)}",
        f"      name: {yaml_text(said)}",
    ]
