"""Azure OpenAI: deployments instead of models. With `api_version` the path of a deployment, without it the v1 path."""

from urllib.parse import quote, urlencode

from baton.call.providers.faults import FaultRow
from baton.call.providers.kind import Address, Kind, Path
from baton.call.providers.plain import key_headers
from baton.types.card import Dialect, Provider
from baton.types.quirks import Quirks

TOOL_ID_LENGTH = 40
"""Some deployments take no longer ids of tool calls."""
OF_A_DEPLOYMENT = frozenset(
    {
        "/chat/completions", "/embeddings", "/audio/transcriptions", "/audio/translations", "/audio/speech",
        "/images/generations", "/images/edits",
    }
)  # fmt: skip
"""Paths that stand under a deployment where there is an `api_version`; the others have their model in the body."""
DIALECT_PATHS: dict[Dialect, str] = {"openai-chat": "/chat/completions", "openai-responses": "/responses"}
ANTHROPIC_PATH = "/anthropic/v1/messages"
"""Claude at Azure (Foundry), at the same resource."""


def _address(provider: Provider, dialect: Dialect) -> Address:
    if dialect not in DIALECT_PATHS:
        anthropic = _resource(provider) + ANTHROPIC_PATH
        return lambda _model, _stream: anthropic
    path = DIALECT_PATHS[dialect]
    return lambda model, _stream: _pass_through(provider, Path(path, model))


def _pass_through(provider: Provider, path: Path) -> str:
    resource = _resource(provider)
    version = provider.options.get("api_version")
    if version is None:
        return f"{resource}/openai/v1{path.path}"
    query = urlencode({"api-version": version})
    plain, asked, more = path.path.partition("?")
    deployment = f"/deployments/{quote(path.model, safe='')}" if path.model and plain in OF_A_DEPLOYMENT else ""
    return f"{resource}/openai{deployment}{plain}?{more + '&' if asked and more else ''}{query}"


def _resource(provider: Provider) -> str:
    """The address of the resource, also where the one that was copied goes on to `/openai` or `/openai/v1`."""
    return provider.base_url.removesuffix("/v1").removesuffix("/openai")


AZURE = Kind(
    address=_address,
    pass_through=_pass_through,
    key=key_headers,
    quirks=Quirks(tool_id_length=TOOL_ID_LENGTH),
    faults=(
        FaultRow(
            reason="model",
            status=404,
            codes=frozenset({"deploymentnotfound", "invalid_deployment", "operationnotsupported"}),
        ),
    ),
    options={
        "resource": "Name of the resource, where base_url does not say it",
        "api_version": "API version of the paths under a deployment, such as 2024-10-21; without it: the v1 path",
    },
)
