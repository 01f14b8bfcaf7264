"""No key is ever shown: a gateway with marked keys goes through successes and failures of every kind, all is searched."""

import asyncio
import logging
import re
import socket
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from baton.call.endpoint import Endpoints
from baton.config.load import parse_config
from baton.config.schema import Config
from baton.flow.arrival import Arrival
from baton.server.run import bind, serving
from baton.server.visit import Visit
from baton.testing.upstream import Step, event_stream, http_answer, scripted
from baton.types.errors import ConfigError
from baton.types.request import Caller
from tests.server.gateway import raw_exchange

MARK = "canary0123456789"
KEYS = {
    name: f"sk-{name.lower():-<8}{MARK}{name.lower():->8}"
    for name in ("CHAT", "CLAUDE", "GEMINI", "CALLER", "ADMIN", "HOOK", "SEAL", "WRONG")
}
PROVIDERS = ("CHAT", "CLAUDE", "GEMINI")
QUOTED = "#" * len(KEYS["CHAT"])
"""Stands for the provider's own key in what it answers; all keys have one length."""
CONFIG = """
version: 1
providers:
  chat: {base_url: 'URL_CHAT', dialects: [openai-chat], api_key: '${CHAT}'}
  claude: {base_url: 'URL_CLAUDE', dialects: [anthropic], auth: x-api-key, api_key: '${CLAUDE}'}
  gem: {base_url: 'URL_GEMINI', dialects: [gemini], auth: x-goog-api-key, api_key: '${GEMINI}'}
models:
  - {id: chat/m, tier: mid, context_window: 100000, price: {input_usd: 1, output_usd: 2}, capabilities: [tools]}
  - {id: claude/m, tier: mid, context_window: 100000, max_output: 900, price: {input_usd: 1, output_usd: 2}}
  - {id: gem/m, tier: mid, context_window: 100000, price: {input_usd: 1, output_usd: 2}}
server:
  first_byte_s: 0.3
  between_bytes_s: 0.3
  keys: [{name: caller, key: '${CALLER}'}]
  admin_keys: [{name: root, key: '${ADMIN}'}]
webhooks: [{url: 'URL_CHAT', secret: '${HOOK}', allow_private: true}]
handoff: {seal_key: '${SEAL}'}
ledger: {path: 'FOLDER/ledger.db', flush_s: 0.05}
content: {mode: full}
"""
WHOLE = b'{"choices":[{"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def quoting(status: int, shape: str) -> list[Step]:
    """An error that quotes the key that came, as careless servers do."""
    body = shape.replace("%s", f"the key {QUOTED} is no good").encode()
    return http_answer(status, body, "application/json", "retry-after: 1")


