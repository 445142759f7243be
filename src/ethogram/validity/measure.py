"""What a store says of its own measurement: can the judge be believed, does the choice repeat?

Reads the checks that `ethogram.run.checks` planned, and hands them to the statistics:
`accuracy`, `agreement`, `self_preference`, `correction`, `controls`, `soft`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import orjson

from ethogram.design import Part
from ethogram.errors import EthogramError, InputError, NotInformative
from ethogram.ratings.cards import card_text, cards_html
from ethogram.ratings.comparisons import Comparisons, FloatArray, IntArray
from ethogram.ratings.profile import Profile
from ethogram.ratings.rate import rate
from ethogram.ratings.results import Rated, Unrated
from ethogram.ratings.serialise import as_plain
from ethogram.ratings.threads import on_one_thread
from ethogram.store.read import Verdicts, count_without_p
from ethogram.store.store import Store
from ethogram.validity.accuracy import (
    JudgeAccuracy,
    Plants,
    collect_plants,
    judge_accuracy,
    place_lean,
)
from ethogram.validity.acting import Acting
from ethogram.validity.agreement import (
    ByTrait,
    Consistency,
    Retest,
    Stability,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    position_consistency,
    rating_agreement,
    repeat_stability,
    retest,
    trait_disagreement,
)
from ethogram.validity.cards import validity_cards, validity_line
from ethogram.validity.controls import NetProfile, net_of
from ethogram.validity.correction import Corrected, WinRates, correct, rogan_gladen
from ethogram.validity.exemplars import Sight
from ethogram.validity.gain import Gain, what_it_buys
from ethogram.validity.labels import LABEL_LIMIT, LabelAccuracy
from ethogram.validity.proportions import Estimate
from ethogram.validity.results import StoreResults, results_of
from ethogram.validity.self_preference import SelfPreference, self_preference

NOT_TESTED = "judge not tested"


@dataclass(frozen=True)
class JudgeValidity:
    """What the checks say of one judge; None where a check was not run.

    Attributes
    ----------
    judge : str
    sight : on exemplars: written replies whose trait is known
    accuracy : on planted traits
    labels : beside people, on chosen replies
    acting : by model, how often its planted replies show their trait, net of the judge's errors
    consistency : over both orders of the same replies
    stability : over repeated judging
    self_preference : toward the judge's own family, where the store has such replies
    retests : by model, trials asked and judged again
    corrected : by model, ratings corrected for the judge's errors on that model's planted replies
    win_rates : by model, win rates so corrected
    refused : by model, why there is no correction
    gains : by model, what probability verdicts buy against plain ones
    missing : by check, why it could not be measured although its verdicts are there
    """

    judge: str
    sight: Sight | None = None
    accuracy: JudgeAccuracy | None = None
    labels: LabelAccuracy | None = None
    acting: Mapping[str, Acting] = field(default_factory=dict)
    consistency: Consistency | None = None
    stability: Stability | None = None
    self_preference: SelfPreference | None = None
    retests: Mapping[str, Retest] = field(default_factory=dict)
    corrected: Mapping[str, Corrected] = field(default_factory=dict)
    win_rates: Mapping[str, WinRates] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def tested(self) -> bool:
        """Whether it gave verdicts on replies whose trait is known."""
        return self.known is not None

    @property
    def known(self) -> JudgeAccuracy | LabelAccuracy | None:
        """Its accuracy on replies whose trait is known.

        On chosen replies that people labelled, where they are enough; else on exemplars; else on
        planted replies, which lower it where the model cannot act.
        """
        if self.labels is not None and self.labels.n >= LABEL_LIMIT:
            return self.labels
        found = [self.sight.accuracy] if self.sight is not None else []
        found += [self.accuracy] if self.accuracy is not None else []
        return next((one for one in found if one.tested), None)

    @property
    def sentence(self) -> str:
        """The line that stands in every report and summary."""
        if self.known is None:
            return f"{self.judge}: {NOT_TESTED}."
        return f"{self.judge}: {self.known.sentence}"

    def findings(self) -> list[str]:
        """Say what the other checks found, one sentence each."""
        sentences = [] if self.labels is None else self._labels_findings(self.labels)
        sentences += [] if self.sight is None else self.sight.findings()
        if self.accuracy is not None and self.accuracy is not self.known:
            sentences.append(self._plants_sentence(self.accuracy))
        sentences += [acting.sentence for acting in self.acting.values()]
        if self.accuracy is not None and set(self.accuracy.by_class) >= {"near", "far"}:
            near, far = (self.accuracy.by_class[name].percent for name in ("near", "far"))
            sentences.append(
                "Planted traits found where the plain ratings of the two traits are near each "
                f"other (half of the pairs): {near}; where they are far apart: {far}."
            )
        if self.consistency is not None:
            sentences.append(self.consistency.sentence)
        if self.stability is not None:
            same = self.stability.same
            sentences.append(
                f"Replies that were judged again in the same order: {same.few}."
                if same.few
                else f"Judged again in the same order, {same.percent} of {self.stability.n:,} "
                "replies get the same verdict."
            )
        if self.self_preference is not None:
            sentences.append(self.self_preference.sentence)
        for model, again in self.retests.items():
            sentences.append(
                f"{model}: trials that were asked again: {again.repeats.few}."
                if again.repeats.few
                else f"{model}: asked again, the choice repeats in {again.repeats.percent} of "
                f"{again.n:,} trials, which implies a reliability of {_number(again.overall)}."
            )
        sentences += [f"{model}: {one.reason}" for model, one in self.corrected.items()]
        sentences += [f"{model}: not corrected: {why}" for model, why in self.refused.items()]
        sentences += [f"{model}: {gain.sentence}" for model, gain in self.gains.items()]
        sentences += [f"Not measured: {check}: {reason}" for check, reason in self.missing.items()]
        return sentences

    def _labels_findings(self, labels: LabelAccuracy) -> list[str]:
        """Say what people's labels add, and what the judge makes of written replies beside them."""
        found = labels.findings()
        if self.known is not labels:
            return [f"{labels.sentence} ({LABEL_LIMIT} are wanted.)", *found]
        return [*found, self.sight.accuracy.sentence] if self.sight is not None else found

    @staticmethod
    def _plants_sentence(plants: JudgeAccuracy) -> str:
        """What a judge that was tried on exemplars makes of planted replies: no blame for it."""
        if plants.overall.few:
            return f"Planted replies with a verdict: {plants.overall.few}."
        if plants.tied:
            return f"Each of its {plants.n:,} verdicts on planted replies is a tie."
        return (
            f"It found the planted trait in {plants.overall.percent} of {plants.n:,} planted "
            "replies, which a model that cannot act lowers."
        )


