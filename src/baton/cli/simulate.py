"""`baton simulate`: the simulated fleet in the foreground, on a port of its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from baton.simulate.answer import Answerer
    from baton.simulate.replay.fleet import ReplayFleet
    from baton.types.money import Price


def simulate(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65_535)] = 4180,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int | None, typer.Option(help="Seed of every draw (default 7).", min=0)] = None,
    time_scale: Annotated[float, typer.Option(help="1: the models' own latency; 0: answers at once.", min=0)] = 1.0,
    data: Annotated[Path | None, typer.Option(help="Replay this Parquet file of recorded answers.")] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="MODEL=IN/OUT in dollars per million tokens, for files without cost.")
    ] = None,
    config_out: Annotated[Path | None, typer.Option(help="Write the gateway's config to this file.")] = None,
    prompts_out: Annotated[
        Path | None, typer.Option(help="Write the first --tasks of its workload to this .jsonl, as a prompt set.")
    ] = None,
    tasks: Annotated[int, typer.Option(help="Tasks of --prompts-out.", min=1)] = 2_000,
    strict: Annotated[bool, typer.Option(help="Refuse what each vendor refuses, in its own words.")] = False,
) -> None:
    """Serve a fleet of simulated models over HTTP, in every dialect; stop it with Ctrl-C.

    Nothing that it answers comes from a model: every answer carries `x-baton-simulated: true`.
    """
    import asyncio
    import contextlib

    from baton.simulate.fleet import DEFAULT_SEED, Fleet

    prices = dict(_price(text) for text in price or ())
    fleet: Answerer
    if prompts_out is not None:
        _write_prompts(prompts_out, DEFAULT_SEED if seed is None else seed, tasks)
    if data is None:
        if prices:
            raise typer.BadParameter("a price goes with --data: the models of the generated workload have their own")
        fleet = Fleet(seed=DEFAULT_SEED if seed is None else seed)
    else:
        fleet = _replay(data, prices, seed or 0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_live(fleet, host=host, port=port, time_scale=time_scale, config_out=config_out, strict=strict))


def _write_prompts(path: Path, seed: int, tasks: int) -> None:
    import msgspec

    from baton.simulate.drive import prompt_row
    from baton.simulate.workload.item import item

    with path.open("xb") as file:
        for index in range(tasks):
            file.write(msgspec.json.encode(prompt_row(item(seed, index))) + b"\n")


def _price(text: str) -> "tuple[str, Price]":
    from baton.types.money import price_from_usd

    model, _, rates = text.rpartition("=")
    read, _, written = rates.partition("/")
    try:
        if not model or float(read) < 0 or float(written) < 0:
            raise ValueError
        return model, price_from_usd(read, written)
    except (ValueError, ArithmeticError) as error:
        raise typer.BadParameter(
            f"--price {text!r}: write MODEL=IN/OUT in dollars per million tokens, such as my-model=1.25/10"
        ) from error


def _replay(data: Path, prices: "dict[str, Price]", seed: int) -> "ReplayFleet":
    from rich.console import Console

    from baton.simulate.replay.fleet import load_replay

    fleet = load_replay(data, prices=prices, seed=seed)
    notes = fleet.notes
    Console().print(
        f"Replaying {data.name}: {len(fleet.items())} prompts, {notes.rows} recorded answers "
        f"({notes.repeats} repeats, of which {notes.disagreeing} disagree with the first, which is the one replayed; "
        f"{notes.without_text} without text, {notes.without_tokens} without tokens, {notes.without_cost} without cost)"
    )
    return fleet


async def _live(
    fleet: "Answerer", *, host: str, port: int, time_scale: float, config_out: Path | None, strict: bool
) -> None:
    import asyncio

    from baton.cli.listening import listening
    from baton.simulate.serve import serve

    with listening(host, port):
        async with serve(fleet, host=host, port=port, time_scale=time_scale, strict=strict) as running:
            _show(fleet, running.base_url)
            _hand_over(fleet, running.base_url, config_out)
            await asyncio.Event().wait()


def _show(fleet: "Answerer", base_url: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from baton.types.money import usd_from_nano

    table = Table(box=None)
    for title in ("model", "tier", "$/M in", "$/M out", "window", "made for"):
        table.add_column(title, no_wrap=True, min_width=0 if title == "model" else len(title))
    for model in fleet.models:
        prices = [f"{usd_from_nano(rate):.4g}" for rate in (model.price.input, model.price.output)]
        special = escape(", ".join(sorted(model.specialities)))
        table.add_row(escape(model.id), model.tier, *prices, f"{model.context_window:,}", special)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]Simulated fleet[/bold] at {base_url} - no real model answers here")
    console.print(table)
    console.print(f"OpenAI SDK: base_url={base_url}/v1   Anthropic, Google and Ollama: base_url={base_url}")
    console.print(f"what it was asked and whether it was right: {base_url}/sim/journal")


def _hand_over(fleet: "Answerer", base_url: str, config_out: Path | None) -> None:
    import yaml

    from baton.simulate.fleet import gateway_config

    config = yaml.safe_dump(gateway_config(fleet, f"{base_url}/v1"), sort_keys=False, allow_unicode=True)
    if config_out is None:
        sys.stdout.write(f"\n# baton.yaml\n{config}")
    else:
        config_out.write_text(config, encoding="utf-8")
        sys.stdout.write(f"\nThe gateway's config is in {config_out}: baton up --config {config_out}\n")
    sys.stdout.flush()
