"""What the caller wants kept in an answer: read from his words where they are plain, and held against the text.

`judged` constraints are not looked at here: they need a model.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

import msgspec

from baton.check.claims import compared, stands_in
from baton.types.plan import Constraint, ConstraintKind

_QUOTED = r"[\"\u201c\u201e'\u2018]([^\"\u201d\u201c'\u2019\n]{1,120})[\"\u201d\u201c'\u2019]"
LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl",
    "portuguese": "pt", "russian": "ru", "chinese": "zh", "japanese": "ja", "arabic": "ar", "korean": "ko",
}  # fmt: skip
_FORMS = {
    "json": r"json",
    "iso_dates": r"iso(?:[- ]8601)?[- ]dates?|yyyy-mm-dd",
    "one_line": r"one line|a single line",
    "bullets": r"bullet points?|a bulleted list",
}
_READERS: tuple[tuple[ConstraintKind, re.Pattern[str]], ...] = (
    ("max_words", re.compile(r"\b(?:at most|no more than|not more than|max(?:imum)?(?: of)?|up to|within|under) "
                             r"(\d{1,5}) words\b", re.IGNORECASE)),
    ("language", re.compile(rf"\b(?:answer|reply|respond|write|written)\b[^.\n]{{0,40}}? in ({'|'.join(LANGUAGES)})\b",
                            re.IGNORECASE)),
    ("avoids", re.compile(rf"\b(?:do not|don't|never|without) (?:use|using|mention|mentioning|say|saying|naming|name)"
                          rf"(?: the)?(?: words?)? {_QUOTED}", re.IGNORECASE)),
    ("includes", re.compile(rf"(?<!not )(?<!n't )(?<!never )\b(?:include|mention|name|contain)(?: the)?(?: words?)? "
                            rf"{_QUOTED}", re.IGNORECASE)),
    ("one_of", re.compile(r"\b(?:answer|reply|respond)[^.\n]{0,30}? (?:with )?(?:exactly )?one of:? "
                          r"([^.\n]{1,200})", re.IGNORECASE)),
)  # fmt: skip
_LETTERS: dict[str, tuple[str, ...]] = {
    "ru": ("CYRILLIC",), "zh": ("CJK",), "ja": ("HIRAGANA", "KATAKANA"), "ar": ("ARABIC",), "ko": ("HANGUL",),
}  # fmt: skip
_STOPWORDS = {
    "en": "the of and to in is that it for was on are with as his they at be this from have or by not but which a an",
    "de": "der die das und ist nicht ein eine mit auf von dem den im wird zu sich des auch als aus bei sind für es",
    "fr": "le la les des et est une un dans que qui pour pas sur avec au ce il elle sont plus par ne se du",
    "es": "el la los las de y es una un en que por con para no se su al lo como más pero del son está",
    "it": "il lo la gli le di e è una un che per con non si del della sono nel alla più come anche questo dei",
    "nl": "de het een en van is dat niet in op te met voor zijn er aan door ook als maar bij naar uit worden om",
    "pt": "o a os as de e é uma um em que por com para não se do da no na mais como são ao dos pelo",
}
_STOPWORD_SETS = {name: frozenset(words.split()) for name, words in _STOPWORDS.items()}
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
OTHER_DATE = re.compile(r"\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}\.? ?[A-Z][a-z]{2,8} \d{4}\b|"
                        r"\b[A-Z][a-z]{2,8} \d{1,2},? \d{4}\b")  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\d[\d.,]*")


def constraints_of(request: str) -> tuple[Constraint, ...]:
    """Those that are said plainly: lengths, languages, forms, words to use or to avoid, answers to choose from."""
    found: list[Constraint] = []
    for kind, reader in _READERS:
        for match in reader.finditer(request):
            values = _values(kind, match[1])
            if values:
                found.append(Constraint(f"r{len(found) + 1}", match[0].strip(), kind, values))
    for form, words in _FORMS.items():
        said = re.search(rf"\b(?:as|in|on|use|with|only)(?: an?| valid| plain)? (?:{words})\b", request, re.IGNORECASE)
        if said is not None:
            found.append(Constraint(f"r{len(found) + 1}", said[0].strip(), "format", (form,)))
    return tuple(found)


def broken(text: str, constraints: Iterable[Constraint]) -> list[Constraint]:
    """Those that the text does not keep; `judged` ones are passed over."""
    return [one for one in constraints if one.kind != "judged" and not keeps(text, one)]


def keeps(text: str, one: Constraint) -> bool:
    """What cannot be checked is not kept: an unknown form or language, a limit that is no number."""
    return bool(one.value) and one.kind in _KEEPS and _KEEPS[one.kind](text, one.value)


def _includes(text: str, pieces: tuple[str, ...]) -> bool:
    folded = compared(text)
    return all(stands_in(compared(piece), folded) for piece in pieces)


def _avoids(text: str, pieces: tuple[str, ...]) -> bool:
    folded = compared(text)
    return not any(stands_in(compared(piece), folded) for piece in pieces)


def _is_one_of(text: str, choices: tuple[str, ...]) -> bool:
    return compared(text).strip(" .!\"'") in {compared(choice) for choice in choices}


def _is_short(text: str, limits: tuple[str, ...]) -> bool:
    return all(limit.isdigit() and len(text.split()) <= int(limit) for limit in limits)


def _has_forms(text: str, forms: tuple[str, ...]) -> bool:
    return all(form in _FORM_CHECKS and _FORM_CHECKS[form](text) for form in forms)


def _values(kind: ConstraintKind, said: str) -> tuple[str, ...]:
    if kind == "language":
        return (LANGUAGES[said.lower()],)
    if kind == "one_of":
        pieces = re.split(r",| or |/|;", said)
        return tuple(piece.strip(" '\"\u201c\u201d") for piece in pieces if piece.strip(" '\"\u201c\u201d"))
    return (said.strip(),)


def _speaks(text: str, language: str) -> bool:
    """By its letters or its commonest words; numbers and very short texts speak every language of their letters."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return True
    if language in _LETTERS:
        wanted = _LETTERS[language]
        return sum(unicodedata.name(char, "").startswith(wanted) for char in letters) * 2 >= len(letters)
    if language not in _STOPWORD_SETS:
        return False
    if sum(unicodedata.name(char, "").startswith("LATIN") for char in letters) * 2 < len(letters):
        return False
    words = [word.casefold() for word in _WORDS.findall(text)]
    counts = {name: sum(word in known for word in words) for name, known in _STOPWORD_SETS.items()}
    best = max(counts.values())
    return counts[language] == best


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text.strip())
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _has_bullets(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(re.match(r"\s*(?:[-*\u2022]|\d+[.)])\s", line) for line in lines)


_FORM_CHECKS: dict[str, Callable[[str], bool]] = {
    "json": _is_json,
    "iso_dates": lambda text: OTHER_DATE.search(text) is None,
    "one_line": lambda text: "\n" not in text.strip(),
    "bullets": _has_bullets,
}
_KEEPS: dict[ConstraintKind, Callable[[str, tuple[str, ...]], bool]] = {
    "includes": _includes,
    "avoids": _avoids,
    "max_words": _is_short,
    "one_of": _is_one_of,
    "language": lambda text, languages: all(_speaks(text, language) for language in languages),
    "format": _has_forms,
}
