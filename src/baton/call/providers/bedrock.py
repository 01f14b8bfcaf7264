"""Amazon Bedrock: Claude by InvokeModel, signed with a bearer key or with Signature Version 4."""

from urllib.parse import quote

from baton.call.providers.aws_credentials import AwsSigner
from baton.call.providers.event_stream import EventStreamDecoder
from baton.call.providers.faults import FaultRow
from baton.call.providers.hosted_claude import hosted_claude
from baton.call.providers.kind import Address, Edit, Kind, Path, Signer
from baton.call.providers.plain import key_headers
from baton.call.providers.sigv4 import Scope
from baton.types.card import Dialect, Provider

ANTHROPIC_VERSION = "bedrock-2023-05-31"
STREAM_TYPE = "application/vnd.amazon.eventstream"
SERVICE = "bedrock"


def _address(provider: Provider, dialect: Dialect) -> Address:
    if dialect != "anthropic":
        url = f"{_compatible_door(provider)}/{'responses' if dialect == 'openai-responses' else 'chat/completions'}"
        return lambda _model, _stream: url
    models = f"{provider.base_url}/model"

    def address(model: str, stream: bool) -> str:
        return f"{models}/{quote(model, safe='')}/{'invoke-with-response-stream' if stream else 'invoke'}"

    return address


def _pass_through(provider: Provider, path: Path) -> str:
    return _compatible_door(provider) + path.path


def _compatible_door(provider: Provider) -> str:
    return f"{provider.base_url}/openai/v1"


def _signer(provider: Provider) -> Signer | None:
    return AwsSigner(Scope(provider.options.get("region", ""), SERVICE)) if provider.auth == "sigv4" else None


def _edit(_provider: Provider, dialect: Dialect) -> Edit | None:
    return hosted_claude(ANTHROPIC_VERSION, keeps_stream=False) if dialect == "anthropic" else None


BEDROCK = Kind(
    address=_address,
    pass_through=_pass_through,
    key=lambda provider, _dialect: {} if provider.auth == "sigv4" else key_headers(provider),
    signer=_signer,
    edit=_edit,
    decoder=lambda dialect: EventStreamDecoder if dialect == "anthropic" else None,
    stream_types=(STREAM_TYPE,),
    faults=(
        FaultRow(reason="provider", status=502, codes=frozenset({"modelerrorexception"})),
        FaultRow(reason="rate_limit", status=429, codes=frozenset({"servicequotaexceededexception"})),
        FaultRow(reason="model", status=404, codes=frozenset({"resourcenotfoundexception"})),
    ),
    options={"region": "Region of AWS, such as eu-central-1"},
    required=("region",),
)
