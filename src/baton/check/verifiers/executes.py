"""The code of an answer passes unit tests, in the sandbox. Python only."""

from baton.check.json_text import FENCE
from baton.check.sandbox.levels import NoSandbox
from baton.check.sandbox.python_tests import run_tests
from baton.types.verdict import Answer, Executes, Verdict

PASSED = "passed"
LANGUAGES = frozenset({"", "py", "python", "python3"})


def executes(answer: Answer, check: Executes) -> Verdict:
    """Score = share of tests that pass. No sandbox on this machine: the check cannot run, and says so."""
    if not check.tests:
        raise ValueError("there are no tests to run")
    code = code_of(answer.text)
    try:
        run = run_tests(code, check.tests, timeout_s=check.timeout_s, memory_mib=check.memory_mib)
    except NoSandbox as error:
        return Verdict("executes", passed=False, score=0.0, reason=str(error), level="none", ran=False)
    if run.problem:
        return Verdict("executes", passed=False, score=0.0, reason=run.problem, level=run.level)
    right = sum(said == PASSED for said in run.said)
    failed = next((said for said in run.said if said != PASSED), "")
    reason = failed or f"all {len(check.tests)} tests pass"
    return Verdict("executes", passed=not failed, score=right / len(check.tests), reason=reason, level=run.level)


def code_of(text: str) -> str:
    """The fenced Python blocks of a text, joined; the text itself where there is no block."""
    blocks = [body for language, body in FENCE.findall(text) if language.lower() in LANGUAGES]
    return "\n".join(blocks) if blocks else text
