"""The words of one request, in the forms in which the steps of a decision read them; each is made once, if at all."""

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from baton.decide.quoted import trusted
from baton.decide.text import normalised
from baton.types.request import Facts

T = TypeVar("T")

CODE_FENCE = "```"
CLOSING = "</"
WORD = re.compile(r"\w+")
SMALL = bytes(ord(chr(code).lower()) if chr(code).isalnum() or chr(code) == "_" else 32 for code in range(128))
SMALL += bytes(range(128, 256))
"""Plain ASCII in small letters, with spaces between its words: they are told apart without a pattern."""
CLAUSE = re.compile(r"[.!?:;,\n] {0,3}(?:[-*•#] {1,3})?")
POLITE = re.compile(
    r"\b(?:please|kindly|(?:can|could|would) you|your (?:task|job) is to|you (?:must|should|need to)"
    r"|i (?:want|need|would like) you to|help me|bitte|merci de|veuillez|peux-tu|pouvez-vous|por favor|puedes"
    r"|per favore|puoi|você pode|poderia) {1,3}"
)
POLITE_WORDS = frozenset(
    word
    for words in (
        "please kindly you your help",
        "bitte merci veuillez peux pouvez",
        "favor puedes favore puoi pode poderia",
    )
    for word in words.split()
)
"""One of them stands in whatever `POLITE` finds."""


def words_of(text: str) -> frozenset[str]:
    """In small letters."""
    if text.isascii():
        return frozenset(text.encode("ascii").translate(SMALL).decode("ascii").split())
    return frozenset(WORD.findall(text.lower()))


class _once(Generic[T]):  # noqa: N801 - reads as a decorator
    """`functools.cached_property` without its lock, which costs more than most of what is kept here."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, _kind: type | None = None) -> T:
        made = owner.__dict__[self._name] = self._make(owner)
        return made


class Said:
    """One request as rules see it; what a rule does not ask for is not read."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.whole = normalised(facts.user_text)
        self.flags = (facts.response_schema, bool(facts.tools), facts.tool_results, CODE_FENCE in self.whole)

    @_once
    def user(self) -> str:
        """Without quoted documents."""
        own = trusted(self.whole)
        return self.whole if own == self.whole else own

    @_once
    def lower(self) -> str:
        return self.user.lower()

    @_once
    def system(self) -> str:
        return normalised(self.facts.system_text)

    @_once
    def words(self) -> frozenset[str]:
        """The caller's own."""
        return self.all_words if self.user is self.whole else words_of(self.user)

    @_once
    def all_words(self) -> frozenset[str]:
        return words_of(self.whole)

    def may_name(self, words: frozenset[str]) -> bool:
        """False only where none of them is the caller's own: told without looking for quoted documents.

        What is cut out leaves a space or a new line, except for tags: there two halves may make a word.
        """
        return CLOSING in self.whole or not words.isdisjoint(self.all_words)

    @_once
    def clauses(self) -> list[int]:
        """Where an order may begin, in `lower`."""
        places = [0, *(hit.end() for hit in CLAUSE.finditer(self.lower))]
        if not POLITE_WORDS.isdisjoint(self.words):
            places += [hit.end() for hit in POLITE.finditer(self.lower)]
        return places
