"""A real gateway before an upstream in which every model says what a test lets it say, in Chat and in Messages."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from baton.config.schema import Config, ContentConfig, KeyConfig, LedgerConfig, ServerConfig
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.testing.upstream import Received, ScriptedUpstream, Step, event_stream, http_answer, scripted
from baton.types.card import Dialect, Provider
from baton.types.decision import PolicySnapshot
from baton.types.reliability import Reliability
from tests.decide.fleet import snapshot

Says = str | Mapping[str, Any] | Sequence[Step]
"""Words, or members of the choice or message over those of a plain answer, or a script of its own."""
USAGE = (100, 10)
"""Tokens of input and output of every answer."""


class Voices(Struct):
    url: str
    house: House
    upstream: ScriptedUpstream

    def asked(self) -> list[str]:
        """Models in the order in which they were asked."""
        return [msgspec.json.decode(one.body)["model"] for one in self.upstream.requests]

    def bodies(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(one.body) for one in self.upstream.requests]

    async def ask(self, body: dict[str, Any], path: str = "/v1/chat/completions", **headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=self.url, timeout=20) as http:
            return await http.post(path, json=body, headers=headers)

    async def decision(self, answer: httpx2.Response, **headers: str) -> dict[str, Any]:
        self.house.ledger.flush()
        async with httpx2.AsyncClient(base_url=self.url, timeout=20) as http:
            path = f"/v1/baton/decisions/{answer.headers['x-baton-request-id']}"
            found = await http.get(path, headers=headers)
        return found.json()  # type: ignore[no-any-return]


@asynccontextmanager
async def voices(
    folder: Path,
    says: Callable[[str, dict[str, Any]], Says],
    known: PolicySnapshot | None = None,
    *,
    dialects: tuple[Dialect, ...] = ("openai-chat", "anthropic"),
    keys: tuple[KeyConfig, ...] = (),
    **more: Any,
) -> AsyncGenerator[Voices, None]:
    """`says(model, body)`."""

    def choose(received: Received) -> Sequence[Step]:
        body = msgspec.json.decode(received.body)
        said = says(body["model"], body)
        if not isinstance(said, str | Mapping):
            return said
        return (_chat if received.path.endswith("/completions") else _messages)(said, body)

    async with scripted(choose=choose) as upstream:
        provider = Provider("sim", upstream.base_url, dialects, "none", simulated=True)
        config = Config(
            snapshot=msgspec.structs.replace(known or snapshot(), providers={"sim": provider}),
            server=ServerConfig(keys=keys, first_byte_s=2.0, between_bytes_s=2.0),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
            content=ContentConfig(mode="off"),
            reliability=Reliability(attempts=1),
            **more,
        )
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock) as house:
            yield Voices(f"http://127.0.0.1:{sock.getsockname()[1]}", house, upstream)


def _chat(said: str | Mapping[str, Any], body: dict[str, Any]) -> Sequence[Step]:
    choice: dict[str, Any] = {"content": said} if isinstance(said, str) else dict(said)
    finish, logprobs = choice.pop("finish_reason", "stop"), choice.pop("logprobs", None)
    usage = {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1]}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        whole = {"index": 0, "message": {"role": "assistant", **choice}, "finish_reason": finish, "logprobs": logprobs}
        return http_answer(200, msgspec.json.encode(head | {"choices": [whole], "usage": usage}))
    delta = {"index": 0, "delta": {"role": "assistant", **choice}, "finish_reason": None, "logprobs": logprobs}
    chunks = [[delta], [{"index": 0, "delta": {}, "finish_reason": finish}]]
    events = [_event(head | {"choices": chunk}) for chunk in chunks]
    return _stream(*events, _event(head | {"choices": [], "usage": usage}), b"data: [DONE]\n\n")


def _event(data: dict[str, Any], name: str = "") -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _messages(said: str | Mapping[str, Any], body: dict[str, Any]) -> Sequence[Step]:
    members: dict[str, Any] = {"content": said} if isinstance(said, str) else dict(said)
    text, stop = members["content"], members.get("stop_reason", "end_turn")
    usage = {"input_tokens": USAGE[0], "output_tokens": USAGE[1]}
    head = {"id": "m", "type": "message", "role": "assistant", "model": body["model"]}
    if not body.get("stream"):
        content = [{"type": "text", "text": text}]
        return http_answer(200, msgspec.json.encode(head | {"content": content, "stop_reason": stop, "usage": usage}))
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": head | {"content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": USAGE[1]}},
        {"type": "message_stop"},
    ]
    return _stream(*(_event(one, one["type"]) for one in events))


def _stream(*events: bytes) -> Sequence[Step]:
    """Says that the connection ends with it, so that nobody asks again on it."""
    head, *rest = event_stream(*events)
    assert isinstance(head, bytes)
    return [head.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), *rest]
