"""The gate file: how far which traits may move. TOML in, a `Gate` out."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from ethogram.engine.settings import Table, Text
from ethogram.errors import InputError, Problems, guess
from ethogram.ratings.gates import Bound, Gate, Kind, find_contradictions
from ethogram.stimuli.tables.names import check_name, clean_name

Points = Annotated[float, Field(ge=0, le=10_000)]
Width = Annotated[float, Field(gt=0, le=10_000)]


class TraitTable(Table):
    """`[traits.NAME]`: what is asked of one trait, in rating points."""

    rises_at_most: Points | None = None
    falls_at_most: Points | None = None
    moves_at_most: Width | None = None
    rises_at_least: Width | None = None
    falls_at_least: Width | None = None
    must: Literal["rise", "fall"] | None = None


class OthersTable(Table):
    """`[others]`: what is asked of each trait that has no table of its own."""

    moves_at_most: Width


class OverallTable(Table):
    """`[overall]`: what is asked of the whole profile."""

    distance_at_most: Width


class GateTable(Table):
    """A whole gate file."""

    name: Text | None = None
    traits: dict[Text, TraitTable] = Field(default_factory=dict)
    others: OthersTable | None = None
    overall: OverallTable | None = None


_TABLES: dict[str, type[BaseModel]] = {
    "traits": TraitTable,
    "others": OthersTable,
    "overall": OverallTable,
}


_EXPECTED = {
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number from {ge:g}",
    "less_than_equal": "at most {le:g} rating points",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
}


def load_gate(path: str | Path) -> Gate:
    """Read and validate a gate file.

    Raises
    ------
    InputError
        The text names the key, its value and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}, expected a gate file (TOML)") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}), expected a gate file (TOML)"
        ) from error
    except ValueError as error:
        raise InputError(f"no file can be read at {str(path)[:100]!r}: {error}") from error
    return parse_gate(text, name=path.stem, where=str(path))


def parse_gate(text: str, *, name: str = "gate", where: str = "gate") -> Gate:
    """Validate a gate file's text.

    Raises
    ------
    InputError
        It has a line for each thing that is wrong, or asks nothing.
    """
    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not valid TOML: {error}") from error
    try:
        table = GateTable.model_validate(data)
    except ValidationError as error:
        said = dict.fromkeys(_say_error(one) for one in error.errors(include_url=False))
        raise InputError(*(f"{where}: {line}" for line in said)) from error
    bounds = _check(table, where)
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    others = None if table.others is None else table.others.moves_at_most
    return Gate(bounds, others, _named(table.name or name, where), digest)


def _named(name: str, where: str) -> str:
    return check_name(name, place=where, what="name")


def _check(table: GateTable, where: str) -> tuple[Bound, ...]:
    """Return the bounds; refuse a gate that asks nothing, or what no model could do."""
    problems = Problems()
    spelt = Counter(clean_name(name) for name in table.traits)
    for trait, n in spelt.items():
        if n > 1:
            problems.add(
                InputError(f"{where}: [traits.{trait}] is there {n} times, in different signs")
            )
    for trait, asked in table.traits.items():
        if not any(value is not None for value in asked.model_dump().values()):
            allowed = ", ".join(TraitTable.model_fields)
            problems.add(InputError(f"{where}: [traits.{trait}] asks nothing; allowed: {allowed}"))
    bounds: tuple[Bound, ...] = ()
    with problems.gather():
        bounds = tuple(_bounds(table, where))
    for line in find_contradictions(bounds):
        problems.add(InputError(f"{where}: {line}"))
    problems.raise_any()
    if not bounds and table.others is None:
        raise InputError(
            f"{where} asks nothing, expected a table [traits.NAME], [others] or [overall]"
        )
    return bounds


def _bounds(table: GateTable, where: str) -> Iterator[Bound]:
    """Yield the bounds on named traits, in the order of the file, then that on the whole."""
    for name, asked in table.traits.items():
        trait = check_name(name, place=where, what="trait")
        for key, value in asked.model_dump(exclude_none=True).items():
            yield (
                Bound(trait, Kind(f"must_{value}"))
                if key == "must"
                else Bound(trait, Kind(key), float(value))
            )
    if table.overall is not None:
        yield Bound("", Kind.DISTANCE_AT_MOST, table.overall.distance_at_most)


def _say_error(error: Any) -> str:
    """Say what is wrong at one place of the file: key, value, what is allowed."""
    *tables, key = (str(part) for part in error["loc"])
    table, value = ".".join(tables), error["input"]
    if error["type"] == "extra_forbidden":
        if tables[:1] == ["traits"] and isinstance(value, dict):
            name = ".".join((*tables[1:], key))
            return f'[traits.{name}]: quote a name with a dot: [traits."{name}"]'
        allowed = list((_TABLES[tables[0]] if tables else GateTable).model_fields)
        where = f"key {key!r} in [{table}]" if table else f"table or key {key!r}"
        return f"unknown {where}{guess(key, allowed)}; allowed: {', '.join(allowed)}"
    if error["type"] == "missing":
        return f"[{table}] needs the key {key!r}"
    if error["type"] in ("model_type", "dict_type"):
        place = f"[{table}] {key}" if table else key
        return f"{place} = {value!r}: expected a table [{'.'.join((*tables, key))}]"
    if key == "[key]":
        return f"a table in [{table.rpartition('.')[0]}] has an empty name"
    return f"{f'[{table}] ' if table else ''}{key} = {value!r}: expected {_expected(error)}"


def _expected(error: Any) -> str:
    """Return what a value should be."""
    if error["type"] == "literal_error":
        near = guess(error["input"], ("rise", "fall")) if isinstance(error["input"], str) else ""
        return f"'rise' or 'fall'{near}"
    if error["type"].startswith("float"):
        return "a number of rating points"
    if error["type"] in _EXPECTED:
        return _EXPECTED[error["type"]].format(**error.get("ctx", {}))
    message = str(error["msg"]).removeprefix("Input should be ")
    return f"{message[0].lower()}{message[1:]}"


def read_gate(gate: Gate | str | Path) -> Gate:
    """Return a gate, from its file if it is not one yet."""
    return gate if isinstance(gate, Gate) else load_gate(gate)
