"""Stores filled with simulated replies and verdicts, through the store's own API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ethogram.design import Design, make_design
from ethogram.engine.reading import read_response
from ethogram.engine.requests import Attempt, Request, request_id
from ethogram.stimuli.prompts import load_prompts
from ethogram.store.rows import JudgingRow, ReplyRow, TrialRow, VerdictRow
from ethogram.store.store import Store
from ethogram.store.writer import Writer

HOSTILE = (
    'Sure. <script>document.title = "owned"</script> '
    "<img src=x onerror=\"document.title='owned'\"> "
    '{"json": "</script><script>document.title=\'owned\'</script>"} <!-- <script> & "quotes" \u2028'
)


@dataclass(frozen=True)
class Losses:
    """Shares of replies and verdicts that end otherwise than well."""

    truncated: float = 0.02
    empty: float = 0.01
    refused: float = 0.01
    unparsed: float = 0.02


def fill_store(
    path: Path,
    *,
    traits: Sequence[str],
    models: Sequence[str] = ("simulated-model",),
    judges: Sequence[str] = ("simulated-judge",),
    pairs: str | int = "all",
    max_trials: int | None = None,
    losses: Losses | None = None,
    replies: Mapping[int, str] | None = None,
    position: float = 0.2,
    spread: float = 1.2,
    own: float = 0.5,
    words: int = 60,
    study: str = "A simulated study",
    flips: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Path:
    """Fill a store as a finished run would.

    Parameters
    ----------
    spread : float
        Standard deviation over traits of what all models share, logits.
    own : float
        Standard deviation of what each model has of its own.
    replies : mapping of int to str, optional
        Replies by the trial's place in the design, in place of simulated ones.
    flips : mapping of str to float, optional
        Share of verdicts, by judge, that name the other trait.
    """
    rng = np.random.default_rng(seed)
    found = load_prompts("bundled", seed=seed).prompts
    design = make_design(len(traits), len(found), pairs=pairs, max_trials=max_trials, seed=seed)
    common = rng.normal(0, spread, len(traits))
    with Store.open(path) as store:
        with store.planning():
            store.add_study(
                name=study, version="0.1.0", file=_STUDY_FILE, settings=_settings(study, seed)
            )
            ids = store.add_traits((name, "") for name in traits)
            prompts = store.add_prompts((p.id, p.text, p.language, p.topic) for p in found)
            rows = [
                TrialRow(i, ids[a], ids[b], prompts[p])
                for i, (a, b, p) in enumerate(
                    zip(design.first, design.second, design.prompt, strict=True)
                )
            ]
            trials = {
                name: store.add_trials(
                    store.add_party("model", name, _party(name, "feels")), "main", "feels", rows
                )
                for name in models
            }
            for judge in judges:
                party = store.add_party("judge", judge, _party(judge, "judge"))
                for mine in trials.values():
                    swaps = zip(mine, design.judge_swap, strict=True)
                    store.add_judgings(party, "main", [JudgingRow(t, bool(s)) for t, s in swaps])
        _, judged = store.query(
            "SELECT j.trial, j.id, p.name FROM judging j JOIN party p ON p.id = j.judge "
            "ORDER BY j.id"
        )
        judgings: dict[int, list[tuple[int, float]]] = {}
        for trial, judging, judge in judged:
            judgings.setdefault(trial, []).append((judging, (flips or {}).get(judge, 0.0)))
        writer = store.writer()
        for name, mine in trials.items():
            strengths = common + rng.normal(0, own, len(traits))
            answers = _Answers(writer, traits, ids, losses or Losses(), rng, words)
            answers.put(name, design, mine, judgings, strengths, position, replies or {})
        writer.close()
    return path


_STUDY_FILE = '[study]\nname = "A simulated study"\n'


def _settings(study: str, seed: int) -> str:
    table = {"name": study, "seed": seed, "traits": "test", "prompts": "bundled", "pairs": "all"}
    return orjson.dumps({"study": {**table, "condition": "feels", "orders": "balanced"}}).decode()


def _party(name: str, template: str) -> dict[str, Any]:
    return {
        "service": "test",
        "model": f"test/{name}",
        "params": {"temperature": 1.0, "max_tokens": 512},
        "family": None,
        "templates": {template: "..."},
        "examples": False,
        "grammar": False,
        "ties": False,
    }


class _Answers:
    """Writes one model's replies and their verdicts."""

    def __init__(
        self,
        writer: Writer,
        traits: Sequence[str],
        ids: Sequence[int],
        losses: Losses,
        rng: np.random.Generator,
        words: int,
    ) -> None:
        self.writer, self.traits, self.ids = writer, traits, ids
        self.losses, self.rng, self.words = losses, rng, words

    def put(
        self,
        name: str,
        design: Design,
        trials: Sequence[int],
        judgings: Mapping[int, Sequence[tuple[int, float]]],
        strengths: np.ndarray,
        position: float,
        replies: Mapping[int, str],
    ) -> None:
        """Write what a model and its judges said."""
        gap = strengths[design.first] - strengths[design.second] + position
        won = self.rng.random(len(trials)) < 1 / (1 + np.exp(-gap))
        for i, trial in enumerate(trials):
            winner, loser = (
                (design.first[i], design.second[i])
                if won[i]
                else (design.second[i], design.first[i])
            )
            text = replies.get(i) or self._reply(self.traits[winner])
            status = "ok" if i in replies else self._status()
            self._put_reply(name, trial, text, status)
            for judging, flips in judgings[trial] if status in ("ok", "truncated") else ():
                turned = flips > 0 and self.rng.random() < flips
                named = (loser, winner) if turned else (winner, loser)
                self._put_verdict(judging, int(named[0]), int(named[1]))

    def _status(self) -> str:
        names = ("truncated", "empty", "refused")
        shares = [getattr(self.losses, n) for n in names]
        return str(self.rng.choice(["ok", *names], p=[1 - sum(shares), *shares]))

    def _reply(self, trait: str) -> str:
        made = " ".join(self.rng.choice(_WORDS, self.words))
        return (
            f"{made.capitalize()}.\n\nA reply in the manner of one word with {len(trait)} letters."
        )

    def _put_reply(self, name: str, trial: int, text: str, status: str) -> None:
        stop = "length" if status == "truncated" else "stop"
        message = {"content": "" if status in ("empty", "refused") else text}
        if status == "refused":
            message["refusal"] = "I would rather not."
        number = self._put_attempt(f"{name}-{trial}", message, stop)
        usable = status in ("ok", "truncated")
        chars = len(text) if usable else None
        row = ReplyRow(trial, status, "" if status == "ok" else status, chars, False)
        self.writer.put_reply(row, number)

    def _put_verdict(self, judging: int, winner: int, loser: int) -> None:
        if self.rng.random() < self.losses.unparsed:
            number = self._put_attempt(
                f"judge-{judging}", {"content": "It could be either."}, "stop"
            )
            row = VerdictRow(judging, "unparsed", "no <answer> tag", None)
        else:
            named = self.traits[winner]
            text = (
                f"Its wording is more {named} than {self.traits[loser]}. <answer>{named}</answer>"
            )
            number = self._put_attempt(f"judge-{judging}", {"content": text}, "stop")
            row = VerdictRow(judging, "ok", "", self.ids[winner])
        self.writer.put_verdict(row, number)

    def _put_attempt(self, key: str, message: Mapping[str, str], stop: str) -> int:
        canonical = Request("test", key, ({"role": "user", "content": key},)).canonical()
        body = orjson.dumps({"choices": [{"message": message, "finish_reason": stop}]})
        reading = read_response(200, body)
        attempt = Attempt(request_id(canonical), 1, reading, 200, body, 1.8e9, 0.5)
        return self.writer.put_attempt(canonical, attempt, cost=None)


_WORDS = """
the a of to and in that it is was for on with as his they at be this from
have or by one had not but what all were when we there can an your which their said if
do will each about how up out them then she many some so these would other into has more her
two like him see time could
""".split()  # noqa: SIM905 - one word an item would be 90 lines


SIX = ("warm", "blunt", "formal", "playful", "cautious", "bold")


def fill_with_losses(path: Path) -> Path:
    """Make a store of six traits, two models and two judges, with losses; returns its path."""
    return fill_store(
        path,
        traits=SIX,
        models=("alpha", "beta"),
        judges=("one", "two"),
        losses=Losses(empty=0.1, unparsed=0.1),
        words=12,
    )
