"""The progress that `run_study` shows: where, and what."""

from __future__ import annotations

import asyncio
import io
import sys
from types import SimpleNamespace

import pytest

from ethogram.engine.caller import Meter
from ethogram.run import display
from ethogram.run.progress import Pace
from ethogram.run.runner import Run


class Stream(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, *, terminal):
        super().__init__()
        self.isatty = lambda: terminal


def a_run(**meter):
    """Return a run of one stage: 10 planned, 2 done and 1 lost before."""
    return Run(
        meters={("elicit", "<fern>"): Meter(**meter)}, totals={("elicit", "<fern>"): (10, 2, 1)}
    )


def use_streams(monkeypatch, *, out, error):
    """Put streams in place of standard output and error, and return the latter."""
    monkeypatch.setattr(sys, "stdout", Stream(terminal=out))
    monkeypatch.setattr(sys, "stderr", Stream(terminal=error))
    return sys.stderr


def in_a_kernel(monkeypatch, config):
    """Pretend to run under an IPython of this configuration."""
    shell = SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.mark.parametrize(
    ("out", "error", "progress", "shown"),
    [
        (True, True, None, True),
        (True, True, False, False),
        (False, True, None, False),  # the output is piped
        (True, False, None, False),
        (False, False, None, False),
        (False, False, True, True),
        (False, False, False, False),
    ],
)
def test_progress_is_shown_on_a_terminal_unless_told_otherwise(
    monkeypatch, out, error, progress, shown
):
    """What is piped stays free of it, and False silences it anywhere."""
    use_streams(monkeypatch, out=out, error=error)
    assert (display.choose_watch(progress) is not None) is shown


def test_a_kernel_is_a_notebook_and_ipython_on_a_terminal_is_none(monkeypatch):
    """The kernel's own application tells them apart."""
    in_a_kernel(monkeypatch, {"IPKernelApp": {}})
    assert display.in_notebook()
    use_streams(monkeypatch, out=False, error=False)
    assert display.choose_watch(None) is not None
    assert display.choose_watch(False) is None
    in_a_kernel(monkeypatch, {})
    assert not display.in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not display.in_notebook()


def watch_briefly(watch, run):
    """Run a display beside nothing, and cancel it as a run does."""

    async def both():
        watching = asyncio.create_task(watch(run))
        await asyncio.sleep(0)
        run.meters["elicit", "<fern>"].done = 7
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(both())


def test_the_last_state_is_shown_at_the_end(monkeypatch):
    """A terminal's lines are taken back before they are written anew."""
    error = use_streams(monkeypatch, out=True, error=True)
    watch_briefly(display.choose_watch(None), a_run())
    first, last = error.getvalue().split("\x1b[2A\x1b[J")
    assert "2 of 10" in first
    assert "9 of 10" in last


def test_a_line_never_wraps(monkeypatch):
    """Lines that wrap could not be taken back: they are cut at the terminal's width."""
    error = use_streams(monkeypatch, out=True, error=True)
    monkeypatch.setenv("COLUMNS", "30")
    watch_briefly(display.choose_watch(None), a_run())
    lines = error.getvalue().replace("\x1b[2A\x1b[J", "").splitlines()
    assert max(map(len, lines)) <= 29


def test_a_log_gets_whole_lines_and_no_control_codes(monkeypatch):
    """`progress=True` where nothing can be redrawn."""
    error = use_streams(monkeypatch, out=False, error=False)
    watch_briefly(display.choose_watch(True), a_run(cost=0.5, unknown_cost=1))
    assert "\x1b" not in error.getvalue()
    assert "$0.5000+?" in error.getvalue()


def test_a_notebook_has_one_output_that_is_redrawn(monkeypatch):
    """It is made once, then updated; names are text."""
    shown = []
    handle = SimpleNamespace(update=lambda page: shown.append(("update", page)))

    def show(page, *, display_id):
        assert display_id
        shown.append(("display", page))
        return handle

    in_a_kernel(monkeypatch, {"IPKernelApp": {}})
    module = SimpleNamespace(HTML=str, display=show)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    watch_briefly(display.choose_watch(None), a_run(waits_until=4e9, waits_for="a <b> quota"))
    assert [kind for kind, _ in shown] == ["display", "update"]
    assert "&lt;fern&gt;" in shown[0][1]
    assert "a &lt;b&gt; quota" in shown[0][1]
    assert '<progress value="1.0000" max="1"' in shown[1][1]
    assert "quota" not in shown[1][1]  # the run has ended: nothing is waited for


def test_numbers_count_earlier_runs_and_time_left_needs_a_pace():
    """Of 10 planned, 3 were settled before; nothing done in this run gives no pace."""
    (stage,) = Pace().read(a_run())
    assert (stage.done, stage.lost, stage.share, stage.seconds_left) == (2, 1, 0.3, None)
    (stage,) = Pace().read(a_run(done=4, lost=1))
    assert stage.seconds_left > 0
    assert stage.cells()[2:4] == ("6 of 10", "2")
    (stage,) = Pace().read(a_run(done=7))
    assert stage.seconds_left is None
