"""What can go wrong with an answer, where exactly, and when: faults as values, and their schedule as a pure function.

A fault is written `KIND[@POSITION][;option=value]...`, in the header `x-sim-fault` or as a key of `SimModel.faults`:

    500   429;retry_after=2   529        an error status (any number from 400 to 599) in the vendor's shape
    slow;seconds=3                       silence before the first byte
    stall@200;seconds=9                  silence after 200 bytes of the body, then the rest
    cut@200        reset@12e             the connection closes, or is reset, after 200 bytes or after 12 events
    unfinished@12e                       the body ends properly after 12 events: no finish reason, no last event
    error@12e                            an error event of the vendor's inside the stream, then the end
    html   empty   garbage               a 200 with a web page, with nothing, or with something that is not JSON

`framing=length|chunked|close` chooses how the end of the body is known. Without a position the schedule draws one.
"""

import re
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from baton.simulate.delivery import HOLD_S, Delivery, Framing
from baton.simulate.draw import uniform

FaultKind = Literal["status", "slow", "stall", "cut", "reset", "unfinished", "error", "html", "empty", "garbage"]

DEFAULT_SLOW_S = 30.0
LAST_EVENTS = 2
"""A drawn position leaves out at least the events that carry the finish reason, in either dialect."""
HTML_PAGE = b"<!doctype html>\n<html><head><title>502 Bad Gateway</title></head><body>upstream is away</body></html>\n"
GARBAGE = b'{"id": "sim", "choices": [{"index": 0, "mess'

_SHAPE = re.compile(r"(?P<kind>[a-z]+|[45]\d\d)(@(?P<at>\d+)(?P<events>e)?)?(?P<options>(;[a-z_]+=[^;]+)*)")
_POSITIONED = frozenset({"stall", "cut", "reset", "unfinished", "error"})


class Fault(Struct, frozen=True):
    kind: FaultKind
    at: int | None = None
    """Bytes of the body before the framing, or events where `events` is set."""
    events: bool = False
    status: int = 500
    retry_after: str | None = None
    """Sent as it is written, so that any lie can be told."""
    seconds: float | None = None
    framing: Framing | None = None


class Case(Struct, frozen=True):
    """What a schedule may look at. `attempt` counts how often this model was asked for this nonce, from 0."""

    model: str
    nonce: str
    attempt: int


Schedule = Callable[[Case], Fault | None]
"""Pure: the same case gives the same fault, whenever it comes and whatever came before it."""


def no_faults(_case: Case) -> None:
    """The schedule of a fleet that never fails."""


def parse_fault(text: str) -> Fault:
    """Raises ValueError with the grammar in its text."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ValueError(_unreadable(text))
    kind, options = found["kind"], dict(part.split("=", 1) for part in found["options"].split(";")[1:])
    at = int(found["at"]) if found["at"] else None
    try:
        fault = Fault(
            kind="status" if kind.isdigit() else msgspec.convert(kind, FaultKind),
            at=at,
            events=bool(found["events"]),
            status=int(kind) if kind.isdigit() else 500,
            retry_after=options.pop("retry_after", None),
            seconds=float(options.pop("seconds")) if "seconds" in options else None,
            framing=msgspec.convert(options.pop("framing", None), Framing | None),
        )
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(_unreadable(text)) from error
    if options or kind == "status" or (at is not None and fault.kind not in _POSITIONED):
        raise ValueError(_unreadable(text))
    return fault


def _unreadable(text: str) -> str:
    kinds = ", ".join(kind for kind in get_args(FaultKind) if kind != "status")
    return (
        f"fault {text!r} cannot be read: write KIND[@POSITION[e]][;option=value], where KIND is a status from 400 to "
        f"599 or one of {kinds}; a position goes with {', '.join(sorted(_POSITIONED))}; options are retry_after, "
        "seconds, framing (length, chunked or close)"
    )


def seeded(rates: Mapping[str, Mapping[str, float]], *, seed: int, scenario: str = "") -> Schedule:
    """A schedule from rates per model, keyed by how a fault is written. At most one fault for each attempt.

    Raises ValueError for a fault that cannot be read and for rates that are negative or add up to more than 1.
    """
    table = {model: [(parse_fault(text), rate) for text, rate in faults.items()] for model, faults in rates.items()}
    for model, row in table.items():
        if any(rate < 0 for _, rate in row) or sum(rate for _, rate in row) > 1:
            raise ValueError(f"fault rates of {model!r}, {rates[model]!r}: each from 0, all together at most 1")

    def schedule(case: Case) -> Fault | None:
        drawn = uniform("fault", seed, scenario, case.model, case.nonce, case.attempt)
        row = table.get(case.model, [])
        for (fault, _), reached in zip(row, accumulate(rate for _, rate in row), strict=True):
            if drawn < reached:
                return fault
        return None

    return schedule


def afflict(fault: Fault, plan: Delivery, *, error_event: bytes, where: float) -> Delivery:
    """The delivery with the fault in it. `where` (0..1) stands in for a position that the fault leaves open.

    `status` is not handled here: it takes the place of the whole answer before there is a delivery.
    """
    if fault.framing is not None:
        plan = msgspec.structs.replace(plan, framing=fault.framing)
    if fault.kind == "slow":
        return msgspec.structs.replace(plan, first_s=DEFAULT_SLOW_S if fault.seconds is None else fault.seconds)
    if fault.kind in ("html", "empty", "garbage"):
        return _instead(fault, plan)
    kept, rest = _split(plan.pieces, _position(fault, plan, where))
    replace = msgspec.structs.replace
    if fault.kind == "stall":
        return replace(plan, pieces=kept, rest=rest, hold_s=HOLD_S if fault.seconds is None else fault.seconds)
    if fault.kind == "unfinished":
        return replace(plan, pieces=kept)
    if fault.kind == "error":
        return replace(plan, pieces=(*kept, error_event))
    return replace(plan, pieces=kept, length=plan.size, end="cut" if fault.kind == "cut" else "reset")


def _instead(fault: Fault, plan: Delivery) -> Delivery:
    body = {"html": HTML_PAGE, "empty": b"", "garbage": GARBAGE}[fault.kind]
    headers = plan.headers
    if fault.kind == "html":
        headers = tuple(
            ("content-type", "text/html") if name == "content-type" else (name, value) for name, value in headers
        )
    framing = plan.framing if fault.framing is not None else "length"
    pieces = (body,) if body else ()
    return msgspec.structs.replace(plan, headers=headers, pieces=pieces, framing=framing)


def _position(fault: Fault, plan: Delivery, where: float) -> int:
    """In bytes of the body, at least 0 and at most all of it."""
    if fault.kind == "error" and len(plan.pieces) == 1:
        return 0  # an answer that is no stream: the error stands in its place
    if fault.at is None and fault.kind in ("error", "unfinished") and len(plan.pieces) > 1:
        return _size_of(plan.pieces, int(where * max(1, len(plan.pieces) - LAST_EVENTS)))
    if fault.at is None:
        return int(where * plan.size)
    return _size_of(plan.pieces, fault.at) if fault.events else min(fault.at, plan.size)


def _size_of(pieces: tuple[bytes, ...], count: int) -> int:
    return sum(map(len, pieces[:count]))


def _split(pieces: tuple[bytes, ...], position: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    before: list[bytes] = []
    for number, piece in enumerate(pieces):
        if position < len(piece):
            head, tail = piece[:position], piece[position:]
            return (*before, head) if head else tuple(before), (tail, *pieces[number + 1 :])
        before.append(piece)
        position -= len(piece)
    return pieces, ()
