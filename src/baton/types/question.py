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


class Told(Struct, frozen=True):
    """What came back. `fault` is the code of what went wrong, empty where there is an answer; cost in nano-dollars."""

    text: str
    model: str
    cost: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    baseline: int = 0
    """What the same tokens would have cost at the orchestrator's own model."""
    simulated: bool = False
    fault: str = ""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Way(Struct, frozen=True):
    """One model that can be asked a question. `cost`: expected, `at_most`: what one answer can cost; nano-dollars."""

    model: str
    cost: int
    at_most: int
    right: float | None = None
    """Lower bound of how often it is right at this task type; None: nothing was measured, and nobody asserts it."""
    why: str = ""
    """The router's reason."""
