"""Other ways of asking, each a table of the study file: what each plans, and what it will ask.

`ethogram ask` runs those whose table is there. A new way is one file beside this one that makes a
`Way`, and an entry in `WAYS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ethogram.design import Part
from ethogram.errors import InputError, guess
from ethogram.run.breadth import BREADTH
from ethogram.run.free import FREE
from ethogram.run.persistence import PERSISTENCE
from ethogram.run.prepare import Planned, Prepared
from ethogram.run.self_report import SELF_REPORT
from ethogram.run.way import Way
from ethogram.store.store import Store
from ethogram.study import Study

WAYS: dict[str, Way] = {way.name: way for way in (PERSISTENCE, FREE, SELF_REPORT, BREADTH)}


def choose_ways(study: Study, names: Iterable[str] | None = None) -> tuple[Way, ...]:
    """Return the ways that a study asks in, or those named.

    Raises
    ------
    InputError
        There is no such way, its table is not in the study file, or no way's is.
    """
    wanted = [find_way(name) for name in names or ()]
    if not wanted:
        wanted = turned_on(study)
        if not wanted:
            raise InputError(
                f"the study file turns no other way of asking on: add a table such as "
                f"[{next(iter(WAYS))}]; there are {', '.join(WAYS)}"
            )
    for way in wanted:
        if getattr(study, way.name) is None:
            raise InputError(
                f"the study file has no table [{way.name}]: add it; that line alone is enough"
            )
    return tuple(dict.fromkeys(wanted))


def turned_on(study: Study) -> list[Way]:
    """Return the ways whose table is in the study file."""
    return [way for way in WAYS.values() if getattr(study, way.name) is not None]


def find_way(name: str) -> Way:
    """Return a way by its name, with hyphens, blanks or underscores.

    Raises
    ------
    InputError
    """
    found = WAYS.get("_".join(name.lower().replace("-", " ").replace("_", " ").split()))
    if found is None:
        near = guess(name, WAYS)
        raise InputError(f"no way of asking {name!r}{near}; expected {', '.join(WAYS)}")
    return found


def parts_of_ways(ways: Sequence[Way]) -> tuple[Part, ...]:
    """Return the parts of the plan that these run."""
    return tuple(dict.fromkeys(part for way in ways for part in way.parts))


def stages_of_ways(ways: Sequence[Way]) -> tuple[str, ...]:
    """Return the stages that these run, in order."""
    return tuple(dict.fromkeys(stage for way in ways for stage in way.stages))


def plan_ways(store: Store, prepared: Prepared, planned: Planned, ways: Sequence[Way]) -> None:
    """Write the trials and judgings of ways of asking into the store."""
    with store.planning():
        for way in ways:
            way.plan(store, prepared, planned)
