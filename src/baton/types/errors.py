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
 |   |- NoEligibleModel (400)   every model is excluded; carries the exclusions
 |   |- HandoffRefused (400)    the conversation cannot be carried to the model as it is; names what would be lost
 |   `- NotKept (400)           an earlier answer that the request goes on from is not kept here
 |- UpstreamFault (502)         a model was asked and the answer cannot be trusted; carries model and provider
 |   |- UpstreamRefused         no connection
 |   |- UpstreamTimeout (504)   connect, first byte, between bytes, or total
 |   |- UpstreamStatus          an error status, mapped (401/403 -> 502, 429 -> 429, 5xx -> 502/503/529); has a reason
 |   |- UpstreamNotJson         a 200 with something else: HTML, cut JSON, too much
 |   |- UpstreamEmpty           a 200 with no bytes at all
 |   `- UpstreamCut             the connection or the stream ended without its end
 |- Overloaded (503)            Baton itself sheds load or is stopping
 `- LedgerError (500)           the ledger cannot be opened or read
"""

from typing import ClassVar, Literal


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


class NoEligibleModel(RequestError):
    code = "no_eligible_model"


class HandoffRefused(RequestError):
    """Nothing was sent. The text names the first elements that would be lost, and why."""

    code = "handoff_refused"


class NotKept(RequestError):
    code = "not_kept"


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


Reason = Literal[
    "", "key", "quota", "rate_limit", "overloaded", "context_length", "content_filter", "model", "timeout", "provider"
]
"""Why a provider refused, in one vocabulary for all of them. Empty: the request itself, as far as can be told."""


class UpstreamStatus(UpstreamFault):
    """The provider answered with an error status.

    `body` is its own text, `detail` the sentence in it, `retry_after` its own header.
    """

    code = "upstream_status"

    def __init__(self, message: str, *, model: str, provider: str, upstream_status: int, body: bytes) -> None:
        super().__init__(message, model=model, provider=provider, upstream_status=upstream_status)
        self.body = body
        self.retry_after: str | None = None
        self.reason: Reason = ""
        self.detail = ""


class UpstreamNotJson(UpstreamFault):
    code = "upstream_not_json"


class UpstreamCut(UpstreamFault):
    code = "upstream_cut"


class UpstreamEmpty(UpstreamFault):
    code = "upstream_empty"


class Overloaded(BatonError):
    code = "overloaded"
    status = 503


class LedgerError(BatonError):
    code = "ledger_error"
