"""What a text claims that can be traced without understanding it: numbers, dates, quotes, names, addresses.

A claim is traced when the same value stands in the evidence: 1,200.50 is 1200.5, 31 January 2026 is 2026-01-31. What is
claimed in other words than these is not found here, and has to be checked by whoever wrote the contract.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from baton.check.spoken import DAYS_OF_MONTH, MONTHS, NUMBER_WORDS, without_thousands

Kind = Literal["number", "date", "quote", "name", "address"]


class Claim(Struct, frozen=True):
    """`value` is what is compared; `start` and `end` are characters of the text that it was found in."""

    kind: Kind
    text: str
    value: str
    start: int
    end: int


_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]{}|]+|\b[\w.+-]+@[\w-]+\.[\w.-]*\w")
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s+(?:of\s+|de\s+)?(?P<n>{_MONTH})\.?,?\s+(?:de\s+)?(?P<y>\d{{4}})\b",
               re.IGNORECASE),
    re.compile(rf"\b(?P<n>{_MONTH})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})\b", re.IGNORECASE),
    re.compile(r"\b(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})\b"),
)  # fmt: skip
_QUOTE = re.compile(
    r"\"([^\"\n]{2,400})\"|\u201c([^\u201d\n]{2,400})\u201d"
    r"|\u201e([^\u201c\u201d\n]{2,400})[\u201c\u201d]|\u00ab\s?([^\u00bb\n]{2,400}?)\s?\u00bb"
)
_NUMBER = re.compile(
    r"(?<![\w.,])[-\u2212]?(?:\d{1,3}(?:[\u00a0\u202f\u2009 ]\d{3})+(?!\d)(?:[.,]\d+)?|\d[\d.,]*\d|\d)(?![\d])"
)
_ENUMERATED = re.compile(r"^[ \t]*(?:[-*\u2022]\s*)?\(?\d{1,3}[.)][ \t]", re.MULTILINE)
"""The number of an item of a list says nothing."""
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*(?!\w)")
_SENTENCE_END = re.compile(r"(?:^|[.!?:;\n\"\u201c(*#>|-])\s*$")
GERMAN = frozenset(
    ("der", "die", "das", "und", "ist", "sind", "nicht", "ein", "eine", "mit", "auf", "von",
     "dem", "den", "für", "im", "wird", "werden")
)  # fmt: skip
"""Where two of these stand, every noun has a capital: it does not mark a name."""


class Evidence:
    """What claims are traced to: texts that are verified, or were said by the one who asked."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._values: set[tuple[Kind, str]] = set()
        folded = []
        for text in texts:
            folded.append(compared(text))
            self._values.update((claim.kind, claim.value) for claim in claims_of(text))
        self._text = "\n".join(folded)

    def traces(self, claim: Claim) -> bool:
        if claim.kind in {"number", "date"}:
            return (claim.kind, claim.value) in self._values
        if claim.kind == "address":
            return (claim.kind, claim.value) in self._values or stands_in(claim.value, self._text)
        return stands_in(claim.value, self._text)


def untraced(text: str, evidence: Evidence) -> tuple[Claim, ...]:
    """The claims of a text that stand nowhere in the evidence, in their order."""
    return tuple(claim for claim in claims_of(text) if not evidence.traces(claim))


def claims_of(text: str) -> tuple[Claim, ...]:
    """Each stretch of the text is one claim at most: the digits of a date are no numbers."""
    text = unicodedata.normalize("NFC", text)
    taken = bytearray(len(text))  # 1 where a character belongs to a claim already
    for found in _ENUMERATED.finditer(text):
        taken[found.start() : found.end()] = b"\1" * (found.end() - found.start())
    claims: list[Claim] = []
    for finder in (_addresses, _dates, _numbers):
        for claim in finder(text):
            if not any(taken[claim.start : claim.end]):
                taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
                claims.append(claim)
    for claim in _quotes(text):
        taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
        claims.append(claim)
    claims += _names(text, taken)
    return tuple(sorted(claims, key=lambda claim: (claim.start, claim.end)))


def compared(text: str) -> str:
    """NFKC, case folded, one kind of quote and dash, runs of white space as one space."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    return " ".join(folded.split())


_ALIKE = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032`\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-"),
    0xAD: None, 0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None,
}  # fmt: skip


def stands_in(piece: str, text: str) -> bool:
    """Whole words only; both as `compared` gives them. An empty piece stands nowhere."""
    if not piece:
        return False
    start = text.find(piece)
    while start >= 0:
        end = start + len(piece)
        open_left = start == 0 or not (text[start - 1].isalnum() and piece[0].isalnum())
        open_right = end == len(text) or not (text[end].isalnum() and piece[-1].isalnum())
        if open_left and open_right:
            return True
        start = text.find(piece, start + 1)
    return False


def _addresses(text: str) -> Iterator[Claim]:
    for found in _ADDRESS.finditer(text):
        said = found[0].rstrip(".,;:!?")
        yield Claim("address", said, compared(said).rstrip("/"), found.start(), found.start() + len(said))


def _dates(text: str) -> Iterator[Claim]:
    for pattern in _DATES:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = int(parts["m"]) if parts.get("m") else MONTHS[parts["n"].casefold()]
            day = int(parts["d"])
            if 1 <= month <= 12 and 1 <= day <= DAYS_OF_MONTH[month - 1]:
                value = f"{int(parts['y']):04d}-{month:02d}-{day:02d}"
                yield Claim("date", found[0], value, found.start(), found.end())


def _numbers(text: str) -> Iterator[Claim]:
    for found in _NUMBER.finditer(text):
        said = found[0].rstrip(".,")
        value = number_of(said)
        if value is not None:
            yield Claim("number", said, value, found.start(), found.start() + len(said))
    for found in _WORD.finditer(text):
        word = NUMBER_WORDS.get(found[0].casefold())
        if word is not None:
            yield Claim("number", found[0], str(word), found.start(), found.end())


def number_of(said: str) -> str | None:
    """The shortest decimal text of a number that is written with or without separators; None where it is none."""
    plain = re.sub(r"[\u00a0\u202f\u2009 ]", "", said).replace("\u2212", "-")
    try:
        value = float(without_thousands(plain))
    except ValueError:
        return None
    return f"{value:.15g}"


def _quotes(text: str) -> list[Claim]:
    found = []
    for quote in _QUOTE.finditer(text):
        said = next(part for part in quote.groups() if part is not None)
        value = compared(said).strip(" .,;:!?")
        if value:
            found.append(Claim("quote", said, value, quote.start(), quote.end()))
    return found


def _names(text: str, taken: bytearray) -> list[Claim]:
    """Words with a capital that do not begin a sentence, joined where they stand side by side."""
    words = [found for found in _WORD.finditer(text) if not _begins(text, found.start())]
    if len(GERMAN.intersection(found[0] for found in words)) > 1:
        return []
    capital = [found for found in words if found[0][0].isupper()]
    runs: list[list[re.Match[str]]] = []
    for found in capital:
        if runs and text[runs[-1][-1].end() : found.start()] == " ":
            runs[-1].append(found)
        else:
            runs.append([found])
    names = []
    for run in runs:
        start, end = run[0].start(), run[-1].end()
        value = compared(text[start:end])
        if len(value) > 1 and not any(taken[start:end]):
            names.append(Claim("name", text[start:end], value, start, end))
    return names


def _begins(text: str, start: int) -> bool:
    return _SENTENCE_END.search(text[max(0, start - 12) : start]) is not None
