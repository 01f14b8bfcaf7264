"""One question to a model, before it is known in which dialect it will be asked."""

from typing import Any

from msgspec import Struct


class Question(Struct, frozen=True):
    """`system` are orders of ours; `user` carries what is to be worked on, as data."""

    user: str
    system: str = ""
    model: str = ""
    """Id of a card; empty: whoever the router chooses for the task type."""
    task_type: str = "other"
    max_output: int = 1_000
    schema: dict[str, Any] | None = None
    """JSON Schema that the answer is to fit; None: free text."""
    apart: tuple[str, ...] = ()
    """Models that are not to be asked."""
