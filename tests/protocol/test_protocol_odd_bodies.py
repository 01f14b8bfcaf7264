"""Bodies that are valid JSON and odd otherwise: read and rendered, or refused in words, never a defect."""

import json
from typing import Any

import pytest

from baton.protocol.dialects import grammar_of
from baton.protocol.saved_request import read_saved
from baton.types.card import Dialect
from baton.types.handoff import Rendered, Target
from baton.types.parts import Origin

CLAUDE = Target(dialect="anthropic", model="m", efforts=("low", "high"))
BY_BUDGET = Target(dialect="anthropic", model="m", efforts=("low", "high"), reasoning_style="budget", max_output=9_000)
TARGETS = (
    Target(dialect="openai-chat", model="m"),
    Target(dialect="openai-responses", model="m"),
    CLAUDE,
    BY_BUDGET,
    Target(dialect="gemini", model="m"),
    Target(dialect="ollama", model="m"),
)
ASKED = {"role": "user", "content": "Hi."}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def rendered(source: Dialect, body: dict[str, Any] | bytes, target: Target) -> Rendered:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return grammar_of(target.dialect).write(grammar_of(source).read(read_saved(written).members, Origin()), target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.dialect}-{target.reasoning_style}")
@pytest.mark.parametrize("kind", ["image", "document"])
def test_media_without_a_source_are_a_block_that_nobody_knows(kind: str, target: Target) -> None:
    content = [{"type": kind}, {"type": "text", "text": "What is it?"}]
    found = rendered("anthropic", {"max_tokens": 9, "messages": [{"role": "user", "content": content}]}, target)
    action = next(entry.action for entry in found.report.entries if entry.path == "messages[0].content[0]")
    assert action == ("kept" if target.dialect == "anthropic" else "degraded")


@pytest.mark.parametrize("last", [{}, {"role": "assistant"}, {"role": "assistant", "content": [{"text": "no type"}]}])
def test_claude_by_budget_is_asked_although_the_last_message_is_odd(last: dict[str, Any]) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2_000}
    body = {"max_tokens": 5_000, "thinking": thinking, "messages": [ASKED, last]}
    found = json.loads(rendered("anthropic", body, BY_BUDGET).body)
    assert found["thinking"] == thinking
    assert found["messages"] == body["messages"]


def test_an_output_config_of_null_is_none() -> None:
    body = {"max_tokens": 9, "output_config": None, "thinking": {"type": "adaptive"}, "messages": [ASKED]}
    assert json.loads(rendered("anthropic", body, CLAUDE).body)["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.dialect}-{target.reasoning_style}")
def test_a_number_that_no_float_holds_goes_on_as_it_was_written(target: Target) -> None:
    schema = b'{"type": "object", "maxProperties": 1e400}'
    config = b'{"format": {"type": "json_schema", "schema": ' + schema + b"}}"
    body = b'{"max_tokens": 9, "thinking": {"type": "adaptive"}, "output_config": ' + config
    call = b'{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1e400}}]}'
    found = rendered(
        "anthropic", body + b', "messages": [{"role": "user", "content": "Hi."}, ' + call + b"]}", target
    ).body
    assert schema.replace(b" ", b"") in found.replace(b" ", b"")


@pytest.mark.parametrize("dialect", ["anthropic", "gemini", "ollama"])
def test_a_schema_that_loses_its_name_and_description_is_not_told_as_kept(dialect: Dialect) -> None:
    named = {"name": "verdict", "description": "Say a.", "schema": SCHEMA, "strict": True}
    body = {"messages": [ASKED], "response_format": {"type": "json_schema", "json_schema": named}}
    found = rendered("openai-chat", body, Target(dialect=dialect, model="m"))
    action = next(entry.action for entry in found.report.entries if entry.path == "response_format")
    assert (action, b"verdict" in found.body) == ("moved", False)
