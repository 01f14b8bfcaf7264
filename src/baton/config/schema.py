"""What loading a config gives: one frozen `Config`. Its sections are declared once, for values, checks and JSON Schema.

Sizes in bytes, times in seconds, retention in days.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from baton.config.checks import (
    ModelName,
    Name,
    Regex,
    Share,
    checked,
    database_problem,
    key_problem,
    moment_problem,
    redis_problem,
    secret_problem,
)
from baton.config.guards import HookConfig, MediaConfig, WebhookConfig
from baton.config.learned import LearnedConfig
from baton.config.orchestrator import OrchestratorConfig
from baton.config.proof import ProofConfig
from baton.types.decision import PolicySnapshot
from baton.types.money import nano_from_usd
from baton.types.quirks import Quirks
from baton.types.reliability import Reliability
from baton.types.secret import Secret
from baton.types.spend import Limits

MIB = 1024 * 1024

Bytes = Annotated[int, Meta(ge=1024, le=1024 * MIB)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Dollars = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]


def _nano(usd: float | None) -> int | None:
    return None if usd is None else nano_from_usd(usd)


class LimitFields(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an account may use; what is left out is not limited. Days and months are those of UTC."""

    day_usd: Annotated[Dollars | None, Meta(description="Budget of a day")] = None
    month_usd: Annotated[Dollars | None, Meta(description="Budget of a month")] = None
    total_usd: Annotated[Dollars | None, Meta(description="Budget of all time")] = None
    rpm: Annotated[Positive | None, Meta(description="Requests per minute")] = None
    tpm: Annotated[Positive | None, Meta(description="Tokens per minute, input and output")] = None
    parallel: Annotated[Positive | None, Meta(description="Requests at once")] = None

    def limits(self) -> Limits:
        return Limits(
            day=_nano(self.day_usd),
            month=_nano(self.month_usd),
            total=_nano(self.total_usd),
            requests=self.rpm,
            tokens=self.tpm,
            parallel=self.parallel,
        )


class KeyTerms(LimitFields, frozen=True, omit_defaults=True, kw_only=True, rename={"lambda_": "lambda"}):
    """What holds for whoever uses a key."""

    models: Annotated[tuple[ModelName, ...], Meta(description="Model ids the key may use, `*` as wildcard")] = ()
    routes: Annotated[tuple[Name, ...], Meta(description="Names of routes the key may use; empty: all")] = ()
    floor: Annotated[Share | None, Meta(description="Share of the reference's quality, for this key")] = None
    min_quality: Annotated[Share | None, Meta(description="Absolute quality 0..1, for this key")] = None
    lambda_: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="Quality points per USD saved on 1,000 tasks")
    ] = None
    task_type: Annotated[str | None, Meta(description="Task type of everything this key asks")] = None
    content: Annotated[
        Literal["off"] | None,
        Meta(description="off: nothing is kept of its prompts and answers, whatever content.mode is"),
    ] = None
    team: Annotated[Name | None, Meta(description="Who shares budgets with other keys: see spend.teams")] = None
    expires: Annotated[
        Annotated[str, checked(moment_problem, "A day or a moment of UTC: 2027-01-31 or 2027-01-31T12:00:00Z")] | None,
        Meta(description="From then on the key is refused"),
    ] = None


class KeyConfig(KeyTerms, frozen=True, omit_defaults=True):
    """A key that callers of the gateway may use, and what holds for whoever uses it."""

    name: Name
    """Shown in the ledger and in errors instead of the key."""
    key: Annotated[Secret, checked(key_problem, "`${NAME}` of an environment variable, or `sha256:` and 64 hex digits")]
    """Always `sha256:` and the hex digest once loaded: a plain key is forgotten."""


class AdminKeyConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A key for the admin API and the metrics. It asks no model."""

    name: Name
    """Shown in the audit log."""
    key: Annotated[Secret, checked(key_problem, "`${NAME}` of an environment variable, or `sha256:` and 64 hex digits")]


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the gateway listens, what it accepts, how long it waits for a model."""

    host: Annotated[str, Meta(min_length=1, description="Address to bind; anything but loopback needs keys")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="Port to bind; 0 takes a free one")] = 4141
    workers: Annotated[int, Meta(ge=1, le=256, description="Processes that share the port")] = 1
    max_body_bytes: Annotated[Bytes, Meta(description="A larger request is refused with 413")] = 32 * MIB
    max_answer_bytes: Annotated[Bytes, Meta(description="A larger whole answer of a model is a fault")] = 64 * MIB
    connect_s: Annotated[Seconds, Meta(description="Until a model's server takes the connection")] = 5.0
    first_byte_s: Annotated[Seconds, Meta(description="Until the first byte of the answer")] = 300.0
    between_bytes_s: Annotated[Seconds, Meta(description="Between two pieces of an answer")] = 120.0
    total_s: Annotated[Seconds, Meta(description="Until the end of the answer")] = 900.0
    drain_s: Annotated[
        Annotated[float, Meta(ge=0, le=3_600)],
        Meta(description="How long streams may go on after a stop was asked for"),
    ] = 10.0
    keys: Annotated[tuple[KeyConfig, ...], Meta(description="Callers' keys; none: whoever reaches it may ask")] = ()
    admin_keys: Annotated[
        tuple[AdminKeyConfig, ...],
        Meta(description="For the admin API and /metrics, which are closed without one but on loopback"),
    ] = ()


class LedgerConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where every request is written down."""

    path: Annotated[str, Meta(min_length=1, description="SQLite file, relative to the working directory")] = "baton.db"
    flush_s: Annotated[
        Annotated[float, Meta(gt=0, le=60)], Meta(description="Batch interval: what a kill -9 can lose")
    ] = 0.5
    capacity: Annotated[
        Annotated[int, Meta(ge=1, le=10_000_000)], Meta(description="Requests waiting to be written; more are dropped")
    ] = 10_000
    retention_days: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Older rows are deleted; null keeps all")
    ] = None
    database_url: Annotated[
        Annotated[Secret, checked(database_problem, "PostgreSQL that the ledgers of all replicas are shipped to")]
        | None,
        Meta(description="Needs the extra `postgres`; default: the file is all there is"),
    ] = None
    replica: Annotated[
        Name | None, Meta(description="Names a new ledger file among those shipped; default: the host's name")
    ] = None


class ContentConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which prompts and answers are kept beside their figures."""

    mode: Annotated[
        Literal["off", "sampled", "full"], Meta(description="off: figures only; sampled: a share; full: everything")
    ] = "sampled"
    sample_rate: Annotated[
        Annotated[float, Meta(ge=0, le=1)], Meta(description="Share of requests whose content is kept when sampled")
    ] = 0.05
    retention_days: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="Older content is deleted, its figures stay")
    ] = 30.0
    responses_retention_days: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="How long answers of the Responses API can be gone on from")
    ] = 30.0
    redact: Annotated[
        dict[Name, Regex], Meta(description="Name and regular expression: what matches is kept as [name]")
    ] = field(default_factory=dict)


class HandoffConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How conversations move between providers."""

    strict: Annotated[
        bool, Meta(description="Refuse, before anything is sent, a handoff that would degrade anything")
    ] = False
    in_band: Annotated[
        bool, Meta(description="Seal private state of other providers into the fields that callers echo")
    ] = True
    seal_key: Annotated[
        Annotated[Secret, checked(secret_problem, "Seals envelopes; default: one made beside the ledger")] | None,
        Meta(description="Give one where several machines serve the same callers"),
    ] = None
    retention_days: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="How long private state is kept for its maker")
    ] = 30.0


class SpendConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Budgets and limits above those of single keys, and how much is set aside for a request before it is sent."""

    house: Annotated[LimitFields, Meta(description="Of all callers together")] = LimitFields()
    measurement: Annotated[LimitFields, Meta(description="Of baselines, shadows and judges")] = LimitFields()
    orchestration: Annotated[LimitFields, Meta(description="Of orchestrated tasks")] = LimitFields()
    teams: Annotated[dict[Name, LimitFields | None], Meta(description="Of the keys that name the team")] = field(
        default_factory=dict
    )
    input_margin: Annotated[
        Annotated[float, Meta(ge=1, le=10)], Meta(description="Set aside per estimated token of input")
    ] = 1.25
    output_factor: Annotated[
        Annotated[float, Meta(ge=1, le=100)],
        Meta(description="Set aside per expected token of output, where the caller sets no limit"),
    ] = 2.0
    lease_s: Annotated[
        Annotated[float, Meta(ge=1, le=86_400)],
        Meta(description="After this a request that nobody closed counts as spent"),
    ] = 3_600.0


class StateConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What outlives a request and is no figure: private state, kept answers."""

    path: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="SQLite file; default: beside the ledger, with -state in its name"),
    ] = None
    redis_url: Annotated[
        Annotated[Secret, checked(redis_problem, "Redis that all replicas share state, limits and budgets in")] | None,
        Meta(description="Needs the extra `redis`; default: this process stands alone"),
    ] = None
    sessions_ttl_s: Annotated[
        Annotated[float, Meta(ge=0, le=30 * 86_400)],
        Meta(description="How long the model that a conversation is on is remembered; 0: conversations move freely"),
    ] = 3_600.0


class Config(Struct, frozen=True):
    """Everything a gateway or library needs, as one value."""

    snapshot: PolicySnapshot
    server: ServerConfig = field(default_factory=ServerConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    content: ContentConfig = field(default_factory=ContentConfig)
    handoff: HandoffConfig = field(default_factory=HandoffConfig)
    state: StateConfig = field(default_factory=StateConfig)
    spend: SpendConfig = field(default_factory=SpendConfig)
    reliability: Reliability = field(default_factory=Reliability)
    proof: ProofConfig = field(default_factory=ProofConfig)
    learned: LearnedConfig = field(default_factory=LearnedConfig)
    orchestrator: OrchestratorConfig = field(default_factory=OrchestratorConfig)
    hooks: tuple[HookConfig, ...] = ()
    webhooks: tuple[WebhookConfig, ...] = ()
    media: MediaConfig = MediaConfig()
    quirks: dict[str, Quirks] = field(default_factory=dict)
    """By model id: what the file says of the model, over what it says of its provider."""
    notes: tuple[str, ...] = ()
    """Sentences for whoever starts the gateway: what was found, what was left out and why."""
