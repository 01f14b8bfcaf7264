"""Who asks. Keys are compared by their SHA-256, so that time tells nothing about them; none anywhere: anyone may.

Keys stand in the config, and in the ledger's database, where they are made and revoked while Baton runs: every worker
looks twice a second whether something has changed there. In the ledger's own file it looks before it believes what it
knows; in a database that all replicas share, a thread of its own looks, and what is known stays while that is away.
"""

import hashlib
import math
import threading
import time
import weakref
from collections.abc import Callable, Mapping

import msgspec

from baton.config.checks import is_loopback, moment_of
from baton.config.schema import Config, KeyTerms
from baton.flow.spending import limited
from baton.record.keys import KeyStore, StoredKey
from baton.types.errors import LedgerError, NotAllowed, Unauthorized
from baton.types.request import Caller
from baton.types.secret import Secret
from baton.types.spend import HOUSE, Account, account_name

WAYS = "'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY'"
HASH_PREFIX = "sha256:"
LOOK_S = 0.5
LOCAL_ADMIN = "local"
"""Who acts where no admin key is needed."""
TERMS = msgspec.json.Decoder(KeyTerms)


class Keys:
    """`store` has the keys that were made while Baton ran. Clocks in seconds: Unix time, and one that only grows."""

    def __init__(
        self,
        config: Config,
        store: KeyStore,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        earlier: "Keys | None" = None,
    ) -> None:
        """`earlier`: those under the config before this one. Raises LedgerError where the store cannot be read."""
        server = config.server
        self._config = config
        self._store = store
        self._now = now
        self._monotonic = monotonic
        self._house = Account(HOUSE, config.spend.house.limits())
        self._teams = {
            name: Account(account_name("team", name), entry.limits())
            for name, entry in config.spend.teams.items()
            if entry is not None
        }
        self._anyone = self._caller(Caller().name, KeyTerms())
        self._configured = {_digest_of(key.key): self._caller(key.name, key) for key in server.keys}
        self._admins = {_digest_of(key.key): key.name for key in server.admin_keys}
        self._rows: list[StoredKey] = []
        self._stored: dict[str, Caller] = {}
        self._locked = bool(self._configured or self._admins)
        self._version: tuple[int, int] | None = None
        self._look_at = 0.0
        if store.remote:  # no request waits for it, and none is let in by what was never read
            self._look_at, self._locked = math.inf, True
            if earlier is not None and earlier._version is not None:  # noqa: SLF001 - known until it is read anew
                self._take(earlier._rows, earlier._version)  # noqa: SLF001
            threading.Thread(target=_keep_looking, args=(weakref.ref(self),), name="keys", daemon=True).start()
        else:
            self._load(store.version())

    def caller(self, headers: Mapping[str, str], *, free: bool = False) -> Caller:
        """Raises Unauthorized for a missing, unknown or expired key, unless nothing is locked or the door is free."""
        if self._monotonic() >= self._look_at:
            self.look()
        if free or not self._locked:
            return self._anyone
        given = key_in(headers)
        if given is None:
            raise Unauthorized(f"a key is needed: send it as {WAYS}")
        digest = _sha256(given)
        caller = self._configured.get(digest) or self._stored.get(digest)
        if caller is None:
            raise Unauthorized("this key is not known here, or it was revoked: ask whoever runs Baton for one")
        if caller.expires_at is not None and caller.expires_at <= self._now():
            raise Unauthorized(f"key {caller.name!r} has expired: ask whoever runs Baton for another one")
        return caller

    def admin(self, headers: Mapping[str, str]) -> str:
        """The name of who asks. Raises Unauthorized, or NotAllowed where nobody can be an admin."""
        if self._admins:
            given = key_in(headers)
            name = None if given is None else self._admins.get(_sha256(given))
            if name is None:
                raise Unauthorized(f"an admin key is needed: one of server.admin_keys, sent as {WAYS}")
            return name
        if self._configured or not is_loopback(self._config.server.host):
            raise NotAllowed("this needs an admin key, and none is configured: add server.admin_keys")
        return LOCAL_ADMIN

    def reader(self, headers: Mapping[str, str]) -> Caller:
        """Who may read figures of all: an admin, or where there is none, on loopback, whoever may ask."""
        if self._admins or not is_loopback(self._config.server.host):
            self.admin(headers)
            return self._anyone
        return self.caller(headers)

    def look(self) -> None:
        """Take in what has changed in the store. Where it cannot be read, what is known stays."""
        if not self._store.remote:
            self._look_at = self._monotonic() + LOOK_S
        try:
            version = self._store.version()
            if version != self._version:
                self._load(version)
        except LedgerError:
            return

    def _load(self, version: tuple[int, int]) -> None:
        self._take(self._store.all(), version)

    def _take(self, stored: list[StoredKey], version: tuple[int, int]) -> None:
        self._rows = stored
        good = (key for key in stored if key.revoked_at is None)
        self._stored = {key.digest: self._caller(key.name, terms_of(key)) for key in good}
        # Whoever has revoked the last key does not mean to open the door to everybody.
        self._locked = bool(self._configured or self._admins or stored)
        self._version = version

    def _caller(self, name: str, terms: KeyTerms) -> Caller:
        key = Account(account_name("key", name), terms.limits())
        team = None if terms.team is None else self._teams.get(terms.team, Account(account_name("team", terms.team)))
        path = (self._house, key) if team is None else (self._house, team, key)
        return Caller(
            name,
            models=terms.models,
            floor=terms.floor,
            min_quality=terms.min_quality,
            lambda_=terms.lambda_,
            task_type=terms.task_type,
            routes=terms.routes,
            path=limited(path),
            accounts=tuple(account.name for account in path),
            keeps_content=terms.content != "off",
            expires_at=None if terms.expires is None else moment_of(terms.expires),
        )


def _keep_looking(watched: "weakref.ref[Keys]") -> None:
    """As long as anybody uses the keys."""
    while (keys := watched()) is not None:
        keys.look()
        del keys
        time.sleep(LOOK_S)


def key_in(headers: Mapping[str, str]) -> str | None:
    bearer = headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key")


def terms_of(key: StoredKey) -> KeyTerms:
    """Raises LedgerError."""
    try:
        return TERMS.decode(key.terms)
    except msgspec.DecodeError as error:
        told = f"key {key.name!r} says what this Baton does not know ({error}): update Baton, or revoke the key"
        raise LedgerError(told) from error


def _digest_of(key: Secret) -> str:
    text = key.reveal()
    return text.removeprefix(HASH_PREFIX).lower() if text.startswith(HASH_PREFIX) else _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("latin-1")).hexdigest()  # as headers are read: byte by byte
