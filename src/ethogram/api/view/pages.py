"""The viewer's own pages: the list of studies, replies, a trial, the labelling desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import jinja2

from ethogram.api.view.shelf import Study
from ethogram.engine.requests import USABLE
from ethogram.report.evidence import judge_words, without_thoughts
from ethogram.report.templates import asset, environment
from ethogram.stimuli.paths import as_text
from ethogram.store.read import read_trials
from ethogram.store.store import Store

HOME = ("All studies", "/")
CHARS = 6000
"""Characters at which texts in lists are cut; the page of a trial has up to `WHOLE`."""

WHOLE = 200_000


@cache
def _environment() -> jinja2.Environment:
    return environment()


def render(template: str, **values: Any) -> str:
    """Return a page."""
    known = {"policy": "", "root": "/", "script": True, "links": (), "kicker": "", "beside": ()}
    return as_text(_environment().get_template(template).render(**{**known, **values}))


def said_page(title: str, *sentences: str) -> str:
    """Return a page of a few sentences."""
    return render("viewer_said.html.j2", title=title, sentences=sentences, links=[HOME])


def address_of(key: str) -> str:
    """Return where a study is."""
    return f"/s/{quote(key)}"


def stylesheet() -> str:
    """Return the report's styles and the viewer's."""
    return asset("report.css") + asset("viewer.css")


def progress_words(study: Study) -> str:
    """Say how far a study is."""
    if study.path is None or study.problem:
        return ""
    words = f"{study.done:,} of {study.planned:,}"
    return f"{words}, under way" if study.under_way else words


def list_page(
    studies: Sequence[Study],
    address: Callable[[Study], str],
    replies: Callable[[Study], str],
    **values: Any,
) -> str:
    """Return the list of studies."""
    rows = [
        {
            "study": study,
            "address": address(study),
            "replies": replies(study),
            "words": progress_words(study),
            "changed": datetime.fromtimestamp(study.changed).strftime("%-d %B %Y, %H:%M")
            if study.changed
            else "",
        }
        for study in studies
    ]
    return render("viewer_list.html.j2", title="Studies", studies=rows, **values)


def read_records(
    store: Store, trials: Sequence[int], address: Callable[[int], str], *, chars: int = CHARS
) -> list[dict[str, Any]]:
    """Read trials as the pages show them: texts without thoughts, and cut."""
    made = []
    for record in read_trials(store, trials, chars=WHOLE):
        reply = without_thoughts(record["reply"] or "")
        prompt = record["prompt"] or ""
        made.append(
            {
                **record,
                "address": address(record["id"]),
                "reply": reply[:chars],
                "reply_cut": len(reply) > chars,
                "prompt": prompt[:chars],
                "prompt_cut": len(prompt) > chars,
                "verdicts": [
                    {
                        **verdict,
                        "usable": verdict["status"] in USABLE,
                        "text": judge_words(verdict["text"] or verdict["reason"] or "")[:chars],
                    }
                    for verdict in record["verdicts"]
                ],
            }
        )
    return made
