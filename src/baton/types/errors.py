"""The whole exception tree.

BatonError                      has `code`, `status` (HTTP), `message`
 |- ConfigError                 the config is wrong; carries every problem found, not only the first
 |- RequestError (400)          the caller's request cannot be served as it is
 |   |- MalformedBody           not JSON, not UTF-8, nested too deep, wrong types
 |   |- BodyTooLarge (413)
 |   |- Unauthorized (401)      a key is needed, or is not known
 |   |- NotAllowed (403)        the key may not use this model
 |   |- NotFound (404)          no such path, decision or request
 |   |   `- UnknownModel        no card, alias or wildcard of that name
 |   |- MethodNotAllowed (405)
 |   |- Conflict (409)          what is to be made exists already
 |   |- MalformedHead           two headers where one must stand
 |   |- BodyEncoded (415)       a compressed body: Baton reads none
 |   |- NoEligibleModel (400)   every model is excluded; carries the exclusions
 |   |- HandoffRefused (400)    the conversation cannot be carried to the model as it is; names what would be lost
 |   |- PlanRefused (400)       a plan of delegation cannot be carried out; names every reason
 |   |- RunLimited (429)        an orchestrated run has used up its calls, tokens, time or depth
 |   |- RunRefused (409)        a run cannot be resumed: it was asked otherwise, or by another version of the code
 |   |- UnverifiedResult (422)  a run came to a part of its answer only, and the caller wants all or nothing
 |   |- EscalationLimited (429)  the key has gone up to dearer models too often, and may not stay below either
 |   |- NotKept (400)           an earlier answer that the request goes on from is not kept here
 |   `- LimitReached            an account has no room for the request; carries account, limit and when to come back
 |       |- BudgetExceeded (402)  money; while an answer was under way: StoppedByBudget
 |       `- RateLimited (429)   requests or tokens per minute, or requests at once
 |- UpstreamFault (502)         a model was asked and the answer cannot be trusted; carries model and provider
 |   |- UpstreamRefused         no connection
 |   |- UpstreamTimeout (504)   connect, first byte, or total
 |   |   `- UpstreamStalled     it began to answer and fell silent between two bytes
 |   |- UpstreamStatus          an error status, mapped (401/403 -> 502, 429 -> 429, 5xx -> 502/503/529); has a reason
 |   |   `- UpstreamReported    an error inside an answer that had begun well
 |   |- UpstreamNotJson         a 200 with something else: HTML, cut JSON, too much
 |   |   `- UpstreamMalformed   an event of its stream is broken
 |   |- UpstreamEmpty           a 200 that says nothing: no bytes, or an answer without words and calls
 |   |- UpstreamCut             the connection or the stream ended without its end
 |   |- UpstreamEncoded         compressed, although no compression was asked for
 |   |- ToolCallNotOffered      the answer calls a tool that the request did not offer
 |   |- ToolArgumentsInvalid    the answer calls a tool with arguments that do not fit its schema
 |   |- UpstreamAway (503)      not asked: its breaker is open, or it said when to come back
 |   `- UsageFault              the answer is good, what it says of its tokens is not: recorded, never raised
 |       |- UsageMissing
 |       `- UsageImpossible     negative, no whole numbers, or far beyond the model's window
 |- UntrustedRead           what a model said was read, printed or pickled before it was checked: a mistake in code
 |- HookFailed (503)        a hook raised or took too long, and is to fail closed
 |- Overloaded (503)            Baton itself sheds load or is stopping
 |- LedgerError (500)           the ledger cannot be opened or read
 |- DatasetError                prompts or grades that cannot be used; carries every problem found
 `- ProofError                  a verdict that cannot be had, or a certificate that does not hold
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from baton.types.spend import NO_STANDING, Limit, Standing

MOST_PROBLEMS = 20
"""Of one file, that are told at once."""


class BatonError(Exception):
    """Root. `code` is stable and machine-readable; the text says what happened, with which value, what to do next."""

    code: ClassVar[str] = "baton_error"
    status: int = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(BatonError):
    """Carries all problems at once."""

    code = "invalid_config"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RequestError(BatonError):
    code = "invalid_request"
    status = 400

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class MalformedBody(RequestError):
    code = "malformed_body"


class BodyTooLarge(RequestError):
    code = "body_too_large"
    status = 413


class Unauthorized(RequestError):
    code = "unauthorized"
    status = 401


class NotAllowed(RequestError):
    code = "not_allowed"
    status = 403


class NotFound(RequestError):
    code = "not_found"
    status = 404


class UnknownModel(NotFound):
    code = "unknown_model"


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = ", ".join(allowed)
        """For the header `allow`."""


class Conflict(RequestError):
    code = "conflict"
    status = 409


class MalformedHead(RequestError):
    code = "malformed_head"


class BodyEncoded(RequestError):
    code = "body_encoded"
    status = 415


class NoEligibleModel(RequestError):
    code = "no_eligible_model"


class HandoffRefused(RequestError):
    """Nothing was sent. The text names the first elements that would be lost, and why."""

    code = "handoff_refused"


class MediaRefused(RequestError):
    code = "media_refused"


class HookRefused(RequestError):
    code = "hook_refused"


class PlanRefused(RequestError):
    code = "plan_refused"


class RunLimited(RequestError):
    code = "run_limit"
    status = 429


class RunRefused(Conflict):
    code = "run_refused"


class UnverifiedResult(RequestError):
    code = "unverified_result"
    status = 422


class EscalationLimited(RequestError):
    code = "escalation_limit"
    status = 429


class NotKept(RequestError):
    code = "not_kept"


class LimitReached(RequestError):
    """`retry_after_s` is None where waiting does not help; `standing` is that of the account."""

    code = "limit_reached"
    status = 429

    def __init__(
        self,
        message: str,
        *,
        account: str,
        limit: Limit,
        retry_after_s: float | None = None,
        standing: Standing = NO_STANDING,
    ) -> None:
        super().__init__(message)
        self.account = account
        self.limit = limit
        self.retry_after_s = retry_after_s
        self.standing = standing


class BudgetExceeded(LimitReached):
    code = "budget_exceeded"
    status = 402


class StoppedByBudget(BudgetExceeded):
    """The answer grew beyond what was reserved for it, and the budget has no more. What was sent so far is right."""

    code = "stopped_by_budget"


class RateLimited(LimitReached):
    code = "rate_limit_exceeded"


class UpstreamFault(BatonError):
    """A model was asked and its answer cannot be used. `upstream_status` is 0 when there was no HTTP answer."""

    code = "upstream_fault"
    status = 502

    def __init__(self, message: str, *, model: str = "", provider: str = "", upstream_status: int = 0) -> None:
        super().__init__(message)
        self.model = model
        self.provider = provider
        self.upstream_status = upstream_status


class UpstreamRefused(UpstreamFault):
    code = "upstream_refused"


class UpstreamTimeout(UpstreamFault):
    code = "upstream_timeout"
    status = 504


class UpstreamStalled(UpstreamTimeout):
    code = "upstream_stalled"


Reason = Literal[
    "", "key", "quota", "rate_limit", "overloaded", "context_length", "content_filter", "model", "timeout", "provider"
]
"""Why a provider refused, in one vocabulary for all of them. Empty: the request itself, as far as can be told."""


class UpstreamStatus(UpstreamFault):
    """The provider answered with an error status.

    `body` is its own text, `detail` the sentence in it, `retry_after` the whole seconds that it asks callers to wait.
    """

    code = "upstream_status"

    def __init__(self, message: str, *, model: str, provider: str, upstream_status: int, body: bytes) -> None:
        super().__init__(message, model=model, provider=provider, upstream_status=upstream_status)
        self.body = body
        self.retry_after: str | None = None
        self.reason: Reason = ""
        self.detail = ""


class UpstreamReported(UpstreamStatus):
    code = "upstream_reported"


class UpstreamNotJson(UpstreamFault):
    code = "upstream_not_json"


class UpstreamMalformed(UpstreamNotJson):
    code = "upstream_malformed"


class UpstreamEmpty(UpstreamFault):
    code = "upstream_empty"


class UpstreamCut(UpstreamFault):
    code = "upstream_cut"


class UpstreamAway(UpstreamFault):
    """Nothing was sent. `retry_after`: whole seconds until it is asked again."""

    code = "upstream_away"
    status = 503

    def __init__(self, message: str, *, model: str, provider: str, retry_after: str | None = None) -> None:
        super().__init__(message, model=model, provider=provider)
        self.retry_after = retry_after


class UsageFault(UpstreamFault):
    code = "usage_fault"


class UsageMissing(UsageFault):
    code = "usage_missing"


class UsageImpossible(UsageFault):
    code = "usage_impossible"


class UpstreamEncoded(UpstreamFault):
    code = "upstream_encoded"


class ToolCallNotOffered(UpstreamFault):
    code = "tool_call_not_offered"


class ToolArgumentsInvalid(UpstreamFault):
    code = "tool_arguments_invalid"


class UntrustedRead(BatonError):
    """Never meant to be caught: whoever sees it has a leak to mend."""

    code = "untrusted_read"


class HookFailed(BatonError):
    code = "hook_failed"
    status = 503


class Overloaded(BatonError):
    """`retry_after`: whole seconds after which it may be worth asking again."""

    code = "overloaded"
    status = 503

    def __init__(self, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LedgerError(BatonError):
    code = "ledger_error"


class DatasetError(BatonError):
    """Carries the problems, with the line or row each of them stands in."""

    code = "dataset_error"

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        shown = [f"{source}: {problem}" for problem in problems[:MOST_PROBLEMS]]
        if len(problems) > MOST_PROBLEMS:
            shown.append(f"{source}: and {len(problems) - MOST_PROBLEMS} more")
        super().__init__("\n".join(shown))
        self.problems = tuple(problems)


class ProofError(BatonError):
    code = "proof_error"
