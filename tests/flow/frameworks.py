"""Agents of two frameworks in tool loops: pydantic-ai and LangChain, in every dialect that each of them speaks."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, cast

import anthropic
import openai
from google import genai
from google.genai import types as gemini
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool as langchain_tool
from langchain_openai import ChatOpenAI
from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, ModelSettings, NativeOutput, RunContext, ToolOutput
from pydantic_ai.messages import AgentStreamEvent, ModelMessage
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.google import GoogleModel, GoogleModelSettings
from pydantic_ai.models.openai import (
    OpenAIChatModel,
    OpenAIChatModelSettings,
    OpenAIResponsesModel,
    OpenAIResponsesModelSettings,
)
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

TOOL = "get_weather"
SYSTEM = "You know the weather."


class Weather(BaseModel):
    city: str
    degrees: int


class Answered(Struct, frozen=True):
    text: str
    input_tokens: int
    output_tokens: int
    events: int
    """Events or chunks of the stream; none for a whole answer."""


class Framework(Protocol):
    cities: list[str]
    """What the tool was called with, once for each call."""

    async def say(self, text: str, model: str, *, stream: bool) -> Answered: ...

    async def read(self, text: str, model: str, way: str) -> Weather: ...

    async def close(self) -> None: ...


def weather_of(city: str, number: int) -> str:
    return f"sunny in {city}, {20 + number} degrees"
