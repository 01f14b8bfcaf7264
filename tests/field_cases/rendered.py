"""A request of one dialect as Baton writes it in another, and answers as they are told: bodies, bytes and reports."""

import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from baton.protocol.dialects import Reply, grammar_of
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.events import AnswerMessage, Event
from baton.types.handoff import Action, HandoffReport, Target
from baton.types.parts import Origin
from tests.protocol.oracle import check_request

Json = dict[str, Any]

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
NOBODY = Origin()
DEFAULTS: dict[str, Json] = {"anthropic": {"max_tokens": 9_000}, "ollama": {"stream": False}}
REPLY = Reply(model="m", id="answer-1", created=1)


class Shown(Struct):
    """`body` is the decoded request, `raw` its bytes."""

    body: Json
    raw: bytes
    report: HandoffReport

    def action(self, path: str) -> Action:
        """Fails when the report says nothing of the path."""
        return self._entry(path)[0]

    def reason(self, path: str) -> str:
        return self._entry(path)[1]

    def paths(self, action: Action) -> list[str]:
        return [entry.path for entry in self.report.entries if entry.action == action]

    @property
    def messages(self) -> list[Json]:
        """The turns, wherever the dialect keeps them."""
        found: list[Json] = next(self.body[name] for name in ("messages", "input", "contents") if name in self.body)
        return found

    def _entry(self, path: str) -> tuple[Action, str]:
        known = {entry.path: (entry.action, entry.reason) for entry in self.report.entries}
        assert path in known, f"{path!r} is not in the report: {sorted(known)}"
        return known[path]


def target(dialect: Dialect, **more: Any) -> Target:
    return Target(**({"dialect": dialect, "model": "m", "max_output": 20_000} | more))


def read(dialect: Dialect, body: Json, origin: Origin = NOBODY) -> Conversation:
    """`body` may do without the members that do not matter in a test."""
    given = {"model": "auto"} | DEFAULTS.get(dialect, {}) | body
    return grammar_of(dialect).read(encoded(given), origin)


def rendered(
    dialect: Dialect, body: Json, to: Dialect | Target, origin: Origin = NOBODY, *, own_members: bool = False
) -> Shown:
    """Read, written, and held against the types of the vendor's own SDK."""
    return written(read(dialect, body, origin), to, own_members=own_members)


def written(conversation: Conversation, to: Dialect | Target, *, own_members: bool = False) -> Shown:
    """`own_members`: the target has members that its dialect's vendor does not know."""
    goal = to if isinstance(to, Target) else target(to)
    found = grammar_of(goal.dialect).write(conversation, goal)
    if not found.report.rejections and not own_members:
        check_request(goal.dialect, found.body, older=goal.dialect == "anthropic")
    return Shown(json.loads(found.body), found.body, found.report)


def encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


# --- answers ---------------------------------------------------------------------------------------


def heard(dialect: Dialect, body: Any, origin: Origin = NOBODY) -> AnswerMessage:
    return grammar_of(dialect).read_answer(encoded(body), origin, "")


def heard_stream(dialect: Dialect, data: bytes, origin: Origin = NOBODY) -> list[Event]:
    reader = grammar_of(dialect).stream_reader(origin, "")
    return [*reader.feed(data), *reader.finish()]


def told(answer: AnswerMessage, dialect: Dialect, **reply: Any) -> Json:
    found: Json = json.loads(grammar_of(dialect).write_answer(answer, replace(REPLY, **reply)).body)
    return found


def told_stream(events: Iterable[Event], dialect: Dialect, **reply: Any) -> bytes:
    writer = grammar_of(dialect).stream_writer(replace(REPLY, **reply))
    return writer.write(events) + writer.finish()


def frames(*events: Any) -> bytes:
    """Server-sent events, with their names where they bear a type."""
    found = b""
    for event in events:
        name = f"event: {event['type']}\n".encode() if isinstance(event, dict) and "type" in event else b""
        data = event if isinstance(event, bytes) else encoded(event)
        found += name + b"data: " + data + b"\n\n"
    return found


def unframed(stream: bytes) -> list[Json]:
    """The JSON of every event."""
    lines = [line.removeprefix(b"data:").strip() for line in stream.splitlines() if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]
