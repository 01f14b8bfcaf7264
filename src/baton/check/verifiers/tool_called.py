"""The answer calls the right tool, once, with the right arguments."""

import msgspec

from baton.check.verifiers.fields import compare
from baton.types.verdict import Answer, ToolCalled, Verdict


def tool_called(answer: Answer, check: ToolCalled) -> Verdict:
    names = [call.name for call in answer.tool_calls]
    if names != [check.name]:
        reason = f"calls {', '.join(names) or 'no tool'} instead of {check.name} alone"
        return Verdict("tool_called", passed=False, score=0.0, reason=reason)
    try:
        arguments = msgspec.json.decode(answer.tool_calls[0].arguments or "{}")
    except msgspec.DecodeError as error:
        return Verdict("tool_called", passed=False, score=0.0, reason=f"the arguments are not valid JSON: {error}")
    return compare(arguments, check.arguments, 1.0, "tool_called")
