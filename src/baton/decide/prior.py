"""How hard a prompt looks when nothing has been learned yet: by how much it says, in how many clauses.

No weights and no training. More to keep in mind is harder, which holds on most public outcomes and not on all
(docs/routing-quality.md): in a prompt with solved examples the length is that of the examples, and a short request
for code is as hard as a long one. There nothing is said. Sentences about the answer ("think step by step", "please",
"just the letter") are not counted, nor is a word that is said again, so that wrapping a prompt moves it little. Text
can only be added to a prompt, and adding never makes it look easier.
"""

import re
from math import exp, log1p

from baton.decide.difficulty import Reading
from baton.decide.wrapper import told_by

HEAD_CHARS, TAIL_CHARS = 2_600, 1_400
MOST_WORDS, MOST_CLAUSES = 200, 20
"""Counted at most, so that a long document is no harder than a long question."""
CLAUSE_WEIGHT = 0.5
MIDDLE = 4.0
"""The load at which difficulty is .5: about thirty different words in four clauses."""
_FOLDED = bytes(
    10 if code in b".!?;:\n" else ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)
) + bytes(range(128, 256))
"""ASCII as small letters and digits, the ends of sentences as new lines, all else as spaces."""
_SOLVED = re.compile(r"\b(?:answer|output|solution|label) ?: ?\n?[^\s\n][^\n]{0,80}\n[ \t]*\n\s*\S", re.IGNORECASE)
_CODE = re.compile(r"^[ \t]*(?:def|class|import|from) \w", re.MULTILINE)
_BEGINS_CODE = ("def ", "class ", "import ", "from ")
_MAKING = frozenset(("write", "implement", "create", "develop", "complete", "fix", "debug", "refactor"))
_MADE = frozenset(("function", "program", "script", "method", "class", "query", "regex", "code", "algorithm"))


def hardness(text: str) -> Reading:
    """`text` normalised (`decide/text.py`). No gains: without grades nothing is known of single models."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    plain = text.encode("utf-8", "surrogatepass").translate(_FOLDED).decode("utf-8", "replace")
    sentences = [sentence.split() for sentence in plain.split("\n")]
    if "```" in text or _shows_code(text) or _asks_for_code(plain, sentences):
        return Reading(None, None, "it is about code, whose difficulty does not show in its length")
    if "\n\n" in text and _SOLVED.search(text):
        return Reading(None, None, "its length is that of the solved examples in it")
    content: set[str] = set()
    for words in sentences:
        content.update(told_by(words))
    clauses = text.count(",") + text.count(";")
    load = log1p(min(len(content), MOST_WORDS)) + CLAUSE_WEIGHT * log1p(min(clauses, MOST_CLAUSES))
    return Reading(1 / (1 + exp(MIDDLE - load)), None, f"{len(content)} different words and {clauses + 1} clauses")


def _shows_code(text: str) -> bool:
    for begin in _BEGINS_CODE:
        if begin in text:
            return _CODE.search(text) is not None
    return False


def _asks_for_code(plain: str, sentences: list[list[str]]) -> bool:
    for making in _MAKING:  # most prompts hold none of these, and are looked through no further
        if making in plain:
            return any(not _MAKING.isdisjoint(words) and not _MADE.isdisjoint(words) for words in sentences)
    return False
