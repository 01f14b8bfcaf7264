"""The canonical conversation: what every dialect is read into and written from.

Every element of the input keeps its `path` in the caller's body (`messages[2].content[0]`), so that a handoff report
can account for each of them. Order is block order; where a dialect has another order, that is its rendering.
"""

from typing import Literal

from msgspec import Struct, field

from baton.types.card import Dialect
from baton.types.parts import CacheMarker, Extra, Origin, Part, PrivateEntry

Role = Literal["system", "user", "assistant", "unknown"]
"""Tool results are parts of user turns. `unknown`: a role of no dialect, kept as one opaque part."""


class RawTurn(Struct, frozen=True):
    """The exact bytes of one message as the caller sent it: the same dialect gets them back unchanged."""

    dialect: Dialect
    body: bytes
    origin: Origin = Origin()


class Turn(Struct, frozen=True):
    """One message, or the top-level system prompt (`label` is then `top`, and it stands first)."""

    role: Role
    parts: tuple[Part, ...] = ()
    private: tuple[PrivateEntry, ...] = ()
    raw: RawTurn | None = None
    path: str = ""
    label: str = ""
    """The wire's own word for the role where it has several: `developer`, `tool`, `function`, `top`."""
    name: str = ""
    """Name of the speaker, where the caller gave one."""
    echo: tuple[str, ...] = ()
    """Paths of what the caller echoed of this turn, when the turn was put back as it was made (`TurnMemory`)."""
    made_in: Dialect | None = None
    """Dialect of the extras of a turn that was put back, where it is not that of the conversation."""
    extra: Extra = field(default_factory=dict)


class ToolDefinition(Struct, frozen=True):
    """A tool on offer. `schema` is the JSON text of the parameters' schema, untouched; empty when there is none."""

    name: str
    kind: Literal["function", "custom", "server"] = "function"
    """`server`: run by the provider; then `json` is all there is to know."""
    description: str = ""
    schema: bytes = b""
    strict: bool | None = None
    json: bytes = b""
    """The whole definition in the caller's dialect."""
    path: str = ""
    cache: CacheMarker | None = None
    extra: Extra = field(default_factory=dict)


ChoiceMode = Literal["auto", "none", "required", "named"]


class ToolChoice(Struct, frozen=True):
    """`named` needs `name`; `allowed` limits the choice to these tools; `parallel` None: the vendor's default."""

    mode: ChoiceMode = "auto"
    name: str = ""
    allowed: tuple[str, ...] = ()
    parallel: bool | None = None


class OutputFormat(Struct, frozen=True):
    """Structured output. `schema` is JSON text."""

    kind: Literal["json_schema", "json_object"]
    schema: bytes = b""
    name: str = ""
    description: str = ""
    strict: bool | None = None


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The ladder of reasoning effort, lowest first; a model has some of its steps."""


ThinkingMode = Literal["on", "adaptive", "between_tools", "off"]


class ReasoningControl(Struct, frozen=True):
    """How much the model should think. `adaptive`: the model decides; `between_tools`: only between tool calls."""

    mode: ThinkingMode | None = None
    effort: Effort | None = None
    budget: int | None = None
    """Most tokens of thinking."""
    visible: str = ""
    """What of the thinking should be shown, in the vendor's word: `summarized`, `omitted`, `auto`, `detailed`."""


class Sampling(Struct, frozen=True, omit_defaults=True):
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: float | int | None = None
    seed: int | None = None
    frequency_penalty: float | int | None = None
    presence_penalty: float | int | None = None
    candidates: int | None = None
    """How many answers are wanted (`n`, `candidateCount`)."""
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None


class Conversation(Struct, frozen=True):
    """One request as the caller means it.

    `members` are all top-level members as the caller's own bytes (model and conversation included); the typed fields
    are readings of them. `paths` says where a setting was found: canonical name -> path, such as
    `max_tokens -> max_completion_tokens`, `sampling.top_k -> generationConfig.topK`. Only what stands there was given.
    `unmodelled` names the paths that no typed field reads (`service_tier`, `metadata`): they belong to the dialect.
    """

    dialect: Dialect
    model: str
    turns: tuple[Turn, ...]
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: ToolChoice | None = None
    output: OutputFormat | None = None
    reasoning: ReasoningControl | None = None
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    end_user: str = ""
    """The caller's own name for whom it asks (`user`, `metadata.user_id`)."""
    members: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    unmodelled: tuple[str, ...] = ()


class TurnMemory(Struct, frozen=True):
    """An answer as it was made, kept so that it can be put back in place of what a foreign client echoes of it.

    `key` names the visible turn (`protocol.prefix.turn_key`); `prefix_hash` the visible conversation before it.
    """

    key: str
    turn: Turn
    prefix_hash: str
