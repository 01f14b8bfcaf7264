"""Agents of two frameworks, pydantic-ai and LangChain, in every dialect that each speaks; each keeps its own history."""

from collections.abc import AsyncIterable, Callable
from typing import Any, Literal, Protocol

import anthropic
import openai
from google import genai
from google.genai import types as gemini
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, ModelSettings, NativeOutput, RunContext, ToolOutput
from pydantic_ai.messages import AgentStreamEvent, ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.google import GoogleModel, GoogleModelSettings
from pydantic_ai.models.openai import (
    OpenAIChatModel,
    OpenAIChatModelSettings,
    OpenAIResponsesModel,
    OpenAIResponsesModelSettings,
)
from pydantic_ai.profiles.anthropic import AnthropicModelProfile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

SYSTEM = "You tell people what they ask."
Way = Literal["tool", "native"]
"""How a structured answer is asked for: as the call of a tool, or as the form of the answer itself."""


class Weather(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


class Tools:
    """What the model may call; every result can be told from every other."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def get_weather(self, city: str) -> str:
        """The weather of a city."""
        return self._result("get_weather", city)

    async def get_time(self, city: str) -> str:
        """The time in a city."""
        return self._result("get_time", city)

    def _result(self, name: str, city: str) -> str:
        self.ran.append(name)
        return f"result {self.ran.count(name)} of {name} for {city}"


class Said(Struct, frozen=True):
    text: str
    tokens: tuple[tuple[int, int], ...]
    """(input, output) of every answer that the turn took."""
    events: int
    """Events of its streams; none where nothing was streamed."""


class Framework(Protocol):
    tools: Tools
    history: list[Any]

    async def say(self, text: str, model: str, *, stream: bool) -> Said:
        """Run every tool that the model calls, to the last answer."""
        ...

    async def read(self, model: str, way: Way) -> Weather: ...

    async def close(self) -> None: ...


def question(model: str, form: str) -> str:
    """Ollama has no choice of tools: there a model can only be asked to call the one that is the form of its answer."""
    return f"please use {form}" if model.startswith("ollama/") else "the weather of any city, please"


# --- pydantic-ai ---------------------------------------------------------------------------------


class PydanticAI:
    """It tells from a model's name what the model can: where it does not know the name it is told, by a profile."""

    def __init__(self, sdk: Any) -> None:
        self.tools = Tools()
        self.sdk = sdk
        self.history: list[Any] = []

    def model(self, name: str) -> Model:
        raise AssertionError(name)

    def settings(self, model: str) -> ModelSettings:
        raise AssertionError(model)

    async def say(self, text: str, model: str, *, stream: bool) -> Said:
        tools = [self.tools.get_weather, self.tools.get_time]
        agent = Agent(self.model(model), tools=tools, system_prompt=SYSTEM, model_settings=self.settings(model))
        events: list[AgentStreamEvent] = []

        async def watch(_context: RunContext[object], arriving: AsyncIterable[AgentStreamEvent]) -> None:
            events.extend([event async for event in arriving])

        ran = await agent.run(text, message_history=self.history, event_stream_handler=watch if stream else None)
        self.history = ran.all_messages()
        answers = [message.usage for message in ran.new_messages() if isinstance(message, ModelResponse)]
        return Said(ran.output, tuple((used.input_tokens, used.output_tokens) for used in answers), len(events))

    async def read(self, model: str, way: Way) -> Weather:
        output = ToolOutput(Weather, name="report") if way == "tool" else NativeOutput(Weather)
        agent = Agent(self.model(model), output_type=output, system_prompt=SYSTEM, retries=0)
        return (await agent.run(question(model, "report"), model_settings=ModelSettings(max_tokens=4_000))).output

    async def close(self) -> None:
        await self.sdk.close()


class PydanticChat(PydanticAI):
    def __init__(self, url: str) -> None:
        super().__init__(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))

    def model(self, name: str) -> Model:
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=self.sdk))

    def settings(self, model: str) -> ModelSettings:
        return (
            OpenAIChatModelSettings() if "plain" in model else OpenAIChatModelSettings(openai_reasoning_effort="high")
        )


class PydanticResponses(PydanticAI):
    def __init__(self, url: str) -> None:
        super().__init__(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))

    def model(self, name: str) -> Model:
        reasons = OpenAIModelProfile(
            supports_thinking=True, openai_supports_reasoning=True, openai_supports_encrypted_reasoning_content=True
        )
        return OpenAIResponsesModel(name, provider=OpenAIProvider(openai_client=self.sdk), profile=reasons)

    def settings(self, model: str) -> ModelSettings:
        return OpenAIResponsesModelSettings(openai_reasoning_effort="high", openai_reasoning_summary="auto")


