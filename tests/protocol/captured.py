"""Requests of real clients, kept beside the checkout; tests that need them are skipped where they are absent."""

import json
from pathlib import Path
from typing import Any

import pytest

from baton.protocol.dialects import grammar_of
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.parts import Origin

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
PATHS: tuple[tuple[str, Dialect], ...] = (
    ("/messages", "anthropic"),
    ("/chat/completions", "openai-chat"),
    ("/responses", "openai-responses"),
    (":generateContent", "gemini"),
    (":streamGenerateContent", "gemini"),
)
DIALECTS: tuple[Dialect, ...] = ("anthropic", "openai-chat", "openai-responses", "ollama", "gemini")

NOBODY = Origin()
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def dialect_of(path: str) -> Dialect | None:
    return next((dialect for end, dialect in PATHS if path.split("?", 1)[0].endswith(end)), None)


def load(name: str) -> tuple[Dialect, dict[str, Any]]:
    """Dialect and body of a capture; skips the test for a capture of another dialect."""
    capture = json.loads((FOLDER / f"{name}.json").read_text())
    dialect = dialect_of(capture["path"])
    if dialect is None:
        pytest.skip("this capture speaks a dialect that is tested elsewhere")
    return dialect, capture["body"] | placed(capture["path"], dialect)


def placed(path: str, dialect: Dialect) -> dict[str, Any]:
    """What a Gemini request says in its path, as the members that the gateway makes of it."""
    if dialect != "gemini":
        return {}
    model, _, method = path.split("?", 1)[0].rsplit("/", 1)[-1].partition(":")
    return {"model": model} | ({"stream": True} if method == "streamGenerateContent" else {})


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def conversation(dialect: Dialect, body: Any) -> Conversation:
    return grammar_of(dialect).read(encode(body), NOBODY)
