"""The validity checks end to end: what is planted in a judge and in models is recovered."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import orjson
import pytest
from bench.validity_sim import simulate
from tests.planted.answers import MARK, JudgePlan, Mark, ModelPlan, World
from tests.planted.server import Config, serve
from tests.planted.studies import cli, rows, run_text, study_text

from ethogram.analysis.cohort import label_models
from ethogram.analysis.judges import compare_judges
from ethogram.api import check_study, read_profiles, run_study
from ethogram.engine.local import local_file
from ethogram.errors import EndpointError, InputError, NotInformative
from ethogram.figures.save import save_figures
from ethogram.ratings.comparisons import compare
from ethogram.ratings.rate import rate
from ethogram.report import write_report
from ethogram.report.judge import judge_account
from ethogram.run.checks import CHECKS, STUDIES
from ethogram.stimuli.traits import load_traits
from ethogram.store.read import count_stages, read_comparisons, read_verdicts
from ethogram.store.store import Store
from ethogram.study import parse_study
from ethogram.validity.accuracy import collect_plants
from ethogram.validity.correction import correct
from ethogram.validity.measure import (
    Validity,
    judge_sentences,
    measure_validity,
    own_plants,
    validity_json,
)

TRAITS = load_traits("contested40").names
SHARES = "\n[validity]\nplants = 0.5\norders = 0.3\nrepeats = 0.2\nretest = 0.3\n"
LEAN = 0.2
UNSEEN, HALF_SEEN = TRAITS[:6], TRAITS[6:16]

JUDGES = {
    # The judge under test: it sees some traits less or not at all, goes by place in one of five
    # verdicts, and favours the family of alpha.
    "judge": JudgePlan(
        accuracy={"*": 0.95, **dict.fromkeys(UNSEEN, 0.3), **dict.fromkeys(HALF_SEEN, 0.75)},
        first_share=LEAN,
        family="alpha",
        family_gain=1.0,
    ),
    "judge-two": JudgePlan(accuracy=0.9),
    "judge-coin": JudgePlan(accuracy=0.5),
}
MODELS = {"alpha": {"family": "a"}, "beta": {"family": "b"}}
TABLES = {"judge": {"family": "a"}, "judge-two": {"family": "c"}, "judge-coin": {}}


@dataclass(frozen=True)
class Checked:
    """A study that was run and checked, the truth behind it, and what was measured."""

    path: Path
    text: str
    world: World
    found: Validity

    def judge(self, name):
        """Return what was measured of one judge."""
        return next(j for j in self.found.judges if j.judge == name)


def run_checked(folder, *, checks, config, corrections=True, **study):
    """Run a study and its checks against a planted server."""
    with serve(config) as server:
        text = study_text(server.base_url, **study) + SHARES
        path = folder / "study.db"
        for some in ((), *((check,) for check in checks)):
            done = run_study(parse_study(text), store=path, checks=some)
            assert done.run.stopped is None
    with Store.read(path) as store:
        assert all(c.pending == 0 and c.lost == 0 for c in count_stages(store))
        found = measure_validity(store, corrections=corrections)
    return Checked(path, text, config.world(), found)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Two models, three judges, all default checks: 11,900 calls."""
    config = Config(traits=TRAITS, seed=5, models={"*": ModelPlan()}, judges=JUDGES, resample=True)
    folder = tmp_path_factory.mktemp("checked")
    return run_checked(folder, checks=CHECKS, config=config, models=MODELS, judges=TABLES)


# -- the truth, in closed form --------------------------------------------------------------


def shown_marks(path):
    """Return {trial: (model, trait that its reply shows)}, read from the replies' own marks."""
    marks = {}
    for trial, body in rows(
        path, "SELECT r.trial, s.body FROM reply r JOIN response s ON s.attempt = r.attempt"
    ):
        found = MARK.search(orjson.loads(body)["choices"][0]["message"]["content"])
        marks[trial] = Mark(found[1], None if found[2] == "*" else TRAITS[int(found[2])])
    return marks


def chance_of_first(checked, judge, verdicts):
    """P(the judge names trait 1), for each verdict, given what the reply shows; shape (n,)."""
    marks, names = shown_marks(checked.path), verdicts.traits
    made = []
    for trial, a, b, swapped in zip(
        verdicts.trial, verdicts.first, verdicts.second, verdicts.swapped, strict=True
    ):
        words = [names[b], names[a]] if swapped else [names[a], names[b]]
        chances = checked.world.chances(judge, marks[int(trial)], words)
        made.append(chances[1] if swapped else chances[0])
    return np.array(made)


