"""Which transport asks a model live, a request at a time."""

from __future__ import annotations

import aiohttp

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.http import HttpTransport
from ethogram.engine.inspect_models import SERVICE, InspectTransport
from ethogram.engine.transport import Transport


def live_transport(endpoint: Endpoint, session: aiohttp.ClientSession) -> Transport:
    """Return the way to a model: through Inspect where its table says so, else HTTP."""
    if endpoint.table.service == SERVICE:
        return InspectTransport(endpoint)
    return HttpTransport(endpoint, session)
