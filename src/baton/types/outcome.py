"""What became of a request: attempts, usage, cost, and the event that the rest of the house listens to."""

from typing import Literal

from msgspec import Struct

from baton.types.card import Dialect
from baton.types.decision import Decision
from baton.types.money import Usage

Ending = Literal["ok", "rejected", "upstream_fault", "cancelled", "internal_error", "interrupted"]
"""`rejected`: refused before a model was asked. `cancelled`: the caller left. `interrupted`: the replica that served it
was killed, and another one wrote this down. Never a guess: one of these holds."""


class Attempt(Struct, frozen=True, gc=False):
    """One call to one model. Seconds are monotonic durations; cost in nano-dollars."""

    model: str
    provider: str
    status: int
    """HTTP status of the upstream, 0 when there was none."""
    fault: str
    """Name of the fault in the exception tree, empty when the call went well."""
    duration_s: float
    first_byte_s: float
    usage: Usage
    usage_known: bool
    cost: int


class Content(Struct, frozen=True):
    """The bytes of one exchange, kept only as far as the `content` section of the config allows."""

    request: bytes
    answer: bytes


class Finished(Struct, frozen=True, gc=False):
    """Emitted once for every request that reached a door, whatever became of it. The ledger writes exactly this."""

    request_id: str
    task_id: str
    at: float
    """Unix time in seconds when the request arrived."""
    dialect: Dialect
    key: str
    status: int
    ending: Ending
    error: str
    """Code of the error that the caller saw, empty when there was none."""
    stream: bool
    simulated: bool
    duration_s: float
    overhead_s: float
    """Seconds of the duration that were not spent waiting for a model."""
    usage: Usage
    cost: int
    baseline_cost: int
    """What the same tokens would have cost on the reference of the task type (an estimate, labelled as one)."""
    attempts: tuple[Attempt, ...] = ()
    decision: Decision | None = None
    content: Content | None = None
    upstream_dialect: str = ""
    """The dialect that the model was asked in; empty where none was asked."""
    accounts: tuple[str, ...] = ()
    """What the cost is booked to: house, team, key, end user, tags; empty: to the house and the key."""


class Grade(Struct, frozen=True):
    """One score 0..1 for a request, by whom, and why."""

    request_id: str
    score: float
    grader: str
    reason: str
    at: float
