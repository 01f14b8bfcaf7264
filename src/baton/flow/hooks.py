"""Hooks: what an operator has checked, redacted or refused before a call, and after it.

A package adds a hook by an entry point in the group `baton.hooks` that leads to `make(options) -> hook`. A hook has
`before`, or `after`, or both. Hooks run one after the other in the order of the config, each with its time limit; one
that fails refuses the request, unless the config lets it fail open.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, TypeVar, cast

from msgspec import Struct

from baton.config.guards import HookConfig
from baton.flow.arrival import Arrival
from baton.flow.run import Run
from baton.protocol.answer_text import text_of
from baton.types.card import Dialect
from baton.types.errors import ConfigError, HookFailed, HookRefused
from baton.types.request import Facts, Request

GROUP = "baton.hooks"
BUILTIN: dict[str, str] = {"redact-patterns": "baton.flow.redact_patterns:make"}
"""As in pyproject.toml, so that the built-in ones are found without reading what is installed."""

V = TypeVar("V")

# --- what a hook sees and says -------------------------------------------------------------------


class HookCall(Struct, frozen=True):
    """One request. `body` is what goes on: the caller's bytes, or what the hook before made of them."""

    request_id: str
    caller: str
    """Name of the key."""
    task_type: str
    dialect: Dialect
    model: str
    """As the caller asked."""
    stream: bool
    facts: Facts
    body: bytes


class HookAnswer(Struct, frozen=True):
    """A whole answer in the caller's dialect; of a stream that is not held `body` is None, for it is not there yet."""

    model: str
    """Who answered."""
    body: bytes | None

    def text(self, call: HookCall) -> str:
        """What the model said, of a held stream too. Raises UpstreamNotJson for an answer that is none."""
        return "" if self.body is None else text_of(call.dialect, self.body, stream=call.stream)


def hook_call(run: Run, request: Request, arrival: Arrival, task_type: str) -> HookCall:
    return HookCall(
        run.request_id, run.caller.name, task_type, request.dialect, request.model, request.stream, request.facts,
        arrival.body,
    )  # fmt: skip


class Allow(Struct, frozen=True):
    """Go on."""


class Replace(Struct, frozen=True):
    """Go on with this body instead: a request, an answer, or the bytes of a whole stream, in the caller's dialect."""

    body: bytes


class Refuse(Struct, frozen=True):
    """Go no further; `text` is what the caller reads."""

    text: str


Verdict = Allow | Replace | Refuse
ALLOW = Allow()


class BeforeCall(Protocol):
    async def before(self, call: HookCall) -> Verdict: ...


class AfterCall(Protocol):
    hold: bool
    """Streams are held back for this hook until they are whole."""

    async def after(self, call: HookCall, answer: HookAnswer) -> Verdict: ...


# --- how they are run ------------------------------------------------------------------------------


class _Placed(Struct, frozen=True):
    config: HookConfig
    hook: object


class Hooks:
    """All hooks of a config. Raises ConfigError for those that cannot be had."""

    def __init__(self, configs: Sequence[HookConfig] = ()) -> None:
        placed = [_Placed(config, _made(config, f"hooks[{index}]")) for index, config in enumerate(configs)]
        self._before = [one for one in placed if hasattr(one.hook, "before")]
        self._after = [one for one in placed if hasattr(one.hook, "after")]
        self.before = bool(self._before)
        """Whether any hook sees requests: nothing is to be called where none does."""
        self.after = bool(self._after)
        self.holds = any(getattr(one.hook, "hold", False) for one in self._after)
        """Whether streams are held back."""

    async def before_call(self, call: HookCall) -> bytes:
        """The body to go on with: the very same object where no hook replaced it. Raises HookRefused, HookFailed."""
        for placed in self._before:
            hook = cast("BeforeCall", placed.hook)
            verdict = await _judged(placed.config, lambda hook=hook, call=call: hook.before(call))  # type: ignore[misc]
            if isinstance(verdict, Replace):
                call = _with_body(call, verdict.body)
        return call.body

    async def after_call(self, call: HookCall, answer: HookAnswer) -> bytes | None:
        """The answer to go on with; None where it was. A hook that holds no streams is told of one without its body.

        Raises HookRefused, HookFailed.
        """
        whole = answer
        for placed in self._after:
            hook = cast("AfterCall", placed.hook)
            seen = HookAnswer(whole.model, None) if call.stream and not getattr(hook, "hold", False) else whole
            verdict = await _judged(placed.config, lambda hook=hook, seen=seen: hook.after(call, seen))  # type: ignore[misc]
            if isinstance(verdict, Replace) and seen.body is not None:
                whole = HookAnswer(whole.model, verdict.body)
        return whole.body


async def _judged(config: HookConfig, ask: Callable[[], Awaitable[V]]) -> V | Allow:
    try:
        async with asyncio.timeout(config.timeout_s):
            verdict = await ask()
        if not isinstance(verdict, Allow | Replace | Refuse):
            raise TypeError(f"its answer is a {type(verdict).__name__}")
    except TimeoutError:
        return _failed(config, f"took longer than {config.timeout_s:g} s")
    except Exception as error:  # noqa: BLE001 - whatever somebody else's code raises is a failure of that hook
        return _failed(config, f"failed ({type(error).__name__})")
    if isinstance(verdict, Refuse):
        raise HookRefused(verdict.text)
    return verdict


def _failed(config: HookConfig, how: str) -> Allow:
    """The text of somebody else's error stays out: it may quote the request."""
    if config.on_failure == "open":
        return ALLOW
    raise HookFailed(f"hook {config.name!r} {how}, so that the request is refused: on_failure of the hook is closed")


def _with_body(call: HookCall, body: bytes) -> HookCall:
    return HookCall(
        call.request_id, call.caller, call.task_type, call.dialect, call.model, call.stream, call.facts, body
    )


# --- how they are found ------------------------------------------------------------------------------


def _made(config: HookConfig, path: str) -> object:
    make = _factory(config.name, path)
    try:
        hook = make(config.options)
    except ConfigError as error:
        raise ConfigError([f"{path}.options: {problem}" for problem in error.problems]) from error
    except Exception as error:
        raise ConfigError([f"{path}: hook {config.name!r} cannot be made: {type(error).__name__}: {error}"]) from error
    if not hasattr(hook, "before") and not hasattr(hook, "after"):
        raise ConfigError([f"{path}: hook {config.name!r} has neither `before` nor `after`"])
    return hook


def _factory(name: str, path: str) -> Callable[[Mapping[str, str]], object]:
    try:
        if name in BUILTIN:
            module, _, attribute = BUILTIN[name].partition(":")
            found = getattr(import_module(module), attribute)
        else:
            points = list(entry_points(group=GROUP, name=name))
            if not points:
                raise ConfigError([f"{path}: hook {name!r} is not known: known are {', '.join(known_hooks())}"])
            found = points[0].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError([f"{path}: hook {name!r} cannot be loaded: {error}"]) from error
    if not callable(found):
        raise ConfigError([f"{path}: hook {name!r} is a {type(found).__name__}: its entry point must make a hook"])
    return cast("Callable[[Mapping[str, str]], object]", found)


def known_hooks() -> list[str]:
    return sorted({*BUILTIN, *(point.name for point in entry_points(group=GROUP))})