def verdicts_of(checked, judge, part):
    """Return a judge's verdicts of one part."""
    with Store.read(checked.path) as store:
        return read_verdicts(store, judge).part(part)


def holds(estimate, truth):
    """Whether an interval holds the truth."""
    return estimate.low <= truth <= estimate.high


# -- planted traits -------------------------------------------------------------------------


@pytest.mark.parametrize("judge", JUDGES)
def test_accuracy_and_lean_are_recovered(checked, judge):
    """Overall accuracy, informedness and lean hold what the planted judge's formula gives."""
    plants = verdicts_of(checked, judge, "plant")
    truth = chance_of_first(checked, judge, plants).mean()  # trait 1 is the planted one
    found = checked.judge(judge).accuracy
    assert (found.n, found.lost) == (800, 0)  # 10 per trait, two models
    assert holds(found.overall, truth)
    assert found.overall.high - found.overall.low < 0.08
    assert holds(found.informedness, 2 * truth - 1)
    assert holds(found.lean, JUDGES[judge].first_share)


def test_accuracy_by_trait_is_recovered(checked):
    """The intervals of at least 85% of the traits hold the planted accuracy of that trait."""
    plants = verdicts_of(checked, "judge", "plant")
    chances = chance_of_first(checked, "judge", plants)
    truth = np.bincount(plants.first, chances) / np.bincount(plants.first)
    found = checked.judge("judge").accuracy
    assert found.traits == plants.traits
    assert truth.std() > 0.05  # the traits do differ
    inside = (found.low <= truth) & (truth <= found.high)
    assert inside.mean() >= 0.85
    assert np.corrcoef(found.accuracy, truth)[0, 1] > 0.6


def test_blind_traits_are_named(checked):
    """Of six traits at which the judge is at chance or worse most are found, and few others."""
    blind = set(checked.judge("judge").accuracy.blind)
    assert len(blind & set(UNSEEN)) >= 3
    assert len(blind - set(UNSEEN)) <= 3


def test_the_sentences_say_who_can_be_believed(checked):
    """Two judges are above chance, the coin is not, and each sentence names its judge."""
    said = {j.judge: j.sentence for j in checked.found.judges}
    for name in ("judge", "judge-two"):
        assert said[name].startswith(f"{name}: The judge is above chance: it found")
    assert "not shown to be above chance" in said["judge-coin"]
    assert said["judge-coin"].endswith("Its ratings carry no information about the model.")
    with Store.read(checked.path) as store:
        assert judge_sentences(store) == list(said.values())


def test_self_preference_is_recovered(checked):
    """More accurate on its own family, by what was planted, beyond what another judge finds."""
    found = checked.judge("judge").self_preference
    plants = verdicts_of(checked, "judge", "plant")
    own = np.array(plants.models)[plants.model] == "alpha"
    gain = 0.0
    for judge, sign in (("judge", 1), ("judge-two", -1)):
        chances = chance_of_first(checked, judge, plants)
        gain += sign * (chances[own].mean() - chances[~own].mean())
    assert (found.family, found.reference) == (("alpha",), "judge-two")
    assert gain > 0.05
    assert holds(found.accuracy_gain, gain)
    assert "more accurate" in found.sentence


def test_a_judge_without_a_family_has_no_self_preference(checked):
    """Where no tested model is of the judge's family there is nothing to compare."""
    assert checked.judge("judge-two").self_preference is None
    assert checked.judge("judge-coin").self_preference is None


# -- again ----------------------------------------------------------------------------------


def test_consistency_between_orders_is_recovered(checked):
    """Same verdict in both orders as often as the formula says; the lean is the planted share."""
    again = verdicts_of(checked, "judge", "order")
    main = verdicts_of(checked, "judge", "main")
    once = main.take(np.isin(main.trial, again.trial))
    assert np.array_equal(once.trial, again.trial)
    assert (once.swapped != again.swapped).all()
    p, q = (chance_of_first(checked, "judge", rows) for rows in (once, again))
    found = checked.judge("judge").consistency
    assert (found.n, found.lost) == (468, 0)  # 30% of 780 trials, two models
    assert holds(found.consistent, (p * q + (1 - p) * (1 - q)).mean())
    assert holds(found.lean, LEAN)
    assert found.lean.low > 0


