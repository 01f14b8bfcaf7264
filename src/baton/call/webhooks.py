"""Tells events to webhooks: signed, retried, from bounded queues. `tell` never waits and never raises.

Each delivery is `POST` of a JSON object {id, kind, name, at, detail} with the headers `x-baton-event`,
`x-baton-delivery` (the same for every retry) and `x-baton-signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of
`SECONDS.BODY` under the secret of the webhook: check it, and that SECONDS is recent, before believing the body.
"""

import asyncio
import hashlib
import hmac
import os
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from baton.call.addresses import AddressRefused, Resolve, system_resolve
from baton.call.fetch import Asked, Guard, ask
from baton.types.notice import Notice, NoticeKind
from baton.types.secret import Secret

CAPACITY = 1_000
"""Events that wait for one webhook; more are dropped and counted."""
RETRY_S = (1.0, 5.0, 25.0, 120.0)
TIMEOUT_S = 10.0
CLOSE_S = 2.0
"""How long a closing gateway goes on telling what waits."""
ANSWER_BYTES = 64 * 1024
WORTH_A_RETRY = frozenset({408, 425, 429})


class WebhookTarget(Struct, frozen=True):
    """`kinds` empty: all."""

    url: str
    secret: Secret
    kinds: tuple[NoticeKind, ...] = ()
    allow_private: bool = False


class WebhookHealth(Struct, frozen=True):
    """Counts since the start, over all webhooks. `failed`: given up after the last retry, or refused."""

    delivered: int
    failed: int
    dropped: int
    queued: int


def signature(secret: Secret, at: int, body: bytes) -> str:
    digest = hmac.new(secret.reveal().encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


class Webhooks:
    """To be made inside the event loop. `now` is the clock in Unix seconds."""

    def __init__(
        self,
        targets: Sequence[WebhookTarget],
        now: Callable[[], float],
        *,
        resolve: Resolve = system_resolve,
        retry_s: Sequence[float] = RETRY_S,
        capacity: int = CAPACITY,
    ) -> None:
        self._now = now
        self._loop = asyncio.get_running_loop() if targets else None
        self._closing: asyncio.Task[None] | None = None
        self._couriers = [
            _Courier(target, now, Guard((), target.allow_private, resolve), retry_s, capacity) for target in targets
        ]

    def tell(self, kind: NoticeKind, name: str, **detail: str | float | bool | None) -> None:
        """From any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        notice = Notice(kind, name, self._now(), detail)
        self._loop.call_soon_threadsafe(self._tell, notice)

    def health(self) -> WebhookHealth:
        couriers = self._couriers
        return WebhookHealth(
            sum(one.delivered for one in couriers),
            sum(one.failed for one in couriers),
            sum(one.dropped for one in couriers),
            sum(len(one.waiting) for one in couriers),
        )

    def retire(self) -> None:
        """As `close`, beside the work: others are told from now on."""
        self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """Tell what waits, for a short time; what is left is counted as dropped."""
        await asyncio.sleep(0)  # what was told in this turn of the loop is in the queues after it
        await asyncio.gather(*(one.close() for one in self._couriers))

    def _tell(self, notice: Notice) -> None:
        event = _Event(os.urandom(8).hex(), notice)
        for courier in self._couriers:
            courier.take(event)


class _Event(Struct, frozen=True):
    id: str
    notice: Notice

    def body(self) -> bytes:
        return msgspec.json.encode({"id": self.id, **msgspec.structs.asdict(self.notice)})


class _Courier:
    """One webhook: its queue, and the task that empties it while there is something in it."""

    def __init__(
        self, target: WebhookTarget, now: Callable[[], float], guard: Guard, retry_s: Sequence[float], capacity: int
    ) -> None:
        self.waiting: deque[_Event] = deque()
        self.delivered = self.failed = self.dropped = 0
        self._target = target
        self._now = now
        self._guard = guard
        self._retry_s = retry_s
        self._capacity = capacity
        self._task: asyncio.Task[None] | None = None

    def take(self, event: _Event) -> None:
        if self._target.kinds and event.notice.kind not in self._target.kinds:
            return
        if len(self.waiting) >= self._capacity:
            self.dropped += 1
            return
        self.waiting.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=CLOSE_S)
            self._task.cancel()
            await asyncio.wait({self._task})
        self.dropped += len(self.waiting)
        self.waiting.clear()

    async def _work(self) -> None:
        while self.waiting:
            if await self._deliver(self.waiting[0]):
                self.delivered += 1
            else:
                self.failed += 1
            self.waiting.popleft()

    async def _deliver(self, event: _Event) -> bool:
        body = event.body()
        for pause_s in (*self._retry_s, None):
            status = await self._post(event, body)
            if 200 <= status < 300:
                return True
            if pause_s is None or not (status == 0 or status >= 500 or status in WORTH_A_RETRY):
                return False
            await asyncio.sleep(pause_s)
        return False

    async def _post(self, event: _Event, body: bytes) -> int:
        """The status; 0 when there was no answer, -1 when the address may not be asked."""
        headers = {
            "content-type": "application/json",
            "x-baton-event": event.notice.kind,
            "x-baton-delivery": event.id,
            "x-baton-signature": signature(self._target.secret, int(self._now()), body),
        }
        asked = Asked(self._target.url, "POST", headers, body, ANSWER_BYTES, TIMEOUT_S)
        try:
            return (await ask(asked, self._guard)).status
        except AddressRefused:
            return -1
        except OSError:  # TimeoutError is one
            return 0
