"""What a `baton.yaml` may say, as types: the reader checks against them, and editors get them as JSON Schema.

Everything but `models` may be left out. Dollars are per million tokens, as vendors print them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from baton.config.checks import (
    Count,
    HeaderName,
    HeaderValue,
    ModelName,
    Name,
    Regex,
    Share,
    Url,
    Word,
    checked,
    secret_problem,
)
from baton.config.guards import HookConfig, MediaConfig, WebhookConfig
from baton.config.learned import LearnedConfig
from baton.config.orchestrator import OrchestratorConfig
from baton.config.proof import ProofConfig
from baton.config.schema import (
    MIB,
    Bytes,
    ContentConfig,
    HandoffConfig,
    LedgerConfig,
    Seconds,
    ServerConfig,
    SpendConfig,
    StateConfig,
)
from baton.types.card import AuthStyle, Capability, Dialect, Tier
from baton.types.conversation import Effort
from baton.types.quirks import Quirks
from baton.types.reliability import Reliability
from baton.types.secret import Secret
from baton.types.task import OnCap, ToolPolicy

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE_PATTERN = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"
"""`${NAME}` or `${NAME:-default}`."""

Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]
Lambda = Annotated[float, Meta(ge=0, le=1_000_000)]
Dialects = Annotated[tuple[Dialect, ...], Meta(min_length=1)]
ApiKey = Annotated[Secret, checked(secret_problem, "The provider's key, best as ${NAME} of an environment variable")]


class PriceEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """US dollars per million tokens. A cache rate that is left out costs what plain input costs."""

    input_usd: Dollars
    output_usd: Dollars
    cache_read_usd: Dollars | None = None
    cache_write_usd: Dollars | None = None


class ProviderEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An account at an address. What a built-in provider knows by itself may be left out."""

    base_url: Url | None = None
    dialects: Annotated[Dialects | None, Meta(description="The grammars it is asked in")] = None
    auth: Annotated[AuthStyle | None, Meta(description="How it wants its key; none: it wants no key")] = None
    api_key: ApiKey | None = None
    headers: Annotated[dict[HeaderName, HeaderValue], Meta(description="Sent with every call")] = field(
        default_factory=dict
    )
    forward_headers: Annotated[tuple[HeaderName, ...], Meta(description="Callers' headers that are passed on")] = ()
    simulated: Annotated[bool, Meta(description="It only plays a model; everything from it is labelled so")] = False
    kind: Annotated[
        Name | None,
        Meta(description="How it is reached: openai-compatible, azure, bedrock, vertex, ... or an added one"),
    ] = None
    options: Annotated[
        dict[Name, str], Meta(description="What its kind must know: api_version, region, project, location")
    ] = field(default_factory=dict)
    quirks: Annotated[Quirks | None, Meta(description="What all its models take otherwise")] = None


class DeploymentEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of several places where a model can be asked: at an account of `providers`."""

    provider: Name
    upstream: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="The model's name there; default: that of the card"),
    ] = None
    weight: Annotated[
        Annotated[float, Meta(gt=0, le=1_000)], Meta(description="How much it takes, beside the other ones")
    ] = 1.0
    max_concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(description="Calls at once; more wait in a queue (`reliability.queue`)"),
    ] = None


class EffortEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step of reasoning effort as a rung of its own: `model@step` in ladders, rules and cascades."""

    output_factor: Annotated[
        Annotated[float, Meta(gt=0, le=100)],
        Meta(description="Tokens of output, thinking included, beside those of the model as it is"),
    ] = 1.0
    quality: Annotated[dict[str, Share], Meta(description="Quality 0..1 per task type that you assert")] = field(
        default_factory=dict
    )


class ModelEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model card. For a built-in model, what is given here replaces what is known, field by field."""

    id: Annotated[ModelName, Meta(description="provider/model")]
    provider: Annotated[Name | None, Meta(description="Default: the part of the id before the first slash")] = None
    upstream: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="Its name at the provider; default: the part of the id after the first slash"),
    ] = None
    tier: Annotated[Tier | None, Meta(description="Coarse rank, until something is measured")] = None
    context_window: Annotated[Count | None, Meta(description="Tokens of input it can read")] = None
    max_output: Annotated[Count | None, Meta(description="Tokens of output it can write")] = None
    price: PriceEntry | None = None
    capabilities: Annotated[frozenset[Capability] | None, Meta(description="What a request may ask of it")] = None
    specialities: Annotated[frozenset[str] | None, Meta(description="Task types it was made for")] = None
    quality: Annotated[dict[str, Share], Meta(description="Quality 0..1 per task type that you assert")] = field(
        default_factory=dict
    )
    base_url: Annotated[Url | None, Meta(description="This model's own address, instead of its provider's")] = None
    dialects: Annotated[Dialects | None, Meta(description="This model's own grammars")] = None
    auth: Annotated[AuthStyle | None, Meta(description="How this model's own address wants its key")] = None
    api_key: ApiKey | None = None
    quirks: Annotated[Quirks | None, Meta(description="What this model takes otherwise")] = None
    efforts: Annotated[
        dict[Effort, EffortEntry | None], Meta(description="Steps of reasoning effort that are rungs of their own")
    ] = field(default_factory=dict)
    deployments: Annotated[
        tuple[DeploymentEntry, ...],
        Meta(description="Where it can be asked, instead of `provider`: the one with the least to do is taken"),
    ] = ()


class CascadeEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Cheap models first, and a look at what they say; a stronger one where it does not convince."""

    models: Annotated[
        Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)],
        Meta(description="Who is asked, one after the other: model or model@effort"),
    ]
    escalate_to: Annotated[
        str | None, Meta(description="Who answers when none of them convinces; default: the task type's reference")
    ] = None
    agree_with: Annotated[
        str | None, Meta(description="A second cheap model: only an answer that two of them give is kept")
    ] = None
    agree: Annotated[
        Annotated[int, Meta(ge=1, le=8)] | None,
        Meta(description="How many of the models must give the same answer; default: 2 with `agree_with`, else 1"),
    ] = None
    checks: Annotated[
        tuple[Word, ...],
        Meta(description="Checks beside those that are always made: logprob, executes, or the name of a judge"),
    ] = ()
    min_logprob: Annotated[
        Annotated[float, Meta(le=0)] | None, Meta(description="Least mean log-probability of an answer's tokens")
    ] = None
    hold: Annotated[
        bool, Meta(description="Hold streams until they are checked; else they go to `escalate_to` at once")
    ] = False
    share_kept: Annotated[
        Share, Meta(description="Share of requests that `escalate_to` is expected not to be asked for")
    ] = 0.7
    skip_above: Annotated[
        Share | None, Meta(description="Difficulty 0..1 above which `escalate_to` is asked at once")
    ] = None


class EscalationEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much of one key's traffic may go to dearer models than rules and table alone would give it."""

    limit: Annotated[Share, Meta(description="Share of the last `window` requests of a key")] = 0.3
    window: Annotated[Annotated[int, Meta(ge=10, le=100_000)], Meta(description="Requests that are looked at")] = 500
    on_cap: Annotated[
        OnCap,
        Meta(description="What then becomes of a request that would go up: refuse, reference, or cheap (it stays)"),
    ] = "reference"


class MatchEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a request counts as a task type: everything that is given must hold; one of the patterns is enough."""

    patterns: Annotated[tuple[Regex, ...], Meta(description="Searched in the caller's own last turns")] = ()
    system_patterns: Annotated[tuple[Regex, ...], Meta(description="Searched in the system prompt")] = ()
    response_schema: Annotated[bool | None, Meta(description="A JSON schema is asked for")] = None
    tools: Annotated[bool | None, Meta(description="Tools are offered")] = None
    code_fence: Annotated[bool | None, Meta(description="A fenced block of code is in the prompt")] = None
    tool_results: Annotated[bool | None, Meta(description="The last turn carries results of tools")] = None
    words: Annotated[
        tuple[Word, ...], Meta(description="Lower-case words, one of which must be there; looked at before patterns")
    ] = ()


class TaskTypeEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"lambda_": "lambda"}):
    """A row of the routing table. For a built-in task type, what is given here replaces what is there."""

    rule: Annotated[
        str | None,
        Meta(description="cheapest, local, code, small, mid, frontier, reference, policy, or a model id"),
    ] = None
    rule_internal: Annotated[str | None, Meta(description="The rule for `audience: internal`")] = None
    reference: Annotated[str | None, Meta(description="The model that the others are held against")] = None
    ladder: Annotated[
        tuple[str, ...] | None, Meta(description="Models that may serve this type, cheapest first; empty: all")
    ] = None
    floor: Annotated[Share | None, Meta(description="Share of the reference's quality a model must reach")] = None
    min_quality: Annotated[Share | None, Meta(description="Absolute quality 0..1 a model must reach")] = None
    lambda_: Annotated[Lambda | None, Meta(description="Quality points per USD saved on 1,000 tasks")] = None
    output_tokens: Annotated[Count | None, Meta(description="Expected length of an answer")] = None
    match: Annotated[tuple[MatchEntry, ...] | None, Meta(description="When a request is of this type")] = None
    parent: Annotated[
        str | None, Meta(description="The type that it is a kind of: what is thinly measured is shrunk towards it")
    ] = None
    gate: Annotated[
        Share | None, Meta(description="Difficulty 0..1 above which a request goes up to the next rung")
    ] = None
    never_below: Annotated[
        str | None, Meta(description="Safety floor, a model or a tier: nothing below it ever serves this type")
    ] = None
    cascade: Annotated[CascadeEntry | None, Meta(description="Ask cheap models first, and look at what they say")] = (
        None
    )
    escalation: Annotated[
        EscalationEntry | None, Meta(description="Bounds what one key can make dearer models be asked for")
    ] = None


class CacheEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exact response cache of a route: identical requests of one key get the same answer again, at no cost."""

    ttl_s: Annotated[Seconds, Meta(description="How long an answer may be given again")] = 300.0
    max_bytes: Annotated[Bytes, Meta(description="Memory for the answers of this route, in each process")] = 64 * MIB


