"""Files that are written: what may be replaced, and that a file is whole or absent."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path

import polars as pl
import pytest

from ethogram.errors import InputError, StudyError
from ethogram.report.places import check_page
from ethogram.stimuli.tables import written
from ethogram.stimuli.tables.written import check_folder, check_outputs, is_ours, write_whole
from ethogram.study import parse_study

PNG = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I", 13)
    + b"IHDR"
    + bytes(13)
    + bytes(4)
    + b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
CONTENTS = {
    "page.html": b"<!doctype html><p>x</p>\n",
    "page.HTM": b"<p>x</p>",
    "figure.svg": b"<svg/>",
    "page.md": b"## x\n",
    "page.json": b'{"a": [1, {"b": 2}]}',
    "empty.json": b"{ }\n",
    "figure.png": PNG,
    "figure.pdf": b"%PDF-1.7\n%%EOF\n",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_what_was_written_may_be_written_anew_unless_it_was_changed(tmp_path, name):
    """A mark says so, whatever the kind; one byte more or less, and the file is the user's."""
    path = tmp_path / name
    write_whole(path, CONTENTS[name])
    assert is_ours(path)
    check_outputs([path])
    content = path.read_bytes()
    for changed in (b"x" + content[1:], content + b"a note of mine, which is a long one, too\n"):
        path.write_bytes(changed)
        assert not is_ours(path)
        with pytest.raises(InputError, match=r"exists, and not as ethogram wrote it.*--force"):
            check_outputs([path])
        check_outputs([path], force=True)


def test_a_mark_leaves_each_kind_valid(tmp_path):
    """JSON parses to the same and one key more; a picture's chunks have their sums."""
    write_whole(tmp_path / "x.json", CONTENTS["page.json"])
    said = json.loads((tmp_path / "x.json").read_text())
    assert set(said) == {"a", "usermeta"}
    write_whole(tmp_path / "x.png", PNG)
    chunk = (tmp_path / "x.png").read_bytes()[len(PNG) - 12 : -12]
    size, kind = struct.unpack(">I4s", chunk[:8])
    assert (kind, size) == (b"tEXt", len(chunk) - 12)
    assert struct.unpack(">I", chunk[-4:])[0] == zlib.crc32(chunk[4:-4])


def test_a_quotation_of_the_mark_is_no_mark(tmp_path):
    """A model card into which our summary was pasted belongs to who wrote the rest."""
    write_whole(tmp_path / "page.md", b"## summary\n")
    ours = (tmp_path / "page.md").read_bytes()
    card = tmp_path / "card.md"
    for text in (b"# My model\n" + ours, ours + b"More of mine below it, for the reader.\n"):
        card.write_bytes(text)
        assert not is_ours(card)


def test_line_ends_do_not_matter(tmp_path):
    """Version control may have changed them."""
    path = tmp_path / "page.md"
    write_whole(path, b"a\nb\n")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert is_ours(path)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_table_of_the_same_columns_is_ours(tmp_path, form):
    """Others are not, nor is what is no table at all."""
    path = tmp_path / f"trials.{form}"
    write = {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[form]
    getattr(pl.DataFrame({"trial": [1], "model": ["a"]}), write)(path)
    assert is_ours(path, columns=("trial", "model"))
    assert not is_ours(path, columns=("trial", "model", "note"))
    path.write_bytes(b"\xff\xfe\x00 my thesis")
    assert not is_ours(path, columns=("trial", "model"))


def test_an_empty_file_holds_nothing_to_lose(tmp_path):
    """Such as one that mktemp made."""
    (tmp_path / "page.html").touch()
    check_outputs([tmp_path / "page.html"])


def test_places_that_cannot_be_written_are_named(tmp_path):
    """A folder, a file as a folder, a pipe, what is read, and through links too."""
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe.html")
    source = tmp_path / "data.csv"
    source.write_text("x")
    (tmp_path / "link.html").symlink_to(source)
    os.link(source, tmp_path / "same.html")
    for name, said in {
        "folder.html": "is a folder: name a file",
        "file/page.html": "a part of it is a file, no folder",
        "pipe.html": "not a regular file",
        "link.html": "is what is read",
        "same.html": "is what is read",
        "data.csv": "is what is read",
        f"{'x' * 300}.html": "cannot be written: File name too long",
        "nul\0.html": "cannot be written",
    }.items():
        with pytest.raises(InputError, match=said):
            check_outputs([tmp_path / name], force=True, sources=[source])
    with pytest.raises(InputError, match="it is a file, expected a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        check_outputs([written.Path("/proc/ethogram/page.html")])  # nobody may write there
    assert source.read_text() == "x"


def test_folders_that_are_missing_are_made(tmp_path):
    """By the writing, not by the check before it."""
    path = tmp_path / "a" / "b" / "page.html"
    check_outputs([path])
    assert not (tmp_path / "a").exists()
    write_whole(path, b"x")
    assert is_ours(path)


def test_through_a_link_the_file_it_leads_to_is_written(tmp_path):
    """And the link stays one."""
    link, target = tmp_path / "latest.html", tmp_path / "elsewhere" / "page.html"
    link.symlink_to(target)
    check_outputs([link])
    write_whole(link, b"x")
    assert link.is_symlink()
    assert is_ours(target)


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    """A disk that is full half way leaves the old file, and nothing beside it."""
    path = tmp_path / "page.html"
    write_whole(path, b"old")
    before = path.read_bytes()

    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(written.Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"page\.html cannot be written: No space left"):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_mode(tmp_path):
    """A page that others may not read stays so."""
    path = tmp_path / "page.html"
    write_whole(path, b"old")
    path.chmod(0o600)
    write_whole(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a\nb.html", "\x1b.html", "-", "-.html"])
def test_names_that_nobody_means_are_refused(tmp_path, name):
    """Line breaks and control characters, and the sign for standard output."""
    with pytest.raises(InputError, match="cannot be written"):
        check_outputs([tmp_path / name])
    assert not list(tmp_path.iterdir())


def test_a_page_in_place_of_a_device_is_refused():
    """Not written beside it, as /dev/null.html."""
    with pytest.raises(InputError, match=r"/dev/null is not a regular file"):
        check_page(Path("/dev/null"))


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ('["calm", 1]', r"\[study\] traits, entry 2 = 1: expected"),
        ('["calm", ""]', r"\[study\] traits, entry 2 = '': expected a text that is not empty"),
        ('[["calm"], "bold"]', r"\[study\] traits, entry 1 = \['calm'\]: expected"),
    ],
)
def test_an_entry_of_a_list_in_a_study_file_is_counted_from_one(traits, said):
    """As the lists' own errors count it."""
    with pytest.raises(StudyError, match=said):
        parse_study(f'[study]\nname = "s"\ntraits = {traits}\n')
