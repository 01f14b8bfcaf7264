"""Google's Vertex AI: Gemini in its own grammar, Claude in Anthropic's, others behind an OpenAI-compatible door.

Needs the extra `gcp`, unless `auth: bearer` and a token are given.
"""

from collections.abc import Mapping
from urllib.parse import quote

from baton.call.providers.google_token import GoogleToken
from baton.call.providers.hosted_claude import hosted_claude
from baton.call.providers.kind import Address, Edit, Kind, Path, Signer
from baton.call.providers.plain import gemini_address, key_headers
from baton.types.card import Dialect, Provider
from baton.types.quirks import Quirks

ANTHROPIC_VERSION = "vertex-2023-10-16"
GLOBAL_HOST = "https://global-aiplatform."
"""The global location has a host without its name."""


def _address(provider: Provider, dialect: Dialect) -> Address:
    location = _location(provider)
    if dialect == "anthropic":
        return _claude(f"{location}/publishers/anthropic/models")
    if dialect == "gemini":
        return gemini_address(f"{location}/publishers/google/models")
    url = f"{location}/endpoints/openapi/chat/completions"
    return lambda _model, _stream: url


def _claude(models: str) -> Address:
    def address(model: str, stream: bool) -> str:
        return f"{models}/{quote(model, safe='@')}:{'streamRawPredict' if stream else 'rawPredict'}"

    return address


def _pass_through(provider: Provider, path: Path) -> str:
    return f"{_location(provider)}/endpoints/openapi{path.path}"


def _location(provider: Provider) -> str:
    options: Mapping[str, str] = provider.options
    project, location = quote(options.get("project", ""), safe=""), quote(options.get("location", ""), safe="")
    host = provider.base_url.replace(GLOBAL_HOST, "https://aiplatform.", 1)
    return f"{host}/v1/projects/{project}/locations/{location}"


def _signer(provider: Provider) -> Signer | None:
    return GoogleToken() if provider.auth == "google" else None


def _edit(_provider: Provider, dialect: Dialect) -> Edit | None:
    return hosted_claude(ANTHROPIC_VERSION, keeps_stream=True) if dialect == "anthropic" else None


VERTEX = Kind(
    address=_address,
    pass_through=_pass_through,
    key=lambda provider, _dialect: {} if provider.auth == "google" else key_headers(provider),
    signer=_signer,
    edit=_edit,
    quirks=Quirks(stop_limit=5),
    options={"project": "Id of the Google Cloud project", "location": "Such as global or europe-west1"},
    required=("project", "location"),
)
