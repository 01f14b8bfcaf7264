"""Clients of each dialect in a tool loop, through the vendors' own SDKs; every one keeps its own history."""

from typing import Any, Protocol

import anthropic
import openai
from google import genai
from google.genai import types as gemini

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = "get_weather"
RESULT = "sunny, 21 degrees"


class Client(Protocol):
    history: list[Any]

    async def say(self, text: str, model: str, *, stream: bool) -> str:
        """The words of the answer after every tool was run."""
        ...

    async def close(self) -> None: ...


class ChatClient:
    def __init__(self, url: str) -> None:
        self.sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        self.history: list[Any] = []
        self.tools: Any = [{"type": "function", "function": {"name": TOOL, "description": "", "parameters": SCHEMA}}]

    async def say(self, text: str, model: str, *, stream: bool) -> str:
        self.history.append({"role": "user", "content": text})
        while True:
            message = await self._ask(model, stream=stream)
            self.history.append(echo_of(message, ("role", "content", "tool_calls")))
            for call in message.tool_calls or ():
                self.history.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})
            if not message.tool_calls:
                return str(message.content)

    async def _ask(self, model: str, *, stream: bool) -> Any:
        asked: dict[str, Any] = {"model": model, "messages": self.history, "tools": self.tools}
        if "plain" not in model:
            asked["reasoning_effort"] = "high"
        if not stream:
            return (await self.sdk.chat.completions.create(**asked)).choices[0].message
        async with self.sdk.chat.completions.stream(**asked) as events:
            return (await events.get_final_completion()).choices[0].message

    async def close(self) -> None:
        await self.sdk.close()


class MessagesClient:
    def __init__(self, url: str) -> None:
        self.sdk = anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0)
        self.history: list[Any] = []

    async def say(self, text: str, model: str, *, stream: bool) -> str:
        self.history.append({"role": "user", "content": text})
        while True:
            message = await self._ask(model, stream=stream)
            blocks = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
            self.history.append({"role": "assistant", "content": blocks})
            calls = [block for block in message.content if block.type == "tool_use"]
            if not calls:
                return "".join(block.text for block in message.content if block.type == "text")
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULT} for call in calls]
            self.history.append({"role": "user", "content": results})

    async def _ask(self, model: str, *, stream: bool) -> Any:
        asked: dict[str, Any] = {
            "model": model,
            "messages": self.history,
            "max_tokens": 4_000,
            "tools": [{"name": TOOL, "description": "", "input_schema": SCHEMA}],
            "thinking": {"type": "adaptive"},
        }
        if not stream:
            return await self.sdk.messages.create(**asked)
        async with self.sdk.messages.stream(**asked) as events:
            return await events.get_final_message()

    async def close(self) -> None:
        await self.sdk.close()


class ResponsesClient:
    def __init__(self, url: str) -> None:
        self.sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        self.history: list[Any] = []

    async def say(self, text: str, model: str, *, stream: bool) -> str:
        self.history.append({"role": "user", "content": text})
        while True:
            response = await self._ask(model, stream=stream)
            self.history += [
                item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output
            ]
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return str(response.output_text)
            self.history += [
                {"type": "function_call_output", "call_id": call.call_id, "output": RESULT} for call in calls
            ]

    async def _ask(self, model: str, *, stream: bool) -> Any:
        asked: dict[str, Any] = {
            "model": model,
            "input": self.history,
            "tools": [{"type": "function", "name": TOOL, "description": "", "parameters": SCHEMA, "strict": False}],
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "high"},
            "store": False,
        }
        if not stream:
            return await self.sdk.responses.create(**asked)
        async with self.sdk.responses.stream(**asked) as events:
            return await events.get_final_response()

    async def close(self) -> None:
        await self.sdk.close()


class GeminiClient:
    def __init__(self, url: str) -> None:
        self.sdk = genai.Client(api_key="none", http_options=gemini.HttpOptions(base_url=url))
        self.history: list[Any] = []

    async def say(self, text: str, model: str, *, stream: bool) -> str:
        self.history.append(gemini.Content(role="user", parts=[gemini.Part(text=text)]))
        while True:
            parts = await self._ask(model, stream=stream)
            self.history.append(gemini.Content(role="model", parts=parts))
            calls = [part.function_call for part in parts if part.function_call is not None]
            if not calls:
                return "".join(part.text or "" for part in parts if not part.thought)
            results = [
                gemini.Part(
                    function_response=gemini.FunctionResponse(id=call.id, name=call.name, response={"result": RESULT})
                )
                for call in calls
            ]
            self.history.append(gemini.Content(role="user", parts=results))

    async def _ask(self, model: str, *, stream: bool) -> list[gemini.Part]:
        declared = gemini.FunctionDeclaration(name=TOOL, description="", parameters_json_schema=SCHEMA)
        config = gemini.GenerateContentConfig(
            tools=[gemini.Tool(function_declarations=[declared])],
            thinking_config=gemini.ThinkingConfig(thinking_level=gemini.ThinkingLevel.HIGH),
            automatic_function_calling=gemini.AutomaticFunctionCallingConfig(disable=True),
        )
        asked: dict[str, Any] = {"model": model, "contents": list(self.history), "config": config}
        if not stream:
            return _parts(await self.sdk.aio.models.generate_content(**asked))
        chunks = await self.sdk.aio.models.generate_content_stream(**asked)
        return [part async for chunk in chunks for part in _parts(chunk)]

    async def close(self) -> None:
        await self.sdk.aio.aclose()
        self.sdk.close()


CLIENTS: dict[str, type[ChatClient | MessagesClient | ResponsesClient | GeminiClient]] = {
    "openai-chat": ChatClient,
    "anthropic": MessagesClient,
    "openai-responses": ResponsesClient,
    "gemini": GeminiClient,
}


def echo_of(message: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """What a client of Chat Completions sends back of an answer."""
    dumped = {name: value for name, value in message.model_dump(exclude_none=True).items() if name in names}
    for call in dumped.get("tool_calls", ()):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return dumped


def _parts(response: gemini.GenerateContentResponse) -> list[gemini.Part]:
    content = response.candidates[0].content if response.candidates else None
    return list(content.parts or ()) if content is not None else []
