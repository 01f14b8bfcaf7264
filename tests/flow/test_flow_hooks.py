"""Hooks from an installed package: they see, replace and refuse; what fails fails as the config says."""

import asyncio
import json
import sys
import tomllib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from baton.config.guards import HookConfig
from baton.flow.hooks import BUILTIN, HookAnswer, HookCall, Hooks, known_hooks
from baton.types.errors import ConfigError, HookFailed, HookRefused
from baton.types.request import Facts
from tests.config.texts import FLEET, only_problem_of, parsed

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]

PACKAGE = """
import asyncio
from baton.flow.hooks import Allow, Refuse, Replace

SEEN = []

class Before:
    def __init__(self, options): self.options = options
    async def before(self, call):
        SEEN.append(call)
        return Replace(call.body + self.options.get("add", "+").encode())

class NoSecrets:
    def __init__(self, options): pass
    async def before(self, call):
        return Refuse("no secrets here") if b"secret" in call.body else Allow()

class After:
    def __init__(self, options): self.hold = options.get("hold") == "yes"
    async def after(self, call, answer):
        SEEN.append(answer.body)
        if answer.body is not None and "bomb" in answer.text(call): return Refuse("not this answer")
        return Replace(b"replaced") if answer.body is not None and b"cat" in answer.body else Allow()

class Slow:
    def __init__(self, options): pass
    async def before(self, call): await asyncio.sleep(3600)

class Broken:
    def __init__(self, options): pass
    async def before(self, call): raise ValueError(f"quotes {call.body!r}")

class Odd:
    def __init__(self, options): pass
    async def before(self, call): return "yes"

def never(options): raise RuntimeError("boom")
def empty(options): return object()
NUMBER = 7
"""
POINTS = """[baton.hooks]
before = own_hooks:Before
no-secrets = own_hooks:NoSecrets
after = own_hooks:After
slow = own_hooks:Slow
broken = own_hooks:Broken
odd = own_hooks:Odd
never = own_hooks:never
empty = own_hooks:empty
number = own_hooks:NUMBER
gone = own_hooks:GONE
nowhere = no_such_package:X
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_hooks.py").write_text(PACKAGE)
    info = tmp_path / "own_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-hooks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_hooks", None)


def seen() -> list[Any]:
    found: list[Any] = sys.modules["own_hooks"].SEEN
    return found


def config(name: str, on_failure: Any = "closed", timeout_s: float = 1.0, **options: str) -> HookConfig:
    return HookConfig(name, options, timeout_s, on_failure)


def call(body: bytes = b"{}", *, stream: bool = False) -> HookCall:
    return HookCall("r", "key", "code", "openai-chat", "auto", stream, Facts(), body)


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


def whole(text: str) -> bytes:
    return json.dumps(
        {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    ).encode()


def test_hooks_run_in_the_order_of_the_config_each_on_what_the_one_before_made() -> None:
    hooks = Hooks([config("before", add="1"), config("before", add="2")])
    assert run(hooks.before_call(call(b"body"))) == b"body12"
    assert [one.body for one in seen()] == [b"body", b"body1"]
    assert (seen()[0].caller, seen()[0].task_type) == ("key", "code")


def test_where_nothing_is_replaced_the_body_is_the_very_same() -> None:
    body = b'{"model":"auto"}'
    assert run(Hooks([config("no-secrets")]).before_call(call(body))) is body
    assert run(Hooks().before_call(call(body))) is body


def test_a_refusal_is_told_in_the_hooks_own_words_and_nothing_runs_after_it() -> None:
    hooks = Hooks([config("no-secrets"), config("before")])
    with pytest.raises(HookRefused, match=r"^no secrets here$") as caught:
        run(hooks.before_call(call(b"a secret")))
    assert caught.value.status == 400
    assert seen() == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("slow", "took longer than 0.05 s"), ("broken", r"failed \(ValueError\)"), ("odd", r"failed \(TypeError\)")],
)
def test_a_hook_that_fails_closes_the_door_and_quotes_nothing(name: str, says: str) -> None:
    with pytest.raises(HookFailed, match=says) as caught:
        run(Hooks([config(name, timeout_s=0.05)]).before_call(call(b"canary")))
    assert caught.value.status == 503
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("name", ["slow", "broken", "odd"])
def test_a_hook_may_fail_open_and_the_next_one_runs(name: str) -> None:
    hooks = Hooks([config(name, "open", 0.05), config("before")])
    assert run(hooks.before_call(call(b"body"))) == b"body+"


def test_a_caller_who_leaves_is_no_failure_of_a_hook() -> None:
    async def main() -> None:
        task = asyncio.create_task(Hooks([config("slow", "open", 60)]).before_call(call()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run(main())


def test_a_whole_answer_is_seen_replaced_or_refused() -> None:
    hooks = Hooks([config("after")])
    assert run(hooks.after_call(call(), HookAnswer("m", whole("a dog")))) == whole("a dog")
    assert run(hooks.after_call(call(), HookAnswer("m", whole("a cat")))) == b"replaced"
    with pytest.raises(HookRefused, match="not this answer"):
        run(hooks.after_call(call(), HookAnswer("m", whole("a bomb"))))


def test_a_stream_is_held_only_for_a_hook_that_asks() -> None:
    stream = b"".join(
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % piece for piece in (b"a bo", b"mb")
    )
    stream += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    told, held = Hooks([config("after")]), Hooks([config("after", hold="yes")])
    assert (told.holds, held.holds) == (False, True)
    assert run(told.after_call(call(stream=True), HookAnswer("m", stream))) == stream
    assert seen() == [None]
    with pytest.raises(HookRefused):
        run(held.after_call(call(stream=True), HookAnswer("m", stream)))


def test_what_there_is_is_known_without_asking() -> None:
    assert (Hooks().before, Hooks().after, Hooks().holds) == (False, False, False)
    assert (Hooks([config("before")]).before, Hooks([config("before")]).after) == (True, False)
    assert "before" in known_hooks()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x", r"hooks\[0\]: hook 'x' is not known: known are .*redact-patterns"),
        ("gone", "cannot be loaded"),
        ("nowhere", "cannot be loaded"),
        ("number", "is a int: its entry point must make a hook"),
        ("never", "cannot be made: RuntimeError: boom"),
        ("empty", "has neither `before` nor `after`"),
        ("redact-patterns", r"hooks\[0\].options: must hold at least one name"),
    ],
)
def test_a_hook_that_is_none_is_told_when_baton_starts(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Hooks([config(name)])


def test_the_built_in_hooks_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["baton.hooks"]
    assert declared == BUILTIN


# --- redact-patterns ---------------------------------------------------------------------------

CARD, MAIL = r"\b\d{4} ?\d{4} ?\d{4} ?\d{4}\b", r"\S+@\S+\.\w+"


def redacted(body: Any) -> Any:
    raw = json.dumps(body).encode()
    return json.loads(run(Hooks([config("redact-patterns", card=CARD, mail=MAIL)]).before_call(call(raw))))


def test_what_matches_is_replaced_by_its_name_wherever_it_stands() -> None:
    body = {
        "model": "auto",
        "temperature": 1.0,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "card 4111 1111 1111 1111, mail A@B.example!"}]},
            {"role": "assistant", "tool_calls": [{"function": {"arguments": '{"to": "a@b.example"}'}}]},
        ],
        "metadata": {"a@b.example": "x"},
    }
    found = redacted(body)
    assert found["messages"][0]["content"][0]["text"] == "card [card], mail [mail]!"
    assert "b.example" not in json.dumps(found)
    assert found["temperature"] == 1.0


def test_an_escape_hides_nothing() -> None:
    raw = b'{"messages":[{"content":"a\\u0040b.example"}]}'
    assert b"[mail]" in run(Hooks([config("redact-patterns", mail=MAIL)]).before_call(call(raw)))


def test_members_without_a_match_keep_their_bytes() -> None:
    raw = b'{ "seed": 1e2, "tools":[ {"a" : 1.50} ], "messages":["a@b.example"] }'
    found = run(Hooks([config("redact-patterns", mail=MAIL)]).before_call(call(raw)))
    assert found == b'{"seed":1e2,"tools":[ {"a" : 1.50} ],"messages":["[mail]"]}'


def test_a_long_body_is_redacted_too() -> None:
    long = "x " * 50_000 + "a@b.example"
    assert redacted({"messages": [{"content": long}]})["messages"][0]["content"].endswith("x [mail]")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(", "a*", r"(?=x)"])
def test_a_pattern_that_could_stall_the_gateway_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"options: bad: "):
        Hooks([config("redact-patterns", bad=pattern)])


# --- the config --------------------------------------------------------------------------------


def test_the_config_says_order_options_limits_and_how_to_fail() -> None:
    text = (
        FLEET
        + "hooks:\n  - {name: redact-patterns, options: {mail: '\\S+@\\S+'}}\n  - {name: x, on_failure: open, timeout_s: 2}\n"
    )
    assert parsed(text).hooks == (
        HookConfig("redact-patterns", {"mail": r"\S+@\S+"}),
        HookConfig("x", {}, 2.0, "open"),
    )


def test_a_wrong_setting_of_a_hook_is_told() -> None:
    assert "is not a choice here" in only_problem_of(FLEET + "hooks: [{name: x, on_failure: maybe}]\n")
    assert "'name' is missing" in only_problem_of(FLEET + "hooks: [{on_failure: open}]\n")
