"""The one door to all verifiers. A check that cannot run is a refusal, told apart from a wrong answer."""

import re
from collections.abc import Callable
from typing import Any

from baton.check.verifiers.exact import exact
from baton.check.verifiers.executes import executes
from baton.check.verifiers.fields import fields
from baton.check.verifiers.format import format_holds
from baton.check.verifiers.numeric import numeric
from baton.check.verifiers.shape import shape
from baton.check.verifiers.tool_called import tool_called
from baton.types.verdict import (
    Answer,
    Check,
    Exact,
    Executes,
    Fields,
    Format,
    Numeric,
    Shape,
    ToolCalled,
    Verdict,
)

VERSION = 1
"""Of what the verifiers say: grades of another version are others, and certificates that rest on them are void."""

_VERIFIERS: dict[type, Callable[[Answer, Any], Verdict]] = {
    Shape: shape,
    Exact: exact,
    Numeric: numeric,
    Fields: fields,
    Format: format_holds,
    Executes: executes,
    ToolCalled: tool_called,
}


def verify(check: Check, answer: Answer) -> Verdict:
    """Never raises for what an answer holds; a check that is wrong itself gives a verdict with `ran` False."""
    name = type(check).__struct_config__.tag
    try:
        return _VERIFIERS[type(check)](answer, check)
    except (ValueError, RecursionError, OSError, re.error) as error:
        return Verdict(str(name), passed=False, score=0.0, reason=f"could not be checked: {error}", ran=False)
