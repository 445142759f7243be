"""What defines a model's or a judge's answers: kept as JSON, and compared as what is sent.

Knows nothing of study files: what a setting is where it is absent comes in as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

TEMPLATES = "templates"


def canonical(value: Any) -> str:
    """Return a value as canonical JSON, as it is sent: dates are texts, what is not a number, null.

    Compared in this form 1 and true differ, although they are equal in Python.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def changed_settings(
    kept: Mapping[str, Any], asked: Mapping[str, Any], defaults: Mapping[str, Any]
) -> list[str]:
    """Name the settings in which two differ, with both values; an absent one has its default."""
    before, after = {**defaults, **kept}, {**defaults, **asked}
    return [
        f"{key} was {_short(before.get(key))}, is {_short(after.get(key))}"
        for key in sorted((kept.keys() | asked.keys()) - {TEMPLATES})
        if canonical(before.get(key)) != canonical(after.get(key))
    ]


def changed_templates(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what to say of each template that both have and that differs, by its name."""
    before, after = kept.get(TEMPLATES, {}), asked.get(TEMPLATES, {})
    return {
        name: f"template {name} was {_short(before[name])}, is {_short(after[name])}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    }


def joined(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as asked, with the templates that were kept before."""
    templates = {**kept.get(TEMPLATES, {}), **asked.get(TEMPLATES, {})}
    return {**kept, **asked, TEMPLATES: templates}


def _short(value: Any) -> str:
    """Return a value on one line, cut."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
