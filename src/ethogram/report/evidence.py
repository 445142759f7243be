"""The evidence: a stated sample of trials that holds some for every trait of every model.

All models are sampled at the same places of the design as far as their losses allow, so that a
reader can see what several models made of one prompt. `ethogram show` gives the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, zip_longest
from typing import Any

import numpy as np

from ethogram.engine.requests import USABLE
from ethogram.engine.thoughts import split_thoughts
from ethogram.report.script_data import size_in_page
from ethogram.stimuli.paths import as_text
from ethogram.store.read import export_rows, read_trials
from ethogram.store.store import Store

LIMIT = 2_000_000
"""Bytes of the whole sample in the page, escapes included."""

CUTS = (4000, 3000, 2400, 2000, 1600, 1300, 1000, 800, 600, 400)
"""Characters at which a text is cut: the largest with which every trait is there twice."""

JUDGE_CHARS = 1200
_ANSWER = re.compile(r"</?answer>", re.IGNORECASE)
_FRAME = 200  # bytes for the lists' brackets and names


@dataclass(frozen=True)
class Evidence:
    """A sample of trials, texts cut.

    Attributes
    ----------
    store : str
        The store's file name.
    models, judges, traits : tuple of str
        `models` are "model" or "model, condition" where a model has several.
    conditions : tuple of str
        Of each entry of `models`.
    prompts : tuple of dict
        text, language, cut.
    trials : tuple of dict
        Indices into the others, reply, verdicts.
    chars : int
        Where texts are cut.
    least : int
        Trials that the rarest trait has in any model.
    total : int
        Trials of the main part in the store, replied to or not.
    bytes : int
        In the page.
    """

    store: str
    models: tuple[str, ...]
    conditions: tuple[str, ...]
    judges: tuple[str, ...]
    traits: tuple[str, ...]
    prompts: tuple[dict[str, Any], ...]
    trials: tuple[dict[str, Any], ...]
    chars: int
    least: int
    total: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return what the page embeds."""
        return {
            "store": self.store,
            "models": self.models,
            "conditions": self.conditions,
            "judges": self.judges,
            "traits": self.traits,
            "prompts": self.prompts,
            "trials": self.trials,
        }


@dataclass
class _Plan:
    """One model's trials of the main part, and what was taken of them."""

    trials: list[tuple[int, str, str]]
    seen: Counter[str] = field(default_factory=Counter)
    taken: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)


def sample_evidence(store: Store, *, limit: int = LIMIT, seed: int = 0) -> Evidence | None:
    """Draw the sample.

    Parameters
    ----------
    store : Store
    limit : int
        Bytes of the whole sample as it stands in the page.
    seed : int
        Of the order in which trials are looked at.

    Returns
    -------
    Evidence or None
        None where no trial has a reply.
    """
    plans = _read_plans(store, seed)
    first = [_take_level(store, plans, level) for level in (1, 2)]
    if not first[0]:
        return None
    sure = [record for rows in first for record in rows]
    chars = next((c for c in CUTS if _size(sure, c) <= limit), CUTS[-1])
    pool = _Pool(chars)
    for level in count(1):
        rows = first[level - 1] if level < 3 else _take_level(store, plans, level)
        if not rows or not all(pool.add(record, limit) for record in rows):
            break
    return pool.evidence(store, {key: len(plan.trials) for key, plan in plans.items()})


def _read_plans(store: Store, seed: int) -> dict[tuple[str, str], _Plan]:
    """List every model's trials, all in one shuffled order of their places in the design."""
    trials: dict[tuple[str, str], list[tuple[tuple[int, int], int, str, str]]] = {}
    for rows in export_rows(store, "trials"):
        for r in rows:
            if r["part"] == "main":
                place = (r["seq"], r["sample"])
                row = (place, r["trial"], r["trait_1"], r["trait_2"])
                trials.setdefault((r["model"], r["condition"]), []).append(row)
    places = sorted({row[0] for rows in trials.values() for row in rows})
    shuffled = np.random.default_rng(seed).permutation(len(places))
    order = dict(zip(places, shuffled.tolist(), strict=True))
    return {
        key: _Plan([row[1:] for row in sorted(rows, key=lambda row: order[row[0]])])
        for key, rows in trials.items()
    }


def _take_level(
    store: Store, plans: dict[tuple[str, str], _Plan], level: int
) -> list[dict[str, Any]]:
    """Take trials until every trait of every model has been seen `level` times, models in turn."""
    each = [list(_take(store, plan, level)) for plan in plans.values()]
    return [record for turn in zip_longest(*each) for record in turn if record is not None]


def _take(store: Store, plan: _Plan, level: int) -> Iterator[dict[str, Any]]:
    """Take one model's next trials: first those that help both of their traits, then the rest."""
    for needed in (2, 1):
        for trial, *traits in plan.trials:
            helped = sum(plan.seen[trait] < level for trait in traits)
            if helped < needed or trial in plan.taken or trial in plan.missing:
                continue
            record = read_trials(store, [trial], chars=CUTS[0])[0]
            if record["reply_status"] not in USABLE:
                plan.missing.add(trial)
                continue
            plan.taken.add(trial)
            plan.seen.update(traits)
            yield record


def _size(records: Sequence[dict[str, Any]], chars: int) -> int:
    """Bytes of these records when they are the whole sample."""
    pool = _Pool(chars)
    for record in records:
        pool.add(record, None)
    return pool.bytes


