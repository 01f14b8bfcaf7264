"""Images that a caller names by address reach a model that wants bytes, and only where the operator allows it."""

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from baton.call.providers.quirks import target_for
from baton.config.guards import MediaConfig
from baton.flow.arrival import Arrival
from baton.flow.handoff import Carrier
from baton.flow.kept_answers import KeptAnswers
from baton.flow.media import MAX_IMAGES, Media
from baton.flow.private_state import PrivateState
from baton.flow.run import Run
from baton.protocol.images import Bytes
from baton.protocol.request import read_request
from baton.state.keep import Keep
from baton.testing.upstream import Step, http_answer, scripted
from baton.types.card import Dialect, Provider
from baton.types.errors import HandoffRefused, MediaRefused
from baton.types.request import Caller
from tests.config.texts import FLEET, only_problem_of, parsed
from tests.decide.fleet import card

PNG = b"\x89PNG\r\n\x1a\nimage"
URL = "http://images.example/a.png"
BODIES: dict[Dialect, Any] = {
    "openai-chat": {"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": URL}}]}]},
    "openai-responses": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": URL}]}]},
    "anthropic": {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image", "source": {"type": "url", "url": URL}}]}]},
}  # fmt: skip


def rendered(
    dialect: Dialect, body: Any, images: Bytes | None = None, *, speaks: Dialect = "ollama"
) -> tuple[Any, list[str]]:
    """The body for the model, and the addresses of images that the request names."""
    keep = Keep(None, lambda: 0.0)
    try:
        private = PrivateState(keep, b"k" * 32, 60.0, durable=False)
        provider = Provider("sim", "http://127.0.0.1:1", (speaks,), "none")
        carrier = Carrier(
            {"sim": provider}, lambda one, by, spoken: target_for(one, by, spoken, None), private,
            KeptAnswers(keep, 60.0, on=False), strict=False, in_band=False,
        )  # fmt: skip
        raw = json.dumps({"model": "x", **body}).encode()
        run = Run("r", Arrival(dialect, raw, {}, Caller()), 0.0, lambda: 0.0)
        run.images = dict(images or {})
        request = run.request = read_request(dialect, raw, {})
        model = card("eye", "mid", 1, 1, capabilities=frozenset({"image"}))
        return json.loads(carrier.passage(run, request, model, concrete=True).body), carrier.image_addresses(request)
    finally:
        keep.close()


@pytest.mark.parametrize("dialect", list(BODIES))
def test_an_image_by_address_is_sent_as_bytes(dialect: Dialect) -> None:
    body, addresses = rendered(dialect, BODIES[dialect], {URL: ("image/png", PNG)})
    assert addresses == [URL]
    assert body["messages"][0]["images"] == [base64.b64encode(PNG).decode()]
    assert body["messages"][0]["content"] == "see"


def test_an_image_in_the_result_of_a_tool_is_one_too() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "image", "source": {"type": "url", "url": URL}}],
    }
    turns = [
        {"role": "user", "content": "see"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "shot", "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    body, addresses = rendered("anthropic", {"max_tokens": 9, "messages": turns}, {URL: ("image/png", PNG)})
    assert addresses == [URL]
    assert base64.b64encode(PNG).decode() in json.dumps(body)


def test_without_its_bytes_the_conversation_is_refused() -> None:
    with pytest.raises(HandoffRefused, match="takes no image by its address"):
        rendered("openai-chat", BODIES["openai-chat"])


def test_a_model_that_takes_addresses_is_given_the_address() -> None:
    body, _ = rendered("openai-chat", BODIES["openai-chat"], speaks="anthropic")
    assert URL in json.dumps(body)


def fetched(
    scripts: Sequence[Sequence[Step]], config: MediaConfig, urls: Sequence[str], *, allow_private: bool = True
) -> tuple[Bytes, int]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async def main() -> tuple[Bytes, int]:
        async with scripted(*scripts) as upstream:
            port = upstream.base_url.split(":")[2].removesuffix("/v1")
            media = Media(config, resolve, allow_private=allow_private)
            return await media.fetch([url.replace("PORT", port) for url in urls]), len(upstream.requests)

    return asyncio.run(main())


def test_images_are_fetched_under_the_limits_of_the_config() -> None:
    config = MediaConfig(fetch=True, max_bytes=1024, allow_hosts=("images.example",), timeout_s=2.0)
    found, asked = fetched(
        [http_answer(200, PNG, "image/png")], config, ["http://images.example:PORT/a", "http://images.example:PORT/b"]
    )
    assert list(found.values()) == [("image/png", PNG)] * 2
    assert asked == 2
    with pytest.raises(MediaRefused, match="more than 1024 bytes"):
        fetched([http_answer(200, bytes(2_000), "image/png")], config, ["http://images.example:PORT/a"])
    with pytest.raises(MediaRefused, match="allow_hosts"):
        fetched([http_answer(200, PNG, "image/png")], config, ["http://other.example:PORT/a"])
    with pytest.raises(MediaRefused, match="loopback"):
        fetched([http_answer(200, PNG, "image/png")], config, ["http://images.example:PORT/a"], allow_private=False)
    with pytest.raises(MediaRefused, match=f"at most {MAX_IMAGES}"):
        fetched(
            [http_answer(200, PNG, "image/png")],
            config,
            [f"http://images.example:PORT/{n}" for n in range(MAX_IMAGES + 1)],
        )


def test_fetching_is_off_unless_the_config_says_otherwise(tmp_path: Path) -> None:
    assert parsed(FLEET).media == MediaConfig()
    assert not Media(parsed(FLEET).media).fetches
    text = FLEET + "media: {fetch: true, max_bytes: 2048, allow_hosts: ['*.example.com']}\n"
    assert parsed(text).media == MediaConfig(True, 2048, ("*.example.com",))
    assert "is not a host" in only_problem_of(FLEET + "media: {allow_hosts: ['http://a']}\n")
