"""The viewer's addresses, and what each answers.

`/` the list, `/s/KEY` a study's report, `/s/KEY/replies` all its replies, `/s/KEY/trial/N` one,
`/compare?study=KEY&study=KEY` several studies, `/label/KEY` the labelling desk.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ethogram.api.view.beside import compare_page, why_not
from ethogram.api.view.desk import Desk
from ethogram.api.view.pages import (
    PER_PAGE,
    WHOLE,
    list_page,
    page_address,
    progress_words,
    read_records,
    render,
    sayable,
    stylesheet,
)
from ethogram.api.view.searching import Indexing, Searches
from ethogram.api.view.security import POLICY, Guard
from ethogram.api.view.shelf import Shelf
from ethogram.errors import EthogramError, InputError
from ethogram.report.templates import asset
from ethogram.store.search import fts_query, has_trial, list_replies
from ethogram.store.store import Store

HOME = ("All studies", "/")
_META = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_LONGEST_BODY = 10_000  # bytes of a form

Handler = Callable[[Request], Awaitable[Response]]


class Viewer:
    """The pages of some studies.

    Parameters
    ----------
    shelf : Shelf
    cache : Path
        Where full-text indexes are kept.
    """

    def __init__(self, shelf: Shelf, cache: Path) -> None:
        self.shelf, self.searches = shelf, Searches(cache)
        self.desks: dict[str, Desk] = {}

    def app(self, *, tokens: Mapping[str, str], hosts: frozenset[str]) -> ASGIApp:
        """Return the application, guarded."""
        routes = [
            Route("/", self._reader(self.list)),
            Route("/s/{key}", self._reader(self.study)),
            Route("/s/{key}/replies", self._reader(self.replies)),
            Route("/s/{key}/trial/{number}", self._reader(self.trial)),
            Route("/compare", self._reader(self.compare)),
            Route("/status.json", self._reader(self.status)),
            Route("/label/{key}", self._labeller(self.label), methods=["GET", "POST"]),
            Route("/label/{key}/undo", self._labeller(self.undo), methods=["POST"]),
            Route("/assets/viewer.css", _text(stylesheet(), "text/css")),
            Route("/assets/viewer.js", _text(asset("viewer.js"), "text/javascript")),
        ]
        starlette = Starlette(routes=routes, exception_handlers={EthogramError: _say_error})
        return Guard(starlette, tokens=tokens, hosts=hosts)

    def _reader(self, answer: Callable[[Request], Response]) -> Handler:
        """For readers; a labeller sees no verdict, and is sent to the desk."""

        async def handle(request: Request) -> Response:
            if request.scope["labeller"]:
                key = next(key for key, path in self.shelf.paths.items() if path is not None)
                return RedirectResponse(f"/label/{quote(key)}", 303)
            return await run_in_threadpool(answer, request)

        return handle

    def _labeller(self, answer: Callable[[Request, str], Response]) -> Handler:
        """For labellers; a reader may write nothing."""

        async def handle(request: Request) -> Response:
            who = request.scope["labeller"]
            if not who:
                return HTMLResponse(
                    _said("Not a labeller", "This link is for reading. Label with --label NAME."),
                    403,
                )
            request.state.form = await _form(request)
            return await run_in_threadpool(answer, request, who)

        return handle

    # -- reading ----------------------------------------------------------------------------

    def list(self, request: Request) -> Response:
        """Show the studies."""
        return HTMLResponse(
            list_page(
                self.shelf.studies(),
                lambda study: _address(study.key),
                lambda study: _address(study.key) + "/replies" if study.path else "",
                compare=len(self.shelf.paths) > 1,
                live=True,
            )
        )

    def status(self, request: Request) -> Response:
        """Say how far each study is, for the list while it is open."""
        return JSONResponse(
            {
                s.key: {"words": progress_words(s), "done": s.done}
                for s in self.shelf.studies()
                if not s.problem
            }
        )

    def study(self, request: Request) -> Response:
        """Show a study's report."""
        key = request.path_params["key"]
        links = [HOME]
        if self.shelf.study(key).path is not None:
            links.append(("All replies", _address(key) + "/replies"))
        return _with_own_policy(self.shelf.page(key, links))

    def compare(self, request: Request) -> Response:
        """Show the models of several studies side by side, or say why not."""
        studies = [
            self.shelf.study(key) for key in dict.fromkeys(request.query_params.getlist("study"))
        ]
        reasons = why_not(studies)
        if reasons:
            return HTMLResponse(_said("These studies cannot be compared", *reasons), 409)
        return _with_own_policy(compare_page(studies, [HOME]))

    def _store_of(self, key: str) -> Path:
        study = self.shelf.study(key)
        if study.path is None or study.problem:
            raise InputError(study.problem or f"{study.name} has win counts only, no replies.")
        return study.path

    def replies(self, request: Request) -> Response:
        """Show replies: all, or those that have some words, of a model or a trait."""
        key = request.path_params["key"]
        path, study = self._store_of(key), self.shelf.study(key)
        asked = {name: request.query_params.get(name, "")[:500] for name in _ASKED}
        searched = bool(asked["q"].strip())
        matching = self.searches.find(path, asked["q"]) if searched else None
        if isinstance(matching, Indexing):
            return HTMLResponse(_indexing(matching), headers={"refresh": "2"})
        with Store.read(path) as store:
            trials = list_replies(
                store,
                model=asked["model"],
                trait=asked["trait"],
                disagreeing=asked["order"] == "disagreeing",
            )
            if matching is not None:
                trials = [trial for trial in trials if trial in matching]
            last = max(1, -(-len(trials) // PER_PAGE))
            number = min(_number(request.query_params.get("page", "1")), last)
            shown = trials[(number - 1) * PER_PAGE : number * PER_PAGE]
            records = read_records(store, shown, lambda trial: f"{_address(key)}/trial/{trial}")
            traits = list(store.trait_ids())
        here = request.url.path
        return HTMLResponse(
            render(
                "viewer_replies.html.j2",
                title="Replies",
                kicker=study.name,
                links=[HOME, ("Report", _address(key))],
                search=True,
                asked=asked,
                models=study.models,
                traits=traits,
                count=_NO_WORD
                if searched and not fts_query(asked["q"])
                else _count(len(trials), number, len(shown)),
                records=records,
                before=page_address(here, asked, number - 1) if number > 1 else "",
                after=page_address(here, asked, number + 1) if number < last else "",
            )
        )

    def trial(self, request: Request) -> Response:
        """Show one trial whole."""
        key, given = request.path_params["key"], request.path_params["number"]
        path, study = self._store_of(key), self.shelf.study(key)
        number = _number(given, least=0)
        with Store.read(path) as store:
            if str(number) != given or not has_trial(store, number):
                raise InputError(f"{study.name} has no trial {given[:40]}.")
            records = read_records(
                store, [number], lambda trial: f"{_address(key)}/trial/{trial}", chars=WHOLE
            )
        return HTMLResponse(
            render(
                "viewer_replies.html.j2",
                title=f"Trial {number}",
                kicker=study.name,
                links=[HOME, ("Report", _address(key)), ("Replies", _address(key) + "/replies")],
                search=False,
                count=f"{records[0]['model']}, condition {records[0]['condition']}.",
                records=records,
                before="",
                after="",
            )
        )

    # -- labelling --------------------------------------------------------------------------

    def _desk(self, key: str) -> Desk:
        path = self._store_of(key)
        return self.desks.setdefault(key, Desk(path))

    def label(self, request: Request, who: str) -> Response:
        """Show the next reply, or keep what is said of it and show the next."""
        key = request.path_params["key"]
        desk = self._desk(key)
        if request.method == "POST":
            form = request.state.form
            desk.answer(who, _number(form.get("trial", "0"), least=0), form.get("answer", ""))
            return RedirectResponse(f"/label/{quote(key)}", 303)
        card = desk.card(who)
        done, left = (card.done, card.left) if card else desk.progress(who)
        return HTMLResponse(
            render(
                "viewer_label.html.j2",
                title="Which word does the answer show?",
                kicker=f"labels by {who}",
                card=card.texts if card else None,
                trial=card.trial if card else 0,
                done=done,
                left=left,
                undo=f"/label/{quote(key)}/undo",
            )
        )

    def undo(self, request: Request, who: str) -> Response:
        """Take the last label back."""
        key = request.path_params["key"]
        self._desk(key).undo(who)
        return RedirectResponse(f"/label/{quote(key)}", 303)


_ASKED = ("q", "model", "trait", "order")
_NO_WORD = "No reply is shown: signs alone cannot be searched for, give a word."


def _address(key: str) -> str:
    return f"/s/{quote(key)}"


def _number(text: str, least: int = 1) -> int:
    """Read a number of a page or trial; nonsense is the least one."""
    return max(least, int(text)) if re.fullmatch(r"[0-9]{1,15}", text) else least


def _count(total: int, number: int, shown: int) -> str:
    """Say how many replies there are, and which of them stand here."""
    if not total:
        return "No reply has all of this."
    first = (number - 1) * PER_PAGE + 1
    return f"{total:,} {'reply' if total == 1 else 'replies'}; {first:,} to {first + shown - 1:,}."


def _said(title: str, *sentences: str) -> str:
    return render("viewer_said.html.j2", title=title, sentences=sentences, links=[HOME])


def _indexing(how: Indexing) -> str:
    return _said(
        "Reading all replies",
        f"{how.done:,} of {how.total:,} so far. This is done once; the search follows by itself.",
    )


def _with_own_policy(page: str) -> Response:
    """Answer with a report's page, under the policy that it carries: its scripts by their hash."""
    found = _META.search(page)
    policy = unescape(found[1]) if found else POLICY
    return HTMLResponse(
        sayable(page), headers={"content-security-policy": f"{policy}; frame-ancestors 'none'"}
    )


def _text(content: str, kind: str) -> Handler:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


async def _form(request: Request) -> dict[str, str]:
    """Read a small form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            raise InputError("the form is too long")
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        raise InputError("the form has too many fields") from None
    return {name: values[0] for name, values in fields.items()}


async def _say_error(request: Request, error: Exception) -> Response:
    """Answer with what is wrong, in the program's words."""
    return HTMLResponse(_said("This cannot be shown", str(error)), 404)
