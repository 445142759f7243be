"""The card of an exported data set: design, denominators, judges, licences, how to load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ethogram import __version__
from ethogram.figures.theme import interval_level
from ethogram.ratings.marks import explain_marks, with_sign
from ethogram.ratings.numbers import say_interval, say_number
from ethogram.ratings.profile import Profile
from ethogram.ratings.results import Rated
from ethogram.report.card_text import yaml_text
from ethogram.report.content import describe_party, study_facts
from ethogram.report.judge import JudgeAccount, judge_account
from ethogram.report.summary import plain
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults

CARD = "README.md"
ENDS = 5

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class CardTable:
    """One Parquet file: its name, how many rows it has, and what they are."""

    name: str
    rows: int
    said: str


@dataclass(frozen=True)
class Licence:
    """Under which terms the prompts of a source stand: an id of the hub's list, and a sentence."""

    code: str
    sentence: str


_REPLIES = (
    "Replies and verdicts are output of the models named above, under each model's own terms."
)
_OWN = Licence(
    "unknown",
    "The prompts are a file or texts of the study's own: their licence is not known to ethogram. "
    "State it here before you publish.",
)
_LICENCES = {
    "bundled": Licence("apache-2.0", "The prompts were written for ethogram: Apache-2.0."),
    "wildchat": Licence(
        "odc-by",
        "The prompts are first messages of WildChat-4.8M (Allen Institute for AI): ODC-BY 1.0.",
    ),
}
"""By the word before any colon under `prompts` in the study file."""


def prompt_licence(studies: Sequence[Mapping[str, Any]]) -> Licence:
    """Return the licence of the prompts that the studies in a store took; of several, unknown."""
    sources = {
        _source(orjson.loads(s["settings"]).get("study", {}).get("prompts")) for s in studies
    }
    known = [_LICENCES[s] for s in sources if s in _LICENCES]
    return known[0] if len(known) == len(sources) == 1 else _OWN


def _source(prompts: Any) -> str:
    return prompts.partition(":")[0] if isinstance(prompts, str) else ""


