"""A LiteLLM proxy and the model behind it, each a process of its own on the loopback.

Run as a script, this is the model: `python servers.py FILE PORT` serves a GGUF file until killed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY = "sk-the-right-key-of-this-test"
NAME = "house-model"  # what the proxy calls the model
READY = 60.0  # seconds: the proxy imports for five, on an idle machine


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that serves on a port of the loopback, and can be killed and started again."""

    def __init__(self, words: list[str], port: int, health: str, log: Path) -> None:
        self.words, self.port, self.health, self.log = words, port, health, log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.words, stdout=log, stderr=log, cwd=self.log.parent, env=_environment()
            )
        until = time.monotonic() + READY
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{self.words[0]} is not ready: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.health}", timeout=5):
                return True
        except OSError:
            return False


def _environment() -> dict[str, str]:
    """Return an environment in which nothing leaves this machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LITELLM")}
    return {**kept, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    """Start a server, and end it with the block."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def model_server(file: Path, folder: Path) -> Iterator[Server]:
    """Serve a GGUF file while the block runs."""
    port = free_port()
    words = [sys.executable, __file__, str(file), str(port)]
    with _running(Server(words, port, "/health", folder / "model.log")) as server:
        yield server


@contextmanager
def litellm_proxy(program: str, model: Server, folder: Path) -> Iterator[Server]:
    """Put a LiteLLM proxy with a master key and no database in front of a model."""
    port = free_port()
    config = {
        "model_list": [
            {
                "model_name": NAME,
                "litellm_params": {
                    "model": "openai/behind",
                    "api_base": model.url,
                    "api_key": "none",
                },
            }
        ],
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "general_settings": {"master_key": KEY},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))  # which is YAML too
    words = [program, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    words += ["--telemetry", "False"]
    with _running(Server(words, port, "/health/readiness", folder / "proxy.log")) as server:
        yield server


def serve(file: str, port: int) -> None:
    """Serve a GGUF file until this process is killed."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = file
    params.model_alias = {"behind"}
    params.n_parallel = 2
    params.n_ctx = 2 * 2048
    params.cpuparams.n_threads = 1  # two that wait for one another are slow on a busy machine
    params.verbosity = -1
    params.port = port
    running = xllamacpp.Server(params)
    threading.Event().wait()
    del running


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
