"""A conversation as it happens: a client of one dialect, models of several, Baton between them."""

import json
from typing import Any

from msgspec.structs import replace

from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.inband import open_all, sealer
from baton.protocol.prefix import prefix_hashes
from baton.protocol.private import attach, remember
from baton.types.card import Dialect
from baton.types.conversation import Conversation, TurnMemory
from baton.types.events import AnswerMessage
from baton.types.handoff import Rendered, Target
from baton.types.parts import Origin, ToolCallPart

KEY = b"a key of the house"


class Client:
    """Keeps the whole history itself and sends it every time, as all clients of these dialects do."""

    def __init__(self, dialect: Dialect, *, in_band: bool) -> None:
        self.dialect = dialect
        self.messages: list[dict[str, Any]] = []
        self._in_band = in_band
        self._store: dict[str, list[TurnMemory]] = {}

    @property
    def shows_thinking(self) -> bool:
        """Thinking comes back in its history."""
        return self.dialect in {"anthropic", "openai-responses", "ollama", "gemini"}

    def say(self, text: str) -> None:
        if self.dialect == "gemini":
            self.messages.append({"role": "user", "parts": [{"text": text}]})
        else:
            self.messages.append({"role": "user", "content": text})

    def request(self) -> bytes:
        if self.dialect == "gemini":
            return json.dumps({"model": "auto", "contents": self.messages}).encode()
        if self.dialect == "openai-responses":
            return json.dumps({"model": "auto", "store": False, "input": self.messages}).encode()
        body: dict[str, Any] = {"model": "auto", "messages": self.messages}
        return json.dumps(body | ({"max_tokens": 100} if self.dialect == "anthropic" else {})).encode()

    def conversation(self) -> Conversation:
        """What Baton makes of the request: envelopes opened, remembered answers put back."""
        conversation = grammar_of(self.dialect).read(self.request(), Origin())
        opened = open_all(conversation, KEY)
        return attach(opened, lambda key, _: self._store.get(key, []))

    def ask(self, target: Target) -> Rendered:
        return grammar_of(target.dialect).write(self.conversation(), target)

    def hear(self, answer: AnswerMessage, dialect: Dialect) -> None:
        """The answer of a model of `dialect`, shown to the client, who adds it to its history and runs its tools."""
        prefix_hash = prefix_hashes(self.conversation().turns)[-1]
        stamped = answer_with(answer, prefix_hash)
        if not self._in_band:
            memory = remember(stamped, prefix_hash, dialect)
            if memory is not None:
                self._store.setdefault(memory.key, []).append(memory)
        reply = Reply(model="auto", seal=sealer(KEY) if self._in_band else None)
        shown = json.loads(grammar_of(self.dialect).write_answer(stamped, reply).body)
        self._echo(shown)

    def _echo(self, shown: dict[str, Any]) -> None:
        if self.dialect == "anthropic":
            if shown["content"]:
                self.messages.append({"role": "assistant", "content": shown["content"]})
            ids = [block["id"] for block in shown["content"] if block["type"] == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": id_, "content": f"result of {id_}"} for id_ in ids]
            if results:
                self.messages.append({"role": "user", "content": results})
            return
        if self.dialect == "ollama":
            self._echo_ollama(shown["message"])
            return
        if self.dialect == "gemini":
            self._echo_gemini(shown["candidates"][0]["content"])
            return
        if self.dialect == "openai-responses":
            self._echo_items(shown["output"])
            return
        message = shown["choices"][0]["message"]
        echoed = {name: message[name] for name in ("role", "content", "tool_calls") if message.get(name) is not None}
        if len(echoed) > 1:
            self.messages.append(echoed)
        for call in message.get("tool_calls", ()):
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": f"result of {call['id']}"})

    def _echo_items(self, items: list[dict[str, Any]]) -> None:
        """The items as they came, as Codex sends them again."""
        self.messages.extend(items)
        for item in items:
            if item["type"] == "function_call":
                output = f"result of {item['call_id']}"
                self.messages.append({"type": "function_call_output", "call_id": item["call_id"], "output": output})

    def _echo_ollama(self, message: dict[str, Any]) -> None:
        """The message as it came; results name the tool."""
        self.messages.append(message)
        for call in message.get("tool_calls", ()):
            name = call["function"]["name"]
            self.messages.append({"role": "tool", "tool_name": name, "content": f"result of {call['id']}"})

    def _echo_gemini(self, content: dict[str, Any]) -> None:
        """The content as it came; all results in one content."""
        self.messages.append(content)
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        results = [
            {"id": call["id"], "name": call["name"], "response": {"result": f"result of {call['id']}"}}
            for call in calls
        ]
        if results:
            self.messages.append({"role": "user", "parts": [{"functionResponse": result} for result in results]})


def answer_with(answer: AnswerMessage, prefix_hash: str) -> AnswerMessage:
    """The answer as a reader would give it that was told this prefix."""

    return replace(answer, private=tuple(replace(entry, prefix_hash=prefix_hash) for entry in answer.private))


def calls_of(answer: AnswerMessage) -> list[ToolCallPart]:
    return [part for part in answer.parts if isinstance(part, ToolCallPart)]