def without_thoughts(text: str) -> str:
    """A text without the thoughts that a model left in it."""
    split = split_thoughts(text)
    return split.reply.strip() if split.found else text


def judge_words(text: str) -> str:
    """What a judge said, without its thoughts (were they not all of it) and its answer's tags."""
    return _ANSWER.sub("", without_thoughts(text) or text).strip()


class _Pool:
    """Records in the page's form, each name and prompt kept once."""

    def __init__(self, chars: int) -> None:
        self.chars, self.bytes = chars, _FRAME
        self.names: dict[str, dict[str, int]] = {"models": {}, "judges": {}, "traits": {}}
        self.prompts: dict[str, int] = {}
        self.texts: list[dict[str, Any]] = []
        self.trials: list[dict[str, Any]] = []
        self.seen: Counter[tuple[int, int]] = Counter()
        self.keys: list[tuple[str, str]] = []

    def add(self, record: dict[str, Any], limit: int | None) -> bool:
        """Add a record if it fits; returns whether it did."""
        prompt = self._prompt(record) if record["prompt_id"] not in self.prompts else None
        size = size_in_page(self._texts(record)) + 150 + (size_in_page(prompt) if prompt else 0)
        if limit is not None and self.bytes + size > limit:
            return False
        if prompt:
            self.prompts[record["prompt_id"]] = len(self.texts)
            self.texts.append(prompt)
        self.trials.append(self._trial(record))
        self.bytes += size
        return True

    def _prompt(self, record: dict[str, Any]) -> dict[str, Any]:
        text = record["prompt"]
        return {"t": text[: self.chars], "l": record["language"], "cut": len(text) >= self.chars}

    def _texts(self, record: dict[str, Any]) -> dict[str, Any]:
        """What takes room: the reply and the judges' words, neither with a model's thoughts."""
        reply = without_thoughts(record["reply"] or "")
        return {
            "r": reply[: self.chars],
            "cut": len(reply) >= self.chars,
            "v": [
                {"s": v["status"], "t": judge_words(v["text"] or v["reason"] or "")[:JUDGE_CHARS]}
                for v in record["verdicts"]
                if v["part"] == "main"
            ],
        }

    def _trial(self, record: dict[str, Any]) -> dict[str, Any]:
        key = (record["model"], record["condition"])
        if key not in self.keys:
            self.keys.append(key)
        texts = self._texts(record)
        main = [v for v in record["verdicts"] if v["part"] == "main"]
        for shown, verdict in zip(texts["v"], main, strict=True):
            winner = verdict["winner"]
            shown["j"] = self._index("judges", verdict["judge"])
            shown["w"] = None if winner is None else self._index("traits", winner)
            shown["x"] = int(bool(verdict["swapped"]))
        model = self.keys.index(key)
        a, b = (self._index("traits", record[f"trait_{i}"]) for i in (1, 2))
        self.seen.update([(model, a), (model, b)])
        return {
            "id": record["id"],
            "m": model,
            "a": a,
            "b": b,
            "p": self.prompts[record["prompt_id"]],
            "s": record["reply_status"],
            "n": int(bool(record["named"])),
            **texts,
        }

    def _index(self, kind: str, name: str) -> int:
        return self.names[kind].setdefault(name, len(self.names[kind]))

    def evidence(self, store: Store, totals: dict[tuple[str, str], int]) -> Evidence:
        """Close the pool."""
        traits = tuple(self.names["traits"])
        several = len({m for m, _ in totals}) < len(totals)
        least = min(self.seen[m, t] for m in range(len(self.keys)) for t in range(len(traits)))
        sample = Evidence(
            store=as_text(store.path.name),
            models=tuple(f"{m}, {c}" if several else m for m, c in self.keys),
            conditions=tuple(c for _, c in self.keys),
            judges=tuple(self.names["judges"]),
            traits=traits,
            prompts=tuple(self.texts),
            trials=tuple(self.trials),
            chars=self.chars,
            least=least,
            total=sum(totals.values()),
            bytes=0,
        )
        return replace(sample, bytes=size_in_page(sample.to_dict()))


def excerpts(e: Evidence | None, judge: str = "", count: int = 5) -> list[dict[str, Any]]:
    """A handful of trials to read without scripts, from different models and prompts.

    With the verdicts of one judge, where it is among the sample's; else of all.
    """
    if e is None:
        return []
    own = e.judges.index(judge) if judge in e.judges else None
    picked: list[dict[str, Any]] = []
    prompts: set[int] = set()
    for trial in e.trials:
        if trial["p"] not in prompts and len(picked) < count:
            prompts.add(trial["p"])
            picked.append(trial)
    return [
        {
            "id": t["id"],
            "model": e.models[t["m"]],
            "traits": (e.traits[t["a"]], e.traits[t["b"]]),
            "prompt": e.prompts[t["p"]]["t"],
            "prompt_cut": e.prompts[t["p"]]["cut"],
            "reply": t["r"],
            "reply_cut": t["cut"],
            "status": t["s"],
            "verdicts": [
                {
                    "judge": e.judges[v["j"]],
                    "winner": None if v["w"] is None else e.traits[v["w"]],
                    "usable": v["s"] in USABLE,
                    "status": v["s"],
                    "text": v["t"],
                }
                for v in t["v"]
                if own is None or v["j"] == own
            ],
        }
        for t in picked
    ]
