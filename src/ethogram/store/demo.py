"""The study in the box: what three small open models chose, as a compressed store.

It was run for real; `docs/demo.md` says on what, and what it cannot show. `bench/pack_demo.py`
makes the file of a store.
"""

from __future__ import annotations

import lzma
import shutil
from importlib import resources
from pathlib import Path

from ethogram.errors import InputError, StoreError
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file, write_whole
from ethogram.store.store import Store

DEMO = "small_models"  # its files
NAME = "three small open models"  # its study


def unpack_demo(folder: str | Path, *, force: bool = False) -> Path:
    """Write the demo's store and its study file into a folder, unless they are there.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    force : bool
        Also replace a store, or a study file, that is not the demo's.

    Returns
    -------
    Path
        Of the store, `small_models.db`; its study file is beside it.

    Raises
    ------
    InputError
        A file of that name is there and is not the demo's; or the folder cannot be written.
    """
    folder = Path(folder)
    check_folder(folder)
    path = folder / f"{DEMO}.db"
    if not path.exists() or not _is_demo(path, force=force):
        with partial_file(path) as partial:
            _unpack(partial)
            Store.open(partial).close()  # brings it up to date
    study = path.with_suffix(".toml")
    with Store.read(path) as store:
        text = store.studies()[-1]["file"].encode()
    if not study.exists() or study.read_bytes() != text:
        check_outputs([study], force=force)
        write_whole(study, text)
    return path


def _unpack(path: Path) -> None:
    packed = resources.files("ethogram") / "data" / "demo" / f"{DEMO}.db.xz"
    with packed.open("rb") as file, lzma.open(file) as content, path.open("wb") as out:
        shutil.copyfileobj(content, out)


def _is_demo(path: Path, *, force: bool) -> bool:
    """Whether a file is the demo's store, perhaps with more in it since."""
    try:
        with Store.read(path) as store:
            found = any(study["name"] == NAME for study in store.studies())
    except StoreError:
        found = False
    if not (found or force):
        raise InputError(
            f"{path} is there and is not the demo's store: name another folder (-o), or replace "
            "it with --force"
        )
    return found
