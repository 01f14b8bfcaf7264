"""What is read from the text of a prompt: hashed word 1-2-grams, and its surface in some twenty numbers.

Deterministic over processes and machines. Reads the head and the tail of a long text, so that its cost has a bound.
What is wrapped around the task is left out. The text comes normalised (`decide/text.py`).
"""

import re
from math import log1p
from zlib import crc32

from msgspec import Struct

from baton.decide.wrapper import unwrapped

VERSION = "1"
"""Changes with whatever changes a bucket or a surface number: weights fit the version they were trained with."""

READING = "2"
"""The same of `read`, which leaves out what is wrapped around a task."""

BITS = 16
"""2**BITS buckets."""

HEAD_CHARS, TAIL_CHARS = 2_600, 1_400
"""What is read of a longer text."""

WIDE = 2
"""Bytes per character of a script that says as much in fewer characters: as many times less of it is read."""

HEAD_WORDS, TAIL_WORDS = 520, 280
"""What is read of more words: an ideograph is a word."""

SURFACE = (
    "characters", "words", "word_length", "digits", "numbers", "capitals", "foreign", "lines", "options", "questions",
    "sentences", "commas", "quotes", "brackets", "blanks", "backslashes", "dollars", "operators", "code", "negations",
    "repeats",
)  # fmt: skip
"""Names of the surface numbers, in order. Counts are log(1 + count), shares 0..1."""


class Features(Struct, frozen=True, gc=False):
    """`buckets`: the distinct n-grams, each 0..2**BITS-1. `length`: of the whole text, in characters."""

    buckets: frozenset[int]
    surface: tuple[float, ...]
    length: int


_FOLDED = bytes(
    ord("0") if chr(code).isdigit() else ord(chr(code).lower()) if chr(code).isalnum() or code in b"_" else 32
    for code in range(128)
) + bytes(range(128, 256))
"""ASCII as words see it: small letters, every digit a 0, all else a space."""

_CAPITALS = bytes(range(ord("A"), ord("Z") + 1))
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_OPTION = re.compile(rb"^ ?\(?[A-Ha-h1-9][.):]", re.MULTILINE)
_NEGATIONS = frozenset((b"not", b"no", b"never", b"except", b"without", b"neither", b"least", b"false", b"cannot"))
_MASK = (1 << BITS) - 1


def read(text: str, length: int | None = None) -> Features:
    """`length`: of the whole text, where `text` is what is left of it. Never raises; an empty text has no buckets."""
    length = len(text) if length is None else length
    text = unwrapped(_capped(text))
    words = _words(text)
    return Features(_grams(words), _surface(text, words, length), length)


def buckets(text: str) -> frozenset[int]:
    """Those of the whole text, with what is wrapped around a task."""
    return _grams(_words(_capped(text)))


def _grams(words: list[bytes]) -> frozenset[int]:
    hashes = list(map(crc32, words))
    grams = [*hashes, *map(crc32, words[1:], hashes)]  # the code of two words is that of the two written as one
    return frozenset([code & _MASK for code in grams])


def _capped(text: str) -> str:
    text = _ends(text, HEAD_CHARS, TAIL_CHARS)
    if not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > WIDE * len(text):
        text = _ends(text, HEAD_CHARS // WIDE, TAIL_CHARS // WIDE)
    return text


def _ends(text: str, head: int, tail: int) -> str:
    return text if len(text) <= head + tail else f"{text[:head]}\n{text[-tail:]}"


def _words(text: str) -> list[bytes]:
    if text.isascii():
        words = text.encode("ascii").translate(_FOLDED).split()
    else:
        apart = " ".join(_WORD.findall(text.lower()))
        words = apart.encode("utf-8", "surrogatepass").translate(_FOLDED).split()
    if len(words) > HEAD_WORDS + TAIL_WORDS:
        return words[:HEAD_WORDS] + words[-TAIL_WORDS:]
    return words


def _surface(text: str, words: list[bytes], length: int) -> tuple[float, ...]:
    if not words:
        return (0.0,) * len(SURFACE)
    plain = text.encode("utf-8", "surrogatepass")
    count, size = plain.count, len(plain)
    return (
        log1p(length),
        log1p(len(words)),
        size / len(words) / 10,
        plain.translate(_FOLDED).count(b"0") / size,
        log1p(len([word for word in words if word < b"1"])),
        1 - len(plain.translate(None, _CAPITALS)) / size,
        1 - len(text) / size,
        log1p(count(b"\n")),
        log1p(len(_OPTION.findall(plain))),
        log1p(count(b"?")),
        log1p(count(b". ")),
        log1p(count(b",")),
        log1p(count(b'"')),
        log1p(count(b"(")),
        log1p(count(b"__")),
        log1p(count(b"\\")),
        log1p(count(b"$")),
        log1p(count(b"+") + count(b"=") + count(b"*") + count(b"^") + count(b"/") + count(b"<")),
        log1p(count(b"{") + count(b";") + count(b"()") + count(b"def ")),
        log1p(len([word for word in words if word in _NEGATIONS])),
        1 - len(set(words)) / len(words),
    )
