"""vLLM on the GPUs of a Ray cluster, through Ray Data: requests go in waves, answers stream back.

One engine per base model: the adapters of a base are rows of the same wave. Each wave loads the
weights once, so that all requests that there are go into one. Not run by this project's tests for
want of a GPU: they hold the configuration against Ray's own classes, and run the rest with another
processor in vLLM's place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from ethogram.engine.endpoints import Endpoint
from ethogram.engine.limiter import Dropped
from ethogram.engine.ray.cluster import Cluster
from ethogram.engine.requests import Request, Status, failure, request_id
from ethogram.engine.settings import ModelTable, RayTable
from ethogram.engine.transport import Response
from ethogram.errors import EndpointError

QUIET = 3.0  # seconds without a new request after which a wave begins
BATCH = 64  # rows that an engine takes at once
# What vLLM's SamplingParams calls a parameter of chat completions; the others have one name.
_NAMES = {"max_completion_tokens": "max_tokens"}
_NOT_SAMPLING = frozenset(
    {"usage", "chat_template_kwargs", "model", "n", "logprobs", "top_logprobs"}
)

Processor = Callable[[Any], Any]
"""A dataset in, a dataset out: what `build_processor` makes."""
Build = Callable[[str, RayTable], Processor]


def engine_of(table: ModelTable) -> tuple[str, str]:
    """Return what models share an engine by: the base, and how it is set up."""
    on_ray = table.on_ray
    setup = on_ray.model_dump(exclude={"base"})
    return on_ray.base or table.model, orjson.dumps(setup, option=orjson.OPT_SORT_KEYS).decode()


def vllm_config(base: str, table: RayTable) -> Any:
    """Return Ray Data's configuration of a vLLM engine.

    Parameters
    ----------
    base : str
        A model by its hub id or folder.
    table : RayTable
    """
    from ray.data.llm import vLLMEngineProcessorConfig

    return vLLMEngineProcessorConfig(
        model_source=base,
        engine_kwargs={"enable_prefix_caching": True, **table.engine_kwargs},
        concurrency=table.replicas,
        batch_size=BATCH,
        should_continue_on_error=True,  # a row that fails is a row's failure
    )


def build_vllm(base: str, table: RayTable) -> Processor:
    """Return what turns rows into answers by vLLM.

    Raises
    ------
    EndpointError
        vLLM is not installed.
    """
    try:
        import vllm  # type: ignore[import-not-found]  # noqa: F401
        from ray.data.llm import build_processor
    except ImportError as error:
        raise EndpointError(
            f'{base}: engine = "ray" needs vLLM for it: `pip install "ethogram[vllm]"` on every '
            'node; a GGUF file (model = "local/FILE") needs none'
        ) from error
    processor: Processor = build_processor(vllm_config(base, table))
    return processor


def row_of(name: str, request: Request) -> dict[str, Any]:
    """Return a request as a row of the dataset."""
    params = {_NAMES.get(k, k): v for k, v in request.params.items() if k not in _NOT_SAMPLING}
    if request.params.get("logprobs"):
        params["logprobs"] = int(request.params.get("top_logprobs") or 1)
    messages = [dict(message) for message in request.messages]
    return {
        "name": name,
        "model": request.model,
        "messages": messages,
        "sampling_params": params,
        "most": params.get("max_tokens"),
    }


def answer_of(row: Mapping[str, Any]) -> Response:
    """Return a row that an engine answered as a live call's response."""
    if error := row.get("__inference_error__"):
        return Response(500, orjson.dumps({"error": {"message": str(error), "type": "vllm"}}))
    count, most = int(row.get("num_generated_tokens") or 0), row.get("most")
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": str(row.get("generated_text") or "")},
        "finish_reason": "length" if most is not None and count >= int(most) else "stop",
    }
    if (found := row.get("logprobs")) is not None and len(found):
        choice["logprobs"] = {"content": [_token(place) for place in found]}
    body = {
        "object": "chat.completion",
        "model": row.get("model"),
        "provider": "ray vllm",
        "choices": [choice],
        "usage": {
            "prompt_tokens": int(row.get("num_input_tokens") or 0),
            "completion_tokens": count,
        },
    }
    return Response(200, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))


