"""`baton wire CLIENT` points a client at the gateway; `baton unwire CLIENT` gives it its own settings back."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from baton.cli.wire.clients import Client
    from baton.cli.wire.entries import Gateway, Taken
    from baton.cli.wire.place import Place, Record

KNOWN = ("claude-code", "codex", "opencode", "openai")

ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT", help=f"One of: {', '.join(KNOWN)}.")]


def wire(
    client: ClientArgument,
    url: Annotated[str, typer.Option(help="Where the gateway is.")] = "http://127.0.0.1:4141",
    key: Annotated[str, typer.Option(help="A key of the gateway; any word will do where it asks for none.")] = "unused",
    print_: Annotated[bool, typer.Option("--print", help="Print what would be written, and write nothing.")] = False,
) -> None:
    """Point a client at the gateway, keeping a backup of its settings; `baton unwire` points it back."""
    from baton.cli.wire import openai
    from baton.cli.wire.clients import CLIENTS

    name, gateway = known(client), gateway_at(url, key)
    if name == "openai":
        sys.stdout.write(openai.wired(gateway))
        sys.stderr.write(f"# nothing was written: {openai.WHERE}\n")
        return
    found = CLIENTS[name]
    place = place_of(found)
    record, current = place.record(), place.read()
    text = text_with(found, place, record, current, gateway)
    if print_:
        sys.stdout.write(text)
        sys.stderr.write(f"# nothing was written: this would be {place.path}\n")
        return
    if record is not None and text == current and record.gateway == gateway:
        sys.stdout.write(f"{found.title} is wired to {gateway.url} already in {place.path}\n")
        return
    if record is None:
        place.keep(current, gateway)
    else:
        place.note(gateway, existed=record.existed)
    place.write(text)
    existed = record.existed if record is not None else current is not None
    kept = f"backup: {place.backup}" if existed else "there was no such file before"
    sys.stdout.write(f"{found.title} is wired to {gateway.url} in {place.path} ({kept})\n")
    sys.stdout.write(f"note: {found.note}\nback: baton unwire {name}\n")


def unwire(client: ClientArgument) -> None:
    """Give a client the settings back that it had before `baton wire`; what you changed since stays yours."""
    from baton.cli.wire import openai
    from baton.cli.wire.clients import CLIENTS
    from baton.types.errors import ConfigError

    name = known(client)
    if name == "openai":
        sys.stdout.write(openai.unwired())
        sys.stderr.write(f"# nothing was written: {openai.WHERE_BACK}\n")
        return
    found = CLIENTS[name]
    place = place_of(found)
    record = place.record()
    if record is None:
        raise ConfigError([f"{found.title} is not wired to Baton in {place.path}: nothing to take back"])
    original, current = place.original(record), place.read()
    if current is None or current == put(found, place, original, record.gateway):
        place.write(original)
        done = "is as it was before" if original is not None else "is gone again, as before"
        left: tuple[str, ...] = ()
    else:
        taken = take(found, place, current, original, record)
        place.write(taken.text)
        left = taken.left
        done = "was edited since it was wired: only Baton's entries were taken out"
    place.forget()
    sys.stdout.write(f"{place.path} {done}\n")
    for entry in left:
        sys.stdout.write(f"left as it is, since it was changed: {entry}\n")


def known(client: str) -> str:
    """Raises BadParameter with the nearest name."""
    import difflib

    if client in KNOWN:
        return client
    near = difflib.get_close_matches(client.lower(), KNOWN, n=1, cutoff=0.4)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise typer.BadParameter(f"no client {client!r} is known: {guess}Known are {', '.join(KNOWN)}", param_hint="CLIENT")


def gateway_at(url: str, key: str) -> "Gateway":
    """Both end up in files of other formats: only printable ASCII goes in."""
    from urllib.parse import urlsplit

    from baton.cli.wire.entries import Gateway

    bare = url.rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        parts = urlsplit(bare)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not _printable(bare) or "?" in bare or "#" in bare:
        raise typer.BadParameter(f"{url!r} is no address: write it like http://127.0.0.1:4141", param_hint="--url")
    if not _printable(key):
        raise typer.BadParameter("a key is printable ASCII without spaces, and not empty", param_hint="--key")
    return Gateway(bare, key)


def _printable(text: str) -> bool:
    return bool(text) and all("!" <= sign <= "~" for sign in text)


def place_of(client: "Client") -> "Place":
    from baton.cli.wire.place import Place

    return Place(client.path(os.environ, os.environ.get("HOME") or str(Path.home())))


def text_with(
    client: "Client", place: "Place", record: "Record | None", current: str | None, gateway: "Gateway"
) -> str:
    """A file that nobody touched since it was wired is wired anew from its original."""
    if record is not None:
        original = place.original(record)
        if put(client, place, original, record.gateway) == current:
            return put(client, place, original, gateway)
    return put(client, place, current, gateway)


def put(client: "Client", place: "Place", text: str | None, gateway: "Gateway") -> str:
    from baton.cli.wire.entries import NotEditable
    from baton.types.errors import ConfigError

    try:
        return client.put(text, client.entries(gateway))
    except NotEditable as error:
        raise ConfigError([f"{place.path}: {error}"]) from error


def take(client: "Client", place: "Place", text: str, original: str | None, record: "Record") -> "Taken":
    from baton.cli.wire.entries import NotEditable
    from baton.types.errors import ConfigError

    try:
        return client.take(text, original, client.entries(record.gateway))
    except NotEditable as error:
        raise ConfigError([f"{place.path}: {error}"]) from error
