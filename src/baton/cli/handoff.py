"""`baton handoff`: a saved request as another dialect would get it, and what became of every element of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baton.types.card import Dialect
from baton.types.errors import BatonError, MalformedBody

if TYPE_CHECKING:
    from msgspec import Raw

    from baton.protocol.saved_request import SavedRequest
    from baton.types.handoff import HandoffReport, Rendered, Target

NAMED_LOSSES = 5
STYLES = {"moved": "cyan", "degraded": "yellow", "withheld": "dim", "rejected": "bold red"}


def handoff(
    file: Annotated[Path, typer.Argument(help="A body as it was sent, or a capture (path and body), or - for input.")],
    source: Annotated[Dialect, typer.Option("--from", help="The dialect that the request speaks.")],
    into: Annotated[Dialect, typer.Option("--to", help="The dialect that it is written in.")],
    model: Annotated[
        str | None,
        typer.Option(help="Who it is for: provider/model of the catalogue, or any name. Default: the first that fits."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when anything would be lost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print request and report as JSON.")] = False,
) -> None:
    """Show a saved request in another dialect, and what became of every element of it."""
    from baton.protocol.dialects import grammar_of
    from baton.protocol.saved_request import read_saved
    from baton.types.parts import Origin

    saved = read_saved(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    conversation = grammar_of(source).read(_members(saved, source), Origin())
    rendered = grammar_of(into).write(conversation, target_of(into, model))
    if as_json:
        sys.stdout.write(_as_json(rendered))
    else:
        _print(rendered)
    if strict and rendered.report.is_lossy:
        raise HandoffLoses(_losses(rendered.report))


class HandoffLoses(BatonError):
    code = "handoff_loses"


def _members(saved: "SavedRequest", source: Dialect) -> "dict[str, Raw]":
    if saved.dialect not in {None, source}:
        raise MalformedBody(f"the capture speaks {saved.dialect}, not {source}: say --from {saved.dialect}", "path")
    return saved.members


def target_of(dialect: Dialect, name: str | None) -> "Target":
    """What the catalogue and the families say of the model; of a name that is in neither, only its dialect is known."""
    from baton.call.providers.families import family_quirks
    from baton.call.providers.quirks import target_for
    from baton.config.catalogue import catalogue
    from baton.protocol.private import model_family
    from baton.types.card import ModelCard, Provider
    from baton.types.handoff import Target
    from baton.types.money import Price

    known = catalogue()
    speaking = {id_: card for id_, card in known.cards.items() if dialect in _provider_of(id_, known).dialects}
    if name is None:
        name = next(id_ for id_, card in speaking.items() if not card.older)
    elif name in known.cards and name not in speaking:
        spoken = ", ".join(_provider_of(name, known).dialects)
        raise MalformedBody(f"{name!r} does not speak {dialect}: it speaks {spoken}", "--model")
    if name not in speaking:
        quirks = family_quirks(model_family(name), dialect)
        stated = {field: value for field in quirks.__struct_fields__ if (value := getattr(quirks, field)) is not None}
        return Target(dialect=dialect, model=name, **stated)
    card, builtin = speaking[name], _provider_of(name, known)
    owner, _, upstream = name.partition("/")
    return target_for(
        ModelCard(
            name, owner, upstream, card.tier, card.context_window, card.max_output, Price(0, 0), card.capabilities
        ),
        Provider(owner, builtin.base_url, builtin.dialects, kind=builtin.kind),
        dialect,
    )


def _provider_of(model: str, known: Any) -> Any:
    return known.providers[model.partition("/")[0]]


def _losses(report: "HandoffReport") -> str:
    lost = [entry for entry in report.entries if entry.action in {"degraded", "rejected"}]
    named = "; ".join(f"{entry.path}: {entry.action}, {entry.reason}" for entry in lost[:NAMED_LOSSES])
    more = f" (and {len(lost) - NAMED_LOSSES} more)" if len(lost) > NAMED_LOSSES else ""
    return f"the handoff loses something: {named}{more}"


def _as_json(rendered: "Rendered") -> str:
    import msgspec

    report = rendered.report
    shown = {
        "request": msgspec.Raw(rendered.body),
        "report": {"counts": report.counts(), "entries": report.entries, "header": report.header()},
    }
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n"


def _print(rendered: "Rendered") -> None:
    """The request first, then what is not simply kept, then the counts."""
    import msgspec
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    sys.stdout.write(msgspec.json.format(rendered.body, indent=2).decode() + "\n\n")
    sys.stdout.flush()
    console = Console()
    changed = [entry for entry in rendered.report.entries if entry.action != "kept"]
    if changed:
        table = Table(box=None, pad_edge=False)
        for heading in ("element", "what became of it", "why"):
            table.add_column(heading, overflow="fold")
        for entry in changed:
            style = STYLES[entry.action]
            table.add_row(escape(entry.path), f"[{style}]{entry.action}[/{style}]", escape(entry.reason))
        console.print(table)
    console.print(", ".join(f"{count} {action}" for action, count in rendered.report.counts().items()))
    if rendered.report.rejections:
        console.print("[bold red]This request would not be sent.[/bold red]")
