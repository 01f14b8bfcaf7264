"""The Starlette application of the admin API. Its errors look like those of the rest of Baton.

Life of a request here: 1. the admin key is checked; 2. the body, or the query, is read strictly; 3. the book is asked
in a thread, since it waits for the disk; 4. the answer is JSON.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Any, TypeVar, get_args

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from baton.protocol.voice import voice_of
from baton.record.ledger import Ledger
from baton.server.admin.book import Book, NewKey
from baton.server.admin.document import document
from baton.server.admin.erasing import NAMED, which_of
from baton.server.auth import Keys
from baton.types.errors import (
    BatonError,
    BodyTooLarge,
    MalformedBody,
    MethodNotAllowed,
    NotAllowed,
    NotFound,
    RequestError,
)
from baton.types.spend import Kind

PREFIX = "/v1/baton"
MAX_BODY_BYTES = 64 * 1024
MAX_CHANGES = 1_000
MOST = 2**63 - 1
SAME_SITE = {"same-origin", "none"}
KINDS: tuple[Kind, ...] = get_args(Kind)

Asked = TypeVar("Asked")


class Admin:
    """`ledger` is flushed before figures are read, so that they hold what is done."""

    def __init__(self, book: Book, keys: Keys, ledger: Ledger) -> None:
        self._book = book
        self._keys = keys
        self._ledger = ledger
        self._document = msgspec.json.encode(document())
        self.app = Starlette(
            routes=[
                Route(f"{PREFIX}/keys", self._guarded(self._make), methods=["POST"]),
                Route(f"{PREFIX}/keys", self._guarded(self._list), methods=["GET"]),
                Route(f"{PREFIX}/keys/{{name}}", self._guarded(self._show), methods=["GET"]),
                Route(f"{PREFIX}/keys/{{name}}", self._guarded(self._revoke), methods=["DELETE"]),
                Route(f"{PREFIX}/spend", self._guarded(self._spend), methods=["GET"]),
                Route(f"{PREFIX}/content", self._guarded(self._erase), methods=["DELETE"]),
                Route(f"{PREFIX}/audit", self._guarded(self._audit), methods=["GET"]),
                Route(f"{PREFIX}/openapi.json", self._guarded(self._openapi), methods=["GET"]),
            ],
            exception_handlers={BatonError: _told, HTTPException: _not_here},
        )

    def _guarded(
        self, answer: Callable[[Request, str], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if request.headers.get("sec-fetch-site", "none") not in SAME_SITE:
                raise NotAllowed("a page of another site may not do this in your browser")
            return await answer(request, self._keys.admin(request.headers))

        return guarded

    async def _make(self, request: Request, actor: str) -> Response:
        order = await _body(request, NewKey)
        made = await asyncio.to_thread(self._book.make, order, actor)
        await asyncio.to_thread(self._keys.look)
        return _json(made, 201)

    async def _list(self, _request: Request, _actor: str) -> Response:
        return _json({"keys": await self._fresh(self._book.keys)})

    async def _show(self, request: Request, _actor: str) -> Response:
        return _json(await self._fresh(self._book.show, request.path_params["name"]))

    async def _revoke(self, request: Request, actor: str) -> Response:
        revoked = await self._fresh(self._book.revoke, request.path_params["name"], actor)
        await asyncio.to_thread(self._keys.look)
        return _json(revoked)

    async def _spend(self, request: Request, _actor: str) -> Response:
        query = _query(request, {"by", "since", "until"})
        kind = next((one for one in KINDS if one == query.get("by", "key")), None)
        if kind is None:
            raise RequestError(f"`by` must be one of {', '.join(KINDS)}, not {query['by']!r}", "by")
        rows = await self._fresh(self._book.spend, kind, _date(query, "since"), _date(query, "until"))
        return _json({"by": kind, "rows": rows})

    async def _erase(self, request: Request, actor: str) -> Response:
        query = _query(request, {*NAMED, "dry_run"})
        dry_run = query.pop("dry_run", "false")
        if dry_run not in {"true", "false"}:
            raise RequestError(f"`dry_run` must be true or false, not {dry_run!r}", "dry_run")
        which = which_of(query, time.time())
        return _json(await self._fresh(partial(self._book.erase, which, actor, dry_run=dry_run == "true")))

    async def _audit(self, request: Request, _actor: str) -> Response:
        query = _query(request, {"limit", "before"})
        limit = _number(query, "limit", MAX_CHANGES) or 100
        changes = await asyncio.to_thread(self._book.changes, limit, _number(query, "before", MOST))
        return _json({"changes": changes})

    async def _openapi(self, _request: Request, _actor: str) -> Response:
        return Response(self._document, media_type="application/json")

    async def _fresh(self, ask: Callable[..., Asked], *arguments: Any) -> Asked:
        def work() -> Asked:
            self._ledger.flush()
            return ask(*arguments)

        return await asyncio.to_thread(work)


async def _body(request: Request, kind: type[Asked]) -> Asked:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes: send less")
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body is not what is wanted here: {error}. See {PREFIX}/openapi.json") from error


def _query(request: Request, known: set[str]) -> dict[str, str]:
    """Raises RequestError for what is not known, or is given twice."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    for name in names:
        if name not in known:
            raise RequestError(f"there is no parameter {name!r} here: there are {', '.join(sorted(known))}", name)
        if names.count(name) > 1:
            raise RequestError(f"`{name}` is given twice: give it once", name)
    return dict(given)


def _date(query: dict[str, str], name: str) -> date | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"`{name}` must be a day such as 2026-01-31, not {text!r}", name) from error


def _number(query: dict[str, str], name: str, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most):
        raise RequestError(f"`{name}` must be a whole number from 1 to {most}, not {text!r}", name)
    return int(text)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BatonError)
    headers = {"allow": error.allowed} if isinstance(error, MethodNotAllowed) else None
    body = voice_of("openai-chat").write_error(error, "")
    return Response(body, error.status, headers, media_type="application/json")


async def _not_here(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == MethodNotAllowed.status:
        here = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        allowed = sorted({method for route in here for method in route.methods})
        told: BatonError = MethodNotAllowed(f"{request.url.path} does not take {request.method}", allowed)
    else:
        told = NotFound(f"there is nothing at {request.url.path!r}: see {PREFIX}/openapi.json")
    return await _told(request, told)
