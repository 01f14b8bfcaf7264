"""Providers: what the file says, over what is built in, with keys and addresses from the environment.

One provider is one account at one address. A model with an address or key of its own gets a provider of its own.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from baton.call.providers.registry import kind_of
from baton.config.catalogue import BuiltinProvider, Catalogue
from baton.config.checks import is_loopback, secret_problem, url_problem
from baton.config.problems import Problems, joined, nearest, shown
from baton.config.shape import ModelEntry, ProviderEntry
from baton.types.card import PLAIN_KIND, Provider
from baton.types.errors import ConfigError
from baton.types.quirks import Quirks
from baton.types.secret import Secret

OLLAMA_PORT = 11434
KEYLESS = frozenset({"none", "sigv4", "google"})
"""Ways of proving who asks that need no key in the config."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Options become parts of addresses."""


class Providers:
    """Makes each provider at first use, so that what no model needs is not missed either."""

    def __init__(
        self,
        declared: Mapping[str, ProviderEntry | None],
        known: Catalogue,
        env: Mapping[str, str],
        own_port: int,
        problems: Problems,
    ) -> None:
        self._declared = {name: entry or ProviderEntry() for name, entry in declared.items()}
        self._known = known.providers
        self._env = env
        self._own_port = own_port
        self._problems = problems
        self._made: dict[str, Provider | None] = {}
        self.in_use: dict[str, Provider] = {}
        self.notes: list[str] = []

    def for_model(self, entry: ModelEntry, path: str) -> Provider | None:
        """None after noting why there is none."""
        name = entry.provider or entry.id.partition("/")[0]
        own = {member: getattr(entry, member) for member in ("base_url", "dialects", "auth", "api_key")}
        own = {member: value for member, value in own.items() if value is not None}
        if own:
            provider = self._of_its_own(name, entry.id, own, path)
        else:
            provider = self._shared(name, path)
        if provider is not None:
            self.in_use[provider.name] = provider
        return provider

    def _shared(self, name: str, path: str) -> Provider | None:
        if name not in self._made:
            if name not in self._declared and name not in self._known:
                names = {*self._declared, *self._known}
                self._problems.add(
                    path, f"provider {name!r} is not known: {nearest(name, names)} Else add it under `providers`"
                )
                return None
            place = joined("providers", name)
            if self._problems.inside(place):
                return None
            entry = self._declared.get(name)
            self._made[name] = self._make(name, entry or ProviderEntry(), place if entry else path)
        return self._made[name]

    def _of_its_own(self, name: str, model: str, own: dict[str, Any], path: str) -> Provider | None:
        """Named after the provider where that name is free or means the same, else after the model."""
        if self._problems.inside(joined("providers", name)):
            return None
        base = self._declared.get(name, ProviderEntry())
        made = self._make(name, msgspec.structs.replace(base, **own), path)
        taken = name in self._declared or name in self._known
        if made is not None and (taken or self.in_use.get(name, made) != made):
            return msgspec.structs.replace(made, name=model)
        return made

    def _make(self, name: str, entry: ProviderEntry, path: str) -> Provider | None:
        known = self._known.get(name)
        kind = self._kind(entry, known, path)
        options = self._options(name, entry, known, path)
        base_url = self._address(name, entry, known, options, path)
        if kind is None or base_url is None or self._lacks_option(name, kind, options, known, path):
            return None
        if entry.base_url and self._is_baton_itself(base_url):
            self._problems.add(path, f"{base_url!r} is where Baton itself listens: name the provider's address")
            return None
        auth = entry.auth or (known.auth if known else "bearer")
        key = entry.api_key
        if key is None and auth != "none" and known is not None:
            key, from_bearer = self._known_key(known, path)
            auth = "bearer" if from_bearer else auth
        if key is None and auth not in KEYLESS:
            self._problems.add(path, _no_key(name, known))
            return None
        return Provider(
            name=name,
            base_url=base_url,
            dialects=entry.dialects or (known.dialects if known else ("openai-chat",)),
            auth=auth,
            api_key=key if auth != "none" else None,
            headers=entry.headers,
            forward_headers=tuple(header.lower() for header in entry.forward_headers),
            simulated=entry.simulated,
            kind=kind,
            options=options,
        )

    def _kind(self, entry: ProviderEntry, known: BuiltinProvider | None, path: str) -> str | None:
        name = entry.kind or (known.kind if known else PLAIN_KIND)
        if entry.kind is None and entry.base_url is not None and name == "openai":
            name = PLAIN_KIND  # another server that is only asked like OpenAI
        try:
            taken = kind_of(name).options
        except ConfigError as error:
            self._problems.add(joined(path, "kind"), error.message)
            return None
        for option in entry.options:
            if option not in taken:
                where = joined(joined(path, "options"), option)
                self._problems.add(where, f"{option!r} is no option of kind {name!r}: {nearest(option, taken)}")
        return name

    def _options(self, name: str, entry: ProviderEntry, known: BuiltinProvider | None, path: str) -> dict[str, str]:
        found = dict(known.option_defaults) if known else {}
        for option, variables in (known.options if known else {}).items():
            value = next((self._env[variable] for variable in variables if self._env.get(variable)), None)
            if value is not None and not OPTION.fullmatch(value):
                self._problems.add(path, f"environment variable {variables[0]} is no {option} of provider {name!r}")
            elif value is not None:
                found[option] = value
        for option, value in entry.options.items():
            if not OPTION.fullmatch(value):
                where = joined(joined(path, "options"), option)
                self._problems.add(where, f"{shown(value)} is no {option}: use letters, digits and . _ -")
        return found | entry.options

    def _address(
        self, name: str, entry: ProviderEntry, known: BuiltinProvider | None, options: Mapping[str, str], path: str
    ) -> str | None:
        address = entry.base_url or self._known_address(known)
        if address is None:
            self._problems.add(path, f"provider {name!r} has no address: give base_url")
            return None
        for option in PLACEHOLDER.findall(address):
            if option not in options:
                self._problems.add(path, _no_option(name, option, known))
                return None
            address = address.replace(f"{{{option}}}", options[option])
        return address.rstrip("/")

    def _lacks_option(
        self, name: str, kind: str, options: Mapping[str, str], known: BuiltinProvider | None, path: str
    ) -> bool:
        missing = [option for option in kind_of(kind).required if option not in options]
        for option in missing:
            self._problems.add(path, _no_option(name, option, known))
        return bool(missing)

    def quirks_of(self, name: str) -> Quirks | None:
        """What the file says of a provider's models."""
        entry = self._declared.get(name)
        return entry.quirks if entry is not None else None

    def _known_address(self, known: BuiltinProvider | None) -> str | None:
        if known is None:
            return None
        variable = known.base_url_variable
        given = self._env.get(variable, "").strip() if variable else ""
        if variable is None or not given:
            return known.base_url
        address = ollama_address(given) if variable == "OLLAMA_HOST" else given
        if url_problem(address):
            # Its value is not shown: an address from the environment may hold a password.
            self._problems.add("", f"environment variable {variable} holds no address: set it like {known.base_url}")
            return known.base_url
        if self._is_baton_itself(address):
            self.notes.append(
                f"{variable} points at Baton itself, as it should for its clients: not used as a provider"
            )
            return known.base_url
        return address

    def _known_key(self, known: BuiltinProvider, path: str) -> tuple[Secret | None, bool]:
        """The key from the environment, and whether it goes as a bearer token where the provider's own way differs."""
        for variable in (*known.key_variables, known.bearer_variable):
            if variable and (value := self._env.get(variable, "")):
                if problem := secret_problem(value):
                    self._problems.add(path, f"environment variable {variable}: {problem}")
                return Secret(value), variable == known.bearer_variable
        return None, False

    def _is_baton_itself(self, address: str) -> bool:
        parts = urlsplit(address)
        return parts.port == self._own_port != 0 and is_loopback(parts.hostname or "")