@dataclass(frozen=True)
class JudgesAgreement:
    """Several judges on the same replies.

    Attributes
    ----------
    judges : tuple of str, length m
    cohen : dict of (judge, judge) to Estimate
    fleiss, alpha : Estimate
    disagreement : ByTrait
    spearman : float array, shape (m, m), or None
        Between their ratings of the same model, mean over models; NaN where that of no model is
        known.
    n : int
        Replies that at least two of them judged.
    flat : tuple of str
        Profiles whose ratings are all the same: they have no ranks, and are in no `spearman`.
    """

    judges: tuple[str, ...]
    cohen: Mapping[tuple[str, str], Estimate]
    fleiss: Estimate
    alpha: Estimate
    disagreement: ByTrait
    spearman: FloatArray | None
    n: int
    flat: tuple[str, ...] = ()

    def findings(self) -> list[str]:
        """Say how far the judges agree, one sentence each."""
        sentences = [
            f"{a} and {b}: Cohen's kappa on {kappa.n:,} replies: {_number(kappa)}."
            for (a, b), kappa in self.cohen.items()
        ]
        if len(self.judges) > 2:
            sentences.append(f"All: Fleiss' kappa: {_number(self.fleiss)}.")
        sentences.append(f"Krippendorff's alpha: {_number(self.alpha)}.")
        worst = np.argsort(-self.disagreement.estimate)[:3]
        traits = ", ".join(
            f"{self.disagreement.traits[i]} ({100 * self.disagreement.estimate[i]:.0f}%)"
            for i in worst
        )
        sentences.append(f"They differ most often on {traits}.")
        if self.spearman is not None:
            sentences += [
                f"Ratings by {a} and {b}: Spearman {_known(self.spearman[i, j])}."
                for (i, a), (j, b) in combinations(enumerate(self.judges), 2)
            ]
        if self.flat:
            sentences.append(
                "Ratings that are all the same have no ranks, and are in no Spearman: "
                f"{', '.join(self.flat)}."
            )
        return sentences


