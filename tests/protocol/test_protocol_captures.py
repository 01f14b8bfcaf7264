"""Every captured request of a real client, rendered to every dialect, judged by the vendors' types and fully reported."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from baton.protocol.account import UNACCOUNTED, elements
from baton.protocol.dialects import grammar_of
from baton.types.card import Dialect
from baton.types.errors import MalformedBody
from baton.types.handoff import HandoffReport, Target
from tests.protocol.captured import DIALECTS, FOLDER, NAMES, conversation, load
from tests.protocol.oracle import check_request

pytestmark = pytest.mark.skipif(not NAMES, reason=f"no captures of real clients in {FOLDER}")

CORE = {
    "type", "role", "content", "text", "id", "name", "input", "source", "tool_use_id", "thinking", "function",
    "tool_call_id", "image_url", "file", "messages", "input_schema", "parameters", "description", "json_schema",
    "url", "schema", "contents", "functionCall", "args", "functionResponse", "response", "inlineData",
    "parametersJsonSchema", "parameters_json_schema", "call_id", "arguments", "output", "file_data",
}  # fmt: skip
"""Members that make an element what it is; all others are elements of their own."""
WHOLE = {"cache_control", "stream_options", "citations", "context_management", "metadata", "client_metadata", "summary"}
"""Members that are one element each, whatever is in them."""
NEUTRAL = {"is_error"}
"""Elements whose value may be the same as their absence."""


def target(dialect: Dialect) -> Target:
    return Target(dialect=dialect, model="target-model", max_output=128_000)


def render(source: Dialect, body: Any, into: Dialect) -> tuple[bytes, HandoffReport]:
    rendered = grammar_of(into).write(conversation(source, body), target(into))
    return rendered.body, rendered.report


@pytest.mark.parametrize("into", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_every_capture_renders_to_what_the_vendors_types_take(name: str, into: Dialect) -> None:
    source, body = load(name)
    if source == into:
        pytest.skip("the same dialect keeps the client's own bytes, which have a test of their own")
    rendered, report = render(source, body, into)
    decoded = check_request(into, rendered)
    assert into == "gemini" or decoded["model"] == "target-model"  # which Gemini has in the address
    if into == "ollama":  # the one dialect that cannot carry every medium of these requests
        assert all("reads documents" in entry.reason for entry in report.rejections)
    else:
        assert not report.rejections


@pytest.mark.parametrize("into", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_every_element_of_a_capture_is_in_the_report(name: str, into: Dialect) -> None:
    source, body = load(name)
    _, report = render(source, body, into)
    paths = [entry.path for entry in report.entries]
    assert len(paths) == len(set(paths))
    assert set(elements(conversation(source, body))) <= set(paths)
    assert not [entry for entry in report.entries if entry.reason == UNACCOUNTED]
    assert all(entry.reason for entry in report.entries if entry.action != "kept")


@pytest.mark.parametrize("into", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_taking_an_element_away_changes_the_report(name: str, into: Dialect) -> None:
    """The reports are complete: there is no element whose absence they would not show."""
    source, body = load(name)
    _, report = render(source, body, into)
    for place in removable(body):
        without = copy.deepcopy(body)
        remove(without, place)
        try:
            _, changed = render(source, without, into)
        except MalformedBody:
            continue
        assert changed != report, f"taking {place} away leaves no trace in the report"


def removable(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member and every list item that is an element; schemas of tools and formats are one element each."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in CORE and not (name in NEUTRAL and item is False):
                yield (*place, name)
            descends = (
                (name == "input" and isinstance(item, list))
                or name in {"messages", "content", "tools", "system"}
                or name not in CORE | WHOLE
            )
            if descends and isinstance(item, dict | list):
                yield from removable(item, (*place, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield (*place, index)
                yield from removable(item, (*place, index))


def remove(value: Any, place: tuple[Any, ...]) -> None:
    for step in place[:-1]:
        value = value[step]
    del value[place[-1]]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_dialect_keeps_every_byte_of_the_messages(name: str) -> None:
    source, body = load(name)
    rendered, report = render(source, body, source)
    decoded = json.loads(rendered)
    assert {**decoded, "model": body["model"]} == body
    assert {entry.action for entry in report.entries} == {"kept"}
