"""A store as logs of Inspect: one per model and condition, a sample per trial.

Written by Inspect's own writer, so that `inspect view` and its analysis read them. A sample has
the messages as they were sent, the reply, and a score for each verdict: the probability that the
first trait was shown, the word of the verdict, and what the judge wrote. What was lost is an error
of the sample, or a score that was not given, each with its reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ethogram import __version__
from ethogram.design import Part
from ethogram.engine.inspect_models import CHAT_MESSAGES
from ethogram.engine.requests import USABLE
from ethogram.errors import InputError
from ethogram.ratings.profile import Profile
from ethogram.report.bridges.every_eval_ever import model_info
from ethogram.stimuli.extras import need
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file
from ethogram.store.read import asked_between, export_rows, sent_messages
from ethogram.validity.results import StoreResults

LONGEST = 150  # bytes of a file's name: file systems take 255
TASK = "ethogram/character"
_STOPS = {"truncated": "max_tokens", "refused": "content_filter", "filtered": "content_filter"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Trials:
    """The trials of one model and condition with what came of each, by the trial's number."""

    model: str
    condition: str
    trials: Sequence[Row]
    replies: Mapping[int, Row]
    verdicts: Mapping[int, Sequence[Row]]
    messages: Mapping[int, Sequence[Row]]


def export_logs(
    results: StoreResults, folder: Path, *, force: bool = False
) -> Iterator[tuple[Path, int]]:
    """Write a log per model and condition of the study; yields each file and its samples.

    Parameters
    ----------
    results : StoreResults
    folder : Path
        Made if it is not there.
    force : bool
        Also replace files that ethogram did not write.

    Raises
    ------
    InputError
        Inspect is not installed, the study has no trials, or a file is not ethogram's.
    """
    log = _inspect("log")
    groups = _read_groups(results)
    if not groups:
        raise InputError(f"{results.store.path} has no trials of a study: nothing to write")
    paths = [folder / name for name in _file_names(groups)]
    check_folder(folder)
    check_outputs([path for path in paths if not _is_ours(path, log)], force=force)
    profiles = results.rated().profiles
    for path, group in zip(paths, groups, strict=True):
        own = [p for p in profiles if (p.model, p.condition) == (group.model, group.condition)]
        with partial_file(path) as partial:
            log.write_eval_log(_log(results, group, own), str(partial), format="eval")
        yield path, len(group.trials)


def _file_names(groups: Sequence[Trials]) -> list[str]:
    """Return names that any system takes; what differs only in case or other signs stays apart."""
    about = [f"{group.model}_{group.condition}" for group in groups]
    safe = [_portable(name) for name in about]
    times = Counter(name.casefold() for name in safe)
    return [
        f"{short if short == name and times[short.casefold()] == 1 else _marked(short, name)}.eval"
        for short, name in zip(safe, about, strict=True)
    ]


def _portable(name: str) -> str:
    """Return a name without signs of paths, not hidden, and no longer than a file's may be."""
    safe = "".join(char if char.isalnum() or char in "._-" else "-" for char in name)
    return safe.lstrip(".-").encode()[:LONGEST].decode(errors="ignore")


def _marked(short: str, name: str) -> str:
    return f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _is_ours(path: Path, log: Any) -> bool:
    """Whether a log is of this task: a log has no place for our mark."""
    try:
        return bool(log.read_eval_log(str(path), header_only=True).eval.task == TASK)
    except Exception:  # no log, or nothing there
        return False


def _read_groups(results: StoreResults) -> list[Trials]:
    """Read the trials of the study itself, with replies, verdicts and messages."""
    store = results.store
    groups: dict[tuple[str, str], list[Row]] = {}
    for chunk in export_rows(store, "trials"):
        for row in chunk:
            if row["part"] == Part.MAIN and row["trait_1"] and row["trait_2"]:
                groups.setdefault((row["model"], row["condition"]), []).append(row)
    replies = {row["trial"]: row for chunk in export_rows(store, "replies") for row in chunk}
    verdicts: dict[int, list[Row]] = {}
    for chunk in export_rows(store, "verdicts"):
        for row in chunk:
            if row["part"] == Part.MAIN:
                verdicts.setdefault(row["trial"], []).append(row)
    return [
        Trials(*key, rows, replies, verdicts, dict(sent_messages(store, key[0], Part.MAIN, key[1])))
        for key, rows in groups.items()
    ]


