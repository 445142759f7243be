"""Upload of an exported data set to the Hugging Face hub, by the hub's own client.

The client finds the key (HF_TOKEN, or what `hf auth login` keeps); none passes through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from ethogram.engine.inspect_models import secrets_here
from ethogram.errors import EndpointError, InputError
from ethogram.report.bridges.huggingface import dataset_files
from ethogram.report.summary import plain
from ethogram.stimuli.extras import need

_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def check_publishing(folder: Path, repo: str) -> list[Path]:
    """Return the files that would be uploaded, after every check that needs no network.

    Raises
    ------
    InputError
        A folder that ethogram did not export, a name that is none of the hub's, no client, or a
        key of this environment in a file.
    """
    if not _REPO.fullmatch(repo):
        raise InputError(f"the data set is called {repo!r}, expected OWNER/NAME as on the hub")
    kept = _client().get_token()  # of HF_TOKEN, or what `hf auth login` wrote
    files = dataset_files(folder)
    _refuse_keys(files, {**({"HF_TOKEN": kept} if kept else {}), **secrets_here()})
    return files


def upload(folder: Path, repo: str, files: Sequence[Path], *, private: bool = True) -> str:
    """Make the repository if it is not there, and upload these files in one commit.

    Parameters
    ----------
    folder : Path
    repo : str
        OWNER/NAME.
    files : sequence of Path
        As `check_publishing` returned.
    private : bool
        Of a repository that is made; one that is there stays as it is.

    Returns
    -------
    str
        The address of the data set.

    Raises
    ------
    EndpointError
        The hub refused, or could not be reached.
    """
    hub = _client()
    api = hub.HfApi(library_name="ethogram")
    try:
        made = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=str(folder),
            allow_patterns=[path.name for path in files],
            commit_message="Upload with ethogram",
        )
    except Exception as error:  # the client's errors are of many families
        raise EndpointError(f"{repo} was not uploaded: {_reason(error)}") from error
    return str(made)


def _refuse_keys(files: Iterable[Path], secrets: dict[str, str]) -> None:
    """Refuse files in which a key of this environment stands."""
    for path in files:
        for name, value in secrets.items():
            if _holds(path, value):
                raise InputError(
                    f"{path} contains what ${name} holds: nothing was uploaded; remove it from the "
                    "study's texts and export again"
                )


def _holds(path: Path, text: str) -> bool:
    """Whether a file contains a text; tables are compressed, so they are read."""
    if path.suffix != ".parquet":
        spelled = (text, orjson.dumps(text).decode()[1:-1], plain(text))  # as JSON and Markdown do
        content = path.read_bytes()
        return any(one.encode() in content for one in spelled)
    frame = pl.scan_parquet(path)
    texts = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
    if not texts:
        return False
    found = [pl.col(name).str.contains(text, literal=True).any() for name in texts]
    return bool(frame.select(pl.any_horizontal(found)).collect().item())


def _client() -> Any:
    """Return the hub's client.

    Raises
    ------
    InputError
        It is not installed.
    """
    hub = need("huggingface_hub", what="publish", extra="hf")
    import_module("huggingface_hub.utils").disable_progress_bars()  # we print lines of our own
    return hub


def _reason(error: BaseException) -> str:
    """Return what the hub said, in one short line."""
    said = str(getattr(error, "server_message", "") or error) or type(error).__name__
    return " ".join(said.split())[:300]
