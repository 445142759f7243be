"""The jobs that the load bench times, each in a process of its own.

::

    python -m bench.load_jobs JOB '{"option": value, ...}'

prints one line of JSON. A fresh process a job keeps one job's heap, caches and connections out of
another's figures, and makes peak memory its own. `bench.load_bench` starts them in turn.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from ethogram import planning, records, stages
from ethogram.endpoints import sent_params
from ethogram.kernel import read_response
from ethogram.protocols.elicit import elicit_messages
from ethogram.protocols.judge import judge_messages
from ethogram.results import rate_all
from ethogram.store import Store
from ethogram.study import Study, parse_study

STUDY = """
[study]
name = "load"
seed = {seed}
traits = "{traits}"
repeats = {repeats}
max_trials = {trials}

{models}
[judges.judge]
base_url = "{url}"
model = "judge"
temperature = 0.1
max_tokens = 512
concurrency = {judge_flight}
"""
MODEL = """[models.{name}]
base_url = "{url}"
model = "{name}"
temperature = 1.0
max_tokens = 1024
concurrency = {flight}
"""


def load_study(
    *, url: str, trials: int, flight: int = 256, models: int = 1, traits: str = "study144",
    repeats: int = 1, seed: int = 0,
) -> Study:
    """Return the study that is run: `trials` trials of each of `models` models, one judge.

    Half of `flight` is the judge's, the other half is shared by the models.
    """
    half = flight // 2
    tables = [MODEL.format(name=f"model-{i}", url=url, flight=half // models) for i in range(models)]
    return parse_study(
        STUDY.format(
            seed=seed, traits=traits, repeats=repeats, trials=trials, url=url,
            models="\n".join(tables), judge_flight=half,
        )
    )


# -- throughput ---------------------------------------------------------------------------------


def run_ours(**options: Any) -> dict[str, float]:
    """Time the product: plan into a new store, then elicit and judge; all durable at the end."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_study(Path(folder) / "load.db", load_study(**options))


def _run_study(path: Path, study: Study) -> dict[str, float]:
    start = time.perf_counter()
    prepared = planning.prepare(study)
    with Store.open(path) as store:
        planned = planning.plan_into(store, prepared)
        began, cpu = time.perf_counter(), time.process_time()
        main = time.thread_time()
        run = stages.run_stages(prepared, store, planned)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        main = time.thread_time() - main
        if run.stopped:
            raise run.stopped
    with Store.read(path) as store:
        done = sum(count.done for count in records.count_stages(store) if count.stage == "judge")
    return {
        "comparisons": done, "calls": run.calls, "seconds": seconds, "cpu": cpu, "main": main, "planning": began - start,
        "megabytes": path.stat().st_size / 1e6, "peak_mb": peak_mb(),
    }


def run_bare(*, flight: int = 256, **options: Any) -> dict[str, float]:
    """Time a bare aiohttp loop: the same calls, as many in flight, everything thrown away."""
    study = load_study(flight=flight, **options)
    jobs = list(_bare_jobs(study))
    started, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_bare_loop(study, iter(jobs), flight))
    return {
        "comparisons": len(jobs), "calls": 2 * len(jobs),
        "seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, "peak_mb": peak_mb(),
    }


def _bare_jobs(study: Study) -> Iterator[tuple[bytes, Callable[[str], bytes]]]:
    """Yield the body of each elicit call, made beforehand, and what makes the judge's from it."""
    prepared = planning.prepare(study)
    design, names, texts = prepared.design, prepared.traits.names, prepared.templates
    table, judge = study.models["model-0"], study.judges["judge"]
    asked, judging = sent_params(table), sent_params(judge)
    for i in range(len(design)):
        one, two = names[design.first[i]], names[design.second[i]]
        prompt = prepared.prompts.prompts[int(design.prompt[i])].text
        shown = (two, one) if design.judge_swap[i] else (one, two)

        def judge_body(reply: str, prompt: str = prompt, shown: tuple[str, str] = shown) -> bytes:
            messages = judge_messages(texts, prompt, reply, *shown)
            return orjson.dumps({"model": judge.model, "messages": messages, **judging})

        messages = elicit_messages(texts, study.study.condition, prompt, one, two)
        yield orjson.dumps({"model": table.model, "messages": messages, **asked}), judge_body


async def _bare_loop(study: Study, jobs: Iterator[Any], flight: int) -> None:
    """Take jobs from one iterator with `flight` workers."""
    url = f"{study.judges['judge'].base_url}/chat/completions"
    headers = {"Content-Type": "application/json"}

    async def call(session: aiohttp.ClientSession, body: bytes) -> str:
        async with session.post(url, data=body, headers=headers) as answer:
            found = orjson.loads(await answer.read())
        return str(found["choices"][0]["message"]["content"])

    async def work(session: aiohttp.ClientSession) -> None:
        for body, judge_body in jobs:
            await call(session, judge_body(await call(session, body)))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session) for _ in range(flight)))


# -- memory and reading back --------------------------------------------------------------------


def peak_mb() -> float:
    """Peak resident memory of this process, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def run_into(*, path: str, **options: Any) -> dict[str, float]:
    """Run a study into a store that is kept; its peak memory is the measure."""
    return _run_study(Path(path), load_study(**options))


JOBS: dict[str, Callable[..., dict[str, float]]] = {
    "ours": run_ours,
    "bare": run_bare,
    "into": run_into,
}


def main() -> None:
    """Run one job and print its figures."""
    print(orjson.dumps(JOBS[sys.argv[1]](**orjson.loads(sys.argv[2]))).decode())


if __name__ == "__main__":
    main()
