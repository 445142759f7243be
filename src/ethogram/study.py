"""The study file: what is measured, with what, by whom. TOML in, a validated `Study` out.

Knows nothing of stores or of HTTP.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from ethogram.design import LEAST_PLANTS, PLANT_SHARE
from ethogram.engine.address import without_user
from ethogram.engine.endpoints import without_secrets
from ethogram.engine.settings import ModelTable, Positive, Prices, Reasoning, Table
from ethogram.errors import InputError, StudyError
from ethogram.stimuli.prompts import PromptFilter

Condition = Literal["feels", "likes", "random"]
Name = Annotated[str, Field(min_length=1)]


class StudyTable(Table):
    """`[study]`: the design and the limits of the whole study."""

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    traits: str = "study144"
    prompts: str = "bundled"
    pairs: Literal["all"] | Positive = "all"
    repeats: Positive = 1
    max_trials: Positive | None = None
    orders: Literal["balanced", "both"] = "balanced"
    condition: Condition = "feels"
    spend_limit: Annotated[float, Field(gt=0, strict=False)] | None = None
    attempts: Positive = 5
    unparsed_attempts: Positive = 3
    patience: Annotated[float, Field(gt=0, strict=False)] = 900.0
    max_lost: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.05


class JudgeTable(ModelTable):
    """`[judges.NAME]`: one judge; what a model has, and how it is shown a reply."""

    orders: Literal["balanced", "both"] = "balanced"
    show_prompt: bool = True
    examples: bool = False
    grammar: bool = False
    ties: bool = False
    verdict: Literal["word", "logprobs", "completion"] = "word"


class TemplatesTable(Table):
    """`[templates]`: words to use in place of ours, each with its slots."""

    feels: str | None = None
    likes: str | None = None
    random: str | None = None
    plant: str | None = None
    judge_system: str | None = None
    judge: str | None = None
    judge_without_prompt: str | None = None
    completion: str | None = None


@dataclass(frozen=True)
class Shares:
    """Each check's sample, as a share of the study's trials.

    Attributes
    ----------
    plants : float
        Planted replies: one elicitation and one judging each.
    orders : float
        Replies judged in the other order, too.
    repeats : float
        Replies judged again in the same order.
    retest : float
        Trials asked again: one elicitation and one judging each.

    Raises
    ------
    InputError
        A share that is not from 0 to 1.
    """

    plants: float = PLANT_SHARE
    orders: float = 0.10
    repeats: float = 0.05
    retest: float = 0.05

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise InputError(f"the share {name} is {value}, expected a number from 0 to 1")

    def calls(self, n_traits: int, n_trials: int) -> dict[str, int]:
        """Calls of each check with one model and one judge; the study itself takes 2 `n_trials`."""
        plants = n_traits * max(LEAST_PLANTS, round(self.plants * n_trials / n_traits))
        return {
            "plants": 2 * plants if self.plants else 0,
            "orders": round(self.orders * n_trials),
            "repeats": round(self.repeats * n_trials),
            "retest": 2 * round(self.retest * n_trials),
        }

    def extra(self, n_traits: int, n_trials: int) -> float:
        """Extra calls as a share of the study's own (an elicitation and a judging per trial)."""
        return sum(self.calls(n_traits, n_trials).values()) / (2 * n_trials)


class ValidityTable(Table):
    """`[validity]`: how much of the study each check asks again, as shares of its trials."""

    plants: Annotated[float, Field(gt=0, le=1, strict=False)] = PLANT_SHARE
    orders: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.orders
    repeats: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.repeats
    retest: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.retest
    words: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.1

    def shares(self) -> Shares:
        """Return them as the checks take them."""
        return Shares(
            plants=self.plants, orders=self.orders, repeats=self.repeats, retest=self.retest
        )


class Study(Table):
    """A whole study file.

    Attributes
    ----------
    study : StudyTable
    models, judges : mapping of name to table
    prompts : PromptFilter
    templates : TemplatesTable
    path : Path, optional
        Where it was read; relative paths in it are relative to that folder.
    text : str
        The file as it was.
    """

    study: StudyTable
    models: dict[Name, ModelTable]
    judges: dict[Name, JudgeTable]
    prompts: PromptFilter = Field(default_factory=PromptFilter)
    templates: TemplatesTable = Field(default_factory=TemplatesTable)
    validity: ValidityTable = Field(default_factory=ValidityTable)
    path: Path | None = None
    text: str = ""

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent if self.path else Path()

    def without_secrets(self, text: str) -> str:
        """Return a text without the passwords and keys that the study file holds, for the store."""
        return without_secrets(text, [*self.models.values(), *self.judges.values()])

    @property
    def default_store(self) -> Path:
        """STEM.db in the working directory."""
        return Path(f"{self.path.stem if self.path else self.study.name}.db")


