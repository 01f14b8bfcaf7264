"""LiteLLM's translation of the conversations of `translate.py`, for a Python that has LiteLLM; prints a line of JSON.

    PATH/TO/python bench/translate_litellm.py BODIES.json [--rounds 7] [--size 50000]

Bytes to bytes, as in a gateway: the body is decoded, read into LiteLLM's form (which is that of Chat Completions),
written in the form of the provider, and encoded. What LiteLLM refuses or has no road for is said in place of a figure.
"""

import argparse
import contextlib
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network at import

try:
    import litellm
    from litellm.utils import get_optional_params
except ImportError as problem:
    sys.stderr.write(f"LiteLLM cannot be imported: {problem}\n")
    sys.exit(3)

Body = dict[str, Any]
REPEATS = 5
MODELS = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-pro", "ollama": "llama3.2"}
PROVIDERS = {"anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama_chat"}
PARAMS = ("tools", "tool_choice", "temperature", "top_p", "stop", "stream", "max_tokens", "max_completion_tokens")

# --- from a caller's dialect -------------------------------------------------------------------


def from_messages(body: Body) -> Body:
    found = _messages_adapter().translate_anthropic_to_openai(body)
    return dict(found[0] if isinstance(found, tuple) else found)


def from_responses(body: Body) -> Body:
    from litellm.responses.litellm_completion_transformation.transformation import LiteLLMCompletionResponsesConfig

    rest = {name: value for name, value in body.items() if name not in {"model", "input", "stream"}}
    return LiteLLMCompletionResponsesConfig.transform_responses_api_request_to_chat_completion_request(
        model=body["model"], input=body["input"], responses_api_request=rest, stream=body.get("stream")
    )


@functools.cache
def _messages_adapter() -> Any:
    """It lies elsewhere from one version to the next."""
    for folder in ("pass_through", "experimental_pass_through"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(f"litellm.llms.anthropic.{folder}.adapters.transformation")
            return module.LiteLLMAnthropicMessagesAdapter()
    raise LookupError("LiteLLM's adapter for Messages is not where it was")


READERS: dict[str, Callable[[Body], Body]] = {
    "openai-chat": lambda body: body,
    "anthropic": from_messages,
    "openai-responses": from_responses,
}

# --- to a provider's dialect -------------------------------------------------------------------


def to_provider(dialect: str, chat: Body) -> Body:
    if dialect == "openai-chat":
        return chat
    model, provider = MODELS[dialect], PROVIDERS[dialect]
    given = {name: chat[name] for name in PARAMS if chat.get(name) is not None}
    params = get_optional_params(model=model, custom_llm_provider=provider, drop_params=True, **given)
    if dialect == "gemini":
        from litellm.llms.vertex_ai.gemini.transformation import _transform_request_body

        return dict(
            _transform_request_body(
                messages=chat["messages"], model=model, optional_params=params, custom_llm_provider="gemini",
                litellm_params={}, cached_content=None,
            )
        )  # fmt: skip
    config = litellm.AnthropicConfig() if dialect == "anthropic" else litellm.OllamaChatConfig()
    found: Body = config.transform_request(
        model=model, messages=chat["messages"], optional_params=params, litellm_params={}, headers={}
    )
    return found


def least(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of one run of `work`, in the best of the rounds."""
    work()
    found = []
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        begun = process_time()
        for _ in range(REPEATS):
            work()
        found.append((process_time() - begun) / REPEATS)
    gc.enable()
    return min(found)


def pair(source: str, into: str, body: bytes, rounds: int, size: int) -> dict[str, Any]:
    def translate() -> bytes:
        return json.dumps(to_provider(into, READERS[source](json.loads(body))), default=str).encode()

    row: dict[str, Any] = {"from": source, "to": into}
    try:
        return row | {"request_ms": round(least(translate, rounds) * 1_000 * size / len(body), 3)}
    except Exception as error:  # noqa: BLE001 - its internals change; whatever it is, it is shown
        return row | {"error": f"{type(error).__name__}: {error}"[:120]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bodies")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=50_000)
    given = parser.parse_args()
    with open(given.bodies) as file:  # noqa: PTH123
        bodies = {name: json.dumps(body).encode() for name, body in json.load(file).items()}
    pairs = [
        pair(source, into, bodies[source], given.rounds, given.size)
        for source in READERS
        for into in ("openai-chat", *MODELS)
        if source != into
    ]
    sys.stdout.write(json.dumps({"version": importlib.metadata.version("litellm"), "pairs": pairs}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
