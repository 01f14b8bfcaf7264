"""What a tool answered, as the object that `functionResponse.response` must be, and back to the same text."""

import msgspec
from msgspec import Raw

RESULT = "result"
OUTPUT = "output"
ERROR = "error"
EMPTY = b"{}"
NO_ERROR = frozenset({b"null", b"false"})

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_TEXT = msgspec.json.Decoder(str)


def response_text(response: bytes) -> tuple[str, bool]:
    """The text that a response stands for, and whether it is an error.

    The API's own words for the whole result (`output`, `error`) and the one of its SDKs (`result`) are taken off a
    text; any other object is itself the result.
    """
    members = _OBJECT.decode(response)
    if not members:
        return "", False
    if len(members) > 1:
        return response.decode(), False
    name, value = next(iter(members.items()))
    json = bytes(value)
    if name == ERROR and json not in NO_ERROR:
        return (_TEXT.decode(json) if json[:1] == b'"' else json.decode()), True
    if name in {RESULT, OUTPUT} and json[:1] == b'"':
        return _TEXT.decode(json), False
    return response.decode(), False


def response_of(text: str, *, is_error: bool) -> bytes:
    """The response that reads as this text: the text itself where it is an object that can be told from the rest."""
    if is_error:
        return msgspec.json.encode({ERROR: text})
    if text[:1] == "{" and text[-1:] == "}" and _reads_as_itself(text):
        return text.encode()
    return msgspec.json.encode({RESULT: text})


def _reads_as_itself(text: str) -> bool:
    try:
        json = text.encode()
        msgspec.json.decode(json)  # bytes that are kept raw are not checked for bad escapes
        return response_text(json) == (text, False)
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeError are ValueErrors
        return False