def _known(value: float) -> str:
    """Return a correlation, or that it is not known."""
    return "not known" if np.isnan(value) else f"{value:.2f}"


def _number(estimate: Estimate) -> str:
    """Return an estimate with its interval, such as 0.35 (0.31 to 0.38)."""
    if estimate.few:
        return estimate.few
    ends = f"{estimate.low:.2f} to {estimate.high:.2f}"
    return f"{estimate.estimate:.2f} ({ends})".replace("-", "\u2212")


@dataclass(frozen=True)
class Validity:
    """All that a store says of its own measurement.

    Attributes
    ----------
    judges : tuple of JudgeValidity
    agreement : JudgesAgreement or None
        None where fewer than two judges gave verdicts on the same replies.
    nets : tuple of NetProfile
    notes : tuple of str
    unrated : tuple of Unrated
        Comparisons of the study itself that could not be rated, so that nothing above rests on
        their ratings.
    """

    judges: tuple[JudgeValidity, ...]
    agreement: JudgesAgreement | None
    nets: tuple[NetProfile, ...]
    notes: tuple[str, ...] = ()
    unrated: tuple[Unrated, ...] = ()

    def __repr__(self) -> str:
        return validity_line(self)

    def __str__(self) -> str:
        return "\n\n".join(card_text(card) for card in validity_cards(self))

    def _repr_html_(self) -> str:
        return cards_html(validity_cards(self))


def judge_sentences(source: Store | StoreResults) -> list[str]:
    """Return a plain sentence per judge: above chance or not, or that it was not tested."""
    results = results_of(source)
    return [
        JudgeValidity(
            name,
            sight=results.sight(name),
            accuracy=_accuracy(results, name),
            labels=results.beside_people(name),
        ).sentence
        for name in results.judges
    ]


def validity_json(validity: Validity) -> dict[str, Any]:
    """Return the JSON form of `ethogram validity`."""
    return {
        "judges": [
            {"judge": j.judge, "sentence": j.sentence, "findings": j.findings(), **as_plain(j)}
            for j in validity.judges
        ],
        "agreement": as_plain(validity.agreement),
        "nets": [
            {
                "sentence": net.sentence,
                "left": as_plain(net.left),
                "clear": list(net.clear),
                "profile": as_plain(net.profile),
            }
            for net in validity.nets
        ],
        "notes": list(validity.notes),
        "unrated": as_plain(validity.unrated),
    }


@on_one_thread
def measure_validity(
    source: Store | StoreResults, *, corrections: bool = True, seed: int = 0
) -> Validity:
    """Read every check that the store holds.

    Parameters
    ----------
    source : Store or StoreResults
        Results that other parts of a command have read already are not read again.
    corrections : bool
        Also rate anew with the judge's errors modelled (some seconds per model).
    seed : int
    """
    results = results_of(source)
    main = results.rated()
    rated = {_key(p): p for p in main.profiles}
    judges = tuple(
        _judge(results, name, rated, corrections=corrections, seed=seed) for name in results.judges
    )
    nets, notes = _nets(results, rated, seed)
    notes += [*_waiting(results), *_without_probability(results)]
    return Validity(
        judges, _agreement(results, rated), tuple(nets), tuple(notes), unrated=main.unrated
    )


def _waiting(results: StoreResults) -> list[str]:
    """Say which checks could not be made because the study's own replies are not there."""
    waiting = dict.fromkeys(
        c.judge
        for c in results.counts
        if c.stage == "judge" and c.part in ("order", "repeat") and c.pending
    )
    return [
        f"{judge}: some replies to be judged again are missing: finish `ethogram run`, then run "
        "`ethogram validity` again."
        for judge in waiting
    ]