def load_study(path: str | Path) -> Study:
    """Read and validate a study file.

    Raises
    ------
    StudyError
        The text names the key, its value and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StudyError(
            f"{path}: {error.strerror}; `ethogram init` writes a study file"
        ) from error
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path} is not UTF-8 text (byte {error.start}); this verb takes a study file (TOML)"
        ) from error
    return parse_study(text, path=path)


def parse_study(text: str, *, path: Path | None = None) -> Study:
    """Validate a study file's text."""
    where = str(path or "study")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{where} is not valid TOML: {error}") from error
    for taken in ("path", "text"):
        if taken in data:
            raise StudyError(f"{where}: unknown table or key {taken!r}; {_allowed(Study)}")
    for table in ("models", "judges"):
        if not data.get(table):
            raise StudyError(f"{where}: no [{table}.NAME] table; a study needs at least one")
    try:
        return Study.model_validate({**data, "path": path, "text": text})
    except ValidationError as error:
        raise StudyError(f"{where}: {_first_error(error, data)}") from error


def _first_error(error: ValidationError, data: Mapping[str, Any]) -> str:
    """Say the first thing that is wrong: key, value, what is allowed."""
    found = error.errors(include_url=False)
    places = {_place(e) for e in found}
    first = min(found, key=lambda e: e["type"] != "extra_forbidden")  # often a key misspelt
    *tables, key = location = _place(first)
    table = ".".join(tables)
    others = len(places) - 1
    more = f" (and {others} more problem{'s' * (others > 1)})" if others else ""
    if first["type"] == "extra_forbidden":
        where = f"key {key!r} in [{table}]" if table else f"table or key {key!r}"
        return f"unknown {where}{_guess(key, location)}{more}"
    if first["type"] == "missing":
        return f"[{table}] needs the key {key!r}{more}" if table else f"no [{key}] table{more}"
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"[{'.'.join(location)}] {message}{more}"
    expected = " or ".join(dict.fromkeys(_expected(e) for e in found if _place(e) == location))
    value = without_user(repr(first["input"]))
    if key == "base_url":  # without http://, a password is not known as one
        value = value[value.rfind("@") + 1 :]
    value = value if len(value) <= 100 else f"{value[:100]}..."
    if not table:
        return f"{key} = {value}: expected a table [{key}]{more}"
    return f"[{table}] {key} = {value}: {expected}{more}"


def _place(error: Any) -> tuple[str, ...]:
    """Return the tables and the key that an error is about, without the branches of a union."""
    place = tuple(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":  # a key may have any name
        return (
            *place[:2],
            *(part for part in place[2:-1] if not _is_branch(part)),
            *place[2:][-1:],
        )
    return (*place[:2], *(part for part in place[2:] if not _is_branch(part)))


def _expected(error: Any) -> str:
    """Return pydantic's message in lower case, as the second half of ours."""
    message = str(error["msg"]).removeprefix("Input should be ")
    return f"expected {message[0].lower()}{message[1:]}"


def _is_branch(part: str) -> bool:
    """Whether a part of an error's place is pydantic's name for a branch of a union."""
    return part.startswith(("literal[", "constrained", "function-")) or part in (
        "int",
        "float",
        "str",
        "list[str]",
        "word",
        "table",
    )


_TABLES: dict[str, type[BaseModel]] = {
    "study": StudyTable,
    "models": ModelTable,
    "judges": JudgeTable,
    "prompts": PromptFilter,
    "templates": TemplatesTable,
    "validity": ValidityTable,
}

_INNER: dict[str, type[BaseModel]] = {"prices": Prices, "reasoning": Reasoning}


def _guess(key: str, location: Sequence[str]) -> str:
    """Offer the nearest key that is allowed, and all of them."""
    kind = _INNER.get("".join(location[2:-1])) or _TABLES.get(location[0], Study)
    near = difflib.get_close_matches(key, _names(kind), n=1)
    return f"; did you mean {near[0]!r}? {_allowed(kind)}" if near else f"; {_allowed(kind)}"


def _allowed(kind: type[BaseModel]) -> str:
    """List the keys of a table."""
    return f"allowed: {', '.join(_names(kind))}"


def _names(kind: type[BaseModel]) -> list[str]:
    """Return the keys of a table; `path` and `text` are not the file's to set."""
    return [name for name in kind.model_fields if name not in ("path", "text")]
