"""The docs say what the code does: verbs, keys, defaults, statuses, schema, examples, links."""

from __future__ import annotations

import pkgutil
import re
import sqlite3
import sys
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from ethogram import study as study_module
from ethogram.cli.app import app
from ethogram.engine.requests import PASSING, USABLE, Status
from ethogram.engine.services import SERVICES
from ethogram.stimuli.prompts import PromptFilter
from ethogram.store.store import Store
from ethogram.study import parse_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
SOURCES = DOCS.parent / "src" / "ethogram"
TABLES: dict[str, type[BaseModel]] = {
    "study": study_module.StudyTable,
    "models": study_module.ModelTable,
    "judges": study_module.JudgeTable,
    "prompts": PromptFilter,
    "templates": study_module.TemplatesTable,
    "validity": study_module.ValidityTable,
    "persistence": study_module.PersistenceTable,
    "free": study_module.FreeTable,
    "breadth": study_module.BreadthTable,
    "self_report": study_module.SelfReportTable,
}


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _prose(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())


def _section(page: str, heading: str) -> str:
    """Return a page from a heading to the next of its level."""
    mark = heading.split(maxsplit=1)[0]
    _, found, rest = page.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(rf"\n{mark} ", rest)[0]


def _rows(text: str) -> dict[str, list[str]]:
    """Return the table rows of a text by the name in backquotes in their first cell."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if named := re.fullmatch(r"`([^`]+)`", cells[0].lstrip("| ")):
            rows[named[1]] = cells
    return rows


def _verbs() -> list[tuple[str, typer.core.TyperCommand]]:
    """Return every verb of the command line with its full name."""
    found = []
    pending = [("ethogram", get_command(app))]
    while pending:
        name, command = pending.pop()
        children = getattr(command, "commands", {})
        pending += [(f"{name} {child}", value) for child, value in children.items()]
        if name != "ethogram":
            found.append((name, command))
    return found


VERBS = _verbs()


@pytest.mark.parametrize(("name", "command"), VERBS, ids=[name for name, _ in VERBS])
def test_every_verb_has_help_and_a_section(name, command):
    """A verb says what it does, and docs/cli.md has an example and the exit codes of it."""
    assert command.help
    section = _section(_page("cli.md"), f"## `{name}`")
    assert "Exit code" in _prose(section)
    assert f"$ {name}" in section


@pytest.mark.parametrize(("name", "command"), VERBS, ids=[name for name, _ in VERBS])
def test_every_option_has_help_and_stands_in_its_section(name, command):
    """No option is undocumented: each has a help text and is named where its verb is."""
    section = _section(_page("cli.md"), f"## `{name}`")
    for option in command.params:
        if option.name in ("help", "quiet") or option.param_type_name == "argument":
            continue  # every verb has these two
        assert option.help, option.name
        names = [*option.opts, *option.secondary_opts]
        whole = rf"(?<![\w-])({'|'.join(names)})(?![\w-])"  # "-o" is in many a word
        assert re.search(whole, section), f"{name}: {names}"


def test_cli_page_lists_no_verb_that_is_not_there():
    """A verb that was dropped or renamed must leave the page."""
    headings = set(re.findall(r"\n## `(ethogram [a-z ]+)`", _page("cli.md")))
    assert headings == {name for name, _ in VERBS}


def _default(field: FieldInfo) -> str:
    """Say a key's default as the page does."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if value == 1 / 9:
        return "`1/9` (0.111...)"
    return f"`{value:g}`" if isinstance(value, int | float) else f"`{value}`"


def _is_inherited(table: str, name: str, field: FieldInfo) -> bool:
    """Whether a judge's key is a model's key with the same default, and so stands there."""
    model = TABLES["models"].model_fields.get(name)
    return table == "judges" and model is not None and _default(model) == _default(field)


KEYS = [
    (table, name, field)
    for table, kind in TABLES.items()
    for name, field in kind.model_fields.items()
    if not _is_inherited(table, name, field)
]


@pytest.mark.parametrize(("table", "name", "field"), KEYS, ids=[f"{t}.{n}" for t, n, _ in KEYS])
def test_every_key_stands_in_the_page_with_its_default(table, name, field):
    """docs/study-file.md has each key of each table, and its default is the code's."""
    heading = f"## `[{table}.NAME]`" if table in ("models", "judges") else f"## `[{table}]`"
    rows = _rows(_section(_page("study-file.md"), heading))
    assert name in rows
    assert rows[name][2] == _default(field)