def _without_probability(results: StoreResults) -> list[str]:
    """Say which judges were asked for probabilities and gave none."""
    sentences = []
    for name in results.judges:
        lacking, n = count_without_p(results.store, name)
        if results.gives_probabilities(name) and lacking:
            sentences.append(
                f"{name}: {lacking:,} of {n:,} verdicts came without the probabilities of the two "
                "words; for these only the answer counts."
            )
    return sentences


def _key(comparisons: Profile | Comparisons) -> tuple[str, str, str]:
    return comparisons.model, comparisons.judge, comparisons.condition


def _judge(
    results: StoreResults,
    name: str,
    rated: Mapping[tuple[str, str, str], Profile],
    *,
    corrections: bool,
    seed: int,
) -> JudgeValidity:
    """Measure one judge."""
    plants, verdicts = results.plants(name), results.verdicts(name)
    own = [c for c in results.comparisons() if c.judge == name and c.condition != "random"]
    corrected, win_rates, refused = {}, {}, {}
    missing: dict[str, str] = {}
    if corrections and (plants is not None or results.labels(name) is not None):
        for who, comparisons in _labelled(own).items():
            if not len(comparisons) and not comparisons.lost:
                continue  # only the judge was tried so far
            try:
                corrected[who] = correct_own(results, comparisons, seed=seed)
                if plants is None or not has_own_plants(results, comparisons):
                    continue
                rows = own_plants(plants, comparisons)
                trials = _first_verdicts(
                    verdicts.of(comparisons.model, comparisons.condition).part("main")
                )
                win_rates[who] = rogan_gladen(_per_trial(corrected[who].plain, len(trials)), rows)
            except EthogramError as error:
                refused[who] = str(error)
    try:
        preference = _self_preference(results, name, plants)
    except EthogramError as error:
        preference, missing["self-preference"] = None, str(error)
    return JudgeValidity(
        judge=name,
        sight=results.sight(name),
        acting=results.acting(name),
        accuracy=_accuracy(results, name, own, rated),
        labels=results.beside_people(name),
        consistency=_consistency(verdicts),
        stability=_stability(verdicts),
        self_preference=preference,
        retests=_retests(verdicts, own, results, missing),
        corrected=corrected,
        win_rates=win_rates,
        refused=refused,
        gains=_gains(results, own, missing),
        missing=missing,
    )


def _labelled(own: Sequence[Comparisons]) -> dict[str, Comparisons]:
    """Name comparisons by their model, and by their condition where a model has several."""
    count = Counter(comparisons.model for comparisons in own)
    return {
        comparisons.model
        if count[comparisons.model] == 1
        else f"{comparisons.model} ({comparisons.condition})": comparisons
        for comparisons in own
    }


@on_one_thread
def rate_corrected(
    source: Store | StoreResults, *, model: str | None = None, without: Sequence[str] = ()
) -> Rated:
    """Rate each with its judge's errors modelled; what cannot be corrected says why.

    Parameters
    ----------
    source : Store or StoreResults
    model : str, optional
        Only this one.
    without : of "truncated" and "named"
        Leave out such replies.
    """
    results = results_of(source)
    rated, unrated = [], []
    for comparisons in results.comparisons(without=without):
        if model not in (None, comparisons.model):
            continue
        try:
            rated.append(correct_own(results, comparisons).profile)
        except EthogramError as error:
            unrated.append(Unrated.of(comparisons, str(error)))
    return Rated(tuple(rated), tuple(unrated))


def has_own_plants(results: StoreResults, comparisons: Comparisons) -> bool:
    """Whether the judge of these comparisons read planted replies of their model."""
    plants = results.plants(comparisons.judge)
    return plants is not None and bool(
        len(_on_traits(plants, comparisons.traits, model=comparisons.model))
    )


