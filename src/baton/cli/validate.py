"""`baton validate`: is this config right, and what does it say?"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def validate(
    path: Annotated[Path, typer.Argument(help="The config to check.")] = Path("baton.yaml"),
) -> None:
    """Check a config: everything that is wrong with it at once, or the models it makes and their prices."""
    from baton.config.load import load_config
    from baton.config.table import model_table

    config = load_config(path, os.environ)
    rows = model_table(config)
    width = max(len(row.model) for row in rows)
    for row in rows:
        price = f"${row.input_usd:g} in, ${row.output_usd:g} out per million tokens ({row.price_source})"
        sys.stdout.write(f"{row.model:{width}}  {row.tier:8}  {price}\n")
    for note in config.notes:
        sys.stderr.write(f"note: {note}\n")
    task_types, routes = len(config.snapshot.task_types), len(config.snapshot.routes)
    sys.stdout.write(f"{path} is valid: {len(rows)} models, {task_types} task types, {routes} routes\n")
