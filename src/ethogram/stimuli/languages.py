"""Names of languages and their ISO 639-1 codes: data sets use either."""

from __future__ import annotations

_CODES = """
af Afrikaans, sq Albanian, am Amharic, ar Arabic, hy Armenian, az Azerbaijani, eu Basque,
be Belarusian, bn Bengali, bs Bosnian, bg Bulgarian, my Burmese, ca Catalan, zh Chinese,
hr Croatian, cs Czech, da Danish, nl Dutch, en English, eo Esperanto, et Estonian, fi Finnish,
fr French, gl Galician, ka Georgian, de German, el Greek, gu Gujarati, ha Hausa, he Hebrew,
hi Hindi, hu Hungarian, is Icelandic, id Indonesian, ga Irish, it Italian, ja Japanese,
kn Kannada, kk Kazakh, km Khmer, ko Korean, ky Kyrgyz, lo Lao, la Latin, lv Latvian,
lt Lithuanian, mk Macedonian, ms Malay, ml Malayalam, mt Maltese, mi Maori, mr Marathi,
mn Mongolian, ne Nepali, no Norwegian, nb Bokmal, nn Nynorsk, ps Pashto, fa Persian, pl Polish,
pt Portuguese, pa Punjabi, ro Romanian, ru Russian, sr Serbian, si Sinhala, sk Slovak,
sl Slovenian, so Somali, st Sotho, es Spanish, sw Swahili, sv Swedish, tl Tagalog, tg Tajik,
ta Tamil, te Telugu, th Thai, tn Tswana, tr Turkish, uk Ukrainian, ur Urdu, uz Uzbek,
vi Vietnamese, cy Welsh, xh Xhosa, yo Yoruba, zu Zulu
"""
_PAIRS = [pair.split() for pair in _CODES.replace("\n", " ").split(",")]
_BY_NAME = {name.casefold(): code for code, name in _PAIRS}
_KNOWN = frozenset(_BY_NAME.values())


def language_code(language: str) -> str:
    """Return the code of a language's name or tag ("English", "en-GB" -> "en").

    What is not known is returned as it is, in lower case.
    """
    plain = language.strip().casefold()
    primary = plain.replace("_", "-").split("-")[0]
    return _BY_NAME.get(plain, primary if primary in _KNOWN else plain)