def correct_own(results: StoreResults, comparisons: Comparisons, *, seed: int = 0) -> Corrected:
    """Correct one profile by the planted and the labelled replies of its own model.

    Raises
    ------
    InputError, NotInformative
        There are none, the judge knows nothing, or the comparisons cannot be rated.
    """
    labels = results.labels(comparisons.judge)
    own = None if labels is None else labels.of(comparisons.model, comparisons.traits)
    rows = _planted_rows(results, comparisons, labelled=own is not None and own.is_enough)
    plain = results.profile(comparisons)
    if isinstance(plain, Unrated):
        raise InputError(plain.reason)
    return correct(comparisons, rows, labels=own, plain=plain, seed=seed)


def _planted_rows(results: StoreResults, comparisons: Comparisons, *, labelled: bool) -> Plants:
    """Return the model's own plants; where labels stand in for them, there may be none."""
    if labelled and not has_own_plants(results, comparisons):
        return collect_plants(comparisons.traits, [], [], [], judge=comparisons.judge)
    plants = results.plants(comparisons.judge)
    if plants is None:
        raise InputError(f"{NOT_TESTED}: run `ethogram validity` on the study first")
    return own_plants(plants, comparisons)


# -- planted traits -------------------------------------------------------------------------


def _accuracy(
    results: StoreResults,
    judge: str,
    own: Sequence[Comparisons] = (),
    rated: Mapping[tuple[str, str, str], Profile] | None = None,
) -> JudgeAccuracy | None:
    """Measure a judge, by class of pair too where the models that wrote the plants are rated."""
    plants, each = results.plants(judge), results.plants(judge, each=True)
    if plants is None or each is None:
        return None
    profiles = {
        comparisons.model: (rated or {}).get(_key(comparisons)) for comparisons in reversed(own)
    }
    found = judge_accuracy(plants, pair_class=_pair_classes(plants, profiles))
    return replace(found, lean=place_lean(each))


def _pair_classes(plants: Plants, profiles: Mapping[str, Profile | None]) -> list[str] | None:
    """Call a pair near or far: below or above the median gap of its model's plain ratings."""
    rated = {
        name: dict(zip(p.traits, p.strengths, strict=True)) for name, p in profiles.items() if p
    }
    gaps = np.full(len(plants), np.nan)
    for row, (model, a, b) in enumerate(
        zip(plants.model, plants.planted, plants.foil, strict=True)
    ):
        strengths = rated.get(plants.models[model], {})
        one, other = (strengths.get(plants.traits[trait], np.nan) for trait in (a, b))
        gaps[row] = abs(one - other)
    if np.isnan(gaps).all():
        return None
    near = np.where(gaps < np.nanmedian(gaps), "near", "far")
    return [str(name) for name in np.where(np.isnan(gaps), "not rated", near)]


def own_plants(plants: Plants, comparisons: Comparisons) -> Plants:
    """Return the rated model's own plants, on the traits of its comparisons.

    A judge may read one model's replies better than another's, and acting differs by model:
    with another model's plants the correction can be worse than none.
    """
    rows = _on_traits(plants, comparisons.traits, model=comparisons.model)
    if not len(rows):
        raise NotInformative(
            f"judge {comparisons.judge!r} has no planted replies by {comparisons.model!r}, and "
            "those of other models do not show how it reads this one: run `ethogram validity` on "
            "the study first"
        )
    return rows


def _on_traits(plants: Plants, traits: tuple[str, ...], *, model: str) -> Plants:
    """Return a model's plants with trait indices as in `traits`; others are left out."""
    place = np.array([traits.index(t) if t in traits else -1 for t in plants.traits])
    mine = np.array([name == model for name in plants.models])[plants.model]
    keep = mine & (place[plants.planted] >= 0) & (place[plants.foil] >= 0)
    rows = plants.take(keep)
    return collect_plants(
        traits,
        place[rows.planted],
        place[rows.foil],
        np.where(rows.named >= 0, place[rows.named], -1),
        planted_first=rows.planted_first,
        tied=rows.tied,
        prompt=rows.prompt,
        model=[rows.models[i] for i in rows.model],
        judge=rows.judge,
    )


