"""Forms with files (multipart/form-data): one field is read and replaced where it stands, the rest stays untouched."""

import re

from baton.types.errors import MalformedBody

MULTIPART = "multipart/form-data"
BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
HEADERS_END = b"\r\n\r\n"
MAX_HEADER_BYTES = 4_096


def is_multipart(content_type: str) -> bool:
    return content_type[: len(MULTIPART)].lower() == MULTIPART


def field_span(body: bytes, content_type: str, name: str) -> tuple[int, int] | None:
    """Where the value of the first field of that name stands; None when there is none. Raises MalformedBody."""
    found = BOUNDARY.search(content_type)
    if found is None:
        raise MalformedBody("the content type names no boundary: multipart/form-data; boundary=...")
    delimiter = b"--" + (found.group(1) or found.group(2)).encode("latin-1")
    named = re.compile(rb'[;\s]name="?' + re.escape(name.encode()) + rb'"?\s*(?:;|\r|$)', re.IGNORECASE)
    at = 0 if body.startswith(delimiter) else _next(body, delimiter, 0)
    if at < 0:
        raise MalformedBody("the body does not begin with the boundary that its content type names")
    while not body.startswith(b"--", at + len(delimiter)):
        begin = body.find(HEADERS_END, at, at + len(delimiter) + MAX_HEADER_BYTES)
        end = _next(body, delimiter, at + len(delimiter)) - 2
        if begin < 0 or end < begin:
            raise MalformedBody("a part of the form is cut: it has no end of its headers, or no boundary after it")
        if named.search(_disposition(body[at:begin])):
            return begin + len(HEADERS_END), end
        at = end + 2
    return None


def _next(body: bytes, delimiter: bytes, begin: int) -> int:
    """Where the next delimiter stands that begins a line; -1 when there is none."""
    found = body.find(b"\r\n" + delimiter, begin)
    return -1 if found < 0 else found + 2


def _disposition(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return next((line for line in lines if line[:20].lower() == b"content-disposition:"), b"")