def is_local(provider: Provider) -> bool:
    """Keyless on this machine: what it answers costs nothing per token."""
    return provider.auth == "none" and is_loopback(urlsplit(provider.base_url).hostname or "")


def ollama_address(host: str) -> str:
    """The address for clients out of OLLAMA_HOST, which may be a bare host, a port, or what the server binds to."""
    rest = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(rest.rstrip("/"))
        name, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return host
    if name in {"0.0.0.0", "::"}:  # noqa: S104 - what a server binds to, here turned into where it is reached
        name = "127.0.0.1"
    if port is None and parts.scheme == "http":
        port = OLLAMA_PORT
    shown_name = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown_name}{f':{port}' if port else ''}{parts.path or '/v1'}"


def _no_option(name: str, option: str, known: BuiltinProvider | None) -> str:
    variables = known.options.get(option, ()) if known is not None else ()
    ways = [f"set {variables[0]}"] if variables else []
    return f"provider {name!r} has no {option}: {', or '.join([*ways, f'give it under providers.{name}.options'])}"


def _no_key(name: str, known: BuiltinProvider | None) -> str:
    if known is not None and known.key_variables:
        return f"provider {name!r} has no key: set {known.key_variables[0]}, or api_key under providers.{name}"
    return f"provider {name!r} has no key: give api_key, or auth: none if it wants none"