def _self_preference(
    results: StoreResults, name: str, plants: Plants | None
) -> SelfPreference | None:
    """Compare planted replies of the judge's family with those of others, where both are there."""
    family = _family(results.judges[name])
    if plants is None or not family:
        return None
    own = [model for model, settings in results.models.items() if _family(settings) == family]
    favour = _favour(results, name, plants.traits)
    for other, settings in results.judges.items():
        reference = results.plants(other) if other != name else None
        if reference is not None and _family(settings) != family and plants.same_as(reference):
            return self_preference(plants, own, favour=favour, reference=reference)
    return self_preference(plants, own, favour=favour)


def _favour(results: StoreResults, judge: str, traits: Sequence[str]) -> FloatArray | None:
    """How well a judge likes each word as such, where the natural check measured it."""
    measured = [
        results.word_preference(c) for c in results.comparisons(Part.WORD) if c.judge == judge
    ]
    profiles = [p for p in measured if isinstance(p, Profile)]  # `_nets` says why another is not
    liked = [dict(zip(p.traits, p.strengths, strict=True)) for p in profiles]
    if not liked:
        return None
    return np.array([np.mean([words.get(trait, 0.0) for words in liked]) for trait in traits])


def _family(settings: str) -> str:
    """Return the family that the study file gives a model or judge, or ""."""
    return str(orjson.loads(settings).get("family") or "")


# -- again ----------------------------------------------------------------------------------


def _paired(one: Verdicts, other: Verdicts) -> tuple[IntArray, IntArray]:
    """Return the rows of two sets of verdicts that are on the same reply."""
    _, left, right = np.intersect1d(one.trial, other.trial, return_indices=True)
    return left, right


def _consistency(verdicts: Verdicts) -> Consistency | None:
    """Compare both orders of the same replies."""
    both = verdicts.part("main", "order")
    forward, swapped = both.take(~both.swapped), both.take(both.swapped)
    left, right = _paired(forward, swapped)
    if not len(left):
        return None
    code = swapped.code[right]
    return position_consistency(
        forward.code[left],
        np.where(code >= 0, 1 - code, -1),  # in that order trait 2 was shown first
        prompt=forward.prompt[left],
    )


def _stability(verdicts: Verdicts) -> Stability | None:
    """Compare a judging with its repetition in the same order."""
    again = verdicts.part("repeat")
    once = verdicts.part("main")
    left, right = _match(once, again)
    if not len(left):
        return None
    return repeat_stability(once.code[left], again.code[right], prompt=once.prompt[left])


def _match(one: Verdicts, other: Verdicts) -> tuple[IntArray, IntArray]:
    """Return the rows that are on the same reply in the same order."""
    left, right = 2 * one.trial + one.swapped, 2 * other.trial + other.swapped
    _, i, j = np.intersect1d(left, right, return_indices=True)
    return i, j


def _retests(
    verdicts: Verdicts,
    own: Sequence[Comparisons],
    results: StoreResults,
    missing: dict[str, str],
) -> dict[str, Retest]:
    """Compare trials with their repetition, model by model."""
    retests = {}
    for who, comparisons in _labelled(own).items():
        rows = verdicts.of(comparisons.model, comparisons.condition)
        once, again = _first_verdicts(rows.part("main")), _first_verdicts(rows.part("retest"))
        _, left, right = np.intersect1d(once.seq, again.seq, return_indices=True)
        if not len(left):
            continue
        profile = results.profile(comparisons)
        if isinstance(profile, Unrated):
            missing[f"retest, {who}"] = profile.reason
            continue
        place = np.array([_place(profile.traits, t) for t in rows.traits])
        profile = _by_choice(profile, once, place)
        known = (place[once.first[left]] >= 0) & (place[once.second[left]] >= 0)
        left, right = left[known], right[known]
        try:
            retests[who] = retest(
                once.code[left],
                again.code[right],
                place[once.first[left]],
                place[once.second[left]],
                profile,
                prompt=once.prompt[left],
            )
        except EthogramError as error:
            missing[f"retest, {who}"] = str(error)
    return retests


