"""Where a page goes: STEM.html, and beside it its numbers (.json) and its summary (.md)."""

from __future__ import annotations

from pathlib import Path

from ethogram.stimuli.tables.written import check_outputs


def page_files(out: Path) -> tuple[Path, Path, Path]:
    """Return where the page, its numbers and its summary are written."""
    name = out.name if out.suffix.lower() in (".html", ".htm") else f"{out.name}.html"
    page = out.with_name(name)
    stem = page.with_suffix("").name
    return page, page.with_name(f"{stem}.json"), page.with_name(f"{stem}.md")


def check_page(out: Path, *, source: Path | None = None, force: bool = False) -> None:
    """Refuse, before any work, a place where a page cannot be written.

    Raises
    ------
    InputError
        A folder, a file that is not ethogram's (unless `force`), or the source itself.
    """
    sources = [source] if source is not None else []
    is_a_file = out.name and (out.is_file() or not out.exists()) and out not in sources
    check_outputs(page_files(out) if is_a_file else [out], force=force, sources=sources)
