"""The long tail of providers, called through the LiteLLM library instead of over Baton's own wire.

LiteLLM pins old SDKs, which do not go together with Baton's other extras. So it has an environment of its own:

    python -m venv baton-litellm
    baton-litellm/bin/pip install 'batonpass[litellm]' -c constraints-litellm.txt

and a provider of kind `litellm` in the config; `upstream` is LiteLLM's own name of the model:

    providers: {litellm: {kind: litellm}}
    models:
      - {id: litellm/cohere/command-a, tier: mid, context_window: 256000, price: {input_usd: 2.5, output_usd: 10}}

Keys come from the variables that LiteLLM reads, or from `api_key` with `auth: bearer`. It is asked in Chat Completions.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from baton.call.providers.kind import Address, Kind, Path
from baton.call.providers.plain import COMPATIBLE_QUIRKS
from baton.call.transport import Outgoing, Transport, Upstream
from baton.types.card import Dialect, Provider
from baton.types.errors import ConfigError, UpstreamCut, UpstreamFault, UpstreamNotJson

IN_PROCESS = "http://litellm.invalid"
"""Stands where other providers have an address; another one is given to LiteLLM as its `api_base`."""
INSTALL = "pip install 'batonpass[litellm]' -c constraints-litellm.txt, in an environment of its own"
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
END = b"data: [DONE]\n\n"


class LiteLlmTransport:
    """`acompletion` in the place of an HTTP client."""

    def __init__(self, provider: Provider) -> None:
        self._given: dict[str, Any] = {}
        if provider.base_url != IN_PROCESS:
            self._given["api_base"] = provider.base_url
        if provider.api_key is not None:
            self._given["api_key"] = provider.api_key.reveal()
        if provider.headers:
            self._given["extra_headers"] = dict(provider.headers)

    async def open(self, outgoing: Outgoing) -> Upstream:
        litellm, refusals = _imported(outgoing)
        asked = msgspec.json.decode(outgoing.body, type=dict[str, Any])
        try:
            # Baton falls back and retries by itself; what LiteLLM does not know of a provider it must not refuse.
            answer = await litellm.acompletion(**asked, **self._given, num_retries=0, drop_params=True)
        except refusals as error:
            return _refusal(error)
        if asked.get("stream"):
            return _Streamed(answer, outgoing, refusals)
        return _Whole(200, JSON, msgspec.json.encode(answer.model_dump(exclude_none=True)), outgoing)

    async def close(self) -> None:
        """LiteLLM keeps its own clients."""


class _Whole:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, outgoing: Outgoing | None = None) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._outgoing = outgoing

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self, limit: int) -> bytes:
        if len(self._body) > limit and self._outgoing is not None:
            raise _fault(UpstreamNotJson, self._outgoing, f"answered more than {limit} bytes")
        return self._body

    def abort(self) -> None:
        """Nothing is under way any more."""


class _Streamed:
    def __init__(self, answer: Any, outgoing: Outgoing, refusals: tuple[type[Exception], ...]) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = EVENTS
        self._answer = answer
        self._outgoing = outgoing
        self._refusals = refusals

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer:
                yield b"data: " + msgspec.json.encode(chunk.model_dump(exclude_none=True)) + b"\n\n"
        except self._refusals as error:
            raise _fault(UpstreamCut, self._outgoing, f"broke off ({type(error).__name__})") from error
        yield END

    async def read(self, _limit: int) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    def abort(self) -> None:
        close = getattr(self._answer, "aclose", None)
        if close is not None:
            self._closing = asyncio.ensure_future(close())


def _imported(outgoing: Outgoing) -> tuple[Any, tuple[type[Exception], ...]]:
    """The library and its exceptions, which are those of the OpenAI SDK that it pins."""
    try:
        import litellm
        import openai
    except ImportError as error:
        raise _fault(UpstreamFault, outgoing, f"needs LiteLLM, which is not installed here: {INSTALL}") from error
    return litellm, (openai.OpenAIError, ValueError, TypeError)


def _refusal(error: Exception) -> Upstream:
    """As a provider would have written it, so that it is read like all others."""
    status = getattr(error, "status_code", None)
    code = {"ContextWindowExceededError": "context_length_exceeded", "ContentPolicyViolationError": "content_filter"}
    body = {
        "error": {
            "message": str(getattr(error, "message", error)),
            "type": type(error).__name__,
            "code": code.get(type(error).__name__),
        }
    }
    known = status if isinstance(status, int) and 400 <= status < 600 else 502
    return _Whole(known, JSON, msgspec.json.encode(body))


def _fault(kind: type[UpstreamFault], outgoing: Outgoing, what: str) -> UpstreamFault:
    who = f"model {outgoing.model!r} at provider {outgoing.provider!r}"
    return kind(f"{who} {what}", model=outgoing.model, provider=outgoing.provider)


def _address(_provider: Provider, dialect: Dialect) -> Address:
    if dialect != "openai-chat":
        raise ConfigError([f"a provider of kind 'litellm' is asked in openai-chat, not in {dialect}"])
    return lambda _model, _stream: IN_PROCESS


def _pass_through(provider: Provider, path: Path) -> str:
    raise UpstreamFault(
        f"provider {provider.name!r} is of kind 'litellm', through which {path.path} cannot be passed: name another",
        model=path.model,
        provider=provider.name,
    )


def _transport(provider: Provider) -> Transport:
    return LiteLlmTransport(provider)


LITELLM = Kind(
    address=_address,
    pass_through=_pass_through,
    key=lambda _provider, _dialect: {},
    transport=_transport,
    quirks=COMPATIBLE_QUIRKS,
)