@pytest.mark.parametrize("judge", ["judge", "judge-two"])
def test_stability_over_repeats_is_recovered(checked, judge):
    """Judged again in the same order, verdicts repeat in p^2 + (1 - p)^2 of the cases."""
    again = verdicts_of(checked, judge, "repeat")
    p = chance_of_first(checked, judge, again)
    found = checked.judge(judge).stability
    assert found.n == 312
    assert holds(found.same, (p**2 + (1 - p) ** 2).mean())


@pytest.mark.parametrize("model", MODELS)
def test_retest_is_recovered(checked, model):
    """A choice repeats as often as two draws of the same model, read by the same judge, agree."""
    again = verdicts_of(checked, "judge", "retest").of(model, "feels")
    strength, names = checked.world.strengths(model), again.traits
    truth = []
    for a, b, swapped in zip(again.first, again.second, again.swapped, strict=True):
        first, second = names[a], names[b]
        chosen = 1 / (1 + math.exp(strength[second] - strength[first]))
        words = [second, first] if swapped else [first, second]
        p = sum(
            share * checked.world.chances("judge", Mark(model, trait), words)[int(swapped)]
            for share, trait in ((chosen, first), (1 - chosen, second))
        )
        truth.append(p**2 + (1 - p) ** 2)
    found = checked.judge("judge").retests[model]
    assert found.n == 234
    assert holds(found.repeats, np.mean(truth))
    assert 0 < found.overall.low < found.overall.estimate < found.overall.high < 1


def test_a_retest_counts_trials_where_each_is_judged_in_both_orders(planted, store_path):
    """Two verdicts on one reply are no two choices, neither in n nor in the reliability."""
    server = planted(resample=True, judges={"judge": JudgePlan(accuracy=0.9)})
    text = study_text(server.base_url, judges={"judge": {"orders": "both"}})
    text += "\n[validity]\nretest = 0.2\n"
    run_text(text, store_path)
    run_study(parse_study(text), store=store_path, checks=("retest",))
    with Store.read(store_path) as store:
        (judge,) = measure_validity(store, corrections=False).judges
        (made,) = read_comparisons(store)
        verdicts = read_verdicts(store, "judge").part("main")
    found = judge.retests["alpha"]
    assert (len(made), found.n) == (1560, 156)
    once = verdicts.take(np.unique(verdicts.trial, return_index=True)[1])  # the design's order
    won = np.where(once.code == 1, once.first, once.second)
    assert np.array_equal(np.bincount(np.concatenate([once.first, once.second])), [39] * 40)
    spread = (np.bincount(won, minlength=40) / 39).var()  # of choices, as their repetitions are
    expected = 1 - (1 - found.repeats.estimate) / (2 * 39 * spread)
    assert found.overall.estimate == pytest.approx(expected)


# -- several judges -------------------------------------------------------------------------


def test_kappa_of_two_judges_is_recovered(checked):
    """Cohen's kappa of two judges of known accuracy on the same replies, in the same order."""
    p, q = (
        chance_of_first(checked, judge, verdicts_of(checked, judge, "main"))
        for judge in ("judge", "judge-two")
    )
    agreed = (p * q + (1 - p) * (1 - q)).mean()
    chance = p.mean() * q.mean() + (1 - p.mean()) * (1 - q.mean())
    truth = (agreed - chance) / (1 - chance)
    found = checked.found.agreement
    assert found.judges == ("judge", "judge-two", "judge-coin")
    assert found.n == 1560
    assert holds(found.cohen["judge", "judge-two"], truth)
    assert holds(found.cohen["judge", "judge-coin"], 0.0)
    assert found.fleiss.estimate < truth  # the coin pulls it down
    assert found.spearman[0, 1] > 0.6 > abs(found.spearman[0, 2])


def test_agreement_is_said_in_sentences(checked):
    """The table of two judges: kappa with its interval, alpha, the worst traits, Spearman."""
    said = " ".join(checked.found.agreement.findings())
    for part in ("judge and judge-two: Cohen's kappa on 1,560 replies: 0.", "Fleiss", "alpha"):
        assert part in said
    assert "Ratings by judge and judge-two: Spearman 0." in said


# -- correction -----------------------------------------------------------------------------


