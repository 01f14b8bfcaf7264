"""Where each kind of provider is asked, with which key, and what its body looks like."""

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from baton.call.direct import DirectTransport
from baton.call.endpoint import Endpoint, PassThrough
from baton.call.providers.kind import Kind
from baton.call.providers.registry import BUILTIN, kind_of, known_kinds
from baton.call.send import send
from baton.call.transport import Outgoing, Timeouts
from baton.testing.upstream import http_answer, scripted
from baton.types.card import Dialect, ModelCard, Provider
from baton.types.errors import ConfigError
from baton.types.money import price_from_usd
from baton.types.secret import Secret

KEY = Secret("k-1")
ROOT = Path(__file__).resolve().parents[2]


def card(upstream: str) -> ModelCard:
    return ModelCard(f"p/{upstream}", "p", upstream, "mid", 1_000, 100, price_from_usd(1, 2))


def provider(kind: str, base_url: str, auth: str = "bearer", **options: str) -> Provider:
    return Provider("p", base_url, auth=auth, api_key=KEY, kind=kind, options=options)  # type: ignore[arg-type]


def asked(
    one: Provider, dialect: Dialect, model: str, body: bytes = b'{"model":"m"}', *, stream: bool = False, **caller: str
) -> Outgoing:
    headers = {name.replace("_", "-"): value for name, value in caller.items()}
    return asyncio.run(Endpoint(one, dialect).outgoing(card(model), body, headers, stream=stream))


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai-chat", "/v1/chat/completions"),
        ("openai-responses", "/v1/responses"),
        ("anthropic", "/v1/messages"),
        ("gemini", "/v1beta/models/m%2F1:generateContent"),
        ("ollama", "/api/chat"),
    ],
)
def test_a_compatible_server_has_the_paths_of_every_dialect(dialect: Dialect, path: str) -> None:
    sent = asked(provider("openai-compatible", "http://box/v1"), dialect, "m/1")
    assert sent.url == f"http://box{path}"
    assert sent.body == b'{"model":"m"}'
    assert sent.headers["authorization"] == "Bearer k-1"


@pytest.mark.parametrize("base", ["", "/v1beta", "/v1beta/openai"])
def test_gemini_has_two_grammars_with_two_headers(base: str) -> None:
    one = provider("gemini", f"https://g.example{base}", "x-goog-api-key")
    sent = asked(one, "gemini", "gemini-4-argon", stream=True)
    assert sent.url == "https://g.example/v1beta/models/gemini-4-argon:streamGenerateContent?alt=sse"
    assert sent.headers["x-goog-api-key"] == "k-1"
    assert "authorization" not in sent.headers
    sent = asked(one, "openai-chat", "gemini-4-argon")
    assert sent.url == "https://g.example/v1beta/openai/chat/completions"
    assert sent.headers["authorization"] == "Bearer k-1"
    assert "x-goog-api-key" not in sent.headers


@pytest.mark.parametrize("base", ["", "/openai", "/openai/v1"])
def test_azure_asks_a_deployment_where_it_has_an_api_version(base: str) -> None:
    old = provider("azure", f"https://r.openai.azure.com{base}", "api-key", api_version="2024-10-21")
    sent = asked(old, "openai-chat", "my gpt")
    assert sent.url == (
        "https://r.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"
    )
    assert sent.headers["api-key"] == "k-1"
    assert asked(old, "openai-responses", "m").url == (
        "https://r.openai.azure.com/openai/responses?api-version=2024-10-21"
    )
    new = provider("azure", f"https://r.openai.azure.com{base}", "api-key")
    assert asked(new, "openai-chat", "m").url == "https://r.openai.azure.com/openai/v1/chat/completions"
    assert asked(new, "anthropic", "m").url == "https://r.openai.azure.com/anthropic/v1/messages"


VERTEX = "https://europe-west1-aiplatform.googleapis.com"


@pytest.mark.parametrize(
    ("dialect", "model", "stream", "path"),
    [
        ("gemini", "gemini-4-argon", False, "publishers/google/models/gemini-4-argon:generateContent"),
        ("gemini", "gemini-4-argon", True, "publishers/google/models/gemini-4-argon:streamGenerateContent?alt=sse"),
        ("anthropic", "claude-opus-4-5@20251101", False, "publishers/anthropic/models/claude-opus-4-5@20251101:rawPredict"),
        ("anthropic", "claude-opus-5-5", True, "publishers/anthropic/models/claude-opus-5-5:streamRawPredict"),
        ("openai-chat", "meta/llama", False, "endpoints/openapi/chat/completions"),
    ],
)  # fmt: skip
def test_vertex_has_publishers_in_a_project(dialect: Dialect, model: str, stream: bool, path: str) -> None:
    one = provider("vertex", VERTEX, project="p-1", location="europe-west1")
    sent = asked(one, dialect, model, stream=stream)
    assert sent.url == f"{VERTEX}/v1/projects/p-1/locations/europe-west1/{path}"
    everywhere = provider("vertex", "https://global-aiplatform.googleapis.com", project="p-1", location="global")
    assert asked(everywhere, dialect, model).url.startswith(
        "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/"
    )


