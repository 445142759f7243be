"""What a store holds is read once and rated once, and nothing that is missing lacks its reason."""

from __future__ import annotations

import sys
from collections import Counter
from functools import wraps

import pytest
from tests.planted.simulated_store import Losses, fill_store
from tests.planted.studies import study_text

import ethogram.report  # noqa: F401 - so that its functions are there to be counted
from ethogram import study as study_module
from ethogram.errors import EthogramError
from ethogram.ratings import budget
from ethogram.ratings import rate as rate_module
from ethogram.ratings.covariance import UNCORRELATED
from ethogram.ratings.results import Unrated
from ethogram.store import read as read_module
from ethogram.store.store import Store
from ethogram.validity.measure import measure_validity
from ethogram.validity.results import StoreResults

WORDS = ("warm", "blunt", "poetic", "pedantic", "playful", "patient")
MODELS = {"alpha": {}, "beta": {}, "gamma": {}}
JUDGES = {"judge": {}, "judge-two": {}}


@pytest.fixture
def count_calls(monkeypatch):
    """Return a function that counts a function's calls by key, wherever it was imported to."""

    def count(home, name, key):
        calls, original = Counter(), getattr(home, name)

        @wraps(original)
        def counted(*args, **options):
            calls[key(*args, **options)] += 1
            return original(*args, **options)

        for module in list(sys.modules.values()):
            if module.__name__.startswith("ethogram") and vars(module).get(name) is original:
                monkeypatch.setattr(module, name, counted)
        return calls

    return count


def test_a_run_reads_once_and_rates_once(planted, ethogram, tmp_path, word_list, count_calls):
    """Three models and two judges: six profiles, six ratings, one reading of each thing."""
    url = planted(traits=WORDS).base_url
    text = study_text(url, traits=word_list(*WORDS), repeats=2, models=MODELS, judges=JUDGES)
    (tmp_path / "study.toml").write_text(text)
    rated = count_calls(rate_module, "rate", lambda c, **options: (c.model, c.judge, c.condition))
    compared = count_calls(
        read_module,
        "read_comparisons",
        lambda store, part="main", soft=True, **options: (str(part), soft),
    )
    verdicts = count_calls(read_module, "read_verdicts", lambda store, judge: judge)
    studies = count_calls(study_module, "load_study", str)
    code, out, err = ethogram("run", "study.toml")
    assert code == 0, err
    assert "Report: study.html" in out
    assert rated == {(m, j, "feels"): 1 for m in MODELS for j in JUDGES}
    assert set(compared.values()) == {1}
    assert compared["main", True] == 1
    assert verdicts == {"judge": 1, "judge-two": 1}
    assert studies == {"study.toml": 1}


@pytest.fixture
def split(tmp_path):
    """A store in which nearly every reply was lost: the traits of no profile have one scale."""
    losses = Losses(truncated=0, empty=0.45, refused=0.45, unparsed=0)
    return fill_store(
        tmp_path / "split.db",
        traits=WORDS,
        models=tuple(MODELS),
        judges=tuple(JUDGES),
        losses=losses,
    )


def test_what_cannot_be_rated_is_said_with_its_reason(split):
    """Six sets of comparisons, none of which gives a common scale."""
    with Store.read(split) as store:
        found = measure_validity(store)
    assert len(found.unrated) == 6
    assert all(isinstance(u, Unrated) and u.reason for u in found.unrated)
    assert not any(judge.tested for judge in found.judges)  # there were no plants
    assert {(u.model, u.judge) for u in found.unrated} == {(m, j) for m in MODELS for j in JUDGES}


def test_profiles_of_a_store_share_the_memory(tmp_path, monkeypatch):
    """Correlations that one profile has room for are dropped where six profiles have none."""
    path = fill_store(tmp_path / "six.db", traits=WORDS, models=tuple(MODELS), judges=tuple(JUDGES))
    k = len(WORDS) + 2  # with the two position effects
    monkeypatch.setattr(budget, "MEMORY", 10 * budget.NUMBER * k**2)
    with StoreResults.open(path) as results:
        profiles = results.rated().profiles
        alone = rate_module.rate(results.comparisons()[0])
    assert alone.covariance.ndim == 2
    assert len(profiles) == 6
    assert all(p.covariance.ndim == 1 for p in profiles)
    assert all(UNCORRELATED in p.caveats for p in profiles)


def test_results_are_kept(split):
    """The same question has the same object for an answer."""
    with StoreResults.open(split) as results:
        assert results.comparisons("main") is results.comparisons()
        assert results.comparisons(without=("named", "truncated")) is results.comparisons(
            without=("truncated", "named")
        )
        (first, *_) = results.comparisons()
        assert results.profile(first) is results.profile(first)
        assert results.verdicts("judge") is results.verdicts("judge")
    with pytest.raises(EthogramError):
        results.verdicts("judge-three")  # the store is closed: nothing new can be read
