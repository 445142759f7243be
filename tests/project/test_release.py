"""A release has one version, one address and a paragraph in the changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import ethogram

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CITATION = (ROOT / "CITATION.cff").read_text("utf-8")
REPOSITORY = "https://github.com/ethogram/ethogram"


def test_the_build_reads_the_version_from_the_package():
    """`__version__` is the one place: the project's table has no version of its own."""
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    path = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    (written,) = re.findall(r'^__version__ = "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
    assert written == ethogram.__version__


def test_the_citation_is_of_this_version():
    """Who cites a release cites its number."""
    assert re.findall(r"^version: (\S+)$", CITATION, re.MULTILINE) == [ethogram.__version__]


def test_the_changelog_begins_with_this_version():
    """A version is raised together with a paragraph on what a user gains."""
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == ethogram.__version__


def test_the_repository_has_one_address():
    """The citation and each address of the project are of the same repository."""
    assert f"\nrepository-code: {REPOSITORY}\n" in CITATION
    urls = PROJECT["project"]["urls"]
    assert set(urls) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    assert all(url.startswith(REPOSITORY) for url in urls.values())


def test_addresses_of_files_point_to_files():
    """A link of the package index to a page of the repository is to one that is there."""
    for url in PROJECT["project"]["urls"].values():
        _, found, path = url.partition("/blob/main/")
        assert not found or (ROOT / path).is_file(), url
