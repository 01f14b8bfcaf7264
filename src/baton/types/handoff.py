"""What a render answers: the bytes, and an account of what became of every element of the input."""

from collections import Counter
from typing import Literal

from msgspec import Struct

from baton.types.card import Capability, Dialect
from baton.types.conversation import Effort
from baton.types.parts import Origin

Action = Literal["kept", "moved", "degraded", "withheld", "rejected"]
"""kept: the target sees it as meant. moved: the same, at another place or in another form. degraded: the model sees or
does something else than was meant. withheld: not sent, on purpose, and kept where it can be sent again (private state)
or without weight for the answer (another vendor's bookkeeping). rejected: the request cannot be sent as it is."""

ACTIONS: tuple[Action, ...] = ("kept", "moved", "degraded", "withheld", "rejected")

HEADER_PATHS = 4
"""Paths named in the short form; the rest is counted."""


class Entry(Struct, frozen=True):
    """`path` is the element's place in the caller's body; `reason` is empty only for `kept`."""

    path: str
    action: Action
    reason: str = ""


class HandoffReport(Struct, frozen=True):
    """One entry for every element of the input, and one (`moved`) for every member that the target needed on top."""

    entries: tuple[Entry, ...] = ()

    def counts(self) -> dict[Action, int]:
        found = Counter(entry.action for entry in self.entries)
        return {action: found[action] for action in ACTIONS}

    @property
    def is_lossy(self) -> bool:
        """What `strict_handoff` refuses."""
        return any(entry.action in {"degraded", "rejected"} for entry in self.entries)

    @property
    def rejections(self) -> tuple[Entry, ...]:
        """Not empty: the rendered body must not be sent."""
        return tuple(entry for entry in self.entries if entry.action == "rejected")

    def header(self) -> str:
        """The short form, safe in an HTTP header: `kept=12; degraded=1; lossy=temperature`."""
        pieces = [f"{action}={count}" for action, count in self.counts().items() if count]
        lossy = [entry.path for entry in self.entries if entry.action in {"degraded", "rejected"}]
        if lossy:
            more = f",+{len(lossy) - HEADER_PATHS}" if len(lossy) > HEADER_PATHS else ""
            pieces.append("lossy=" + ",".join(_printable(path) for path in lossy[:HEADER_PATHS]) + more)
        return "; ".join(pieces)

    def __add__(self, other: "HandoffReport") -> "HandoffReport":
        return HandoffReport(self.entries + other.entries)


class Target(Struct, frozen=True, kw_only=True):
    """Who the conversation is written for: the model's name on its wire, and what it takes.

    None means "not known": the dialect's own default holds, and within the same dialect nothing is touched.
    """

    dialect: Dialect
    model: str
    origin: Origin = Origin()
    """Who will answer: private state goes out only to its own origin."""
    max_output: int | None = None
    """Most tokens of an answer by the model's card: fills a required maximum, and caps a larger one."""
    capabilities: frozenset[Capability] | None = None
    efforts: tuple[Effort, ...] | None = None
    """Steps of reasoning effort that the model has; empty: the model takes no reasoning control."""
    reasoning_style: Literal["effort", "budget"] = "effort"
    """How an Anthropic or Gemini model is told: by a named effort, or by a budget of tokens."""
    sampling: frozenset[str] | None = None
    """Names of the fields of `Sampling` that the model takes."""
    mid_system: bool = True
    """Takes a system message after the first user turn; otherwise it is folded into a user turn, tagged."""
    system_role: Literal["system", "developer"] | None = None
    prefill: bool = True
    """Takes a last turn of the assistant's."""
    max_tokens_member: Literal["max_completion_tokens", "max_tokens"] | None = None
    reasoning_member: str | None = None
    """Member of an assistant message in which a chat server wants its own reasoning back (`reasoning_content`).

    Empty: it takes none.
    """
    tool_id_length: int | None = None
    """Where it is shorter than the dialect's own limit (40 at some Azure deployments)."""
    stop_limit: int | None = None
    flat_text: bool = False
    """A chat server that takes text content only as one string."""
    cache_markers: bool = False
    """Translate the caller's cache markers into the target's own."""
    trust_unmarked: bool = True
    """Private state that nobody's name is on may go to a target of its dialect."""
    stream: bool | None = None
    """Overrides what the caller asked, where the gateway needs it otherwise."""


class Rendered(Struct, frozen=True):
    body: bytes
    report: HandoffReport


def _printable(path: str) -> str:
    return "".join(letter if 32 < ord(letter) < 127 and letter not in ",;" else "?" for letter in path)[:80]
