"""A run whose process is killed right after any row of its journal, and what another process makes of the rest."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from baton.config.load import load_config
from baton.config.schema import Config
from baton.flow.library import Baton
from baton.record.journal import Journal
from baton.simulate.ensemble import Ensemble
from baton.simulate.fleet import gateway_config
from baton.simulate.serve import Running
from baton.types.orchestration import Outcome, Step
from baton.types.plan import Plan, SubTask

PROCESS = multiprocessing.get_context("fork")
REQUEST = "What is the 'notice period' of each contract?"


class Crash(Struct, frozen=True):
    """`after`: how many rows were written when the process died; -1: none did, the run came to its end."""

    after: int
    outcome: Outcome
    calls: int
    repeated: int


def plan_of(tasks: int) -> tuple[Plan, dict[str, str]]:
    """Half of them wait for one of the others."""
    steps = tuple(
        SubTask(
            f"t{number}",
            "Extract the number after 'notice period'",
            "extract",
            needs=(f"t{number - tasks // 2}",) if number >= tasks // 2 else (),
            documents=(f"c{number}.txt",),
            max_output=200,
        )
        for number in range(tasks)
    )
    return Plan(steps), {f"c{n}.txt": f"Contract {n}. The notice period is {30 + n} days." for n in range(tasks)}


def config_of(upstream: Running, ledger: Path) -> Config:
    described = gateway_config(Ensemble(), f"{upstream.base_url}/v1")
    described |= {"version": 1, "ledger": {"path": str(ledger)}, "content": {"mode": "full"}}
    file = ledger.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(described))
    return load_config(file, {})


def crashed(upstream: Running, folder: Path, tasks: int, after: int) -> Crash:
    """Begin a run, kill its process after `after` rows, resume it in another process."""
    folder.mkdir()
    config = config_of(upstream, folder / "ledger.db")
    before = len(upstream.journal.since().entries)
    _in_a_process(lambda: _begin(config, tasks, after))
    first = _run_id(config)
    at_crash = len(upstream.journal.since().entries) - before
    known = sum(step.kind in {"call", "fault"} for step in _steps(config, first))
    outcome = _in_a_process(lambda: _resume(config, first))
    assert isinstance(outcome, Outcome)
    calls = len(upstream.journal.since().entries) - before
    return Crash(after if after < _rows(config, first) else -1, outcome, calls, at_crash - known)


def _begin(config: Config, tasks: int, after: int) -> None:
    written = 0
    write = Journal.write

    def counted(self: Journal, run_id: str, step: Step) -> None:
        nonlocal written
        write(self, run_id, step)
        written += 1
        if written == after:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.write = counted  # type: ignore[method-assign]
    plan, documents = plan_of(tasks)

    async def go() -> None:
        async with Baton(config) as baton:
            await baton.orchestrate(REQUEST, documents=documents, plan=plan)

    asyncio.run(go())


def _resume(config: Config, run_id: str) -> Outcome:
    async def go() -> Outcome:
        async with Baton(config) as baton:
            return await baton.resume(run_id)

    return asyncio.run(go())


def _in_a_process(work: Callable[[], Any]) -> Any:
    """What it gives; None where it was killed."""
    ours, theirs = PROCESS.Pipe(duplex=False)

    def run() -> None:
        theirs.send(work())

    process = PROCESS.Process(target=run)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return None
    finally:
        process.join()


def _run_id(config: Config) -> str:
    import sqlite3

    connection = sqlite3.connect(config.ledger.path)
    try:
        return str(connection.execute("SELECT run_id FROM runs").fetchone()[0])
    finally:
        connection.close()


def _steps(config: Config, run_id: str) -> list[Step]:
    journal = Journal(Path(config.ledger.path))
    try:
        return journal.steps(run_id)
    finally:
        journal.close()


def _rows(config: Config, run_id: str) -> int:
    return len(_steps(config, run_id))
