"""The jobs that the load bench times, each in a process of its own.

::

    python -m bench.load_jobs JOB '{"option": value, ...}'

prints one line of JSON. A process a job keeps one job's heap, caches and connections out of
another's figures, and makes peak memory the job's own. `bench.load_bench` starts them.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from ethogram.api import read_source
from ethogram.engine.endpoints import sent_params
from ethogram.engine.settings import ModelTable
from ethogram.protocols.elicit import elicit_messages
from ethogram.protocols.judge import judge_messages
from ethogram.protocols.templates import Templates
from ethogram.ratings.results import rate_all
from ethogram.report import write_report
from ethogram.run.prepare import plan_into, prepare
from ethogram.run.runner import run_stages
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.store.writer import Writer
from ethogram.study import Study, parse_study

Figures = dict[str, Any]

STUDY = """
[study]
name = "load"
seed = {seed}
traits = "study144"
max_trials = {trials}

{models}
[judges.judge]
base_url = "{url}"
model = "judge"
temperature = 0.1
top_p = 0.95
max_tokens = 512
concurrency = {flight}
"""
MODEL = """[models.{name}]
base_url = "{url}"
model = "{name}"
temperature = 1.0
max_tokens = 1024
concurrency = {flight}
"""


def load_study(
    *, url: str, trials: int, flight: int = 256, models: int = 1, seed: int = 0
) -> Study:
    """Return the study that is run: so many trials of each model, one judge.

    Half of the calls in flight are the judge's; the models share the other half.
    """
    half = flight // 2
    tables = (
        MODEL.format(name=f"model-{i}", url=url, flight=half // models) for i in range(models)
    )
    text = STUDY.format(seed=seed, trials=trials, url=url, flight=half, models="\n".join(tables))
    return parse_study(text)


# -- throughput and memory ----------------------------------------------------------------------


@dataclass
class Clock:
    """Wall and processor seconds from here on."""

    wall: float
    processor: float

    @classmethod
    def start(cls) -> Clock:
        """Start it."""
        return cls(time.perf_counter(), time.process_time())

    def read(self) -> dict[str, float]:
        """Return the seconds so far."""
        wall, processor = time.perf_counter() - self.wall, time.process_time() - self.processor
        return {"seconds": wall, "cpu": processor}


def run_ours(*, path: str | None = None, **options: Any) -> Figures:
    """Run the product on a new store: when the clock stops, all of it is on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_study(Path(path) if path else Path(folder) / "load.db", load_study(**options))


class WatchedStore(Store):
    """A store that keeps its writer, to ask it how long a result waited for its commit."""

    kept: Writer

    def writer(self) -> Writer:
        """Start the writer and keep it."""
        self.kept = super().writer()
        return self.kept


def _run_study(path: Path, study: Study) -> Figures:
    planning = Clock.start()
    prepared = prepare(study)
    with WatchedStore.open(path) as store:
        planned = plan_into(store, prepared)
        planned_in, clock = planning.read(), Clock.start()
        run = run_stages(prepared, store, planned)
        figures: Figures = clock.read() | {"longest_ms": 1000 * store.kept.longest}
    if run.stopped:
        raise run.stopped
    with Store.read(path) as store:
        done = sum(count.done for count in count_stages(store) if count.stage == "judge")
    figures |= {"comparisons": done, "calls": run.calls, "planning": planned_in["seconds"]}
    return figures | {"peak_mb": peak_mb(), "store_mb": path.stat().st_size / 1e6}


def peak_mb() -> float:
    """Peak resident memory of this process, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


# -- the same calls without the product ---------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One trial's texts; the judge's question waits for the reply."""

    system: str
    user: str
    shown: tuple[str, str]


def _trials(study: Study) -> Iterator[Trial]:
    """Yield the trials of the first model."""
    prepared = prepare(study)
    design, names = prepared.design, prepared.traits.names
    for i in range(len(design)):
        one, two = names[design.first[i]], names[design.second[i]]
        prompt = prepared.prompts.prompts[int(design.prompt[i])].text
        system, user = elicit_messages(prepared.templates, "feels", prompt, one, two)
        shown = (two, one) if design.judge_swap[i] else (one, two)
        yield Trial(system["content"], user["content"], shown)