def test_the_page_has_no_key_that_is_refused():
    """Each key in the page's tables is one that the study file takes."""
    for table, kind in TABLES.items():
        heading = f"## `[{table}.NAME]`" if table in ("models", "judges") else f"## `[{table}]`"
        known = set(kind.model_fields)
        if table == "models":
            known |= set(study_module.Prices.model_fields)
        assert set(_rows(_section(_page("study-file.md"), heading))) <= known


def test_prices_keys_stand_in_the_page():
    """The table of prices has both of its keys."""
    rows = _rows(_section(_page("study-file.md"), "## `[models.NAME]`"))
    assert set(study_module.Prices.model_fields) <= set(rows)


def test_every_status_stands_in_the_page():
    """docs/statuses.md says of each status whether it is usable and whether it is asked again."""
    rows = _rows(_section(_page("statuses.md"), "## The list"))
    assert set(rows) == {str(status) for status in Status}
    for status in Status:
        _, _, usable, again = rows[str(status)]
        assert usable == ("yes" if status in USABLE else "no"), status
        assert again.startswith("yes" if status in PASSING else "no"), status


def _schema(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return {table: [(column, type)]} of a new store."""
    Store.open(path).close()
    db = sqlite3.connect(path)
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    columns = {n: db.execute(f"PRAGMA table_info({n})").fetchall() for (n,) in names}
    db.close()
    return {name: [(row[1], row[2]) for row in rows] for name, rows in columns.items()}


def test_the_schema_page_is_the_schema(tmp_path):
    """docs/store.md has every table, with every column and its type, and no other."""
    page = _section(_page("store.md"), "## Tables")
    schema = _schema(tmp_path / "new.db")
    assert set(re.findall(r"\n### `(\w+)`", "\n" + page)) == set(schema)
    for table, columns in schema.items():
        rows = _rows(_section(page, f"### `{table}`"))
        assert {name: cells[1] for name, cells in rows.items()} == dict(columns), table


def test_the_example_queries_run(tmp_path):
    """Each SQL block of docs/store.md is valid on the schema as it is."""
    path = tmp_path / "new.db"
    Store.open(path).close()
    blocks = re.findall(r"```sql\n(.*?)```", _page("store.md"), re.DOTALL)
    assert len(blocks) >= 5
    db = sqlite3.connect(path)
    for block in blocks:
        assert db.execute(block).fetchall() == []
    db.close()


def test_every_service_stands_in_the_page():
    """docs/services.md has each service with its address and the variable of its key."""
    rows = _rows(_page("services.md"))
    for name, service in SERVICES.items():
        cells = rows[name]
        assert cells[1] == (service.base_url or "in this process")
        assert cells[2] == (f"`{service.api_key_env}`" if service.api_key_env else "none")
        assert cells[3] == f"`{service.max_tokens_key}`"
        assert f"`{service.reasoning or service.reasoning_hint}`" in cells[4]
        assert service.reasoning or "needs a style" in cells[4]


STUDIES = [
    (page.name, number, block)
    for page in [*PAGES, DOCS.parent / "README.md"]
    for number, block in enumerate(
        re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
    if re.search(r"^\[study\]", block, re.MULTILINE)
]


@pytest.mark.parametrize(("page", "number", "block"), STUDIES, ids=lambda v: str(v)[:20])
def test_every_study_file_in_the_docs_is_valid(page, number, block):
    """A whole study file in the docs can be pasted and used."""
    assert parse_study(block).models, (page, number)


def test_the_study_in_the_readme_runs_as_installed(tmp_path, monkeypatch):
    """A reader who pastes it needs no extra: its prompts are there, and it is planned whole."""
    from ethogram.run.prepare import prepare

    monkeypatch.setitem(sys.modules, "datasets", None)  # the extra for WildChat
    monkeypatch.chdir(tmp_path)
    (block,) = [block for page, _, block in STUDIES if page == "README.md"]
    prepared = prepare(parse_study(block), tmp_path / "study.db")
    assert len(prepared.prompts) > 0


def test_there_are_study_files_to_check():
    """The pattern above finds the examples (an empty list would pass unseen)."""
    assert len(STUDIES) >= 5


def _anchors(page: str) -> set[str]:
    """Return the anchors that a Markdown renderer gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.M)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    """Each relative link points to a file that is there, and to a heading in it."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file) if file else page
        assert path.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(path.read_text(encoding="utf-8")), f"{page.name}: {target}"


def test_the_index_lists_every_page():
    """No page is without a way to it."""
    index = _page("index.md")
    assert [p.name for p in PAGES if p.name != "index.md" and f"({p.name})" not in index] == []


def _site_nav() -> set[str]:
    """Return the pages that the site's navigation lists."""
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    return set(re.findall(r": (\S+\.md)$", text.partition("\nnav:\n")[2], re.MULTILINE))