def dataset_card(results: StoreResults, rated: Rated, tables: Sequence[CardTable]) -> str:
    """Return the card as Markdown under the metadata that the hub reads."""
    studies = results.store.studies()
    licence = prompt_licence(studies)
    title = studies[-1]["name"] if studies else results.store.path.stem
    account = judge_account(measure_validity(results, corrections=False))
    parts = [
        _metadata(title, licence, tables),
        f"# {plain(title)}",
        f"{_lede(rated)} Written by ethogram {__version__}.",
        _design(studies),
        _parties(results),
        _denominators(results),
        _judge(account),
        _ratings(rated),
        f"## Licence\n\n{licence.sentence} {_REPLIES}",
        _loading(tables),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _lede(rated: Rated) -> str:
    """Say what was measured; in the natural condition no trait was named, and none chosen."""
    if rated.profiles and all(p.condition == "natural" for p in rated.profiles):
        return "Which of two traits a judge read in each model's ordinary replies; none was named."
    return (
        "Which of two traits each model showed when it got to choose, read off its replies by a "
        "judge."
    )


def _metadata(title: str, licence: Licence, tables: Sequence[CardTable]) -> str:
    """Return the metadata in YAML; texts are JSON, which YAML includes."""
    most = max(table.rows for table in tables)
    size = next((name for below, name in _SIZES if most < below), "1M<n<10M")
    lines = [
        "---",
        f"pretty_name: {yaml_text(title)}",
        *_licence_lines(licence),
        "tags:",
        *(f"- {tag}" for tag in ("ethogram", "llm-evaluation", "character", "pairwise-comparison")),
        f"size_categories:\n- {size}",
        "configs:",
    ]
    for i, table in enumerate(tables):
        lines += [f"- config_name: {table.name}", f"  data_files: {table.name}.parquet"]
        lines += ["  default: true"] * (i == 0)
    return "\n".join([*lines, "---"])


def _licence_lines(licence: Licence) -> list[str]:
    """Name the prompts' licence as one of several: the replies are under others."""
    if licence.code == "unknown":
        return ["license: unknown"]
    return ["license: other", f"license_name: prompts-{licence.code}-replies-by-model"]


def _design(studies: Sequence[dict[str, Any]]) -> str:
    facts = study_facts(studies)
    if not facts:
        return ""
    return "## Design\n\n" + "\n".join(f"- {name}: {plain(value)}" for name, value in facts)


def _parties(results: StoreResults) -> str:
    rows = [
        describe_party(role, name, settings)
        for role, parties in (("model", results.models), ("judge", results.judges))
        for name, settings in parties.items()
    ]
    heads = ("role", "name", "model", "settings")
    return "## Models and judges\n\n" + _table(
        heads, [(p.role, p.name, p.model, p.settings) for p in rows]
    )


def _denominators(results: StoreResults) -> str:
    rows = [
        (
            str(c.stage), c.model, c.judge or "", str(c.part), c.condition,
            f"{c.planned:,}", f"{c.done:,}", f"{c.lost:,}", f"{c.pending:,}",
            ", ".join(f"{n:,} {status}" for status, n in sorted(c.losses.items())),
        )
        for c in results.counts
    ]  # fmt: skip
    heads = (
        "stage", "model", "judge", "part", "condition", "planned", "done", "lost", "pending", "why",
    )  # fmt: skip
    return (
        "## Denominators\n\nA lost answer has a status, and is no tie and no empty reply. "
        "Ratings rest on the part `main`.\n\n" + _table(heads, rows)
    )


def _judge(account: JudgeAccount) -> str:
    parts = ["## How far the judge can be believed", plain(account.headline)]
    if account.rows:
        parts += [_table(account.columns, account.rows), plain(account.caption)]
    return "\n\n".join(parts)


def _ratings(rated: Rated) -> str:
    parts = [
        "## Ratings",
        "Bradley–Terry ratings, mean 1000, 400 points per factor of ten in the odds. A rating says "
        "how often a trait was shown against the other traits of this study, and no more. "
        f"The {ENDS} highest and {ENDS} lowest of each profile; the table `ratings` has all.",
    ]
    parts += [_ends(profile) for profile in rated.profiles]
    parts += [
        f"Not rated: {plain(u.model)} by {plain(u.judge)}, {u.n:,} comparisons: {plain(u.reason)}"
        for u in rated.unrated
    ]
    return "\n\n".join(parts)


def _ends(profile: Profile) -> str:
    frame = profile.frame().to_dicts()
    shown = frame if len(frame) <= 2 * ENDS else [*frame[:ENDS], *frame[-ENDS:]]
    rows = [
        (
            with_sign(row["trait"], row["mark"]),
            say_number(row["rating"]),
            say_interval(row["low"], row["high"]),
        )
        for row in shown
    ]
    marks = [plain(explain_marks(profile.marks))] if profile.marks else []
    head = f"### {plain(profile.model)}, judged by {plain(profile.judge)} ({profile.condition})"
    counts = f"{profile.n:,} comparisons, {profile.lost:,} lost."
    heads = ("trait", "rating", f"{interval_level(profile)} interval")
    return "\n\n".join([head, counts, _table(heads, rows), *marks])


def _loading(tables: Sequence[CardTable]) -> str:
    listed = _table(("table", "rows", "what"), [(t.name, f"{t.rows:,}", t.said) for t in tables],
                    escape=False)  # fmt: skip
    return f"""## How to load it

```python
from datasets import load_dataset

comparisons = load_dataset("FOLDER-OR-REPO", "comparisons", split="train")
```

The same ratings again, from a copy of this folder: `ethogram ratings hf:FOLDER`.

{listed}"""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, escape: bool = True) -> str:
    cell = plain if escape else str
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)])