class PydanticAnthropic(PydanticAI):
    def __init__(self, url: str) -> None:
        super().__init__(anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0))

    def model(self, name: str) -> Model:
        forms = AnthropicModelProfile(supports_json_schema_output=True)
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=self.sdk), profile=forms)

    def settings(self, model: str) -> ModelSettings:
        return AnthropicModelSettings(max_tokens=4_000, anthropic_thinking={"type": "adaptive"})


class PydanticGoogle(PydanticAI):
    def __init__(self, url: str) -> None:
        super().__init__(genai.Client(api_key="none", http_options=gemini.HttpOptions(base_url=url)))

    def model(self, name: str) -> Model:
        return GoogleModel(name, provider=GoogleProvider(client=self.sdk))

    def settings(self, model: str) -> ModelSettings:
        thinks: Any = {"thinking_level": "HIGH", "include_thoughts": True}
        return GoogleModelSettings(google_thinking_config=thinks)

    async def close(self) -> None:
        await self.sdk.aio.aclose()
        self.sdk.close()


# --- LangChain -----------------------------------------------------------------------------------


class LangChain:
    def __init__(self, url: str) -> None:
        self.tools = Tools()
        self.url = url
        self.history: list[Any] = [SystemMessage(SYSTEM)]
        self._models: dict[tuple[str, bool], Any] = {}

    def model(self, name: str, *, thinks: bool = True) -> BaseChatModel:
        if (name, thinks) not in self._models:
            self._models[name, thinks] = self.build(name, thinks)
        made: BaseChatModel = self._models[name, thinks]
        return made

    def build(self, name: str, thinks: bool) -> BaseChatModel:
        raise AssertionError(name)

    async def say(self, text: str, model: str, *, stream: bool) -> Said:
        bound = self.model(model).bind_tools([self.tools.get_weather, self.tools.get_time])
        self.history.append(HumanMessage(text))
        tokens: list[tuple[int, int]] = []
        events = 0
        while True:
            chunks = [chunk async for chunk in bound.astream(self.history)] if stream else []
            events += len(chunks)
            message = _joined(chunks) if stream else await bound.ainvoke(self.history)
            assert isinstance(message, AIMessage)
            assert message.usage_metadata is not None
            tokens.append((message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]))
            self.history.append(message)
            for call in message.tool_calls:
                result = await getattr(self.tools, call["name"])(**call["args"])
                self.history.append(ToolMessage(result, tool_call_id=call["id"]))
            if not message.tool_calls:
                return Said(str(message.text), tuple(tokens), events)

    async def read(self, model: str, way: Way) -> Weather:
        method = "function_calling" if way == "tool" else "json_schema"
        form = self.model(model, thinks=False).with_structured_output(Weather, method=method)
        found = await form.ainvoke(question(model, "Weather"))
        assert isinstance(found, Weather), found
        return found

    async def close(self) -> None:
        for model in self._models.values():
            await self.sdk_of(model).close()

    def sdk_of(self, model: Any) -> Any:
        return model.root_async_client


class LangChainChat(LangChain):
    def build(self, name: str, thinks: bool) -> BaseChatModel:
        effort = "high" if thinks and "plain" not in name else None
        return ChatOpenAI(
            model=name,
            base_url=f"{self.url}/v1",
            api_key=SecretStr("none"),
            max_retries=0,
            stream_usage=True,
            reasoning_effort=effort,
        )


class LangChainResponses(LangChain):
    def build(self, name: str, thinks: bool) -> BaseChatModel:
        return ChatOpenAI(
            model=name,
            base_url=f"{self.url}/v1",
            api_key=SecretStr("none"),
            max_retries=0,
            use_responses_api=True,
            reasoning={"effort": "high", "summary": "auto"} if thinks else None,
            include=["reasoning.encrypted_content"],
            store=False,
        )


class LangChainAnthropic(LangChain):
    def build(self, name: str, thinks: bool) -> BaseChatModel:
        return ChatAnthropic(
            model_name=name,
            base_url=self.url,
            api_key=SecretStr("none"),
            max_retries=0,
            max_tokens_to_sample=4_000,
            thinking={"type": "adaptive"} if thinks else None,
            timeout=None,
            stop=None,
        )

    def sdk_of(self, model: Any) -> Any:
        return model._async_client


def _joined(chunks: list[Any]) -> Any:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


FRAMEWORKS: dict[str, Callable[[str], Framework]] = {
    "pydantic-ai-openai-chat": PydanticChat,
    "pydantic-ai-openai-responses": PydanticResponses,
    "pydantic-ai-anthropic": PydanticAnthropic,
    "pydantic-ai-google": PydanticGoogle,
    "langchain-openai-chat": LangChainChat,
    "langchain-openai-responses": LangChainResponses,
    "langchain-anthropic": LangChainAnthropic,
}
