"""The Vercel AI SDK with each of its providers, as a stream and whole: one errand of two parallel calls.

A model that says random words runs no errands: there, any words are an answer.
"""

import json
import os
from pathlib import Path

from tests.clients.agents import Ended, ran, refusals
from tests.clients.errand import errand
from tests.clients.notes import Note, fresh, missing, notes
from tests.clients.packages import version
from tests.clients.result import Result, judged
from tests.clients.stage import Stage

SCRIPT = Path(__file__).with_name("ai_sdk.mjs")
RUN_TIMEOUT_S = 60
PROVIDERS = {
    "openai-responses": ("@ai-sdk/openai", "openai-responses"),
    "openai-chat": ("@ai-sdk/openai", "openai-chat"),
    "openai-compatible": ("@ai-sdk/openai-compatible", "openai-chat"),
    "anthropic": ("@ai-sdk/anthropic", "anthropic"),
    "google": ("@ai-sdk/google", "gemini"),
}
"""Provider in the script: its package, and the dialect that it speaks."""
MODES = ("stream", "whole")


async def run_ai_sdk(provider: str, mode: str, where: Path, stage: Stage, folder: Path) -> Result:
    package, speaks = PROVIDERS[provider]
    made = notes(fresh(folder))
    kind = "plain" if stage.journal is None else "tools"
    prompt = "Hello" if kind == "plain" else errand([("read_note", {"path": str(note.path)}) for note in made])
    visits = len(stage.recorder.visits)
    entries = stage.journal.since().next if stage.journal is not None else 0
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = ["node", str(SCRIPT), provider, mode, stage.recorder.url, prompt, kind]
    ended = await ran(command, env, where, RUN_TIMEOUT_S)
    return judged(
        f"ai + {package} ({provider})",
        f"{version(where, 'ai')} + {version(where, package)}",
        f"{'tool loop' if kind == 'tools' else 'words'}, {mode}",
        speaks,
        stage.dialect,
        problem=_problem(ended, made if kind == "tools" else []),
        visits=stage.recorder.visits[visits:],
        refusals=refusals(stage, entries),
    )


def _problem(ended: Ended, made: list[Note]) -> str:
    if ended.code is None:
        return f"did not end within {RUN_TIMEOUT_S} s"
    if ended.code:
        return f"exited with {ended.code}: {ended.errors.strip()[:300]}"
    said = json.loads(ended.out)
    if not made:
        return "" if said["text"] else "the answer is empty"
    if lost := missing(made, said["text"]):
        return lost
    return "" if said["steps"] == 2 else f"took {said['steps']} steps where 2 are enough"
