"""The notebook in examples/ runs in a Jupyter kernel, and what it shows on GitHub is not stale."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "a_model_in_a_notebook.ipynb"
VARIES = "varies"  # the tag of cells that show what the local model did this time


@pytest.fixture(scope="module")
def committed():
    """Return the notebook as it is in the repository."""
    return nbformat.read(NOTEBOOK, as_version=4)


def execute():
    """Run the notebook in a kernel of its own, real model included; returns it with outputs."""
    return NotebookClient(
        nbformat.read(NOTEBOOK, as_version=4),
        kernel_name="python3",
        timeout=1200,
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    ).execute()


def code_cells(notebook):
    """Return the cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """Return every text and page that a cell shows; pictures are left to the figures' own tests."""
    outputs = []
    for output in cell.outputs:
        data = output.get("data", {"stream": output.get("text", "")})
        outputs += [(kind, text) for kind, text in sorted(data.items()) if "svg" not in kind]
    return outputs


def html_of(notebook, source):
    """Return the page that is shown by the one cell with this line of code."""
    (cell,) = [cell for cell in code_cells(notebook) if source in cell.source]
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


def test_the_notebook_is_valid_small_and_complete(committed):
    """GitHub shows it with its outputs, below 300 kB; every cell has one and none failed."""
    nbformat.validate(committed)
    assert NOTEBOOK.stat().st_size < 300_000
    assert [cell.execution_count for cell in code_cells(committed)] == list(
        range(1, len(code_cells(committed)) + 1)
    )
    assert not [
        o for cell in code_cells(committed) for o in cell.outputs if o.output_type == "error"
    ]
    assert any(
        "image/svg+xml" in o.get("data", {}) for c in code_cells(committed) for o in c.outputs
    )


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_is_committed(committed):
    """One run in a kernel, whose event loop runs already: nothing stale, a real study done."""
    executed = execute()
    for before, after in zip(code_cells(committed), code_cells(executed), strict=True):
        if VARIES not in before.metadata.get("tags", []):
            assert shown(after) == shown(before), f"run `make notebook`: {before.source}"
    ran = html_of(executed, "run_study(study")
    assert "<progress" in ran
    assert "20 of 20" in ran
    assert "judged by smollm2" in html_of(executed, "rated = ethogram.read_profiles")
    assert "found the planted trait" in html_of(executed, "validity = ethogram.check_study")


if __name__ == "__main__":  # `make notebook`
    nbformat.write(execute(), NOTEBOOK)
