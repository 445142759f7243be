"""Crashes: `kill -9`, full and read-only disks, slow disks, clocks that jump.

After each, SQLite's integrity check passes, every committed attempt is still there as it was,
and the study ends with the ratings of a run that nothing disturbed. `make soak` sets
ETHOGRAM_KILLS for more kills than the suite has time for.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.planted.faults import Limits
from tests.planted.studies import (
    FAULTS,
    cli,
    command,
    rows,
    run_text,
    same,
    strengths,
    study_text,
    wait_for_requests,
)

from ethogram.errors import StoreError
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages
from ethogram.store.store import Store
from ethogram.store.writer import BATCH_SECONDS

KILLS = int(os.environ.get("ETHOGRAM_KILLS", "4"))
CONCURRENCY = 16
LATENCY = 0.02  # seconds
TRAITS = load_traits("contested40").names
# Runs `ethogram` with no file above so many bytes: a disk that is full there.
SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv = ["ethogram", *sys.argv[2:]]
from ethogram.cli.app import main
main()
"""


@pytest.fixture
def study(planted, tmp_path):
    """Return a server and the path of a study file of 1,560 trials under all faults."""
    server = planted(
        faults=FAULTS, passes_after=2, latency_ms=LATENCY * 1000, limits=Limits(slow_s=0.1)
    )
    narrow = {"concurrency": CONCURRENCY}
    text = study_text(
        server.base_url, orders="both", models={"alpha": narrow}, judges={"judge": narrow}
    )
    path = tmp_path / "study.toml"
    path.write_text(text)
    return server, path


def committed(store):
    """Return every attempt and every reading that a store has, as it stands there."""
    if not store.is_file() or rows(store, "PRAGMA user_version") == [(0,)]:
        return set()
    tables = ("attempt", "response", "reply", "verdict")
    return {(t, *row) for t in tables for row in rows(store, f"SELECT * FROM {t}")}


def requests_at_rest(server):
    """Count a server's requests once it has read those that a killed client left on their way."""
    counts = [-1]
    while len({*counts[-5:]}) > 1 or len(counts) < 6:  # half a second: a busy machine reads late
        time.sleep(0.1)
        counts.append(server.stats()["requests"])
    return counts[-1]


def check_integrity(store):
    """SQLite finds nothing wrong, and every row refers to rows that are there."""
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    assert rows(store, "PRAGMA foreign_key_check") == []


def undisturbed(study_file, store):
    """Return the ratings of a run that nothing disturbs."""
    run = run_text(study_file.read_text(), store)
    assert run.stopped is None
    return strengths(store)


def test_a_run_killed_at_random_moments_loses_nothing_that_was_committed(study, tmp_path):
    """`kill -9` at random moments: committed rows stay, little is bought twice, ratings agree."""
    server, file = study
    store = tmp_path / "study.db"
    rng = random.Random(7)
    total, bought, before, kept = 2 * 1560 * 1.2, 0, 0, set()
    for kill in range(KILLS):
        killed_after = 1 + rng.random() * 1.6 * total / KILLS if kill else 0  # 0: while it starts
        words = command("run", file, "--no-report")
        with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            if killed_after:
                wait_for_requests(server, before + killed_after, process)
            time.sleep(rng.random() * (0.05 if killed_after else 1.0))
            process.kill()
        at_rest = requests_at_rest(server)
        asked, before = at_rest - before, at_rest
        now = committed(store)
        assert kept <= now  # nothing that was committed has changed or gone
        new = sum(row[0] == "attempt" for row in now - kept)
        bought += asked - new
        # What was in flight at both stages, and what one batch of at most 50 ms can hold.
        assert asked - new <= 2 * CONCURRENCY * (1 + 0.05 / LATENCY)
        kept = now
        if store.is_file():
            check_integrity(store)
    assert kept
    final = cli("run", file, "--no-report", cwd=tmp_path)
    assert final.returncode in (0, 1), final.stderr
    assert kept <= committed(store)
    assert server.stats()["requests"] == rows(store, "SELECT count(*) FROM attempt")[0][0] + bought
    with Store.read(store) as opened:
        assert all(count.pending == 0 for count in count_stages(opened))
    assert same(strengths(store), undisturbed(file, tmp_path / "undisturbed.db"))


def test_a_batch_is_at_most_50_ms():
    """The time that results wait for others is below what a crash may cost."""
    assert BATCH_SECONDS <= 0.05


