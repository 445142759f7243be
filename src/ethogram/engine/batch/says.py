"""What a batch engine tells the user: one line each, with what happened and what to do."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass

from ethogram.engine.batch.api import ServiceError
from ethogram.engine.batch.book import Batch
from ethogram.engine.batch.wire import NoId, Progress
from ethogram.engine.caller import DECADE
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.limiter import Dropped
from ethogram.engine.transport import LeftPending
from ethogram.errors import EndpointError, EthogramError

SHAPES = (KeyError, TypeError, AttributeError, ValueError, IndexError, NoId)
"""What an answer raises that is not shaped as its service's answers are."""


@dataclass(frozen=True)
class Says:
    """The lines of one endpoint."""

    _endpoint: Endpoint
    _patience: float

    def told(self, error: Exception) -> Exception:
        """Return what those who wait for a batch are told of an error."""
        if isinstance(error, EthogramError | Dropped | LeftPending):
            return error
        if isinstance(error, ServiceError):
            return self.refusal(error)
        if isinstance(error, OSError):
            return EndpointError(
                f"{self._endpoint.name}: a batch cannot be written to {tempfile.gettempdir()} "
                f"({error.strerror or error}); make room there, or set TMPDIR, then run again: "
                "nothing is lost"
            )
        return self.unreadable(error) if isinstance(error, SHAPES) else error

    def refusal(self, error: ServiceError, batch: Batch | None = None) -> EndpointError:
        """Say in one line why nothing can be submitted, or a batch not followed, and what to do."""
        name, reason = self._endpoint.name, str(error)
        key = f" in {self._endpoint.key_name}" if self._endpoint.key_name else ""
        if error.http in (401, 403) and not key:
            return EndpointError(
                f"{name}: {self._endpoint.base_url} did not let a batch in, and no key was sent "
                f"({reason}); name the key's variable as api_key_env, then run again: nothing is "
                "lost"
            )
        if error.http in (401, 403):
            return EndpointError(
                f"{name}: the key{key} was not accepted for batches ({reason}); check the key and "
                "its permissions, then run again: nothing is lost"
            )
        if error.stops:
            return EndpointError(
                f"{name}: no credit or quota left for batches ({reason}); add some, then run "
                "again: nothing is lost"
            )
        if error.wait is not None and error.wait > self._patience:
            until = time.time() + min(error.wait, DECADE)
            return EndpointError(
                f"{name}: the service asks to wait until "
                f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(until))} ({reason}), longer than "
                f"patience = {self._patience:g} allows; run again then to resume: nothing is lost"
            )
        if error.passes:
            return EndpointError(
                f"{name}: no answer on batches from {self._endpoint.base_url} for longer than "
                f"patience = {self._patience:g} s ({reason}); run again later to resume"
            )
        if batch is not None:
            return EndpointError(
                f"{name}: batch {batch.id} ({batch.handle or 'no id yet'}) cannot be followed at "
                f"{self._endpoint.base_url} ({reason}); its lines stay pending: run again to look "
                "for it again"
            )
        return EndpointError(
            f"{name}: a batch was not taken by {self._endpoint.base_url} ({reason}); mend what it "
            'names, or set engine = "live", then run again: nothing is lost'
        )

    def strange(self, batch: Batch, handle: str, progress: Progress) -> str:
        """Say that a service calls a batch's state what nobody knows."""
        return (
            f"{self._endpoint.name}: batch {batch.id} ({handle}) is {progress.word or 'nothing'!r} "
            f"at {self._endpoint.base_url}, a state that is not known, for longer than patience = "
            f"{self._patience:g} s; look at it in the service's console, and run again to go on "
            f"with it, or end it with `ethogram batch cancel`: its lines stay pending till then"
        )

    def unreadable(self, error: Exception) -> EndpointError:
        """Say that a service answered in a shape that is not known."""
        return EndpointError(
            f"{self._endpoint.name}: {self._endpoint.base_url} answered a batch in a shape that is "
            f"not known ({type(error).__name__}: {error}); its batch is looked up at the next run"
        )