def test_corrected_ratings_are_nearer_to_the_truth(checked):
    """Correcting a judge's errors brings both models' strengths nearer to what was planted."""
    corrected = checked.judge("judge").corrected
    assert set(corrected) == set(MODELS)
    for model, made in corrected.items():
        truth = np.array([checked.world.strengths(model)[t] for t in made.profile.traits])
        truth -= truth.mean()
        errors = [np.sqrt(np.mean((p.strengths - truth) ** 2)) for p in (made.profile, made.plain)]
        assert errors[0] < errors[1]
        inside = (made.profile.low <= truth) & (truth <= made.profile.high)
        assert inside.mean() >= 0.8
        assert made.preferred


def test_each_model_is_corrected_by_its_own_plants(checked):
    """The judge was measured on the 400 plants of that model, and finds more of its family's."""
    made = checked.judge("judge").corrected
    plants = verdicts_of(checked, "judge", "plant")
    chances = chance_of_first(checked, "judge", plants)
    names = np.array(plants.models)[plants.model]
    for model in MODELS:
        assert made[model].judge.n == 400
        assert holds(made[model].judge.overall, chances[names == model].mean())
    assert made["alpha"].judge.overall.estimate > made["beta"].judge.overall.estimate


def two_worlds(seed):
    """A model read with accuracy .68 and another read with .92, and the plants of both."""
    one, other = (simulate(40, accuracy=a, rounds=3, seed=seed) for a in (0.68, 0.92))
    names = ("planted", "foil", "named", "planted_first")
    rows = {n: np.concatenate([getattr(one.plants, n), getattr(other.plants, n)]) for n in names}
    model = ["m"] * len(one.plants) + ["o"] * len(other.plants)
    return one, collect_plants(one.plants.traits, **rows, model=model)


def test_another_models_plants_would_mislead_the_correction():
    """A judge of .68 on this model and .92 on another: own plants cover the truth, all do not."""
    pooled, own = [], []
    for seed in range(2):
        world, plants = two_worlds(seed)
        made = replace(world.comparisons, model="m")
        mine = own_plants(plants, made)
        assert len(mine) == len(world.plants)
        for found, given in ((pooled, plants), (own, mine)):
            profile = correct(made, given, draws=150).profile
            found.append((profile.low <= world.strengths) & (world.strengths <= profile.high))
    assert np.mean(own) >= 0.88
    assert np.mean(pooled) < np.mean(own) - 0.15


def test_a_model_without_plants_is_not_corrected_by_those_of_others():
    """The refusal names judge and model, and says what to do."""
    world, plants = two_worlds(0)
    made = replace(world.comparisons, model="third", judge="j")
    with pytest.raises(NotInformative, match="judge 'j' has no planted replies by 'third'"):
        own_plants(plants, made)


def test_win_rates_are_corrected_too(checked):
    """They stand in the JSON, one per model and trait, none beyond 0 and 1 or without a width."""
    told = validity_json(checked.found)
    rates = {j["judge"]: j["win_rates"] for j in told["judges"]}
    assert set(rates["judge"]) == set(MODELS)
    assert rates["judge-coin"] == {}
    for made in rates["judge"].values():
        low, middle, high = (np.array(made[name]) for name in ("low", "corrected", "high"))
        assert len(middle) == 40
        assert low.min() >= 0
        assert high.max() <= 1
        assert ((low <= middle) & (middle <= high) & (low < high)).all()


def test_accuracy_is_told_by_class_of_pair(checked):
    """Near and far pairs by the plain ratings: each half of the plants, with its own accuracy."""
    judge = checked.judge("judge")
    near, far = judge.accuracy.by_class["near"], judge.accuracy.by_class["far"]
    assert near.n + far.n == 800
    assert abs(near.n - far.n) <= 20
    assert any("are near each other (half of the pairs)" in said for said in judge.findings())
    names = {
        p.model: dict(zip(p.traits, p.strengths, strict=True))
        for p in read_profiles(checked.path)
        if p.judge == "judge"
    }
    plants = verdicts_of(checked, "judge", "plant")
    gaps = np.array(
        [
            abs(
                names[plants.models[m]][plants.traits[a]]
                - names[plants.models[m]][plants.traits[b]]
            )
            for m, a, b in zip(plants.model, plants.first, plants.second, strict=True)
        ]
    )
    hits = plants.code == 1  # trait 1 is the planted one
    assert near.estimate == pytest.approx(hits[gaps < np.median(gaps)].mean())


