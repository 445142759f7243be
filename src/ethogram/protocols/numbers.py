"""One number from 1 to 5 in an answer that was to be that number and nothing else.

Strict: a range, a half, another scale, two numbers, or a number that its own words contradict is no
answer. Digits may be of any script, and the words of numbers of some languages are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from ethogram.engine.thoughts import strip_tokens

LEAST, MOST = 1, 5

_WORDS = {  # one to five
    "en": "one two three four five",
    "de": "eins zwei drei vier fünf",
    "fr": "un deux trois quatre cinq",
    "es": "uno dos tres cuatro cinco",
    "pt": "um dois três quatro cinco",
    "it": "uno due tre quattro cinque",
    "nl": "een twee drie vier vijf",
    "pl": "jeden dwa trzy cztery pięć",
    "tr": "bir iki üç dört beş",
    "ru": "один два три четыре пять",
    "zh": "一 二 三 四 五",
    "ko": "일 이 삼 사 오",
    "vi": "một hai ba bốn năm",
    "id": "satu dua tiga empat lima",
    "ar": "واحد اثنان ثلاثة أربعة خمسة",
    "fa": "یک دو سه چهار پنج",
    "hi": "एक दो तीन चार पांच",
}
_VALUES = {word: n for words in _WORDS.values() for n, word in enumerate(words.split(), 1)}

_OF = r"(?:/|out of|of|von|sur|de|di|van|из|na|dari|trên)"
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9.,])(?<![A-Za-z]-)(?P<value>[-+]?\d+(?:[.,]\d+)?)(?![A-Za-z0-9%])"
    rf"(?:\s*{_OF}\s*(?P<most>\d+)(?![\d.,]\d))?"
)
_RANGE = re.compile(
    r"\d\s*(?:[-–—~/&]|to|or|and|bis|oder|und|à|ou|et|o|y|e|of|или|и|lub|至|到|か|から)\s*\d"
)
_SCALE = re.compile(
    r"(?:,?\s*\bon (?:a|the|this) scale(?: of)?\s+)?\b(?:from\s+|von\s+|de\s+|da\s+|от\s+)?"
    r"1\s*(?:[-–—~]|to|through|bis|à|a|al|до|至|到)\s*5\b"
)
_LEGEND = re.compile(r"\b[1-5]\s*=\s*[^\W\d][^,;.\n\d]*")
_KEYCAP = "\ufe0f\u20e3"  # what makes a digit an emoji
_MARKUP = re.compile(r"[*`#_]|\\(?:boxed|text\w*)\s*\{|\\[()\[\]]|</?\w{1,12}>")
_IN_WORDS = re.compile(
    r"\W*([^\W\d]+)(?: out of (?:five|5))?[\s.!\"'”’»)\]。！]*(?:[-–—:=(（\[][^\d\n]*)?"
)
_LABEL = (
    r"\b(?:answer|rating|score|response|number|agreement|level|antwort|bewertung|zahl|réponse|note|"
    r"respuesta|puntuación|número|risposta|punteggio|resposta|nota|antwoord|odpowiedź|ответ|оценка)"
    r"[\"'”’)\]]{0,2}\s*(?:[:=]|is|would be|ist|est|es|è|é|будет)\s*[\"'“‘(\[{]{0,2}"
)
_CJK_LABEL = r"(?:答案|回答|评分|評価|答え|점수|답변|답)\s*(?:[:：]|是|为|は|은|는)?\s*"
_SAYS = (
    r"\bi(?:['’]d| would)? (?:say|rate|choose|pick|give|answer|go with|select|respond)"
    r"(?: [a-z']+){0,3}?[: ]+(?:an? )?"
)
_LEADS = re.compile(rf"(?:{_LABEL}|{_CJK_LABEL}|{_SAYS})\Z")
_FOLLOWS = re.compile(
    r"\s*(?:\Z|\n|[.)\]}:,;!。，！、\"'”’]|[-–—(（\[=]|(?:strongly|somewhat|slightly|mostly|tend|dis|"
    r"agree|neither|neutral|points?\b|分|点|점|because\b|since\b|as\b))"
)
_ENDS = re.compile(
    r"(?:\s*(?:分|点|점|points?\b))?[\s.)\]}!。\"'”’]*(?:[-–—:=(（\[]\s*[^\d\n]{1,40})?\Z"
)
_OPENS = re.compile(r"(?:\A|[\n.!?:。！？：])[\s\"'“‘(\[{]*\Z")
_AGREES = re.compile(
    r"[\s\"'”’.)\]]*[-–—:=,(（\[]?\s*(?:i\s+)?"
    r"(?:(?:strongly|somewhat|slightly|mostly|completely|partly|tend to)\s+)*(?P<word>disagree|"
    r"agree|neither|neutral)"
)


class Number(NamedTuple):
    """What an answer says; `reason` says why no number could be read, "" where one was."""

    value: int | None
    reason: str = ""


class _Found(NamedTuple):
    """A number in a text: what it says, where it ends, and whether it stands as an answer."""

    said: str
    most: str
    end: int
    labelled: bool
    placed: bool


def parse_number(text: str) -> Number:
    """Read a number from `LEAST` to `MOST`, strictly.

    It opens or ends the text, or a label leads to it ("Answer: 4", "I would say 4"); "4/5" and "4
    out of 5" are 4. Without a label no other number may stand in the text.
    """
    text = _tidy(text)
    in_words = _IN_WORDS.fullmatch(text)
    if in_words and in_words[1] in _VALUES:
        return _checked(str(_VALUES[in_words[1]]), "", text, in_words.end(1))
    found = list(_numbers(text))
    answers = [one for one in found if one.labelled] or [one for one in found if one.placed]
    alone = _NUMBER.sub(lambda match: match["value"], text)  # 4/5 is 4 of 5
    if _RANGE.search(alone) and not any(one.labelled for one in found):
        return Number(None, f"more than one number: {text[:60]!r}")
    if not answers:
        return Number(None, f"no number in the place of an answer: {text[:60]!r}")
    rivals = answers if answers[0].labelled else found
    if len({(one.said, one.most or str(MOST)) for one in rivals}) > 1:
        said = ", ".join(dict.fromkeys(one.said for one in rivals))
        return Number(None, f"more than one number: {said[:60]}")
    return _checked(answers[0].said, answers[0].most, text, answers[0].end)


def _tidy(text: str) -> str:
    """Write digits of every script alike; take off marks, invisible signs and the scale itself."""
    text = unicodedata.normalize("NFKC", strip_tokens(text)).replace("\u2212", "-").casefold()
    text = "".join(ch for ch in text if unicodedata.category(ch) != "Cf" and ch not in _KEYCAP)
    lines = (" ".join(line.split()) for line in text.splitlines())  # long gaps cost a search each
    text = "\n".join(line for line in lines if line)
    text = "".join(str(unicodedata.decimal(ch)) if ch.isdecimal() else ch for ch in text)
    text = _SCALE.sub("", _MARKUP.sub("", text))
    if len(_LEGEND.findall(text)) > 1:
        text = _LEGEND.sub("", text)
    return text.strip()


def _numbers(text: str) -> Iterator[_Found]:
    """Yield the numbers of a text, each with its place."""
    opening = re.search(r"\w", text)
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        before = text[max(0, start - 80) : start]
        opens = opening is not None and start <= opening.start() and _FOLLOWS.match(text, end)
        ends = _ENDS.match(text, end) and _OPENS.search(before)
        labelled = _LEADS.search(before) is not None
        yield _Found(match["value"], match["most"] or "", end, labelled, bool(opens or ends))


def _checked(said: str, most: str, text: str, end: int) -> Number:
    """Take a number that is on the scale, and that the words after it do not contradict."""
    if most and int(most) != MOST:
        return Number(None, f"rates out of {most}, not {MOST}")
    value = float(said.replace(",", "."))
    if value != round(value) or not LEAST <= value <= MOST:
        return Number(None, f"answered {said}, expected a whole number from {LEAST} to {MOST}")
    label = _AGREES.match(text, end)
    middle = (LEAST + MOST) / 2
    means = {"disagree": -1, "agree": 1}.get(label["word"], 0) if label else None
    if means is not None and means != (value > middle) - (value < middle):
        return Number(None, f"the number and its words differ: {text[:60]!r}")
    return Number(int(value))
