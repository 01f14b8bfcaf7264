"""The course of a conversation is the same in whichever dialect it is told."""

import json
from typing import Any

import msgspec
import pytest

from baton.protocol.course import conversation_key, tells_of_failure
from baton.protocol.request import read_request
from baton.types.card import Dialect
from baton.types.request import Facts

from .captured import FOLDER, dialect_of, encode, load
from .spoken import Said, spoken

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")
FIRST: list[Said] = [("user", "build it")]
LOOP: list[Said] = [*FIRST, ("call", ""), ("result", "12 files"), ("call", ""), ("result", "Error: no such file x.py")]
SECOND: list[Said] = [*LOOP, ("assistant", "It is built."), ("user", "and now test it")]
THIRD: list[Said] = [*SECOND, ("assistant", "Tested."), ("user", "and now test it")]

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def facts(dialect: Dialect, turns: list[Said], system: Any = "", **members: Any) -> Facts:
    return read_request(dialect, msgspec.json.encode(spoken(dialect, turns, system) | members), {}).facts


@every_dialect
def test_depth_and_steps_are_counted(dialect: Dialect) -> None:
    first, loop, second = (facts(dialect, turns, "Be brief.") for turns in (FIRST, LOOP, SECOND))
    assert (first.depth, first.loop_step, first.turns, first.tool_results) == (0, 0, 1, False)
    assert (loop.depth, loop.loop_step, loop.turns, loop.tool_results) == (4, 2, 1, True)
    assert (second.depth, second.loop_step, second.turns, second.tool_results) == (6, 0, 2, False)
    assert (loop.user_text, second.user_text, second.system_text) == ("build it", "and now test it", "Be brief.")


@every_dialect
def test_only_errors_of_the_last_results_count(dialect: Dialect) -> None:
    assert facts(dialect, LOOP[:3]).tool_errors == 0
    assert facts(dialect, LOOP).tool_errors == 1
    assert facts(dialect, [*LOOP, ("call", ""), ("result", "fine")]).tool_errors == 0
    assert facts(dialect, SECOND).tool_errors == 0


def test_a_result_that_is_marked_as_an_error_is_one() -> None:
    assert facts("anthropic", [*FIRST, ("call", ""), ("failure", "hm")]).tool_errors == 1
    assert facts("anthropic", [*FIRST, ("call", ""), ("failure", "Error: hm")]).tool_errors == 1


@every_dialect
def test_what_is_said_again_word_for_word_is_counted(dialect: Dialect) -> None:
    assert [facts(dialect, turns).repeats for turns in (FIRST, LOOP, SECOND, THIRD)] == [0, 0, 0, 1]


@every_dialect
def test_what_was_sent_before_may_be_cached(dialect: Dialect) -> None:
    long = "word " * 2_000
    marked = {"cache_control": {"type": "ephemeral"}} if dialect == "anthropic" else {}
    assert facts(dialect, FIRST, long, **({} if dialect == "anthropic" else marked)).cached_bytes == 0
    grown = facts(dialect, [*FIRST, ("assistant", long), ("user", "more")], long, **marked)
    assert 10_000 < grown.cached_bytes < 10_400
    assert grown.cached_bytes < grown.text_bytes - 10_000


def test_where_caching_is_asked_for_nothing_is_cached_unasked() -> None:
    marker = {"cache_control": {"type": "ephemeral"}}
    assert facts("anthropic", SECOND, "system").cached_bytes == 0
    system = [{"type": "text", "text": "word " * 100, **marker}]
    assert facts("anthropic", SECOND, system=system).cached_bytes > 500
    assert 500 < facts("anthropic", FIRST, system=system).cached_bytes < 600


@every_dialect
def test_the_key_of_a_conversation_stays_as_it_grows(dialect: Dialect) -> None:
    keys = {conversation_key(facts(dialect, turns, "Be brief.")) for turns in (FIRST, LOOP, SECOND, THIRD)}
    assert len(keys) == 1
    other = {
        conversation_key(facts(dialect, [("user", "build that")], "Be brief.")),
        conversation_key(facts(dialect, FIRST, "Be long.")),
        conversation_key(facts(dialect, FIRST)),
    }
    assert len(keys | other) == 4


