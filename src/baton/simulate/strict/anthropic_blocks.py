"""What Anthropic's messages refuse in their content: blocks, empty texts, tool calls and their results, thinking."""

import re
from collections.abc import Iterator
from typing import Any

from baton.simulate.strict.anthropic import thinking_type
from baton.simulate.strict.posed import Object, Posed, Rule, is_base64, objects, refuse

_CACHED = frozenset({"type", "cache_control"})
BLOCKS: dict[str, frozenset[str]] = {
    "text": _CACHED | {"text", "citations"},
    "image": _CACHED | {"source", "transformations"},
    "document": _CACHED | {"source", "title", "context", "citations"},
    "search_result": _CACHED | {"source", "title", "content", "citations"},
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": _CACHED | {"id", "input", "name", "caller", "toolset_name"},
    "tool_result": _CACHED | {"content", "is_error", "tool_use_id", "toolset_name"},
    "server_tool_use": _CACHED | {"caller", "id", "input", "name"},
    "web_search_tool_result": _CACHED | {"caller", "content", "tool_use_id"},
    "web_fetch_tool_result": _CACHED | {"caller", "content", "tool_use_id"},
    "code_execution_tool_result": _CACHED | {"content", "tool_use_id"},
    "bash_code_execution_tool_result": _CACHED | {"content", "tool_use_id"},
    "text_editor_code_execution_tool_result": _CACHED | {"content", "tool_use_id"},
    "tool_search_tool_result": _CACHED | {"content", "tool_use_id"},
    "container_upload": _CACHED | {"file_id"},
}
BETA_BLOCKS: dict[str, frozenset[str]] = {
    "advisor_tool_result": _CACHED | {"content", "tool_use_id"},
    "mcp_tool_use": _CACHED | {"id", "input", "name", "server_name"},
    "mcp_tool_result": _CACHED | {"content", "is_error", "tool_use_id"},
    "mcp_tool_listing": frozenset({"type", "mcp_server_name", "tools"}),
    "compaction": _CACHED | {"content", "encrypted_content", "signature", "tool_changes"},
    "tool_addition": _CACHED | {"tool"},
    "tool_removal": _CACHED | {"tool"},
    "fallback": frozenset({"type", "from", "to", "trigger"}),
}
ASSISTANT_ONLY = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})
USER_ONLY = frozenset({"image", "document", "tool_result", "search_result"})
IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference"})
SOURCES: dict[str, frozenset[str]] = {
    "base64": frozenset({"type", "media_type", "data"}),
    "url": frozenset({"type", "url"}),
    "file": frozenset({"type", "file_id"}),
    "text": frozenset({"type", "media_type", "data"}),
    "content": frozenset({"type", "content"}),
}
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
LONGEST_TOOL_ID = 64


def _messages(posed: Posed) -> list[Object]:
    return [message for _, message in objects(posed.body["messages"])]


def _blocks(message: Object) -> list[Object]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for _, block in objects(content)]


def _all_blocks(posed: Posed) -> Iterator[tuple[str, Object, Object]]:
    for place, message in enumerate(_messages(posed)):
        for index, block in enumerate(_blocks(message)):
            yield f"messages.{place}.content.{index}", message, block


def known_blocks(posed: Posed) -> None:
    known = BLOCKS | BETA_BLOCKS if "anthropic-beta" in posed.headers else BLOCKS
    for at, message, block in _all_blocks(posed):
        kind = block.get("type")
        barred = USER_ONLY if message.get("role") == "assistant" else ASSISTANT_ONLY
        if kind not in known:
            expected = ", ".join(f"'{each}'" for each in known)
            told = f"Input tag {kind!r} found using 'type' does not match any of the expected tags: {expected}"
            refuse(f"{at}: {told}", "messages")
        if kind in barred:
            refuse(f"{at}: `{kind}` blocks are not permitted in `{message.get('role')}` messages", "messages")
        for name in block:
            if name not in known[kind]:
                refuse(f"{at}.{kind}.{name}: Extra inputs are not permitted", "messages")


def sources(posed: Posed) -> None:
    for at, _, block in _all_blocks(posed):
        inner = objects(block.get("content")) if block.get("type") == "tool_result" else ()
        for where, each in ((at, block), *((f"{at}.tool_result.content.{index}", one) for index, one in inner)):
            if each.get("type") in ("image", "document"):
                _check_source(f"{where}.{each['type']}.source", each)


def _check_source(at: str, block: Object) -> None:
    source = block.get("source")
    kind = source.get("type") if isinstance(source, dict) else None
    if (
        not isinstance(source, dict)
        or kind not in SOURCES
        or (block["type"] == "image" and kind in ("text", "content"))
    ):
        expected = ", ".join(f"'{each}'" for each in SOURCES)
        told = f"Input tag {kind!r} found using 'type' does not match any of the expected tags: {expected}"
        refuse(f"{at}: {told}", "messages")
    for name in source:
        if name not in SOURCES[kind]:
            refuse(f"{at}.{kind}.{name}: Extra inputs are not permitted", "messages")
    if kind != "base64":
        return
    media_type = source.get("media_type")
    if block["type"] == "image" and media_type not in IMAGE_TYPES:
        expected = ", ".join(f"'{each}'" for each in IMAGE_TYPES)
        refuse(f"{at}.base64.media_type: Input should be {expected}", "messages")
    if block["type"] == "document" and media_type != "application/pdf":
        refuse(f"{at}.base64.media_type: Input should be 'application/pdf'", "messages")
    if not is_base64(source.get("data")):
        refuse(f"{at}.base64.data: The {block['type']} data is not valid base64", "messages")


