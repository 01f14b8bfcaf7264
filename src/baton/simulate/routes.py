"""Which address asks for what, and in which dialect."""

from typing import Literal, NamedTuple
from urllib.parse import unquote

from baton.simulate.http import HttpRequest
from baton.simulate.wire import anthropic, gemini, ollama, openai_chat, openai_responses
from baton.simulate.wire.grammar import Grammar

Aim = Literal["answer", "count", "models", "model", "itself", "nothing"]

ANSWERING: dict[str, Grammar] = {
    "/v1/chat/completions": openai_chat.GRAMMAR,
    "/v1/responses": openai_responses.GRAMMAR,
    "/v1/messages": anthropic.GRAMMAR,
    "/api/chat": ollama.GRAMMAR,
}
COUNTING = "/v1/messages/count_tokens"
ITSELF = ("/health", "/sim/journal")
GEMINI_ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")
PATHS = (
    *ANSWERING, COUNTING, "/v1beta/models/MODEL:generateContent", "/v1beta/models/MODEL:streamGenerateContent",
    "/v1beta/models/MODEL:countTokens", "/v1/models", "/v1beta/models", "/api/tags", "/api/show", *ITSELF,
)  # fmt: skip


class Route(NamedTuple):
    aim: Aim
    grammar: Grammar
    method: str = "POST"
    model: str = ""
    """Where the address names it."""
    stream: bool | None = None
    """Where the address says it."""


def route(request: HttpRequest) -> Route:
    path = unquote(request.path)
    if path in ITSELF:
        return Route("itself", openai_chat.GRAMMAR, "GET")
    if path in ANSWERING:
        return Route("answer", ANSWERING[path])
    if path == COUNTING:
        return Route("count", anthropic.GRAMMAR)
    if path == "/api/tags":
        return Route("models", ollama.GRAMMAR, "GET")
    if path == "/api/show":
        return Route("model", ollama.GRAMMAR, "POST", ollama.shown_model(request.body))
    return _models(request, path)


def _models(request: HttpRequest, path: str) -> Route:
    version, found, rest = path.partition("/models")
    grammar = _of_client(request, version)
    if not found or version not in ("/v1", "/v1beta") or (rest and not rest.startswith("/")):
        return Route("nothing", grammar)
    name, _, action = rest.removeprefix("/").rpartition(":")
    if action not in GEMINI_ACTIONS or not name:
        shown = rest.removeprefix("/")
        return Route("model" if shown else "models", grammar, "GET", shown)
    if action == "countTokens":
        return Route("count", gemini.GRAMMAR, "POST", name)
    streams = action == "streamGenerateContent"
    spoken = gemini.ARRAY_GRAMMAR if streams and request.query.get("alt") != "sse" else gemini.GRAMMAR
    return Route("answer", spoken, "POST", name, streams)


def _of_client(request: HttpRequest, version: str) -> Grammar:
    """The dialect in which this client wants its errors and its model list."""
    if version == "/v1beta" or "x-goog-api-key" in request.headers or "key" in request.query:
        return gemini.GRAMMAR
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return anthropic.GRAMMAR
    if request.path.startswith("/api/"):
        return ollama.GRAMMAR
    if request.path.startswith("/v1/responses"):
        return openai_responses.GRAMMAR
    return openai_chat.GRAMMAR
