"""The vendors' own SDK types as judges of what Baton writes; unknown members are refused."""

import json
import sys
from functools import cache
from typing import Any

import anthropic.types
import openai.types.chat
import openai.types.responses
from anthropic.types.message_create_params import MessageCreateParamsBase
from google.genai import types as gemini
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import is_typeddict

from baton.types.card import Dialect
from tests.protocol.ollama_schema import check_ollama_answer, check_ollama_request


class AnthropicRequest(MessageCreateParamsBase, total=False):
    stream: bool


class ChatRequest(CompletionCreateParamsBase, total=False):
    stream: bool


class ResponsesRequest(ResponseCreateParamsBase, total=False):
    stream: bool


class OlderAnthropicRequest(AnthropicRequest, total=False):
    """Older models still take these."""

    temperature: float
    top_p: float
    top_k: int


class GeminiRequest(gemini._common.BaseModel):  # type: ignore[name-defined,misc]
    """The body of the wire, which the SDK puts together from these."""

    contents: list[gemini.Content]
    system_instruction: gemini.Content | None = None
    tools: list[gemini.Tool] | None = None
    tool_config: gemini.ToolConfig | None = None
    generation_config: gemini.GenerationConfig | None = None
    safety_settings: list[gemini.SafetySetting] | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    closed = ConfigDict(extra="forbid")
    for name, module in list(sys.modules.items()):
        if name.startswith(("anthropic.types", "openai.types")):
            for value in list(vars(module).values()):
                if is_typeddict(value) and "__pydantic_config__" not in vars(value):
                    value.__pydantic_config__ = closed
    shapes: tuple[Any, ...] = (AnthropicRequest, ChatRequest, ResponsesRequest, OlderAnthropicRequest)
    for shape in shapes:
        shape.__pydantic_config__ = closed
    return {
        "anthropic": TypeAdapter(AnthropicRequest),
        "anthropic-older": TypeAdapter(OlderAnthropicRequest),
        "openai-chat": TypeAdapter(ChatRequest),
        "openai-responses": TypeAdapter(ResponsesRequest),
    }


def check_request(dialect: Dialect, body: bytes, *, older: bool = False) -> dict[str, Any]:
    """The decoded body; raises when the SDK's types would not take it."""
    decoded: dict[str, Any] = json.loads(body)
    if dialect == "ollama":
        check_ollama_request(body)
        return decoded
    if dialect == "gemini":
        GeminiRequest.model_validate_json(body)
        return decoded
    name = f"{dialect}-older" if older else dialect
    _walk(_adapters()[name].validate_python(decoded))
    return decoded


def check_answer(dialect: Dialect, body: bytes) -> Any:
    if dialect == "ollama":
        return check_ollama_answer(body)
    if dialect == "gemini":
        return gemini.GenerateContentResponse.model_validate_json(body)
    if dialect == "anthropic":
        return anthropic.types.Message.model_validate_json(body, strict=True)
    if dialect == "openai-responses":
        return openai.types.responses.Response.model_validate_json(body, strict=True)
    return openai.types.chat.ChatCompletion.model_validate_json(body, strict=True)


def _walk(value: Any) -> None:
    """Iterables are validated only when they are walked; a response model may hide an unknown member."""
    if isinstance(value, BaseModel):
        if value.model_extra:
            raise AssertionError(f"unknown members {sorted(value.model_extra)} in {type(value).__name__}")
    elif isinstance(value, dict):
        for item in value.values():
            _walk(item)
    elif not isinstance(value, str | int | float | bool | None):
        for item in value:
            _walk(item)
