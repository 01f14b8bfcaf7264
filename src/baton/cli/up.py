"""`baton up`: find the providers, print what is served at what price, serve."""

import ipaddress
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption, configured, file_of
from baton.types.errors import ConfigError

if TYPE_CHECKING:
    from baton.config.schema import Config


def up(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind; default from the config: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; default from the config: 4141.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that share the port.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no tables.")] = False,
) -> None:
    """Serve the gateway: point an OpenAI or Anthropic SDK at it and say model 'auto'."""
    from baton.server.run import Source, bind, serve_forever

    found = configured(config)
    address = host or found.server.host
    refuse_open_door(address, found)
    sock = bind(address, found.server.port if port is None else port)
    url = f"http://{address}:{sock.getsockname()[1]}"
    if not quiet:
        print_tables(found)
    sys.stderr.write(f"Baton serves at {url}  (OpenAI SDK: {url}/v1, Anthropic SDK: {url})\n")
    source = Source(partial(read_again, config, address), file_of(config))
    serve_forever(found, sock, workers or found.server.workers, source)


def read_again(path: Path | None, address: str) -> "Config":
    """For a reload. Raises ConfigError, also for what may be wrong only where Baton is bound to this address."""
    found = configured(path)
    refuse_open_door(address, found)
    return found


def refuse_open_door(address: str, config: "Config") -> None:
    """Raises ConfigError when strangers could use the keys of the providers."""
    if config.server.keys or _is_loopback(address):
        return
    problem = (
        f"server.host: {address!r} can be reached from other machines and no key is configured, so that anyone there "
        "could spend your money: add server.keys, or bind to 127.0.0.1"
    )
    raise ConfigError([problem])


def print_tables(config: "Config") -> None:
    from rich.console import Console
    from rich.table import Table

    from baton.types.money import usd_from_nano

    console = Console(stderr=True)
    models = Table("model", "tier", "input $/M", "output $/M", "price from", "window", box=None, pad_edge=False)
    for card in config.snapshot.cards.values():
        simulated = " (simulated)" if config.snapshot.providers[card.provider].simulated else ""
        models.add_row(
            card.id + simulated,
            card.tier,
            f"{usd_from_nano(card.price.input):g}",
            f"{usd_from_nano(card.price.output):g}",
            card.price.source,
            f"{card.context_window:,}",
        )
    console.print(models)
    routes = Table("task type", "rule", "floor", "lambda", box=None, pad_edge=False)
    for one in config.snapshot.task_types.values():
        rule = one.rule if one.rule_internal is None else f"{one.rule} (internal: {one.rule_internal})"
        routes.add_row(one.name, rule, f"{one.floor:g}", f"{one.lambda_:g}")
    console.print()
    console.print(routes)
    console.print()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