def test_moving_cache_markers_do_not_change_the_key() -> None:
    block = {"type": "text", "text": "build it"}
    marked = {**block, "cache_control": {"type": "ephemeral"}}
    later = [{"role": "assistant", "content": "done"}, {"role": "user", "content": [marked]}]
    keys = {
        conversation_key(facts("anthropic", [], messages=messages))
        for messages in (
            [{"role": "user", "content": [marked]}],
            [{"role": "user", "content": [block]}, *later],
            [{"role": "user", "content": "build it"}, *later],
        )
    }
    assert len(keys) == 1


def test_what_a_client_counts_in_its_system_prompt_does_not_change_the_key() -> None:
    def key(count: str, session: str) -> str:
        system = [
            {"type": "text", "text": f"x-anthropic-billing-header: cch={count};"},
            {"type": "text", "text": "Be."},
        ]
        return conversation_key(facts("anthropic", FIRST, system=system, metadata={"user_id": session}))

    assert key("1", "a") == key("2", "a") != key("1", "b")


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ("Error: it is gone", True),
        ("ValueError: 3", True),
        ("\n<tool_use_error>File has not been read</tool_use_error>", True),
        ('{"error": "rate limited"}', True),
        ('{"success":false}', True),
        ("Exit code: 1\nOutput:\nhello", True),
        ("ls: x\nTraceback (most recent call last):\n  File", True),
        ("command failed with status 2", True),
        ("Permission denied", True),
        ('{"error": null, "rows": 3}', False),
        ('{"success": true}', False),
        ("Exit code: 0\nOutput:\nhello", False),
        ("14 tests passed, 0 errors", False),
        ("The function handles an error by retrying.", False),
        ("", False),
    ],
)
def test_failures_are_told_by_their_text(result: str, failed: bool) -> None:
    for written in (result, [{"type": "text", "text": result}], {"output": result}):
        assert tells_of_failure(msgspec.json.encode(written)) is failed


CAPTURES = {
    "ai-anthropic-02": (2, 2, "weather Zürich?"),
    "ai-openai-02": (5, 2, "weather Zürich?"),
    "ai-openai-chat-02": (3, 2, "weather Zürich?"),
    "ai-compat-02": (3, 2, "weather Zürich?"),
    "ai-google-02": (2, 2, "weather Zürich?"),
    "opencode-01": (1, 0, 'Generate a title for this conversation:\n\n"probe: call the bash tool"'),
    "claude-code-01": (0, 0, "probe: call the tool"),
}


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.skipif(not FOLDER.exists(), reason="the captures are not beside the checkout")
def test_captured_requests_have_the_course_that_they_show(name: str) -> None:
    dialect, body = load(name)
    found = read_request(dialect, encode(body), {}).facts
    depth, loop_step, said = CAPTURES[name]
    assert (found.depth, found.loop_step) == (depth, loop_step)
    assert said in found.user_text
    assert found.tool_errors == 0


@pytest.mark.skipif(not FOLDER.exists(), reason="the captures are not beside the checkout")
def test_captured_requests_of_one_conversation_have_one_key() -> None:
    keys: dict[str, set[str]] = {}
    for path in sorted(FOLDER.glob("ai-*.json")):
        capture = json.loads(path.read_text())
        dialect = dialect_of(capture["path"])
        assert dialect is not None
        placed = {"model": "m"} if dialect == "gemini" else {}
        request = read_request(dialect, encode(capture["body"] | placed), {})
        keys.setdefault(path.stem.rpartition("-")[0], set()).add(conversation_key(request.facts))
    assert keys
    assert all(len(found) == 1 for found in keys.values()), keys


def test_media_that_no_capability_is_known_for_are_no_text_either() -> None:
    clip = {"inlineData": {"mimeType": "video/mp4", "data": "AAAA" * 1_000}}
    linked = {"fileData": {"mimeType": "image/png", "fileUri": "gs://x/y.png"}}
    found = facts("gemini", [], contents=[{"role": "user", "parts": [clip, linked, {"text": "hi"}]}])
    assert found.text_bytes < 500
    assert found.media == {"image"}
