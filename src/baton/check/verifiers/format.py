"""Constraints on a text that need no understanding. The score is the share of them that hold."""

import re
from collections.abc import Iterator

from baton.types.verdict import Answer, Format, Verdict

BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s+\S")
MAX_PATTERN_TEXT = 20_000
"""Characters on which a pattern is tried: Python's `re` cannot be stopped by a clock."""


def format_holds(answer: Answer, check: Format) -> Verdict:
    results = list(_constraints(answer.text.strip(), check))
    broken = [what for holds, what in results if not holds]
    score = 1.0 - len(broken) / len(results) if results else 1.0
    reason = "; ".join(broken) if broken else f"all {len(results)} constraints hold"
    return Verdict("format", passed=not broken, score=score, reason=reason)


def _constraints(text: str, check: Format) -> Iterator[tuple[bool, str]]:
    yield from _counts(text, check)
    yield from _contents(text, check)


def _counts(text: str, check: Format) -> Iterator[tuple[bool, str]]:
    words = len(text.split())
    lines = [line for line in text.splitlines() if line.strip()]
    bullets = sum(bool(BULLET.match(line)) for line in lines)
    if check.min_words is not None:
        yield words >= check.min_words, f"{words} words, at least {check.min_words}"
    if check.max_words is not None:
        yield words <= check.max_words, f"{words} words, at most {check.max_words}"
    if check.max_chars is not None:
        yield len(text) <= check.max_chars, f"{len(text)} characters, at most {check.max_chars}"
    if check.lines is not None:
        yield len(lines) == check.lines, f"{len(lines)} lines, exactly {check.lines}"
    if check.bullets is not None:
        yield bullets == check.bullets, f"{bullets} bullets, exactly {check.bullets}"


def _contents(text: str, check: Format) -> Iterator[tuple[bool, str]]:
    folded = text.casefold()
    for wanted in check.must_include:
        yield wanted.casefold() in folded, f"{wanted!r} is missing"
    for unwanted in check.must_avoid:
        yield unwanted.casefold() not in folded, f"{unwanted!r} must not stand there"
    if check.starts_with is not None:
        yield text.startswith(check.starts_with), f"does not start with {check.starts_with!r}"
    if check.ends_with is not None:
        yield text.endswith(check.ends_with), f"does not end with {check.ends_with!r}"
    if check.pattern is not None:
        fits = len(text) <= MAX_PATTERN_TEXT and re.fullmatch(check.pattern, text, re.DOTALL) is not None
        yield fits, f"does not have the form {check.pattern!r}"
