"""The viewer as a static site: it opens from a folder and from any host of static files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import quote

from ethogram.api.view.beside import comparable_groups, compare_page, study_names
from ethogram.api.view.pages import list_page, read_records, render, stylesheet
from ethogram.api.view.shelf import Shelf, Study, draw_page, endings
from ethogram.errors import InputError
from ethogram.stimuli.paths import as_text
from ethogram.stimuli.tables.written import check_folder, is_ours, write_whole
from ethogram.store.search import list_replies
from ethogram.store.store import Store

POLICY = (
    "default-src 'none'; style-src 'self' file: 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
CHUNK = 50
"""Trials per page of evidence."""

_CARD = "---\ntitle: ethogram\nsdk: static\n---\n\nMeasured with ethogram: {names}.\n"
"""README.md, which a Hugging Face Space reads."""

_LONGEST_KEY = 150  # bytes in file names, which may have 255
_OURS = re.compile(r"index|compared-\d+|.*-replies-\d+")  # names of other pages than reports

LIMIT = 200_000_000
"""Bytes of evidence in all, if no other limit is given."""


def write_bundle(
    paths: Sequence[str | Path],
    folder: str | Path,
    *,
    texts: bool = True,
    limit: int = LIMIT,
    note: Callable[[str], None] | None = None,
) -> Path:
    """Write the list, every report and all replies as pages of a folder; returns index.html.

    Parameters
    ----------
    paths : sequence of path
    folder : path
        New or empty, or a bundle.
    texts : bool
        False: neither replies nor prompts, in the reports either.
    limit : int
        Bytes of the pages of replies, over all studies; each page says what was left out.

    Raises
    ------
    InputError
        The folder has other things in it or cannot be written, the limit is no size, or no store
        can be read.
    """
    folder, left = Path(folder), limit
    if not limit >= 0:  # NaN is not
        raise InputError(f"limit {limit}: expected a number of bytes, 0 or more")
    studies = _readable(Shelf(paths), note)
    _clear(folder)
    write_whole(folder / "assets" / "viewer.css", stylesheet().encode())  # first: see _clear
    written: set[str] = set()
    for study in studies:
        if note is not None:
            note(f"{study.name} ...")
        if texts and study.path is not None:
            left, any_page = _write_replies(study, folder, left)
            written |= {study.key} if any_page else set()
        links = [("All studies", "index.html")]
        links += [("All replies", _replies_page(study.key, 1))] if study.key in written else []
        page = draw_page(study, [(w, quote(a)) for w, a in links], texts=texts, whole=True)
        write_whole(folder / f"{study.key}.html", page.encode())
    beside = list(_write_comparisons(studies, folder))
    _write_card(studies, folder / "README.md")
    index = list_page(
        [_without_folder(study) for study in studies],
        lambda study: quote(f"{study.key}.html"),
        lambda study: quote(_replies_page(study.key, 1)) if study.key in written else "",
        compare=False,
        beside=beside,
        live=False,
        policy=POLICY,
        root="",
        script=False,
    )
    write_whole(folder / "index.html", index.encode())
    return folder / "index.html"


def _readable(shelf: Shelf, note: Callable[[str], None] | None) -> list[Study]:
    """Return the studies that can be read, each with a key that names files of its own."""
    every = shelf.studies()
    studies = [study for study in every if not study.problem]
    if not studies:
        raise InputError(every[0].problem)
    for study in every:
        if study.problem and note is not None:
            note(f"{study.name} is left out: {study.problem}")
    keys: list[str] = []
    for study in studies:
        taken = {_folded(key) for key in keys}
        stem = study.key.encode()[:_LONGEST_KEY].decode(errors="ignore")
        if _OURS.fullmatch(_folded(stem)):
            stem += "-study"
        names = (f"{stem}{ending}" for ending in endings())
        keys.append(next(name for name in names if _folded(name) not in taken))
    return [replace(study, key=key) for study, key in zip(studies, keys, strict=True)]


def _folded(name: str) -> str:
    """Return a name as a file system sees it that does not tell cases apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _clear(folder: Path) -> None:
    """Refuse a folder with anything in it that no bundle has; take an earlier bundle away.

    Hidden files, such as those of a repository, and a README.md stay as they are.
    """
    check_folder(folder)
    there = sorted(folder.iterdir()) if folder.exists() else []
    pages = (folder / "assets" / "viewer.css").exists()  # else they are reports, not a bundle's
    others = [one.name for one in there if not _is_of_bundle(one, pages)]
    if others:
        raise InputError(
            f"{folder} has other things in it ({', '.join(others[:3])}): name a new or empty folder"
        )
    for page in folder.glob("*.html"):  # the earlier bundle may have had texts
        page.unlink()


