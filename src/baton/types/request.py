"""A request as the router sees it: dialect-free facts beside the caller's untouched members."""

from typing import Literal

from msgspec import Raw, Struct, field

from baton.types.card import Capability, Dialect
from baton.types.spend import Account
from baton.types.task import Audience
from baton.types.verdict import Check

MEDIA: frozenset[Capability] = frozenset({"image", "audio", "pdf"})


class Wish(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"lambda_": "lambda"}):
    """What the caller asks of the router, from the `baton` object of the body or from `x-baton-*` headers."""

    task_type: str | None = None
    audience: Audience | None = None
    floor: float | None = None
    min_quality: float | None = None
    lambda_: float | None = None
    models: tuple[str, ...] = ()
    """Allow-list of model ids for this request, `*` as wildcard."""
    task_id: str | None = None
    strict_handoff: bool | None = None
    """Refuse, before anything is sent, a handoff that would degrade anything; None: as the config says."""
    priority: int = 0
    """Higher ones leave a queue first, and are shed last: -10 to 10."""
    resume: Literal["error", "continue"] | None = None
    """What becomes of a stream that breaks off: it is told, or another model goes on; None: as the route says."""
    show_cost: bool = False
    """Put model, cost and request id into one more chunk at the end of a stream (SDKs ignore its `baton` member)."""
    tags: tuple[str, ...] = ()
    """Names that what it costs is reported under, besides its key, its team and its end user."""
    session_id: str | None = None
    """The caller's name for the conversation; None: it is told by its first turns."""
    checks: tuple[Check, ...] = ()
    """What an answer must satisfy; a cascade goes on to the next model where one does not."""


class Facts(Struct, frozen=True, gc=False):
    """What can be told about a request without understanding it. Everything here is cheap and explainable."""

    user_text: str = ""
    """The caller's own words: text of the last user turns, capped to head and tail; never tool results."""
    system_text: str = ""
    turns: int = 1
    tools: tuple[str, ...] = ()
    response_schema: bool = False
    tool_results: bool = False
    """The last turn carries tool results: this is a step of a tool loop."""
    needs: frozenset[Capability] = frozenset()
    text_bytes: int = 0
    """Bytes of the body without encoded media: the base of the token estimate."""
    max_output: int | None = None
    depth: int = 0
    """Turns of either side before the last one; what the system says is none."""
    loop_step: int = 0
    """Results of tools since the caller last said something."""
    tool_errors: int = 0
    """Errors among the results of tools that the last turns carry: marked as such, or told by their text."""
    repeats: int = 0
    """How often the caller has said before what he says last, word for word."""
    cached_bytes: int = 0
    """Estimate of the bytes at the beginning that the last request had sent as well, where providers keep such."""
    opening: tuple[Raw | bytes, ...] = ()
    """System prompt, first turn of the caller and the name of his session, as JSON: what tells conversations apart."""

    @property
    def media(self) -> frozenset[Capability]:
        return self.needs & MEDIA


class Request(Struct, frozen=True, gc=False):
    """One request after reading. `members` holds every top-level member as the caller's own bytes, in order."""

    dialect: Dialect
    model: str
    stream: bool
    members: dict[str, Raw]
    wish: Wish
    facts: Facts
    include_usage: bool = False
    """The caller asked for usage in the stream itself (`stream_options.include_usage`)."""


class Caller(Struct, frozen=True):
    """Who asks: the name of the key (never the key), and what that key is allowed and prefers."""

    name: str = "anonymous"
    models: tuple[str, ...] = ()
    floor: float | None = None
    min_quality: float | None = None
    lambda_: float | None = field(default=None, name="lambda")
    task_type: str | None = None
    routes: tuple[str, ...] = ()
    """Names of the routes that the key may use; empty: all."""
    path: tuple[Account, ...] = ()
    """The accounts that limit it, outermost first: those that have no limit are left out."""
    accounts: tuple[str, ...] = ()
    """The accounts that what it spends is booked to, with limits or without; empty: the house and the key."""
    keeps_content: bool = True
    """Its prompts and answers may be kept, as far as the config keeps any."""
    expires_at: float | None = None
    """Unix time from which on the key is not good any more."""
