"""Steered replies in a store: judged as a part of their own, and moved as they were planted to."""

from __future__ import annotations

import numpy as np
import pytest
from tests.planted.studies import rows, run_text, study_text

from ethogram.design import Part
from ethogram.engine.activations.passages import Steered
from ethogram.errors import InputError
from ethogram.ratings.results import Rated
from ethogram.run.checks import Check, plan_checks
from ethogram.run.prepare import plan_into, prepare
from ethogram.run.runner import run_stages
from ethogram.run.steering import Direction, check_doses, name_writer, write_steered
from ethogram.stimuli.traits import load_traits
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.inside.steering import Condition, measure_steering
from ethogram.validity.inside.steering_section import steering_section
from ethogram.validity.results import StoreResults

TRAITS = load_traits("contested40").names
TRAIT = TRAITS[3]
UNIT = np.eye(8)[0]
DOSES = (-0.2, 0.2)


class PlantedWriter:
    """Shows the trait the more often, the more is added along `UNIT`; nothing else moves it."""

    def __init__(self):
        self.written = 0
        self._rng = np.random.default_rng(2)

    def write(self, asked, push, *, max_tokens, seed):
        """Return replies whose marker the planted judge reads."""
        along = push.dose * (push.direction @ UNIT) if push else 0.0
        shows = self._rng.random(len(asked)) < 0.5 + 2.5 * along
        self.written += len(asked)
        return [
            Steered(
                f"Reply {self.written} {i} ⟦m:alpha t:{TRAITS.index(TRAIT) if s else '-'}⟧", -1.5, 9
            )
            for i, s in enumerate(shows)
        ]


def _steer(study, path, writer, *, prompts=40):
    prepared = prepare(study, path)
    others = np.eye(8)[1:4]
    with Store.open(path) as store:
        planned = plan_into(store, prepared)
        done = write_steered(
            store,
            prepared,
            planned,
            "alpha",
            writer,
            [Direction(TRAIT, 2, UNIT, others)],
            doses=DOSES,
            prompts=prompts,
        )
        run_stages(prepared, store, planned, stages=("judge",), parts=(Part.STEER,))
    return [Condition(c.name, c.trait, c.kind, c.dose) for c in done]


@pytest.fixture
def steered(planted, store_path):
    """Return a study that was run and steered, with its conditions."""
    text = study_text(planted().base_url, max_trials=60)
    run_text(text, store_path)
    study = parse_study(text)
    writer = PlantedWriter()
    return study, store_path, writer, _steer(study, store_path, writer)


def test_a_planted_dose_moves_the_verdict_and_controls_do_not(steered):
    """The trait's direction moves the judge's share upward, and beyond both controls."""
    _, path, _, conditions = steered
    with StoreResults.open(path) as results:
        (found,) = measure_steering(results, name_writer("alpha"), conditions)
    # 0.5 + 2.5 x 0.2: all replies at the upper dose show the trait, none at the lower one, where
    # the judge names either word by chance: from 1/2 to 1 over a dose of 0.4, per tenth 1/8.
    slope = found.slopes["trait"]
    assert slope.low < 0.125 < slope.high
    assert slope.low > 0
    assert found.slopes["orthogonal"].low < 0 < found.slopes["orthogonal"].high
    assert found.gains["orthogonal"].low > 0
    assert found.coherence.estimate == pytest.approx(0)
    claim = steering_section("alpha", [found]).claims[0]
    assert TRAIT in claim


def test_steered_replies_are_a_part_of_their_own(steered):
    """The study's ratings and its replies are as they were; the store keeps texts and verdicts."""
    _, path, writer, conditions = steered
    assert len(conditions) == 1 + 3 * len(DOSES)
    (n,) = rows(path, "SELECT count(*) FROM trial WHERE part = 'steer' AND wanted")[0]
    assert n == writer.written == 40 * len(conditions)
    (judged,) = rows(
        path,
        "SELECT count(*) FROM verdict v JOIN judging j ON j.id = v.judging WHERE j.part = 'steer'",
    )[0]
    assert judged == n
    with StoreResults.open(path) as results:
        rated: Rated = results.rated()
    assert [p.model for p in rated.profiles] == ["alpha"]
    assert rated.profiles[0].n == 60


def test_what_was_written_is_not_written_again(steered):
    """Steering the same again writes nothing; more prompts write only what is new."""
    study, path, writer, conditions = steered
    before = writer.written
    assert _steer(study, path, writer) == conditions
    assert writer.written == before
    _steer(study, path, writer, prompts=42)
    assert writer.written == before + 2 * len(conditions)


def test_exemplars_leave_steered_replies_alone(steered):
    """Both are written replies; planning the one does not unwant the other."""
    study, path, _, _ = steered
    prepared = prepare(study, path)
    with Store.open(path) as store:
        plan_checks(store, prepared, plan_into(store, prepared), (Check.EXEMPLARS,))
    (left,) = rows(path, "SELECT count(*) FROM trial WHERE part = 'steer' AND NOT wanted")[0]
    assert left == 0


@pytest.mark.parametrize("doses", [(0.0,), (float("nan"),), (50.0,), ()])
def test_doses_that_move_nothing_are_refused(doses):
    """No dose, zero, and what is no number are named."""
    with pytest.raises(InputError, match="dose"):
        check_doses(doses)
