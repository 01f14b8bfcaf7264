"""Sections of the config that guard the way of a request: hooks, webhooks, media that are fetched."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from baton.config.checks import Name, Url, checked, secret_problem
from baton.types.notice import NoticeKind
from baton.types.secret import Secret

MIB = 1024 * 1024


HOST_PATTERN = r"^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"


def host_problem(text: str) -> str:
    return "" if re.fullmatch(HOST_PATTERN, text) else "is not a host: write example.com, or *.example.com"


HostName = Annotated[str, Meta(pattern=HOST_PATTERN, extra={"check": host_problem})]


class HookConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A check before or after a call, found by its entry point in the group `baton.hooks`."""

    name: Annotated[Name, Meta(description="Name of the entry point; redact-patterns is built in")]
    options: Annotated[
        dict[Name, str], Meta(description="What the hook must know; for redact-patterns: name and regular expression")
    ] = field(default_factory=dict)
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=600)], Meta(description="A hook that takes longer has failed")
    ] = 1.0
    on_failure: Annotated[
        Literal["closed", "open"], Meta(description="closed: the request is refused; open: it goes on")
    ] = "closed"


class WebhookConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where events are told: JSON by POST, signed with HMAC-SHA256."""

    url: Annotated[Url, Meta(description="Where events are posted; redirects are not followed")]
    secret: Annotated[Secret, checked(secret_problem, "Signs each event: ${NAME} of an environment variable")]
    events: Annotated[tuple[NoticeKind, ...], Meta(description="budget, breaker, alarm; empty: all of them")] = ()
    allow_private: Annotated[bool, Meta(description="The address may be a private or a loopback one")] = False


class MediaConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Images that callers name by address, for models that must be given their bytes."""

    fetch: Annotated[bool, Meta(description="Fetch them; never from private addresses")] = False
    max_bytes: Annotated[Annotated[int, Meta(ge=1024, le=256 * MIB)], Meta(description="A larger image is refused")] = (
        10 * MIB
    )
    allow_hosts: Annotated[
        tuple[HostName, ...], Meta(description="Hosts that may be asked, `*.` before one for all below it; empty: all")
    ] = ()
    timeout_s: Annotated[Annotated[float, Meta(gt=0, le=300)], Meta(description="For each image")] = 10.0
