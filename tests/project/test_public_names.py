"""The names of `import ethogram`: complete for editors, loaded when used, one version."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ethogram

SOURCE = ast.parse(Path(ethogram.__file__).read_text("utf-8"))


def names_for_type_checkers():
    """Return the names that the TYPE_CHECKING block re-exports."""
    (block,) = [node for node in SOURCE.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in imports for alias in node.names}


def test_editors_see_every_public_name():
    """What is imported for type checkers is what is there at run time, and `dir` lists it."""
    assert names_for_type_checkers() | {"__version__"} == set(ethogram.__all__)
    assert set(dir(ethogram)) == set(ethogram.__all__)


@pytest.mark.parametrize("name", ethogram.__all__)
def test_a_public_name_loads_and_is_called_so_at_home(name):
    """A name that moved must be followed, in the table and in the block alike."""
    value = getattr(ethogram, name)
    if name not in ("__version__", "errors"):
        assert value.__name__ == name


def test_a_name_that_is_not_there_is_refused():
    """A typing error is no module that happens to be empty."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ethogram.no_such_name


def test_importing_the_package_loads_none_of_its_modules():
    """`import ethogram` is light: each part is loaded by the first name that needs it."""
    code = "import ethogram, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "ethogram" in loaded
    assert not {name for name in loaded if name.startswith("ethogram.")}
    assert not {"numpy", "polars", "pydantic", "aiohttp"} & loaded
