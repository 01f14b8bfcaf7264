"""What Ollama's `/api/chat` takes and gives, as a strict schema: there is no SDK of types to judge by."""

from typing import Any, Literal

import msgspec
from msgspec import Struct


class Closed(Struct, forbid_unknown_fields=True):
    """Unknown members are refused, although the server passes over them: what it does not read is lost."""


class CalledFunction(Closed):
    name: str
    arguments: dict[str, Any]


class Call(Closed):
    function: CalledFunction


class SystemMessage(Closed, tag_field="role", tag="system"):
    content: str


class UserMessage(Closed, tag_field="role", tag="user"):
    content: str
    images: list[bytes] = []
    """Standard base64."""


class AssistantMessage(Closed, tag_field="role", tag="assistant"):
    content: str
    thinking: str = ""
    tool_calls: list[Call] = []


class ToolMessage(Closed, tag_field="role", tag="tool"):
    content: str
    tool_name: str


class Parameters(Struct):
    type: Literal["object"]
    properties: dict[str, dict[str, Any] | bool] = {}
    required: list[str] = []


class Function(Closed):
    name: str
    parameters: Parameters
    description: str = ""


class Tool(Closed):
    type: Literal["function"]
    function: Function


class Options(Closed):
    num_ctx: int | None = None
    num_predict: int | None = None
    stop: list[str] = []
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


class Request(Closed):
    model: str
    messages: list[SystemMessage | UserMessage | AssistantMessage | ToolMessage]
    stream: bool
    think: bool | Literal["low", "medium", "high"] | None = None
    format: Literal["json"] | dict[str, Any] | None = None
    options: Options = msgspec.field(default_factory=Options)
    tools: list[Tool] = []
    keep_alive: str | int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class AnsweredFunction(CalledFunction):
    index: int = 0


class AnsweredCall(Closed):
    function: AnsweredFunction
    id: str = ""


class Answered(Closed, tag_field="role", tag="assistant"):
    content: str
    thinking: str = ""
    tool_calls: list[AnsweredCall] = []


class Answer(Closed):
    model: str
    created_at: str
    message: Answered
    done: Literal[True]
    done_reason: Literal["stop", "length"]
    prompt_eval_count: int = 0
    eval_count: int = 0


def check_ollama_request(body: bytes) -> Request:
    request = msgspec.json.decode(body, type=Request)
    check_results(request)
    return request


def check_results(request: Request) -> None:
    """Results name no call: there must be one for each call, in the order of the calls, directly after them."""
    waiting: list[str] = []
    for message in request.messages:
        if isinstance(message, ToolMessage):
            assert waiting, f"a result of {message.tool_name!r} where no call waits for one"
            assert message.tool_name == waiting.pop(0)
        else:
            assert not waiting, f"calls of {waiting} without their results"
            if isinstance(message, AssistantMessage):
                waiting = [call.function.name for call in message.tool_calls]


def check_ollama_answer(body: bytes) -> Answer:
    return msgspec.json.decode(body, type=Answer)
