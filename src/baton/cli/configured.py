"""Which config a command works with: the file that is named, else ./baton.yaml, else what the environment offers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from baton.config.schema import Config
    from baton.record.database import Place

DEFAULT_FILE = Path("baton.yaml")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="A baton.yaml; default: ./baton.yaml, else the environment.")
]


LedgerOption = Annotated[
    str | None, typer.Option(help="A ledger file or a postgresql:// URL; default: what the config names.")
]


def ledger_of(ledger: str | None, config: Path | None) -> "Place":
    """Raises ConfigError where a config that is there is wrong."""
    from baton.config.schema import LedgerConfig
    from baton.types.secret import Secret

    if ledger is not None:
        return Secret(ledger) if ledger.startswith(("postgresql://", "postgres://")) else Path(ledger)
    kept = LedgerConfig() if file_of(config) is None else configured(config).ledger
    return kept.database_url or Path(kept.path)


def file_of(path: Path | None) -> Path | None:
    """The file that `configured` reads; None when it reads the environment alone."""
    return path if path is not None else DEFAULT_FILE if DEFAULT_FILE.exists() else None


def configured(path: Path | None) -> "Config":
    """Raises ConfigError with everything that is wrong."""
    from baton.config.environment import config_from_environment
    from baton.config.load import load_config

    if path is not None:
        return load_config(path, os.environ)
    if DEFAULT_FILE.exists():
        return load_config(DEFAULT_FILE, os.environ)
    return config_from_environment(os.environ)