def _log(results: StoreResults, group: Trials, profiles: Sequence[Profile]) -> Any:
    """Return the whole log of one model and condition."""
    log = _inspect("log")
    studies = results.store.studies()
    last: Row = studies[-1] if studies else {"name": results.store.path.stem, "started": 0.0}
    settings = orjson.loads(results.models.get(group.model, "{}"))
    started = datetime.fromtimestamp(last["started"], UTC).isoformat()
    samples = [_sample(trial, group) for trial in group.trials]
    done = sum(sample.error is None for sample in samples)
    about = f"{last['name']}/{group.model}/{group.condition}"
    return log.EvalLog(
        status="success",
        eval=log.EvalSpec(
            eval_id=hashlib.sha256(about.encode()).hexdigest()[:22],
            run_id=hashlib.sha256(f"{last['name']}/{started}".encode()).hexdigest()[:22],
            created=started,
            task=TASK,
            task_args=_task_arguments(last, group),
            dataset=log.EvalDataset(
                name=last["name"], samples=len(samples), sample_ids=[s.id for s in samples]
            ),
            model=model_info(group.model, settings)["id"],
            model_generate_config=_generation(settings),
            config=log.EvalConfig(),
            packages={"ethogram": __version__},
            metadata={"model": group.model, "judges": list(results.judges)},
        ),
        results=log.EvalResults(
            total_samples=len(samples),
            completed_samples=done,
            scores=[_score_of(profile, samples) for profile in profiles],
        ),
        stats=_times(results),
        samples=samples,
    )


def _inspect(part: str) -> Any:
    """Return a part of Inspect."""
    return need(f"inspect_ai.{part}", what="--format inspect", extra="inspect")


def _times(results: StoreResults) -> Any:
    """Return when the store's calls were made, from the first to the last."""
    log = _inspect("log")
    ends = asked_between(results.store)
    if ends is None:
        return log.EvalStats()
    first, last = (datetime.fromtimestamp(end, UTC).isoformat() for end in ends)
    return log.EvalStats(started_at=first, completed_at=last)


def _task_arguments(study: Mapping[str, Any], group: Trials) -> dict[str, Any]:
    table = orjson.loads(study.get("settings", "{}")).get("study", {})
    kept = {key: table[key] for key in ("traits", "prompts", "seed", "pairs") if key in table}
    return {**kept, "condition": group.condition}


def _generation(settings: Mapping[str, Any]) -> Any:
    """Return the settings that Inspect has a field for."""
    model = _inspect("model")
    params = settings.get("params", {})
    known = ("temperature", "top_p", "top_k", "max_tokens", "seed")
    return model.GenerateConfig(**{key: params[key] for key in known if key in params})


def _score_of(profile: Profile, samples: Sequence[Any]) -> Any:
    """Return a judge's ratings as metrics, one per trait, each with its interval."""
    log = _inspect("log")
    rows = profile.frame().to_dicts()
    return log.EvalScore(
        name=profile.judge,
        scorer="ethogram/judge",
        scored_samples=profile.n,
        unscored_samples=profile.lost,
        metrics={
            row["trait"]: log.EvalMetric(
                name=row["trait"],
                value=row["rating"],
                metadata={k: row[k] for k in ("low", "high", "rank", "n", "wins", "mark")},
            )
            for row in rows
        },
        metadata={
            "rating": "Bradley-Terry, mean 1000, 400 points per factor of ten in the odds",
            "level": profile.level,
            "caveats": list(profile.caveats),
        },
    )


