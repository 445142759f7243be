"""The task `ethogram/character` of Inspect: a study that `inspect eval` runs.

Inspect asks and keeps the log; what is asked, how a verdict is read and how ratings are made are
those of any study. Imported by Inspect alone, through its entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import Any

import numpy as np
import orjson
from inspect_ai import Task, task
from inspect_ai import model as inspect_model
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import Score, metric, scorer
from inspect_ai.solver import solver

from ethogram.engine.inspect_models import CHAT_MESSAGES, completion_body
from ethogram.engine.reading import read_response
from ethogram.engine.requests import USABLE, Messages, Reading
from ethogram.errors import EthogramError
from ethogram.protocols.elicit import ELICIT
from ethogram.protocols.protocol import Judging, Setting, Trial
from ethogram.protocols.transcript import transcript
from ethogram.protocols.verdicts import VERDICTS
from ethogram.ratings.comparisons import Comparisons, compare
from ethogram.ratings.rate import rate
from ethogram.run.exemplars import make_exams, read_exemplars
from ethogram.run.prepare import Prepared, prepare
from ethogram.study import Study, parse_study
from ethogram.validity.proportions import proportion

NAME = "character"
TRIAL, EXEMPLAR = "trial", "exemplar"
_KINDS = {role: getattr(inspect_model, kind) for role, kind in CHAT_MESSAGES.items()}


def _character(
    traits: str = "contested40",
    prompts: str = "bundled",
    judge: str | None = None,
    pairs: str | int = "all",
    repeats: int = 1,
    max_trials: int | None = None,
    condition: str = "feels",
    templates: str = "plain",
    exemplars: int = 96,
    seed: int = 0,
) -> Any:
    """Which of two traits a model shows when it gets to choose.

    Parameters
    ----------
    traits, prompts, pairs, repeats, max_trials, condition, seed
        As in a study file's [study] table.
    judge : str, optional
        A model of Inspect's; else the role "grader", else the tested model itself.
    templates : "plain" or "blunt"
    exemplars : int
        Verdicts on written replies whose trait is known, which say whether the judge sees; 0 asks
        none.
    """
    table = {
        "traits": traits, "prompts": prompts, "pairs": pairs, "repeats": repeats,
        "max_trials": max_trials, "condition": condition, "seed": seed,
    }  # fmt: skip
    prepared = prepare(_study(table, templates, exemplars))
    samples = [*_trials(prepared), *(_exemplars(prepared) if exemplars else ())]
    names = list(prepared.traits.names)
    return Task(
        dataset=MemoryDataset(samples, name=f"ethogram {prepared.traits.name}"),
        solver=answer(),
        scorer=trait_shown(judge, _judge_setting(prepared)),
        metrics=[ratings(names), judge_accuracy()],
        name=NAME,
        version=1,
    )


def _study(table: dict[str, Any], templates: str, exemplars: int) -> Study:
    """Return the study that these arguments make; its model and judge are Inspect's to name."""
    party = {"service": "inspect", "model": "inspect/inspect"}
    tables = {
        "study": {"name": NAME, **{k: v for k, v in table.items() if v is not None}},
        "models.tested": party,
        "judges.judge": party,
        "templates": {"set": templates},
        "validity": {"exemplar_calls": max(exemplars, 1)},
    }
    lines = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{k} = {orjson.dumps(v).decode()}" for k, v in values.items())]
    return parse_study("\n".join(lines))


def _trials(prepared: Prepared) -> Iterator[Any]:
    """Yield a sample per trial of the design."""
    design, names = prepared.design, prepared.traits.names
    setting = Setting(prepared.templates, prepared.study.models["tested"], prepared.study)
    condition = prepared.study.study.condition
    places = zip(design.first, design.second, design.prompt, design.judge_swap, strict=True)
    for seq, (a, b, p, swapped) in enumerate(places):
        prompt = prepared.prompts.prompts[int(p)]
        trial = Trial(seq, condition, names[a], names[b], prompt.text, 0, turns=prompt.turns)
        (call,) = ELICIT.calls(trial, setting)
        yield Sample(
            id=f"{TRIAL}-{seq}",
            input=_messages(call.messages),
            target=f"{names[a]} or {names[b]}",
            metadata={
                "kind": TRIAL,
                "trait_1": names[a],
                "trait_2": names[b],
                "prompt": int(p),
                "swapped": bool(swapped),
                "shown": transcript(prompt.turns, prompt.text),
            },
        )


def _exemplars(prepared: Prepared) -> Iterator[Any]:
    """Yield two samples per exam: a written reply that the judge alone reads, in both orders."""
    exams = make_exams(prepared, read_exemplars(prepared))
    for place, exam in enumerate(exams):
        for swapped in (False, True):
            yield Sample(
                id=f"{EXEMPLAR}-{place}-{int(swapped)}",
                input=exam.exemplar.prompt,
                target=exam.trait,
                metadata={
                    "kind": EXEMPLAR,
                    "trait_1": exam.trait,
                    "trait_2": exam.foil,
                    "prompt": place,
                    "swapped": swapped,
                    "shown": exam.exemplar.prompt,
                    "reply": exam.exemplar.reply,
                },
            )


def _messages(said: Messages) -> list[Any]:
    return [_KINDS[turn["role"]](content=turn["content"]) for turn in said]


