"""The study file: what is measured, with what, by whom. TOML in, a validated `Study` out.

Knows nothing of stores or of HTTP.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from ethogram.design import LEAST_PLANTS, PLANT_SHARE
from ethogram.engine.address import without_user
from ethogram.engine.endpoints import without_secrets
from ethogram.engine.settings import ModelTable, Positive, Prices, RayTable, Reasoning, Table, Text
from ethogram.engine.system_files import read_system_files
from ethogram.errors import EthogramError, InputError, Problems, StudyError, guess
from ethogram.stimuli.exemplars import WRITTEN
from ethogram.stimuli.prompts import PromptFilter, find_prompts
from ethogram.stimuli.tables.names import check_name, clean_name
from ethogram.stimuli.traits import load_traits

Condition = Literal["feels", "likes", "random"]
BreadthCondition = Literal["natural", "feels", "likes", "random"]
Width = Annotated[float, Field(gt=0, strict=False)]


def _as_name(name: str) -> str:
    """Return a name in its one spelling."""
    return check_name(name, place="its name", what="name")


Name = Annotated[str, Field(min_length=1), AfterValidator(_as_name)]


TextOrList = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[Text], Tag("<list>")],
    Discriminator(lambda value: "<list>" if isinstance(value, list) else "<text>"),
]


class StopTable(Table):
    """`stop_when`: how sure the ratings are to be; all that is named has to be met.

    `half_width` of intervals and the `shift` that can be found are in points, `rank_range` in
    ranks, means over traits; see `ethogram.ratings.stopping`.
    """

    half_width: Width | None = None
    rank_range: Width | None = None
    shift: Width | None = None

    @model_validator(mode="after")
    def _names_one(self) -> StopTable:
        if not self.model_dump(exclude_none=True):
            raise ValueError("is empty: expected half_width, rank_range or shift")
        return self


class StudyTable(Table):
    """`[study]`: the design and the limits of the whole study."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    traits: TextOrList = "study144"
    prompts: TextOrList = "bundled"
    pairs: Literal["all", "adaptive"] | Positive = "all"
    aim: Text = "ranks"
    share_pairs: bool = True
    round_size: Positive | None = None
    stop_when: StopTable | None = None
    repeats: Positive = 1
    max_trials: Positive | None = None
    orders: Literal["balanced", "both"] = "balanced"
    condition: Condition = "feels"
    wordings: Annotated[int, Field(ge=1, le=20)] = 1
    spend_limit: Annotated[float, Field(gt=0, strict=False)] | None = None
    attempts: Positive = 5
    unparsed_attempts: Positive = 3
    patience: Annotated[float, Field(gt=0, strict=False)] = 900.0
    max_lost: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.05

    @property
    def in_rounds(self) -> bool:
        """Whether what is asked depends on what was answered."""
        return self.pairs == "adaptive" or self.stop_when is not None

    @property
    def stop_rule(self) -> dict[str, float]:
        """What `stop_when` names; empty where nothing stops the study before its end."""
        return self.stop_when.model_dump(exclude_none=True) if self.stop_when else {}

    @model_validator(mode="after")
    def _keys_that_need_rounds(self) -> StudyTable:
        adaptive = self.pairs == "adaptive"
        for key in ("aim", "share_pairs"):
            if key in self.model_fields_set and not adaptive:
                raise ValueError(f'{key} needs pairs = "adaptive"')
        if self.round_size is not None and not self.in_rounds:
            raise ValueError('round_size needs pairs = "adaptive" or stop_when')
        if adaptive and self.repeats > 1:
            raise ValueError(
                f'repeats = {self.repeats} with pairs = "adaptive": leave repeats out; pairs that '
                "tell most are asked again, up to max_trials"
            )
        return self


BY_WORD = ("grammar", "examples", "ties")  # settings of a judge that says a word


