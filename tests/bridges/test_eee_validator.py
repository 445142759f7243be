"""Records of Every Eval Ever pass its own validator without a finding; `make test-bridges`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ethogram.api.bridges import export_bridge

pytest.importorskip("every_eval_ever")


def _validate(folder):
    """Run the validator on every record, as a contributor to its datastore does."""
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.json"))]
    assert files
    done = subprocess.run(
        [sys.executable, "-m", "every_eval_ever.validate", *files, "--format", "json"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_the_validator_finds_nothing(filled, tmp_path):
    """No error and no warning, of schema, path or score."""
    export_bridge(filled, tmp_path / "out", "eee")
    code, reports = _validate(tmp_path / "out")
    assert [(r["errors"], r["warnings"]) for r in reports] == [([], [])] * 4
    assert code == 0


def test_the_validator_would_find_something(filled, tmp_path):
    """A record without its bounds is found, so that silence means something."""
    export_bridge(filled, tmp_path / "out", "eee")
    path = next((tmp_path / "out").rglob("*.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["evaluation_results"][0]["metric_config"]["max_score"]
    path.write_text(json.dumps(record), encoding="utf-8")
    code, _ = _validate(tmp_path / "out")
    assert code == 1