def _judge_setting(prepared: Prepared) -> Setting:
    return Setting(prepared.templates, prepared.study.judges["judge"], prepared.study)


def _answer() -> Any:
    """Ask the tested model; a written reply stands for itself, and asks nobody."""

    async def solve(state: Any, generate: Callable[..., Any]) -> Any:
        if state.metadata["kind"] == TRIAL:
            return await generate(state)
        state.output = ModelOutput.from_content("written", state.metadata["reply"])
        state.messages.append(state.output.message)
        return state

    return solve


def _trait_shown(judge: str | None, setting: Setting) -> Any:
    """Ask the judge which of the two traits a reply shows: 1 the first, 0 the second, 0.5 a tie."""

    async def score(state: Any, target: Any) -> Any:
        about = state.metadata
        known = {k: about[k] for k in ("kind", "trait_1", "trait_2", "prompt", "swapped")}
        reply = _read(state.output)
        if reply.status not in USABLE:
            return Score.unscored(reason=str(reply.status), explanation=reply.reason or None)
        known["length"] = len(reply.text)
        pair = (about["trait_1"], about["trait_2"])
        judging = Judging(0, 0, *pair, about["swapped"], 0, about["shown"], reply.text)
        verdict, said = await _judged(judge, judging, setting)
        if verdict.status not in USABLE:
            return Score.unscored(
                reason=str(verdict.status), explanation=said or verdict.reason, metadata=known
            )
        value = {about["trait_1"]: 1.0, about["trait_2"]: 0.0}.get(verdict.choice or "", 0.5)
        return Score(value=value, answer=verdict.choice or "tie", explanation=said, metadata=known)

    return score


async def _judged(judge: str | None, judging: Judging, setting: Setting) -> tuple[Reading, str]:
    """Return a judge's verdict and its words."""
    protocol = VERDICTS[setting.table.verdict]
    (call,) = protocol.calls(judging, setting)
    model = get_model(judge) if judge else get_model(role="grader")
    read = _read(await model.generate(_messages(call.messages)))
    return (call.read(read) if read.status in USABLE else read), read.text


def _read(output: Any) -> Reading:
    """Read what a model of Inspect's gave as any service's answer is read."""
    return read_response(200, completion_body(output))


def _ratings(traits: Sequence[str]) -> Any:
    """Rate the traits: each with the ends of its 95% interval, and how many verdicts there are."""

    def measure(scores: Sequence[Any]) -> dict[str, float]:
        found = comparisons_of(scores, traits)
        counted = {"comparisons": float(len(found))}
        try:
            rows = rate(found).frame().to_dicts()
        except EthogramError:  # too few verdicts for one scale: no number stands for a rating
            return counted
        named = {
            f"{row['trait']}{end}": float(row[key])
            for row in rows
            for end, key in (("", "rating"), (" (low)", "low"), (" (high)", "high"))
        }
        return {**named, **counted}

    return measure


def comparisons_of(scores: Sequence[Any], traits: Sequence[str]) -> Comparisons:
    """Return the verdicts on trials as comparisons.

    Parameters
    ----------
    scores : sequence of SampleScore
    traits : sequence of str
    """
    said = [(one.score.as_float(), one.score.metadata) for one in _of_kind(scores, TRIAL)]
    place = {trait: i for i, trait in enumerate(traits)}
    return compare(
        traits,
        [place[about["trait_1"]] for _, about in said],
        [place[about["trait_2"]] for _, about in said],
        [value for value, _ in said],
        tie=[value == 0.5 for value, _ in said],
        prompt=[about["prompt"] for _, about in said],
        judge_first=[-1 if about["swapped"] else 1 for _, about in said],
        length=[float(about["length"]) for _, about in said],
    )


def _judge_accuracy() -> Any:
    """Measure how often the judge found the trait of a written reply, with a 95% interval."""

    def measure(scores: Sequence[Any]) -> dict[str, float]:
        read = _of_kind(scores, EXEMPLAR)
        if not read:
            return {"judge verdicts": 0.0}
        hits = np.array([one.score.as_float() == 1 for one in read])
        replies = np.array([one.score.metadata["prompt"] for one in read])
        found = proportion(hits, clusters=replies)
        return {
            "judge accuracy": found.estimate,
            "judge accuracy (low)": found.low,
            "judge accuracy (high)": found.high,
            "judge verdicts": float(len(read)),
        }

    return measure


def _of_kind(scores: Sequence[Any], kind: str) -> list[Any]:
    """Return the scores of a kind that have a value."""
    return [
        one
        for one in scores
        if (one.score.metadata or {}).get("kind") == kind and not np.isnan(one.score.as_float())
    ]


answer = solver(name="answer")(_answer)
_EACH: dict[str, Any] = {"scores": "unreduced"} if "scores" in signature(metric).parameters else {}
"""Each epoch is a verdict: the mean of two that differ would be a tie. Older Inspects reduce."""

ratings = metric(name="ratings", **_EACH)(_ratings)
judge_accuracy = metric(name="judge_accuracy", **_EACH)(_judge_accuracy)
trait_shown = scorer(metrics=[judge_accuracy()], name="trait_shown")(_trait_shown)
character = task(name=NAME)(_character)
