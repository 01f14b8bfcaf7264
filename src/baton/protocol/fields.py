"""A JSON object member by member: what a dialect models is taken out, the rest stays as the caller's own bytes."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from baton.protocol.request import read_members
from baton.types.errors import MalformedBody

T = TypeVar("T")

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_TEXT = msgspec.json.Decoder(str)
_TEXTS = msgspec.json.Decoder(list[str])

# For members, where a null counts as absent.
OBJECT_MEMBER = msgspec.json.Decoder(dict[str, Raw] | None)
_LIST_MEMBER = msgspec.json.Decoder(list[Raw] | None)
_TEXT_MEMBER = msgspec.json.Decoder(str | None)
_WHOLE_MEMBER = msgspec.json.Decoder(int | None)
_NUMBER_MEMBER = msgspec.json.Decoder(int | float | None)
_FLAG_MEMBER = msgspec.json.Decoder(bool | None)

NULL = b"null"


class Fields:
    """`path` is the object's place in the body, for errors and reports; empty for the body itself.

    Every method takes a member out and raises MalformedBody when it has the wrong type. A null counts as absent, and
    stays in the rest.
    """

    __slots__ = ("_members", "path")

    def __init__(self, members: dict[str, Raw], path: str = "") -> None:
        self._members = members
        self.path = path

    def raw(self, name: str) -> bytes:
        """The member's own bytes; empty when it is absent."""
        value = self._members.get(name)
        if value is None:
            return b""
        found = bytes(value)
        if found == NULL:
            return b""
        del self._members[name]
        return found

    def text(self, name: str) -> str:
        return "" if name not in self._members else self._take(name, _TEXT_MEMBER, "a string") or ""

    def whole(self, name: str) -> int | None:
        return self._take(name, _WHOLE_MEMBER, "a whole number")

    def number(self, name: str) -> int | float | None:
        return self._take(name, _NUMBER_MEMBER, "a number")

    def flag(self, name: str) -> bool | None:
        return self._take(name, _FLAG_MEMBER, "true or false")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, or one string."""
        raw = self.raw(name)
        if raw[:1] == b'"':
            return (self._decode(name, raw, _TEXT, "a string"),)
        if not raw:
            return ()
        found = self._decode(name, raw, _TEXTS, "a list of strings")
        return tuple(found)

    def fields(self, name: str) -> "Fields | None":
        members = self._take(name, OBJECT_MEMBER, "an object")
        return None if members is None else Fields(members, self.place(name))

    def items(self, name: str) -> list[bytes]:
        return [bytes(item) for item in self._take(name, _LIST_MEMBER, "a list") or ()]

    def has(self, name: str) -> bool:
        return name in self._members

    def is_empty(self) -> bool:
        return not self._members

    def put_back(self, name: str, value: bytes) -> None:
        """Leave a member to the rest after all: its value means nothing to this dialect's reader."""
        self._members[name] = Raw(value)

    def rest(self) -> dict[str, bytes]:
        return {name: bytes(value) for name, value in self._members.items()} if self._members else {}

    def place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _take(self, name: str, decoder: "msgspec.json.Decoder[T | None]", expected: str) -> T | None:
        value = self._members.get(name)
        if value is None:
            return None
        try:
            found = decoder.decode(value)
        except (ValueError, RecursionError):
            return decode(bytes(value), decoder, self.place(name), expected)  # which says what is wrong
        if found is not None:
            del self._members[name]
        return found

    def _decode(self, name: str, raw: bytes, decoder: "msgspec.json.Decoder[T]", expected: str) -> T:
        return decode(raw, decoder, self.place(name), expected)


def decode(raw: bytes, decoder: "msgspec.json.Decoder[T]", path: str, expected: str) -> T:
    try:
        return decoder.decode(raw)
    except RecursionError as error:
        raise MalformedBody(f"`{path}` is nested too deeply", path) from error
    except ValueError as error:  # msgspec.DecodeError, and UnicodeError for broken escapes
        raise MalformedBody(f"`{path}` must be {expected}: {error}", path) from error


def fields_of(raw: bytes, path: str) -> Fields:
    try:
        return Fields(_OBJECT.decode(raw), path)
    except (ValueError, RecursionError):
        return Fields(decode(raw, _OBJECT, path, "an object"), path)  # which says what is wrong


def list_of(raw: bytes, path: str) -> list[bytes]:
    return [bytes(item) for item in decode(raw, _LIST, path, "a list")]


def text_of(raw: bytes, path: str) -> str:
    try:
        return _TEXT.decode(raw)
    except (ValueError, RecursionError):
        return decode(raw, _TEXT, path, "a string")


def given(paths: dict[str, str], name: str, path: str, value: object) -> None:
    """Note where a setting was found, unless it was not."""
    if value is not None:
        paths[name] = path


class SettingNotes:
    """Where settings were found, and what was found that has no typed field."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}
        self.unmodelled: list[str] = []

    def given(self, name: str, path: str, value: object) -> None:
        given(self.paths, name, path, value)

    def rest(self, fields: Fields) -> None:
        self.unmodelled.extend(fields.place(name) for name in fields.rest())


def body_members(body: bytes | Mapping[str, Raw]) -> dict[str, Raw]:
    """The members of a request without Baton's own, which goes to no one."""
    members = read_members(body) if isinstance(body, bytes) else dict(body)
    members.pop("baton", None)
    return members