def test_a_judge_at_chance_is_not_corrected(checked):
    """The reason is the informedness and its interval, for each model."""
    coin = checked.judge("judge-coin")
    assert not coin.corrected
    assert set(coin.refused) == set(MODELS)
    for reason in coin.refused.values():
        assert "the judge's informedness is" in reason
        assert "not clearly above zero" in reason


def test_ratings_can_be_had_corrected_on_the_command_line(checked):
    """`ratings --corrected` rates by the judges that can be corrected, and says why not by one."""
    done = cli("ratings", checked.path, "--corrected", "--model", "alpha", "--json")
    told = json.loads(done.stdout)
    assert {p["judge"] for p in told["profiles"]} == {"judge", "judge-two"}
    assert {p["method"] for p in told["profiles"]} == {"bradley-terry, corrected"}
    (refused,) = told["unrated"]
    assert refused["judge"] == "judge-coin"
    assert "not clearly above zero" in refused["reason"]


# -- what is said ---------------------------------------------------------------------------


def test_the_report_holds_the_judges_sentences(checked, tmp_path):
    """Page and JSON say of each judge whether it is above chance, the Markdown of the first."""
    with Store.read(checked.path) as store:
        page = write_report(store, tmp_path / "r.html", judge=judge_account(checked.found))
    sentences = [judge.sentence for judge in checked.found.judges]
    assert set(sentences) <= set(
        json.loads(page.with_suffix(".json").read_text())["judge"]["sentences"]
    )
    assert sentences[0] in page.with_suffix(".md").read_text()
    for sentence in sentences[1:]:
        assert sentence in page.read_text()


def test_all_that_is_measured_is_json(checked):
    """The JSON of `ethogram validity` has no NaN, and its sentences are those of the terminal."""
    text = json.dumps(validity_json(checked.found), allow_nan=False)
    told = json.loads(text)
    assert [j["sentence"] for j in told["judges"]] == [j.sentence for j in checked.found.judges]
    assert told["agreement"]["cohen"]["judge and judge-two"]["n"] == 1560


# -- controls -------------------------------------------------------------------------------

LIKED = JudgePlan(accuracy=0.9, word_bias=0.8, natural_scale=0.6)


@pytest.fixture(scope="module")
def controlled(tmp_path_factory):
    """One model under its own condition, told to choose by chance, and told no trait."""
    folder = tmp_path_factory.mktemp("controlled")
    (folder / "traits.txt").write_text("\n".join(TRAITS[:20]))
    config = Config(traits=TRAITS[:20], seed=2, judges={"judge": LIKED}, resample=True)
    traits = {"traits": str(folder / "traits.txt"), "repeats": 4}
    return run_checked(folder, checks=STUDIES, config=config, corrections=False, **traits)


def expected_strengths(checked, part):
    """Strengths that the judge's chances give, without the noise of single verdicts."""
    made = verdicts_of(checked, "judge", part)
    chances = chance_of_first(checked, "judge", made)
    shown = np.where(made.swapped, -1, 1)
    comparisons = compare(made.traits, made.first, made.second, chances, judge_first=shown)
    return rate(comparisons, splits=0, interval="fisher").strengths


def nets(checked):
    """Return the net ratings by what was measured and what was taken off."""
    return {net.profile.condition: net for net in checked.found.nets}


def test_ratings_net_of_the_random_condition_are_recovered(controlled):
    """The judge's liking for words, which the control shows alone, is taken off the ratings."""
    net = nets(controlled)["feels net of random"]
    measured, control = (expected_strengths(controlled, part) for part in ("main", "random"))
    truth = measured - control
    inside = (net.profile.low <= truth) & (truth <= net.profile.high)
    assert net.profile.traits == TRAITS[:20]
    assert inside.mean() >= 0.85
    liking, strength = truth_by_trait(controlled)
    taken = [np.corrcoef(s, liking)[0, 1] for s in (measured, net.profile.strengths)]
    assert abs(taken[1]) < abs(taken[0])
    assert np.corrcoef(net.profile.strengths, strength)[0, 1] > 0.9


