"""Words of Latin letters in disguise, read as what they look like; words of other scripts stay what they are.

A word is a disguise when it mixes scripts, or holds look-alikes alone and its script is not at home in the text. The
letters that look like no Latin one tell which scripts are at home.
"""

import re
from collections.abc import Set as AbstractSet

from baton.decide.confusables import ALIKE, NEAR

FOLDED = ALIKE | NEAR
ALIKE_LETTERS = frozenset(map(chr, ALIKE))
LOOKALIKES = frozenset(map(chr, FOLDED))
SCRIPTS = {"Greek": ((0x370, 0x3FF),), "Cyrillic": ((0x400, 0x52F),), "other": ((0x531, 0x58F), (0x13A0, 0x13FF))}
"""Those that have letters of their own and lend some; whatever else lends look-alikes is no script of any text."""
LETTERS = {
    name: frozenset(chr(code) for first, last in ranges for code in range(first, last + 1))
    for name, ranges in SCRIPTS.items()
}
OWN = {name: frozenset(filter(str.isalpha, letters - LOOKALIKES)) for name, letters in LETTERS.items()}
"""Letters like no Latin one: signs of a real text."""
NOWHERE = (LOOKALIKES - frozenset().union(*LETTERS.values())) | frozenset("ѕһԁԛԝӏѵҫүԍЅҺԌԚԜӀҮҪ")
"""Look-alikes of no script, and those Cyrillic ones that no larger language writes."""


def _class(letters: AbstractSet[str]) -> str:
    return f"[{''.join(sorted(letters))}]"


LATIN = "[A-Za-z0-9_\u00c0-\u024f]"
LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f]")
MIXED = (
    re.compile(f"{LATIN}(?={_class(LOOKALIKES)})"),
    re.compile(f"(?<={_class(LOOKALIKES)}){LATIN}"),
    re.compile("[\u0370-\u03ff](?=[\u0400-\u052f])|(?<=[\u0400-\u052f])[\u0370-\u03ff]"),
)
WITH_LOOKALIKE = re.compile(rf"\b[^\W{''.join(sorted(LOOKALIKES))}]*+{_class(LOOKALIKES)}\w*+")
ACRONYM = re.compile(rf"\b{_class(frozenset(filter(str.isupper, ALIKE_LETTERS)))}{{3,}}\b")
LATIN_LETTERS = frozenset(filter(str.isalpha, map(chr, range(0x250))))
NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())
MOSTLY, WHOLLY = 3, 20
"""So many letters that are or look Latin, for each of another script that does not, make a text a Latin one.

In Russian and Greek it is 0.8 to 2 of them; in a text that is half English, about 5.
"""


def read_as_latin(text: str, letters: AbstractSet[str]) -> str:
    """`letters`: the distinct characters of the text, with a look-alike among them."""
    home = {name for name, own in OWN.items() if not letters.isdisjoint(own)}
    if not home:
        return WITH_LOOKALIKE.sub(lambda hit: hit.group().translate(FOLDED), text)
    strange = any(not letters.isdisjoint(LETTERS[name] & LOOKALIKES) for name in OWN.keys() - home)
    strange = strange or not letters.isdisjoint(NOWHERE)
    several = len(home) > 1 or strange or not letters.isdisjoint(LATIN_LETTERS)
    share = _latin_share(text, letters) if several else 0.0
    mixed = several and any(form.search(text) for form in MIXED)
    acronym = share <= MOSTLY and ACRONYM.search(text) is not None and not text.isupper()
    if not (strange or mixed or share > MOSTLY or acronym):
        return text
    return WITH_LOOKALIKE.sub(_Reader(home, share, mixed=mixed, acronym=acronym).read, text)


def _latin_share(text: str, letters: AbstractSet[str]) -> float:
    """Letters that are or look Latin, for each that is at home in another script."""
    own = sum(text.count(letter) for letters_ in OWN.values() for letter in letters & letters_)
    latin = len(text.encode("ascii", "ignore").translate(None, NO_LETTERS))
    return (latin + sum(map(text.count, letters & ALIKE_LETTERS))) / own


class _Reader:
    def __init__(self, home: AbstractSet[str], share: float, *, mixed: bool, acronym: bool) -> None:
        self._home, self._acronym = home, acronym
        self._latin, self._disguised = share > MOSTLY, mixed and share > WHOLLY

    def read(self, hit: re.Match[str]) -> str:
        word = hit.group()
        return word.translate(FOLDED) if self._is_disguise(word) else word

    def _is_disguise(self, word: str) -> bool:
        if LATIN_LETTER.search(word):
            return True
        letters = set(filter(str.isalpha, word))
        scripts = {name for name, own in LETTERS.items() if not letters.isdisjoint(own)}
        if len(scripts) != 1 or not letters <= LOOKALIKES:
            return len(scripts) != 1
        if not scripts <= self._home or not letters.isdisjoint(NOWHERE):
            return True
        if self._latin:
            # Where other words are disguised, so is this one; else it may be quoted, unless none can tell it apart.
            return self._disguised or letters <= ALIKE_LETTERS
        return self._acronym and ACRONYM.fullmatch(word) is not None
