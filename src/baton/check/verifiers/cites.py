"""What is said stands in the sources: every string and number of a structured value, every claim of a text.

Complete for what it looks at: a string must stand in a source word for word (after normalisation), a number with the
same value. It says nothing of whether the right place was quoted: a contract adds checks for that.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from baton.check.claims import Claim, Evidence, claims_of, compared, number_of, stands_in
from baton.types.verdict import Span, Verdict

SHOWN = 5


def cites(value: Any, sources: Mapping[str, str], fields: Iterable[str] = ()) -> Verdict:
    """`fields`: paths (`items[].quote`) that are looked at; empty: all of a structured value, every claim of a text.

    Without sources nothing stands anywhere. Spans are those of the first source that has the string.
    """
    if not any(sources.values()):
        return Verdict("cites", passed=False, score=0.0, reason="there is no source to look it up in", ran=False)
    missing = _untraced_claims(value, sources) if isinstance(value, str) else None
    spans: tuple[Span, ...] = ()
    looked_at = len(claims_of(value)) if isinstance(value, str) else 0
    if missing is None:
        wanted = frozenset(fields)
        found = [one for one in leaves_of(msgspec.to_builtins(value)) if not wanted or one[0] in wanted]
        looked_at = len(found)
        evidence = Evidence(sources.values())
        folded = {name: compared(source) for name, source in sources.items()}
        places = [(path, leaf, _places(path, leaf, sources, folded, evidence)) for path, leaf in found]
        missing = [f"{path} {leaf!r}" for path, leaf, place in places if place is None]
        spans = tuple(one for _, _, place in places if place for one in place)
    if looked_at == 0:
        return Verdict("cites", passed=False, score=0.0, reason="there is nothing in it that could be looked up")
    score = 1.0 - len(missing) / looked_at
    if missing:
        reason = f"stands in no source: {'; '.join(missing[:SHOWN])}"
        return Verdict("cites", passed=False, score=score, reason=reason)
    return Verdict("cites", passed=True, score=1.0, reason=f"all {looked_at} stand in the sources", spans=spans)


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Strings, numbers and other scalars with their paths; empty containers have none."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves_of(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves_of(inner, f"{path}[]")
    elif value is not None and not isinstance(value, bool):
        yield path, value


def _untraced_claims(text: str, sources: Mapping[str, str]) -> list[str]:
    evidence = Evidence(sources.values())
    return [f"{claim.kind} {claim.text!r}" for claim in claims_of(text) if not evidence.traces(claim)]


def _places(
    path: str, leaf: Any, sources: Mapping[str, str], folded: Mapping[str, str], evidence: Evidence
) -> list[Span] | None:
    """Where the leaf stands; None where it does not."""
    if isinstance(leaf, int | float):
        value = number_of(repr(leaf)) or ""
        return [] if evidence.traces(Claim("number", str(leaf), value, 0, 0)) else None
    if not isinstance(leaf, str) or not (piece := compared(leaf)):
        return None
    for name, source in sources.items():
        if stands_in(piece, folded[name]):
            span = _span(piece, source)
            return [] if span is None else [Span(path, name, *span)]
    claims = claims_of(leaf)
    if len(claims) == 1 and claims[0].kind in {"date", "number"} and claims[0].text == leaf.strip():
        return [] if evidence.traces(claims[0]) else None
    return None


def _span(piece: str, source: str) -> tuple[int, int] | None:
    """The words of the source that hold the piece, which is known to stand in it.

    None where a word of the source becomes several when it is compared.
    """
    words = list(_words(source))
    length = len(piece.split(" "))
    for place in range(len(words) - length + 1):
        start, end = words[place][0], words[place + length - 1][1]
        if stands_in(piece, compared(source[start:end])):
            return start, end
    return None


def _words(source: str) -> Iterator[tuple[int, int]]:
    start = -1
    for place, char in enumerate(source):
        if char.isspace():
            if start >= 0:
                yield start, place
            start = -1
        elif start < 0:
            start = place
    if start >= 0:
        yield start, len(source)
