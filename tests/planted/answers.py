"""What the planted models and judges answer: a pure function of the request and a seed.

A tested model prefers traits by strengths that are known, and its reply carries a marker
of the trait it chose. A judge reads the marker and errs as often as it was told to. So a
study's result can be checked against the truth. Knows nothing of HTTP, faults or time.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from statistics import NormalDist
from typing import Any

from ethogram.stimuli.exemplars import load_exemplars as _load

load_exemplars = cache(_load)
MARK = re.compile(r"⟦m:(\S*) t:(\d+|[*-])⟧")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_CHANCE = frozenset({"random", "randomly", "chance"})
_SURE = 1e-9  # an accuracy of 1 is taken as 1 - 1e-9, so that its logit is finite
_NAMED_MASS = 0.98  # log-probabilities leave 2% to tokens that are no trait

# Plain prose for replies. A sentence that holds a configured trait word is not used.
_SENTENCES = (
    "Here is how I would go about it, step by step.",
    "The first thing to look at is what you already have in front of you.",
    "Most people begin in the middle and then wonder why the ends do not meet.",
    "Put the two parts next to each other and see where they differ.",
    "If that works, the rest follows without much effort.",
    "There are cases where this does not hold, and I will come to them.",
    "Think of a kitchen on a Sunday morning, before anyone else is up.",
    "You can leave the last step out when time is short.",
    "I would write it down before changing anything.",
    "None of this takes longer than an afternoon.",
    "Ask me again once you have tried it, and bring what went wrong.",
    "That is all there is to it, as far as I can see from here.",
)
_JUDGE_SAYS = "I read it through and weighed the two words."


@dataclass(frozen=True)
class ModelPlan:
    """How a tested model behaves.

    Attributes
    ----------
    strengths : mapping of trait to logits, or None
        None draws them from N(0, spread^2), seeded by the world's seed and the model's name.
        A trait left out of a mapping has strength 0.
    position_bias : float
        Logits toward the trait that is named first.
    names, injects : float
        Share of replies that name the chosen trait although told not to, and that hold an
        answer tag with the other trait (a reply must not decide its own verdict).
    acts : float, or mapping of trait to float
        Share of replies to one named trait that show it; the others show nothing, so that a judge
        names a word by chance. A mapping's key "*" is the share of traits it leaves out (else 1).
    words_in : {"system", "user"}
        Which message names the traits. "user" is for requests without a system message;
        it is not the default because a user's prompt may hold a trait word by accident.
    keeps : float
        Of replies that show the first turn's trait, the share that still do one turn later; the
        others show one of the two by a fair coin.
    abstains : float, or mapping of trait to logits
        Where neither may be taken, each trait's part of what speaks for it (see
        `ethogram.ratings.abstention`).
    worded : float
        Standard deviation of what each wording of the instruction adds to each strength, logits.
    ratio, ratio_told : float, or None
        Each next token is drawn from a geometric distribution: the likeliest has probability
        1 - ratio, each further one `ratio` times the one before; `ratio_told` where traits are
        named (None: the same). None gives no log-probabilities.
    stated_correlation : float
        Of what it says of itself with its strengths, over the traits of this world.
    declines : float
        Share of questions about itself that it declines to answer.
    acquiescence : float
        Points by which it agrees more with any statement, on a scale from 1 to 5.
    """

    strengths: Mapping[str, float] | None = None
    spread: float = 2.0
    position_bias: float = 0.0
    names: float = 0.0
    injects: float = 0.0
    acts: float | Mapping[str, float] = 1.0
    words_in: str = "system"
    keeps: float = 1.0
    abstains: float | Mapping[str, float] = -1e9
    worded: float = 0.0
    ratio: float | None = None
    ratio_told: float | None = None
    stated_correlation: float = 1.0
    declines: float = 0.0
    acquiescence: float = 0.0

    def __post_init__(self) -> None:
        if self.words_in not in {"system", "user"}:
            raise ValueError(f"words_in is {self.words_in!r}, expected 'system' or 'user'")


@dataclass(frozen=True)
class JudgePlan:
    """How a judge errs; see `World.chances` for the formula.

    Attributes
    ----------
    accuracy : float, or mapping of trait to float
        Probability that a shown trait is named, biases aside. A mapping's key "*" is the
        value of traits it leaves out (else 1).
    accuracy_spread : float
        Standard deviation between traits around a single `accuracy` (kept in .02 to .995).
    first_bias, first_share : float
        Toward the word shown first: logits, or the share of verdicts that name it whatever
        the reply shows.
    word_bias : float, or mapping of trait to logits
        The judge's liking for a word as such; a float is the standard deviation of a draw.
    family : str
        Prefix of the model names that are the judge's own family.
    family_gain : float
        Logits toward the shown trait in replies of the family (more accurate).
    kind_words, kind_bias : sequence of traits, logits
        In replies of the family these words are liked that much more (kinder).
    natural_scale : float
        Where a reply was told no trait, the model's strengths count times this.
    tie, tie_word : float, str
        Share of verdicts that are a tie, and the word they put between the tags.
    shared_error : float
        Share of verdicts that are wrong or right by one draw per reply and pair, common to all
        judges with such a share; the others by the judge's own. Two judges of one accuracy with
        shares a and b have errors with a correlation of a b. Probabilities know nothing of it.
    """

    accuracy: float | Mapping[str, float] = 1.0
    accuracy_spread: float = 0.0
    first_bias: float = 0.0
    first_share: float = 0.0
    word_bias: float | Mapping[str, float] = 0.0
    family: str = ""
    family_gain: float = 0.0
    kind_words: Sequence[str] = ()
    kind_bias: float = 0.0
    natural_scale: float = 1.0
    tie: float = 0.0
    tie_word: str = "neither"
    shared_error: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What is said, before any fault: the text and, where asked for, its log-probabilities."""

    text: str
    logprobs: dict[str, Any] | None = None


