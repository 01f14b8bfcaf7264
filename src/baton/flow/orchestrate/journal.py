"""Every step of a run, written before the next one is taken: what is resumed from, and what is shown.

A call is known by its key: the step of the plan, the model, and a digest of the exact question. A run that is resumed
takes the answers of calls that stand here instead of asking again, so at most those that were under way are repeated.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

import baton
from baton.record.journal import Journal
from baton.types.errors import RunRefused
from baton.types.orchestration import RunRecord, Step, StepKind
from baton.types.question import Question


class RunJournal:
    """The rows of one run. `store` None: they are kept in this process alone. `now` gives Unix time."""

    def __init__(self, run_id: str, store: Journal | None, now: Callable[[], float]) -> None:
        self.run_id = run_id
        self.steps: list[Step] = []
        self._store = store
        self._now = now
        self._known: dict[str, Step] = {}
        self._grew = asyncio.Event()
        self._ended = False

    def recall(self, steps: list[Step]) -> None:
        """What an earlier process wrote."""
        self.steps = list(steps)
        self._known = {step.key: step for step in steps}

    def known(self, key: str) -> Step | None:
        return self._known.get(key)

    async def write(
        self, kind: StepKind, key: str, body: dict[str, Any], *, seconds: float = 0.0, cost: int = 0
    ) -> None:
        """Committed when it returns. A step that stands there already is not written again."""
        if key in self._known:
            return
        step = Step(kind, key, self._now(), seconds, cost, body, len(self.steps))
        self._known[key] = step
        self.steps.append(step)
        if self._store is not None:
            await finished(asyncio.to_thread(self._store.write, self.run_id, step))
        self._wake()

    def end(self) -> None:
        """Whoever follows has seen it all."""
        self._ended = True
        self._wake()

    async def follow(self) -> AsyncIterator[Step]:
        """Every step, those that were and those that come, until the run is over."""
        seen = 0
        while True:
            grew = self._grew
            while seen < len(self.steps):
                yield self.steps[seen]
                seen += 1
            if self._ended:
                return
            await grew.wait()

    def _wake(self) -> None:
        self._grew.set()
        self._grew = asyncio.Event()


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """To its end, also where whoever waits for it is cancelled meanwhile: a step is written, or it is not begun."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def key_of(step: str, question: Question) -> str:
    digest = hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()[:16]
    return f"{step}/{question.model}/{digest}"


def digest_of(*asked: Any) -> str:
    """Of everything that a run was asked, as data."""
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def code_version() -> str:
    """Changes with every change of the code that plans, delegates, checks and composes."""
    root = Path(baton.__file__).parent
    found = hashlib.sha256()
    for folder in (root / "flow" / "orchestrate", root / "check"):
        for file in sorted(folder.rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def refuse_other(record: RunRecord, digest: str, version: str) -> None:
    """Raises RunRefused where resuming would not be the same run."""
    if record.version != version:
        raise RunRefused(
            f"run {record.run_id!r} was begun by another version of the code: its steps may mean something else now. "
            "Begin it anew"
        )
    if record.digest != digest:
        raise RunRefused(
            f"run {record.run_id!r} was asked something else: request, documents, plan, contracts and limits must be "
            "the same, to resume it or to use its Idempotency-Key again"
        )
