"""Private state in the one field that a foreign client echoes: packed, tagged and sealed with a MAC.

The fields are Anthropic `signature`, Responses `encrypted_content` and Gemini `thoughtSignature`; SDKs decode the last
one, so that an envelope is plain base64. Whoever reads a request tells envelopes by their tag, without the key; what
comes out of one is trusted only under the key; a broken or forged one is kept and never sent anywhere.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from baton.types.conversation import Conversation, Turn
from baton.types.parts import PrivateEntry, ReasoningPart

TAG = b"baton\x01"
"""Format 1. Six bytes, so that base64 writes the tag as eight letters of its own."""
TEXT_TAG = base64.b64encode(TAG).decode()
MAC_BYTES = 16


class _Sealed(Struct, frozen=True, array_like=True):
    entry: PrivateEntry
    carrier: bool


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Sealed)


def is_envelope(text: str) -> bool:
    """Anything that says it was packed here, sealed or not."""
    return text.startswith(TEXT_TAG)


def seal(entry: PrivateEntry, key: bytes, *, carrier: bool = False) -> str:
    """`carrier`: the field it travels in stands for nothing else, and is taken out again on reading."""
    packed = _ENCODER.encode(_Sealed(replace(entry, path=""), carrier))
    return base64.b64encode(TAG + _mac(packed, key) + packed).decode()


def sealer(key: bytes) -> Callable[[PrivateEntry, bool], str]:
    """For `Reply.seal`."""
    return lambda entry, carrier: seal(entry, key, carrier=carrier)


def open_all(conversation: Conversation, key: bytes) -> Conversation:
    """Envelopes that bear the key's seal become the entries that are in them; the others stay what they are."""
    if not any(entry.kind == "envelope" for turn in conversation.turns for entry in turn.private):
        return conversation
    return replace(conversation, turns=tuple(_open_turn(turn, key) for turn in conversation.turns))


def _open_turn(turn: Turn, key: bytes) -> Turn:
    opened = [_open(entry, key) if entry.kind == "envelope" else None for entry in turn.private]
    if not any(opened):
        return turn
    carriers = {
        entry.anchor
        for entry, sealed in zip(turn.private, opened, strict=True)
        if sealed is not None and sealed.carrier and _is_empty_reasoning(turn, entry.anchor)
    }
    kept = [index for index in range(len(turn.parts)) if index not in carriers]
    place = {old: new for new, old in enumerate(kept)}
    private = []
    for entry, sealed in zip(turn.private, opened, strict=True):
        if sealed is None:
            private.append(replace(entry, anchor=place.get(entry.anchor, -1)))
        else:
            inside = sealed.entry
            anchor = inside.anchor if sealed.carrier else place.get(entry.anchor, -1)
            private.append(replace(inside, anchor=anchor if anchor < len(kept) else -1, path=entry.path))
    echo = tuple(turn.parts[index].path for index in sorted(carriers))
    # The bytes as sent hold envelopes in place of what is in them.
    return replace(
        turn,
        parts=tuple(turn.parts[index] for index in kept),
        private=tuple(private),
        echo=(*turn.echo, *echo),
        raw=None,
    )


def _is_empty_reasoning(turn: Turn, index: int) -> bool:
    return 0 <= index < len(turn.parts) and turn.parts[index] == ReasoningPart(path=turn.parts[index].path)


def _open(entry: PrivateEntry, key: bytes) -> _Sealed | None:
    """None when the seal is broken or another key's."""
    text = entry.payload.decode("ascii", "replace").translate(str.maketrans("-_", "+/"))
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, packed = data[len(TAG) : len(TAG) + MAC_BYTES], data[len(TAG) + MAC_BYTES :]
    if not data.startswith(TAG) or not hmac.compare_digest(mac, _mac(packed, key)):
        return None
    try:
        return _DECODER.decode(packed)
    except (ValueError, RecursionError):  # sealed by us, in a shape of another version
        return None


def _mac(packed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, TAG + packed, hashlib.sha256)[:MAC_BYTES]
