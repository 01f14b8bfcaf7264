"""The grader that needs no model: the check of the prompt, run by the verifiers of `check/`."""

import asyncio

from baton.check.json_text import NoJson, read_json
from baton.check.verifiers.numeric import final_number
from baton.check.verify import VERSION, verify
from baton.measure.datasets.prompt import Prompt
from baton.measure.graders.grader import Grading
from baton.types.certificate import VERIFIED
from baton.types.errors import DatasetError
from baton.types.verdict import Answer, Check, Executes, Fields, Numeric, Shape, ToolCalled


class VerifiedGrader:
    id = f"{VERIFIED}:{VERSION}"
    relative = False

    async def grade(self, prompt: Prompt, answer: Answer, _reference: Answer | None = None) -> Grading:
        assert prompt.check is not None
        if isinstance(prompt.check, Executes):  # waits for a process
            verdict = await asyncio.to_thread(verify, prompt.check, answer)
        else:
            verdict = verify(prompt.check, answer)
        score = None if not verdict.ran else float(verdict.passed)
        return Grading(score, verdict.reason, formed=verdict.ran and has_form(prompt.check, answer))


def has_form(check: Check, answer: Answer) -> bool:
    """Whether there is anything to compare: JSON where JSON is wanted, a number, a call; right or wrong."""
    if not answer.text.strip() and not answer.tool_calls:
        return False
    match check:
        case Shape() | Fields():
            try:
                read_json(answer.text)
            except NoJson:
                return False
        case Numeric():
            return final_number(answer.text) is not None
        case ToolCalled():
            return bool(answer.tool_calls)
    return True


def refuse_without_check(prompts: tuple[Prompt, ...]) -> None:
    """Raises DatasetError where a program cannot grade all of them."""
    missing = [prompt.id for prompt in prompts if prompt.check is None]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        told = f"{len(missing)} of {len(prompts)} prompts have no `check` ({shown}): name a judge with --judge MODEL"
        raise DatasetError("prompts", [told])
