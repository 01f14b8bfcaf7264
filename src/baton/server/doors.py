"""The doors of the house: which path is answered by whom."""

import re
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from baton.flow.arrival import Arrival, Reply
from baton.flow.request import serve
from baton.server import gemini, models, pass_through, probes, responses, routing, tokens
from baton.server import orchestrate as runs
from baton.server.visit import Visit
from baton.types.card import Dialect
from baton.types.errors import MethodNotAllowed, NotFound


class Door(Struct, frozen=True):
    open: Callable[[Visit], Awaitable[Reply]]
    free: bool = False
    """Open without a key: says nothing that a stranger may not know."""
    figures: bool = False
    """Tells figures of all callers: for an admin, and on loopback for whoever may ask."""


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """The dialect in which errors outside a known request are written."""
    if path.startswith("/v1/messages") or "anthropic-version" in headers:
        return "anthropic"
    if path.startswith(GEMINI_PATHS) or "x-goog-api-key" in headers:
        return "gemini"
    return "openai-responses" if path.startswith("/v1/responses") else "openai-chat"


def _wire(dialect: Dialect) -> Callable[[Visit], Awaitable[Reply]]:
    def answer(visit: Visit) -> Awaitable[Reply]:
        if dialect in runs.IDS and runs.asks_for_run(visit.body):
            return runs.answer(visit, dialect)
        return serve(Arrival(dialect, visit.body, visit.headers, visit.caller), visit.house)

    return answer


GEMINI_PATHS = "/v1beta/"

DOORS: dict[str, dict[str, Door]] = {
    "/v1/chat/completions": {"POST": Door(_wire("openai-chat"))},
    "/v1/responses": {"POST": Door(_wire("openai-responses"))},
    "/v1/responses/compact": {"POST": Door(responses.compact)},
    "/v1/responses/{id}": {"GET": Door(responses.show), "DELETE": Door(responses.delete)},
    "/v1/responses/{id}/input_items": {"GET": Door(responses.list_items)},
    "/v1/messages": {"POST": Door(_wire("anthropic"))},
    "/v1/messages/count_tokens": {"POST": Door(tokens.count_messages)},
    "/v1beta/models/{model}:{way}": {"POST": Door(gemini.answer)},
    "/v1/models/{model}:{way}": {"POST": Door(gemini.answer)},
    "/v1beta/models": {"GET": Door(gemini.list_models)},
    "/v1beta/models/{model}": {"GET": Door(gemini.show_model)},
    "/v1/models": {"GET": Door(models.list_models)},
    "/v1/models/{model}": {"GET": Door(models.show_model)},
    **{
        f"/v1{path}": {method: Door(pass_through.handler(method, path)) for method in methods}
        for path, methods in pass_through.PATHS.items()
    },
    "/v1/baton/route": {"POST": Door(routing.dry_run)},
    "/v1/baton/decisions/{id}": {"GET": Door(routing.show_decision)},
    "/v1/baton/runs/{id}": {"GET": Door(runs.show_run)},
    "/v1/baton/runs/{id}/events": {"GET": Door(runs.follow_run)},
    "/v1/baton/runs/{id}/resume": {"POST": Door(runs.resume_run)},
    "/v1/baton/feedback": {"POST": Door(routing.take_feedback)},
    "/v1/baton/report": {"GET": Door(routing.show_report)},
    "/health": {"GET": Door(probes.health, free=True)},
    "/livez": {"GET": Door(probes.alive, free=True)},
    "/readyz": {"GET": Door(probes.ready, free=True)},
    "/metrics": {"GET": Door(probes.metrics, figures=True)},
    "/": {"GET": Door(probes.hello, free=True)},
}

_PARAMS = {"way": r"\w+", "id": "[^/]+"}
"""What these parts of a path may be; others, such as names of models, may hold slashes."""


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(
        re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{_PARAMS.get(found[1], '.+')})", path) + r"\Z"
    )


_PATTERNS = [(_pattern(path), doors) for path, doors in DOORS.items() if "{" in path]


def find_door(method: str, path: str) -> tuple[Door, Mapping[str, str]]:
    """Raises NotFound or MethodNotAllowed, naming what there is."""
    doors = DOORS.get(path)
    params: Mapping[str, str] = {}
    if doors is None:
        for pattern, candidates in _PATTERNS:
            if match := pattern.match(path):
                doors, params = candidates, match.groupdict()
                break
        else:
            raise NotFound(f"there is nothing at {path!r}: the paths are {', '.join(DOORS)}")
    door = doors.get(method) or (doors.get("GET") if method == "HEAD" else None)
    if door is None:
        allowed = [*doors, *(["HEAD"] if "GET" in doors else [])]
        raise MethodNotAllowed(f"{path} takes {' or '.join(doors)}, not {method}", allowed)
    return door, params
