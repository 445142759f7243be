"""The viewer's addresses, and what each answers.

`/` the list, `/s/KEY` a study's report, `/s/KEY/replies` all its replies, `/s/KEY/trial/N` one,
`/compare?study=KEY&study=KEY` several studies, `/label/KEY` the labelling desk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ethogram.api.view.answers import read_form, say_error, static, with_own_policy
from ethogram.api.view.beside import compare_page, why_not
from ethogram.api.view.desk import Desk
from ethogram.api.view.pages import (
    HOME,
    address_of,
    list_page,
    progress_words,
    render,
    said_page,
    stylesheet,
)
from ethogram.api.view.replies import ASKED, indexing_page, number_in, replies_page, trial_page
from ethogram.api.view.searching import Indexing, Searches
from ethogram.api.view.security import Guard
from ethogram.api.view.shelf import Shelf
from ethogram.errors import EthogramError, InputError
from ethogram.report.templates import asset
from ethogram.store.store import Store

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
            Route("/assets/viewer.css", static(stylesheet(), "text/css")),
            Route("/assets/viewer.js", static(asset("viewer.js"), "text/javascript")),
        ]
        starlette = Starlette(routes=routes, exception_handlers={EthogramError: say_error})
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
                    said_page(
                        "Not a labeller", "This link is for reading. Label with --label NAME."
                    ),
                    403,
                )
            request.state.form = await read_form(request)
            return await run_in_threadpool(answer, request, who)

        return handle

    # -- reading ----------------------------------------------------------------------------

    def list(self, request: Request) -> Response:
        """Show the studies."""
        return HTMLResponse(
            list_page(
                self.shelf.studies(),
                lambda study: address_of(study.key),
                lambda study: address_of(study.key) + "/replies" if study.path else "",
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
            links.append(("All replies", address_of(key) + "/replies"))
        return with_own_policy(self.shelf.page(key, links))

    def compare(self, request: Request) -> Response:
        """Show the models of several studies side by side, or say why not."""
        studies = [
            self.shelf.study(key) for key in dict.fromkeys(request.query_params.getlist("study"))
        ]
        reasons = why_not(studies)
        if reasons:
            return HTMLResponse(said_page("These studies cannot be compared", *reasons), 409)
        return with_own_policy(compare_page(studies, [HOME]))

    def _store_of(self, key: str) -> Path:
        study = self.shelf.study(key)
        if study.path is None or study.problem:
            raise InputError(study.problem or f"{study.name} has win counts only, no replies.")
        return study.path

    def replies(self, request: Request) -> Response:
        """Show replies: all, or those that have some words, of a model or a trait."""
        key = request.path_params["key"]
        path, study = self._store_of(key), self.shelf.study(key)
        asked = {name: request.query_params.get(name, "")[:500] for name in ASKED}
        matching = self.searches.find(path, asked["q"]) if asked["q"].strip() else None
        if isinstance(matching, Indexing):
            return HTMLResponse(indexing_page(matching), headers={"refresh": "2"})
        number = number_in(request.query_params.get("page", "1"))
        with Store.read(path) as store:
            page = replies_page(
                store, study, asked, number, matching=matching, here=request.url.path
            )
        return HTMLResponse(page)

    def trial(self, request: Request) -> Response:
        """Show one trial whole."""
        key = request.path_params["key"]
        path, study = self._store_of(key), self.shelf.study(key)
        with Store.read(path) as store:
            return HTMLResponse(trial_page(store, study, request.path_params["number"]))

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
            desk.answer(who, number_in(form.get("trial", "0"), least=0), form.get("answer", ""))
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
