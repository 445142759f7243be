"""Steering of chats, of two traits, by doses that are nearly alike, and not judged to the end."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from tests.planted.probed_store import fill_probed_store

from ethogram.analysis.probes.doses import control_directions
from ethogram.errors import InputError
from ethogram.protocols.templates import Templates
from ethogram.run.steering import _asked, _rows, check_doses
from ethogram.store.rows import JudgingRow, TrialRow
from ethogram.store.store import Store
from ethogram.validity.inside.steering import Condition, measure_steering
from ethogram.validity.inside.steering_section import steering_section
from ethogram.validity.results import StoreResults

TURNS = (
    {"role": "user", "content": "My roof leaks."},
    {"role": "assistant", "content": "Since when?"},
)


@pytest.mark.parametrize("dose", [0.1004, -0.00001, 0.30001])
def test_doses_that_would_be_written_alike_are_refused(dose):
    """Replies are kept under the dose as it is written: a finer one would take another's."""
    with pytest.raises(InputError, match="at most 3 decimals"):
        check_doses((0.1, dose))
    assert check_doses((0.125, 0.1, 1e-1, 0.1 + 0.2)) == (0.1, 0.125, 0.3)


def test_of_two_traits_the_control_is_orthogonal_all_the_same():
    """The direction of the one is that of the other turned round: what is left is rounding."""
    for seed in range(20):
        unit = np.random.default_rng(seed).normal(size=64)
        unit /= np.linalg.norm(unit)
        _, orthogonal = control_directions(unit, -unit[None, :], seed=seed)
        assert np.linalg.norm(orthogonal) == pytest.approx(1)
        assert abs(orthogonal @ unit) < 1e-9


def test_a_prompt_in_a_chat_is_steered_after_its_earlier_turns():
    """The model and the judge see the turns, as in the study itself."""
    prompt = SimpleNamespace(text="For a week.", turns=TURNS)
    prepared = SimpleNamespace(
        study=SimpleNamespace(
            models={"alpha": SimpleNamespace(system="Be brief.")}, study=SimpleNamespace(seed=0)
        ),
        prompts=SimpleNamespace(prompts=[prompt]),
        templates=Templates(),
        traits=SimpleNamespace(names=("bold", "calm")),
    )
    planned = SimpleNamespace(prompt_ids={0: 7}, contexts={7: 3}, trait_ids={"bold": 1, "calm": 2})
    asked = _asked(prepared, planned, "alpha", 5)
    assert [m["content"] for m in asked[7]] == [
        "Be brief.",
        *(turn["content"] for turn in TURNS),
        "For a week.",
    ]
    (row,) = _rows("bold", prepared, planned, [7])
    assert row.context == 3


@pytest.mark.parametrize("judged", ["none", "trait", "random"])
def test_a_run_that_was_ended_while_judging_says_that_nothing_is_known(tmp_path, judged):
    """Where one kind of direction alone has verdicts, no movement is claimed."""
    path = fill_probed_store(tmp_path / "study.db").path
    kinds = {"none": 0.0, "trait": 0.2, "random": 0.2, "orthogonal": 0.2}
    with Store.open(path) as store:
        with store.planning():
            writer = store.add_party("writer", "alpha, steered", {})
            judge = store.add_party("judge", "judge", {"templates": {}})
            made = {}
            for kind in kinds:
                trials = [TrialRow(n, 1, 2, n + 1, planted=1) for n in range(6)]
                ids = store.add_trials(writer, "steer", kind, trials)
                store.add_written((i, "rain") for i in ids)
                made[kind] = store.add_judgings(judge, "steer", [JudgingRow(i, False) for i in ids])
        _, rows = store.query(
            "SELECT j.id FROM judging j JOIN trial t ON t.id = j.trial WHERE t.condition = ? "
            "AND t.part = 'steer'",
            (judged,),
        )
        for (judging,) in rows:
            store.add_row(
                "INSERT INTO verdict (judging, status, reason, winner) VALUES (?, 'ok', '', 1)",
                (judging,),
            )
    conditions = [Condition(kind, "formal", kind, dose) for kind, dose in kinds.items()]
    with StoreResults.open(path) as results:
        (found,) = measure_steering(results, "alpha, steered", conditions)
    assert not found.moves
    section = steering_section("alpha", [found])
    assert "does not clearly move" in section.claims[0]
    assert json.dumps(section.data)
    assert section.data["steered"][0]["gains"]["random"]["low"] is None
