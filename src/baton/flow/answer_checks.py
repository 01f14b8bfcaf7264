"""The checks of a cascade, in rising cost: those that read the answer alone, code in the sandbox, judges at last.

Each gives a `CheckResult`; the first that fails ends the row. What has nothing to go by is skipped, and says why. A
check that was named and cannot run fails: it was asked for because the answer is not trusted without it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from baton.check.json_text import NoJson, read_json
from baton.check.verifiers.declines import declines
from baton.check.verify import verify
from baton.protocol.dialects import grammar_of
from baton.protocol.logprobs import mean_logprob
from baton.protocol.schema_fit import misfit
from baton.types.cascade import CascadePlan
from baton.types.decision import CheckResult
from baton.types.errors import BatonError, MalformedBody, UpstreamFault
from baton.types.events import AnswerMessage
from baton.types.parts import Origin, TextPart, ToolCallPart
from baton.types.request import Request
from baton.types.verdict import Answer, Check, Executes, Shape, ToolCall

NOBODY = Origin()
WHOLE = frozenset({"end", "tool_calls", "stop_sequence"})
CUT = frozenset({"length", "context_window"})
GOES_ON = frozenset({"pause", "compaction"})
"""The provider wants the conversation sent back: there is no answer to look at yet."""
DECLINED = frozenset({"refusal", "content_filter"})
SHORTEST_LIMIT = 16
"""Tokens. Who allows no more wants the first word, and an answer that is cut there is what he asked for."""
ANY_OBJECT: dict[str, Any] = {"type": "object"}
LOGPROB, EXECUTES = "logprob", "executes"
ALWAYS = ("empty", "cut", "refusal", "tools", "shape")
"""Made of every answer of a cascade, as far as there is something to go by."""
OWN = frozenset({*ALWAYS, LOGPROB, EXECUTES, "exact", "numeric", "fields", "format", "tool_called"})
"""Names that are no judge's: those of `ALWAYS`, two that are made where a step names them, and those of callers."""

Outcome = Literal["passed", "failed", "skipped"]


class Question(Struct, frozen=True):
    """What a judge is shown."""

    request: Request
    answer: Answer


class Judgement(Struct, frozen=True):
    """`cost`: what asking has cost in nano-dollars."""

    passed: bool
    reason: str
    cost: int = 0


class Judge(Protocol):
    """A judge of answers, known to steps of cascades by its name. Raises BatonError where it cannot judge."""

    def __call__(self, question: Question) -> Awaitable[Judgement]: ...


class Given(Struct, frozen=True):
    """One answer of a cascade, read."""

    message: AnswerMessage
    answer: Answer
    tool_fault: UpstreamFault | None = None


class Found(Struct, frozen=True):
    results: tuple[CheckResult, ...]
    cost: int = 0
    """Of judges, in nano-dollars."""

    @property
    def passed(self) -> bool:
        return all(one.outcome != "failed" for one in self.results)


def given_of(message: AnswerMessage, tool_fault: UpstreamFault | None = None) -> Given:
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    calls = tuple(ToolCall(part.name, part.arguments) for part in message.parts if isinstance(part, ToolCallPart))
    return Given(message, Answer(text, calls), tool_fault)


async def checked(
    request: Request, given: Given, named: tuple[str, ...], plan: CascadePlan, judges: Mapping[str, Judge]
) -> Found:
    results: list[CheckResult] = []
    for result in _at_once(request, given, named, plan):
        results.append(result)
        if result.outcome == "failed":
            return Found(tuple(results))
    if EXECUTES in named:
        results.append(await asyncio.to_thread(_executed, request, given))
    cost = 0
    for name in named:
        if name in OWN or results[-1].outcome == "failed":
            continue
        if name not in judges:
            results.append(_result(name, False, "there is no judge of that name"))
            continue
        result, judged = await _judged(name, judges[name], Question(request, given.answer))
        results.append(result)
        cost += judged
    return Found(tuple(results), cost)


# --- those that read the answer ----------------------------------------------------------------------


def _at_once(request: Request, given: Given, named: tuple[str, ...], plan: CascadePlan) -> Iterator[CheckResult]:
    for check in (_empty, _cut, _refusal, _tools):
        yield check(request, given)
    yield from _of_request(request, given)
    if LOGPROB in named or plan.min_logprob is not None:
        yield _sure(given, plan.min_logprob)