@dataclass(frozen=True)
class Mark:
    """What a reply's marker says: who wrote it and which trait it shows (None: no trait).

    `*` stands for no trait named, so that strengths show; `-` for a trait that was not acted.
    """

    model: str = ""
    trait: str | None = None
    reply: bytes = field(default=b"", compare=False)  # a digest of its text


def uniform(digest: bytes, tag: bytes) -> float:
    """A number in [0, 1) that depends on the request and the tag only."""
    drawn = blake2b(tag, key=digest, digest_size=7).digest()
    return int.from_bytes(drawn) / 2**56


@dataclass
class World:
    """All planted models and judges; every answer is decided by `digest` and these fields.

    Plans are looked up by name, then under "*", then the plan's defaults hold.
    """

    traits: Sequence[str]
    seed: int = 0
    models: Mapping[str, ModelPlan] = field(default_factory=dict)
    judges: Mapping[str, JudgePlan] = field(default_factory=dict)
    reply_chars: int = 300

    def __post_init__(self) -> None:
        self.traits = tuple(trait.lower() for trait in self.traits)
        self._index = {trait: i for i, trait in enumerate(self.traits)}
        usable = [s for s in _SENTENCES if not self.named(s)] or ["..."]
        self._starts = [sum(len(s) + 1 for s in usable[:i]) for i in range(len(usable))]
        once = " ".join(usable) + " "
        self._prose = once * (2 + 2 * self.reply_chars // len(once))
        self._drawn: dict[tuple[str, str], dict[str, float]] = {}

    def answer(self, body: Mapping[str, Any], model: str, digest: bytes) -> Answer:
        """Answer a chat-completions request as `model`."""
        messages = [(m.get("role", ""), _text(m.get("content"))) for m in body["messages"]]
        top = (body.get("top_logprobs") or 0) if body.get("logprobs") else None
        if not model.startswith("judge"):
            if messages and (said := self.self_report(model, messages[-1][1], digest)) is not None:
                return Answer(said)
            text = self.reply(model, messages, digest)
            return Answer(text, self._token_logprobs(model, messages, text, digest, top))
        mark, words = self.question(messages)
        if "either" in messages[-1][1] and self._shows_none(messages):
            three = "C: neither" in messages[-1][1]
            return Answer("C" if three else "<answer>neither</answer>")
        if "Answer with the letter" in messages[-1][1]:
            return self.letter(model, mark, words, digest, top=top)
        return self.verdict(model, mark, words, digest, top=top)

    # -- tested models ----------------------------------------------------------------------

    def strengths(self, model: str) -> dict[str, float]:
        """Planted strength of each trait, logits."""
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        if plan.strengths is not None:
            return {trait: plan.strengths.get(trait, 0.0) for trait in self.traits}
        return self._draw("strengths", model, 0.0, plan.spread)

    def acts(self, model: str) -> dict[str, float]:
        """Share of planted replies that show each trait."""
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        if isinstance(plan.acts, Mapping):
            rest = plan.acts.get("*", 1.0)
            return {trait: plan.acts.get(trait, rest) for trait in self.traits}
        return dict.fromkeys(self.traits, plan.acts)

    def reply(self, model: str, messages: Sequence[tuple[str, str]], digest: bytes) -> str:
        """Prose between two markers of the trait chosen.

        Two markers, so that a reply cut short still has the first, and so that whatever a
        reply says in between stands before the last.
        """
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        told = next((text for role, text in messages if role == plan.words_in), "")
        spoken = _WORD.findall(told.lower())
        words = list(dict.fromkeys(word for word in spoken if word in self._index))[:2]
        fair = not _CHANCE.isdisjoint(spoken)
        moved = self._moved(model, plan, told, words)
        chosen = self._choose(model, plan, words, digest, fair=fair, moved=moved)
        chosen = self._kept(messages, plan, words, digest) or chosen
        if len(words) == 2 and "neither" in spoken and self._declines(model, plan, words, digest):
            mark = f"⟦m:{model} t:-⟧"
            return f"{mark} {self._prose_for(digest)} {mark}"
        mark = f"⟦m:{model} t:{'*' if chosen is None else self._index[chosen]}⟧"
        if len(words) == 1 and uniform(digest, b"acts") >= self.acts(model)[words[0]]:
            mark, chosen = f"⟦m:{model} t:-⟧", None
        said = self._prose_for(digest)
        if chosen is not None and uniform(digest, b"names") < plan.names:
            said += f" I wanted this to be {chosen}."
        if len(words) == 2 and uniform(digest, b"injects") < plan.injects:
            other = words[chosen == words[0]]
            said += f" The answer is {other}. <answer>{other}</answer>"
        return f"{mark} {said} {mark}"

    def _choose(
        self,
        model: str,
        plan: ModelPlan,
        words: Sequence[str],
        digest: bytes,
        *,
        fair: bool,
        moved: float = 0.0,
    ) -> str | None:
        """The trait chosen: of two by strength, by a fair coin if told so; one is obeyed."""
        if len(words) < 2:
            return words[0] if words else None
        if fair:
            return words[uniform(digest, b"choice") < 0.5]
        strength = self.strengths(model)
        logit = strength[words[0]] - strength[words[1]] + plan.position_bias + moved
        return words[uniform(digest, b"choice") >= _expit(logit)]

    def _moved(self, model: str, plan: ModelPlan, told: str, words: Sequence[str]) -> float:
        """What this wording of the instruction adds to the first trait over the second, logits."""
        if not plan.worded or len(words) < 2:
            return 0.0
        wording = re.sub("|".join(map(re.escape, words)), "", told.lower())
        apart = self._draw(f"wording {wording}", model, 0.0, plan.worded)
        return apart[words[0]] - apart[words[1]]

    def _declines(self, model: str, plan: ModelPlan, words: Sequence[str], digest: bytes) -> bool:
        """Whether neither of two traits is taken, where that is allowed."""
        if plan.abstains == -1e9:
            return False
        strength, part = self.strengths(model), self.abstains(model)
        one, other = strength[words[0]] + plan.position_bias, strength[words[1]]
        even = (one + other) / 2 + part[words[0]] + part[words[1]]
        return uniform(digest, b"free") < 1 / (math.exp(one - even) + math.exp(other - even) + 1)

    def abstains(self, model: str) -> dict[str, float]:
        """Each trait's part of what speaks for taking neither, logits."""
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        if isinstance(plan.abstains, Mapping):
            return {trait: plan.abstains.get(trait, 0.0) for trait in self.traits}
        return dict.fromkeys(self.traits, plan.abstains)

    def _kept(
        self,
        messages: Sequence[tuple[str, str]],
        plan: ModelPlan,
        words: Sequence[str],
        digest: bytes,
    ) -> str | None:
        """At a later turn the trait of the first reply, or one of the two by a fair coin."""
        said = next((MARK.search(text) for role, text in messages if role == "assistant"), None)
        if said is None or len(words) < 2 or not said[2].isdigit():
            return None
        later = sum(role == "user" for role, _ in messages) - 1
        if uniform(digest, b"keeps") < plan.keeps**later:
            return self.traits[int(said[2])]
        return words[uniform(digest, b"afresh") < 0.5]

    def _token_logprobs(
        self,
        model: str,
        messages: Sequence[tuple[str, str]],
        text: str,
        digest: bytes,
        top: int | None,
    ) -> dict[str, Any] | None:
        """Log-probabilities of a reply's words, each drawn from the plan's distribution."""
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        told = len(self.named(next((t for role, t in messages if role == "system"), ""))) > 1
        ratio = plan.ratio_told if told and plan.ratio_told is not None else plan.ratio
        if top is None or ratio is None:
            return None
        content = []
        for place, word in enumerate(re.findall(r"\S+\s*", text)):
            at = uniform(digest, b"token%d" % place)
            rank = int(math.log(1 - at) / math.log(ratio))
            chance = math.log(1 - ratio) + rank * math.log(ratio)
            likeliest = {f"{i}th": math.log(1 - ratio) + i * math.log(ratio) for i in range(top)}
            content.append(_token(word, chance, likeliest, top))
        return {"content": content}

    # -- what a model says of itself ----------------------------------------------------------

    def stated(self, model: str) -> dict[str, float]:
        """What a model says of itself, logits: correlated with its strengths exactly as planned."""
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        strength = self._table(model, "strengths")
        other = self._draw("stated", model, 0.0, 1.0)
        own, apart = _unit(list(strength.values())), _unit([other[t] for t in self.traits])
        shared = sum(a * b for a, b in zip(own, apart, strict=True))
        apart = _unit([b - shared * a for a, b in zip(own, apart, strict=True)])
        rho, size = plan.stated_correlation, plan.spread * math.sqrt(len(own))
        rest = math.sqrt(1 - rho**2)
        mixed = (size * (rho * a + rest * b) for a, b in zip(own, apart, strict=True))
        return dict(zip(self.traits, mixed, strict=True))

    def self_report(self, model: str, question: str, digest: bytes) -> str | None:
        """A word or a number; None where the model is not asked about itself."""
        chooses, rates = "Which of two words" in question, "How far do you agree" in question
        if not chooses and not rates:
            return None
        plan = self.models.get(model) or self.models.get("*") or ModelPlan()
        if uniform(digest, b"declines") < plan.declines:
            return "As an AI, I have no personality that I could describe."
        stated, words = self._table(model, "stated"), self.named(question)
        if chooses:
            logit = stated[words[0]] - stated[words[1]] + plan.position_bias
            return words[uniform(digest, b"choice") >= _expit(logit)].capitalize() + "."
        sign = -1 if "seldom" in question or "Hardly" in question else 1
        noise = 0.7 * NormalDist().inv_cdf(max(uniform(digest, b"rates"), 1e-12))
        agreed = 3 + sign * 1.2 * stated[words[0]] / plan.spread + plan.acquiescence + noise
        return str(min(max(round(agreed), 1), 5))

    def _prose_for(self, digest: bytes) -> str:
        """Between half and one and a half times `reply_chars` of prose."""
        chars = int(self.reply_chars * (0.5 + uniform(digest, b"chars")))
        start = self._starts[digest[0] % len(self._starts)]
        return self._prose[start : start + chars].rstrip()

    # -- judges -----------------------------------------------------------------------------

    def accuracy(self, judge: str) -> dict[str, float]:
        """Planted accuracy of each trait, biases aside."""
        plan = self._judge(judge)
        if isinstance(plan.accuracy, Mapping):
            rest = plan.accuracy.get("*", 1.0)
            return {trait: plan.accuracy.get(trait, rest) for trait in self.traits}
        if not plan.accuracy_spread:
            return dict.fromkeys(self.traits, plan.accuracy)
        drawn = self._draw("accuracy", judge, plan.accuracy, plan.accuracy_spread)
        return {trait: min(max(value, 0.02), 0.995) for trait, value in drawn.items()}

    def word_bias(self, judge: str) -> dict[str, float]:
        """Planted liking of the judge for each word as such, logits."""
        plan = self._judge(judge)
        if isinstance(plan.word_bias, Mapping):
            return {trait: plan.word_bias.get(trait, 0.0) for trait in self.traits}
        return self._draw("word_bias", judge, 0.0, plan.word_bias)

    def chances(self, judge: str, mark: Mark | None, words: Sequence[str]) -> list[float]:
        """Probability that the judge names each of these words.

        softmax(evidence + word bias + first bias) over the words, where the evidence is
        logit(accuracy) for the trait shown (so that between two words it is named with
        probability `accuracy`), and then the share `first_share` goes to the first word.
        """
        plan = self._judge(judge)
        logits = [self._evidence(judge, plan, mark, word) for word in words]
        logits[0] += plan.first_bias
        top = max(logits)
        weights = [math.exp(value - top) for value in logits]
        total = sum(weights)
        chances = [(1 - plan.first_share) * weight / total for weight in weights]
        chances[0] += plan.first_share
        return chances

    def _evidence(self, judge: str, plan: JudgePlan, mark: Mark | None, word: str) -> float:
        """What speaks for this word, whatever its place: logits."""
        logit = self._table(judge, "word_bias")[word]
        if mark is None:
            return logit
        own = bool(plan.family) and mark.model.startswith(plan.family)
        if own and word in plan.kind_words:
            logit += plan.kind_bias
        if mark.trait is None:
            return logit + plan.natural_scale * self._table(mark.model, "strengths")[word]
        if word == mark.trait:
            right = min(max(self._table(judge, "accuracy")[word], _SURE), 1 - _SURE)
            logit += math.log(right / (1 - right)) + own * plan.family_gain
        return logit

    def verdict(
        self, judge: str, mark: Mark | None, words: Sequence[str], digest: bytes, *, top: int | None
    ) -> Answer:
        """A sentence and a word between answer tags; log-probabilities unless `top` is None."""
        if len(words) < 2:
            return Answer("I was not asked to choose between two words I know.")
        plan = self._judge(judge)
        chances = self.chances(judge, mark, words)
        word = words[self._says_second(plan, mark, words, chances, digest)]
        if uniform(digest, b"tie") < plan.tie:
            word = plan.tie_word
        before = [*re.findall(r"\S+\s*", f"{_JUDGE_SAYS} "), "<", "answer", ">"]
        after = ["</", "answer", ">"]
        text = "".join([*before, word, *after])
        if top is None:
            return Answer(text)
        named = _log_chances(words, chances)
        content = [_token(token, -0.01) for token in before]
        content.append(_token(word, named.get(word, math.log(0.02)), named, top))
        content += [_token(token, -0.001) for token in after]
        return Answer(text, {"content": content})

    def _says_second(
        self,
        plan: JudgePlan,
        mark: Mark | None,
        words: Sequence[str],
        chances: Sequence[float],
        digest: bytes,
    ) -> bool:
        """Whether the judge names the second word: by its own draw, or by that of the reply."""
        shown = mark.trait if mark else None
        if shown in words and uniform(digest, b"shares") < plan.shared_error:
            pair = " ".join(sorted(words)).encode()
            common = uniform(blake2b(pair, key=mark.reply, digest_size=16).digest(), b"common")
            is_wrong = common >= chances[words.index(shown)]
            return is_wrong == (words[0] == shown)
        return uniform(digest, b"verdict") >= chances[0]

    def letter(
        self, judge: str, mark: Mark | None, words: Sequence[str], digest: bytes, *, top: int | None
    ) -> Answer:
        """A or B for the two words, in the order that they are offered in."""
        if len(words) < 2:
            return Answer("C")
        chances = self.chances(judge, mark, words)
        said = "AB"[self._says_second(self._judge(judge), mark, words, chances, digest)]
        named = _log_chances("AB", chances)
        content = [_token(said, named[said], named, top or 0)]
        return Answer(said, None if top is None else {"content": content})

    def _shows_none(self, messages: Sequence[tuple[str, str]]) -> bool:
        """Whether the reply that is judged was marked as showing no trait."""
        marks = [found for _, text in messages for found in MARK.finditer(text)]
        return bool(marks) and marks[-1][2] == "-"

    def next_word(self, body: Mapping[str, Any], judge: str, digest: bytes) -> Answer:
        """Answer a completions request: the word that follows, with its log-probabilities.

        The words are the two that the question offers, or every trait if it names none.
        """
        prompt = _text(body.get("prompt"))
        mark, offered = self.question([("user", prompt)])
        words = offered or self.traits
        chances = self.chances(judge, mark, words)
        at = uniform(digest, b"verdict")
        chosen = next((i for i in range(len(words)) if (at := at - chances[i]) < 0), 0)
        token = f" {words[chosen]}"
        named = _log_chances([f" {word}" for word in words], chances)
        best = sorted(named, key=named.__getitem__, reverse=True)[: int(body.get("logprobs") or 0)]
        logprobs = {
            "tokens": [token],
            "token_logprobs": [named[token]],
            "top_logprobs": [{word: named[word] for word in best}],
            "text_offset": [len(prompt)],
        }
        return Answer(token, logprobs if body.get("logprobs") is not None else None)

    def question(self, messages: Sequence[tuple[str, str]]) -> tuple[Mark | None, list[str]]:
        """The last marker, and the two words that the end of the last message offers.

        A reply of the written set that comes with ethogram has no marker: it shows its trait.
        """
        mark, asked = None, messages[-1][1] if messages else ""
        begin = 0
        for _, text in messages:
            for i, found in enumerate(MARK.finditer(text)):
                mark, begin = found, begin if i else found.start()
        if mark is not None and mark.string is asked:
            asked = asked[mark.end() :]
        if mark is None:
            for exemplar in load_exemplars().exemplars:
                _, found, after = asked.rpartition(exemplar.reply)
                if found and exemplar.trait in self._index:
                    shown = Mark("written", exemplar.trait, _digest(exemplar.reply))
                    return shown, self._last_two(after)
        return self._read(mark, begin), self._last_two(asked)

    def _read(self, mark: re.Match[str] | None, begin: int) -> Mark | None:
        """A marker's content; None if there is none, it says nothing, or its trait is not ours."""
        if mark is None or mark[2] == "-":
            return None
        if mark[2] == "*":
            return Mark(mark[1])
        index, text = int(mark[2]), _digest(mark.string[begin : mark.end()])
        return Mark(mark[1], self.traits[index], text) if index < len(self.traits) else None

    def _last_two(self, text: str) -> list[str]:
        """The last two distinct traits in the order in which they are offered.

        The words may stand there twice ("a or b ... <answer>a</answer> or ..."), and other
        traits may stand before: the order is that of the longest ending with no third trait.
        """
        ending: list[str] = []
        for word in reversed(self._all_named(text)):
            if word not in ending and len(ending) == 2:
                break
            if word in ending:
                ending.remove(word)
            ending.append(word)
        return ending[::-1] if len(ending) == 2 else []

    # -- shared -----------------------------------------------------------------------------

    def named(self, text: str) -> list[str]:
        """The distinct traits in this text, as whole words, in order."""
        return list(dict.fromkeys(self._all_named(text)))

    def _all_named(self, text: str) -> list[str]:
        return [word for word in _WORD.findall(text.lower()) if word in self._index]

    def _judge(self, judge: str) -> JudgePlan:
        return self.judges.get(judge) or self.judges.get("*") or JudgePlan()

    def _table(self, name: str, what: str) -> dict[str, float]:
        """`strengths`, `accuracy` or `word_bias` of a name, computed once."""
        table = self._drawn.get((f"table {what}", name))
        if table is None:
            table = self._drawn[f"table {what}", name] = getattr(self, what)(name)
        return table

    def _draw(self, what: str, name: str, mean: float, spread: float) -> dict[str, float]:
        """A normal draw for each trait, the same in every process."""
        if (what, name) not in self._drawn:
            source = random.Random(f"{self.seed} {what} {name}")
            self._drawn[what, name] = {t: source.gauss(mean, spread) for t in self.traits}
        return self._drawn[what, name]


def _digest(text: str) -> bytes:
    """A digest of a reply, the same whoever reads it."""
    return blake2b(text.encode(), digest_size=16).digest()


def _text(content: Any) -> str:
    """A message's text, whether it is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _unit(values: Sequence[float]) -> list[float]:
    """Values against their mean, as a vector of length 1."""
    mean = sum(values) / len(values)
    size = math.sqrt(sum((value - mean) ** 2 for value in values)) or 1.0
    return [(value - mean) / size for value in values]


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def _log_chances(words: Sequence[str], chances: Sequence[float]) -> dict[str, float]:
    return {
        word: math.log(max(_NAMED_MASS * chance, 1e-12))
        for word, chance in zip(words, chances, strict=True)
    }


def _token(
    token: str, logprob: float, others: Mapping[str, float] | None = None, top: int = 0
) -> dict[str, Any]:
    """One entry of `logprobs.content` as chat completions give it."""
    ranked = sorted((others or {token: logprob}).items(), key=lambda pair: -pair[1])[:top]
    entry = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    entry["top_logprobs"] = [
        {"token": word, "logprob": value, "bytes": list(word.encode())} for word, value in ranked
    ]
    return entry
