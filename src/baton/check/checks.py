"""The checks that a contract is made of. Each factory gives one; `Checks` of `contract.py` is what they have in common.

Contract(NoticePeriods, (checks.cites(), checks.rederives(), checks.judges(rubric="...")))
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.check.claims import compared, stands_in
from baton.check.contract import Asking, Checks, Setting
from baton.check.verifiers import cites as cites_verifier
from baton.check.verifiers import computes as computes_verifier
from baton.check.verifiers import rederives as rederives_verifier
from baton.check.verifiers.judges import (
    HOLDS,
    MAX_OUTPUT,
    RUBRIC_RULES,
    Holds,
    NoVerdict,
    read_verdict,
    rules_of,
    sealed_question,
)
from baton.check.verify import verify
from baton.types.question import Question
from baton.types.trust import Assurance
from baton.types.verdict import Answer, Check, Executes, Verdict

Running = Callable[[Any, Answer, Setting], Awaitable[Verdict]]

FREE, SANDBOX, ANOTHER_MODEL, JUDGE = 0, 1, 1_000_000, 2_000_000
"""Nano-dollars that order the checks of a contract; what models really cost is estimated where they are known."""
MODELS_OF_SMALL_SPACE = 2
"""Of a label or a letter two that guess agree often: so many others must agree, where there are so many."""


ECHO_WORDS = 3
"""Fewer words that stand in the instruction may well be the answer."""


class PlainCheck(Struct, frozen=True):
    """One check. `asks`: models that it asks at most."""

    name: str
    assurance: Assurance
    cost: int
    does: Running
    asks: int = 0
    max_false_accept: float = 1.0

    async def run(self, value: Any, answer: Answer, setting: Setting) -> Verdict:
        bound = setting.rates[self.name].bound if self.name in setting.rates else 1.0
        if bound > self.max_false_accept:
            reason = f"may let {bound:.3g} of wrong values through, {self.max_false_accept:.3g} can be borne"
            return Verdict(self.name, passed=False, score=0.0, reason=reason, ran=False)
        return await self.does(value, answer, setting)


def cites(source: Mapping[str, str] | Iterable[str] | str | None = None, fields: Iterable[str] = ()) -> Checks:
    """Every string and number of the value stands in the sources; None: in those that the sub-task was given."""
    given, wanted = _named(source), tuple(fields)

    async def run(value: Any, answer: Answer, setting: Setting) -> Verdict:
        if isinstance(value, str) and value != answer.text:  # a JSON string is a value, not a text with claims in it
            value = [value]
        return cites_verifier.cites(value, given or setting.sources, wanted)

    return PlainCheck("cites", Assurance.GROUNDED, FREE, run)


def computes() -> Checks:
    """`expression` comes to `value`, and its numbers stand in the caller's request or the sources."""

    async def run(value: Any, _answer: Answer, setting: Setting) -> Verdict:
        return computes_verifier.computes(value, (setting.request, *setting.sources.values()))

    return PlainCheck("computes", Assurance.EXECUTED, FREE, run)


def executes(what: Callable[[Any], object] | Iterable[str], name: str = "") -> Checks:
    """A function of the program's own that must give exactly True, or tests that the answer's code must pass.

    The function gets the value; whatever it raises is a refusal. Tests are statements, run in the sandbox.
    """
    if callable(what):
        called = name or getattr(what, "__name__", "").strip("<>") or "function"

        async def call(value: Any, _answer: Answer, _setting: Setting) -> Verdict:
            holds = await asyncio.to_thread(what, value)
            reason = "it holds" if holds is True else "it does not hold"
            return Verdict(f"executes:{called}", passed=holds is True, score=float(holds is True), reason=reason)

        return PlainCheck(f"executes:{called}", Assurance.EXECUTED, FREE, call)
    tests = tuple(what)
    if not tests:
        raise ValueError("there are no tests to run: give statements that raise AssertionError where the code is wrong")

    async def test(_value: Any, answer: Answer, _setting: Setting) -> Verdict:
        return await asyncio.to_thread(verify, Executes(tests), answer)

    return PlainCheck(name or "executes", Assurance.EXECUTED, SANDBOX, test)


def passes_tests() -> Checks:
    """The answer's code passes the tests among its sources: files named `test*.py` or `*_test.py`, run in the sandbox.

    Without such a file nothing was run, and it is refused.
    """

    async def run(_value: Any, answer: Answer, setting: Setting) -> Verdict:
        tests = tuple(text for name, text in setting.sources.items() if _holds_tests(name))
        if not tests:
            reason = "there are no tests among its documents: name a file test*.py"
            return Verdict("executes", passed=False, score=0.0, reason=reason, ran=False)
        return await asyncio.to_thread(verify, Executes(tests), answer)

    return PlainCheck("executes", Assurance.EXECUTED, SANDBOX, run)


