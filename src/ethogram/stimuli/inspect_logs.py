"""Logs of Inspect as transcripts: what each sample's model answered last, and to what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ethogram.errors import InputError
from ethogram.stimuli.extras import need

NO_MODEL = "none/none"  # of an evaluation that names its models in its own code

OWN_TASK = "character"  # ours: its messages name two traits

Reply = tuple[str, list[dict[str, str]], str, str, str, bool]
"""The model, its chat, why the reply ended, why there is none, the sample's own id, and whether the
message named traits to choose from."""


def is_inspect_log(path: Path) -> bool:
    """Whether a file is a log of Inspect: by its ending, or by how its JSON begins."""
    if path.suffix == ".eval":
        return True
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        start = b"".join(file.read(4000).split())
    return start.startswith(b'{"version":') and b'"eval":{' in start


def read_inspect_log(path: Path) -> Iterator[Reply]:
    """Yield the replies of each sample.

    Raises
    ------
    InputError
        Inspect is not installed, or the file is not one of its logs.
    """
    log = need("inspect_ai.log", what=f"{path}, a log of Inspect,", extra="inspect")
    if not path.is_file():
        raise InputError(f"no file at {path}")
    try:
        header = log.read_eval_log(str(path), header_only=True)
        one_by_one = header.eval.dataset.sample_ids is not None  # those of old releases have none
        samples = (
            log.read_eval_log_samples(str(path), all_samples_required=False)
            if one_by_one
            else log.read_eval_log(str(path)).samples or ()
        )
        for sample in samples:
            yield from _replies(sample, header.eval)
    except InputError:
        raise
    except Exception as error:  # its reader raises whatever is wrong with the file
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} cannot be read as a log of Inspect: {said}") from error


def _replies(sample: Any, log: Any) -> Iterator[Reply]:
    """Yield a sample's reply; each of several choices is one."""
    model, named = log.model, str(log.task).rpartition("/")[2] == OWN_TASK
    named = named and {"trait_1", "trait_2"} <= set(sample.metadata or ())
    choices = sample.output.choices if sample.output else []
    whose = sample.output.model if model == NO_MODEL and choices else model
    chat, lost, name = _chat(sample), _lost(sample), f"{sample.uuid or ''}"
    if named and sample.metadata.get("kind") == "exemplar":
        lost = "written for ethogram"
    if len(choices) < 2 or lost:
        yield whose, chat, _finish(choices[:1]), lost, name, named
        return
    before = chat[:-1] if chat[-1]["role"] == "assistant" else chat
    for i, choice in enumerate(choices):
        reply = {"role": "assistant", "content": choice.message.text}
        yield whose, [*before, reply], _finish([choice]), "", name and f"{name}/{i}", named


def _chat(sample: Any) -> list[dict[str, str]]:
    """Return what was said, thoughts left out: `text` of a message has none."""
    said = [{"role": m.role, "content": m.text} for m in sample.messages]
    if not any(turn["role"] == "user" for turn in said):
        given = sample.input
        asked = (
            [{"role": "user", "content": given}]
            if isinstance(given, str)
            else [{"role": m.role, "content": m.text} for m in given]
        )
        said = [*asked, *said]
    if sample.output and sample.output.completion and said[-1]["role"] != "assistant":
        said.append({"role": "assistant", "content": sample.output.completion})
    return said


def _finish(choices: Any) -> str:
    """Say why the reply ended, as services do; Inspect has a word of its own for one limit."""
    said = str(choices[0].stop_reason) if choices else ""
    return "length" if said == "model_length" else said


def _lost(sample: Any) -> str:
    """Say why a sample has no reply; a refusal by a filter is none of the model's manner."""
    if sample.error is not None:
        return "ended in an error"
    choices = sample.output.choices if sample.output else []
    if choices and choices[0].stop_reason == "content_filter":
        return "stopped by a content filter"
    refused = sample.output and (sample.output.error or any(map(has_refused, _last(choices))))
    return "refused" if refused else ""


def _last(choices: Any) -> list[Any]:
    return [choice.message for choice in choices[:1]]


def has_refused(message: Any) -> bool:
    """Whether a part of a message is marked as a refusal by the service."""
    parts = message.content if isinstance(message.content, list) else ()
    return any(getattr(part, "refusal", None) for part in parts)
