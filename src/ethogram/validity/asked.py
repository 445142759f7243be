"""What the other ways of asking found in a store: one section each, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ethogram.validity.breadth import breadth_section
from ethogram.validity.free import free_section
from ethogram.validity.independence_section import independence_section
from ethogram.validity.inside.section import probes_section
from ethogram.validity.persistence import persistence_section
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section
from ethogram.validity.self_report_section import self_report_section
from ethogram.validity.wordings import wording_section

SECTIONS: tuple[Callable[[StoreResults], Section | None], ...] = (
    persistence_section,
    free_section,
    self_report_section,
    breadth_section,
    wording_section,
    independence_section,
    probes_section,
)
"""A function per way; None where a store has nothing of it."""


def find_sections(results: StoreResults) -> tuple[Section, ...]:
    """Measure all that a store holds of other ways of asking."""
    return tuple(found for make in SECTIONS if (found := make(results)) is not None)


def section_json(section: Section) -> dict[str, Any]:
    """Return a section as JSON: its sentences, and its numbers unrounded."""
    return {
        "title": section.title,
        "claims": list(section.claims),
        "notes": list(section.notes),
        "data": dict(section.data),
    }