def _empty(_request: Request, given: Given) -> CheckResult:
    says = bool(given.answer.text.strip() or given.answer.tool_calls) or any(
        not isinstance(part, TextPart) for part in given.message.parts
    )
    return _result("empty", says, "it says something" if says else "there is no word and no call in it")


def _cut(request: Request, given: Given) -> CheckResult:
    stop = given.message.stop
    if stop is None or stop.reason in WHOLE | DECLINED:
        return _result("cut", stop is not None, "it came to its end" if stop else "it does not say how it ended")
    if stop.reason in GOES_ON:
        return CheckResult("cut", "skipped", f"it ended with {stop.reason!r}, to go on")
    limit = request.facts.max_output
    if stop.reason in CUT and limit is not None and limit <= SHORTEST_LIMIT:
        return CheckResult("cut", "skipped", f"the caller allows no more than {limit} tokens")
    return _result("cut", False, f"it ended with {stop.reason!r}")


def _refusal(_request: Request, given: Given) -> CheckResult:
    stop = given.message.stop
    if stop is not None and stop.reason in DECLINED:
        return _result("refusal", False, f"it ended with {stop.reason!r}")
    if any(isinstance(part, TextPart) and part.refusal for part in given.message.parts):
        return _result("refusal", False, "the model says that it refuses")
    words = "" if given.answer.tool_calls else declines(given.answer.text)
    return _result("refusal", not words, f"it declines: {words[:60]!r}" if words else "it does not decline")


def _tools(_request: Request, given: Given) -> CheckResult:
    if given.tool_fault is not None:
        return _result("tools", False, given.tool_fault.message)
    if not given.answer.tool_calls:
        return CheckResult("tools", "skipped", "it calls no tool")
    return _result("tools", True, "its calls fit the tools on offer")


def _of_request(request: Request, given: Given) -> Iterator[CheckResult]:
    """The schema that the request asks for, and the checks that the caller sent along."""
    if request.facts.response_schema:
        yield _shape(request, given)
    for check in request.wish.checks:
        if not isinstance(check, Executes):
            yield _verified(check, given.answer)


def _shape(request: Request, given: Given) -> CheckResult:
    if given.answer.tool_calls and not given.answer.text.strip():
        return CheckResult("shape", "skipped", "it calls tools instead of answering")
    try:
        output = grammar_of(request.dialect).read(request.members, NOBODY).output
    except MalformedBody as error:
        return CheckResult("shape", "skipped", f"the schema of the request cannot be read: {error.message}")
    if output is None:
        return CheckResult("shape", "skipped", "the request asks for no form")
    return _fits(msgspec.json.decode(output.schema) if output.schema else ANY_OBJECT, given.answer)


def _fits(schema: dict[str, Any], answer: Answer) -> CheckResult:
    """By the reading of schemas that nobody's schema can stall."""
    try:
        problem = misfit(read_json(answer.text), schema)
    except NoJson as error:
        problem = str(error)
    return _result("shape", not problem, problem or "it fits the schema")


def _verified(check: Check, answer: Answer) -> CheckResult:
    if isinstance(check, Shape):
        return _fits(check.schema, answer)
    verdict = verify(check, answer)
    return _result(verdict.verifier, verdict.passed, verdict.reason)


def _sure(given: Given, least: float | None) -> CheckResult:
    mean = mean_logprob(given.message)
    if mean is None or least is None:
        return CheckResult(LOGPROB, "skipped", "the answer carries none" if mean is None else "no least value is set")
    return _result(LOGPROB, mean >= least, f"mean {mean:.3f} of its tokens, at least {least:g}")


# --- those that take time ------------------------------------------------------------------------------


def _executed(request: Request, given: Given) -> CheckResult:
    """Blocks. Only tests that the caller sent along are run."""
    verdicts = [verify(check, given.answer) for check in request.wish.checks if isinstance(check, Executes)]
    if not verdicts:
        return CheckResult(EXECUTES, "skipped", "the request brings no tests")
    failed = next((verdict for verdict in verdicts if not verdict.passed), None)
    return _result(EXECUTES, failed is None, (failed or verdicts[0]).reason)


async def _judged(
    name: str, judge: Callable[[Question], Awaitable[Judgement]], question: Question
) -> tuple[CheckResult, int]:
    try:
        judgement = await judge(question)
    except BatonError as error:
        return _result(name, False, f"could not judge: {error.message}"), 0
    return _result(name, judgement.passed, judgement.reason), judgement.cost


def _result(check: str, passed: bool, reason: str) -> CheckResult:
    return CheckResult(check, "passed" if passed else "failed", reason)
