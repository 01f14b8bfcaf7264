"""What a text of the config must satisfy beyond its type. A check returns what is wrong, or an empty text.

The annotated types carry their check along, so that the reader of files and the JSON Schema share one declaration.
"""

import ipaddress
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

Check = Callable[[str], str]

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$"
MODEL_PATTERN = r"^[A-Za-z0-9*~][A-Za-z0-9._:@/+*~-]*$"
HEADER_PATTERN = r"^[A-Za-z0-9-]+$"
HASHED_KEY = re.compile(r"sha256:[0-9a-fA-F]{64}")
KEY_WORDS = ("authorization", "cookie", "key", "token", "secret", "password")
"""Words in the name of a header that carries a credential."""
RESERVED = ("auto", "auto:cost", "auto:quality")
"""Model names by which a caller leaves the choice to Baton."""
NOT_RE2 = (
    (re.compile(r"(?<!\\)(?:\\\\)*\(\?<?[=!]"), "look-around"),
    (re.compile(r"(?<!\\)(?:\\\\)*(?:\\[1-9]|\(\?P=|\(\?\()"), "a reference to an earlier group"),
    (re.compile(r"(?<!\\)(?:\\\\)*\(\?P<"), "a named group, which nothing here reads"),
    (re.compile(r"[*+}]\)(?:[*+]|\{\d+,\})"), "a repetition of a repetition, which can take for ever"),
)
MAX_PATTERN_CHARS = 2000


def checked(check: Check, description: str) -> Meta:
    return Meta(description=description, extra={"check": check})


def _fits(pattern: str, what: str) -> Check:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        return "" if compiled.fullmatch(text) else f"is not a name of {what}"

    return check


def url_problem(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "is not an address: look at its host and port"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is not an address: write it like https://api.example.com/v1"
    if parts.username is not None or parts.password is not None:
        return "holds a credential, which logs would show: put it into api_key"
    if parts.query or parts.fragment:
        return "has a query or a fragment: end it with the path, before /chat/completions or /v1/messages"
    return ""


def regex_problem(text: str) -> str:
    """The subset of `re` that linear-time engines share, so that no prompt can stall the gateway."""
    if not text or len(text) > MAX_PATTERN_CHARS:
        return f"must have 1 to {MAX_PATTERN_CHARS} characters"
    for form, what in NOT_RE2:
        if form.search(text):
            return f"uses {what}: write it without"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(f"(?:{text})", re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return f"is not a regular expression ({error}): put a backslash before characters that stand for themselves"
    return "matches the empty text, and so every prompt: say more" if compiled.search("") else ""


def word_problem(text: str) -> str:
    if re.fullmatch(r"\w+", text) and text == text.lower():
        return ""
    return "is not one word in lower case: write phrases as `patterns`"


def header_problem(text: str) -> str:
    if not re.fullmatch(HEADER_PATTERN, text):
        return "is not the name of a header: use letters, digits and -"
    if any(word in text.lower() for word in KEY_WORDS):
        return "carries a credential: use api_key, and `auth` for the header it travels in"
    return ""


def header_value_problem(text: str) -> str:
    return "" if text.isascii() and text.isprintable() else "must be printable ASCII, as HTTP has it"


def secret_problem(text: str) -> str:
    if not text:
        return "is empty: give the environment variable a value"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "must be printable ASCII without spaces, as HTTP headers have it: look for a stray quote or line end"
    return ""


def database_problem(text: str) -> str:
    return _service_problem(text, ("postgresql", "postgres"), "postgresql://user:password@host:5432/name")


def redis_problem(text: str) -> str:
    return _service_problem(text, ("redis", "rediss"), "redis://:password@host:6379/0")


def _service_problem(text: str, schemes: tuple[str, ...], like: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return f"is not an address: write it like {like}"
    if parts.scheme not in schemes or not (parts.hostname or parts.query):
        return f"is not an address: write it like {like}"
    return ""


def key_problem(text: str) -> str:
    if text.startswith("sha256:") and not HASHED_KEY.fullmatch(text):
        return "must have 64 hex digits after 'sha256:': printf %s KEY | sha256sum"
    return secret_problem(text)


def moment_problem(text: str) -> str:
    try:
        moment_of(text)
    except ValueError:
        return "is not a day or a moment: write 2027-01-31 or 2027-01-31T12:00:00Z"
    return ""


def moment_of(text: str) -> float:
    """Unix time; what names no zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


name_problem = _fits(NAME_PATTERN, "letters, digits and . _ -")
model_problem = _fits(MODEL_PATTERN, "letters, digits and . _ : @ / + -")

Name = Annotated[str, Meta(pattern=NAME_PATTERN, extra={"check": name_problem})]
ModelName = Annotated[str, Meta(pattern=MODEL_PATTERN, extra={"check": model_problem})]
"""A model id, an asked name, or a pattern of them with `*`."""
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=100_000_000)]
Regex = Annotated[str, checked(regex_problem, "Regular expression, searched without case (RE2-like subset)")]
Word = Annotated[str, checked(word_problem, "A word in lower case")]
Url = Annotated[str, checked(url_problem, "Address up to where the dialect's own path begins")]
HeaderName = Annotated[str, checked(header_problem, "Name of an HTTP header without credentials")]
HeaderValue = Annotated[str, checked(header_value_problem, "Value of an HTTP header")]
