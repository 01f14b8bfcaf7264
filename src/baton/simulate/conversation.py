"""A conversation in no vendor's words: what a driver sends, and what the engine reads from any dialect."""

from typing import Any, Literal

from msgspec import Struct


class ToolSpec(Struct, frozen=True):
    """`parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ToolUse(Struct, frozen=True):
    """`arguments` is the raw JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


class Sealed(Struct, frozen=True):
    """Private state that a caller sent back: the vendor's opaque `value`, and where in the request it stood.

    `text` is the reasoning that was sent beside it, None where the dialect has none beside it.
    """

    value: str
    at: str
    text: str | None = None


class Turn(Struct, frozen=True):
    """One turn. A `tool` turn carries one result: its `text`, for the call named by `result_of`."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    uses: tuple[ToolUse, ...] = ()
    result_of: str = ""
    media: tuple[str, ...] = ()
    """A digest of each part that is no text."""
    notice: str = ""
    """System text that stood directly before this turn, after the beginning of the conversation."""
    sealed: tuple[Sealed, ...] = ()


class Conversation(Struct, frozen=True):
    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    response_schema: dict[str, Any] | None = None

    @property
    def prompt(self) -> str:
        """Text of the last user turn, empty where there is none."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")