class JudgeTable(ModelTable):
    """`[judges.NAME]`: one judge; what a model has, and how it is shown a reply."""

    orders: Literal["balanced", "both"] = "balanced"
    show_prompt: bool = True
    examples: bool = False
    grammar: bool = False
    ties: bool = False
    verdict: Literal["word", "logprobs", "letter", "completion"] = "word"

    @field_validator("system", "instruct", mode="before")
    @classmethod
    def _has_its_own_words(cls, value: Any) -> Any:
        """Refuse what is a tested model's, in any of its forms."""
        raise ValueError("is a tested model's; a judge's words are judge_system in [templates]")

    @model_validator(mode="before")
    @classmethod
    def _read_letters(cls, table: Any) -> Any:
        """Let a local judge answer by a letter, in both orders, unless its table says otherwise.

        llama.cpp gives the probabilities of the letters; of services it is not known.
        """
        if not isinstance(table, dict) or "verdict" in table:
            return table
        by_word = any(table.get(key) for key in BY_WORD)
        local = isinstance(table.get("model"), str) and table["model"].startswith("local/")
        return {"verdict": "letter", "orders": "both", **table} if local and not by_word else table

    @model_validator(mode="after")
    def _takes_its_settings(self) -> JudgeTable:
        """Refuse settings of a judge that says a word, where one token is asked for."""
        ignored = [key for key in BY_WORD if getattr(self, key)] if self.asks_one_token else []
        if ignored:
            said = ", ".join(f"{key} = true" for key in ignored)
            what = " and ".join(ignored)
            raise ValueError(
                f'{said} with verdict = "{self.verdict}": expected verdict = "word" or "logprobs", '
                f"as only these take {what}; remove {what}, or change verdict"
            )
        return self

    @property
    def asks_one_token(self) -> bool:
        """Whether its calls ask for a single token, whatever `max_tokens` says."""
        return self.verdict in ("letter", "completion")


JUDGE_DEFAULTS = {
    name: field.default
    for name, field in JudgeTable.model_fields.items()
    if not field.is_required()
}
"""What a setting is in stores of releases that did not have it."""


class TemplatesTable(Table):
    """`[templates]`: words to use in place of ours, each with its slots.

    `set` names the ones that are replaced: "plain", or "blunt" for models too small to follow
    these.
    """

    set: Literal["plain", "blunt"] = "plain"
    feels: str | None = None
    likes: str | None = None
    random: str | None = None
    plant: str | None = None
    free: str | None = None
    judge_system: str | None = None
    judge: str | None = None
    judge_without_prompt: str | None = None
    completion: str | None = None
    wordings: list[Text] | None = None
    letter: str | None = None
    letter_without_prompt: str | None = None
    letter_free: str | None = None
    letter_free_without_prompt: str | None = None
    stated: str | None = None
    likert: TextOrList | None = None
    likert_reversed: TextOrList | None = None


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
    """`[validity]`: how much of the study each check asks again, as shares of its trials.

    `exemplars` are written replies that each judge is tried on, with about `exemplar_calls` calls.
    """

    plants: Annotated[float, Field(gt=0, le=1, strict=False)] = PLANT_SHARE
    orders: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.orders
    repeats: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.repeats
    retest: Annotated[float, Field(ge=0, le=1, strict=False)] = Shares.retest
    words: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.1
    exemplars: Text = WRITTEN
    exemplar_calls: Annotated[int, Field(ge=0)] = 600

    def shares(self) -> Shares:
        """Return them as the checks take them."""
        return Shares(
            plants=self.plants, orders=self.orders, repeats=self.repeats, retest=self.retest
        )


KEEP_GOING = "keep going"


class PersistenceTable(Table):
    """`[persistence]`: conversations that go on, and at which of their turns the reply is judged.

    `follow_ups` is "bundled" (written for ethogram, in the prompt's language), "keep going" (these
    two words each time), a file of messages, or the messages.
    """

    turns: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=2)] = Field(
        default_factory=lambda: [1, 5, 20]
    )
    conversations: Positive = 100
    follow_ups: TextOrList = "bundled"

    @field_validator("turns")
    @classmethod
    def _begin_with_the_first(cls, turns: list[int]) -> list[int]:
        """Refuse turns that are out of order, or lack the first, which others are compared with."""
        if turns != sorted(set(turns)) or turns[0] != 1:
            raise ValueError(f"{turns}: expected the first turn and later ones, such as [1, 5, 20]")
        return turns


class FreeTable(Table):
    """`[free]`: the study's trials once more, either trait to be taken, or neither.

    `share` is how much of the design is asked so, from its beginning.
    """

    share: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0


def _natural_and_feels() -> list[BreadthCondition]:
    return ["natural", "feels"]


class BreadthTable(Table):
    """`[breadth]`: replies whose tokens' log-probabilities are kept, under which conditions.

    `top` alternatives are asked for at each position of `max_tokens` at most. Without the table,
    `ethogram.protocols.breadth` asks for as many.
    """

    prompts: Positive = 50
    samples: Annotated[int, Field(ge=1, le=100)] = 1
    top: Annotated[int, Field(ge=2, le=1000)] = 20
    max_tokens: Positive = 256
    conditions: list[BreadthCondition] = Field(default_factory=_natural_and_feels)

    @field_validator("conditions")
    @classmethod
    def _are_different(cls, value: list[str]) -> list[str]:
        if not value or len(set(value)) < len(value):
            raise ValueError("conditions has none, or one twice: expected each once")
        return value


Context = Literal["fresh", "acted"]
CONTEXTS: tuple[Context, ...] = ("fresh", "acted")


