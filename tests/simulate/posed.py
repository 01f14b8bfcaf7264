"""Requests of every dialect for strict tests, and the engine that answers them without a socket."""

from typing import Any, NamedTuple

import msgspec

from baton.simulate.engine import Engine
from baton.simulate.http import HttpRequest
from baton.simulate.obedient import Obedient

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = "iVBORw0KGgo="


class Answered(NamedTuple):
    status: int
    body: Any
    message: str
    """Of the error; empty where there is none."""
    headers: dict[str, str]


class Vendor:
    """A strict upstream. Each call is one request; `key` is the account that it belongs to."""

    def __init__(self, *, strict: bool = True) -> None:
        self.engine = Engine(Obedient(), strict=strict)

    def ask(self, path: str, body: Any, key: str = "k", **headers: str) -> Answered:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        address, _, query = path.partition("?")
        parameters = dict(pair.split("=") for pair in query.split("&") if pair)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        held = {"authorization": f"Bearer {key}", **named}
        delivery = self.engine.respond(HttpRequest("POST", address, parameters, held, raw)).delivery
        sent = b"".join(delivery.pieces)
        told = msgspec.json.decode(sent) if delivery.framing == "length" else sent
        return Answered(delivery.status, told, _message(told), dict(delivery.headers))

    def chat(self, body: dict[str, Any], model: str = "sim-gpt-plain", **headers: str) -> Answered:
        return self.ask("/v1/chat/completions", {"model": model, **body}, **headers)

    def responses(self, body: dict[str, Any], model: str = "sim-gpt", **headers: str) -> Answered:
        return self.ask("/v1/responses", {"model": model, **body}, **headers)

    def messages(self, body: dict[str, Any], model: str = "sim-claude", **headers: str) -> Answered:
        return self.ask("/v1/messages", {"model": model, "max_tokens": 4_000, **body}, **headers)

    def gemini(self, body: dict[str, Any], model: str = "sim-gemini", **headers: str) -> Answered:
        return self.ask(f"/v1beta/models/{model}:generateContent", body, **headers)

    def ollama(self, body: dict[str, Any], model: str = "sim-llama", **headers: str) -> Answered:
        return self.ask("/api/chat", {"model": model, "stream": False, **body}, **headers)


def _message(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    if error is None:
        return ""
    return str(error["message"] if isinstance(error, dict) else error)
