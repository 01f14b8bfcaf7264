"""Claude Code: `settings.json`, whose `env` is set for every session. It puts `/v1/messages` behind the address."""

from collections.abc import Mapping

from baton.cli.wire.entries import Entries, Gateway


def path(env: Mapping[str, str], home: str) -> str:
    return (env.get("CLAUDE_CONFIG_DIR") or f"{home}/.claude") + "/settings.json"


def entries(gateway: Gateway) -> Entries:
    return {
        ("env", "ANTHROPIC_BASE_URL"): gateway.url,
        ("env", "ANTHROPIC_AUTH_TOKEN"): gateway.key,
    }
