"""The words of a request as a reader sees them: without look-alike letters, invisible characters, compatibility forms
and runs of white space. Linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Set as AbstractSet

from baton.decide.confusables import ALIKE, BLACK, NEAR

HEAD_CHARS = 3_000
TAIL_CHARS = 3_000

PLAIN: dict[int, str | None] = {
    **dict.fromkeys([*range(9), *range(14, 32), 127]),
    **dict.fromkeys([9, 11, 12, 13], " "),
}
"""Control characters are dropped, white space within a line becomes a space."""
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
ALIKE_LETTERS = frozenset(map(chr, ALIKE))
LOOKALIKES = ALIKE_LETTERS | frozenset(map(chr, NEAR))
FOLDED = ALIKE | NEAR
ACCENTS = frozenset(map(chr, range(0x300, 0x370)))
SUSPECT = LOOKALIKES | ACCENTS | frozenset(map(chr, RARE))
OTHER_LETTERS = frozenset(
    letter
    for first, last in ((0x370, 0x52F), (0x531, 0x587), (0x13A0, 0x13FF))
    for letter in map(chr, range(first, last + 1))
    if letter.isalpha() and letter not in LOOKALIKES
)
"""Letters of scripts that lend look-alikes, and themselves like no Latin letter: signs of a real text."""

MARKED = re.compile("(?<=[A-Za-z])[\u0300-\u036f]+")
"""Accents upon Latin letters that are no letter of any alphabet together: those would have been composed."""
SPACES = re.compile(" {2,}")
BLANK_LINES = re.compile(r"\n(?: ?\n){2,}")
ANY_LOOKALIKE = f"[{''.join(LOOKALIKES)}]"
LATIN = "[A-Za-z0-9_\u00c0-\u024f]"
LATIN_BEFORE = re.compile(f"{LATIN}(?={ANY_LOOKALIKE})")
LATIN_AFTER = re.compile(f"(?<={ANY_LOOKALIKE}){LATIN}")
WITH_LOOKALIKE = re.compile(rf"\b[^\W{ANY_LOOKALIKE[1:-1]}]*+{ANY_LOOKALIKE}\w*+")
LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f]")
NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())
MOSTLY = 3
"""So many letters that are or look Latin, for each of another script that does not, make a text a Latin one.

In Russian and Greek it is 0.8 to 1.6 of them; in a text that is half English, about 5.
"""


def normalised(text: str) -> str:
    """What a reader sees is what a pattern sees. Words of other scripts stay what they are."""
    text = text.translate(PLAIN) if text.isascii() else _undisguised(text)
    if "  " in text:
        text = SPACES.sub(" ", text)
    if "\n\n\n" in text or "\n \n" in text:
        text = BLANK_LINES.sub("\n\n", text)
    return text


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
    return text if suspects.isdisjoint(LOOKALIKES) else _read_as_latin(text, letters)


RARE_LETTERS = frozenset(map(chr, RARE))


def _read_as_latin(text: str, letters: AbstractSet[str]) -> str:
    """Fold words that mix Latin letters with look-alikes; those of look-alikes only, where the text is a Latin one."""
    other = sum(map(text.count, letters & OTHER_LETTERS))
    latin = len(text.encode("ascii", "ignore").translate(None, NO_LETTERS))
    alike = sum(map(text.count, letters & ALIKE_LETTERS))
    if not other:
        return WITH_LOOKALIKE.sub(lambda hit: hit.group().translate(FOLDED), text)
    if latin + alike > MOSTLY * other:
        return WITH_LOOKALIKE.sub(_folded_unless_real, text)
    if LATIN_BEFORE.search(text) or LATIN_AFTER.search(text):
        return WITH_LOOKALIKE.sub(_folded_where_mixed, text)
    return text


def _folded_where_mixed(hit: re.Match[str]) -> str:
    word = hit.group()
    return word.translate(FOLDED) if LATIN_LETTER.search(word) else word


def _folded_unless_real(hit: re.Match[str]) -> str:
    word = hit.group()
    if LATIN_LETTER.search(word) or all(letter in ALIKE_LETTERS for letter in word if letter.isalpha()):
        return word.translate(FOLDED)
    return word