def _is_of_bundle(path: Path, pages: bool) -> bool:
    """Whether a bundle may have left this, or leaves it alone."""
    if path.name.startswith(".") or path.name == "README.md":
        return True
    if path.name == "assets" and path.is_dir():
        return {one.name for one in path.iterdir()} <= {"viewer.css"}
    return pages and path.suffix == ".html" and path.is_file() and is_ours(path)


def _write_card(studies: Sequence[Study], path: Path) -> None:
    """Write the README.md of a Hugging Face Space, unless somebody else wrote one."""
    if path.exists() and not is_ours(path):
        return
    names = ", ".join(" ".join(escape(study.name).split()) for study in studies)
    write_whole(path, as_text(_CARD.format(names=names)).encode())


def _write_comparisons(studies: Sequence[Study], folder: Path) -> Iterator[tuple[str, str]]:
    """Write a page for each group of studies that were asked and judged alike; yield its link."""
    for number, group in enumerate(comparable_groups(studies), start=1):
        name = f"compared-{number}.html"
        page = compare_page(group, [("All studies", "index.html")])
        write_whole(folder / name, page.encode())
        yield " and ".join(study_names(group).values()), name


def _without_folder(study: Study) -> Study:
    """Leave out where the store is on the machine of whoever made the bundle."""
    return replace(study, path=study.path and Path(study.path.name))


def _replies_page(key: str, number: int) -> str:
    return f"{key}-replies-{number}.html"


def _write_replies(study: Study, folder: Path, left: int) -> tuple[int, bool]:
    """Write pages of replies until the limit; returns the bytes left, and whether any is there."""
    if study.path is None:
        return left, False
    with Store.read(study.path) as store:
        trials = list_replies(store)
        chunks = [trials[i : i + CHUNK] for i in range(0, len(trials), CHUNK)]
        for number, chunk in enumerate(chunks, start=1):
            page = _page_of(study, store, number, chunk, len(trials), len(chunks))
            left -= len(page)
            if left < 0:
                _end_at(study, folder, number - 1, len(trials))
                return 0, True
            write_whole(folder / _replies_page(study.key, number), page)
    return left, bool(chunks)


def _page_of(
    study: Study, store: Store, number: int, chunk: Sequence[int], total: int, pages: int
) -> bytes:
    """Return one page of replies."""
    first = (number - 1) * CHUNK + 1
    return render(
        "viewer_replies.html.j2",
        title="Replies",
        kicker=study.name,
        links=[("All studies", "index.html"), ("Report", quote(f"{study.key}.html"))],
        search=False,
        count=f"{total:,} replies; {first:,} to {first + len(chunk) - 1:,}.",
        records=read_records(store, chunk, lambda trial: f"#trial-{trial}"),
        before=quote(_replies_page(study.key, number - 1)) if number > 1 else "",
        after=quote(_replies_page(study.key, number + 1)) if number < pages else "",
        policy=POLICY,
        root="",
        script=False,
    ).encode()


def _end_at(study: Study, folder: Path, last: int, total: int) -> None:
    """Say, where the next page would be, that it was left out."""
    shown = last * CHUNK
    page = render(
        "viewer_said.html.j2",
        title="Left out",
        sentences=[
            f"{total - shown:,} of {total:,} replies are left out: the bundle's limit of size was "
            "reached."
        ],
        kicker=study.name,
        links=[("All studies", "index.html"), ("Report", quote(f"{study.key}.html"))],
        policy=POLICY,
        root="",
        script=False,
    )
    write_whole(folder / _replies_page(study.key, last + 1), page.encode())
