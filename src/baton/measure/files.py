"""Files of recorded grades: written, read back, and asked what they prove."""

import hashlib
from collections.abc import Sequence

import msgspec

from baton.measure.evidence import VERSION, LadderHeader, Row, climbed
from baton.measure.gate import GateHeader, gated
from baton.measure.shadowed import ShadowHeader, earned
from baton.types.certificate import Certificate
from baton.types.errors import ProofError

Header = LadderHeader | GateHeader | ShadowHeader


class _Version(msgspec.Struct):
    version: object = None


def bytes_of(header: Header, rows: Sequence[Row]) -> bytes:
    return b"".join(msgspec.json.encode(one, order="deterministic") + b"\n" for one in (header, *rows))


def hash_of(file: bytes) -> str:
    return "sha256:" + hashlib.sha256(file).hexdigest()


def read_evidence(file: bytes, name: str) -> tuple[Header, list[Row]]:
    """Raises ProofError for what is no file of grades of this version."""
    first, *lines = file.split(b"\n")
    try:
        version = msgspec.json.decode(first, type=_Version).version
        if version != VERSION:
            raise ProofError(f"{name}: version {version!r} is not {VERSION}: another Baton has made it")
        header = msgspec.json.decode(first, type=Header)
        rows = [msgspec.json.decode(line, type=Row) for line in lines if line]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProofError(f"{name} holds no grades that can be read: {error}") from error
    if len({row.prompt for row in rows}) < len(rows):
        raise ProofError(f"{name} holds a prompt twice: the same pair is no evidence a second time")
    return header, rows


def proven(header: Header, rows: Sequence[Row], grades: str) -> tuple[Certificate, ...]:
    """`grades`: the hash of the file. Raises ValueError for rows that no run writes."""
    if isinstance(header, ShadowHeader):
        return earned(header, rows, grades)
    if isinstance(header, GateHeader):
        return gated(header, rows, grades).certificates
    return climbed(header, rows, grades).certificates
