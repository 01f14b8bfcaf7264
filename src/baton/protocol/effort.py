"""A step of reasoning effort, put into a request in its own dialect where the caller said nothing of the kind.

From there on it is carried as if he had said it: as his bytes, or through the canonical conversation.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from baton.types.card import Dialect
from baton.types.request import Request

Members = Mapping[str, Raw]
Changed = dict[str, Raw] | None
"""Members in place of those that are there; None: the caller has said it himself."""

ABSENT = (b"null", b"")
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
OFF = "none"


def with_effort(request: Request, effort: str) -> Request:
    """The same request where the caller has chosen himself, or where `effort` is empty."""
    if not effort:
        return request
    changed = SETTERS[request.dialect](request.members, effort)
    return request if changed is None else replace(request, members={**request.members, **changed})


def _chat(members: Members, effort: str) -> Changed:
    return None if _given(members, "reasoning_effort") else {"reasoning_effort": _raw(effort)}


def _responses(members: Members, effort: str) -> Changed:
    reasoning = _inside(members, "reasoning")
    if reasoning is None or _given(reasoning, "effort"):
        return None
    return {"reasoning": _raw({**reasoning, "effort": effort})}


def _anthropic(members: Members, effort: str) -> Changed:
    config = _inside(members, "output_config")
    if config is None or _given(config, "effort") or _given(members, "thinking"):
        return None
    if effort == OFF:
        return {"thinking": _raw({"type": "disabled"})}
    return {"output_config": _raw({**config, "effort": effort})}


def _gemini(members: Members, effort: str) -> Changed:
    name = next((name for name in ("generation_config",) if _given(members, name)), "generationConfig")
    config = _inside(members, name)
    if config is None or any(_given(config, member) for member in ("thinkingConfig", "thinking_config")):
        return None
    thinking = {"thinkingBudget": 0} if effort == OFF else {"thinkingLevel": effort}
    return {name: _raw({**config, "thinkingConfig": thinking})}


def _ollama(members: Members, effort: str) -> Changed:
    return None if _given(members, "think") else {"think": _raw(False if effort == OFF else effort)}


SETTERS: dict[Dialect, Callable[[Members, str], Changed]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}


def _given(members: Mapping[str, Raw], name: str) -> bool:
    return name in members and bytes(members[name]) not in ABSENT


def _inside(members: Members, name: str) -> dict[str, Raw] | None:
    """The members of an object, none where it is absent; None where it is no object: its reader will say so."""
    if not _given(members, name):
        return {}
    try:
        return _OBJECT.decode(members[name])
    except (ValueError, RecursionError):
        return None


def _raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))
