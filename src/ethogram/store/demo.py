"""The study that comes with the package: what three small open models chose, as a compressed store.

It was run for real; `docs/demo.md` says on what, and what it cannot show. `bench/pack_demo.py`
makes the file of a store.
"""

from __future__ import annotations

import lzma
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from ethogram.errors import InputError, Problems, StoreError
from ethogram.stimuli.tables.written import check_folder, check_outputs, partial_file, write_whole
from ethogram.store.store import Store

DEMO = "small_models"  # its files
NAME = "three small open models"  # its study


def demo_store(folder: str | Path) -> Path:
    """Return where the demo's store is in a folder; its other files are beside it."""
    return Path(folder) / f"{DEMO}.db"


def unpack_demo(folder: str | Path, *, force: bool = False, beside: Sequence[Path] = ()) -> Path:
    """Write the demo's store and its study file into a folder, unless they are there.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    force : bool
        Also replace a store, or a study file, that is not the demo's.
    beside : sequence of Path
        What is to be written next: refused with the rest, before any file is there.

    Returns
    -------
    Path
        Of the store, `small_models.db`; its study file is beside it.

    Raises
    ------
    InputError
        A file of that name is there and is not the demo's; or the folder cannot be written.
    """
    path = demo_store(folder)
    check_folder(path.parent)
    problems = Problems()
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a store: name another folder (-o)")
    is_there = path.exists() and _is_demo(path)
    if path.exists() and not (is_there or force):
        problems.add(
            InputError(
                f"{path} is there and is not the demo's store: name another folder (-o), or "
                "replace it with --force"
            )
        )
    study = path.with_suffix(".toml")
    with _as_it_will_be(path, is_there=is_there) as found:
        with Store.read(found) as store:
            text = store.studies()[-1]["file"].encode()
        renewed = [] if study.is_file() and study.read_bytes() == text else [study]
        with problems.gather():
            check_outputs([*renewed, *beside], force=force, sources=[path])
        problems.raise_any()  # and the new store is removed
    for file in renewed:
        write_whole(file, text)
    return path


@contextmanager
def _as_it_will_be(path: Path, *, is_there: bool) -> Iterator[Path]:
    """Yield the store that is there, or a new one, which takes its name if all goes well."""
    if is_there:
        yield path
        return
    with partial_file(path) as partial:
        _unpack(partial)
        Store.open(partial).close()  # brings it up to date
        yield partial


def _unpack(path: Path) -> None:
    packed = resources.files("ethogram") / "data" / "demo" / f"{DEMO}.db.xz"
    with packed.open("rb") as file, lzma.open(file) as content, path.open("wb") as out:
        shutil.copyfileobj(content, out)


def _is_demo(path: Path) -> bool:
    """Whether a file is the demo's store, perhaps with more in it since."""
    try:
        with Store.read(path) as store:
            return any(study["name"] == NAME for study in store.studies())
    except StoreError:
        return False
