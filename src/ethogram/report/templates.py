"""The templates of the report's pages, and the one environment that they are rendered in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2


def environment(
    *, filters: Mapping[str, Any] | None = None, names: Mapping[str, Any] | None = None
) -> jinja2.Environment:
    """Return an environment that escapes every text and refuses a name that it does not know."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= dict(filters or {})
    made.globals |= dict(names or {})
    return made


def asset(name: str) -> str:
    """Return the text of a template, style sheet or script."""
    return files("ethogram.report").joinpath("assets", name).read_text("utf-8")
