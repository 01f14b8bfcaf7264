"""What makes two requests the same to the cache, and what keeps a request from it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from baton.call.cache import Kept
from baton.decide.policy import Policy
from baton.flow.arrival import Arrival
from baton.flow.cached import MAX_STREAM_BYTES, REPLAY_BYTES, Caches, Recorder, replayed
from baton.flow.passage import Relay, Translation
from baton.flow.run import Run
from baton.protocol.dialects import Reply
from baton.protocol.request import read_request
from baton.protocol.voice import voice_of
from baton.types.card import Dialect
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.handoff import HandoffReport
from baton.types.parts import Origin
from baton.types.request import Caller
from baton.types.task import Route, RouteCache
from tests.decide.fleet import snapshot

CACHED = Route("cached", model=("auto",), cache=RouteCache(60.0, 1_000_000))
SNAPSHOT = snapshot(CACHED)
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}


def key(
    body: Mapping[str, Any] = BODY,
    *,
    caller: str = "a",
    dialect: Dialect = "openai-chat",
    sent: Mapping[str, str] | None = None,
    rendered: bytes | None = None,
    caches: Caches | None = None,
    decided: Mapping[str, Any] | None = None,
) -> bytes | None:
    raw = json.dumps(body).encode()
    arrival = Arrival(dialect, raw, {}, Caller(caller))
    run = Run("r", arrival, 0.0, lambda: 0.0)
    request = run.request = read_request(dialect, raw, {})
    run.decision = replace(Policy(SNAPSHOT).decide(request, arrival.caller, "r"), **(decided or {}))
    card = SNAPSHOT.cards[run.decision.model]
    passage: Relay | Translation
    if rendered is None:
        passage = Relay(dialect, raw, voice_of(dialect), card, None, Origin(), True, False)
    else:
        passage = Translation("anthropic", rendered, dialect, card, HandoffReport(), Origin(), "", Reply(model="m"))
    flight = (caches or Caches(SNAPSHOT)).flight(run, request, card, passage, sent or {})
    return None if flight is None else flight._key


def test_the_same_request_has_the_same_key() -> None:
    assert key() is not None
    assert key() == key()


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "hello "}]},
        {"temperature": 0},
        {"stream": True},
        {"stream_options": {"include_usage": True}},
        {"tools": []},
        {"baton": {"task_id": "t"}},
    ],
)
def test_every_member_counts(other: dict[str, Any]) -> None:
    assert key(BODY | other) != key()


@pytest.mark.parametrize("other", [{"user": "u"}, {"metadata": {"a": "b"}}, {"prompt_cache_key": "k"}])
def test_members_without_weight_do_not_count(other: dict[str, Any]) -> None:
    assert key(BODY | other) == key()


def test_callers_headers_and_policies_do_not_mix() -> None:
    others = {
        key(caller="b"),
        key(sent={"openai-beta": "x"}),
        key(caches=Caches(snapshot(CACHED, Route("more", model=("x",))))),
        key(rendered=b'{"model":"m","messages":[]}'),
    }
    assert len(others | {key()}) == 5


def test_what_the_model_is_sent_counts_where_it_is_not_the_callers_own() -> None:
    one = key(rendered=b'{"model":"m","messages":[1],"metadata":{"user_id":"u"}}')
    assert one == key(rendered=b'{"model":"m","messages":[1]}')
    assert one != key(rendered=b'{"model":"m","messages":[2]}')


def test_in_the_responses_api_even_metadata_comes_back_and_so_counts() -> None:
    body = {"model": "auto", "input": "hello"}
    assert key(body, dialect="openai-responses") != key(body | {"metadata": {"a": "b"}}, dialect="openai-responses")


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai-chat", BODY | {"baton": {"show_cost": True}}),
        ("openai-responses", {"model": "auto", "input": "x", "background": True}),
        ("openai-responses", {"model": "auto", "input": "x", "previous_response_id": "resp_1"}),
    ],
)
def test_what_has_effects_or_a_state_of_its_own_is_not_cached(dialect: Dialect, body: Mapping[str, Any]) -> None:
    assert key(body, dialect=dialect) is None


def test_a_route_without_a_cache_has_none() -> None:
    assert key(BODY | {"model": "sim/nano"}) is None
    assert not Caches(snapshot())
    assert Caches(SNAPSHOT)


def test_a_stream_is_replayed_byte_for_byte() -> None:
    recorder = Recorder("m")
    pieces = [b"x" * (REPLAY_BYTES - 1), b"ab", b"", b"c" * REPLAY_BYTES]
    for piece in pieces:
        recorder.add(piece)
    kept = recorder.kept()
    assert kept == Kept(b"".join(pieces), True, "m")

    async def main() -> bytes:
        return b"".join([piece async for piece in replayed(kept)])

    assert asyncio.run(main()) == b"".join(pieces)


def test_a_stream_that_is_too_long_is_not_collected() -> None:
    recorder = Recorder("m")
    for _ in range(3):
        recorder.add(b"x" * (MAX_STREAM_BYTES // 2))
    assert recorder.kept() is None
    assert recorder._pieces == []


def test_steps_of_effort_and_roads_of_cascades_do_not_mix() -> None:
    plan = CascadePlan("other", (CascadeStep("sim/nano"),), "sim/frontier")
    keys = {key(decided=decided) for decided in ({}, {"effort": "low"}, {"plan": plan})}
    assert len(keys) == 3
