"""The Ray cluster that a run uses: joined or started when it is needed, left when the run ends."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from ethogram.errors import EndpointError

NEEDS = 'engine = "ray" needs Ray: run `pip install "ethogram[ray]"`'


def import_ray() -> Any:
    """Return the module `ray`.

    Raises
    ------
    EndpointError
        It is not installed.
    """
    try:
        return import_module("ray")
    except ImportError as error:
        raise EndpointError(NEEDS) from error


class Cluster:
    """One cluster, by its address.

    Parameters
    ----------
    address : str
        "local" (this machine, a cluster of its own), "auto" (the one that this machine is part of)
        or ray://HOST:PORT.
    """

    def __init__(self, address: str) -> None:
        self.ray = import_ray()
        self._ours = not self.ray.is_initialized()
        if self._ours:
            self._join(address)

    def _join(self, address: str) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's own warning
        try:
            self.ray.init(
                address=address, log_to_driver=False, include_dashboard=False, logging_level="error"
            ) if address == "local" else self.ray.init(
                address=address, log_to_driver=False, logging_level="error"
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise EndpointError(
                f"no Ray cluster at {address} ({reason}): start one (`ray start --head`), or say "
                'address = "local"'
            ) from error

    def leave(self) -> None:
        """Leave the cluster, if it was joined here."""
        if self._ours:
            self.ray.shutdown()
