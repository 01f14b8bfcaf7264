"""Google's AI Studio: Gemini's own grammar beside an OpenAI-compatible door, each with its own header for the key."""

from baton.call.providers.kind import Address, Kind, Path
from baton.call.providers.plain import COMPATIBLE_QUIRKS, gemini_address, key_headers, plain_address
from baton.types.card import Dialect, Provider
from baton.types.quirks import Quirks

COMPATIBLE_DOOR = "/openai"
VERSION = "/v1beta"


def _address(provider: Provider, dialect: Dialect) -> Address:
    if dialect == "gemini":
        return gemini_address(f"{_root(provider)}/models")
    if dialect == "openai-chat":
        url = f"{_root(provider)}{COMPATIBLE_DOOR}/chat/completions"
        return lambda _model, _stream: url
    return plain_address(provider, dialect)


def _root(provider: Provider) -> str:
    """The address up to its version, whether or not the configured one names door and version."""
    root = provider.base_url.removesuffix(COMPATIBLE_DOOR)
    return root if root.endswith(("/v1", VERSION, "/v1alpha")) else root + VERSION


def _pass_through(provider: Provider, path: Path) -> str:
    return f"{_root(provider)}{COMPATIBLE_DOOR}{path.path}"


def _key(provider: Provider, dialect: Dialect | None) -> dict[str, str]:
    if provider.auth == "x-goog-api-key" and dialect != "gemini" and provider.api_key is not None:
        return {"authorization": f"Bearer {provider.api_key.reveal()}"}
    return key_headers(provider)


GEMINI = Kind(
    address=_address, pass_through=_pass_through, key=_key, quirks=Quirks(stop_limit=5).over(COMPATIBLE_QUIRKS)
)