def _by_choice(profile: Profile, once: Verdicts, place: IntArray) -> Profile:
    """Count each trait's choices, one verdict per reply, as their repetitions are compared.

    What a profile counts is another thing where probabilities are rated, or both orders: win rates
    then hardly differ between traits, and all of it would be taken for noise of choices.
    """
    first, second = place[once.first], place[once.second]
    known = (once.code >= 0) & (first >= 0) & (second >= 0)
    first, second, won = first[known], second[known], once.code[known] == 1
    k = len(profile.traits)
    return replace(
        profile,
        n_by_trait=np.bincount(np.concatenate([first, second]), minlength=k),
        wins_by_trait=np.bincount(np.where(won, first, second), minlength=k).astype(float),
    )


def _first_verdicts(verdicts: Verdicts) -> Verdicts:
    """Keep one verdict per reply, that in the design's order, where a judge is asked in both."""
    return verdicts.take(np.unique(verdicts.trial, return_index=True)[1])


def _per_trial(profile: Profile, trials: int) -> Profile:
    """Count trials where both orders of one reply were counted: they are no two choices."""
    share = min(1.0, trials / max(1, profile.n))
    return replace(
        profile,
        n_by_trait=np.rint(profile.n_by_trait * share).astype(np.int64),
        wins_by_trait=profile.wins_by_trait * share,
    )


def _place(traits: Sequence[str], name: str) -> int:
    return traits.index(name) if name in traits else -1


def _gains(
    results: StoreResults, own: Sequence[Comparisons], missing: dict[str, str]
) -> dict[str, Gain]:
    """Compare probability verdicts with the words of the same judgings.

    Both by leaving out prompts: a model of coin tosses would give probabilities the noise of words.
    """
    gains = {}
    for who, comparisons in _labelled(own).items():
        if not np.any((comparisons.outcome % 0.5) != 0):
            continue
        words = next(c for c in results.comparisons(soft=False) if _key(c) == _key(comparisons))
        try:
            # Probabilities on several prompts are rated so in any case: that profile serves here.
            soft = results.profile(comparisons)
            plain = rate(words, interval="clustered")
        except EthogramError as error:
            missing[f"gain from probability verdicts, {who}"] = str(error)
            continue
        if isinstance(soft, Unrated):
            missing[f"gain from probability verdicts, {who}"] = soft.reason
        else:
            gains[who] = what_it_buys(plain, soft)
    return gains


# -- several judges, controls ---------------------------------------------------------------


def _agreement(
    results: StoreResults, rated: Mapping[tuple[str, str, str], Profile]
) -> JudgesAgreement | None:
    """Compare the verdicts of all judges on the same replies, each in the design's order."""
    choices = {name: _choices(results.verdicts(name)) for name in results.judges}
    names = tuple(name for name, rows in choices.items() if (rows.code >= 0).any())
    if len(names) < 2:
        return None
    once = [choices[name] for name in names]
    trials = np.unique(np.concatenate([rows.trial for rows in once]))
    table = np.full((len(trials), len(names)), -1)
    traits = np.zeros((2, len(trials)), dtype=np.int64)
    prompt = np.zeros(len(trials), dtype=np.int64)
    for j, rows in enumerate(once):
        at = np.searchsorted(trials, rows.trial)
        table[at, j], traits[0, at], traits[1, at], prompt[at] = (
            rows.code,
            rows.first,
            rows.second,
            rows.prompt,
        )
    shared = (table >= 0).sum(axis=1) >= 2
    if shared.sum() < 2:
        return None
    table, (first, second), prompt = table[shared], traits[:, shared], prompt[shared]
    spearman, flat = _rating_agreement(names, rated)
    return JudgesAgreement(
        judges=names,
        cohen={
            (a, b): cohen_kappa(table[:, i], table[:, j], clusters=prompt)
            for (i, a), (j, b) in combinations(enumerate(names), 2)
            if ((table[:, i] >= 0) & (table[:, j] >= 0)).any()
        },
        fleiss=fleiss_kappa(table, clusters=prompt),
        alpha=krippendorff_alpha(table, clusters=prompt),
        disagreement=trait_disagreement(table, first, second, once[0].traits),
        spearman=spearman,
        n=int(shared.sum()),
        flat=flat,
    )


