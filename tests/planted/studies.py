"""Studies against the planted server: their text, a run in this process, a run by the CLI."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from tests.planted.server import Served

from ethogram.ratings.rate import rate
from ethogram.run.prepare import Prepared, plan_into, prepare
from ethogram.run.runner import Run, run_stages
from ethogram.store.read import read_comparisons
from ethogram.store.store import Store
from ethogram.study import parse_study

PASSING = ("rate_limited", "server_error", "dropped", "empty_content", "malformed_json")
FINAL = ("length", "refusal")
FAULTS = dict.fromkeys((*PASSING, *FINAL, "slow"), 0.02)

Table = Mapping[str, Any]


def study_text(
    url: str,
    *,
    models: Mapping[str, Table] | None = None,
    judges: Mapping[str, Table] | None = None,
    **study: Any,
) -> str:
    """Return a study file; every model and judge is at `url` unless its table says otherwise."""
    common = {"base_url": url, "concurrency": 32, "backoff": 0.01}
    parts = [_table("study", {"name": "planted", "traits": "contested40", **study})]
    for kind, tables in (
        ("models", models or {"alpha": {}}),
        ("judges", judges or {"judge": {}}),
    ):
        parts += [
            _table(f"{kind}.{name}", {**common, "model": name, **table})
            for name, table in tables.items()
        ]
    return "\n".join(parts)


def _table(name: str, values: Table) -> str:
    """Return a TOML table."""
    lines = [f"{key} = {_value(value)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    """Return a TOML value; a mapping becomes an inline table."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def prepare_text(text: str, *, folder: Path | None = None) -> Prepared:
    """Prepare a study; relative paths in it start from `folder`."""
    return prepare(parse_study(text, path=folder / "planted.toml" if folder else None))


def run_text(text: str, store: Path, *, folder: Path | None = None, **options: Any) -> Run:
    """Plan and run a study in this process."""
    prepared = prepare_text(text, folder=folder)
    with Store.open(store) as opened:
        return run_stages(prepared, opened, plan_into(opened, prepared), **options)


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read a store from outside, as any SQLite program could."""
    with sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


def strengths(store: Path, *, model: str | None = None) -> dict[str, float]:
    """Rate one model of a store; returns logits by trait."""
    with Store.read(store) as opened:
        (found,) = read_comparisons(opened, model=model)
    profile = rate(found, interval="fisher")
    return dict(zip(profile.traits, profile.strengths.tolist(), strict=True))


def rank_agreement(found: Mapping[str, float], truth: Mapping[str, float]) -> float:
    """Spearman's correlation of what was found with what was planted for it."""
    return float(spearmanr(list(found.values()), [truth[t] for t in found]).statistic)


def cli(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `ethogram` as a user does, and wait for it."""
    return subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=300, **options
    )


def command(*words: str | Path) -> list[str]:
    """Return the command line that starts `ethogram` with this Python."""
    return [sys.executable, "-m", "ethogram.cli.app", *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment with some variables more."""
    return {**os.environ, **more}


def wait_for_requests(server: Served, number: int, process: subprocess.Popen[Any]) -> None:
    """Wait until a server was asked so often, or the process that asks has ended."""
    while process.poll() is None and server.stats()["requests"] < number:
        time.sleep(0.01)


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two profiles are equal, to the last digit that the fit gives."""
    return one.keys() == other.keys() and np.allclose(
        list(one.values()), [other[t] for t in one], rtol=0, atol=1e-9
    )