def holds(check: Check, assurance: Assurance = Assurance.EXECUTED, name: str = "") -> Checks:
    """A check that is data: an exact text, a number, fields, a form, JSON of a schema, tests."""
    called = name or str(type(check).__struct_config__.tag)

    async def run(_value: Any, answer: Answer, _setting: Setting) -> Verdict:
        return await asyncio.to_thread(verify, check, answer)

    return PlainCheck(called, assurance, FREE, run)


def rederives(by: str = "auto") -> Checks:
    """Another model comes to the same final answer. `auto`: those that are measured to let least through."""

    async def run(_value: Any, answer: Answer, setting: Setting) -> Verdict:
        ask, question = _asking(setting)
        others = setting.others if by == "auto" else (by,)
        if not others:
            return _not_run("rederives", "there is no other model that could be asked")
        verdict = await rederives_verifier.rederives(answer, lambda: ask(replace(question, model=others[0])))
        if verdict.passed and verdict.level == "small" and len(others) >= MODELS_OF_SMALL_SPACE:
            return await rederives_verifier.rederives(answer, lambda: ask(replace(question, model=others[1])))
        return verdict

    return PlainCheck("rederives", Assurance.AGREED, ANOTHER_MODEL, run, MODELS_OF_SMALL_SPACE)


def judges(rubric: str | Iterable[str], max_false_accept: float = 1.0, by: str = "auto") -> Checks:
    """A model finds that every criterion holds. `max_false_accept` is held against what was measured of it."""
    criteria = (rubric,) if isinstance(rubric, str) else tuple(rubric)
    if not criteria or not all(one.strip() for one in criteria):
        raise ValueError("a rubric needs at least one criterion, in words")

    async def run(_value: Any, answer: Answer, setting: Setting) -> Verdict:
        ask, question = _asking(setting)
        judge = (setting.others[0] if setting.others else "") if by == "auto" else by
        for criterion in criteria:
            held = await _judged(ask, judge, criterion, answer, question)
            if not isinstance(held, Holds):
                return held
            if not held.holds:
                return Verdict("judges", passed=False, score=0.0, reason="a criterion of the rubric does not hold")
        return Verdict("judges", passed=True, score=1.0, reason=f"all {len(criteria)} criteria hold", level=judge)

    return PlainCheck("judges", Assurance.JUDGED, JUDGE, run, len(criteria), max_false_accept)


async def _judged(ask: Asking, judge: str, criterion: str, answer: Answer, asked: Question) -> Holds | Verdict:
    shown = {"task": f"{asked.system}\n{asked.user}", "answer": answer.text, "criterion": criterion}
    rules = rules_of(RUBRIC_RULES)
    seal, question = sealed_question(f"{rules}\n{judge}", shown)
    said = await ask(Question(question, rules, judge, asked.task_type, MAX_OUTPUT, HOLDS))
    try:
        return read_verdict(said.text, Holds, seal)
    except NoVerdict:
        return _not_run("judges", "the judge gave no verdict")


def labels(path: str) -> PlainCheck:
    """What stands at this path of the value are words of the instruction, the request or the sources."""

    async def run(value: Any, _answer: Answer, setting: Setting) -> Verdict:
        texts = [compared(text) for text in (setting.instruction, setting.request, *setting.sources.values())]
        found = [compared(str(leaf)) for place, leaf in cites_verifier.leaves_of(value) if place == path]
        held = all(any(stands_in(one, text) for text in texts) for one in found)
        reason = "all are words that were given" if held else f"{path} has words that nobody gave"
        return Verdict("labels", passed=held, score=float(held), reason=reason)

    return PlainCheck("labels", Assurance.SHAPE, FREE, run)


def answers() -> PlainCheck:
    """It says something, and something else than it was told. Part of every contract of a sub-task."""

    async def run(_value: Any, answer: Answer, setting: Setting) -> Verdict:
        said = compared(answer.text)
        echo = len(said.split()) > ECHO_WORDS and said in compared(setting.instruction)
        reason = (
            "there is nothing in it" if not said else "it says the instruction again" if echo else "it says something"
        )
        return Verdict("answers", passed=bool(said) and not echo, score=float(bool(said)), reason=reason)

    return PlainCheck("answers", Assurance.NONE, FREE, run)


def _asking(setting: Setting) -> tuple[Asking, Question]:
    """Raises ValueError, which is a refusal, where nobody can be asked."""
    if setting.ask is None or setting.question is None:
        raise ValueError("nobody can be asked here")
    return setting.ask, setting.question


def _not_run(name: str, reason: str) -> Verdict:
    return Verdict(name, passed=False, score=0.0, reason=reason, ran=False)


def _named(source: Mapping[str, str] | Iterable[str] | str | None) -> dict[str, str]:
    if source is None:
        return {}
    if isinstance(source, str):
        return {"source": source}
    if isinstance(source, Mapping):
        return dict(source)
    return {f"source{place}": text for place, text in enumerate(source, 1)}


def _holds_tests(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return last.endswith(".py") and (last.startswith("test") or last.endswith("_test.py"))


def told(value: Any) -> str:
    """A value as text that claims can be traced to."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
