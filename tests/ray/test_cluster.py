"""Open models on a Ray cluster of two nodes on this machine; `make test-ray` runs these.

SmolLM2 answers and judges: what is tested is where, how often and that nothing is lost, not what.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from tests.planted.studies import rows

from ethogram.api import run_study
from ethogram.engine.ray.llama import LlamaPool
from ethogram.store.counts import count_providers
from ethogram.store.store import Store
from ethogram.study import parse_study

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

STUDY = """
[study]
name = "on ray"
seed = 1
traits = "quickstart"
max_trials = {trials}
[prompts]
language = "en"
max_chars = 200
[models.small]
model = "local/smollm2"
temperature = 0.7
seed = 1
max_tokens = 8
engine = "ray"
[models.small.ray]
address = "{address}"
replicas = {replicas}
[judges.judge]
model = "local/smollm2"
engine = "ray"
[judges.judge.ray]
address = "{address}"
replicas = {replicas}
"""


@pytest.fixture
def cluster():
    """Return a cluster of two nodes of two CPUs each; this process joins it by "auto"."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    second = made.add_node(wait=False, num_cpus=2)
    made.wait_for_nodes(timeout=200)  # the default of 30 s is too little beside other suites
    try:
        yield made, second
    finally:
        ray.shutdown()
        made.shutdown()


def study_on(cluster, *, trials=10, replicas=2):
    """Return a study that runs on a cluster."""
    return STUDY.format(address=cluster.address, trials=trials, replicas=replicas)


def answered(store):
    """Count usable replies, their verdicts and attempts beyond one per request."""
    (replies,) = rows(store, "SELECT count(*) FROM reply WHERE status IN ('ok', 'truncated')")[0]
    (verdicts,) = rows(store, "SELECT count(*) FROM verdict WHERE status = 'ok'")[0]
    (again,) = rows(store, "SELECT count(*) FROM attempt WHERE number > 1")[0]
    return replies, verdicts, again


def nodes_of(store):
    """Return which nodes answered, and how often, as `ethogram status` has it."""
    nodes = Counter()
    with Store.read(store) as opened:
        for _, _, provider, answers in count_providers(opened):
            nodes[provider] += answers
    return nodes


@pytest.fixture
def all_there(monkeypatch):
    """Wait for every actor: a run begins with the first, which on a busy machine may do it all."""

    async def start(pool):
        await asyncio.gather(*(pool._begin(worker) for worker in pool._workers))

    monkeypatch.setattr(LlamaPool, "start", start)


@pytest.mark.usefixtures("all_there")
def test_both_nodes_answer(cluster, tmp_path):
    """Ten traits, by two replicas on two nodes; the store says which."""
    done = run_study(parse_study(study_on(cluster[0])), store=tmp_path / "study.db")
    assert done.run.stopped is None
    assert answered(tmp_path / "study.db") == (10, 20, 0)
    nodes = nodes_of(tmp_path / "study.db")
    assert len(nodes) == 2
    assert all(name.startswith("ray ") for name in nodes)
    assert sum(nodes.values()) == 30


def test_a_node_that_dies_midway_loses_nothing(cluster, tmp_path):
    """What was on that node is asked again of others, and nothing else is."""
    made, second = cluster
    store = tmp_path / "study.db"
    (tmp_path / "study.toml").write_text(study_on(made))
    with run_apart(tmp_path) as process:
        wait_for_answers(store, 6, process)
        made.remove_node(second, allow_graceful=False)
        assert process.wait(900) == 0
    assert answered(store) == (10, 20, 0)
    (asked,) = rows(store, "SELECT count(*) FROM attempt")[0]
    assert asked == 30  # each request has one attempt: what a dead node had is in none


def test_a_driver_that_is_killed_goes_on_from_the_store(cluster, tmp_path):
    """`kill -9` of the driver: the next run asks what has no answer."""
    made, _ = cluster
    store = tmp_path / "study.db"
    (tmp_path / "study.toml").write_text(study_on(made))
    with run_apart(tmp_path) as process:
        wait_for_answers(store, 6, process)
        process.send_signal(signal.SIGKILL)
    (before,) = rows(store, "SELECT count(*) FROM attempt")[0]
    assert 6 <= before < 30
    done = run_study(parse_study(study_on(made)), store=store)
    assert done.run.stopped is None
    assert done.run.calls == 30 - before
    assert answered(store) == (10, 20, 0)


def run_apart(folder):
    """Start a run in a process of its own."""
    words = [sys.executable, "-m", "ethogram.cli.app", "run", "study.toml", "--no-report"]
    return subprocess.Popen(words, cwd=folder)


def wait_for_answers(store, number, process):
    """Wait until a store has so many attempts, or its run has ended."""
    until = time.monotonic() + 900
    while process.poll() is None and time.monotonic() < until:
        if store.is_file() and rows(
            store, "SELECT count(*) FROM sqlite_master WHERE name='reply'"
        ) == [(1,)]:
            (found,) = rows(store, "SELECT count(*) FROM attempt")[0]
            if found >= number:
                return
        time.sleep(0.05)
