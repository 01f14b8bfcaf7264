"""Making, showing and revoking keys, and what accounts have spent: for the admin API and for the command line."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from baton.config.checks import Name, model_problem, moment_of, moment_problem, name_problem
from baton.config.keys import why_not_share
from baton.config.problems import nearest
from baton.config.schema import Config, KeyTerms
from baton.flow.spending import spent_now
from baton.record.database import Place
from baton.record.deletion import Deleting
from baton.record.erasure import Which
from baton.record.keys import Change, KeyStore, StoredKey
from baton.record.spend import spend_by
from baton.server.admin.erasing import Erased
from baton.server.admin.erasing import erase as _erase
from baton.server.auth import terms_of
from baton.types.errors import Conflict, NotAllowed, RequestError
from baton.types.money import usd_from_nano
from baton.types.request import Caller
from baton.types.spend import NO_LIMITS, Kind, Spent, account_name

KEY_PREFIX = "bt-"
KEY_BYTES = 32
HINT_CHARS = 7
KEPT_TERMS = frozenset(KeyTerms.__struct_fields__)


class NewKey(KeyTerms, frozen=True, omit_defaults=True):
    """A key to be made. Everything but its name may be left out."""

    name: Name


class SpentUsd(Struct, frozen=True):
    """Of this day, this month (UTC), and all time."""

    day_usd: float
    month_usd: float
    total_usd: float


class KeyView(Struct, frozen=True, omit_defaults=True):
    """A key as it is shown; never the key itself."""

    name: str
    status: Literal["active", "expired", "revoked"]
    source: Literal["config", "database"]
    terms: KeyTerms
    spent: SpentUsd
    hint: str = ""
    created_at: str = ""
    revoked_at: str = ""


class MadeKey(Struct, frozen=True):
    """`key` is shown here and never again."""

    key: str
    view: KeyView


class SpendRow(Struct, frozen=True):
    account: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class Book:
    """Keys of one house. `place` is where its figures are read; `now` gives Unix seconds."""

    def __init__(self, config: Config, store: KeyStore, place: Place, now: Callable[[], float]) -> None:
        self._config = config
        self._store = store
        self._place = place
        self._now = now

    def make(self, order: NewKey, actor: str) -> MadeKey:
        """Raises RequestError for what cannot be meant, Conflict for a name that was given before."""
        self._check(order)
        now = self._now()
        key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        terms = _terms(order)
        stored = StoredKey(
            name=order.name,
            digest=hashlib.sha256(key.encode()).hexdigest(),
            hint=key[:HINT_CHARS],
            terms=msgspec.json.encode(terms).decode(),
            created_at=now,
        )
        detail: dict[str, Any] = msgspec.to_builtins(terms)
        self._store.add(stored, Change(now, actor, "key.create", order.name, detail))
        return MadeKey(key, self._view_stored(stored, {}))

    def revoke(self, name: str, actor: str) -> KeyView:
        """It is refused everywhere within a second. Raises NotFound, NotAllowed for a key of the config."""
        if any(key.name == name for key in self._config.server.keys):
            raise NotAllowed(f"key {name!r} stands in the config: take it out of server.keys", "name")
        stored = self._store.revoke(name, Change(self._now(), actor, "key.revoke", name))
        return self._view_stored(stored, self._spent())

    def keys(self) -> list[KeyView]:
        """Those of the config first."""
        spent = self._spent()
        configured = [self._view_configured(key.name, key, spent) for key in self._config.server.keys]
        return [*configured, *(self._view_stored(key, spent) for key in self._store.all())]

    def show(self, name: str) -> KeyView:
        """Raises NotFound."""
        for key in self._config.server.keys:
            if key.name == name:
                return self._view_configured(name, key, self._spent())
        return self._view_stored(self._store.find(name), self._spent())

    def spend(self, kind: Kind, since: date | None, until: date | None) -> list[SpendRow]:
        """Dearest first; both days count."""
        lines = spend_by(self._place, kind, _day(since) or 0, _day(until))
        return [
            SpendRow(one.account, one.requests, one.input_tokens, one.output_tokens, usd_from_nano(one.cost))
            for one in lines
        ]

    def erase(self, which: Which, actor: str, *, dry_run: bool) -> Erased:
        """Contents of the ledger, here and in PostgreSQL; other replicas follow within a minute. Raises LedgerError."""
        places = [Deleting(self._place)]
        path = Path(self._config.ledger.path)
        if places[0].remote and path.is_file():
            places.insert(0, Deleting(path))
        try:
            return _erase(places, which, None if dry_run else actor, self._now())
        finally:
            for place in places:
                place.close()

    def changes(self, limit: int, before: int | None) -> list[Change]:
        """Newest first."""
        return self._store.changes(limit, before)

    # --- what can be meant -----------------------------------------------------------------------

    def _check(self, order: NewKey) -> None:
        snapshot = self._config.snapshot
        for name, what in ((order.name, "name"), (order.team, "team")):
            if name is not None and (problem := name_problem(name)):
                raise RequestError(f"`{what}` {problem}: {name!r}", what)
        if order.name == Caller().name:
            raise RequestError(f"{order.name!r} is the name of callers without a key: choose another", "name")
        if any(key.name == order.name for key in self._config.server.keys):
            raise Conflict(f"a key named {order.name!r} stands in the config: choose another name", "name")
        for pattern in order.models:
            known = [*snapshot.cards, *snapshot.aliases]
            if model_problem(pattern) or not any(fnmatchcase(name, pattern) for name in known):
                raise RequestError(f"model {pattern!r} is not in this config: {nearest(pattern, known)}", "models")
        _known("route", order.routes, [route.name for route in snapshot.routes], "routes")
        if order.task_type is not None:
            _known("task type", (order.task_type,), list(snapshot.task_types), "task_type")
        if order.expires is not None:
            self._check_expiry(order.expires)
        if order.limits() != NO_LIMITS and (refusal := why_not_share(self._config.server.workers, self._config)):
            raise RequestError(refusal)

    def _check_expiry(self, expires: str) -> None:
        if problem := moment_problem(expires):
            raise RequestError(f"`expires` {problem}, not {expires!r}", "expires")
        if moment_of(expires) <= self._now():
            raise RequestError(f"`expires` lies in the past: {expires!r}", "expires")

    # --- as they are shown -------------------------------------------------------------------------

    def _spent(self) -> Mapping[str, Spent]:
        return spent_now(self._place, self._now())

    def _view_stored(self, key: StoredKey, spent: Mapping[str, Spent]) -> KeyView:
        terms = terms_of(key)
        return KeyView(
            name=key.name,
            status="revoked" if key.revoked_at is not None else self._status(terms),
            source="database",
            terms=terms,
            spent=_usd(spent.get(account_name("key", key.name), Spent())),
            hint=key.hint,
            created_at=_moment(key.created_at),
            revoked_at="" if key.revoked_at is None else _moment(key.revoked_at),
        )

    def _view_configured(self, name: str, terms: KeyTerms, spent: Mapping[str, Spent]) -> KeyView:
        figures = _usd(spent.get(account_name("key", name), Spent()))
        return KeyView(name, self._status(terms), "config", _terms(terms), figures)

    def _status(self, terms: KeyTerms) -> Literal["active", "expired"]:
        return "expired" if terms.expires is not None and moment_of(terms.expires) <= self._now() else "active"


def _terms(order: KeyTerms) -> KeyTerms:
    """What it may do alone, without its name or its key."""
    return KeyTerms(**{name: getattr(order, name) for name in KEPT_TERMS})


def _known(what: str, names: tuple[str, ...], known: list[str], param: str) -> None:
    for name in names:
        if name not in known:
            raise RequestError(f"{what} {name!r} is not in this config: {nearest(name, known)}", param)


def _usd(spent: Spent) -> SpentUsd:
    return SpentUsd(usd_from_nano(spent.day), usd_from_nano(spent.month), usd_from_nano(spent.total))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(one: date | None) -> int | None:
    return None if one is None else (one - date(1970, 1, 1)).days
