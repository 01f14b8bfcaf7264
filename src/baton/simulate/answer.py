"""What the engine asks and what it is answered, in no vendor's words; every dialect reads and writes these."""

from typing import Any, Literal, Protocol

from msgspec import Struct, field

from baton.simulate.conversation import Conversation, ToolUse
from baton.simulate.draw import label
from baton.simulate.tokens import count, pieces
from baton.types.card import Capability, Tier
from baton.types.money import Price, Usage

Finish = Literal["stop", "stop_sequence", "length", "tool_calls"]
Outcome = Literal["right", "wrong", "graded", "unknown"]
"""`graded`: a recorded grade that is neither 0 nor 1. `unknown`: nobody knows what would be right."""

RefusalKind = Literal["invalid", "unauthorized", "not_found", "method", "too_large"]

Trait = Literal[
    "refuses_sampling", "refuses_prefill", "refuses_inner_system", "refuses_stop", "refuses_max_tokens",
    "refuses_developer", "signs_calls", "tells_reasoning", "needs_reasoning",
]  # fmt: skip
"""What only some models of a vendor do. The last three: Gemini 3 signs its function calls and wants the signatures
back; a model of a chat dialect tells its `reasoning_content`, and wants it back while a tool loop is open."""


class Latency(Struct, frozen=True):
    """Log-normal time to the first token round `first_s`, then `per_token_s` for each token."""

    first_s: float
    per_token_s: float
    spread: float = 0.25


class SimModel(Struct, frozen=True):
    """A simulated model: its card, and how it behaves."""

    id: str
    tier: Tier
    price: Price
    context_window: int
    max_output: int
    capabilities: frozenset[Capability] = frozenset()
    specialities: frozenset[str] = frozenset()
    skill: dict[str, float] = field(default_factory=dict)
    """Per task type: the difficulty (0..1, and beyond) at which the model is right half of the time."""
    latency: Latency = Latency(0.0, 0.0)
    faults: dict[str, float] = field(default_factory=dict)
    """Rate of each fault, keyed by how a fault is written: `{"429;retry_after=1": 0.02}`."""
    thinking: bool = False
    """It reasons whenever a request does not switch that off; others do when a request switches it on."""
    traits: frozenset[Trait] = frozenset()
    family: str = ""
    """Models of one family accept each other's private state. Defaults to the id."""

    @property
    def bound_to(self) -> str:
        return self.family or self.id


class Ask(Struct, frozen=True):
    """One request, read from any dialect. `nonce` names it for every draw; `attempt` counts its repetitions from 0."""

    model: str
    conversation: Conversation
    max_output: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    sample: int = 0
    """Another number asks for another sample of the same answer."""
    nonce: str = ""
    attempt: int = 0
    thinking: bool | None = None
    """Whether the request switches reasoning on or off; None where it says nothing."""
    show_thoughts: bool = True
    """Whether the reasoning is to be readable in the answer, where the dialect leaves that to the caller."""
    tool_choice: Literal["auto", "none", "required"] = "auto"
    tool_name: str | None = None
    """The one tool that must be called."""
    echoed: dict[str, Any] = field(default_factory=dict)
    """Members of the request that the dialect repeats in its answer."""


class Thought(Struct, frozen=True):
    """The reasoning before an answer. `seal` is the vendor's opaque state, empty where the dialect has none."""

    text: str
    seal: str = ""
    redacted: bool = False


class Truth(Struct, frozen=True):
    """What the engine knows about its own answer. `correct` is 0..1; `cost` is a recorded cost in nano-dollars."""

    outcome: Outcome
    correct: float | None = None
    task_type: str | None = None
    cost: int | None = None


UNKNOWN = Truth("unknown")


class SimAnswer(Struct, frozen=True):
    model: str
    text: str
    uses: tuple[ToolUse, ...]
    usage: Usage
    finish: Finish
    truth: Truth
    stop_sequence: str | None = None
    thought: Thought | None = None
    echoed: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """A request that cannot be served; each dialect says it in its vendor's shape."""

    def __init__(self, kind: RefusalKind, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.kind: RefusalKind = kind
        self.message = message
        self.param = param
        self.code = code


class Answerer(Protocol):
    """Whatever can stand behind the wire: the generated fleet, or a replay of recorded answers."""

    @property
    def seed(self) -> int: ...

    @property
    def models(self) -> tuple[SimModel, ...]: ...

    def name_of(self, conversation: Conversation) -> str | None:
        """What the conversation is about, in a name that survives added system text; None where it is not known."""

    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        """Pure. Raises Refused."""


def finished(ask: Ask, text: str, calls: tuple[tuple[str, str], ...], truth: Truth, usage: Usage) -> SimAnswer:
    """Apply what every vendor applies last: stop sequences, then the caller's cap on output tokens.

    `calls` are (name, arguments). `usage.output` is counted anew unless it is recorded (not 0) and nothing was cut.
    """
    finish: Finish = "tool_calls" if calls else "stop"
    stopped_at = {text.find(stop): stop for stop in reversed(ask.stop) if stop and stop in text}
    stop_sequence = None
    if stopped_at:
        stop_sequence = stopped_at[min(stopped_at)]
        text, finish, calls = text[: min(stopped_at)], "stop_sequence", ()
    uses = tuple(
        ToolUse(label(24, ask.model, ask.nonce, ask.attempt, place), name, arguments)
        for place, (name, arguments) in enumerate(calls)
    )
    output = usage.output
    if not output or stop_sequence is not None:
        output = output_tokens(text, uses)
    if ask.max_output is not None and output > ask.max_output:
        text, uses = _capped(text, uses, ask.max_output)
        output, finish = ask.max_output, "length"
    counted = Usage(usage.input, output, usage.cache_read, usage.cache_write, usage.reasoning)
    return SimAnswer(ask.model, text, uses, counted, finish, truth, stop_sequence)


def output_tokens(text: str, uses: tuple[ToolUse, ...]) -> int:
    return count(text) + sum(count(use.name) + count(use.arguments) for use in uses)


def _capped(text: str, uses: tuple[ToolUse, ...], limit: int) -> tuple[str, tuple[ToolUse, ...]]:
    """The first `limit` tokens; a tool call that is reached by the limit keeps the beginning of its arguments."""
    tokens = pieces(text)
    left = limit - len(tokens)
    kept: list[ToolUse] = []
    for use in uses:
        left -= count(use.name)
        if left <= 0:
            break
        kept.append(ToolUse(use.id, use.name, "".join(pieces(use.arguments)[:left])))
        left -= count(use.arguments)
    return "".join(tokens[:limit]), tuple(kept)