def _choices(verdicts: Verdicts) -> Verdicts:
    """Keep one verdict per reply of the study; told to choose by chance, none is a choice."""
    rows = verdicts.part("main")
    chosen = np.array(rows.conditions, dtype=str)[rows.condition] != "random"
    return _first_verdicts(rows.take(chosen))


def _rating_agreement(
    names: tuple[str, ...], rated: Mapping[tuple[str, str, str], Profile]
) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Return Spearman between judges' ratings, mean over the models that all of them rated.

    Also which profiles have ratings that are all the same: they are left out of the means.
    """
    rows, flat = [], []
    for model, condition in dict.fromkeys((m, c) for m, _, c in rated if c != "random"):
        profiles = [rated.get((model, judge, condition)) for judge in names]
        if all(p is not None for p in profiles):
            rows.append(rating_agreement([p for p in profiles if p is not None]))
            unknown = np.isnan(np.diag(rows[-1]))
            flat += [f"{model} by {name}" for name, u in zip(names, unknown, strict=True) if u]
    return _mean_of_known(rows) if rows else None, tuple(dict.fromkeys(flat))


def _mean_of_known(rows: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of tables of one shape, each cell over those that know it; else NaN."""
    known = ~np.isnan(rows)
    total, count = np.nansum(rows, axis=0), known.sum(axis=0)
    mean: FloatArray = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


@dataclass(frozen=True)
class _Control:
    """What a control is subtracted from, for one model and judge."""

    who: str
    measured: Profile | Unrated
    control: Profile | Unrated


def _nets(
    results: StoreResults, rated: Mapping[tuple[str, str, str], Profile], seed: int
) -> tuple[list[NetProfile], list[str]]:
    """Subtract the random condition's ratings, and the words' own pull from the natural ones."""
    nets, notes = [], []
    random_controls, unrated = _random_controls(results, rated)
    natural_controls, without_words = _natural_controls(results)
    for one in (*random_controls, *natural_controls):
        if isinstance(one.measured, Unrated) or isinstance(one.control, Unrated):
            sides = [side for side in (one.measured, one.control) if isinstance(side, Unrated)]
            reasons = " ".join(dict.fromkeys(side.reason for side in sides))
            notes.append(f"{one.who}: too few natural or word verdicts to rate: {reasons}")
            continue
        try:
            nets.append(net_of(one.measured, one.control, seed=seed))
        except EthogramError as error:
            notes.append(f"{one.who}, net of the {one.control.condition} control: {error}")
    return nets, [*unrated, *without_words, *notes]


def _random_controls(
    results: StoreResults, rated: Mapping[tuple[str, str, str], Profile]
) -> tuple[list[_Control], list[str]]:
    """Return profiles with their random conditions, and why some of the latter are not rated."""
    controls = results.rated(Part.RANDOM)
    random = {_key(profile): profile for profile in controls.profiles}
    pairs = []
    for (model, judge, condition), profile in rated.items():
        key = (model, judge, "random")
        control = random.get(key) or rated.get(key)
        if condition != "random" and control is not None:
            pairs.append(_Control(f"{model} by {judge}", profile, control))
    return pairs, [
        f"{u.model} by {u.judge}: not rated under the random condition: {u.reason}"
        for u in controls.unrated
    ]


def _natural_controls(results: StoreResults) -> tuple[list[_Control], list[str]]:
    """Return natural profiles with the judge's liking for words, and who has none of the latter."""
    words = {(c.model, c.judge): c for c in results.comparisons(Part.WORD)}
    pairs, lacking = [], []
    for natural in results.comparisons(Part.NATURAL):
        who, liking = (
            f"{natural.model} by {natural.judge}",
            words.get((natural.model, natural.judge)),
        )
        if liking is None:
            lacking.append(
                f"{who}: no verdicts on the words alone to subtract from the natural ratings."
            )
        else:
            profile = results.profile(natural)
            pairs.append(_Control(who, profile, results.word_preference(liking)))
    return pairs, lacking