def _token(place: Mapping[Any, Any]) -> dict[str, Any]:
    """Return vLLM's log-probabilities at one place as chat completions have them."""
    found = sorted((one for one in place.values() if one), key=lambda one: -float(one["logprob"]))
    tokens = [
        {"token": str(one.get("decoded_token") or ""), "logprob": float(one["logprob"])}
        for one in found
    ]
    if not tokens:
        return {"top_logprobs": []}
    # Which of them was sampled is not told: the likeliest has no log-probability of its own.
    return {"token": tokens[0]["token"], "top_logprobs": tokens}


class RayEngine:
    """The waves of one base model and its adapters.

    Parameters
    ----------
    cluster : Cluster
    base : str
    table : RayTable
    build : callable
        Makes the processor; another than vLLM's in tests.
    """

    def __init__(
        self, cluster: Cluster, base: str, table: RayTable, *, build: Build = build_vllm
    ) -> None:
        self._ray = cluster.ray
        self._base = base
        self._process = build(base, table)
        self._waiting: dict[str, tuple[Request, asyncio.Future[Response]]] = {}
        self._touched = 0.0
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    async def ask(self, request: Request) -> Response:
        """Put a request into the next wave, and wait for its row."""
        if self._ended:
            raise Dropped
        name = request_id(request.canonical())
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[name] = (request, answer)
        self._touched = time.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._waves())
        return await answer

    async def _waves(self) -> None:
        """Run waves as long as requests come."""
        while self._waiting and not self._ended:
            while time.monotonic() - self._touched < QUIET:
                await asyncio.sleep(QUIET / 10)
            wave, self._waiting = self._waiting, {}
            loop = asyncio.get_running_loop()
            try:
                await asyncio.to_thread(self._run, wave, loop)
            except Exception as error:  # whatever Ray raises, those who wait must hear of it
                reason = " ".join(str(error).split())[-300:]
                for _, answer in wave.values():
                    _settle(answer, Response(failure=failure(Status.TRANSPORT, reason), sent=False))
            for _, answer in wave.values():
                lost = failure(Status.MALFORMED, "the wave ended without this row")
                _settle(answer, Response(failure=lost))

    def _run(
        self,
        wave: Mapping[str, tuple[Request, asyncio.Future[Response]]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Run one wave in a thread; each row is handed over as it comes."""
        rows = [row_of(name, request) for name, (request, _) in in_order(wave)]
        data = self._process(self._ray.data.from_items(rows))
        for row in data.iter_rows():
            if self._ended:
                return
            loop.call_soon_threadsafe(_settle, wave[row["name"]][1], answer_of(row))

    def shut(self) -> None:
        """Begin no more waves, and send those away who wait."""
        self._ended = True
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Dropped())
        self._waiting.clear()

    async def close(self) -> None:
        """End the wave that is under way."""
        self.shut()
        if self._task is not None:
            self._task.cancel()


def in_order(
    wave: Mapping[str, tuple[Request, Any]],
) -> Iterator[tuple[str, tuple[Request, Any]]]:
    """Yield requests so that those which share their beginning stand together."""
    items = sorted(
        wave.items(), key=lambda one: orjson.dumps([one[1][0].model, one[1][0].messages])
    )
    yield from items


def _settle(answer: asyncio.Future[Response], response: Response) -> None:
    if not answer.done():
        answer.set_result(response)


class VllmTransport:
    """Sends one endpoint's requests to an engine."""

    at_once = True

    def __init__(self, endpoint: Endpoint, engine: RayEngine) -> None:
        self._endpoint = endpoint
        self._engine = engine

    async def send(self, request: Request) -> Response:
        """Put a request into a wave."""
        if request.path != "chat/completions":
            raise EndpointError(
                f'{self._endpoint.name}: engine = "ray" takes chats only, not {request.path}: use '
                "another verdict"
            )
        return await self._engine.ask(request)

    def expect_no_more(self) -> None:
        """Do nothing: a wave begins when no request has come for a while."""

    def shut(self) -> None:
        """Begin no more waves."""
        self._engine.shut()
