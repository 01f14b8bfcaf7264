"""A Responses request -> the canonical conversation."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.fields import Fields, body_members, list_of, text_of
from baton.protocol.openai_responses.items import DIALECT, read_items
from baton.protocol.openai_responses.settings import read_settings
from baton.protocol.private import stamp
from baton.protocol.weight import REFERENCES
from baton.types.conversation import Conversation, RawTurn, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import Origin, TextPart

UNKNOWN_ORIGIN = Origin()


def read(body: bytes | Mapping[str, Raw], origin: Origin = UNKNOWN_ORIGIN) -> Conversation:
    """`origin` is presumed of reasoning items that bear no envelope. Raises MalformedBody."""
    members = body_members(body)
    fields = Fields(dict(members))
    turns = [*_read_instructions(fields, origin), *_read_input(fields, origin)]
    settings = read_settings(fields)
    return replace(settings, turns=stamp(turns), members={name: bytes(value) for name, value in members.items()})


def _read_instructions(fields: Fields, origin: Origin) -> list[Turn]:
    raw = fields.raw("instructions")
    if not raw:
        return []
    text = TextPart(text_of(raw, "instructions"), "instructions")
    return [Turn("system", (text,), raw=RawTurn(DIALECT, raw, origin), path="instructions", label="top")]


def _read_input(fields: Fields, origin: Origin) -> list[Turn]:
    raw = fields.raw("input")
    if not raw:
        if not any(fields.has(name) for name in REFERENCES[DIALECT]):
            raise MalformedBody("`input` is missing: send a text or a list of items", "input")
        return []
    if raw[:1] == b'"':
        return [Turn("user", (TextPart(text_of(raw, "input"), "input"),), path="input", label="user")]
    return read_items(list_of(raw, "input"), origin)
