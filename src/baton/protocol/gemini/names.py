"""Members of a Gemini object: the API takes each name in camelCase and in snake_case, and clients mix the two."""

import re

import msgspec
from msgspec import Raw

from baton.protocol.fields import OBJECT_MEMBER, Fields, decode
from baton.types.errors import MalformedBody

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_UNDERSCORE = re.compile(r"_+([a-z0-9])")
AS_ASKED: dict[str, str] = {}


def camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name) if "_" in name else name


class Members(Fields):
    """Asked for by the camelCase name; paths and what is left over keep the caller's own spelling."""

    __slots__ = ("_spelt",)

    def __init__(self, members: dict[str, Raw], path: str = "") -> None:
        self.path = path
        self._members = members
        self._spelt = AS_ASKED
        for name in members:
            if "_" in name:
                self._spelt = {short: name for name in members if (short := camel(name)) not in members}
                long = {name: short for short, name in self._spelt.items()}
                self._members = {long.get(name, name): value for name, value in members.items()}
                return

    def rest(self) -> dict[str, bytes]:
        if not self._members:
            return {}
        return {self._spelt.get(name, name): bytes(value) for name, value in self._members.items()}

    def spelt(self, name: str) -> str:
        return self._spelt.get(name, name)

    def place(self, name: str) -> str:
        spelt = self._spelt.get(name, name)
        return f"{self.path}.{spelt}" if self.path else spelt

    def fields(self, name: str) -> "Members | None":
        members = self._take(name, OBJECT_MEMBER, "an object")
        return None if members is None else Members(members, self.place(name))

    def items(self, name: str) -> list[bytes]:
        """One object stands for a list of one."""
        raw = self.raw(name)
        if not raw or raw[:1] == b"{":
            return [raw] if raw else []
        return [bytes(item) for item in self._decode(name, raw, _LIST, "a list")]

    def count(self, name: str) -> int | None:
        """A whole number, which some clients write as `200.0`."""
        number = self.number(name)
        if isinstance(number, float):
            if not number.is_integer():
                raise MalformedBody(f"`{self.place(name)}` must be a whole number, not {number}", self.place(name))
            return int(number)
        return number


def members_of(raw: bytes, path: str) -> Members:
    return Members(decode(raw, _OBJECT, path, "an object"), path)
