"""`baton content delete` and `DELETE /v1/baton/content`: which contents are meant, and what became of them."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from baton.config.checks import moment_of, moment_problem
from baton.flow.spending import MAX_USER_LENGTH
from baton.record.deletion import Deleting
from baton.record.erasure import Found, Which, found, write_order
from baton.record.erasure import erase as erase_found
from baton.types.errors import RequestError

NAMED = ("request_id", "key", "task_id", "user", "before")
SPAN = re.compile(r"(\d{1,6})([hd])")
SPAN_S = {"h": 3_600, "d": 86_400}


class Amount(Struct, frozen=True):
    """`size_bytes` of prompts and answers together."""

    contents: int
    size_bytes: int


class Erased(Struct, frozen=True, omit_defaults=True):
    """What was deleted in the ledger's file and in PostgreSQL, or would be; absent: there is no such place here."""

    dry_run: bool
    file: Amount | None = None
    database: Amount | None = None


def which_of(given: Mapping[str, str], now: float) -> Which:
    """Raises RequestError for what cannot be meant. `before` is a day, a moment of UTC, or an age: 12h, 30d."""
    if not given:
        raise RequestError(f"say which contents are meant: give at least one of {', '.join(NAMED)}")
    for name, text in given.items():
        if not text.strip():
            raise RequestError(f"`{name}` is empty: name something, or leave it out", name)
        if "\x00" in text or (not text.isascii() and not _is_text(text)):
            raise RequestError(f"`{name}` has a character that no name has: {text!r}", name)
    fields = {name: text for name, text in given.items() if name != "before"}
    if "user" in fields:
        fields["user"] = fields["user"][:MAX_USER_LENGTH]  # as it was written down
    before = None if "before" not in given else _moment(given["before"], now)
    return Which(**fields, before=before)


def erase(places: Sequence[Deleting], which: Which, actor: str | None, now: float) -> Erased:
    """`actor` None is a dry run. The order is written where all replicas read it: at the last of the places."""
    there = [found(place, which) for place in places]
    if actor is not None:
        write_order(places[-1], which, now, actor, len(there[-1]))
        for place, one in zip(places, there, strict=True):
            erase_found(place, one)
    amounts = {place.remote: _amount(one) for place, one in zip(places, there, strict=True)}
    return Erased(actor is None, amounts.get(False), amounts.get(True))


def _amount(of: Sequence[Found]) -> Amount:
    return Amount(len(of), sum(one.size_bytes for one in of))


def _is_text(text: str) -> bool:
    """Without halves of characters, which no database takes."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _moment(text: str, now: float) -> float:
    if span := SPAN.fullmatch(text):
        return now - int(span[1]) * SPAN_S[span[2]]
    if moment_problem(text):
        told = "`before` must be a day, a moment of UTC or an age, such as 2026-01-31, 2026-01-31T12:00:00Z or 30d"
        raise RequestError(f"{told}, not {text!r}", "before")
    if moment_of(text) > now:
        raise RequestError(f"`before` lies in the future: {text!r}", "before")
    return moment_of(text)
