"""Which packages know of which: the contracts in pyproject.toml, and what is loaded when."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from importlinter.cli import lint_imports

import ethogram

PACKAGE = Path(ethogram.__file__).parent
OUTSIDE = {"ethogram.store", "ethogram.run", "ethogram.cli", "aiohttp", "sqlite3", "typer", "rich"}


def loaded_by(code):
    """Return every module that is loaded after running code in a fresh process."""
    code = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_every_import_points_down(monkeypatch):
    """The contracts of import-linter hold."""
    monkeypatch.chdir(PACKAGE.parents[1])
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_the_package_has_few_entries():
    """Packages, the few top modules, the data and the marker of types."""
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= 18, sorted(entries)


def test_importing_the_statistics_loads_no_store_client_or_command_line():
    """In a fresh process, after all of them were imported."""
    modules = [
        f"ethogram.{path.parent.name}.{path.stem}"
        for package in ("ratings", "analysis")
        for path in (PACKAGE / package).glob("[a-z]*.py")
    ]
    assert "ethogram.ratings.models" in modules
    loaded = loaded_by(f"import {', '.join(modules)}")
    assert "ethogram.ratings.models" in loaded
    assert not loaded & OUTSIDE


def imported(node):
    """Return the packages that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return (
        {name.name.split(".")[0] for name in node.names} if isinstance(node, ast.Import) else set()
    )


def test_sql_stands_in_the_store():
    """No other module imports sqlite3."""
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if "sqlite3" in imported(node)
    }
    assert users == {
        f"store/{name}.py" for name in ("batches", "file", "search", "store", "writer")
    }


def test_asking_for_help_loads_no_heavy_library():
    """`ethogram --help` needs neither numpy nor polars, so it can answer at once."""
    loaded = loaded_by("import ethogram.cli.app")
    assert not {"numpy", "polars", "scipy", "altair", "aiohttp", "pydantic"} & loaded
