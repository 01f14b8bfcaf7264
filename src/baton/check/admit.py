"""`admit`: the only door from unverified to verified.

Checks run from the cheapest to the dearest, and the first that fails ends it. A check that crashes is a refusal. What
passed is as good as its strongest evidence; it is let through when the contract asks for no more, and when what the
checks are known to let through wrongly is little enough.
"""

from typing import Any, TypeVar

import msgspec

from baton.check.contract import UNMEASURED, Checks, Contract, Setting
from baton.check.json_text import NoJson
from baton.check.seal import revealed, sealed
from baton.check.unverified import Unverified
from baton.check.verified import Verified
from baton.types.trust import Assurance, Finding, Refused
from baton.types.verdict import Answer, Verdict

T = TypeVar("T")

NO_SETTING = Setting()
REASON_CHARS = 300


async def admit(
    unverified: Unverified[Answer], contract: Contract[T], setting: Setting = NO_SETTING
) -> Verified[T] | Refused:
    """Never raises for what a model wrote, nor for a check that does; cancellation goes through."""
    answer: object = revealed(unverified)
    if not isinstance(answer, Answer):
        return _refused(unverified.origin, (), f"an Answer is checked here, not a {type(answer).__name__}")
    try:
        value = contract.read(answer.text)
    except (NoJson, msgspec.ValidationError, ValueError, RecursionError) as error:
        shape = Verdict("shape", passed=False, score=0.0, reason=_line(error))
        return _refused(unverified.origin, (Finding(shape, Assurance.SHAPE),), shape.reason, actionable=True)
    findings = [Finding(Verdict("shape", passed=True, score=1.0, reason="it has the form"), _form(contract))]
    for check in contract.in_order():
        finding = await _run(check, value, answer, setting)
        findings.append(finding)
        if finding.verdict.passed is not True:
            said = f"{check.name}: {finding.verdict.reason}"
            return _refused(unverified.origin, tuple(findings), said, actionable=finding.verdict.ran)
    return _let_through(unverified, contract, value, tuple(findings))


def _let_through(
    unverified: Unverified[Answer], contract: Contract[T], value: T, findings: tuple[Finding, ...]
) -> Verified[T] | Refused:
    reached = max(finding.assurance for finding in findings)
    if reached < contract.require:
        lacks = f"nothing shows more than {reached.word!r}, and {contract.require.word!r} is asked for"
        return _refused(unverified.origin, findings, lacks)
    escaped = min(finding.false_accepts.bound for finding in findings)
    if escaped > contract.max_escaped_error:
        lacks = (
            f"the checks may let {escaped:.3g} of wrong values through, {contract.max_escaped_error:.3g} can be borne"
        )
        return _refused(unverified.origin, findings, lacks)
    return sealed(value, origin=unverified.origin, assurance=reached, tainted=unverified.tainted, findings=findings)


async def _run(check: Checks, value: Any, answer: Answer, setting: Setting) -> Finding:
    try:
        verdict: object = await check.run(value, answer, setting)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check, the value is refused
        reason = f"could not be checked: {type(error).__name__}"  # its text may quote the value
        verdict = Verdict(check.name, passed=False, score=0.0, reason=reason, ran=False)
    plain = verdict if isinstance(verdict, Verdict) else _no_verdict(check.name, verdict)
    return Finding(plain, check.assurance, setting.rates.get(check.name, UNMEASURED), check.cost)


def _no_verdict(name: str, given: object) -> Verdict:
    reason = f"could not be checked: the check answered {type(given).__name__} instead of a verdict"
    return Verdict(name, passed=False, score=0.0, reason=reason, ran=False)


def _form(contract: Contract[Any]) -> Assurance:
    """Any text has the form of a text: that says nothing."""
    return Assurance.NONE if contract.output is str else Assurance.SHAPE


def _refused(origin: str, findings: tuple[Finding, ...], reason: str, *, actionable: bool = False) -> Refused:
    return Refused(origin, findings, reason[:REASON_CHARS], actionable)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:REASON_CHARS]
