"""The clients whose settings stand in a file."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from baton.cli.wire import claude_code, codex, json_text, opencode, toml_text
from baton.cli.wire.entries import Entries, Gateway, Taken


class Client(NamedTuple):
    """`put` sets the entries in a text (None: no file), `take` gives what was there before back; both are pure."""

    title: str
    path: Callable[[Mapping[str, str], str], str]
    entries: Callable[[Gateway], Entries]
    put: Callable[[str | None, Entries], str]
    take: Callable[[str, str | None, Entries], Taken]
    note: str


CLIENTS = {
    "claude-code": Client(
        "Claude Code",
        claude_code.path,
        claude_code.entries,
        json_text.put,
        json_text.take,
        "it goes on choosing its own models; `claude --model auto` lets Baton choose. "
        "Unset ANTHROPIC_API_KEY if you have it: two keys would be sent",
    ),
    "codex": Client(
        "Codex",
        codex.path,
        codex.entries,
        toml_text.put,
        toml_text.take,
        "its model is now 'auto': Baton chooses",
    ),
    "opencode": Client(
        "opencode",
        opencode.path,
        opencode.entries,
        opencode.put,
        opencode.take,
        "its model is now 'baton/auto': Baton chooses",
    ),
}
