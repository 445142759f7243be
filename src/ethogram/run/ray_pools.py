"""The Ray engines of a run: one cluster, one pool or engine per model that runs on it."""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.ray.cluster import Cluster, import_ray
from ethogram.engine.ray.llama import LlamaPool, LlamaTransport
from ethogram.engine.ray.vllm import Build, RayEngine, VllmTransport, build_vllm, engine_of
from ethogram.engine.transport import Transport
from ethogram.errors import EndpointError


def check_clusters(addresses: Sequence[str]) -> None:
    """Refuse models that a run could not have on Ray.

    Raises
    ------
    EndpointError
        Ray is not installed, or they are on more than one cluster.
    """
    if addresses:
        import_ray()
    if len(known := dict.fromkeys(addresses)) > 1:
        raise EndpointError(
            f"two Ray clusters in one run ({', '.join(known)}): a run joins one; give all models "
            "the same address"
        )


class RayPools:
    """What a run has on Ray; nothing is started before it is needed."""

    def __init__(self, *, build: Build = build_vllm) -> None:
        self._build = build
        self._cluster: Cluster | None = None
        self._address = ""
        self._pools: dict[tuple[str, str], LlamaPool] = {}
        self._engines: dict[tuple[str, str], RayEngine] = {}

    async def make(self, endpoint: Endpoint) -> Transport:
        """Return what a model's or judge's requests are sent over.

        Raises
        ------
        EndpointError
            Ray or vLLM is not installed, the cluster cannot be reached, or no node has the model.
        """
        table = endpoint.table
        cluster, key = self._join(table.on_ray.address), engine_of(table)
        if table.is_local:
            if key not in self._pools:
                self._pools[key] = LlamaPool(cluster, table.model, table.on_ray)
                await self._pools[key].start()
            return LlamaTransport(endpoint, self._pools[key])
        if key not in self._engines:
            base = table.on_ray.base or table.model
            self._engines[key] = RayEngine(cluster, base, table.on_ray, build=self._build)
        return VllmTransport(endpoint, self._engines[key])

    def _join(self, address: str) -> Cluster:
        """Return the run's cluster."""
        if self._cluster is None:
            self._cluster, self._address = Cluster(address), address
        check_clusters([self._address, address])
        return self._cluster

    async def close(self) -> None:
        """End the actors, and leave the cluster."""
        for pool in self._pools.values():
            pool.close()
        for engine in self._engines.values():
            await engine.close()
        if self._cluster is not None:
            self._cluster.leave()
