"""Coding agents from npm: each is wired with `baton wire`, runs one errand of two parallel calls, and is unwired again."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.clients.errand import errand
from tests.clients.notes import Note, fresh, missing, notes
from tests.clients.packages import binary, version
from tests.clients.result import Result, judged
from tests.clients.stage import Stage

RUN_TIMEOUT_S = 180
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
}
"""Nothing that an agent would fetch from elsewhere is needed here."""


class Agent(NamedTuple):
    wire: str
    """Its name for `baton wire`."""
    package: str
    speaks: str
    tool: str
    arguments: Callable[[Path], dict[str, Any]]
    """Of the tool that reads this file."""
    command: Callable[[Path, str], list[str]]


AGENTS = (
    Agent(
        "claude-code",
        "@anthropic-ai/claude-code",
        "anthropic",
        "Read",
        lambda path: {"file_path": str(path)},
        lambda where, prompt: [binary(where, "claude"), "-p", prompt, "--model", "auto", "--allowedTools", "Read"],
    ),
    Agent(
        "codex",
        "@openai/codex",
        "openai-responses",
        "exec_command",
        lambda path: {"cmd": f"cat {path}"},
        lambda where, prompt: [
            binary(where, "codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt,
        ],
    ),
    Agent(
        "opencode",
        "opencode-ai",
        "openai-chat",
        "read",
        lambda path: {"filePath": str(path)},
        lambda where, prompt: [binary(where, "opencode"), "run", prompt],
    ),
)  # fmt: skip


class Ended(NamedTuple):
    code: int | None
    """None where the time was up."""
    out: str
    errors: str


async def run_agent(agent: Agent, where: Path, stage: Stage, folder: Path) -> Result:
    home, work = fresh(folder / "home"), fresh(folder / "work")
    made = notes(work)
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb"} | QUIET
    visits, entries = len(stage.recorder.visits), _sequence(stage)
    problem = await _said(await _baton(["wire", agent.wire, "--url", stage.recorder.url], env), "baton wire")
    if not problem:
        prompt = "Run this errand.\n" + errand([(agent.tool, agent.arguments(note.path)) for note in made])
        ended = await ran(agent.command(where, prompt), env, work)
        _keep(folder / "out.txt", ended)
        problem = _problem(ended, made)
        problem = problem or await _said(await _baton(["unwire", agent.wire], env), "baton unwire")
    return judged(
        agent.wire,
        version(where, agent.package),
        "tool loop, stream",
        agent.speaks,
        stage.dialect,
        problem=problem,
        visits=stage.recorder.visits[visits:],
        refusals=refusals(stage, entries),
    )


def _problem(ended: Ended, made: list[Note]) -> str:
    if ended.code is None:
        return f"did not end within {RUN_TIMEOUT_S} s"
    if ended.code:
        return f"exited with {ended.code}: {(ended.errors or ended.out).strip()[-300:]}"
    return missing(made, ended.out)


def _keep(path: Path, ended: Ended) -> None:
    path.write_text(ended.out + "\n--- errors ---\n" + ended.errors)


async def ran(command: list[str], env: Mapping[str, str], cwd: Path, timeout_s: float = RUN_TIMEOUT_S) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        return Ended(None, "", "")
    return Ended(process.returncode, out.decode(errors="replace"), errors.decode(errors="replace"))


async def _baton(arguments: list[str], env: Mapping[str, str]) -> Ended:
    return await ran([sys.executable, "-m", "baton", *arguments], env, Path.cwd())


async def _said(ended: Ended, what: str) -> str:
    return f"{what} failed: {ended.errors.strip()}" if ended.code else ""


def _sequence(stage: Stage) -> int:
    return stage.journal.since().next if stage.journal is not None else 0


def refusals(stage: Stage, since: int) -> list[str]:
    """What the strict upstream refused meanwhile: a client may retry and get through, and it is told all the same."""
    if stage.journal is None:
        return []
    return [f"upstream refused: {entry.refusal}" for entry in stage.journal.since(since).entries if entry.refusal]
