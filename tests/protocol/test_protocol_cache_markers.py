"""Cache markers on their way between providers: opt-in, translated, or set by the provider itself."""

import json
from typing import Any

import pytest

from baton.protocol.dialects import grammar_of
from baton.types.card import Dialect
from baton.types.handoff import Rendered, Target
from baton.types.parts import Origin
from tests.protocol.oracle import check_request

MARK = {"type": "ephemeral", "ttl": "1h"}


def render(source: Dialect, body: dict[str, Any], into: Dialect, *, markers: bool) -> Rendered:
    target = Target(dialect=into, model="m", max_output=1_000, cache_markers=markers)
    return grammar_of(into).write(grammar_of(source).read(json.dumps(body).encode(), Origin()), target)


def messages(*marks: dict[str, Any] | None) -> dict[str, Any]:
    blocks = [
        {"type": "text", "text": str(number)} | ({} if mark is None else {"cache_control": mark})
        for number, mark in enumerate(marks)
    ]
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": blocks}]}


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def test_a_provider_sets_its_own_marks_where_the_caller_has_none() -> None:
    rendered = render("openai-chat", CHAT, "anthropic", markers=True)
    assert check_request("anthropic", rendered.body)["cache_control"] == {"type": "ephemeral"}
    entries = {entry.path: entry.action for entry in rendered.report.entries}
    assert entries["cache_control"] == "moved"
    assert not rendered.report.is_lossy


def test_nobody_sets_marks_unasked() -> None:
    assert b"cache_control" not in render("openai-chat", CHAT, "anthropic", markers=False).body


@pytest.mark.parametrize("into", ["openai-chat", "openai-responses"])
def test_marks_become_those_of_the_target(into: Dialect) -> None:
    body = messages(None, MARK, None)
    on = render("anthropic", body, into, markers=True)
    check_request(into, on.body)
    assert on.body.count(b'"prompt_cache_breakpoint"') == 1
    assert b"12h" in on.body
    off = render("anthropic", body, into, markers=False)
    assert b"prompt_cache_breakpoint" not in off.body
    path = "messages[0].content[1].cache_control"
    assert {entry.path: entry.action for entry in on.report.entries}[path] == "moved"
    assert {entry.path: entry.action for entry in off.report.entries}[path] == "withheld"


def test_no_more_marks_go_out_than_the_target_takes() -> None:
    part = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part] * 6}]}
    rendered = render("openai-chat", body, "anthropic", markers=True)
    decoded = check_request("anthropic", rendered.body)
    blocks = decoded["messages"][0]["content"]
    assert ["cache_control" in block for block in blocks] == [False, False, True, True, True, True]
    assert "cache_control" not in decoded
    actions = [entry.action for entry in rendered.report.entries if "prompt_cache_breakpoint" in entry.path]
    assert (actions.count("moved"), actions.count("withheld")) == (4, 2)
