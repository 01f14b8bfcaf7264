"""Whatever a body or a header holds, the doors answer with a status that says whose fault it is: never 500."""

import asyncio
import contextlib
import http.client
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.config.schema import Config, ContentConfig, LedgerConfig, ServerConfig
from baton.protocol.dialects import Reply, grammar_of
from baton.server.run import bind, serving
from baton.types.card import Dialect, Provider
from tests.decide.fleet import card, snapshot
from tests.protocol.captured import NAMES, load
from tests.protocol.damage import TOKENS, WRONG, changed
from tests.protocol.test_protocol_fuzz import ANSWER, DIALECTS, STREAMS

FUZZ = settings(max_examples=100, derandomize=True, suppress_health_check=list(HealthCheck))
TEXT = {"role": "user", "content": "classify this: hello"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
BODIES: dict[str, Any] = {
    "/v1/chat/completions": {
        "model": "auto",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "see"}, IMAGE]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        "temperature": 0.5,
        "max_completion_tokens": 100,
        "stop": ["a"],
        "metadata": {"a": "b"},
        "baton": {"task_type": "code", "floor": 0.5, "models": ["*"], "task_id": "t"},
    },
    "/v1/responses": {
        "model": "auto",
        "instructions": "be kind",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "eA=="},
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "web_search"}],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
        "store": False,
        "include": ["reasoning.encrypted_content"],
    },
    "/v1/messages": {
        "model": "auto",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            TEXT,
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "eA=="}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "b"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "done"}]}]},
        ],
        "tools": [{"name": "f", "input_schema": SCHEMA}, {"type": "bash_20250124", "name": "bash"}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "stop_sequences": ["a"],
        "metadata": {"user_id": "u"},
    },
    "/v1beta/models/auto:generateContent": {
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": "b"}}, "thoughtSignature": "eA=="}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "done"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}, {"googleSearch": {}}],
        "generationConfig": {"temperature": 1, "maxOutputTokens": 9, "responseSchema": {"type": "OBJECT"}},
        "safetySettings": [],
    },
    "/v1/embeddings": {"model": "openai-chat/embed", "input": ["a", "b"]},
    "/v1/messages/count_tokens": {"model": "auto", "messages": [TEXT]},
    "/v1beta/models/auto:countTokens": {"contents": [{"parts": [{"text": "a"}]}]},
    "/v1/baton/route": {"model": "auto", "messages": [TEXT]},
    "/v1/baton/feedback": {"request_id": "r", "score": 0.5},
}  # fmt: skip
PATHS_OF: dict[Dialect, str] = {
    "openai-chat": "/v1/chat/completions", "openai-responses": "/v1/responses", "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/auto:generateContent",
}  # fmt: skip
HEADERS = (
    "x-baton-task-type", "x-baton-floor", "x-baton-models", "x-baton-lambda", "x-baton-task-id", "x-baton-provider",
    "x-baton-strict-handoff", "x-baton-show-cost", "x-baton-audience", "x-baton-priority", "anthropic-beta",
    "openai-beta", "content-type", "range", "x-goog-api-key", "anthropic-version",
)  # fmt: skip