# -- disks ------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_file_system(folder, size):
    """Mount a file system of so many bytes, where this machine lets us."""
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets us mount no small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def small_study(server, folder, *, repeats=1, concurrency=32):
    """Write a study of 66 pairs; returns its file."""
    (folder / "traits.txt").write_text("\n".join(TRAITS[:12]) + "\n")
    file, models = folder / "study.toml", {"alpha": {"concurrency": concurrency}}
    file.write_text(
        study_text(server.base_url, traits="traits.txt", repeats=repeats, models=models)
    )
    return file


def test_a_run_that_meets_a_file_limit_stops_with_one_line_and_goes_on_later(planted, tmp_path):
    """Where a file cannot grow, the run says so, exits with 2, and a later run finishes.

    At a limit that something fits under: how much a run writes before its answers, and in which
    file, depends on its pace.
    """
    server = planted()
    file, store = small_study(server, tmp_path, repeats=4), tmp_path / "study.db"
    words = ["run", str(file), "--no-report"]
    for limit in range(1_400, 8_000, 200):
        for left in tmp_path.glob("study.db*"):
            left.unlink()
        limited = [sys.executable, "-c", SMALL_DISK, str(limit * 1024), *words]
        ended = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 2, ended.stderr
        assert ended.stderr.count("\nethogram: ") == 1
        assert "study.db cannot be written" in ended.stderr
        assert "Traceback" not in ended.stderr
        check_integrity(store)
        if kept := committed(store):
            break
    assert kept  # it was not full from the start
    ended = cli(*words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert kept <= committed(store)
    assert rows(store, "SELECT count(*) FROM verdict WHERE winner IS NOT NULL") == [(264,)]


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(planted, tmp_path):
    """On a real file system without room: one line, exit code 2, all that was committed is kept."""
    server = planted()
    file, disk = small_study(server, tmp_path, repeats=8), tmp_path / "disk"
    disk.mkdir()
    with small_file_system(disk, 1800 * 1024):
        words = ("run", file, "--no-report", "--store", disk / "study.db")
        ended = cli(*words, cwd=tmp_path)
        assert ended.returncode == 2, ended.stdout
        assert "cannot be written: database or disk is full" in ended.stderr
        assert "free some disk space" in ended.stderr
        check_integrity(disk / "study.db")
        kept = committed(disk / "study.db")
        assert len(kept) > 0
        for name in ("study.db", "study.db-wal"):
            if (disk / name).exists():
                shutil.copy(disk / name, tmp_path / name)
    ended = cli("run", file, "--no-report", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert kept <= committed(tmp_path / "study.db")


@contextlib.contextmanager
def as_nobody():
    """Work without root's right to write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_folder():
    """A folder that everyone can reach: the tests' own is root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_read_only_store_is_read_but_not_written(planted, shared_folder):
    """A file that may not be written gives one clear line, and its ratings can still be read."""
    server = planted()
    file, store = small_study(server, shared_folder), shared_folder / "study.db"
    text = file.read_text()
    run_text(text, store, folder=shared_folder)
    before, asked = store.read_bytes(), server.stats()["requests"]
    for name in shared_folder.iterdir():
        name.chmod(0o444)
    shared_folder.chmod(0o555)
    with as_nobody():
        with pytest.raises(StoreError, match=r"study\.db cannot be written: Permission denied"):
            run_text(text, store, folder=shared_folder)
        assert len(strengths(store)) == 12
    assert store.read_bytes() == before
    assert server.stats()["requests"] == asked


def test_a_read_only_file_in_a_folder_that_can_be_written_is_refused(planted, shared_folder):
    """The lock can be taken there, but nothing is asked that could not be kept."""
    server = planted()
    file, store = small_study(server, shared_folder), shared_folder / "study.db"
    run_text(file.read_text(), store, folder=shared_folder)
    asked = server.stats()["requests"]
    shared_folder.chmod(0o777)
    store.chmod(0o444)
    with as_nobody(), pytest.raises(StoreError, match=r"study\.db cannot be"):
        run_text(file.read_text(), store, folder=shared_folder)
    assert server.stats()["requests"] == asked
    check_integrity(store)


def test_a_slow_disk_delays_and_loses_nothing(planted, tmp_path, monkeypatch):
    """Commits of 0.2 s each: fewer of them, and every row is there in the end."""
    from ethogram.store import writer as module

    plain = module._write

    def slow(db, batch):
        time.sleep(0.2)
        plain(db, batch)

    monkeypatch.setattr(module, "_write", slow)
    server = planted(latency_ms=5)
    file, store = small_study(server, tmp_path), tmp_path / "study.db"
    run_text(file.read_text(), store, folder=tmp_path)
    said = server.stats()
    assert rows(store, "SELECT count(*) FROM attempt") == [(said["requests"],)] == [(132,)]
    assert said["again_after"] == {}


# -- clocks and processes ---------------------------------------------------------------------


def test_a_clock_that_jumps_changes_no_result(planted, tmp_path, monkeypatch):
    """Hours forth and days back in mid-run: pauses, durations and ratings are as without."""
    server = planted(
        faults={"rate_limited_date": 0.05, "server_error": 0.05},
        passes_after=2,
        limits=Limits(retry_after=0.05),
    )
    file, clock, rng = small_study(server, tmp_path), time.time, random.Random(3)
    start = time.monotonic()
    monkeypatch.setattr(time, "time", lambda: clock() + rng.choice([-86400.0, 0.0, 7200.0]))
    jumped, steady = tmp_path / "jumped.db", tmp_path / "steady.db"
    # A date to wait for goes by the service's own `Date`, so that our clock does not matter.
    run_text(file.read_text(), jumped, folder=tmp_path)
    monkeypatch.undo()
    # The jumps are of two hours and a day: whatever the machine's speed, none is in these.
    assert time.monotonic() - start < 600
    assert rows(jumped, "SELECT min(seconds) >= 0, max(seconds) < 600 FROM attempt") == [(1, 1)]
    assert rows(jumped, "SELECT max(started) - min(started) > 7000 FROM attempt") == [(1,)]
    server.reset()
    run_text(file.read_text(), steady, folder=tmp_path)
    assert same(strengths(jumped), strengths(steady))


def test_a_second_run_is_told_of_the_first_and_disturbs_nothing(planted, tmp_path):
    """The second exits with 2 and names the first, which finishes with every trial asked once."""
    server = planted(hold_after=1)
    file = small_study(server, tmp_path, concurrency=1)
    words = command("run", file, "--no-report")
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL) as first:
        wait_for_requests(server, 1, first)
        second = cli("run", file, "--no-report", cwd=tmp_path)
        assert second.returncode == 2
        said = f"study.db is in use by another ethogram (process {first.pid})"
        assert said in second.stderr
        assert second.stderr.count("\n") == 1
        read = cli("status", tmp_path / "study.db", cwd=tmp_path)
        assert read.returncode == 0, read.stderr
        assert first.poll() is None
        server.release()
        assert first.wait(120) == 0
    assert server.stats()["requests"] == 2 * 66


def test_the_limit_of_open_files_is_named_and_loses_nothing_for_good(planted, tmp_path):
    """More calls in flight than the system allows open files: named, and a later run goes on."""
    server = planted(latency_ms=100)
    file, store = small_study(server, tmp_path), tmp_path / "study.db"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 16, hard))
    try:
        run = run_text(file.read_text(), store, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    named = rows(store, "SELECT count(*) FROM attempt WHERE reason LIKE '%Too many open files%'")
    assert named > [(0,)]
    assert run.stopped is None or "Too many open files" in str(run.stopped)
    with Store.read(store) as opened:
        elicited, _ = count_stages(opened)
    assert set(elicited.losses) <= {"transport"}
    check_integrity(store)
    run = run_text(
        file.read_text().replace("[study]", "[study]\nattempts = 9"), store, folder=tmp_path
    )
    assert run.stopped is None
    with Store.read(store) as opened:
        assert [(c.done, c.lost) for c in count_stages(opened)] == [(66, 0), (66, 0)]


def test_a_run_that_is_told_to_end_ends_like_one_that_is_interrupted(planted, tmp_path):
    """SIGTERM, as a scheduler sends it, keeps what was asked."""
    server = planted(hold_after=100)
    file = small_study(server, tmp_path, repeats=8)
    with subprocess.Popen(command("run", file, "--no-report"), cwd=tmp_path) as process:
        wait_for_requests(server, 100, process)
        process.send_signal(signal.SIGTERM)
        server.release()
        assert process.wait(120) == 130
    assert rows(tmp_path / "study.db", "SELECT count(*) FROM attempt") == [
        (server.stats()["requests"],)
    ]
