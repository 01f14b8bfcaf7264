"""`baton import litellm`: a baton.yaml out of the config of a LiteLLM proxy."""

import sys
from pathlib import Path
from typing import Annotated

import typer

import_app = typer.Typer(help="Make a baton.yaml out of another product's config.", no_args_is_help=True)


@import_app.callback()
def import_config() -> None:
    """Make a baton.yaml out of another product's config."""


@import_app.command("litellm")
def import_litellm(
    path: Annotated[Path, typer.Argument(help="The proxy's config.yaml.")],
    out: Annotated[Path | None, typer.Option(help="Where to write it; default: print it.")] = None,
) -> None:
    """Carry a LiteLLM model_list over. What has no counterpart is told on standard error, never dropped in silence."""
    from baton.config.litellm import import_litellm as carry_over
    from baton.config.load import read_text

    made = carry_over(read_text(path), source=str(path))
    for note in made.notes:
        sys.stderr.write(f"{path}: {note}\n")
    if out is None:
        sys.stdout.write(made.text)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(made.text)
    except FileExistsError:
        raise typer.BadParameter(f"{str(out)!r} exists: name another file, or remove it", param_hint="--out") from None
