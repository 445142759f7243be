"""Data sets in the form of the Hugging Face hub that `ethogram export --format hf` wrote.

The rows are in `comparisons.parquet`; what no row can say (which traits were planned, how many
verdicts were lost, how pairs were chosen) is in `ethogram.json` beside it. Together they give the
ratings of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ethogram.errors import InputError
from ethogram.ratings.comparisons import Comparisons, compare

PREFIX = "hf:"
"""What stands before a folder's name where a source is given."""
ROWS, FACTS = "comparisons.parquet", "ethogram.json"
_KINDS = {
    **dict.fromkeys(("model", "judge", "condition"), str),
    **dict.fromkeys(("traits", "notes"), list),
    **dict.fromkeys(("comparisons", "lost"), int),
    "adaptive": bool,
}
FORM = 1
"""Of the facts; a later one is refused."""


def is_dataset(path: Path) -> bool:
    """Whether a source is named as such a folder."""
    return str(path).startswith(PREFIX)


def dataset_folder(path: Path) -> Path:
    """Return the folder that a source names.

    Raises
    ------
    InputError
        It is not there, or nothing that ethogram exported.
    """
    folder = Path(str(path).removeprefix(PREFIX)).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"{path}: no folder {str(folder)!r}; expected hf:FOLDER, a data set on this disk that "
            "`ethogram export --format hf` wrote (one of the hub's: download it first)"
        )
    for name in (ROWS, FACTS):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} has no {name}: expected a folder that `ethogram export --format hf` "
                "wrote"
            )
    return folder


def describe_groups(comparisons: Sequence[Comparisons]) -> list[dict[str, Any]]:
    """Return what no row says of each model, judge and condition."""
    return [
        {
            "model": c.model,
            "judge": c.judge,
            "condition": c.condition,
            "traits": list(c.traits),
            "comparisons": len(c),
            "lost": c.lost,
            "adaptive": c.adaptive,
            "notes": list(c.notes),
        }
        for c in comparisons
    ]


def read_groups(folder: Path) -> list[dict[str, Any]]:
    """Return what `describe_groups` said when the folder was written.

    Raises
    ------
    InputError
        The file is not as ethogram wrote it.
    """
    path = folder / FACTS
    try:
        facts = orjson.loads(path.read_bytes())
        form, groups = facts["form"], facts["groups"]
        whole = isinstance(groups, list) and all(map(_is_group, groups))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not as ethogram wrote it: export the store again") from error
    if form != FORM:
        newer = isinstance(form, int) and form > FORM
        todo = "use a newer ethogram" if newer else "export the store again"
        raise InputError(f"{path} has form {form!r}, expected {FORM}: {todo}")
    if not whole:
        raise InputError(f"{path} is not as ethogram wrote it: export the store again")
    return list(groups)


def _is_group(group: Any) -> bool:
    """Whether this is what `describe_groups` says of one."""
    return isinstance(group, dict) and all(isinstance(group.get(k), t) for k, t in _KINDS.items())


def complete(
    read: Sequence[Comparisons], groups: Sequence[dict[str, Any]], folder: Path
) -> list[Comparisons]:
    """Put rows and facts together: the comparisons as the store had them.

    Raises
    ------
    InputError
        The rows are not those that were counted when the folder was written.
    """
    rows = {(c.model, c.judge, c.condition): c for c in read}
    known = {(g["model"], g["judge"], g["condition"]) for g in groups}
    for key, found in rows.items():
        if key not in known and len(found):
            raise InputError(
                f"{folder / ROWS} has comparisons of {key[0]!r} by {key[1]!r} that {FACTS} did not "
                "count: export the store again"
            )
    return [_complete(rows, group, folder) for group in groups]


def _complete(
    rows: dict[tuple[str, str, str], Comparisons], group: dict[str, Any], folder: Path
) -> Comparisons:
    key = (group["model"], group["judge"], group["condition"])
    found = rows.get(key)
    if (0 if found is None else len(found)) != group["comparisons"]:
        raise InputError(
            f"{folder / ROWS} has {0 if found is None else len(found):,} comparisons of "
            f"{key[0]!r} by {key[1]!r}, expected {group['comparisons']:,} as in {FACTS}: export "
            "the store again"
        )
    traits, said = tuple(group["traits"]), {"lost": group["lost"], "adaptive": group["adaptive"]}
    if found is None:
        return compare(
            traits, [], [], [], model=key[0], judge=key[1], condition=key[2],
            notes=group["notes"], **said,
        )  # fmt: skip
    place = {trait: i for i, trait in enumerate(traits)}
    here = np.array([place.get(trait, -1) for trait in found.traits], dtype=np.int64)
    if (here < 0).any():
        raise InputError(f"{folder / FACTS} lacks traits of {ROWS}: export the store again")
    return replace(
        found,
        traits=traits,
        first=here[found.first],
        second=here[found.second],
        notes=tuple(group["notes"]),
        source_notes=(),
        **said,
    )
