"""The built-in hook `redact-patterns`: what matches is not sent to a model. Options: name -> regular expression."""

import asyncio
from collections.abc import Mapping

from baton.config.checks import regex_problem
from baton.flow.hooks import ALLOW, HookCall, Replace, Verdict
from baton.protocol.redact import Redactor
from baton.types.errors import ConfigError

THREAD_BYTES = 32 * 1024
"""A longer body is searched outside the event loop."""


class RedactPatterns:
    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._redactor = Redactor(patterns)

    async def before(self, call: HookCall) -> Verdict:
        if len(call.body) > THREAD_BYTES:
            body = await asyncio.to_thread(self._redactor.json, call.body)
        else:
            body = self._redactor.json(call.body)
        return ALLOW if body is call.body else Replace(body)


def make(options: Mapping[str, str]) -> RedactPatterns:
    """Raises ConfigError."""
    problems = [f"{name}: {problem}" for name, pattern in options.items() if (problem := regex_problem(pattern))]
    if not options:
        problems.append("must hold at least one name with its regular expression")
    if problems:
        raise ConfigError(problems)
    return RedactPatterns(options)
