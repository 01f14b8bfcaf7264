"""The clients, installed from the npm registry by name into a folder that is no part of the repository."""

import json
import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = (
    "@anthropic-ai/claude-code",
    "@openai/codex",
    "opencode-ai",
    "ai",
    "@ai-sdk/openai",
    "@ai-sdk/anthropic",
    "@ai-sdk/google",
    "@ai-sdk/openai-compatible",
    "compatcanary",
)
INSTALL_TIMEOUT_S = 1_800


def folder() -> Path:
    named = os.environ.get("BATON_CLIENTS_DIR")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "baton" / "clients"


def install(where: Path) -> None:
    """Nothing is downloaded where everything is there. Raises SystemExit with what is missing."""
    if all((where / "node_modules" / name / "package.json").exists() for name in PACKAGES):
        return
    if shutil.which("npm") is None:
        raise SystemExit("npm is not installed: install Node.js 20 or newer, and run this again")
    where.mkdir(parents=True, exist_ok=True)
    (where / "package.json").write_text('{"private": true}\n')
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES],
        cwd=where, check=False, timeout=INSTALL_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"npm could not install the clients into {where}: see above")


def version(where: Path, package: str) -> str:
    return str(json.loads((where / "node_modules" / package / "package.json").read_text())["version"])


def binary(where: Path, name: str) -> str:
    return str(where / "node_modules" / ".bin" / name)
