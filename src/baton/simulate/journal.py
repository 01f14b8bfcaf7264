"""What the simulation saw and did, one entry for each request that ended: the oracle of tests and of the Gauntlet."""

from collections import OrderedDict, deque
from typing import Literal

from msgspec import Struct

from baton.simulate.answer import Outcome
from baton.types.card import Dialect
from baton.types.money import Usage

KEPT_ENTRIES = 20_000
KEPT_COUNTERS = 200_000

Ending = Literal["complete", "cancelled", "fault"]
"""`cancelled`: the client left before the planned end. `fault`: the plan itself was to end badly, and it did."""


class Entry(Struct, frozen=True):
    """`started_s` and `ended_s` are seconds on the server's own monotonic clock; `cost` in nano-dollars."""

    sequence: int
    started_s: float
    ended_s: float
    dialect: Dialect
    model: str
    nonce: str
    attempt: int
    status: int
    stream: bool
    ending: Ending
    sent_bytes: int
    """Bytes of the body, before the framing, that were handed to the socket."""
    fault: str | None
    outcome: Outcome
    correct: float | None
    task_type: str | None
    usage: Usage
    cost: int
    refusal: str | None = None
    """Why the request was not served, as the caller was told."""


class Page(Struct, frozen=True):
    """`next` is the `since` that asks for what comes after these entries; `dropped` fell out of the ring unseen."""

    entries: tuple[Entry, ...]
    next: int
    dropped: int


class Journal:
    """A ring of the latest entries, and the count of attempts for each (model, nonce)."""

    def __init__(self, kept: int = KEPT_ENTRIES) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._sequence = 0
        self._attempts: OrderedDict[tuple[str, str], int] = OrderedDict()

    def attempt(self, model: str, nonce: str) -> int:
        """How often this was asked before; counts this time. The longest unused counter is forgotten first."""
        key = (model, nonce)
        number = self._attempts.pop(key, 0)
        self._attempts[key] = number + 1
        if len(self._attempts) > KEPT_COUNTERS:
            self._attempts.popitem(last=False)
        return number

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def write(self, entry: Entry) -> None:
        self._entries.append(entry)

    def since(self, sequence: int = 0) -> Page:
        """Entries are numbered in the order in which requests ended. Safe to call from another thread."""
        kept = tuple(self._entries)
        entries = tuple(entry for entry in kept if entry.sequence > sequence)
        last = kept[-1].sequence if kept else 0
        return Page(entries, max(last, sequence), entries[0].sequence - sequence - 1 if entries else 0)