OPENAI, PLAIN = '{"error":{"message":"%s","type":"x","code":"y"}}', '{"detail":"%s"}'
ENDINGS: dict[str, Sequence[Step]] = {
    "whole": http_answer(200, WHOLE),
    "stream": event_stream(CHUNK, END),
    "400 with the key": quoting(400, OPENAI),
    "401 with the key": quoting(401, OPENAI),
    "403 with the key": quoting(403, PLAIN),
    "404 with the key": quoting(404, PLAIN),
    "422 with the key": quoting(422, OPENAI),
    "429 with the key": quoting(429, OPENAI),
    "500 with the key": quoting(500, PLAIN),
    "503 without JSON": http_answer(503, QUOTED.encode(), "text/plain"),
    "HTML": http_answer(200, b"<html>", "text/html"),
    "redirect": http_answer(302, b"", "text/plain", "location: http://127.0.0.1:1/"),
    "no JSON": http_answer(200, b"{"),
    "empty": http_answer(200, b""),
    "compressed": http_answer(200, b"x", "application/json", "content-encoding: gzip"),
    "no HTTP": [b"nonsense\r\n\r\n"],
    "closed": [b""],
    "silent": [5.0],
    "stalled stream": event_stream(CHUNK, 5.0),
    "cut stream": event_stream(CHUNK, end=False),
}
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}
ASKED: list[tuple[str, str, dict[str, Any] | None]] = [
    *(("POST", "/v1/chat/completions", BODY | {"model": model, "stream": stream}) for model in ("chat/m", "claude/m", "gem/m") for stream in (False, True)),
    ("POST", "/v1/messages", BODY | {"model": "claude/m"}),
    ("POST", "/v1/messages", BODY | {"model": "chat/m", "stream": True}),
    ("POST", "/v1/responses", {"model": "chat/m", "input": "hi"}),
    ("POST", "/v1beta/models/gem/m:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    ("POST", "/v1/messages/count_tokens", BODY | {"model": "claude/m"}),
    ("POST", "/v1/embeddings", {"model": "chat/e", "input": "hi"}),
    ("GET", "/v1/files", None),
    ("POST", "/v1/chat/completions", {"model": "nobody", "messages": 7}),
    ("GET", "/v1/models", None),
    ("GET", "/health", None),
    ("GET", "/readyz", None),
    ("GET", "/metrics", None),
    ("GET", "/v1/baton/report", None),
    ("POST", "/v1/baton/route", BODY | {"model": "auto"}),
    ("GET", "/v1/baton/decisions/x", None),
    ("POST", "/v1/baton/feedback", {"request_id": "x", "score": 1}),
    ("GET", "/v1/baton/keys", None),
    ("GET", "/v1/baton/spend", None),
    ("GET", "/v1/baton/audit", None),
    ("GET", "/v1/baton/openapi.json", None),
]  # fmt: skip
WAYS = [
    {"authorization": f"Bearer {KEYS['CALLER']}"},
    {"x-api-key": KEYS["CALLER"], "anthropic-version": "2023-06-01"},
    {"authorization": f"Bearer {KEYS['ADMIN']}"},
    {"x-goog-api-key": KEYS["WRONG"]},
    {},
]


def config_for(folder: Path, **urls: str) -> Config:
    text = CONFIG.replace("FOLDER", str(folder))
    for name in PROVIDERS:
        text = text.replace(f"URL_{name}", urls.get(name, "http://127.0.0.1:1/v1"))
    return parse_config(text, KEYS)


def spoken(script: Sequence[Step], name: str) -> list[Step]:
    return [step.replace(QUOTED.encode(), KEYS[name].encode()) if isinstance(step, bytes) else step for step in script]


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Everything that anybody logs, with its stack."""
    lines: list[str] = []

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter("%(name)s %(message)s").format(record))

    handler, root = Everything(level=1), logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    before = [(one, one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.setLevel(1)
        one.propagate = True
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    for one, level, propagate in before:
        one.setLevel(level)
        one.propagate = propagate


async def driven(folder: Path, script: Sequence[Step], ways: Sequence[dict[str, str]]) -> tuple[bytes, set[str]]:
    """Everything that callers were told, heads and bodies; and the headers that the providers were sent."""
    told: list[bytes] = []
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(scripted(spoken(script, name))) for name in PROVIDERS}
        config = config_for(folder, **{name: upstream.base_url for name, upstream in upstreams.items()})
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock) as house, aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"

            async def ask(method: str, path: str, body: Any, headers: dict[str, str]) -> None:
                async with client.request(method, url + path, json=body, headers=headers) as answer:
                    told.append(repr(answer.raw_headers).encode() + await answer.read())

            await asyncio.gather(
                *(ask(*asked, headers=way) for way in ways for asked in ASKED[:: 1 if way is ways[0] else 3])
            )
            twice = f"authorization: Bearer {KEYS['CALLER']}\r\n".encode() * 2
            told.append(
                await raw_exchange(url, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + twice + b"\r\n", read_s=1.0)
            )
            told.append(repr(house).encode() + repr(vars(house)).encode() + repr(house.config).encode())
            house.ledger.flush()
    requests = [request for upstream in upstreams.values() for request in upstream.requests]
    return b"\n".join(told), {header for request in requests for header in request.headers.values()}


def refuse_canary(where: str, data: bytes) -> None:
    at = data.find(MARK.encode())
    assert at < 0, f"{where}: ...{data[max(0, at - 200) : at + 60]!r}"


@pytest.mark.parametrize("name", ENDINGS)
def test_no_key_is_told_logged_or_written_whatever_the_upstream_does(tmp_path: Path, log: list[str], name: str) -> None:
    ways = WAYS if name == "whole" else WAYS[:1]
    told, sent = asyncio.run(driven(tmp_path, ENDINGS[name], ways), debug=True)
    assert {KEYS["CLAUDE"], KEYS["GEMINI"], f"Bearer {KEYS['CHAT']}"} <= sent
    assert not any(KEYS["CALLER"] in header for header in sent), "a caller's key went on to a provider"
    refuse_canary("an answer", told)
    refuse_canary("the log", "\n".join(log).encode())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        refuse_canary(path.name, path.read_bytes())


def test_a_provider_that_cannot_be_reached_is_named_without_its_key(tmp_path: Path, log: list[str]) -> None:
    async def main() -> bytes:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        sock = bind("127.0.0.1", 0)
        async with serving(config_for(tmp_path, CHAT=address), sock), aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1/chat/completions"
            async with client.post(url, json=BODY | {"model": "chat/m"}, headers=WAYS[0]) as answer:
                assert answer.status in {502, 503}
                return await answer.read()

    refuse_canary("an answer", asyncio.run(main(), debug=True))
    refuse_canary("the log", "\n".join(log).encode())


def test_the_values_on_the_way_of_a_request_hide_their_keys() -> None:
    config = config_for(Path())
    arrival = Arrival("openai-chat", b"{}", {"authorization": f"Bearer {KEYS['CALLER']}"}, Caller("caller"))
    outgoing = asyncio.run(
        Endpoints(config.snapshot.providers)
        .of("chat", "openai-chat")
        .outgoing(config.snapshot.cards["chat/m"], b"{}", arrival.headers, stream=False)
    )
    assert KEYS["CHAT"] in outgoing.headers["authorization"]
    nowhere: Any = None
    visit = Visit(nowhere, Caller("caller"), arrival.headers, {}, b"", b"")
    for value in (config, config.server, config.webhooks, config.snapshot, arrival, outgoing, visit):
        refuse_canary(type(value).__name__, f"{value!r} {value!s}".encode())
    try:
        raise RuntimeError(arrival, outgoing, config)
    except RuntimeError as error:
        refuse_canary("a trace", "".join(traceback.format_exception(error)).encode())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_beyond_loopback_figures_and_administration_need_a_key(host: str) -> None:
    text = re.sub(r"URL_\w+", "http://127.0.0.1:1/v1", CONFIG.replace("FOLDER", "."))
    text = text.replace("server:", f"server:\n  host: '{host}'")
    assert parse_config(text, KEYS).server.host == host
    without = "\n".join(line for line in text.splitlines() if "keys: [" not in line)
    with pytest.raises(ConfigError, match="no key is configured"):
        parse_config(without, KEYS)


@pytest.mark.parametrize(
    "path", ["/metrics", "/v1/baton/report", "/v1/baton/keys", "/v1/baton/spend", "/v1/models", "/v1/baton/audit"]
)
def test_without_a_key_nothing_is_told(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        sock = bind("127.0.0.1", 0)
        async with serving(config_for(tmp_path), sock), aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}{path}"
            for headers in (
                {},
                {"authorization": f"Bearer {KEYS['WRONG']}"},
                {"authorization": "Bearer "},
                {"authorization": KEYS["CALLER"]},
            ):
                async with client.get(url, headers=headers) as answer:
                    assert answer.status == 401

    asyncio.run(main())
