"""OpenAI's other paths: each goes on to a provider as it came."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from baton.flow.arrival import Arrival, Reply
from baton.flow.pass_through import Way, pass_on
from baton.server.visit import Visit
from baton.types.errors import NotFound

PATHS: dict[str, tuple[str, ...]] = {
    "/embeddings": ("POST",),
    "/images/generations": ("POST",),
    "/images/edits": ("POST",),
    "/images/variations": ("POST",),
    "/audio/speech": ("POST",),
    "/audio/transcriptions": ("POST",),
    "/audio/translations": ("POST",),
    "/rerank": ("POST",),
    "/moderations": ("POST",),
    "/files": ("GET", "POST"),
    "/files/{rest}": ("GET", "POST", "DELETE"),
    "/batches": ("GET", "POST"),
    "/batches/{rest}": ("GET", "POST", "DELETE"),
}
"""From after `/v1`, with the methods that the vendor has."""


def handler(method: str, path: str) -> Callable[[Visit], Awaitable[Reply]]:
    def answer(visit: Visit) -> Awaitable[Reply]:
        rest = visit.params.get("rest", "")
        way = Way(method, path.replace("{rest}", _encoded(rest)), visit.query.decode("latin-1"))
        return pass_on(Arrival("openai-chat", visit.body, visit.headers, visit.caller), way, visit.house)

    return answer


def _encoded(rest: str) -> str:
    """The server has decoded the path: what an id holds must not become a path, a query or a line of its own."""
    if any(step in {"", ".", ".."} for step in rest.split("/")) and rest:
        raise NotFound(f"there is nothing at {rest!r}: a path has no empty steps and no dots alone")
    return quote(rest, safe="/")
