"""Task types and routes: how the operator says what should happen to which task."""

from typing import Literal

from msgspec import Struct, field

from baton.types.cascade import CascadePlan

Audience = Literal["internal", "customer"]

BUILTIN_TASK_TYPES = (
    "classification", "extraction", "format_check", "analysis", "code", "content", "agent", "other",
)  # fmt: skip


class Match(Struct, frozen=True):
    """When a request counts as a task type. Every condition that is set must hold; none set matches nothing.

    `patterns` are regular expressions (RE2-like subset of Python's `re`, searched without case in the caller's own
    last turns after Unicode normalisation and without quoted documents, fenced code only where `code_fence` is true);
    one of them is enough.
    """

    patterns: tuple[str, ...] = ()
    response_schema: bool | None = None
    tools: bool | None = None
    code_fence: bool | None = None
    tool_results: bool | None = None
    system_patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Lower-case words, one of which must stand in the caller's own last turns: cheap, so looked at before patterns."""
    orders: tuple[str, ...] = ()
    """As `patterns`, in small letters, and only where an order may begin: a clause, or after a polite word.

    One of `patterns` and `orders` is enough.
    """


OnCap = Literal["refuse", "reference", "cheap"]
"""What becomes of a request that would go up when the limit is reached: an error, the reference, or no going up."""


class EscalationLimit(Struct, frozen=True):
    """How much of one key's traffic may go to dearer models than rules and table alone would give it."""

    limit: float = 0.3
    """Share 0..1 of the last `window` requests."""
    window: int = 500
    on_cap: OnCap = "reference"


class TaskType(Struct, frozen=True):
    """One row of the routing table.

    `rule` says which models stand for choice: `cheapest`, `local`, `code`, `small`, `mid`, `frontier`, `reference`,
    `policy` (all rungs that meet the floor), or a model id. Within that choice the objective
    `100 * quality - lambda * USD per 1,000 tasks` decides.
    """

    name: str
    rule: str = "policy"
    rule_internal: str | None = None
    """The rule for `audience: internal` where it differs (content: mid tier instead of frontier)."""
    reference: str | None = None
    ladder: tuple[str, ...] = ()
    """Models that may serve this type, cheapest first; empty: every model of the config."""
    floor: float = 0.95
    """rho: the share of the reference's quality that a rung must reach."""
    min_quality: float | None = None
    """Absolute quality 0..1 that a rung must reach as well."""
    lambda_: float = field(default=1.0, name="lambda")
    output_tokens: int = 400
    """Predicted length of an answer, for the expected cost."""
    match: tuple[Match, ...] = ()
    parent: str | None = None
    """The type that it is a kind of: thin measurements are shrunk towards it."""
    gate: float | None = None
    """Difficulty 0..1 above which a request goes up to the next rung that meets the floor; None: no gate."""
    never_below: str | None = None
    """Safety floor: a model or a tier; what is below it on the ladder never serves this type."""
    escalation: EscalationLimit | None = None
    cascade: CascadePlan | None = None
    """The cascade of the config; where it pays, it is run instead of asking `escalate_to` alone."""


class RouteCache(Struct, frozen=True):
    """Answers to identical requests of one key are given again, for a time and up to a size in memory."""

    ttl_s: float
    max_bytes: int


ToolPolicy = Literal["off", "flag", "refuse"]
"""What becomes of an answer that calls a tool that was not offered, or with arguments that do not fit its schema.

`flag`: recorded, the answer goes on. `refuse`: a typed fault.
"""


class Route(Struct, frozen=True):
    """A named entry: what it matches, and the options that hold for what it matched. The first match wins."""

    name: str
    model: tuple[str, ...] = ()
    """Asked model names, `*` as wildcard; empty matches any."""
    task_type: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    rule: str | None = None
    floor: float | None = None
    min_quality: float | None = None
    lambda_: float | None = field(default=None, name="lambda")
    gate: float | None = None
    """Replaces the gate of the task type; 1 opens it."""
    models: tuple[str, ...] = ()
    """Allow-list of model ids, `*` as wildcard; empty allows all."""
    strategy: Literal["auto", "pass"] = "auto"
    """`pass`: the asked model is the target itself, nothing is chosen."""
    cache: RouteCache | None = None
    tool_policy: ToolPolicy = "flag"
    hedge: bool = False
    """A second call is sent when the first is slower than most; the faster one is taken."""
    resume: Literal["error", "continue"] = "error"
    escalation: EscalationLimit | None = None
    """None: as the task type says."""
    cascade: CascadePlan | None = None
    """None: as the task type says."""
