"""vLLM through Ray Data: its configuration against Ray's own classes, the rest without a GPU."""

from __future__ import annotations

import orjson
import pytest
from tests.planted.answers import JudgePlan, ModelPlan
from tests.planted.batches import Plan, Server
from tests.planted.studies import rows

from ethogram.engine.ray.vllm import answer_of, row_of, vllm_config
from ethogram.engine.reading import read_response
from ethogram.engine.requests import Request
from ethogram.engine.settings import RayTable
from ethogram.run import transports
from ethogram.run.ray_pools import RayPools
from ethogram.stimuli.traits import load_traits
from ethogram.study import parse_study

ray = pytest.importorskip("ray")
TRAITS = load_traits("quickstart").names

STUDY = """
[study]
name = "on ray"
traits = "quickstart"
max_trials = 45
[models.base]
model = "maker/base"
engine = "ray"
max_tokens = 20
[models.base.ray]
replicas = 2
[models.tuned]
model = "maker/adapter"
engine = "ray"
max_tokens = 20
[models.tuned.ray]
base = "maker/base"
replicas = 2
[judges.judge]
model = "judge-model"
engine = "ray"
max_tokens = 20
"""


def test_the_configuration_is_one_that_ray_takes():
    """Replicas, an engine's own words and prefix caching arrive where Ray Data has them."""
    table = RayTable(replicas=3, engine_kwargs={"tensor_parallel_size": 2, "enable_lora": True})
    config = vllm_config("maker/base", table)
    assert type(config).__name__ == "vLLMEngineProcessorConfig"
    assert (config.model_source, config.concurrency) == ("maker/base", 3)
    assert (
        config.engine_kwargs.items()
        >= {
            "enable_prefix_caching": True,
            "tensor_parallel_size": 2,
            "enable_lora": True,
        }.items()
    )


def test_base_and_adapter_share_an_engine_and_their_answers_come_back(tmp_path, monkeypatch):
    """Two engines for three models; each row by the model that it names."""
    built = []
    monkeypatch.setattr(transports, "RayPools", lambda: RayPools(build=planted(built)))
    from ethogram.api import run_study

    done = run_study(parse_study(STUDY), store=tmp_path / "study.db")
    assert done.run.stopped is None
    assert sorted(built) == ["judge-model", "maker/base"]
    found = rows(tmp_path / "study.db", "SELECT model_said, count(*) FROM attempt GROUP BY 1")
    assert dict(found) == {"maker/base": 45, "maker/adapter": 45, "judge-model": 90}
    assert rows(tmp_path / "study.db", "SELECT DISTINCT status FROM verdict") == [("ok",)]


def planted(built):
    """Return a builder of processors that answer as planted models do."""
    models = {"maker/base": ModelPlan(), "maker/adapter": ModelPlan()}
    plan = Plan(traits=TRAITS, models=models, judges={"judge-model": JudgePlan()})

    def build(base, table):
        built.append(base)

        def answer(row):
            server = Server(plan)
            request = {"model": row["model"], "messages": [dict(m) for m in row["messages"]]}
            said = server.answer(request)["choices"][0]["message"]["content"]
            return {
                **row,
                "generated_text": said,
                "num_generated_tokens": 5,
                "num_input_tokens": 9,
                "__inference_error__": "",
            }

        return lambda data: data.map(answer)

    return build


def test_a_row_has_what_vllm_calls_sampling_parameters():
    """`max_tokens` by its one name, log-probabilities as a number."""
    request = Request(
        "vllm",
        "m",
        ({"role": "user", "content": "Hi"},),
        {"max_completion_tokens": 9, "temperature": 0.5, "logprobs": True, "top_logprobs": 20},
    )
    row = row_of("b2:1", request)
    assert row["sampling_params"] == {"max_tokens": 9, "temperature": 0.5, "logprobs": 20}


def test_an_answer_is_read_as_a_live_one_is():
    """A cut one, an error, and log-probabilities of the first token."""
    row = {"model": "m", "generated_text": "A", "num_generated_tokens": 1, "most": 1}
    row["logprobs"] = [
        {
            32: {"logprob": -0.1, "rank": 1, "decoded_token": "A"},
            33: {"logprob": -2.5, "rank": 2, "decoded_token": "B"},
        }
    ]
    reading = read(answer_of(row))
    assert (str(reading.status), reading.text, reading.cut) == ("truncated", "A", True)
    top = reading.logprobs["content"][0]["top_logprobs"]
    assert [(one["token"], one["logprob"]) for one in top] == [("A", -0.1), ("B", -2.5)]
    failed = read(answer_of({"__inference_error__": "too long"}))
    assert (str(failed.status), "too long" in failed.reason) == ("server_error", True)


def read(response):
    return read_response(response.http, orjson.dumps(orjson.loads(response.body)))
