"""Signature Version 4 of AWS: pure, over one request. The clock is an argument."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Struct

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"


class AwsKey(Struct, frozen=True):
    """Shown nowhere: neither its repr nor an error holds it."""

    access: str
    secret: str
    session: str = ""

    def __repr__(self) -> str:
        return "AwsKey(****)"


class Scope(Struct, frozen=True):
    region: str
    service: str


def signed(
    method: str, url: str, headers: Mapping[str, str], body: bytes, key: AwsKey, scope: Scope, now: datetime
) -> dict[str, str]:
    """The headers to add: date, token of the session where there is one, authorization. `now` in UTC.

    Of `headers` all are signed, with `host`; names in lower case.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp} | ({"x-amz-security-token": key.session} if key.session else {})
    parts = urlsplit(url)
    covered = {"host": parts.netloc, **headers, **added}
    names = sorted(covered)
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe=f"/{UNRESERVED}"),
            _query(parts.query),
            *(f"{name}:{' '.join(covered[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    credential = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join([ALGORITHM, stamp, credential, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_signing_key(key, stamp[:8], scope), text.encode(), hashlib.sha256).hexdigest()
    added["authorization"] = (
        f"{ALGORITHM} Credential={key.access}/{credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return added


def _query(query: str) -> str:
    pairs = sorted(
        (quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _signing_key(key: AwsKey, day: str, scope: Scope) -> bytes:
    found = f"AWS4{key.secret}".encode()
    for step in (day, scope.region, scope.service, "aws4_request"):
        found = hmac.new(found, step.encode(), hashlib.sha256).digest()
    return found
