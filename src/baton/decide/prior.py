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

HEAD_CHARS, TAIL_CHARS = 2_600, 1_400
MOST_WORDS, MOST_CLAUSES = 200, 20
"""Counted at most, so that a long document is no harder than a long question."""
CLAUSE_WEIGHT = 0.5
MIDDLE = 4.0
"""The load at which difficulty is .5: about thirty different words in four clauses."""
FEW_CONTENT, CONTENT_SHARE = 3, 1 / 3
"""A sentence with less content than both is about the answer, not about the task."""

_ABOUT = """
    a an the this that these those it its is are was were be been being am do does did i you me we my your our
    us he she they to of in on at for with by from as and or but so if then than not no yes please kindly
    thank thanks hi hello hey dear sir madam help can could would will should may might must need want like
    just only very really quite much think thinking thought reason reasoning step steps through carefully
    careful thoroughly rigorous rigorously detail detailed explain explanation explanations justify
    justification prove proof show analyze analyse analysis consider answer answers answering question
    questions problem problems task following correct choose choice choices select option options letter
    letters print single give given provide tell respond response reply output return format final difficult
    hard easy simple challenging complex tricky important expert best most likely based let lets make sure
    double check every each all before after first last any some one once again brief briefly short concise
    concisely know take time deep breath work out s ll below above read using use word words plain possible
    without what which how
"""
ABOUT_THE_ANSWER = frozenset(_ABOUT.split())

_FOLDED = bytes(
    10 if code in b".!?;:\n" else ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)
) + bytes(range(128, 256))
"""ASCII as small letters and digits, the ends of sentences as new lines, all else as spaces."""
_SOLVED = re.compile(r"\b(?:answer|output|solution|label) ?: ?\n?[^\s\n][^\n]{0,80}\n[ \t]*\n\s*\S", re.IGNORECASE)
_CODE = re.compile(r"^[ \t]*(?:def|class|import|from) \w", re.MULTILINE)
_MAKING = frozenset(("write", "implement", "create", "develop", "complete", "fix", "debug", "refactor"))
_MADE = frozenset(("function", "program", "script", "method", "class", "query", "regex", "code", "algorithm"))


def hardness(text: str) -> Reading:
    """`text` normalised (`decide/text.py`). No gains: without grades nothing is known of single models."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    sentences = _sentences(text)
    if "```" in text or _CODE.search(text) or any(map(_asks_for_code, sentences)):
        return Reading(None, None, "it is about code, whose difficulty does not show in its length")
    if "\n\n" in text and _SOLVED.search(text):
        return Reading(None, None, "its length is that of the solved examples in it")
    content: set[str] = set()
    for words in sentences:
        told = [word for word in words if word not in ABOUT_THE_ANSWER]
        if len(told) >= FEW_CONTENT or len(told) > CONTENT_SHARE * len(words):
            content.update(told)
    clauses = text.count(",") + text.count(";")
    load = log1p(min(len(content), MOST_WORDS)) + CLAUSE_WEIGHT * log1p(min(clauses, MOST_CLAUSES))
    return Reading(1 / (1 + exp(MIDDLE - load)), None, f"{len(content)} different words and {clauses + 1} clauses")


def _sentences(text: str) -> list[list[str]]:
    plain = text.encode("utf-8", "surrogatepass").translate(_FOLDED).decode("utf-8", "replace")
    return [sentence.split() for sentence in plain.split("\n")]


def _asks_for_code(words: list[str]) -> bool:
    return not _MAKING.isdisjoint(words) and not _MADE.isdisjoint(words)
