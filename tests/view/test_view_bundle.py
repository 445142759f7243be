"""The static site: texts left out on demand, a limit of size, and folders that are not its own."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from tests.planted.simulated_store import Losses, fill_store
from tests.view.served import TRAITS, fill_studies

pytest.importorskip("starlette")

from ethogram.api.view import write_bundle
from ethogram.errors import InputError
from ethogram.stimuli.tables.written import write_whole
from ethogram.store.store import Store


def _links(folder):
    """Return every relative link of a site that leads nowhere."""
    pages = {page.name: page.read_text(encoding="utf-8") for page in folder.glob("*.html")}
    return [
        (name, target)
        for name, text in pages.items()
        for target in re.findall(r'<a [^>]*href="([^"#:]+)"', text)
        if not (folder / unquote(target)).is_file()
    ]


def _folder_of(path):
    """Make a folder if it is not there."""
    path.mkdir(exist_ok=True)
    return path


def test_without_texts_no_reply_and_no_message_is_in_it(tmp_path):
    """Not in the reports either; pages of an earlier bundle with texts are taken away."""
    folder = fill_studies(tmp_path)
    site = tmp_path / "site"
    write_bundle([folder / "few.db"], site)
    assert "in the manner of one word" in (site / "few-replies-1.html").read_text(encoding="utf-8")
    write_bundle([folder / "few.db"], site, texts=False)
    pages = {page.name: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    assert set(pages) == {"index.html", "few.html"}
    assert not any("in the manner of one word" in text for text in pages.values())
    assert _links(site) == []


def test_the_limit_holds_and_is_said(tmp_path):
    """So many bytes of replies and no more; the next page says how many are left out."""
    folder = fill_studies(tmp_path)
    site = tmp_path / "site"
    write_bundle([folder / "one.db"], site)
    whole = [page.stat().st_size for page in sorted(site.glob("one-replies-*.html"))]
    write_bundle([folder / "one.db"], site, limit=whole[0])
    pages = sorted(site.glob("one-replies-*.html"))
    assert len(pages) == len(whole) == 2
    assert pages[0].stat().st_size == whole[0]
    assert "replies are left out" in pages[1].read_text(encoding="utf-8")
    assert _links(site) == []


def test_no_page_names_the_folders_of_this_machine(tmp_path):
    """A store stands by its name."""
    folder = fill_studies(tmp_path)
    page = write_bundle([folder / "few.db"], tmp_path / "site")
    assert "few.db" in page.read_text(encoding="utf-8")
    for one in (tmp_path / "site").glob("*.html"):
        assert str(tmp_path) not in one.read_text(encoding="utf-8")


def test_other_folders_are_not_written_to(tmp_path):
    """One with other things in it, or a file."""
    folder = fill_studies(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    for place in (tmp_path / "mine", tmp_path / "few.db"):
        with pytest.raises(InputError, match=r"other things|is a file"):
            write_bundle([folder / "few.db"], place)


def test_names_that_meet_get_files_of_their_own(tmp_path):
    """Stores called as other pages of the site, or alike but for case, overwrite nothing."""
    folder = tmp_path / "studies"
    for name in ("index", "compared-1", "few-replies-1", "few", "Few", "\u7c73" * 80):
        fill_store(_folder_of(folder) / f"{name}.db", traits=TRAITS[:3], study=f"The {name[:20]}")
    site = write_bundle([folder], tmp_path / "site").parent
    titles = [re.search("<title>([^<]*)", p.read_text("utf-8"))[1] for p in site.glob("*.html")]
    for name in ("index", "compared-1", "few-replies-1", "few", "Few", "\u7c73" * 20):
        assert sum(title.startswith(f"The {name} ") or title == f"The {name}" for title in titles)
    assert len({page.name.casefold() for page in site.iterdir()}) == len([*site.iterdir()])
    assert _links(site) == []


def test_a_study_without_verdicts_does_not_keep_the_others_from_the_site(tmp_path):
    """Not run yet, or all replies lost: in the list, beside nothing; a broken store is named."""
    fill_store(tmp_path / "ok.db", traits=TRAITS[:3])
    fill_store(tmp_path / "lost.db", traits=TRAITS[:3], losses=Losses(0, 1, 0, 0))
    Store.open(tmp_path / "planned.db").close()
    fill_store(tmp_path / "cut.db", traits=TRAITS[:3])
    whole = (tmp_path / "cut.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    said = []
    site = write_bundle([tmp_path], tmp_path / "site", note=said.append).parent
    assert {"ok.html", "lost.html", "planned.html"} <= {page.name for page in site.iterdir()}
    assert any("cut is left out" in text and "malformed" in text for text in said)
    assert _links(site) == []


@pytest.mark.parametrize("limit", [-1, float("nan")])
def test_a_limit_that_is_no_size_is_refused(tmp_path, limit):
    """Before anything is written."""
    fill_store(tmp_path / "ok.db", traits=TRAITS[:3])
    with pytest.raises(InputError, match="limit"):
        write_bundle([tmp_path / "ok.db"], tmp_path / "site", limit=limit)
    assert not (tmp_path / "site").exists()


def test_a_limit_of_nothing_says_so_where_the_replies_would_be(tmp_path):
    """The list and the report lead to a page that says how many are left out."""
    fill_store(tmp_path / "ok.db", traits=TRAITS[:3], losses=Losses(0, 0, 0, 0))
    page = write_bundle([tmp_path / "ok.db"], tmp_path / "site", limit=0)
    assert 'href="ok-replies-1.html"' in page.read_text("utf-8")
    left_out = page.with_name("ok-replies-1.html").read_text("utf-8")
    assert re.search(r"(\d+) of \1 replies are left out", left_out)


def test_other_peoples_pages_are_not_replaced(tmp_path):
    """A site of someone's own, or reports, are refused; a Space's card and hidden files stay."""
    fill_store(tmp_path / "ok.db", traits=TRAITS[:3])
    own = tmp_path / "own"
    (own / "assets").mkdir(parents=True)
    (own / "index.html").write_text("my pages")
    reports = _folder_of(tmp_path / "reports")
    write_whole(reports / "index.html", b"<p>a report</p>")
    for folder in (own, reports):
        with pytest.raises(InputError, match=r"other things in it \(index.html\)"):
            write_bundle([tmp_path / "ok.db"], folder)
    assert (own / "index.html").read_text() == "my pages"
    space = _folder_of(tmp_path / "space")
    (space / "README.md").write_text("---\nsdk: static\n---\nMine")
    (space / ".gitattributes").write_text("*.db filter=lfs\n")
    for _ in range(2):
        write_bundle([tmp_path / "ok.db"], space)
    assert (space / "README.md").read_text() == "---\nsdk: static\n---\nMine"
    assert (space / "ok.html").exists()


def test_a_study_name_is_no_markup_in_the_card(tmp_path):
    """Nor a second front matter."""
    fill_store(tmp_path / "ok.db", traits=TRAITS[:3], study="<b>x</b>\n---\nsdk: docker")
    page = write_bundle([tmp_path / "ok.db"], tmp_path / "site")
    card = page.with_name("README.md").read_text("utf-8")
    assert "&lt;b&gt;x&lt;/b&gt; --- sdk: docker" in card
    assert card.count("\n---\n") == 1


def test_studies_of_one_name_are_told_apart_side_by_side(tmp_path):
    """By the name of the store."""
    for name in ("a", "b"):
        fill_store(tmp_path / f"{name}.db", traits=TRAITS[:4], study="Same")
    page = write_bundle([tmp_path], tmp_path / "site")
    text = page.with_name("compared-1.html").read_text("utf-8")
    assert "Same (a)" in text
    assert "Same (b)" in text
    sections = set(re.findall(r' id="([^"]+)"', text))
    assert set(re.findall(r'<a class="to" href="#([^"]+)"', text)) <= sections
