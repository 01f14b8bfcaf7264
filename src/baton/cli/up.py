"""`baton up`: find the providers, print what is served at what price, serve."""

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption, configured, file_of
from baton.cli.listening import listening
from baton.cli.tables import model_column
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

    found = as_served(configured(config), host, workers)
    address = found.server.host
    port = found.server.port if port is None else port
    with listening(address, port):
        sock = bind(address, port)
    url = f"http://{address}:{sock.getsockname()[1]}"
    if not quiet:
        print_tables(found)
        sys.stderr.writelines(f"{note}\n" for note in found.notes)
    sys.stderr.write(f"Baton serves at {url}  (OpenAI SDK: {url}/v1, Anthropic SDK: {url})\n")
    file = file_of(config)
    learn = (sys.executable, "-m", "baton", "learn", *(() if file is None else ("--config", str(file))))
    source = Source(partial(read_again, config, host, workers), file, learn)
    serve_forever(found, sock, found.server.workers, source)


def read_again(path: Path | None, host: str | None, workers: int | None) -> "Config":
    """For a reload. Raises ConfigError, also for what is wrong only as it is served here."""
    return as_served(configured(path), host, workers)


def as_served(config: "Config", host: str | None, workers: int | None) -> "Config":
    """The config with what the command line says instead. Raises ConfigError where it must not be served so."""
    import msgspec

    from baton.config.keys import why_not_bind, why_not_workers

    server = msgspec.structs.replace(
        config.server, host=host or config.server.host, workers=workers or config.server.workers
    )
    if refusal := why_not_bind(server.host, (*server.keys, *server.admin_keys)):
        raise ConfigError([f"server.host: {refusal}"])
    if refusal := why_not_workers(server.workers, config):
        raise ConfigError([f"server.workers: {refusal}"])
    return msgspec.structs.replace(config, server=server)


def print_tables(config: "Config") -> None:
    from rich.console import Console
    from rich.table import Table

    from baton.types.money import usd_from_nano

    console = Console(stderr=True)
    cards, providers = config.snapshot.cards, config.snapshot.providers
    names = [one.id + (" (simulated)" if providers[one.provider].simulated else "") for one in cards.values()]
    models = Table(model_column("model", names), "tier", "$/M in", "$/M out", "window", box=None, pad_edge=False)
    for name, card in zip(names, cards.values(), strict=True):
        prices = [f"{usd_from_nano(rate):g}" for rate in (card.price.input, card.price.output)]
        models.add_row(name, card.tier, *prices, f"{card.context_window / 1_000:,.0f}k")
    console.print(models)
    sources = Counter(card.price.source for card in cards.values())
    told = ", ".join(f"{source}: {count} models" for source, count in sources.items())
    console.print(f"prices from {told}", style="dim", highlight=False)
    console.print()
    routes = Table("task type", "rule", "floor", "lambda", box=None, pad_edge=False)
    for one in config.snapshot.task_types.values():
        rule = one.rule if one.rule_internal is None else f"{one.rule} (internal: {one.rule_internal})"
        routes.add_row(one.name, rule, f"{one.floor:g}", f"{one.lambda_:g}")
    console.print(routes)
    console.print()
