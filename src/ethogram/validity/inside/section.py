"""What was found inside models, as a section of the report; kept beside the activations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ethogram.errors import StoreError
from ethogram.store.replies import find_probed
from ethogram.validity.inside.as_json import data_of
from ethogram.validity.inside.charts import judge_chart, layers_chart
from ethogram.validity.inside.measure import Probes, find_activations
from ethogram.validity.inside.replies import PROBED, digest_replies
from ethogram.validity.inside.sentences import before_claim, inside_claim, outside_claim, own_notes
from ethogram.validity.inside.tables import (
    before_table,
    judge_table,
    layers_table,
    methods_table,
    traits_table,
)
from ethogram.validity.results import StoreResults
from ethogram.validity.sections import Section, SectionChart

FILE = "probe.json"


TITLE = "Does the model's inside agree with what it shows?"


NAME = "probes"


NOTES = (
    "Replies are read by the model's own weights without the instruction that named the traits. "
    "Accuracy: of one reply planted with a trait and one planted with another, how often the first "
    "scores higher; chance is 50%. Every probe is fitted without the prompts that it is tried on, "
    "and its layer is chosen within the training prompts. Intervals are 95%, clustered by prompt.",
    "A probe that is not clearly above every baseline that reads the text is reported as reading "
    "the text: what it finds is in the words, whoever reads them.",
    "Decodable is not causal: that a trait can be read off activations does not show that the "
    "model uses it. Steering adds the direction and looks at what is written; random and "
    "orthogonal directions of the same length are its controls.",
    "Probes are fitted to planted replies: where the model hardly acts a trait that it is told to "
    "show, a probe has nothing to learn. Probe and judge read the same replies, so their ratings "
    "share the noise of these.",
)


_SECTION = TypeAdapter(Section)


def probes_section(results: StoreResults) -> Section | None:
    """Say what was found inside the models of a store; None where nobody looked."""
    found = list(_kept(results))
    if not found:
        return None
    return merge_sections(found)


def merge_sections(sections: Sequence[Section]) -> Section:
    """Put the sections of several models together, notes that they share once."""
    return Section(
        name=NAME,
        title=TITLE,
        claims=tuple(claim for one in sections for claim in one.claims),
        tables=tuple(table for one in sections for table in one.tables),
        notes=tuple(dict.fromkeys(note for one in sections for note in one.notes)),
        charts=tuple(chart for one in sections for chart in one.charts),
        data={"models": [one.data for one in sections]},
    )


def _kept(results: StoreResults) -> Iterator[Section]:
    """Yield what `ethogram probe` kept beside a store, as far as it is of this store's models."""
    for folder in find_activations(results.store.path):
        try:
            kept = json.loads((folder / FILE).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue  # activations that nobody has measured yet
        if isinstance(kept, dict) and kept.pop("model", None) in list(results.models):
            with suppress(ValidationError):  # written by another version: to be measured again
                kept.pop("weights", None)
                section = _SECTION.validate_python(kept)
                if _is_whole(section):
                    yield _dated(results, section)


def _is_whole(section: Section) -> bool:
    """Whether a section says something, of a model, and its tables have all their cells."""
    rows = ((row, table.head) for table in section.tables for row in table.rows)
    return (
        bool(section.claims)
        and isinstance(section.data.get("model"), str)
        and isinstance(section.data.get("replies"), dict)
        and all(len(row) == len(head) for row, head in rows)
    )


def _dated(results: StoreResults, section: Section) -> Section:
    """Add that the store has other replies than those that were measured, where it has."""
    model, then = section.data["model"], section.data["replies"]
    count, now = then.get("in_store"), len(find_probed(results.store, model, PROBED))
    if isinstance(count, int) and count != now:
        changed = f"when the store had {count:,} of its replies; it has {now:,} now"
    elif then.get("digest") != digest_replies(results.store, model):
        changed = "on other replies than the store has now"
    else:
        return section
    note = f"{model}: measured {changed}. Run `ethogram probe` again."
    return replace(section, notes=(note, *section.notes))


def keep_section(section: Section, folder: Path, *, model: str, weights: str) -> Path:
    """Write a model's section as probe.json, for the report and for programs; returns the file.

    Raises
    ------
    StoreError
    """
    path = folder / FILE
    kept = {"model": model, "weights": weights, **_SECTION.dump_python(section, mode="json")}
    part = path.with_suffix(".tmp")
    try:
        part.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    return path


def describe_probes(
    probes: Probes, *, more: Sequence[Section] = (), notes: Sequence[str] = ()
) -> Section:
    """Say what was found inside one model.

    Parameters
    ----------
    probes : Probes
    more : sequence of Section
        Steering, and other weights: their claims, tables and data follow.
    notes : sequence of str
    """
    claims = [inside_claim(probes), *(outside_claim(probes, o) for o in probes.outside)]
    claims += [before_claim(probes.model, b) for b in probes.beforehand]
    tables = [methods_table(probes), *([judge_table(probes)] if probes.outside else [])]
    tables += [layers_table(probes), traits_table(probes)]
    tables += [before_table(probes)] if probes.beforehand else []
    return Section(
        name=NAME,
        title=TITLE,
        claims=(*claims, *(c for one in more for c in one.claims)),
        tables=(*tables, *(t for one in more for t in one.tables)),
        notes=(*NOTES, *own_notes(probes), *notes),
        charts=(*_charts(probes), *(c for one in more for c in one.charts)),
        data={**data_of(probes), **{one.name: dict(one.data) for one in more}},
    )


def _charts(probes: Probes) -> Iterator[SectionChart]:
    yield layers_chart(probes)
    for one in probes.outside:
        if (chart := judge_chart(probes.model, one)) is not None:
            yield chart
