"""The words of a request as a reader sees them: without look-alike letters, invisible characters, compatibility forms
and runs of white space. Linear in the length of the text.
"""

import re
import unicodedata

from baton.decide.confusables import BLACK
from baton.decide.disguise import LOOKALIKES, read_as_latin

HEAD_CHARS = 3_000
TAIL_CHARS = 3_000

PLAIN: dict[int, str | None] = {
    **dict.fromkeys([*range(9), *range(14, 32), 127]),
    **dict.fromkeys([9, 11, 12, 13], " "),
}
"""Control characters are dropped, white space within a line becomes a space."""
_ASCII = bytes(32 if 9 <= code <= 13 and code != 10 else code for code in range(128)) + bytes(128)
_DROPPED = bytes([*range(9), *range(14, 32), 127])
"""The same for plain ASCII."""
INVISIBLE_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180E),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE01EF),
)  # fmt: skip
INVISIBLE = frozenset(chr(code) for first, last in INVISIBLE_RANGES for code in range(first, last + 1))
"""Characters that change nothing for a reader and everything for a pattern, bidirectional controls among them."""
RARE: dict[int, str | None] = {
    **PLAIN,
    **BLACK,
    **dict.fromkeys(range(0x80, 0xA0)),
    **dict.fromkeys(map(ord, INVISIBLE)),
    **dict.fromkeys([0x85, 0x2028, 0x2029], "\n"),
}
ACCENTS = frozenset(map(chr, range(0x300, 0x370)))
SUSPECT = LOOKALIKES | ACCENTS | frozenset(map(chr, RARE))

MARKED = re.compile("(?<=[A-Za-z])[\u0300-\u036f]+")
"""Accents upon Latin letters that are no letter of any alphabet together: those would have been composed."""
SPACES = re.compile(" {2,}")
BLANK_LINES = re.compile(r"\n(?: ?\n){2,}")


def normalised(text: str) -> str:
    """What a reader sees is what a pattern sees. Words of other scripts stay what they are."""
    text = text.encode("ascii").translate(_ASCII, _DROPPED).decode("ascii") if text.isascii() else _undisguised(text)
    if "  " in text:
        text = SPACES.sub(" ", text)
    if "\n\n\n" in text or "\n \n" in text:
        text = BLANK_LINES.sub("\n\n", text)
    return text


def visible_length(text: str) -> int:
    """Characters that a reader sees."""
    return len(text) if text.isascii() else len(text) - sum(map(text.count, INVISIBLE.intersection(text)))


def capped(text: str, head: int = HEAD_CHARS, tail: int = TAIL_CHARS) -> str:
    """A long text keeps its head and its tail: instructions stand there."""
    return text if len(text) <= head + tail else f"{text[:head]}\n{text[-tail:]}"


def _undisguised(text: str) -> str:
    letters = set(text)
    if not letters.isdisjoint(INVISIBLE):
        text = text.translate(dict.fromkeys(map(ord, letters & INVISIBLE)))
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
        letters = set(text)
    suspects = letters & SUSPECT
    if suspects <= {"\n"}:
        return text
    if not suspects.isdisjoint(RARE_LETTERS):
        text = text.translate(RARE)
    if not suspects.isdisjoint(ACCENTS):
        text = MARKED.sub("", text)
    return text if suspects.isdisjoint(LOOKALIKES) else read_as_latin(text, letters)


RARE_LETTERS = frozenset(map(chr, RARE))
