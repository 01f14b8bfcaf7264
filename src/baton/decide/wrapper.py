"""What is wrapped around a task: sentences about the answer ("please", "think step by step", "just the letter").

They cost nothing to add and say nothing of how hard the task is, so that who scores a prompt does without them.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

FEW_CONTENT, CONTENT_SHARE = 3, 1 / 3
"""A sentence with less content than both is about the answer, not about the task."""

MOST_SENTENCES, END_CHARS = 6, 300
"""How much is looked at, at either end of a text."""

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
    without what which how there here too also long still now both another other others
"""
ABOUT_THE_ANSWER = frozenset(_ABOUT.split())

_END = re.compile(r"[.!?:;]+\s+|\n+")
_WORD = re.compile(r"[^\W_]+")


def content_of(words: Iterable[str]) -> list[str]:
    """`words` in small letters."""
    return [word for word in words if word not in ABOUT_THE_ANSWER]


def told_by(words: Sequence[str]) -> list[str]:
    """What a sentence, in small letters, says of the task; nothing where it is about the answer."""
    content = content_of(words)
    return content if len(content) >= FEW_CONTENT or len(content) > CONTENT_SHARE * len(words) else []


def unwrapped(text: str) -> str:
    """Without the sentences about the answer at its begin and its end; as it is, where nothing else would be left."""
    begin = 0
    for hit in islice(_END.finditer(text, 0, END_CHARS), MOST_SENTENCES):
        if not _beside_the_task(text[begin : hit.end()]):
            break
        begin = hit.end()
    begins = [hit.end() for hit in _END.finditer(text, max(begin, len(text) - END_CHARS))]
    end = len(text)
    for first in begins[: -MOST_SENTENCES - 1 : -1]:
        if not _beside_the_task(text[first:end]):
            break
        end = first
    return text[begin:end] if begin < end else text


def _beside_the_task(sentence: str) -> bool:
    """A question is the task, unless it has no content at all."""
    words = _WORD.findall(sentence.lower())
    return not content_of(words) if "?" in sentence else not told_by(words)
