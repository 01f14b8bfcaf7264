"""Images of a conversation that are named by their addresses, and the same conversation with their bytes instead."""

import base64
from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec.structs import replace

from baton.types.conversation import Conversation
from baton.types.parts import ImagePart, Part, ResultContent, ToolResultPart

P = TypeVar("P", Part, ResultContent)

Bytes = Mapping[str, tuple[str, bytes]]
"""Address -> media type and data."""
WEB = ("http://", "https://")


def image_addresses(conversation: Conversation) -> list[str]:
    """Each once, in their order."""
    found = (
        part.url for turn in conversation.turns for part in _images(turn.parts) if part.url.lower().startswith(WEB)
    )
    return list(dict.fromkeys(found))


def with_images(conversation: Conversation, images: Bytes) -> Conversation:
    if not images:
        return conversation
    turns = tuple(
        replace(turn, parts=tuple(_with_bytes(part, images) for part in turn.parts)) for turn in conversation.turns
    )
    return replace(conversation, turns=turns)


def _images(parts: tuple[Part, ...] | tuple[ResultContent, ...]) -> Iterator[ImagePart]:
    for part in parts:
        if isinstance(part, ImagePart):
            yield part
        elif isinstance(part, ToolResultPart):
            yield from _images(part.content)


def _with_bytes(part: P, images: Bytes) -> P:
    if isinstance(part, ImagePart) and part.url in images:
        media_type, data = images[part.url]
        return replace(part, url="", media_type=media_type, data=base64.b64encode(data).decode())
    if isinstance(part, ToolResultPart):
        return replace(part, content=tuple(_with_bytes(one, images) for one in part.content))
    return part
