"""The OpenAPI document of the admin API, made from the types that it reads and writes."""

from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct

from baton.record.keys import Change
from baton.server.admin.book import KeyView, MadeKey, NewKey, SpendRow
from baton.server.admin.erasing import NAMED, Erased
from baton.types.spend import KINDS


class _Error(Struct):
    message: str
    type: str
    code: str
    param: str | None = None
    request_id: str = ""


class ErrorBody(Struct):
    error: _Error


class KeyList(Struct):
    keys: list[KeyView]


class SpendTable(Struct):
    by: str
    rows: list[SpendRow]


class ChangeList(Struct):
    changes: list[Change]


TYPES = (NewKey, MadeKey, KeyView, KeyList, SpendTable, ChangeList, Erased, ErrorBody)


def document() -> dict[str, Any]:
    references, components = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    of = dict(zip(TYPES, references, strict=True))
    name = _parameter("name", "path", {"type": "string"}, required=True)
    day = {"type": "string", "format": "date"}
    make = _operation("Make a key; it is shown once", of[MadeKey], 201, body=of[NewKey])
    spend = _operation(
        "What accounts have spent, dearest first",
        of[SpendTable],
        parameters=[
            _parameter("by", "query", {"type": "string", "enum": list(KINDS), "default": "key"}),
            _parameter("since", "query", day),
            _parameter("until", "query", day),
        ],
    )
    audit = _operation(
        "Who changed what, newest first",
        of[ChangeList],
        parameters=[
            _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
            _parameter("before", "query", {"type": "integer", "minimum": 1}),
        ],
    )
    paths: dict[str, dict[str, Any]] = {
        "/v1/baton/keys": {"post": make, "get": _operation("All keys, with what they have spent", of[KeyList])},
        "/v1/baton/keys/{name}": {
            "get": _operation("One key, with what it has spent", of[KeyView], parameters=[name]),
            "delete": _operation("Revoke a key: refused within a second", of[KeyView], parameters=[name]),
        },
        "/v1/baton/spend": {"get": spend},
        "/v1/baton/content": {"delete": _erase(of[Erased])},
        "/v1/baton/audit": {"get": audit},
    }
    for operations in paths.values():
        for one in operations.values():
            one["responses"]["default"] = _response("Refused", of[ErrorBody])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Baton admin API", "version": version("batonpass")},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}}},
        "security": [{"admin": []}],
    }


def _erase(answer: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    dry_run = {"type": "string", "enum": ["true", "false"], "default": "false"}
    return _operation(
        "Delete kept prompts and answers to which all of this applies; at least one has to be given",
        answer,
        parameters=[*(_parameter(one, "query", text) for one in NAMED), _parameter("dry_run", "query", dry_run)],
    )


def _operation(
    summary: str,
    answer: dict[str, Any],
    status: int = 200,
    *,
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {str(status): _response("Done", answer)}}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if parameters:
        operation["parameters"] = parameters
    return operation


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}
