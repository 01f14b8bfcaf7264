"""Events reach their webhooks, signed and once; one that is slow, wrong or private costs nobody anything."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from baton.call.webhooks import Webhooks, WebhookTarget, signature
from baton.config.guards import WebhookConfig
from baton.testing.upstream import ScriptedUpstream, Step, http_answer, scripted
from baton.types.notice import NoticeKind
from baton.types.secret import Secret
from tests.config.texts import FLEET, only_problem_of, parsed

SECRET = Secret("canary-webhook-secret")
OK = http_answer(200, b"{}")
NOW = 1_800_000_000.0


async def resolve(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def with_webhook(
    scripts: Sequence[Sequence[Step]],
    what: Callable[[Webhooks, ScriptedUpstream], Awaitable[None]],
    *,
    kinds: tuple[NoticeKind, ...] = (),
    allow_private: bool = True,
    retry_s: Sequence[float] = (0.01, 0.01),
    capacity: int = 100,
) -> None:
    async def main() -> None:
        async with scripted(*scripts) as upstream:
            target = WebhookTarget(f"{upstream.base_url}/hook", SECRET, kinds, allow_private)
            hooks = Webhooks([target], lambda: NOW, resolve=resolve, retry_s=retry_s, capacity=capacity)
            try:
                await what(hooks, upstream)
            finally:
                await hooks.close()

    asyncio.run(main())


async def settled(hooks: Webhooks) -> None:
    async with asyncio.timeout(5):
        await asyncio.sleep(0.01)
        while hooks.health().queued:  # noqa: ASYNC110 - as an operator would, from outside
            await asyncio.sleep(0.01)


def test_an_event_is_posted_with_a_signature_that_its_receiver_can_check() -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        hooks.tell("budget", "budget_exceeded", key="team-a", spent_usd=12.5)
        await settled(hooks)
        [request] = upstream.requests
        told = json.loads(request.body)
        assert told.pop("id") == request.headers["x-baton-delivery"]
        assert told == {
            "kind": "budget", "name": "budget_exceeded", "at": NOW, "detail": {"key": "team-a", "spent_usd": 12.5},
        }  # fmt: skip
        assert request.headers["x-baton-event"] == "budget"
        at, _, code = request.headers["x-baton-signature"].removeprefix("t=").partition(",v1=")
        wanted = hmac.new(SECRET.reveal().encode(), at.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        assert (at, code) == (str(int(NOW)), wanted)
        assert b"canary" not in request.body
        assert hooks.health().delivered == 1

    with_webhook([OK], what)


def test_another_body_time_or_secret_has_another_signature() -> None:
    one = signature(SECRET, 1, b"body")
    assert one == signature(SECRET, 1, b"body")
    assert (
        len({one, signature(SECRET, 2, b"body"), signature(SECRET, 1, b"b"), signature(Secret("x"), 1, b"body")}) == 4
    )


@pytest.mark.parametrize(
    "first", [http_answer(503, b""), http_answer(429, b""), [b""]], ids=["503", "429", "no answer"]
)
def test_a_delivery_that_failed_is_tried_again_under_its_id(first: Sequence[Step]) -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        hooks.tell("alarm", "drift")
        await settled(hooks)
        assert len({request.headers["x-baton-delivery"] for request in upstream.requests}) == 1
        assert len(upstream.requests) == 2
        assert (hooks.health().delivered, hooks.health().failed) == (1, 0)

    with_webhook([first, OK], what)


@pytest.mark.parametrize(
    ("script", "times"),
    [
        (http_answer(500, b""), 3),
        (http_answer(404, b""), 1),
        (http_answer(302, b"", "text/plain", "location: /other"), 1),
    ],
    ids=["500", "404", "redirect"],
)
def test_it_is_given_up_in_the_end_and_counted(script: Sequence[Step], times: int) -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        hooks.tell("alarm", "drift")
        await settled(hooks)
        assert len(upstream.requests) == times
        assert (hooks.health().delivered, hooks.health().failed) == (0, 1)

    with_webhook([script], what)


def test_a_private_address_is_asked_only_where_the_config_allows_it() -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        hooks.tell("alarm", "drift")
        await settled(hooks)
        assert upstream.requests == []
        assert hooks.health().failed == 1

    with_webhook([OK], what, allow_private=False)


def test_only_the_events_that_are_wanted_are_told() -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        hooks.tell("budget", "a")
        hooks.tell("breaker", "b")
        await settled(hooks)
        assert [request.headers["x-baton-event"] for request in upstream.requests] == ["breaker"]

    with_webhook([OK], what, kinds=("breaker", "alarm"))


def test_a_full_queue_drops_and_counts_and_tell_never_waits() -> None:
    async def what(hooks: Webhooks, _upstream: ScriptedUpstream) -> None:
        for number in range(20):
            hooks.tell("alarm", f"a{number}")
        await asyncio.sleep(0.05)
        assert hooks.health().queued == 5
        assert hooks.health().dropped == 15

    with_webhook([[30.0]], what, capacity=5)


def test_events_come_in_their_order_and_from_any_thread() -> None:
    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        def tell_all() -> None:
            for number in range(5):
                hooks.tell("alarm", f"a{number}")

        thread = threading.Thread(target=tell_all)
        thread.start()
        await asyncio.to_thread(thread.join)
        await settled(hooks)
        assert [json.loads(request.body)["name"] for request in upstream.requests] == [f"a{n}" for n in range(5)]

    with_webhook([OK], what)


def test_closing_tells_what_waits() -> None:
    seen: list[ScriptedUpstream] = []

    async def what(hooks: Webhooks, upstream: ScriptedUpstream) -> None:
        seen.append(upstream)
        hooks.tell("alarm", "last")

    with_webhook([OK], what)
    assert len(seen[0].requests) == 1


def test_closing_does_not_wait_for_a_webhook_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton.call.webhooks.CLOSE_S", 0.1)
    kept: list[Webhooks] = []

    async def what(hooks: Webhooks, _upstream: ScriptedUpstream) -> None:
        kept.append(hooks)
        hooks.tell("alarm", "a")
        hooks.tell("alarm", "b")

    with_webhook([[30.0]], what)
    assert kept[0].health().dropped == 2


def test_without_webhooks_telling_costs_nothing() -> None:
    async def main() -> None:
        hooks = Webhooks([], lambda: NOW)
        hooks.tell("alarm", "x")
        await hooks.close()
        assert hooks.health().queued == 0

    asyncio.run(main())


def test_the_config_names_webhooks_and_keeps_their_secret() -> None:
    text = FLEET + "webhooks:\n  - {url: https://ops.example/hook, secret: '${OPS}', events: [budget, alarm]}\n"
    config = parsed(text, {"OPS": SECRET.reveal()})
    assert config.webhooks == (WebhookConfig("https://ops.example/hook", SECRET, ("budget", "alarm")),)
    assert "canary" not in repr(config)
    assert "is not a choice here" in only_problem_of(
        FLEET + "webhooks: [{url: 'https://a.b', secret: x, events: [bugdet]}]\n"
    )
    assert "'secret' is missing" in only_problem_of(FLEET + "webhooks: [{url: 'https://a.b'}]\n")