class SelfReportTable(Table):
    """`[self_report]`: what a model says of itself, asked without a judge.

    `meetings` is in how many pairs of words each trait is offered (0: none), each pair in both
    orders; `items` is how many statements per trait the model rates, half of them reversed.
    """

    meetings: Annotated[int, Field(ge=0)] = 8
    likert: bool = True
    items: Annotated[int, Field(ge=2, le=20, multiple_of=2)] = 4
    contexts: Annotated[list[Context], Field(min_length=1, max_length=2)] = Field(
        default_factory=lambda: list(CONTEXTS)
    )

    @model_validator(mode="after")
    def _asks_something(self) -> SelfReportTable:
        if len(set(self.contexts)) < len(self.contexts):
            raise ValueError(f"contexts = {self.contexts}: each once")
        if not self.likert and not self.meetings:
            raise ValueError("asks nothing: set meetings, or likert = true")
        return self


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
    persistence: PersistenceTable | None = None
    free: FreeTable | None = None
    breadth: BreadthTable | None = None
    self_report: SelfReportTable | None = None
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


def load_study(path: str | Path, *, asks: bool = True) -> Study:
    """Read and validate a study file.

    Parameters
    ----------
    path : path
    asks : bool
        Whether models are asked; one whose replies are there already needs no [models.NAME].

    Raises
    ------
    StudyError
        The text names the key, its value and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StudyError(
            f"{path}: {error.strerror}; `ethogram init` writes a study file"
        ) from error
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path} is not UTF-8 text (byte {error.start}); this verb takes a study file (TOML)"
        ) from error
    except ValueError as error:
        raise StudyError(f"no file can be read at {str(path)[:100]!r}: {error}") from error
    return parse_study(text, path=path, asks=asks)


def parse_study(text: str, *, path: Path | None = None, asks: bool = True) -> Study:
    """Validate a study file's text; `asks` as in `load_study`.

    Raises
    ------
    StudyError
        It has a line for each thing that is wrong, in the file and in those that it names.
    """
    where = str(path or "study")
    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{where} is not valid TOML: {error}") from error
    if not asks:
        data.setdefault("models", {})
    problems = _unusable_tables(data, needed=("models", "judges") if asks else ("judges",))
    problems += read_system_files(data["models"], base=path.parent if path else None)
    try:
        study = Study.model_validate({**data, "path": path, "text": text})
    except ValidationError as error:
        problems += _say_errors(error, data)
    if problems:
        problems += _unusable_files(data, path.parent if path else None)
        raise StudyError(*(f"{where}: {problem}" for problem in dict.fromkeys(problems)))
    return study


def _unusable_tables(data: dict[str, Any], *, needed: Sequence[str]) -> list[str]:
    """Say which tables are misspelt or lacking, and set them right, so that the rest is read."""
    problems = []
    known = _names(Study)
    for key in [key for key in data if key not in known]:
        problems.append(f"unknown table or key {key!r}{guess(key, known)}; {_allowed(Study)}")
        value = data.pop(key)
        meant = next((name for name in known if name not in data and guess(key, [name])), None)
        if meant and _could_be(meant, value):
            data[meant] = value
    for table in ("models", "judges"):
        if not data.get(table) and isinstance(data.get(table, {}), dict):
            if table not in needed:
                continue
            problems.append(f"no [{table}.NAME] table; a study needs at least one")
            data[table] = {}
        elif isinstance(data[table], dict):
            spelt = Counter(clean_name(name) for name in data[table])
            problems += [
                f"[{table}.{name}] is there {n} times, spelt with different signs that look alike"
                for name, n in spelt.items()
                if n > 1
            ]
    return problems


def _could_be(table: str, value: Any) -> bool:
    """Whether a value under a misspelt key could be this table; models and judges hold tables."""
    inner = value.values() if isinstance(value, dict) else ()
    named = table in ("models", "judges")
    return isinstance(value, dict) and (not named or all(isinstance(v, dict) for v in inner))


def _unusable_files(data: Mapping[str, Any], base: Path | None) -> list[str]:
    """Say what is wrong with the traits and prompts that a study names, as far as can be seen."""
    problems, table = Problems(), data.get("study")
    table = table if isinstance(table, dict) else {}
    traits, prompts = table.get("traits", ""), table.get("prompts", "")
    if traits and (isinstance(traits, str) or _are_texts(traits)):
        with problems.gather():
            load_traits(traits, base=base)
    if isinstance(prompts, str) and prompts:
        with problems.gather():
            find_prompts(prompts, base=base)
    try:
        problems.raise_any()
    except EthogramError as error:
        return [*error.lines]
    return []


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _say_errors(error: ValidationError, data: Mapping[str, Any]) -> list[str]:
    """Say everything that is wrong, in the order of the file: key, value, what is allowed."""
    errors = error.errors(include_url=False)
    unknown = [_place(e) for e in errors if e["type"] == "extra_forbidden"]
    dotted = {_place(e)[:2] for e in errors if _is_dotted(e)}
    errors = [
        e
        for e in errors
        if e["type"] != "missing"
        or not (_place(e)[:-1] in dotted or _is_misspelt(_place(e), unknown))
    ]
    order = {place: i for i, place in enumerate(_places(data))}
    places = sorted({_place(e) for e in errors}, key=lambda p: (order.get(p, len(order)), p))
    return [_say_error([e for e in errors if _place(e) == place]) for place in places]


def _is_misspelt(place: tuple[str, ...], unknown: Sequence[tuple[str, ...]]) -> bool:
    """Whether a key that is lacking stands beside an unknown one that is near it."""
    return any(other[:-1] == place[:-1] and guess(other[-1], place[-1:]) for other in unknown)


def _places(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the place of every key of a file."""
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _places(value, (*above, key))