def _sample(trial: Row, group: Trials) -> Any:
    """Return one trial: what was asked, the reply or why there is none, every verdict."""
    log = _inspect("log")
    number, reply = trial["trial"], group.replies.get(trial["trial"])
    asked = _asked(trial, group.messages.get(number))
    usable = reply is not None and reply["status"] in USABLE
    output = _output(reply, group.model) if reply is not None and usable else None
    return log.EvalSample(
        id=number,
        epoch=1,
        input=asked,
        target=f"{trial['trait_1']} or {trial['trait_2']}",
        choices=[trial["trait_1"], trial["trait_2"]],
        messages=[*asked, *([output.message] if output is not None else [])],
        **({"output": output} if output is not None else {}),
        scores=dict(_scores(trial, group.verdicts.get(number, ()))),
        metadata={
            "trait_1": trial["trait_1"],
            "trait_2": trial["trait_2"],
            "prompt_id": trial["prompt_id"],
            "language": trial["language"],
            "condition": trial["condition"],
            "reply_status": "pending" if reply is None else reply["status"],
        },
        error=None if usable else _error(reply),
    )


def _asked(trial: Row, sent: Sequence[Row] | None) -> list[Any]:
    """Return the messages as they were sent; of a trial that never was, the user's."""
    model = _inspect("model")
    said = sent or [{"role": "user", "content": trial["prompt"]}]
    made = []
    for place, turn in enumerate(said):
        kind = getattr(model, CHAT_MESSAGES.get(turn["role"], "ChatMessageUser"))
        content = turn["content"]
        text = content if isinstance(content, str) else orjson.dumps(content).decode()
        made.append(kind(id=f"{trial['trial']}-{place}", content=text))
    return made


def _output(reply: Row, name: str) -> Any:
    """Return a reply with its thoughts apart, its tokens and why it ended."""
    model = _inspect("model")
    text, thoughts = reply["text"] or "", reply["reasoning"]
    content: Any = text
    if thoughts:
        content = [model.ContentReasoning(reasoning=thoughts), model.ContentText(text=text)]
    message = model.ChatMessageAssistant(
        id=f"{reply['trial']}-reply", content=content, source="generate"
    )
    choice = model.ChatCompletionChoice(
        message=message, stop_reason=_STOPS.get(reply["status"], "stop")
    )
    given, made = reply["prompt_tokens"] or 0, reply["completion_tokens"] or 0
    usage = model.ModelUsage(input_tokens=given, output_tokens=made, total_tokens=given + made)
    return model.ModelOutput(
        model=reply["model_said"] or name,
        choices=[choice],
        usage=usage if given or made else None,
    )


def _error(reply: Row | None) -> Any:
    """Return why there is no reply."""
    log = need("inspect_ai._util.error", what="--format inspect", extra="inspect")
    said = "pending: not asked yet" if reply is None else f"{reply['status']}: {reply['reason']}"
    return log.EvalError(message=said, traceback="", traceback_ansi="")


def _scores(trial: Row, verdicts: Sequence[Row]) -> Iterator[tuple[str, Any]]:
    """Yield a score per verdict under the judge's name; the other order says so in its name."""
    scorer = need("inspect_ai.scorer", what="--format inspect", extra="inspect")
    named: dict[str, int] = {}
    for verdict in verdicts:
        shown = [trial["trait_1"], trial["trait_2"]][:: -1 if verdict["swapped"] else 1]
        times = named[verdict["judge"]] = named.get(verdict["judge"], 0) + 1
        name = verdict["judge"] if times == 1 else f"{verdict['judge']} ({times})"
        usable = verdict["status"] in USABLE
        yield (
            name,
            scorer.Score(
                value=_value(verdict, trial) if usable else float("nan"),
                answer=(verdict["winner"] or "tie") if usable else None,
                explanation=verdict["text"] or verdict["reason"] or None,
                reason=None if usable else verdict["status"],
                metadata={
                    "judge": verdict["judge"],
                    "shown_first": shown[0],
                    "status": verdict["status"],
                    "p_first": verdict["p_first"],
                },
            ),
        )


def _value(verdict: Row, trial: Row) -> float:
    """Return how probable it is that the first trait was shown: by words 1, 0, or 0.5 for a tie."""
    if verdict["p_first"] is not None:
        return float(verdict["p_first"])
    return {trial["trait_1"]: 1.0, trial["trait_2"]: 0.0}.get(verdict["winner"], 0.5)