def test_the_site_lists_every_page():
    """The built documentation leads to each page, the reference's included."""
    assert _site_nav() == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


def test_the_reference_lists_every_public_name():
    """docs/reference/index.md has each public name, and nothing that is not one."""
    import ethogram

    listed = re.findall(r"^::: ethogram\.(\w+)$", _page("reference/index.md"), re.MULTILINE)
    with_the_errors = {*listed, "EthogramError"} if "errors" in listed else set(listed)
    assert with_the_errors == set(ethogram.__all__) - {"__version__"}
    assert len(listed) == len(set(listed))


def test_every_package_has_a_page_of_reference():
    """A package that is added gets a page; the command line has docs/cli.md."""
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")} - {"cli"}
    pages = {path.stem for path in (DOCS / "reference").glob("*.md")}
    assert packages <= pages
    for name in packages:
        assert f"::: ethogram.{name}\n" in _page(f"reference/{name}.md")


def test_the_map_shows_every_package():
    """CONTRIBUTING.md's table has each package, and none that is gone."""
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    table = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == packages


@pytest.mark.parametrize(
    "page",
    [*PAGES, *DOCS.parent.glob("*.md"), DOCS.parent / "bench" / "README.md"],
    ids=lambda page: page.name,
)
def test_modules_and_files_that_a_page_names_are_there(page):
    """`ethogram.package.module.name` is imported, `tests/file.py` opened; NAME stands for any."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`(ethogram\.[a-z_0-9]+\.[A-Za-z_0-9.]+)`", text):
        assert pkgutil.resolve_name(name) is not None
    for name in re.findall(r"`((?:src|tests|bench|examples)/[\w./-]+)`", text):
        if not re.search(r"\b[A-Z]{2,}\b", name):
            assert (DOCS.parent / name).exists(), f"{page.name}: {name}"


def test_the_method_page_quotes_the_template():
    """The quoted system prompt is the one that is sent."""
    from ethogram.protocols.templates import Templates

    quoted = " ".join(re.findall(r"^> (.*)$", _page("method.md"), re.MULTILINE))
    assert quoted == Templates().feels


def test_the_library_page_names_public_names_only():
    """Each `ethogram.NAME` in docs/library.md is exported, or is a module of errors."""
    import ethogram

    named = set(re.findall(r"\bethogram\.([A-Za-z_]+)", _page("library.md")))
    assert len(named) > 5
    assert named - {"errors"} <= set(ethogram.__all__)


def test_numbers_in_the_pages_are_the_codes():
    """Waits, limits and grace periods that the pages state are the code's constants."""
    from ethogram.engine import caller as engine
    from ethogram.engine import health, http, requests
    from ethogram.engine.services import THINKING_BUDGET
    from ethogram.run import runner as stages
    from ethogram.store import writer

    statuses = _prose(_page("statuses.md"))
    assert f"over {http.MAX_BODY >> 20} MB" in statuses
    assert f"at most {engine.MAX_WAIT:g} s" in statuses
    assert f"`patience` ({engine.PATIENCE:g} s" in statuses
    assert f"{health.MAX_FRUITLESS} failed calls" in statuses
    assert f"{health.MAX_LOCKED_OUT} requests" in statuses
    assert f"at least {health.FEW} requests" in statuses
    assert f"at most {health.LONG_STREAK}" in statuses
    assert f"{health.BRAKE} paid answers" in statuses
    assert all(f"`{status}`" in statuses for status in requests.ENDPOINT)
    assert f"in flight {stages.GRACE:g} seconds" in statuses
    assert f"every {1000 * writer.BATCH_SECONDS:g} ms" in statuses
    assert THINKING_BUDGET
    for effort, tokens in THINKING_BUDGET.items():
        assert f"{effort} {tokens:,}" in _prose(_page("services.md"))
