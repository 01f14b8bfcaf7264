"""What is read of a prompt before anybody answers it.

*Difficulty* is the chance, 0..1, that a cheap model does worse than the reference.
"""

from collections.abc import Mapping

from msgspec import Struct


class Reading(Struct, frozen=True, gc=False):
    difficulty: float | None
    """None: it cannot be told."""
    gains: Mapping[str, float] | None
    """Per model what its quality on this prompt is below that of its task type, where something was learned."""
    why: str
    """What it was read from, or why it was not."""
