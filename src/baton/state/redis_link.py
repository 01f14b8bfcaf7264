"""One connection to the Redis that replicas share. Whatever is asked in one turn of the event loop goes in one write.

`call` waits for its answer; `post` is sent when it can be, in order, and kept while Redis is away. An answer that does
not come in time may belong to a script that ran: every script here may run twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from baton.state.redis_wire import Answers, Ready, Refused, Word, packed
from baton.types.errors import ConfigError
from baton.types.secret import Secret

TIMEOUT_S = 0.25
"""Without an answer for so long Redis counts as away: a request waits no longer than this, and once."""
RETRY_S = 0.25
KEPT_POSTS = 100_000
POSTS_PER_WRITE = 1_000
READ_BYTES = 256 * 1024
AWAY = frozenset({"LOADING", "NOAUTH", "WRONGPASS"})
"""Errors of a Redis that runs nothing at all for now."""

log = logging.getLogger("baton.state")


class RedisAway(Exception):
    """Redis does not answer: decide without it. `sent`: it may have done what it was asked."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class Script(NamedTuple):
    """Lua; `name` for errors."""

    name: str
    text: str


class _Op(NamedTuple):
    script: Script
    keys: Sequence[str | Ready]
    args: Sequence[Word | Ready]
    answer: "asyncio.Future[Any] | None"
    calm: bool
    """Where Redis is away the answer is None."""


class LinkHealth(Struct, frozen=True):
    """`last_error` is empty while Redis answers; `dropped` posts were more than are kept."""

    up: bool
    waiting: int
    dropped: int
    last_error: str


