"""What happens to the loop. `at` is Unix time as its teller saw it; it may jump."""

from typing import Literal

from msgspec import Struct

MonitorKind = Literal["absolute", "residual", "guarantee", "canary", "judge"]
ALARMING: tuple[MonitorKind, ...] = ("guarantee", "residual", "canary")
"""Kinds that demote; `absolute` sees every change of traffic, and `judge` the judge: they only name a cause."""

Order = Literal["ack", "retest", "demote", "promote"]


class Watch(Struct, frozen=True):
    """One model on one task type, as the config has it now. `floor`: what its grades are promised not to fall below."""

    task_type: str
    model: str
    reference: bool
    rho: float
    identity: str
    """What its id stands for, and what it costs: changes are told."""
    floor: float | None = None
    certified: bool = True
    """It may serve as soon as it is watched; False: it has to pass first (`proof.mode: safe`)."""


class Configured(Struct, frozen=True, tag="configured"):
    """A config is in force. `threshold`: A of every monitor, from the fleet-wide target."""

    at: float
    watches: tuple[Watch, ...]
    threshold: float


class Observed(Struct, frozen=True, tag="observed"):
    """One value for one monitor: a grade (residual, absolute), or a difference of grades (canary, judge).

    `asked_at`: when the answer was asked for. What was answered before a model's state began says nothing of it.
    """

    at: float
    task_type: str
    model: str
    kind: MonitorKind
    value: float
    asked_at: float


class Paired(Struct, frozen=True, tag="paired"):
    """A shadow was graded."""

    at: float
    task_type: str
    model: str
    reference: float
    candidate: float
    asked_at: float


class Ticked(Struct, frozen=True, tag="ticked"):
    """Time passes."""

    at: float


class Began(Struct, frozen=True, tag="began"):
    """A process took the loop over: what was under way is not any more."""

    at: float
    leader: str


class Ordered(Struct, frozen=True, tag="ordered"):
    """Somebody decided by hand. `model` empty with `ack`: every alarm of the task type."""

    at: float
    order: Order
    task_type: str
    model: str
    by: str


Event = Configured | Observed | Paired | Ticked | Began | Ordered