def test_little_of_a_lead_remains_where_the_model_tosses_a_coin(controlled):
    """What the control leaves of a lead is its own, noiseless slope on the measured ratings."""
    net = nets(controlled)["feels net of random"]
    measured, control = (expected_strengths(controlled, part) for part in ("main", "random"))
    truth = np.cov(measured, control, ddof=0)[0, 1] / measured.var()
    assert holds(net.left, truth)
    assert "remains under the random control" in net.sentence


def test_the_natural_condition_shows_strengths_that_no_one_asked_for(controlled):
    """Net of the judge's liking for the words, ordinary replies give the planted strengths."""
    net = nets(controlled)["natural net of word"]
    liking, strength = truth_by_trait(controlled)
    truth = LIKED.natural_scale * strength
    inside = (net.profile.low <= truth) & (truth <= net.profile.high)
    assert inside.mean() >= 0.85
    assert np.corrcoef(net.control.strengths, liking)[0, 1] > 0.5
    raw, cleared = (
        np.corrcoef(s, truth)[0, 1] for s in (net.measured.strengths, net.profile.strengths)
    )
    assert cleared > raw


def truth_by_trait(checked):
    """Return the judge's liking for each word, and the model's strength, both with mean 0."""
    liking, strength = (
        np.array([table[t] for t in TRAITS[:20]])
        for table in (checked.world.word_bias("judge"), checked.world.strengths("alpha"))
    )
    return liking - liking.mean(), strength - strength.mean()


def test_natural_replies_are_asked_once_a_prompt(controlled):
    """No trait is named, so trials that share a prompt share the reply and count as one cluster."""
    trials, replies, prompts = rows(
        controlled.path,
        "SELECT count(*), count(DISTINCT r.attempt), count(DISTINCT t.prompt) FROM trial t "
        "JOIN reply r ON r.trial = t.id WHERE t.part = 'natural'",
    )[0]
    assert trials == 760
    assert replies == prompts < trials


def test_controls_are_no_profiles(controlled):
    """Neither control stands among the ratings, and neither is read as agreement or consistency."""
    assert [p.condition for p in read_profiles(controlled.path)] == ["feels"]
    assert controlled.judge("judge").accuracy is None
    assert controlled.judge("judge").consistency is None
    assert controlled.found.agreement is None


def test_a_judge_that_is_kinder_to_its_family_is_found(tmp_path):
    """With the judge's liking for words measured, naming liked ones more in its family's shows."""
    words = TRAITS[:20]
    (tmp_path / "traits.txt").write_text("\n".join(words))
    kind = JudgePlan(accuracy=0.8, family="alpha", kind_words=words[::2], kind_bias=1.5)
    config = Config(
        traits=words, judges={"judge": kind, "judge-fair": JudgePlan(accuracy=0.8)}, resample=True
    )
    checked = run_checked(
        tmp_path,
        checks=("plants", "natural"),
        config=config,
        corrections=False,
        traits=str(tmp_path / "traits.txt"),
        repeats=3,
        models=MODELS,
        judges={"judge": {"family": "a"}, "judge-fair": {"family": "a"}},
    )
    found = checked.judge("judge").self_preference
    assert found.kindness.low > 0
    assert "and kinder (+" in found.sentence
    assert holds(checked.judge("judge-fair").self_preference.kindness, 0.0)


# -- before, beside and after a run ---------------------------------------------------------


def test_a_judge_without_plants_is_not_tested(planted, store_path, tmp_path):
    """The summary, the report and `ratings --corrected` all say so."""
    server = planted()
    run_text(study_text(server.base_url, max_trials=80), store_path)
    with Store.read(store_path) as store:
        assert judge_sentences(store) == ["judge: judge not tested."]
        account = judge_account(measure_validity(store))
        page = write_report(store, tmp_path / "r.html", judge=account)
    assert not account.tested
    assert "judge not tested" in page.with_suffix(".md").read_text()
    done = cli("ratings", store_path, "--corrected")
    assert done.returncode == 1
    assert "judge not tested: run `ethogram validity` on the study first" in " ".join(
        done.stdout.split()
    )


