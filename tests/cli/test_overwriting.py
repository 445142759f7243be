"""The command line replaces nothing that ethogram did not write, and says so before the work."""

from __future__ import annotations

from contextlib import closing

import pytest
from tests.planted.studies import study_text

from ethogram import report
from ethogram.figures import save
from ethogram.store.store import Store

TABLE = "model,trait_1,trait_2,winner\nm,calm,bold,calm\nm,bold,poetic,bold\nm,poetic,calm,tie\n"


@pytest.fixture
def table(tmp_path):
    """Write a comparison file beside unrelated files of the same stem."""
    (tmp_path / "X.csv").write_text(TABLE)
    (tmp_path / "X.json").write_text('{"mine": true}')
    (tmp_path / "X.md").write_text("# Mine\n")
    return tmp_path


@pytest.fixture
def no_work(monkeypatch):
    """Fail where a report or a figure is begun."""

    def work(*words, **options):
        raise AssertionError("work was done before the check")

    monkeypatch.setattr(report, "build_report", work)
    monkeypatch.setattr(save, "draw_figures", work)


def test_a_report_spares_the_files_beside_it(ethogram, table, no_work):
    """Neither the JSON nor the summary of somebody else is replaced, and no page is written."""
    code, out, err = ethogram("report", "X.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "X.json and X.md exist, and not as ethogram wrote them" in err
    assert (table / "X.md").read_text() == "# Mine\n"
    assert not (table / "X.html").exists()


def test_force_replaces_and_a_second_report_needs_none(ethogram, table):
    """What the first wrote is ethogram's."""
    assert ethogram("report", "X.csv", "--force")[0] == 0
    assert "mine" not in (table / "X.json").read_text()
    assert ethogram("report", "X.csv")[0] == 0
    (table / "X.md").write_text((table / "X.md").read_text() + "\nMy own words on it.\n")
    assert ethogram("report", "X.csv")[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "X.csv", "-o", "."), ". is a folder: name a file"),
        (("report", "X.csv", "-o", ".."), ".. is a folder: name a file"),
        (("report", "X.csv", "-o", "sub"), "sub is a folder: name a file"),
        (("report", "X.csv", "-o", "sub.html"), "sub.html is a folder: name a file"),
        (("report", "X.csv", "-o", "X.csv"), "X.csv is what is read"),
        (("report", "X.csv", "--force", "-o", "X.csv"), "X.csv is what is read"),
        (("report", "X.csv", "-o", "X.csv/page.html"), "a part of it is a file"),
        (("report", "X.csv", "-o", "/proc/none/page.html"), "cannot be written"),
        (
            ("figures", "X.csv", "-o", "X.md"),
            "it is a file, expected a folder",
        ),
        (("figures", "X.csv", "-o", "drawn"), "radial.svg exists, and not as ethogram wrote it"),
        (("figures", "-o", "drawn"), "radial.svg exists, and not as ethogram wrote it"),
        (("reference", "report", "-o", "drawn"), "reference.md exists"),
        (("init", "X.md"), "X.md exists, and not as ethogram wrote it"),
        (("init", "sub"), "sub is a folder"),
        (("init", "X.md/study.toml"), "a part of it is a file"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(ethogram, table, no_work, words, said):
    """One line, exit code 2, and every file as it was."""
    for folder in ("sub", "sub.html", "drawn"):
        (table / folder).mkdir()
    (table / "drawn" / "radial.svg").write_text("<svg>mine</svg>")
    (table / "drawn" / "reference.md").write_text("mine")
    before = {path: path.read_bytes() for path in table.rglob("*") if path.is_file()}
    code, out, err = ethogram(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert before == {path: path.read_bytes() for path in table.rglob("*") if path.is_file()}


def test_a_report_on_json_does_not_fall_on_its_source(ethogram, tmp_path):
    """Its numbers would have the name of what is read; so the page has another."""
    rows = [line.split(",") for line in TABLE.split()]
    text = "\n".join(str(dict(zip(rows[0], r, strict=True))).replace("'", '"') for r in rows[1:])
    (tmp_path / "X.json").write_text(f"[{','.join(text.splitlines())}]")
    code, out, err = ethogram("report", "X.json")
    assert (code, out) == (0, "X-report.html\n")
    assert err.splitlines().count("writing the report ...") == 1
    assert (tmp_path / "X-report.json").is_file()


def test_figures_are_replaced_where_they_are_ours(ethogram, table):
    """All four formats carry the mark; a file of another name does not matter."""
    (table / "figures").mkdir()
    (table / "figures" / "radial-mine.svg").write_text("mine")
    for _ in range(2):
        words = ("figures", "X.csv", "--format", "svg,png,pdf,json")
        assert ethogram(*words)[0] == 0
    (table / "figures" / "radial.json").write_text("{}")
    assert ethogram(*words)[0] == 2
    assert ethogram(*words, "--force")[0] == 0


def test_a_run_looks_before_it_asks(ethogram, tmp_path, planted, word_list):
    """No call is paid for and no store made where the report could not be written."""
    server = planted()
    (tmp_path / "study.toml").write_text(
        study_text(server.base_url, traits=word_list("warm", "blunt", "poetic"))
    )
    (tmp_path / "study.md").write_text("my notes on the study\n")
    code, _, err = ethogram("run", "study.toml")
    assert (code, server.stats()["requests"]) == (2, 0)
    assert "study.md exists" in err
    assert not (tmp_path / "study.db").exists()
    assert ethogram("run", "study.toml", "--no-report")[0] == 0
    code, _, err = ethogram("report", "study.db", "-o", "study.db")
    assert (code, "study.db is what is read" in err) == (2, True)
    for _ in range(2):
        assert ethogram("export", "study.db", "--format", "csv")[0] == 0
    (tmp_path / "verdicts.csv").write_text("name,grade\nAda,1\n")
    before = (tmp_path / "trials.csv").stat().st_mtime_ns
    code, out, err = ethogram("export", "study.db", "--format", "csv")
    assert (code, out, "verdicts.csv exists" in err) == (2, "", True)
    assert (tmp_path / "trials.csv").stat().st_mtime_ns == before


def test_a_lock_that_is_no_lock_stays(tmp_path):
    """A file that happens to have the name of a store's lock is not emptied and removed."""
    (tmp_path / "study.db.lock").write_text("the notes of my dissertation\n")
    with (
        pytest.raises(Exception, match="not an ethogram lock"),
        closing(Store.open(tmp_path / "study.db")),
    ):
        pass
    assert (tmp_path / "study.db.lock").read_text() == "the notes of my dissertation\n"