async def answer_each(dialect: Dialect, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream of the dialect that answers every request well: whole, or as the stream that was asked for."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
        streams = b"streamGenerateContent" in head or STREAM.search(body) is not None
        kind = (NDJSON if dialect == "ollama" else EVENTS) if streams else JSON
        answer = STREAMS[dialect] if streams else WHOLE[dialect]
        told = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
        writer.write(told.encode() + answer)
        await writer.drain()
    writer.close()


STREAM = re.compile(rb'"stream"\s*:\s*true')
JSON, EVENTS, NDJSON = "application/json", "text/event-stream", "application/x-ndjson"
WHOLE = {dialect: grammar_of(dialect).write_answer(ANSWER, Reply(model="m", id="x")).body for dialect in DIALECTS}


class Doors:
    """A gateway before one upstream for each dialect, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)
        self._loop.close()

    def ask(
        self, path: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    async def _main(self) -> None:
        async with AsyncExitStack() as stack:
            providers = {}
            for dialect in DIALECTS:
                server = await asyncio.start_server(partial(answer_each, dialect), "127.0.0.1", 0)
                stack.callback(server.close)
                address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
                providers[dialect] = Provider(dialect, address, (dialect,), "none", simulated=True)
            eyes = frozenset({"tools", "image", "pdf", "audio", "structured_output", "reasoning"})
            cards = [
                card("m", "frontier", 5, 25, id=f"{dialect}/m", provider=dialect, capabilities=eyes)
                for dialect in DIALECTS
            ]
            known = msgspec.structs.replace(
                snapshot(), cards={one.id: one for one in cards}, providers=providers, aliases={}
            )
            config = Config(
                snapshot=known,
                server=ServerConfig(max_body_bytes=1_000_000, first_byte_s=2.0, between_bytes_s=2.0),
                ledger=LedgerConfig(path=str(self._folder / "ledger.db")),
                content=ContentConfig(mode="full"),
            )
            sock = bind("127.0.0.1", 0)
            await stack.enter_async_context(serving(config, sock))
            self.port = sock.getsockname()[1]
            self._ready.set()
            await self._stop.wait()


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with Doors(tmp_path_factory.mktemp("fuzz")) as found:
        yield found


@pytest.fixture(autouse=True)
def no_defect(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A defect is logged with its stack: that is what a failure here should show."""
    caplog.set_level(logging.ERROR)
    yield
    defects = [
        logging.Formatter().format(record) for record in caplog.get_records("call") if record.levelno >= logging.ERROR
    ]
    assert not defects, "\n".join(defects)


def refused_or_served(status: int, answer: bytes) -> None:
    assert status in {200, 202, 400, 403, 404, 413, 415, 422, 429, 502, 503, 504}, (status, answer[:500])


@pytest.mark.parametrize("path", list(BODIES))
def test_the_bodies_that_are_damaged_here_are_served(doors: Doors, path: str) -> None:
    status, answer = doors.ask(path, json.dumps(BODIES[path]).encode())
    assert status in {200, 202}, answer


@pytest.mark.parametrize("path", list(BODIES))
@FUZZ
@given(data=st.data())
def test_members_of_any_type_are_refused_or_served(doors: Doors, path: str, data: st.DataObject) -> None:
    body = BODIES[path]
    for _ in range(data.draw(st.integers(1, 4))):
        body = changed(data.draw, body)  # type: ignore[arg-type]
    if isinstance(body, dict):
        body = body | {"model": data.draw(st.sampled_from(["auto", *(f"{dialect}/m" for dialect in DIALECTS)]))}
        if data.draw(st.booleans()):
            body["stream"] = data.draw(st.sampled_from([True, *WRONG]))
    refused_or_served(*doors.ask(path, json.dumps(body).encode()))


@pytest.mark.parametrize("path", list(BODIES))
@FUZZ
@given(data=st.data())
def test_damaged_bytes_are_refused_or_served(doors: Doors, path: str, data: st.DataObject) -> None:
    body = json.dumps(BODIES[path]).encode()
    place = data.draw(st.integers(0, len(body)))
    middle = data.draw(st.binary(max_size=10) | st.sampled_from(TOKENS))
    rest = body[place + data.draw(st.integers(0, 60)) :]
    refused_or_served(*doors.ask(path, body[:place] + middle + rest))


@FUZZ
@given(data=st.data())
def test_headers_of_any_text_are_refused_or_served(doors: Doors, data: st.DataObject) -> None:
    values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
    headers = {
        name: data.draw(values) for name in data.draw(st.lists(st.sampled_from(HEADERS), max_size=4, unique=True))
    }
    path = data.draw(st.sampled_from(list(BODIES)))
    refused_or_served(*doors.ask(path, json.dumps(BODIES[path]).encode(), headers))


@FUZZ
@given(
    st.sampled_from(["GET", "DELETE", "POST", "HEAD", "PUT", "PATCH"]),
    st.lists(
        st.sampled_from([*"/v1betamodlsc:20.{}~$&=?#*+;@-_", "%00", "%0d%0a", "..", "%2e%2e", "%ff"]), max_size=12
    ).map("".join),
    st.sampled_from(["/v1/responses/", "/v1/files/", "/v1/models/", "/v1beta/models/", "/v1/baton/decisions/", "/"]),
)
def test_paths_of_any_text_lead_to_a_door_or_to_none(doors: Doors, method: str, tail: str, head: str) -> None:
    status, answer = doors.ask(head + tail, b"{}" if method in {"POST", "PUT"} else b"", method=method)
    assert status in {200, 202, 400, 403, 404, 405, 502}, (status, answer[:300])


@pytest.mark.skipif(not NAMES, reason="captures are kept beside the checkout")
@FUZZ
@given(data=st.data())
def test_damaged_requests_of_real_clients_are_refused_or_served(doors: Doors, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    try:
        dialect, body = load(name)
    except pytest.skip.Exception:
        return
    for _ in range(data.draw(st.integers(1, 4))):
        body = changed(data.draw, body)  # type: ignore[arg-type]
    if isinstance(body, dict):
        body = body | {"model": data.draw(st.sampled_from(["auto", *(f"{one}/m" for one in DIALECTS)]))}
        if dialect == "gemini":
            body = {member: value for member, value in body.items() if member not in {"model", "stream"}}
    refused_or_served(*doors.ask(PATHS_OF[dialect], json.dumps(body).encode()))


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", b'{"model":"auto","messages":%s}'),
        ("/v1/chat/completions", b'{"model":"auto","messages":[{"role":"user","content":%s}]}'),
        ("/v1/chat/completions", b'{"model":"openai-chat/m","messages":[{"role":"user","content":"a"}],"unknown":%s}'),
        ("/v1/chat/completions", b'{"model":"gemini/m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":%s}}]}'),
        ("/v1/chat/completions", b'{"model":"auto","messages":[{"role":"user","content":"a"}],"baton":%s}'),
        ("/v1/messages", b'{"model":"auto","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","content":%s}]}]}'),
        ("/v1/messages", b'{"model":"gemini/m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"x","y":%s}]}]}'),
        ("/v1/responses", b'{"model":"auto","input":%s}'),
        ("/v1/responses", b'{"model":"anthropic/m","input":[{"type":"x","y":%s}]}'),
        ("/v1beta/models/auto:generateContent", b'{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"a":%s}}}]}]}'),
        ("/v1/embeddings", b'{"model":"openai-chat/e","input":%s}'),
        ("/v1/baton/feedback", b'{"request_id":%s}'),
        ("/v1/baton/route", b"%s"),
    ],
)  # fmt: skip
def test_a_body_nested_beyond_reason_is_refused(doors: Doors, path: str, body: bytes) -> None:
    status, answer = doors.ask(path, body % DEEP)
    assert status == 400, (status, answer[:300])


@pytest.mark.parametrize("depth", [10, 100, 200])
def test_a_body_nested_as_deep_as_schemas_are_is_served(doors: Doors, depth: int) -> None:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    for dialect in DIALECTS:
        body = {"model": f"{dialect}/m", "messages": [TEXT], "tools": tools}
        status, answer = doors.ask("/v1/chat/completions", json.dumps(body).encode())
        assert status == 200, (dialect, answer[:300])
