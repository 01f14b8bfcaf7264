"""Providers that keep to the paths of their dialects: OpenAI, Anthropic, and every server compatible with them."""

import re
from urllib.parse import quote

from baton.call.providers.faults import FaultRow
from baton.call.providers.kind import Address, Kind, Path
from baton.types.card import Dialect, Provider
from baton.types.quirks import Quirks

_PATHS: dict[Dialect, tuple[str, str]] = {
    "openai-chat": ("/chat/completions", ""),
    "openai-responses": ("/responses", ""),
    "anthropic": ("/v1/messages", "/v1"),
    "ollama": ("/api/chat", "/v1"),
}
"""Path, and the ending of a base URL that it does not want."""


def plain_address(provider: Provider, dialect: Dialect) -> Address:
    if dialect == "gemini":
        return gemini_address(f"{provider.base_url.removesuffix('/v1')}/v1beta/models")
    path, ending = _PATHS[dialect]
    url = provider.base_url.removesuffix(ending) + path
    return lambda _model, _stream: url


def gemini_address(models: str) -> Address:
    """`models` is the address under which models stand."""

    def address(model: str, stream: bool) -> str:
        way = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"{models}/{quote(model.removeprefix('models/'), safe='')}:{way}"

    return address


def plain_pass_through(provider: Provider, path: Path) -> str:
    return provider.base_url + path.path


def key_headers(provider: Provider, _dialect: Dialect | None = None) -> dict[str, str]:
    if provider.api_key is None or provider.auth == "none":
        return {}
    key = provider.api_key.reveal()
    return {"authorization": f"Bearer {key}"} if provider.auth == "bearer" else {provider.auth: key}


def _plain(quirks: Quirks, faults: tuple[FaultRow, ...] = ()) -> Kind:
    return Kind(address=plain_address, pass_through=plain_pass_through, key=key_headers, quirks=quirks, faults=faults)


COMPATIBLE_QUIRKS = Quirks(max_tokens_member="max_tokens", system_role="system")
"""What every server knows: the newer members and roles are OpenAI's own."""

OPENAI = _plain(Quirks())
ANTHROPIC = _plain(Quirks())
COMPATIBLE = _plain(COMPATIBLE_QUIRKS)
OPENROUTER = _plain(
    Quirks(max_tokens_member="max_tokens"),
    (
        # It answers 403 for two things: a key without rights, and a prompt that the model's own moderation flagged.
        FaultRow(
            reason="content_filter",
            status=400,
            statuses=frozenset({403}),
            says=re.compile(r"moderation|flagged", re.IGNORECASE),
        ),
    ),
)