class RouteEntry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"lambda_": "lambda"}):
    """A named entry: what it matches, and what holds for what it matched. The first that matches is taken."""

    name: Name
    model: Annotated[tuple[ModelName, ...], Meta(description="Asked names, `*` as wildcard; empty: any `auto`")] = ()
    task_type: Annotated[tuple[str, ...], Meta(description="Task types it takes; empty: any")] = ()
    key: Annotated[tuple[str, ...], Meta(description="Names of callers' keys it takes; empty: any")] = ()
    rule: Annotated[str | None, Meta(description="Replaces the rule of the task type")] = None
    floor: Share | None = None
    min_quality: Share | None = None
    lambda_: Lambda | None = None
    gate: Annotated[Share | None, Meta(description="Replaces the gate of the task type; 1 opens it")] = None
    models: Annotated[tuple[ModelName, ...], Meta(description="Model ids to choose from; empty: all")] = ()
    strategy: Annotated[
        Literal["auto", "pass"] | None, Meta(description="auto: Baton chooses; pass: the asked model is taken")
    ] = None
    cache: Annotated[CacheEntry | None, Meta(description="Give the same answer to the same request again")] = None
    resume: Annotated[
        Literal["error", "continue"],
        Meta(description="A stream that breaks off: error tells it; continue lets another model go on from the text"),
    ] = "error"
    hedge: Annotated[
        bool, Meta(description="Send a second call when the first is slower than most, and take the faster one")
    ] = False
    tool_policy: Annotated[
        ToolPolicy | None,
        Meta(
            description="Calls of tools that were not offered, or whose arguments do not fit: off, flag (recorded; the "
            "default), refuse (a fault; streams are held from the first call on)"
        ),
    ] = None
    cascade: Annotated[CascadeEntry | None, Meta(description="Ask cheap models first, and look at what they say")] = (
        None
    )
    escalation: Annotated[
        EscalationEntry | None, Meta(description="Bounds what one key can make dearer models be asked for")
    ] = None


class File(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The config of Baton."""

    version: Literal[1] = 1
    models: Annotated[
        tuple[ModelName | ModelEntry | None, ...],
        Meta(description="Cards, ids of built-in cards, or wildcards over them such as openai/*"),
    ] = ()
    """None stands for an item that could not be read."""
    providers: dict[Name, ProviderEntry | None] = field(default_factory=dict)
    aliases: Annotated[dict[ModelName, str], Meta(description="Other names for a model, or for auto")] = field(
        default_factory=dict
    )
    task_types: dict[Name, TaskTypeEntry | None] = field(default_factory=dict)
    routes: tuple[RouteEntry | None, ...] = ()
    """None stands for an item that could not be read."""
    server: ServerConfig = field(default_factory=ServerConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    content: ContentConfig = field(default_factory=ContentConfig)
    handoff: HandoffConfig = field(default_factory=HandoffConfig)
    state: StateConfig = field(default_factory=StateConfig)
    hooks: Annotated[tuple[HookConfig, ...], Meta(description="Checks before and after a call, in this order")] = ()
    webhooks: Annotated[tuple[WebhookConfig, ...], Meta(description="Who is told of events")] = ()
    media: MediaConfig = field(default_factory=MediaConfig)
    spend: SpendConfig = field(default_factory=SpendConfig)
    reliability: Reliability = field(default_factory=Reliability)
    proof: ProofConfig = field(default_factory=ProofConfig)
    learned: LearnedConfig = field(default_factory=LearnedConfig)
    orchestrator: OrchestratorConfig = field(default_factory=OrchestratorConfig)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `baton.yaml`, for editors."""
    schema = msgspec.json.schema(File, schema_hook=_secret_as_text)
    shape = schema["$defs"]["File"]
    shape["required"] = ["models"]
    shape["properties"]["models"] |= {"minItems": 1}
    for name in ("models", "routes"):
        items = shape["properties"][name]["items"]
        items["anyOf"] = [one for one in items["anyOf"] if one != {"type": "null"}]
    return {"$schema": SCHEMA_DIALECT, "title": "baton.yaml", **_with_references(schema)}


def _secret_as_text(kind: type) -> dict[str, Any]:
    if kind is not Secret:
        raise TypeError(f"no JSON Schema is known for {kind!r}")
    return {"type": "string", "minLength": 1}


def _with_references(node: Any) -> Any:
    """Lets every number and flag be written as a reference to an environment variable."""
    if isinstance(node, list):
        return [_with_references(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {name: _with_references(one) for name, one in node.items()}
    if inner.get("type") in {"integer", "number", "boolean"}:
        about = {name: inner.pop(name) for name in ("description", "default") if name in inner}
        return {"anyOf": [inner, {"type": "string", "pattern": REFERENCE_PATTERN}], **about}
    return inner
