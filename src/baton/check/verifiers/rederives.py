"""Another model comes to the same final answer. What it is worth hangs on how many answers there could have been.

Compared are final answers, not words: tool calls, JSON field by field, a choice letter, a number with its unit, or a
short text. Two texts that are none of these cannot be compared, and the verdict says that it did not run.
"""

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from baton.check.json_text import NoJson, read_json
from baton.check.text_form import last_line, normalised
from baton.check.verifiers.fields import leaves
from baton.check.verifiers.numeric import final_number
from baton.types.verdict import Answer, Verdict

Kind = Literal["calls", "json", "choice", "number", "text", "prose"]
Space = Literal["small", "large"]
"""`small`: two that guess agree often (a label, a letter, a digit); `large`: hardly ever by chance."""

SHORT_WORDS = 8
LABEL_WORDS = 2
SHORT_LINE = 200
"""Characters of a last line whose number is taken for the answer."""
SMALL_NUMBER = 10
REL_TOL = 1e-6

MARKED = re.compile(
    r"(?:final answer|answer|category|label|class|result|verdict|antwort|ergebnis|lösung|kategorie|réponse|résultat"
    r"|catégorie|respuesta|resultado|categoría|resposta|risposta|risultato|antwoord|odpowiedź|答案|答え)"
    r"\**\s*(?:(?:is|ist|est|es|é|è|to)\b)?\s*[:：=]?\**\s*(.+)$",
    re.IGNORECASE,
)  # fmt: skip
BOXED = re.compile(r"\\boxed\{([^{}]*)\}|####\s*(.+)")
CHOICE = re.compile(r"(?:option\s+)?[\(\[]?([A-Ja-j])[\)\]]?(?:[.:)]\s.*)?", re.DOTALL)
DIGIT = re.compile(r"\d")


class Final(Struct, frozen=True):
    """The final answer of a text in the form in which it is compared; equal values of one kind are the same answer."""

    kind: Kind
    value: Any
    space: Space

    def same(self, other: "Final") -> bool:
        if self.kind == "prose" or self.kind != other.kind:
            return False
        if self.kind == "number":
            (one, unit), (two, its_unit) = self.value, other.value
            return (unit == its_unit or not unit or not its_unit) and math.isclose(one, two, rel_tol=REL_TOL)
        return bool(self.value == other.value)


def final_of(answer: Answer) -> Final:
    if answer.tool_calls:
        calls = [(call.name, *_leaves_of(call.arguments or "{}")) for call in answer.tool_calls]
        return Final("calls", sorted(calls, key=repr), "large")
    text = answer.text.strip()
    if text[:1] in {"{", "["} or "```" in text:
        try:
            return Final("json", sorted(leaves(read_json(text), ""), key=repr), "large")
        except NoJson:
            pass
    boxed = BOXED.findall(text)
    line = next((one or two for one, two in boxed[-1:]), "") or last_line(text).strip()
    found = MARKED.search(line)
    marked = bool(boxed) or found is not None
    said = normalised(found[1] if found is not None else line)
    if not marked and "\n" in text and not DIGIT.search(said):
        return Final("prose", "", "large")
    return _of_line(said, text, marked=marked)


def _of_line(said: str, text: str, *, marked: bool) -> Final:
    if said and (letter := CHOICE.fullmatch(said)) is not None:
        return Final("choice", letter[1].upper(), "small")
    if DIGIT.search(said) and len(said) <= SHORT_LINE:
        number = final_number(said)
        if number is not None and (marked or len(said) < len(text) or len(said.split()) <= SHORT_WORDS):
            value, unit = number
            small = value.is_integer() and 0 <= value <= SMALL_NUMBER and not unit
            return Final("number", (value, unit.lower().removesuffix("s")), "small" if small else "large")
    words = len(said.split())
    if said and words <= SHORT_WORDS and (marked or "\n" not in text):
        return Final("text", said, "small" if words <= LABEL_WORDS else "large")
    return Final("prose", "", "large")


def compared(answer: Answer, other: Answer) -> Verdict:
    """`level` is the answer space. Prose cannot be compared: `ran` is False then."""
    one, two = final_of(answer), final_of(other)
    if "prose" in {one.kind, two.kind}:
        reason = "at least one of both has no final answer that could be compared"
        return Verdict("rederives", passed=False, score=0.0, reason=reason, ran=False)
    same = one.same(two)
    reason = f"both give the same {one.kind}" if same else f"{_shown(one)} here, {_shown(two)} there"
    return Verdict("rederives", passed=same, score=float(same), reason=reason, level=one.space)


async def rederives(answer: Answer, ask: Callable[[], Awaitable[Answer]]) -> Verdict:
    """`ask` lets another model answer the same question, without showing it this answer."""
    return compared(answer, await ask())


def groups_of(answers: Sequence[Answer | None]) -> list[int]:
    """Equal numbers: the same final answer; None (an answer that does not count) and prose agree with nothing.

    An answer that does not count is -1, as `decide.cascade` has it.
    """
    seen: list[Final] = []
    groups = []
    for answer in answers:
        if answer is None:
            groups.append(-1)
            continue
        final = final_of(answer)
        place = next((place for place, earlier in enumerate(seen) if earlier.same(final)), len(seen))
        if place == len(seen):
            seen.append(final)
        groups.append(place)
    return groups


def _leaves_of(text: str) -> list[Any]:
    try:
        return sorted(leaves(msgspec.json.decode(text), ""), key=repr)
    except (ValueError, RecursionError):
        return [("", text)]


def _shown(final: Final) -> str:
    return f"{final.kind} {str(final.value)[:60]!r}"