class RedisLink:
    """`start` it inside a running loop; `close` sends what can be sent."""

    def __init__(self, url: Secret, timeout_s: float = TIMEOUT_S) -> None:
        """Raises ConfigError where the driver is missing."""
        try:
            import redis.asyncio as driver
        except ModuleNotFoundError as error:
            text = "`state.redis_url` needs the driver of Redis: pip install 'batonpass[redis]'"
            raise ConfigError([text]) from error
        parts = urlsplit(url.reveal())
        self.named = f"the Redis at {parts.hostname or 'its socket'}:{parts.port or 6379}"
        self.up = False
        self.on_up: list[Callable[[], None]] = []
        """Called whenever Redis answers again, the first time too: what it forgot can be told anew."""
        pool: Any = driver.ConnectionPool
        self._timeout_s = timeout_s
        self._make: Callable[[], Any] = pool.from_url(
            url.reveal(), socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None, protocol=2
        ).make_connection
        self._connection: Any = None  # one of the driver's: its client costs as much again for each command
        self._digests: dict[Script, str] = {}
        self._calls: list[_Op] = []
        self._posts: deque[_Op] = deque()
        self._dropped = 0
        self._tried = False
        self._last_error = ""
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work(), name="redis")

    async def call(self, script: Script, keys: Sequence[str | Ready], args: Sequence[Word | Ready]) -> Any:
        """The script's answer. Raises RedisAway, at once while Redis is known to be away."""
        return await self.ask(script, keys, args)

    def ask(
        self, script: Script, keys: Sequence[str | Ready], args: Sequence[Word | Ready], *, calm: bool = False
    ) -> "asyncio.Future[Any]":
        """As `call`, to be awaited later: what is asked first runs first. `calm`: None where Redis is away."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._tried or self.up:
            self._calls.append(_Op(script, keys, args, answer, calm))
            self._wake.set()
        elif calm:
            answer.set_result(None)
        else:
            raise RedisAway(self._last_error)
        return answer

    def post(self, script: Script, keys: Sequence[str | Ready], args: Sequence[Word | Ready]) -> None:
        if len(self._posts) >= KEPT_POSTS:
            self._posts.popleft()
            self._dropped += 1
        self._posts.append(_Op(script, keys, args, None, calm=True))
        self._wake.set()

    def health(self) -> LinkHealth:
        return LinkHealth(self.up, len(self._posts), self._dropped, self._last_error)

    async def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._leave()

    async def _work(self) -> None:
        assert self._task is not None
        while not self._task.cancelling():  # the driver may have caught what was meant for this task
            if not self.up and not await self._reach():
                if self._closing:
                    return
                await asyncio.sleep(RETRY_S)
                continue
            if not self._calls and not self._posts:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._send()

    async def _reach(self) -> bool:
        """Connect, and see that scripts run. Whoever waits for an answer is told when that fails."""
        from redis.exceptions import RedisError

        try:
            self._connection = self._make()
            await self._connection.connect()
        except (RedisError, OSError) as error:
            await self._lost(error)
            return False
        finally:
            self._tried = True
        if self._last_error:
            log.warning("%s answers again", self.named)
        self._digests.clear()
        self._last_error = ""
        self.up = True
        for told in self.on_up:
            told()
        return True

    async def _send(self) -> None:
        """Everything that was asked so far, in one write."""
        posts = [self._posts.popleft() for _ in range(min(len(self._posts), POSTS_PER_WRITE))]
        calls, self._calls = self._calls, []
        ops = posts + calls
        try:
            answers = await self._run(self._connection, ops)
        except OSError as error:
            self._posts.extendleft(reversed(posts))
            self._fail(calls, error, sent=True)
            await self._lost(error)
            return
        except BaseException:
            self._fail(calls, asyncio.CancelledError(), sent=True)
            raise
        for op, answer in zip(ops, answers, strict=True):
            self._tell(op, answer)

    async def _run(self, connection: Any, ops: Sequence[_Op]) -> list[Any]:
        unloaded = list({op.script for op in ops} - self._digests.keys())
        loaded = await self._exchange(connection, [packed(("SCRIPT", "LOAD", script.text)) for script in unloaded])
        for refused in (one for one in loaded if isinstance(one, Refused)):
            raise OSError(f"a script cannot be loaded: {refused}")
        self._digests.update(zip(unloaded, loaded, strict=True))
        digests = self._digests
        commands = [packed(("EVALSHA", digests[op.script], _count(op.keys), *op.keys, *op.args)) for op in ops]
        answers = await self._exchange(connection, commands)
        unknown = [index for index, one in enumerate(answers) if isinstance(one, Refused) and one.code == "NOSCRIPT"]
        if unknown:  # Redis has lost its scripts
            self._digests.clear()
            again = await self._run(connection, [ops[index] for index in unknown])
            for index, answer in zip(unknown, again, strict=True):
                answers[index] = answer
        return answers

    async def _exchange(self, connection: Any, commands: Sequence[bytes]) -> list[Any]:
        """All in one write. What Redis refuses is an answer too. Raises OSError."""
        if not commands:
            return []
        reader: asyncio.StreamReader = connection._reader  # noqa: SLF001 - the driver connects, and no more
        writer: asyncio.StreamWriter = connection._writer  # noqa: SLF001
        answers = Answers()
        writer.write(b"".join(commands))
        async with asyncio.timeout(self._timeout_s):
            await writer.drain()
        while len(answers.found) < len(commands):
            async with asyncio.timeout(self._timeout_s):
                data = await reader.read(READ_BYTES)
            if not data:
                raise ConnectionError("it closed the connection")
            try:
                answers.feed(data)
            except ValueError as error:
                raise OSError(str(error)) from error
        if len(answers.found) > len(commands) or not answers.whole:
            raise OSError("it answers what was not asked")
        for refused in (one for one in answers.found if isinstance(one, Refused) and one.code in AWAY):
            raise OSError(str(refused))
        return answers.found

    def _tell(self, op: _Op, answer: Any) -> None:
        if isinstance(answer, Exception):
            log.error("%s refused %s: %s", self.named, op.script.name, answer)
            answer = RedisAway(f"{self.named} refused {op.script.name}: {answer}")
        if op.answer is None or op.answer.done():
            return
        if isinstance(answer, RedisAway):
            _fail_one(op, answer)
        else:
            op.answer.set_result(answer)

    def _fail(self, ops: Sequence[_Op], error: BaseException, *, sent: bool) -> None:
        for op in ops:
            _fail_one(op, RedisAway(f"{self.named} does not answer: {error}", sent=sent))

    async def _lost(self, error: BaseException) -> None:
        """Said once for each time that it goes away."""
        if not self._last_error:
            log.warning("%s does not answer (%s): this replica goes on by itself", self.named, error)
        self._last_error = f"{self.named} does not answer: {error}"
        self.up = False
        calls, self._calls = self._calls, []
        self._fail(calls, error, sent=False)
        await self._leave()

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _fail_one(op: _Op, away: RedisAway) -> None:
    if op.answer is None or op.answer.done():
        return
    if op.calm:
        op.answer.set_result(None)
    else:
        op.answer.set_exception(away)


def _count(keys: Sequence[str | Ready]) -> int:
    return sum(key.words if type(key) is Ready else 1 for key in keys)
