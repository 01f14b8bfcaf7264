"""Usage that can be true: what a provider says of its tokens is checked before anybody is billed by it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
from msgspec import Raw

from baton.types.card import ModelCard
from baton.types.errors import UsageFault, UsageImpossible, UsageMissing
from baton.types.money import Usage

IMPOSSIBLE = Usage(-1, -1)
"""Stands for counts that are no whole numbers."""
WINDOWS = 8
"""A count of more than so many context windows is no count of one call."""

SYNTAX = msgspec.json.Decoder(Raw)


class WireUsage(Protocol):
    def usage(self) -> Usage: ...


W = TypeVar("W", bound=WireUsage)


def read_counts(decoder: "msgspec.json.Decoder[W]", raw: bytes | Raw) -> Usage:
    """A vendor's usage object, whatever is in it: an answer is not spoilt by how it was counted."""
    try:
        return decoder.decode(raw).usage()
    except msgspec.ValidationError:
        return IMPOSSIBLE


def read_usage_of(read: Callable[[bytes], Usage | None], body: bytes) -> Usage | None:
    """What `read` finds in a JSON object. Raises msgspec.DecodeError when it is none."""
    try:
        return read(body)
    except msgspec.ValidationError:
        SYNTAX.decode(body)
        if body.lstrip()[:1] != b"{":
            raise
        return IMPOSSIBLE


def usage_fault(usage: Usage | None, card: ModelCard) -> UsageFault | None:
    """What is wrong with the usage of a good answer: to be recorded, never raised. The usage is then not known."""
    who = f"model {card.id!r} at provider {card.provider!r}"
    if usage is None:
        return UsageMissing(f"{who} did not say what it used", model=card.id, provider=card.provider)
    if is_possible(usage, card.context_window):
        return None
    counts = f"input {usage.input}, output {usage.output}, cached {usage.cache_read} + {usage.cache_write}"
    text = f"{who} said that it used what cannot be: {'no whole numbers' if usage == IMPOSSIBLE else counts}"
    return UsageImpossible(text, model=card.id, provider=card.provider)


def believed(usage: Usage | None, card: ModelCard) -> Usage | None:
    """None where it was not told, or cannot be."""
    return usage if usage is not None and is_possible(usage, card.context_window) else None


def is_possible(usage: Usage, context_window: int) -> bool:
    """`context_window` 0: not known."""
    read, written, cached, kept = usage.input, usage.output, usage.cache_read, usage.cache_write
    if read < 0 or written < 0 or cached < 0 or kept < 0 or usage.reasoning < 0 or cached + kept > read:
        return False
    most = WINDOWS * context_window
    return not most or (read <= most and written <= most)