def nothing_empty(posed: Posed) -> None:
    messages = _messages(posed)
    for place, message in enumerate(messages):
        last_words = place == len(messages) - 1 and message.get("role") == "assistant"
        if not message.get("content") and not last_words:
            told = "all messages must have non-empty content except for the optional final assistant message"
            refuse(f"messages.{place}: {told}", "messages")
    system = posed.body.get("system")
    for _, block in objects(system):
        if block.get("type") == "text" and not block.get("text"):
            refuse("system: text content blocks must be non-empty", "system")
    for _, _, block in _all_blocks(posed):
        text = block.get("text")
        if block.get("type") == "text" and not text:
            refuse("messages: text content blocks must be non-empty", "messages")
        if isinstance(text, str) and not text.strip():
            refuse("messages: text content blocks must contain non-whitespace text", "messages")


# --- tools -----------------------------------------------------------------------------------------


def tool_ids(posed: Posed) -> None:
    seen: set[str] = set()
    for at, _, block in _all_blocks(posed):
        kind = block.get("type")
        name = {"tool_use": "id", "tool_result": "tool_use_id"}.get(str(kind))
        if name is None:
            continue
        value = block.get(name)
        if not isinstance(value, str):
            refuse(f"{at}.{kind}.{name}: Field required", "messages")
        if not TOOL_ID.fullmatch(value):
            refuse(f"{at}.{kind}.{name}: String should match pattern '^[a-zA-Z0-9_-]+$'", "messages")
        if len(value) > LONGEST_TOOL_ID:
            refuse(f"{at}.{kind}.{name}: String should have at most {LONGEST_TOOL_ID} characters", "messages")
        if kind == "tool_use" and value in seen:
            refuse("messages: `tool_use` ids must be unique", "messages")
        seen |= {value} if kind == "tool_use" else set()


def tool_inputs(posed: Posed) -> None:
    for at, _, block in _all_blocks(posed):
        if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
            refuse(f"{at}.tool_use.input: Input should be a valid dictionary", "messages")


def results_follow_calls(posed: Posed) -> None:
    """Every call is answered in the very next message, at its beginning."""
    messages = _messages(posed)
    for place, message in enumerate(messages):
        called = [block["id"] for block in _blocks(message) if block.get("type") == "tool_use"]
        following = _blocks(messages[place + 1]) if place + 1 < len(messages) else []
        answered = _leading_results(following)
        missing = [one for one in called if one not in answered]
        if missing:
            told = "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
            found = "`tool_use` ids were found without `tool_result` blocks immediately after"
            refuse(f"messages.{place}: {found}: {', '.join(missing)}. {told}", "messages")


def _leading_results(blocks: list[Object]) -> list[Any]:
    found = []
    for block in blocks:
        if block.get("type") != "tool_result":
            break
        found.append(block.get("tool_use_id"))
    return found


def results_have_calls(posed: Posed) -> None:
    messages = _messages(posed)
    for place, message in enumerate(messages):
        before = _blocks(messages[place - 1]) if place else []
        called = {block.get("id") for block in before if block.get("type") == "tool_use"}
        answered: set[Any] = set()
        for index, block in enumerate(_blocks(message)):
            if block.get("type") != "tool_result":
                continue
            name = block["tool_use_id"]
            if name not in called:
                told = "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                found = f"unexpected `tool_use_id` found in `tool_result` blocks: {name}"
                refuse(f"messages.{place}.content.{index}: {found}. {told}", "messages")
            if name in answered:
                told = "each tool_use must have a single result. Found multiple `tool_result` blocks with id"
                refuse(f"messages.{place}.content.{index}: {told}: {name}", "messages")
            answered.add(name)


def result_contents(posed: Posed) -> None:
    for at, _, block in _all_blocks(posed):
        if block.get("type") != "tool_result":
            continue
        for index, inner in objects(block.get("content")):
            here = f"{at}.tool_result.content.{index}"
            if inner.get("type") not in IN_RESULTS:
                expected = ", ".join(f"'{each}'" for each in sorted(IN_RESULTS))
                told = f"Input tag {inner.get('type')!r} found using 'type' does not match any of the expected tags"
                refuse(f"{here}: {told}: {expected}", "messages")
            if inner.get("type") == "text" and not inner.get("text"):
                refuse("messages: text content blocks must be non-empty", "messages")


# --- thinking --------------------------------------------------------------------------------------


def thinking_is_whole(posed: Posed) -> None:
    for at, _, block in _all_blocks(posed):
        wanted = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}.get(str(block.get("type")), ())
        for name in wanted:
            if not isinstance(block.get(name), str):
                refuse(f"{at}.{block['type']}.{name}: Field required", "messages")


def thinking_comes_first(posed: Posed) -> None:
    """While a tool loop is open, the turn that opened it begins with its thinking. Adaptive thinking forgives that."""
    if thinking_type(posed) != "enabled":
        return
    messages = _messages(posed)
    if not messages or not _leading_results(_blocks(messages[-1])):
        return
    opened = len(messages) - 2
    while opened > 0 and not _is_users_own(messages[opened]):
        opened -= 1
    for place in range(opened, len(messages)):
        if messages[place].get("role") == "assistant":
            kind = _blocks(messages[place])[0].get("type")
            if kind not in ("thinking", "redacted_thinking"):
                refuse(f"messages.{place}.content.0.type: {_EXPECTED.format(kind)}", "messages")
            return


_EXPECTED = (
    "Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is enabled, a final `assistant` "
    "message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). "
    "We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`."
)


def _is_users_own(message: Object) -> bool:
    return message.get("role") == "user" and any(block.get("type") != "tool_result" for block in _blocks(message))


RULES: tuple[Rule, ...] = (
    known_blocks,
    sources,
    nothing_empty,
    tool_ids,
    tool_inputs,
    results_follow_calls,
    results_have_calls,
    result_contents,
    thinking_is_whole,
    thinking_comes_first,
)
