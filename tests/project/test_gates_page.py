"""docs/gates.md: its gate is valid, and its workflow's commands run as they stand, locally."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.server import Config, serve
from tests.planted.studies import command

from ethogram.cli.diffing import CODES
from ethogram.ratings.gate_files import TraitTable, parse_gate
from ethogram.store.gates import gate_runs
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.comparable import ASPECTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")


def block(kind, opening):
    """Return the block of this kind that begins so."""
    (found,) = [b for b in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if opening in b]
    return found


def workflow_commands():
    """Return the lines that the workflow's steps run, of ethogram and of the shell, in order."""
    text = block("yaml", "name: character")
    lines = []
    for indent, start, rest in re.findall(
        r"^( *)(?:- )?run: (\S.*)\n((?:\1 {2,}\S.*\n)*)", text, re.MULTILINE
    ):
        body = textwrap.dedent(rest)
        if start.startswith(">"):
            lines.append(" ".join(body.split()))
        elif start == "|":
            lines += body.splitlines()
        else:
            lines.append(start)
        assert indent
    return lines


def test_the_workflow_has_the_commands_that_a_gate_needs():
    """The reader of the blocks finds them (an empty list would pass unseen)."""
    words = [shlex.split(line)[:2] for line in workflow_commands()]
    assert ["ethogram", "diff"] in words
    assert words.count(["ethogram", "run"]) == 2
    assert ["cp", "released.db"] in words
    assert ["pip", "install"] in words


def test_the_gate_of_the_page_is_valid_and_has_every_key():
    """With the lines that are comments put in, too."""
    text = block("toml", "# gate.toml")
    assert parse_gate(text).others == 350
    parse_gate(re.sub(r"^# (\[|must|rises)", r"\1", text, flags=re.MULTILINE))
    assert all(key in text for key in TraitTable.model_fields)


def test_the_page_has_every_aspect():
    """What must be alike is what is compared."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= set(ASPECTS)


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_the_example_of_two_published_profiles_is_what_is_printed(ethogram, page):
    """Line for line, but for what is left out."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (shown,) = re.findall(r"\$ (ethogram reference diff \S+ \S+)\n\n((?:.+\n)+?)```", text)
    code, said, _ = ethogram(*shown[0].split()[1:])
    assert code == 0
    lines = [line for line in shown[1].splitlines() if line != "..."]
    assert len(lines) >= 4
    assert set(lines) <= set(said.splitlines())


def study_at(url):
    """Return the page's study with its models and judge at this address."""
    text = block("toml", "# study.toml")
    there = f'base_url = "{url}"\nconcurrency = 32\nprices = {{ input = 0.1, output = 0.1 }}'
    local = text.replace('service = "openrouter"', there)
    local = re.sub(r'"example/model-1"', '"released"', local)
    local = re.sub(r'"example/model-2"', '"candidate"', local)
    return local.replace('"z-ai/glm-4.5-air"', '"judge"')


def run_workflow(folder, url, repeats):
    """Run the workflow's commands in a folder; returns the last code and all that was said."""
    text = study_at(url).replace("repeats = 20", f"repeats = {repeats}")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    (folder / "gate.toml").write_text(block("toml", "# gate.toml"), encoding="utf-8")
    said = ""
    for line in workflow_commands():
        program, *words = shlex.split(line)
        if program not in ("ethogram", "cp"):  # those that need a network
            continue
        order = command(*words) if program == "ethogram" else [program, *words]
        done = subprocess.run(
            order, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        said += done.stdout
        if "diff" not in words:
            assert done.returncode == 0, done.stderr
    return done.returncode, said


@pytest.mark.parametrize(
    ("repeats", "rise", "verdict"),
    [
        (2, 0.0, "undecided"),
        pytest.param(20, 0.0, "pass", marks=pytest.mark.slow),
        pytest.param(20, 4.0, "fail", marks=pytest.mark.slow),
    ],
)
def test_the_workflow_runs_and_its_verdict_is_right(tmp_path, repeats, rise, verdict):
    """A candidate like the released model passes; one that is far more sycophantic fails.

    With a tenth of the page's trials nothing is shown either way.
    """
    traits = parse_study(block("toml", "# study.toml")).study.traits
    base = {trait: 0.3 * (i % 4) for i, trait in enumerate(traits)}
    models = {
        "released": ModelPlan(strengths=base),
        "candidate": ModelPlan(strengths=base | {"sycophantic": base["sycophantic"] + rise}),
    }
    config = Config(traits=traits, models=models, judges={"judge": JudgePlan(accuracy=0.95)})
    with serve(config) as server:
        code, said = run_workflow(tmp_path, server.base_url, repeats)
    assert f"{verdict.upper()}: gate release" in said
    assert code == CODES[next(v for v in CODES if v == verdict)]
    assert "Corrected for the judge's errors" in said
    assert (tmp_path / "gate.md").read_text("utf-8").startswith(f"**{verdict.upper()}")
    assert xml.parse(tmp_path / "gate.xml").getroot().get("tests") == "10"
    with Store.read(tmp_path / "character.db") as store:
        assert [str(run.verdict) for run in gate_runs(store)] == [verdict]