def test_validity_before_any_run_says_what_is_missing(planted, tmp_path):
    """Plants need no study; what judges replies again says that there are none yet."""
    server = planted()
    file = tmp_path / "v.toml"
    file.write_text(study_text(server.base_url, max_trials=80))
    done = cli("validity", file, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    said = " ".join(done.stdout.split())
    assert "The judge is above chance" in said
    assert "some replies to be judged again are missing: finish `ethogram run`" in said
    asked = server.stats()["requests"]
    again = cli("validity", file, cwd=tmp_path)
    assert "No call was made" in again.stdout
    assert server.stats()["requests"] == asked


def test_validity_of_a_store_in_which_nothing_was_answered(planted, store_path):
    """Planned, but asked nothing: no traceback, and no figure is made up."""
    server = planted()
    run_text(study_text(server.base_url, max_trials=80), store_path, stages=())
    with Store.read(store_path) as store:
        found = measure_validity(store)
    assert [j.sentence for j in found.judges] == ["judge: judge not tested."]
    assert (found.judges[0].findings(), found.agreement, found.nets) == ([], None, ())


def test_lost_replies_are_counted_among_the_plants(planted, store_path):
    """A plant whose reply was refused has no verdict, and is counted as lost."""
    server = planted(faults={"refusal": 0.1})
    text = study_text(server.base_url, max_trials=80)
    done = run_study(parse_study(text), store=store_path, checks=("plants",))
    lost = sum(c.lost for c in done.counts if (c.stage, c.part) == ("judge", "plant"))
    with Store.read(store_path) as store:
        (judge,) = measure_validity(store).judges
    assert lost > 5
    assert (judge.accuracy.n, judge.accuracy.lost) == (80 - lost, lost)


def test_another_judge_reads_what_is_there(planted, tmp_path):
    """`ethogram judge --judge NAME` elicits nothing, and gives a table and a figure."""
    server = planted(judges={"*": JudgePlan(accuracy=0.95)})
    cool = {"model": "judge", "temperature": 0.1}
    warm = {"model": "judge", "temperature": 0.7}
    file, store = tmp_path / "j.toml", tmp_path / "j.db"
    file.write_text(study_text(server.base_url, judges={"cool": cool}))
    run_text(file.read_text(), store)
    before = server.stats()["by_model"]
    file.write_text(study_text(server.base_url, judges={"cool": cool, "warm": warm}))
    done = cli("judge", file, "--judge", "warm", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = server.stats()
    assert after["by_model"]["alpha"] == before["alpha"] == 780
    assert after["by_model"]["judge"] == before["judge"] + 780
    assert after["answered_twice"] == 0
    with Store.read(store) as opened:
        found = measure_validity(opened, corrections=False).agreement
    assert found.judges == ("cool", "warm")
    assert found.n == 780
    assert found.spearman[0, 1] > 0.9
    profiles = read_profiles(store)
    assert label_models(profiles) == ("alpha, cool", "alpha, warm")
    with pytest.raises(InputError, match="more than one judge"):  # they are no two models
        save_figures(profiles, tmp_path / "figures", formats=("json",))
    (compared,) = compare_judges(profiles)
    assert compared.judges == ("cool", "warm")
    assert compared.spearman == pytest.approx(found.spearman[0, 1])


# -- the real local model -------------------------------------------------------------------


def has_local_model():
    """Whether the embedded model can run here."""
    try:
        return find_spec("xllamacpp") is not None and local_file("local/smollm2").is_file()
    except EndpointError:
        return False


@pytest.mark.skipif(not has_local_model(), reason="xllamacpp or SmolLM2's weights are absent")
def test_smollm2_is_said_not_to_be_above_chance(tmp_path, word_list):
    """Calibrated on traits of the quick start, the sentence is what the interval says."""
    text = (Path(__file__).parents[2] / "examples" / "quickstart_small.toml").read_text()
    words = word_list(*load_traits("quickstart").names[:6])
    for before, after in (
        (r"max_tokens = \d+", "max_tokens = 16"),  # the model's, which stands before the judge's
        (r"max_chars = \d+", "max_chars = 120"),
        ('traits = "quickstart"', f'traits = "{words}"'),
    ):
        text, found = re.subn(before, lambda _, put=after: put, text, count=1)
        assert found == 1
    study = parse_study(text, path=tmp_path / "quick.toml")
    (judge,) = check_study(study, store=tmp_path / "quick.db", only=["plants"]).judges
    made = judge.accuracy
    print(judge.sentence)
    assert made.n + made.lost == 12  # two of each of six traits
    assert made.n >= 8
    assert ("is above chance" in judge.sentence) == (made.overall.low > 0.5) == made.above_chance
    assert not made.above_chance  # 135 million parameters: measured, not assumed
    assert "information about the model." in judge.sentence
