"""Baton as a library: the same house as the gateway's, without a server.

    async with Baton.from_config("baton.yaml") as baton:
        answer = await baton.complete([{"role": "user", "content": "Classify: my parcel is late"}])
        print(answer.text, answer.model, answer.cost_usd)

`baton.sync` has the same methods for programs without an event loop.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from baton.config.load import load_config
from baton.config.schema import Config
from baton.flow.arrival import Arrival
from baton.flow.dry_run import decide_only
from baton.flow.house import House, open_house
from baton.flow.orchestrate.library import Asked, Budget, run_begun, run_resumed
from baton.flow.orchestrate.tasks import Task
from baton.flow.request import answer
from baton.flow.spending import in_house
from baton.types.card import Dialect
from baton.types.decision import Decision
from baton.types.errors import BatonError
from baton.types.orchestration import Outcome
from baton.types.plan import Constraint, Plan
from baton.types.trust import Assurance

T = TypeVar("T")
NAME = "library"
"""Who asks, in the ledger."""


class Completion(Struct, frozen=True):
    """A whole answer. `body` is the vendor's JSON; costs are None where the model told no usage."""

    text: str
    body: dict[str, Any]
    model: str
    request_id: str
    simulated: bool
    cost_usd: float | None
    baseline_cost_usd: float | None


class Chunk(Struct, frozen=True):
    """One event of a stream: the text that it adds, and the vendor's JSON."""

    text: str
    data: dict[str, Any]


class Baton:
    """Opened with `async with`, or through `sync` with `with`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._caller = in_house(NAME, config)
        self._house: House | None = None

    @classmethod
    def from_config(cls, path: str | Path, env: Mapping[str, str] | None = None) -> Self:
        """Raises ConfigError with everything that is wrong in the file."""
        return cls(load_config(Path(path), os.environ if env is None else env))

    @property
    def sync(self) -> "SyncBaton":
        return SyncBaton(self)

    async def __aenter__(self) -> Self:
        self._house = open_house(self._config)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._house is not None:
            await self._house.close()
            self._house = None

    def route(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str = "auto",
        dialect: Dialect = "openai-chat",
        **members: Any,
    ) -> Decision:
        """What would be decided; no model is called and nothing need be opened. Raises RequestError."""
        return decide_only(self._config.snapshot, dialect, _body(messages, model, members), {}, self._caller)

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str = "auto",
        dialect: Dialect = "openai-chat",
        **members: Any,
    ) -> Completion:
        """Ask and wait for the whole answer. `members` are the dialect's own (`tools`, `max_tokens`, ...) and `baton`.

        Raises RequestError when the request cannot be served, UpstreamFault when the model failed.
        """
        house = self._opened()
        arrival = Arrival(dialect, _body(messages, model, members | {"stream": False}), {}, self._caller)
        reply = await answer(arrival, house, house.begin(arrival))
        body = msgspec.json.decode(reply.body)
        cost, baseline = (reply.headers.get(f"x-baton-{name}cost-usd") for name in ("", "baseline-"))
        return Completion(
            text=_text_of(body, dialect),
            body=body,
            model=reply.headers["x-baton-model"],
            request_id=reply.headers["x-baton-request-id"],
            simulated="x-baton-simulated" in reply.headers,
            cost_usd=None if cost is None else float(cost),
            baseline_cost_usd=None if baseline is None else float(baseline),
        )

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str = "auto",
        dialect: Dialect = "openai-chat",
        **members: Any,
    ) -> AsyncGenerator[Chunk, None]:
        """Events as they come. Leaving the loop early cancels the model; a fault inside the stream is raised."""
        house = self._opened()
        arrival = Arrival(dialect, _body(messages, model, members | {"stream": True}), {}, self._caller)
        reply = await answer(arrival, house, house.begin(arrival))
        assert reply.stream is not None
        async for data in _events(reply.stream):
            if "error" in data:
                raise BatonError(f"the stream broke off: {data['error'].get('message', data['error'])}")
            yield Chunk(_delta_of(data, dialect), data)

    async def orchestrate(
        self,
        request: str,
        *,
        documents: Mapping[str, str] | Sequence[str] = (),
        plan: "Plan | Sequence[Task] | None" = None,
        budget: Budget = Budget(),  # noqa: B008 - a frozen value
        keep: Sequence[Constraint] = (),
        require: Assurance = Assurance.NONE,
        model: str = "",
    ) -> Outcome:
        """Plan, delegate, verify, answer: nothing in `text` was not let through, what is open is in `unresolved`.

        `plan`: the caller's own, with his own contracts. `model`: who orchestrates. Raises PlanRefused.
        """
        return await (await run_begun(self._opened(), self._caller, Asked(
            request, documents, plan, budget, tuple(keep), require, model
        ))).outcome()  # fmt: skip

    async def resume(self, run_id: str, *, plan: "Sequence[Task] | None" = None) -> Outcome:
        """A run goes on where it stopped, after a crash too; steps that were done are not done again.

        `plan`: the same again, where it brought contracts of its own. Raises NotFound, RunRefused.
        """
        return await (await run_resumed(self._opened(), self._caller, run_id, plan)).outcome()

    def _opened(self) -> House:
        if self._house is None:
            raise BatonError("this Baton is not open: use `async with Baton.from_config(...) as baton`")
        return self._house


class SyncBaton:
    """The same methods without an event loop of the caller's: one runs in a thread of its own until `close`."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="baton", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._baton.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._baton.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def route(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Decision:
        return self._baton.route(messages, **options)

    def complete(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Completion:
        return self._wait(self._baton.complete(messages, **options))

    def stream(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Iterator[Chunk]:
        chunks = self._baton.stream(messages, **options)

        async def following() -> Chunk | None:
            return await anext(chunks, None)

        async def close() -> None:
            await chunks.aclose()

        try:
            while (chunk := self._wait(following())) is not None:
                yield chunk
        finally:
            self._wait(close())

    def orchestrate(self, request: str, **options: Any) -> Outcome:
        return self._wait(self._baton.orchestrate(request, **options))

    def resume(self, run_id: str, **options: Any) -> Outcome:
        return self._wait(self._baton.resume(run_id, **options))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _body(messages: Sequence[Mapping[str, Any]], model: str, members: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"model": model, "messages": messages, **members})


def _text_of(body: Mapping[str, Any], dialect: Dialect) -> str:
    if dialect == "anthropic":
        return "".join(block.get("text", "") for block in body.get("content", ()) if block.get("type") == "text")
    choices = body.get("choices") or [{}]
    return choices[0].get("message", {}).get("content") or ""


def _delta_of(data: Mapping[str, Any], dialect: Dialect) -> str:
    if dialect == "anthropic":
        return str(data.get("delta", {}).get("text", ""))
    choices = data.get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


async def _events(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[dict[str, Any], None]:
    """The JSON objects of the stream's `data` lines, however TCP cut them."""
    rest = b""
    try:
        async for piece in stream:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                data = line.strip().removeprefix(b"data:").strip()
                if line.startswith(b"data:") and data != b"[DONE]":
                    yield msgspec.json.decode(data)
    finally:
        await stream.aclose()
