"""Prompts: the first messages that the tested model answers, and what is kept of a source.

A source yields rows; each row passes the filters in a fixed order, and every loss is counted.
Memory holds the prompts that may be kept, never the source. Knows nothing of traits, designs or
models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ethogram.errors import InputError, guess
from ethogram.stimuli.files import Row, Turns, read_rows
from ethogram.stimuli.languages import language_code
from ethogram.stimuli.near_duplicates import NearDuplicates
from ethogram.stimuli.paths import named_path
from ethogram.stimuli.stream_sample import StreamSample
from ethogram.stimuli.wildchat import find_parquet, is_wildchat, rows_from_hub, rows_from_parquet

BUNDLED = Path(__file__).parents[1] / "data" / "prompts" / "bundled.jsonl"

# What is counted, in the order of the filters, and how a sentence says it.
LOSSES = {
    "no_text": "without a user message, or with fewer than asked",
    "language": "in another or an unstated language",
    "toxic": "by the toxicity filter",
    "redacted": "by the redaction filter",
    "too_short": "too short",
    "too_long": "too long",
    "exact_duplicate": "exact duplicates",
    "near_duplicate": "near duplicates",
    "sampled_out": "not drawn",
}

Flagged = Literal["exclude", "include", "only"]


@dataclass(frozen=True)
class Prompt:
    """One message; `language` is an ISO 639-1 code where its name is a known one.

    `turns` is what was said before it, each with role ("user", "assistant", "system") and content.
    """

    id: str
    text: str
    language: str = ""
    topic: str = ""
    turns: Turns = ()


class PromptFilter(BaseModel):
    """What to keep of a source: the table ``[prompts]`` of a study file.

    Attributes
    ----------
    language : str or list of str, optional
        Codes or names ("en", "English"); all languages if not given.
    toxicity, redacted : "exclude", "include" or "only"
        What to do with rows that the source flags; a source without flags has none.
    min_chars, max_chars : int, optional
        Limits on the length in characters, surrounding space aside; both are allowed lengths.
    near_duplicates : float or False
        Jaccard similarity of word 3-grams from which the later of two prompts is dropped;
        False keeps near duplicates. Exact duplicates (equal but for case and space) always go.
    column : str, optional
        The column with the text, in a file of one's own.
    sample : int, optional
        How many prompts to draw, each distinct one as likely as another.
    turn : int or "last"
        Of a chat, the message of the user that is answered, from 1, after all that was said before
        it. Chats with fewer are dropped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: tuple[str, ...] | None = None
    toxicity: Flagged = "exclude"
    redacted: Flagged = "exclude"
    min_chars: int = Field(default=1, ge=1)
    max_chars: int | None = Field(default=None, ge=1)
    near_duplicates: float | Literal[False] = 0.7
    column: str | None = None
    sample: int | None = Field(default=None, ge=1)
    turn: Annotated[int, Field(ge=1, le=1000, strict=True)] | Literal["last"] = 1

    @property
    def turn_number(self) -> int | None:
        """Which of the user's messages is answered; None is the last."""
        return None if self.turn == "last" else self.turn

    @field_validator("language", mode="before")
    @classmethod
    def _as_codes(cls, value: object) -> object:
        """Return languages as a tuple of codes."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
            return names
        if not any(names):
            raise ValueError("expected at least one language, such as 'en'; leave it out for all")
        return tuple(language_code(name) for name in names)

    @field_validator("near_duplicates", mode="before")
    @classmethod
    def _is_share(cls, value: object) -> object:
        """Refuse a threshold that is not a similarity (to pydantic 0 is False and True is 1.0)."""
        if value is False:
            return value
        if value is True or not isinstance(value, (int, float)) or not 0 < value <= 1:
            raise ValueError("expected a similarity above 0 and up to 1, or false to keep them")
        return value

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        """Refuse limits that no prompt can meet."""
        if self.max_chars is not None and self.max_chars < self.min_chars:
            raise ValueError(
                f"max_chars is {self.max_chars}, expected at least min_chars, {self.min_chars}"
            )
        return self


@dataclass(frozen=True)
class PromptSet:
    """The prompts kept of a source, and what became of the others.

    Attributes
    ----------
    source : str
        As given.
    prompts : tuple of Prompt
        In the order of the source, or in the order drawn: then the first n are the sample
        that this seed gives for n.
    counts : dict of str to int
        "read", then the rows that each filter dropped (the keys of `LOSSES`), then "kept".
        Kept and dropped add up to read. Once enough prompts are drawn the rest is not searched for
        near duplicates and counts as sampled out.
    caveat : str
        What the counts do not show; empty if nothing.
    """

    source: str
    prompts: tuple[Prompt, ...]
    counts: dict[str, int]
    caveat: str = ""

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def languages(self) -> dict[str, int]:
        """How many prompts there are in each language, the most frequent first."""
        return dict(Counter(prompt.language for prompt in self.prompts).most_common())

    def describe(self) -> str:
        """Return in one sentence what was read, dropped and kept."""
        lost = [f"{self.counts[key]:,} {text}" for key, text in LOSSES.items() if self.counts[key]]
        dropped = f" ({', '.join(lost)})" if lost else ""
        caveat = f"; {self.caveat}" if self.caveat else ""
        return (
            f"{self.counts['kept']:,} of the {self.counts['read']:,} prompts read "
            f"from {self.source} are used{dropped}{caveat}."
        )


def load_prompts(
    source: str | Sequence[str],
    *,
    filter: PromptFilter = PromptFilter(),  # noqa: B008  (it is frozen)
    seed: int = 0,
    base: Path | None = None,
    limit: int | None = None,
) -> PromptSet:
    """Read a source of prompts, filter it and draw a sample.

    Parameters
    ----------
    source : str
        "bundled" (written for ethogram); "wildchat" (the Hugging Face hub, streamed);
        "wildchat:PATH", or a folder of Parquet files, or a Parquet file with WildChat's schema; or
        a file of one's own: JSONL, JSON, CSV, TSV, Parquet, Arrow or Feather; or the prompts.
    filter : PromptFilter
    seed : int
        Decides the sample and the order of the hub's stream. The same seed and source give the
        same prompts, in whatever order the files come.
    base : Path, optional
        Folder that a relative path starts from; the working directory if not given.
    limit : int, optional
        The most prompts that can be used; a smaller `sample` goes before it.

    Raises
    ------
    InputError
        A source that is not there, cannot be read, or holds nothing that passes the filters; two
        kept prompts with one id; "wildchat" with neither a sample nor a limit, or with toxic
        prompts only.
    """
    wanted = min((n for n in (filter.sample, limit) if n is not None), default=None)
    if not isinstance(source, str):
        alone = filter.turn_number in (1, None)  # each is the one message of its user
        listed = [Row(text if alone else None, f"{i}") for i, text in enumerate(source, start=1)]
        return draw_prompts(listed, source="the list", filter=filter, seed=seed, wanted=wanted)
    streamed = source == "wildchat"
    if streamed:
        _refuse_endless_stream(filter, wanted=wanted)
    rows = _open(source, filter, seed=seed, base=base)
    return draw_prompts(
        rows, source=source, filter=filter, seed=seed, wanted=wanted, stop_early=streamed
    )


def draw_prompts(
    rows: Iterable[Row],
    *,
    source: str,
    filter: PromptFilter = PromptFilter(),  # noqa: B008  (it is frozen)
    seed: int = 0,
    wanted: int | None = None,
    stop_early: bool = False,
) -> PromptSet:
    """Filter rows and draw `wanted` prompts from them; all if it is None.

    Stopping early ends the reading as soon as there are four candidates for each prompt wanted,
    which is what makes a stream of unknown length usable.
    """
    counts = dict.fromkeys(("read", *LOSSES, "kept"), 0)
    reserve = StreamSample(size=None if wanted is None else 4 * wanted + 100, seed=seed)
    for row in _sift(rows, filter=filter, counts=counts):
        reserve.offer(row)
        if stop_early and reserve.full:
            break
    kept = _spread(reserve.rows(), filter=filter, seed=seed, wanted=wanted, counts=counts)
    chats = sum(row.chat for row in kept)
    later = sum(bool(row.turns) for row in kept)
    counts["exact_duplicate"] = reserve.offered - reserve.distinct
    counts["sampled_out"] = reserve.distinct - counts["near_duplicate"] - len(kept)
    counts["kept"] = len(kept)
    made = PromptSet(
        source,
        tuple(map(_prompt, kept)),
        counts,
        _caveat(counts, wanted, stop_early, chats, later),
    )
    _check(made)
    return made


def _refuse_endless_stream(filter: PromptFilter, *, wanted: int | None) -> None:
    """Refuse what could only be had by downloading all of WildChat, if at all."""
    if wanted is None:
        raise InputError(
            "prompts = 'wildchat' without a sample would read all 43 GB: "
            "set sample in the table [prompts], for example sample = 2000"
        )
    if filter.toxicity == "only":
        raise InputError(
            "toxicity = 'only' finds nothing in prompts = 'wildchat': the hub's open version has "
            "no toxic conversations; download WildChat-4.8M-Full and give its folder, "
            "prompts = 'wildchat:FOLDER'"
        )


def _open(source: str, filter: PromptFilter, *, seed: int, base: Path | None) -> Iterator[Row]:
    """Return the rows of a source."""
    column, turn = filter.column, filter.turn_number
    if source == "bundled":
        return read_rows(BUNDLED, turn=turn)
    if source == "wildchat":
        return rows_from_hub(seed=seed, turn=turn)
    if source.startswith("wildchat:"):
        found = find_parquet(source.removeprefix("wildchat:"), base=base)
        return rows_from_parquet(found, turn=turn)
    path = find_prompts(source, base=base)
    if path.is_dir():
        return rows_from_parquet(find_parquet(source, base=base), turn=turn)
    if column is None and is_wildchat(path):
        return rows_from_parquet([path], turn=turn)
    return read_rows(path, column=column, turn=turn)


def find_prompts(source: str, *, base: Path | None = None) -> Path:
    """Return where a source's file or folder is, without reading it.

    Raises
    ------
    InputError
        There is none.
    """
    if source in ("bundled", "wildchat"):
        return BUNDLED
    path = named_path(source.removeprefix("wildchat:"), base=base)
    if not path.exists():
        near = guess(source, ("bundled", "wildchat"))
        raise InputError(
            f"prompts = {source!r} is neither bundled, wildchat nor a file at {path}{near}"
        )
    return path


def _sift(rows: Iterable[Row], *, filter: PromptFilter, counts: dict[str, int]) -> Iterator[Row]:
    """Yield the rows that pass every filter that looks at one row; count the others."""
    for row in rows:
        counts["read"] += 1
        reason = _reason(row, filter=filter)
        if reason:
            counts[reason] += 1
        else:
            yield row


def _reason(row: Row, *, filter: PromptFilter) -> str:
    """Return the first filter that drops a row, or nothing."""
    length = len((row.text or "").strip())
    drops = {
        "no_text": row.text is None,
        "language": filter.language is not None
        and language_code(row.language) not in filter.language,
        "toxic": _is_dropped(flag=row.toxic, rule=filter.toxicity),
        "redacted": _is_dropped(flag=row.redacted, rule=filter.redacted),
        "too_short": length < filter.min_chars,
        "too_long": filter.max_chars is not None and length > filter.max_chars,
    }
    return next((name for name, dropped in drops.items() if dropped), "")


def _is_dropped(*, flag: bool, rule: Flagged) -> bool:
    """Whether a rule drops a row with this flag."""
    return (rule == "exclude" and flag) or (rule == "only" and not flag)


def _spread(
    rows: list[Row],
    *,
    filter: PromptFilter,
    seed: int,
    wanted: int | None,
    counts: dict[str, int],
) -> list[Row]:
    """Return the first `wanted` rows that are not nearly an earlier one."""
    if filter.near_duplicates is False:
        return rows[:wanted]
    seen = NearDuplicates(threshold=filter.near_duplicates, seed=seed)
    kept: list[Row] = []
    for row in rows:
        if wanted is not None and len(kept) == wanted:
            break
        if seen.add("\n".join([*(turn["content"] for turn in row.turns), row.text or ""])):
            kept.append(row)
        else:
            counts["near_duplicate"] += 1
    return kept


def _prompt(row: Row) -> Prompt:
    """Return a row that was kept as a prompt."""
    return Prompt(row.id, row.text or "", language_code(row.language), row.topic, row.turns)


def _caveat(
    counts: dict[str, int], wanted: int | None, stop_early: bool, chats: int, later: int
) -> str:
    """Return what the counts do not show."""
    said = []
    if later:
        is_one = later == 1
        said.append(
            f"{later:,} {'is' if is_one else 'are'} answered after the turns that stood before "
            f"{'it' if is_one else 'them'}"
        )
    if chats - later == 1:
        said.append("1 is the first user message of a chat")
    elif chats > later:
        said.append(f"{chats - later:,} are the first user messages of chats")
    if wanted is not None and counts["kept"] < wanted:
        why = ", but too many candidates were near duplicates" if counts["sampled_out"] else ""
        said.append(f"{wanted:,} were wanted{why}")
    if stop_early:
        said.append("reading stopped when there were enough, so they are from the stream's start")
    return "; ".join(said)


def _check(made: PromptSet) -> None:
    """Refuse an empty set, and two prompts with one id."""
    if not made.prompts:
        raise InputError(f"no prompt is left: {made.describe()} Loosen the filters in [prompts]")
    ids = Counter(prompt.id for prompt in made.prompts)
    twice = next((name for name, count in ids.items() if count > 1), None)
    if twice is not None:
        raise InputError(
            f"{made.source}: the id {twice!r} stands for {ids[twice]} different prompts; "
            "give each its own, or drop the column id"
        )