def _say_error(errors: Sequence[Any]) -> str:
    """Say what is wrong at one place; a union has an error for each of its branches."""
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    *tables, key = location = _place(first)
    table = ".".join(tables)
    if _is_dotted(first):
        name = ".".join(location[1:])
        return f'[{location[0]}.{name}]: quote a name with a dot: [{location[0]}."{name}"]'
    if first["type"] == "extra_forbidden":
        where = f"key {key!r} in [{table}]" if table else f"table or key {key!r}"
        return f"unknown {where}{_offer(key, location)}"
    if first["type"] == "missing":
        return f"[{table}] needs the key {key!r}" if table else f"no [{key}] table"
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"[{'.'.join(location)}] {message}"
    expected = " or ".join(dict.fromkeys(map(_expected, errors)))
    value = without_user(_as_toml(first["input"]))
    if key == "base_url":  # without http://, a password is not known as one
        value = value[value.rfind("@") + 1 :]
    value = value if len(value) <= 100 else f"{value[:100]}..."
    if not table:
        return f"{key} = {value}: expected a table [{key}]"
    if key.isdigit() and len(tables) > 1:  # of a list
        where = f"[{'.'.join(tables[:-1])}] {tables[-1]}, entry {int(key) + 1}"
        return f"{where} = {value}: expected {expected}"
    if tables in (["models"], ["judges"]):
        return f"[{table}] {key} = {value}: expected a table [{table}.{key}]"
    return f"[{table}] {key} = {value}: expected {expected}{_near(errors)}"


def _is_dotted(error: Any) -> bool:
    """Whether an unknown key is the rest of a name with a dot that was not quoted."""
    place = error["loc"]
    unknown = error["type"] == "extra_forbidden" and isinstance(error["input"], dict)
    return unknown and place[0] in ("models", "judges") and len(place) > 2


def _as_toml(value: Any) -> str:
    """Return a value about as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


def _near(errors: Sequence[Any]) -> str:
    """Offer the nearest of the words that are allowed."""
    words = [
        word
        for e in errors
        if e["type"] == "literal_error"
        for word in re.findall(r"'([^']+)'", e["ctx"]["expected"])
    ]
    return guess(errors[0]["input"], words) if isinstance(errors[0]["input"], str) else ""


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
    if error["type"] in ("model_type", "dict_type"):
        return "a table"
    if error["type"] == "string_too_short":
        return "a text that is not empty"
    message = str(error["msg"]).removeprefix("Input should be ")
    message = message.partition(", unable")[0]
    return f"{message[0].lower()}{message[1:]}"


def _is_branch(part: str) -> bool:
    """Whether a part of an error's place is pydantic's name for a branch of a union."""
    return part.startswith(("literal[", "constrained", "function-", "<")) or part in (
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
    "persistence": PersistenceTable,
    "free": FreeTable,
    "breadth": BreadthTable,
    "self_report": SelfReportTable,
}

_INNER: dict[str, type[BaseModel]] = {
    "stop_when": StopTable,
    "prices": Prices,
    "reasoning": Reasoning,
    "ray": RayTable,
}


def _offer(key: str, location: Sequence[str]) -> str:
    """Offer the nearest key that is allowed, and all of them."""
    inner = location[1:-1] if location[0] == "study" else location[2:-1]
    kind = _INNER.get("".join(inner)) or _TABLES.get(location[0], Study)
    return f"{guess(key, _names(kind))}; {_allowed(kind)}"


def _allowed(kind: type[BaseModel]) -> str:
    """List the keys of a table."""
    return f"allowed: {', '.join(_names(kind))}"


def _names(kind: type[BaseModel]) -> list[str]:
    """Return the keys of a table; `path` and `text` are not the file's to set."""
    return [name for name in kind.model_fields if name not in ("path", "text")]
