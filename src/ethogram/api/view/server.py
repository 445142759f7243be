"""Serving the viewer on this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from ethogram.api.labels import draw_labels
from ethogram.api.view.app import Viewer
from ethogram.api.view.security import new_token
from ethogram.api.view.shelf import Shelf
from ethogram.errors import InputError
from ethogram.store.labellers import labeller_key, labeller_name
from ethogram.store.labels import read_draw
from ethogram.store.store import Store

HOST = "127.0.0.1"


def serve_view(
    paths: Sequence[str | Path],
    *,
    port: int = 0,
    labellers: Sequence[str] = (),
    note: Callable[[str], None] = print,
    cache: Path | None = None,
    ready: Callable[[object], None] | None = None,
) -> None:
    """Serve studies on 127.0.0.1 until interrupted.

    Parameters
    ----------
    paths : sequence of path
        Stores and folders of stores; "reference:" is the published study.
    port : int
        0: any that is free.
    labellers : sequence of str
        Names of people, each of whom gets a link to label the (one) store; else it is read only.
    note : callable
        Told the links.
    cache : Path, optional
        Where full-text indexes are kept; else in the user's cache.
    ready : callable, optional
        Given the server, whose `should_exit` ends it.

    Raises
    ------
    InputError
        No store, several to label, or a port that is taken.
    """
    import uvicorn

    shelf = Shelf(paths)
    labellers = [labeller_name(name) for name in labellers]
    if labellers:
        _check_labelling(shelf, labellers)
    listening = _listen(port)
    port = listening.getsockname()[1]
    names = labellers or ("",)
    tokens = {new_token(): name for name in names}
    hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
    viewer = Viewer(shelf, cache or platformdirs.user_cache_path("ethogram") / "view")
    for token, name in tokens.items():
        who = f"{name} labels here: " if name else ""
        note(f"{who}http://{HOST}:{port}/?token={token}")
    config = uvicorn.Config(
        viewer.app(tokens=tokens, hosts=hosts),
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    if ready is not None:
        ready(server)
    server.run(sockets=[listening])


def _check_labelling(shelf: Shelf, labellers: Sequence[str]) -> None:
    """Refuse what cannot be labelled; draw a queue where there is none."""
    stores = [path for path in shelf.paths.values() if path is not None]
    if len(stores) != 1 or len(shelf.paths) != 1:
        raise InputError(f"{len(shelf.paths)} studies given: people label one store at a time")
    if len({*map(labeller_key, labellers)}) < len(labellers):
        raise InputError(f"labellers {', '.join(map(repr, labellers))}: expected different names")
    Store.open(stores[0]).close()  # brings it up to date
    with Store.read(stores[0]) as store:
        drawn = read_draw(store) is not None
    if not drawn:
        draw_labels(stores[0])


def _listen(port: int) -> socket.socket:
    """Take a port of the loopback interface."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(f"port {port} cannot be used: {error}: choose another (--port)") from error
    return listening
