"""Which modules know of which: the statistics know nothing of stores, clients or command lines."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ethogram

PACKAGE = Path(ethogram.__file__).parent
# Modules that reach outside: files of results, the network, the terminal.
OUTSIDE = {
    "ethogram.store",
    "ethogram.store_file",
    "ethogram.writer",
    "ethogram.records",
    "ethogram.engine",
    "ethogram.endpoints",
    "ethogram.stages",
    "ethogram.planning",
    "ethogram.cli",
    "ethogram.terminal",
    "ethogram.probe",
    "aiohttp",
    "sqlite3",
    "typer",
    "rich",
}
PURE = (
    "accuracy",
    "agreement",
    "analysis",
    "clusters",
    "cohort",
    "comparisons",
    "components",
    "controls",
    "correction",
    "design",
    "deviations",
    "errors",
    "intervals",
    "kernel",
    "misclassification",
    "positions",
    "profile",
    "profiles",
    "proportions",
    "ratings",
    "resampling",
    "self_preference",
    "shifts",
    "similarity",
    "soft",
    "tiers",
    "uncertainty",
)


def imported(path):
    """Return every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(name):
    """Return every module of the package that a module imports, directly or by way of others."""
    found, pending = set(), [f"ethogram.{name}"]
    while pending:
        module = pending.pop()
        path = PACKAGE / f"{module.removeprefix('ethogram.').replace('.', '/')}.py"
        if module in found or not path.is_file():
            continue
        found.add(module)
        pending += imported(path)
    return found


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_names_no_store_client_or_command_line(name):
    """Not at its top, not inside a function, not by way of another module of ours."""
    modules = reached(name)
    assert f"ethogram.{name}" in modules
    assert not modules & OUTSIDE
    outside = {
        word.partition(".")[0]
        for module in modules
        for word in imported(PACKAGE / f"{module.removeprefix('ethogram.')}.py")
    }
    assert not outside & OUTSIDE


def test_importing_the_statistics_loads_no_store_client_or_command_line():
    """In a fresh process, after all of them were imported."""
    modules = ", ".join(f"ethogram.{name}" for name in PURE)
    code = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "ethogram.ratings" in loaded
    assert not set(loaded) & OUTSIDE


def test_sql_stands_in_the_store_and_what_reads_it():
    """No other module imports sqlite3."""
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "sqlite3" in set(imported(path))
    }
    assert users <= {"store.py", "store_file.py", "writer.py", "cli.py"}


def test_asking_for_help_loads_no_heavy_library():
    """`ethogram --help` needs neither numpy nor polars, so it can answer at once."""
    code = "import sys, ethogram.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "polars", "scipy", "altair", "aiohttp", "pydantic"} & set(loaded)
