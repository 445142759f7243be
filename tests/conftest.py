"""Fixtures of the tests that run studies: planted servers and fresh stores."""

from __future__ import annotations

import os
import zlib

# As the command line does: threads that wait for one another make small matrices slow, and the
# tests have a process per core already.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from contextlib import ExitStack

import pytest
from tests.planted.server import Config, serve

from ethogram.stimuli.traits import load_traits
from ethogram.store.store import Store

ONE_PROCESS = {
    "test_analysis", "test_cli_views", "test_combined", "test_leads", "test_legibility",
    "test_report", "test_report_browser", "test_report_views", "test_sees_and_acts",
    "test_self_reports", "test_validity", "test_view_browser",
}  # fmt: skip
"""Files whose tests share what takes some ten seconds to make: each goes to one process."""


def pytest_addoption(parser):
    """Let CI run a part of the long simulations, another one with each commit."""
    parser.addoption("--third", type=int, choices=(0, 1, 2), help="only every third test")


def pytest_collection_modifyitems(config, items):
    """Keep the tests of such a file together, where they are shared out (`--dist loadgroup`)."""
    third = config.getoption("--third")
    if third is not None:
        items[:] = [i for i in items if zlib.crc32(i.nodeid.encode()) % 3 == third]
    for item in items:
        if item.path.stem in ONE_PROCESS:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture
def planted():
    """Return a function that starts a planted server; all are stopped after the test."""
    with ExitStack() as servers:

        def start(**config):
            config = {"traits": load_traits("contested40").names, **config}
            return servers.enter_context(serve(Config(**config)))

        yield start


@pytest.fixture
def store_path(tmp_path):
    """Return where a fresh store will be."""
    return tmp_path / "study.db"


@pytest.fixture
def store(store_path):
    """Return a fresh store, open for writing."""
    with Store.open(store_path) as opened:
        yield opened


@pytest.fixture
def word_list(tmp_path):
    """Return a function that writes a trait file into the test's folder."""

    def write(*traits, name="traits.txt"):
        (tmp_path / name).write_text("\n".join(traits) + "\n", encoding="utf-8")
        return name

    return write


@pytest.fixture
def ethogram(monkeypatch, capsys, tmp_path):
    """Return a function that runs the command line here: exit code, standard output and error."""
    from ethogram.cli.app import main

    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["ethogram", *map(str, words)])
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        else:
            code = 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
