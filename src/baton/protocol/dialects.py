"""What each dialect package implements, and the table that finds it. Packages are imported when first asked for."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from msgspec import Raw, Struct

from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.events import AnswerMessage, Event
from baton.types.handoff import HandoffReport, Rendered, Target
from baton.types.parts import Origin, PrivateEntry

PACKAGES: dict[Dialect, str] = {
    "openai-chat": "baton.protocol.openai_chat",
    "openai-responses": "baton.protocol.openai_responses",
    "anthropic": "baton.protocol.anthropic",
    "gemini": "baton.protocol.gemini",
    "ollama": "baton.protocol.ollama",
}


class Reply(Struct, frozen=True, kw_only=True):
    """What a writer of answers must know beyond the events to speak to this caller."""

    model: str
    """The model's name as the caller sees it."""
    id: str = ""
    """Id of the answer; empty: the upstream's own."""
    created: int = 0
    """Unix time in seconds."""
    include_usage: bool = True
    input_tokens: int = 0
    """Estimate to be shown before the upstream has said how much it read."""
    custom_tools: frozenset[str] = frozenset()
    """Names of the caller's tools that take free text: their calls are turned back into free text."""
    tool_names: Mapping[str, str] = {}
    """Names on the upstream's wire -> the caller's own, where they differ (`protocol.tool_ids.renamed_tools`)."""
    show_reasoning: bool = True
    echo: Mapping[str, bytes] = {}
    """Members of the caller's request, for a dialect whose answers repeat them."""
    seal: Callable[[PrivateEntry, bool], str] | None = None
    """Packs private state of a foreign provider for a field that this caller echoes (`protocol.inband.sealer(key)`).

    The flag says that the field stands for nothing else (a carrier), and is to be taken out again on reading.
    """


class StreamReader(Protocol):
    """Bytes of an upstream's stream -> events, however TCP cuts them."""

    def feed(self, data: bytes) -> list[Event]: ...

    def finish(self) -> list[Event]:
        """The upstream closed. Without a Stop or a StreamFault before, the last event is a StreamFault `cut`."""
        ...


class StreamWriter(Protocol):
    """Events -> bytes in the caller's dialect."""

    def write(self, events: Iterable[Event]) -> bytes: ...

    def finish(self) -> bytes:
        """What closes the stream. After events without a Stop it is an error event, never a made-up end."""
        ...

    def report(self) -> HandoffReport:
        """What the caller's dialect could not show; paths begin with `answer`. What was kept is not listed."""
        ...


class Grammar(Struct, frozen=True):
    """One dialect: the functions that its package has under these names."""

    read: Callable[[bytes | Mapping[str, Raw], Origin], Conversation]
    """`read.read(body, origin)`: `origin` is presumed of private state that bears no name. Raises MalformedBody."""
    write: Callable[[Conversation, Target], Rendered]
    """`write.write(conversation, target)`: never raises for what a conversation holds; see `report.rejections`."""
    stream_reader: Callable[[Origin, str], StreamReader]
    """`stream.stream_reader(origin, prefix_hash)`: both are put on the private state that is read."""
    stream_writer: Callable[[Reply], StreamWriter]
    """`stream.stream_writer(reply)`."""
    read_answer: Callable[[bytes, Origin, str], AnswerMessage]
    """`answer.read_answer(body, origin, prefix_hash)`. Raises UpstreamNotJson."""
    write_answer: Callable[[AnswerMessage, Reply], Rendered]
    """`answer.write_answer(answer, reply)`."""


@cache
def grammar_of(dialect: Dialect) -> Grammar:
    def load(module: str, name: str) -> Any:
        return getattr(import_module(f"{PACKAGES[dialect]}.{module}"), name)

    return Grammar(
        read=load("read", "read"),
        write=load("write", "write"),
        stream_reader=load("stream", "stream_reader"),
        stream_writer=load("stream", "stream_writer"),
        read_answer=load("answer", "read_answer"),
        write_answer=load("answer", "write_answer"),
    )
