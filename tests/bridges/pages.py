"""A page of the docs, run as a reader would run it: its commands, its Python, what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)


def run_page(name: str, folder: Path, **environment: str) -> int:
    """Run the page's blocks in order in a folder, check what is printed; returns how many ran.

    A printed line that ends in "..." need only begin so; a line "..." stands for any lines.
    """
    blocks = _BLOCK.findall((DOCS / name).read_text(encoding="utf-8"))
    for kind, block in blocks:
        if kind == "python":
            _run([sys.executable, "-c", block], folder, environment)
        else:
            _run_console(block, folder, environment)
    return len(blocks)


def _run_console(block: str, folder: Path, environment: dict[str, str]) -> None:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *expected = part.splitlines()
        words = shlex.split(command, comments=True)
        program = [sys.executable, "-m", "ethogram.cli.app"]
        if words[0] != "ethogram":
            program = [str(Path(sys.executable).parent / words[0])]
        printed = _run([*program, *words[1:]], folder, environment)
        _check(printed.splitlines(), [line for line in expected if line.strip()], command)


def _check(printed: list[str], expected: list[str], command: str) -> None:
    """Find the expected lines among the printed ones, in their order."""
    rest = iter(printed)
    for line in expected:
        start, cut = line.removesuffix("..."), line.endswith("...")
        found = any(p.startswith(start) if cut else p.rstrip() == line.rstrip() for p in rest)
        assert found or line == "...", f"{command}: no line {line!r} in {printed}"


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "COLUMNS": "200", **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
