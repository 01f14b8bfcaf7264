"""Hashes of what is visible of a conversation: they name turns, and say whether the turns before one still stand.

Only what every dialect can carry is hashed (words, calls, results, media), in a form that survives translation:
neighbouring texts are one text, an assistant's words stand before its calls, arguments are compared as JSON values;
tool ids, cache markers, reasoning and whatever only one dialect has do not count.
System messages before the first other turn are left out: clients change them between requests.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from baton.types.conversation import Turn
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

DIGEST_BYTES = 16


def turn_key(turn: Turn) -> str:
    """Names a visible turn of the assistant's."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for piece in _turn_pieces(turn):
        digest.update(piece)
    return digest.hexdigest()


def prefix_hashes(turns: Sequence[Turn]) -> list[str]:
    """One hash per turn, of everything visible before it, and one more of everything: `len(turns) + 1` hashes."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    hashes = []
    leading = True
    last_role = ""
    for turn in turns:
        hashes.append(digest.hexdigest())
        leading = leading and turn.role == "system"
        if leading:
            continue
        if turn.role != last_role:
            digest.update(b"\x01" + turn.role.encode())
            last_role = turn.role
        for piece in _turn_pieces(turn):
            digest.update(piece)
    hashes.append(digest.hexdigest())
    return hashes


def _turn_pieces(turn: Turn) -> Iterator[bytes]:
    """Space around an assistant's words does not count: clients trim it."""
    if turn.role == "assistant":
        yield _bytes("".join(part.text for part in turn.parts if type(part) is TextPart).strip())
        yield from _visible_pieces(part for part in turn.parts if type(part) is not TextPart)
    else:
        yield from _visible_pieces(turn.parts)


def _visible_pieces(parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        yield from _visible(part)


def _visible(part: Part) -> Iterator[bytes]:
    """Each kind of part under a mark of its own; texts bare, so that two texts hash as their joined text."""
    if type(part) is TextPart:
        yield _bytes(part.text)
    elif type(part) is ToolCallPart:
        yield b"\x02" + _bytes(part.name) + b"\x00" + _canonical(part.arguments)
    elif type(part) is ToolResultPart:
        yield b"\x03" + (b"!" if part.is_error else b"")
        yield from _visible_pieces(part.content)
        yield b"\x00"
    elif type(part) is ImagePart or type(part) is DocumentPart:
        yield b"\x04" + _bytes(part.data or part.url or part.file_id)
        if type(part) is DocumentPart:
            yield _bytes(part.text)
    elif type(part) is AudioPart:
        yield b"\x05" + _bytes(part.data)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _canonical(arguments: str) -> bytes:
    """Arguments as sorted JSON with whole floats as integers: what a client's JSON library may change of them."""
    try:
        value = msgspec.json.decode(arguments.encode()) if arguments.strip() else {}
        return msgspec.json.encode(_whole(value), order="sorted")
    except (ValueError, RecursionError):
        return _bytes(arguments)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