def run_bare(*, flight: int = 256, **options: Any) -> Figures:
    """Run a bare aiohttp loop: the same calls, as many in flight, everything thrown away.

    What can be made beforehand (the bodies of the first calls) is, off the clock.
    """
    study = load_study(flight=flight, **options)
    model = study.models["model-0"]
    templates, trials = prepare(study).templates, list(_trials(study))
    bodies = [_body(model, t.system, t.user) for t in trials]
    clock = Clock.start()
    asyncio.run(_bare_loop(study, templates, iter(zip(trials, bodies, strict=True)), flight))
    return {**clock.read(), "comparisons": len(trials), "peak_mb": peak_mb()}


def _body(table: ModelTable, system: str, user: str) -> bytes:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return orjson.dumps({"model": table.model, "messages": messages, **sent_params(table)})


async def _bare_loop(
    study: Study, templates: Templates, work: Iterator[tuple[Trial, bytes]], flight: int
) -> None:
    """Take trials from one iterator with `flight` workers: two calls each, one after the other."""
    judge = study.judges["judge"]
    url = f"{judge.base_url}/chat/completions"
    headers = {"Content-Type": "application/json"}
    params = sent_params(judge)

    async def call(body: bytes) -> str:
        async with session.post(url, data=body, headers=headers) as answer:
            found = orjson.loads(await answer.read())
        return str(found["choices"][0]["message"]["content"])

    async def worker() -> None:
        for trial, body in work:
            messages = judge_messages(templates, trial.user, await call(body), *trial.shown)
            await call(orjson.dumps({"model": judge.model, "messages": messages, **params}))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(worker() for _ in range(flight)))


SLOT = "\x00reply\x00"


def write_inspect_jobs(*, path: str, flight: int = 256, **options: Any) -> Figures:
    """Write the trials for `bench/inspect_job.py`, which cannot import the product."""
    study = load_study(flight=flight, **options)
    templates, jobs = prepare(study).templates, []
    for trial in _trials(study):
        judge_system, judge = judge_messages(templates, trial.user, SLOT, *trial.shown)
        jobs.append(
            {
                "system": trial.system,
                "user": trial.user,
                "judge_system": judge_system["content"],
                "judge": judge["content"],
                "first": trial.shown[0],
            }
        )
    tables = {"tested": study.models["model-0"], "judge": study.judges["judge"]}
    told = {
        key: {"model": t.model, "temperature": t.temperature, "max_tokens": t.max_tokens}
        for key, t in tables.items()
    }
    told |= {"url": options["url"], "flight": flight, "slot": SLOT, "jobs": jobs}
    Path(path).write_bytes(orjson.dumps(told))
    return {"jobs": len(jobs)}


# -- reading back -------------------------------------------------------------------------------


def rate_store(*, path: str) -> Figures:
    """Read every comparison of a store and rate every model, intervals included."""
    return _timed(lambda: rate_all(read_source(path)).profiles)


def open_status(*, path: str) -> Figures:
    """Count what is planned, done and lost, as `ethogram status` does."""

    def status() -> object:
        with Store.read(path) as store:
            return count_stages(store), store.spent()

    return _timed(status)


def open_report(*, path: str) -> Figures:
    """Write the report, with its sample of trials in full."""

    def report() -> object:
        with tempfile.TemporaryDirectory() as folder, Store.read(path) as store:
            return write_report(store, Path(folder) / "report.html")

    return _timed(report)


def _timed(job: Callable[[], object]) -> Figures:
    """Time a job; `read_mb` is what this process has read from files meanwhile."""
    before, clock = _bytes_read(), Clock.start()
    job()
    figures: Figures = clock.read()
    read = None if before is None else (_bytes_read() or 0) - before
    return figures | {"peak_mb": peak_mb(), "read_mb": None if read is None else read / 1e6}


def _bytes_read() -> int | None:
    """Bytes that this process has read so far; None where the system does not tell."""
    try:
        return int(Path("/proc/self/io").read_text(encoding="ascii").split()[1])
    except OSError:
        return None


JOBS: dict[str, Callable[..., Figures]] = {
    "ours": run_ours,
    "bare": run_bare,
    "inspect_jobs": write_inspect_jobs,
    "ratings": rate_store,
    "status": open_status,
    "report": open_report,
}


def main() -> None:
    """Run one job and print its figures."""
    print(orjson.dumps(JOBS[sys.argv[1]](**orjson.loads(sys.argv[2]))).decode())


if __name__ == "__main__":
    main()
