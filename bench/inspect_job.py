"""The load bench's job as an Inspect task: a trial is a sample, the judge is its scorer.

::

    .venv-bench-inspect/bin/python bench/inspect_job.py JOBS.json LOG_FOLDER

Runs in an environment of its own, so it imports nothing of ethogram: the messages come in a file
that `bench.load_jobs` wrote. Inspect writes its usual log; a first evaluation of a few
samples, not timed, takes what is done once a process.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate

WARM_UP = 8
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


@scorer(metrics=[mean()])
def judged(judge: Model, slot: str) -> Scorer:
    """Ask the judge which of two words fits the reply; 1.0 is the one shown first."""

    async def score(state: TaskState, target: Target) -> Score:
        told: dict[str, Any] = state.metadata
        asked = told["judge"].replace(slot, state.output.completion)
        said = await judge.generate(
            [ChatMessageSystem(content=told["judge_system"]), ChatMessageUser(content=asked)]
        )
        found = ANSWER.search(said.completion)
        if found is None:
            return Score.unscored(explanation="no <answer> tag")
        return Score(value=float(found[1] == told["first"]), answer=found[1])

    return score


def samples(jobs: list[dict[str, str]]) -> MemoryDataset:
    """Return a sample a trial; what its judge is asked stands in the metadata."""
    return MemoryDataset(
        [
            Sample(
                id=i + 1,
                input=[ChatMessageSystem(content=j["system"]), ChatMessageUser(content=j["user"])],
                metadata={k: j[k] for k in ("judge", "judge_system", "first")},
            )
            for i, j in enumerate(jobs)
        ]
    )


def run(told: dict[str, Any], jobs: list[dict[str, str]], folder: str) -> int:
    """Evaluate; returns how many verdicts there are."""

    def model(key: str) -> Model:
        settings = told[key]
        config = GenerateConfig(
            temperature=settings["temperature"],
            max_tokens=settings["max_tokens"],
            max_connections=told["flight"],
        )
        name = f"openai-api/planted/{settings['model']}"
        return get_model(name, base_url=told["url"], api_key="none", config=config)

    task = Task(
        dataset=samples(jobs), solver=generate(), scorer=judged(model("judge"), told["slot"])
    )
    (log,) = eval(
        task,
        model=model("tested"),
        max_samples=told["flight"],
        max_connections=told["flight"],
        display="none",
        log_dir=folder,
    )
    if log.status != "success":
        raise SystemExit(f"inspect ended with {log.status}: {log.error}")
    return sum(1 for sample in log.samples or () if sample.scores)


def main() -> None:
    """Evaluate a few samples, then all of them against the clock."""
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    run(told, told["jobs"][:WARM_UP], sys.argv[2])
    started, cpu = time.perf_counter(), time.process_time()
    done = run(told, told["jobs"][WARM_UP:], sys.argv[2])
    found = {
        "comparisons": done,
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "version": version("inspect-ai"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