def test_claude_at_vertex_has_its_model_in_the_path_alone() -> None:
    body = b'{"messages":[ 1 ],"model":"x","stream":true}'
    one = provider("vertex", VERTEX, project="p", location="l")
    sent = asked(one, "anthropic", "claude-opus-5-5", body, stream=True, anthropic_beta="a, b")
    assert sent.body == (
        b'{"messages":[ 1 ],"stream":true,"anthropic_version":"vertex-2023-10-16","anthropic_beta":["a","b"]}'
    )


def test_bedrock_has_model_and_stream_in_the_path_alone() -> None:
    one = provider("bedrock", "https://bedrock-runtime.eu-west-1.amazonaws.com", region="eu-west-1")
    body = b'{"model":"x","stream":true,"max_tokens":7,"unknown":{"a" : 1}}'
    sent = asked(one, "anthropic", "eu.anthropic.claude-haiku-4-5-20251001-v1:0", body, stream=True)
    assert sent.url == (
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/"
        "eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"
    )
    assert sent.body == b'{"max_tokens":7,"unknown":{"a" : 1},"anthropic_version":"bedrock-2023-05-31"}'
    assert sent.headers["authorization"] == "Bearer k-1"
    assert asked(one, "anthropic", "m").url.endswith("/model/m/invoke")


def test_openrouters_own_members_go_on_as_they_are() -> None:
    body = b'{"model":"m","models":["a/b",  "c/d"],"provider":{"order":["x"], "allow_fallbacks":false}}'
    assert asked(provider("openrouter", "https://openrouter.ai/api/v1"), "openai-chat", "m", body).body == body


@pytest.mark.parametrize(
    ("kind", "base_url", "options", "url"),
    [
        ("openai", "https://api.openai.com/v1", {}, "https://api.openai.com/v1/embeddings?a=1"),
        ("gemini", "https://g.example/v1beta", {}, "https://g.example/v1beta/openai/embeddings?a=1"),
        ("azure", "https://r.example", {}, "https://r.example/openai/v1/embeddings?a=1"),
        (
            "azure",
            "https://r.example",
            {"api_version": "v"},
            "https://r.example/openai/deployments/m/embeddings?a=1&api-version=v",
        ),
        ("bedrock", "https://b.example", {"region": "r"}, "https://b.example/openai/v1/embeddings?a=1"),
        (
            "vertex",
            "https://v.example",
            {"project": "p", "location": "l"},
            "https://v.example/v1/projects/p/locations/l/endpoints/openapi/embeddings?a=1",
        ),
    ],
)
def test_what_is_passed_through_has_its_place_everywhere(
    kind: str, base_url: str, options: dict[str, str], url: str
) -> None:
    one = PassThrough(provider(kind, base_url, **options))
    sent = asyncio.run(one.outgoing(card("m"), "/embeddings?a=1", b"x", {"content-type": "a/b", "cookie": "c"}))
    assert sent.url == url
    assert sent.headers["content-type"] == "a/b"
    assert "cookie" not in sent.headers


def test_a_call_has_the_method_it_was_given() -> None:
    async def work() -> None:
        async with scripted(http_answer(200, b'{"id":"f"}')) as upstream:
            one = PassThrough(provider("openai", upstream.base_url))
            sent = await one.outgoing(card(""), "/files/f", b"", {}, "DELETE")
            transport = DirectTransport(Timeouts())
            answer = await send(transport, sent, stream=False)
            assert await answer.read(100) == b'{"id":"f"}'
            await transport.close()
            assert upstream.requests[0].path == "/v1/files/f"
            assert upstream.requests[0].method == "DELETE"

    asyncio.run(work())


# --- finding a kind ----------------------------------------------------------------------------


def test_every_builtin_kind_is_registered_under_the_same_name() -> None:
    registered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["baton.providers"]
    assert registered == BUILTIN
    for name in BUILTIN:
        assert isinstance(kind_of(name), Kind)


ADDED = """
from baton.call.providers.plain import COMPATIBLE
from msgspec.structs import replace

KIND = replace(COMPATIBLE, address=lambda provider, dialect: lambda model, stream: f"{provider.base_url}/own/{model}")
WRONG = 7
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installed package that adds kinds of its own."""
    (tmp_path / "own_provider.py").write_text(ADDED)
    info = tmp_path / "own_provider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-provider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[baton.providers]\nown = own_provider:KIND\nwrong = own_provider:WRONG\ngone = own_provider:GONE\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    kind_of.cache_clear()
    yield
    kind_of.cache_clear()
    sys.modules.pop("own_provider", None)


@pytest.mark.usefixtures("added")
def test_a_package_adds_a_kind_by_an_entry_point() -> None:
    assert "own" in known_kinds()
    assert asked(provider("own", "http://box"), "openai-chat", "m").url == "http://box/own/m"


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong", "is a int: its entry point must lead to a Kind"),
        ("gone", "cannot be loaded"),
        ("x", "known are .*own"),
    ],
)
def test_a_kind_that_is_none_is_told(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        kind_of(name)


def test_an_edit_takes_what_the_render_wrote() -> None:
    one = provider("bedrock", "https://b", region="r")
    sent = asked(
        one, "anthropic", "m", json.dumps({"model": "m", "messages": [{"role": "user", "content": "é"}]}).encode()
    )
    assert json.loads(sent.body) == {
        "messages": [{"role": "user", "content": "é"}],
        "anthropic_version": "bedrock-2023-05-31",
    }
