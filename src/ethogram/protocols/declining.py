"""Texts that decline to describe oneself, in the languages of the bundled prompts and some more.

Looked for only where no answer can be read: a model that says "I am only a language model: 4" has
answered.
"""

from __future__ import annotations

import re
import unicodedata

SEARCHED = 1000  # characters; a model that declines says so at once

_DECLINES = {
    "en": (
        r"\bas an? (?:\w+ ){0,2}(?:ai|a\.i\.|artificial intelligence|language model|llm|machine)\b",
        r"\bi(?:['’]m| am) (?:just |only |merely |simply )?an? (?:\w+ ){0,2}"
        r"(?:ai|language model|llm|machine|program|computer)\b",
        r"\bi (?:really )?(?:don['’]t|do not|lack|have no|haven['’]t)(?: \w+){0,3} "
        r"(?:personalit(?:y|ies)|feelings?|emotions?|opinions?|preferences?|beliefs?|consciousness|"
        r"identity|traits?|self\b|sel(?:f|ves)|experiences?|character|views?)",
        r"\b(?:i )?(?:can['’]t|can ?not|could not|couldn['’]t|am unable|['’]m unable|am not able|"
        r"['’]m not able|won['’]t|will not|would rather not|['’]d rather not|prefer not|"
        r"['’]d prefer not|decline|must decline|have to decline|refuse)\b",
        r"\bi(?:['’]m| am) (?:so |very )?sorry\b|^\W*sorry\b|\bi apologi[sz]e\b",
        r"\b(?:is|are|does)(?:n['’]t| not) (?:really )?apply\b",
        r"\bnot (?:applicable|meaningful|appropriate)\b|^\W*n/a\W*$",
        r"\bno (?:personal opinions?|personality|feelings)\b",
    ),
    "de": (
        r"\bals (?:eine? )?(?:ki|künstliche intelligenz|sprachmodell|maschine)\b",
        r"\bich habe keine?n? ",
        r"\bich (?:kann|möchte|will|werde)\b.{0,60}\bnicht\b|\bes tut mir leid\b",
    ),
    "fr": (
        r"\ben tant qu[e'’] ?(?:une? )?(?:ia|intelligence artificielle|mod[èe]le)",
        r"\bje n['’]ai pas d|\bje ne (?:peux|suis|saurais|souhaite)\b.{0,20}\b(?:pas|répondre)\b",
        r"\bje suis désolé|^\W*désolé",
    ),
    "es": (
        r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo)\b",
        r"\bno tengo (?:\w+ )?(?:personalidad|sentimientos|opiniones|emociones|preferencias)",
        r"\bno (?:puedo|podría|me es posible)\b|\blo siento\b",
    ),
    "pt": (
        r"\bcomo (?:uma? )?(?:ia|inteligência artificial|modelo)\b",
        r"\bnão (?:tenho|possuo) |\bnão (?:posso|consigo)\b|\bdesculp[ea]|\bsinto muito\b",
    ),
    "it": (
        r"\b(?:come|in quanto) (?:una? |un['’])?(?:ia|ai|intelligenza artificiale|modello)\b",
        r"\bnon (?:ho|possiedo) |\bnon (?:posso|sono in grado)\b|\bmi dispiace\b",
    ),
    "nl": (
        r"\bals (?:een )?(?:ai|taalmodel|kunstmatige intelligentie)\b",
        r"\bik heb geen |\bik kan\b.{0,60}\bniet\b|\bhet spijt me\b",
    ),
    "pl": (r"\bjako (?:ai|sztuczna inteligencja|model)\b", r"\bnie (?:mam|mogę|posiadam)\b"),
    "tr": (r"yapay zek[aâ]|dil modeli", r"\büzgünüm\b|\b\w+(?:amam|emem)\b"),
    "ru": (
        r"\bкак (?:ии|искусственный|языковая|языковой)",
        r"\bу меня нет |\bя не (?:могу|имею)\b|\bизвините\b|\bк сожалению\b",
    ),
    "zh": (
        r"作为.{0,8}(?:ai|人工智能|语言模型|助手)",
        r"我(?:没有|沒有|无法|無法|不能|不会|不會)|抱歉|对不起",
    ),
    "ja": (
        r"(?:ai|人工知能|言語モデル)(?:です|として|なので|である)",
        r"できません|ありません|持っていません|申し訳",
    ),
    "ko": (r"(?:ai|인공지능|언어 ?모델)(?:로서|이므로|입니다|이기)", r"없습니다|수 없어|죄송"),
    "vi": (
        r"là (?:một )?(?:ai|mô hình|trí tuệ)",
        r"không (?:thể|có (?:tính cách|cảm xúc))|xin lỗi",
    ),
    "id": (
        r"\bsebagai (?:sebuah )?(?:ai|model|kecerdasan)",
        r"\btidak (?:bisa|dapat|memiliki)\b|\bmaaf\b",
    ),
    "ar": (r"كنموذج|كذكاء|بصفتي", r"لا (?:أستطيع|يمكنني|أملك)|ليس لدي|عذر|آسف"),
    "fa": (r"به عنوان یک (?:هوش|مدل)", r"نمی‌?توانم|ندارم|متأسفم|متاسفم"),
    "hi": (r"(?:एक )?(?:एआई|भाषा मॉडल)", r"नहीं (?:कर|दे|बता) सकता|मेरे पास .{0,30}नहीं|क्षमा"),
}
"""By language: phrases that say that the speaker is no one to be asked, has none of it, or will
not answer. Written for ethogram after replies of instruction-tuned models."""

_ANY = re.compile("|".join(one for those in _DECLINES.values() for one in those), re.MULTILINE)


def find_decline(text: str) -> str:
    """Return the phrase in which a text declines to describe its speaker; "" where it does not."""
    found = _ANY.search(unicodedata.normalize("NFKC", text[:SEARCHED]).casefold())
    return " ".join(found[0].split())[:60] if found else ""
