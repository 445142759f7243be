"""`ethogram view` on large studies: how long a list and a search take, and what memory they hold.

The server runs in a process of its own, as people start it; every answer is read to its end.
"""

from __future__ import annotations

import http.client
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.planted.simulated_store import fill_store

from ethogram.stimuli.traits import load_traits

STUDIES, MODELS, RUNS = 20, 10, 9
WORDS = ("they", '"one word"', "letters whenever", "kn*", "zebra", "their time said")
"""What is searched for: in every reply, a phrase, rare and unknown words."""


def main(*, quick: bool = False) -> None:
    """Print the table; `quick`: small studies, to see that it works."""
    traits = load_traits("opposites24" if quick else "study144").names
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill_store(folder / "study-00.db", traits=traits)
        for number in range(1, STUDIES):
            shutil.copy(folder / "study-00.db", folder / f"study-{number:02}.db")
        models = [f"model-{i}" for i in range(MODELS)]
        fill_store(folder / "large.db", traits=traits, models=models)
        served = _Served(folder)
        try:
            _measure(served, len(traits) * (len(traits) - 1) // 2)
        finally:
            served.close()


def _measure(served: _Served, trials: int) -> None:
    """Ask for the list and for words, and print what it took."""
    start = served.memory()
    first, again = served.time("/"), [served.time("/") for _ in range(RUNS)]
    print(
        f"list of {STUDIES + 1} studies of {trials:,} trials or more: first {first:.2f} s, ", end=""
    )
    print(f"then {statistics.median(again):.2f} s (median of {RUNS})")
    began = time.perf_counter()
    while "refresh" in served.ask("/s/large/replies?q=they"):
        time.sleep(0.2)
    made = time.perf_counter() - began
    print(f"index of the {MODELS * trials:,} replies of one store, made once: {made:.0f} s")
    for words in WORDS:
        seconds = [served.time(f"/s/large/replies?q={quote(words)}") for _ in range(RUNS)]
        said = f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s of {RUNS}"
        print(f"search for {words} among them: {said}")
    before = served.memory()
    for _ in range(20):
        for words in WORDS:
            served.time(f"/s/large/replies?q={quote(words)}")
        served.time("/")
    after = served.memory()
    print(
        f"memory: {start:.0f} MB at the start, {before:.0f} MB after these, {after:.0f} MB after "
    )
    print(
        f"{20 * len(WORDS)} more searches and 20 more lists; peak {served.memory('VmHWM'):.0f} MB"
    )


class _Served:
    """A viewer in a process of its own, and requests to it."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "ethogram.cli.app", "view", str(folder)]
        cache = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=cache)
        assert self._process.stdout is not None
        link = self._process.stdout.readline().split()[-1]
        self._host = urlsplit(link).netloc
        self._cookie = ""
        until = time.monotonic() + 60
        while not self._cookie:
            try:
                self._cookie = self.ask("/?" + urlsplit(link).query)["set-cookie"].split(";")[0]
            except ConnectionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def ask(self, path: str) -> dict[str, str]:
        """Return the headers of an answer that was read to its end."""
        connection = http.client.HTTPConnection(self._host, timeout=300)
        connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status < 400, (path, answer.status)
        return {name.lower(): value for name, value in answer.getheaders()}

    def time(self, path: str) -> float:
        """Seconds that an answer takes."""
        start = time.perf_counter()
        self.ask(path)
        return time.perf_counter() - start

    def memory(self, what: str = "VmRSS") -> float:
        """Megabytes of the process, now or at most."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith(what))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)
