"""opencode: `opencode.json` with a provider that speaks Chat Completions. The file may hold comments."""

from collections.abc import Mapping

from baton.cli.wire import json_text
from baton.cli.wire.entries import Entries, Gateway, Taken

EMPTY = '{\n  "$schema": "https://opencode.ai/config.json"\n}\n'


def path(env: Mapping[str, str], home: str) -> str:
    return (env.get("XDG_CONFIG_HOME") or f"{home}/.config") + "/opencode/opencode.json"


def entries(gateway: Gateway) -> Entries:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Baton",
        "options": {"baseURL": f"{gateway.url}/v1", "apiKey": gateway.key},
        "models": {"auto": {"name": "auto"}},
    }
    return {("provider", "baton"): provider, ("model",): "baton/auto"}


def put(text: str | None, entries: Entries) -> str:
    return json_text.put(EMPTY if text is None else text, entries, comments=True)


def take(text: str, original: str | None, entries: Entries) -> Taken:
    taken = json_text.take(text, original, entries, comments=True)
    return Taken(None, taken.left) if original is None and taken.text == EMPTY else taken
