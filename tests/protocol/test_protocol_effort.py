"""A step of effort stands in a request as its own dialect writes it, unless the caller has chosen."""

from typing import Any

import msgspec
import pytest

from baton.protocol.dialects import grammar_of
from baton.protocol.effort import SETTERS, with_effort
from baton.protocol.request import read_request
from baton.protocol.splice import splice
from baton.types.card import Dialect
from baton.types.conversation import EFFORTS, Effort
from baton.types.parts import Origin
from baton.types.request import Request

SAY = [{"role": "user", "content": "hi"}]
BODIES: dict[Dialect, dict[str, Any]] = {
    "openai-chat": {"model": "auto", "messages": SAY},
    "openai-responses": {"model": "auto", "input": "hi"},
    "anthropic": {"model": "auto", "messages": SAY, "max_tokens": 100},
    "gemini": {"model": "auto", "contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "ollama": {"model": "auto", "messages": SAY},
}
CHOSEN: list[tuple[Dialect, dict[str, Any]]] = [
    ("openai-chat", {"reasoning_effort": "high"}),
    ("openai-responses", {"reasoning": {"effort": "high"}}),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    ("anthropic", {"output_config": {"effort": "high"}}),
    ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 100}}}),
    ("ollama", {"think": True}),
]
BESIDE: list[tuple[Dialect, dict[str, Any]]] = [
    ("openai-responses", {"reasoning": {"summary": "auto"}}),
    ("anthropic", {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
    ("gemini", {"generationConfig": {"temperature": 0.5}}),
    ("gemini", {"generation_config": {"temperature": 0.5}}),
]


def request(dialect: Dialect, **more: Any) -> Request:
    return read_request(dialect, msgspec.json.encode(BODIES[dialect] | more), {})


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("dialect", SETTERS)
def test_every_dialect_reads_what_was_set(dialect: Dialect, effort: Effort) -> None:
    reasoning = grammar_of(dialect).read(with_effort(request(dialect), effort).members, Origin()).reasoning
    assert reasoning is not None
    off = effort == "none" and (reasoning.mode == "off" or reasoning.effort == "none")
    assert off or reasoning.effort == effort


@pytest.mark.parametrize(("dialect", "more"), CHOSEN)
def test_what_the_caller_chose_stays(dialect: Dialect, more: dict[str, Any]) -> None:
    asked = request(dialect, **more)
    assert with_effort(asked, "low") is asked


@pytest.mark.parametrize(("dialect", "more"), BESIDE)
def test_what_stands_beside_it_stays(dialect: Dialect, more: dict[str, Any]) -> None:
    body = msgspec.json.decode(splice(with_effort(request(dialect, **more), "low").members, {}))
    ((name, inside),) = more.items()
    assert inside.items() <= body[name].items()
    assert len(body[name]) == len(inside) + 1


@pytest.mark.parametrize("dialect", SETTERS)
def test_no_effort_is_no_change(dialect: Dialect) -> None:
    asked = request(dialect)
    assert with_effort(asked, "") is asked


@pytest.mark.parametrize("dialect", ["openai-responses", "anthropic", "gemini"])
def test_a_member_that_is_no_object_is_left_to_its_reader(dialect: Dialect) -> None:
    name = {"openai-responses": "reasoning", "anthropic": "output_config", "gemini": "generationConfig"}[dialect]
    asked = msgspec.structs.replace(request(dialect), members={name: msgspec.Raw(b"7")})
    assert with_effort(asked, "low") is asked
