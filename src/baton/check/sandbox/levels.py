"""The ladder of isolation. The best level that really runs a program here is found once and kept.

| level | secrets | network | memory, files, processes |
|---|---|---|---|
| `bwrap` | not present | unreachable | limited, own process space |
| `unshare` (root) | not readable: another user | unreachable | limited, own process space |
| `unshare-user` | as readable as for this user | unreachable | limited, own process space |
| `unsafe` | as this user | open | limited |

`unsafe` is used only where it is asked for by name.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

Level = Literal["bwrap", "unshare", "unshare-user", "unsafe"]

LEVELS: tuple[Level, ...] = ("bwrap", "unshare", "unshare-user")
NOBODY = 65_534
FILE_BYTES = 1024 * 1024
OPEN_FILES = 64
PROCESSES = 32
PROBE_TIMEOUT_S = 10.0
PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
"""Interpreters that another user may run; one below a private home directory cannot be started by nobody."""


class Sandbox(Struct, frozen=True):
    level: Level
    command: tuple[str, ...]
    """What stands before the arguments of Python; `{work}` is the folder that the program may write."""

    def argv(self, work: Path, arguments: Sequence[str]) -> list[str]:
        return [part.replace("{work}", str(work)) for part in self.command] + list(arguments)


class NoSandbox(OSError):
    """No isolation is to be had on this machine; the text says what to install."""


@cache
def best_sandbox() -> Sandbox:
    """Raises NoSandbox when no level works here."""
    tried = []
    for level in LEVELS:
        sandbox = _made(level)
        if sandbox is None:
            tried.append(f"{level}: not installed")
        elif problem := _probe(sandbox):
            tried.append(f"{level}: {problem}")
        else:
            return sandbox
    raise NoSandbox(
        f"code cannot be run in isolation here ({'; '.join(tried)}): install bubblewrap, or allow user namespaces"
    )


def sandbox_of(level: Level) -> Sandbox:
    """One level by name, `unsafe` among them. Raises NoSandbox when it does not work here."""
    sandbox = _made(level)
    problem = "not installed" if sandbox is None else _probe(sandbox)
    if sandbox is None or problem:
        raise NoSandbox(f"sandbox level {level!r} does not work here: {problem}")
    return sandbox


def limits(memory_bytes: int, cpu_s: int) -> Callable[[], None]:
    """Run in the child before it becomes the program."""

    def apply() -> None:
        for kind, value in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_CPU, cpu_s),
            (resource.RLIMIT_FSIZE, FILE_BYTES),
            (resource.RLIMIT_NOFILE, OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (value, value))

    return apply


def _made(level: Level) -> Sandbox | None:  # noqa: PLR0911 - one return a level
    python = next((path for path in PYTHONS if Path(path).exists()), None)
    if python is None:
        return None
    start = (python, "-I", "-B", "-X", "utf8")
    if level == "unsafe":
        return Sandbox(level, start)
    tool = shutil.which("bwrap" if level == "bwrap" else "unshare")
    if tool is None:
        return None
    if level == "bwrap":
        return Sandbox(level, (tool, *_bwrap_options(python), *start))
    alone = ("--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
    if level == "unshare-user":
        return Sandbox(level, (tool, "--user", "--map-root-user", *alone, *start))
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.geteuid() != 0:
        return None
    drop = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    caged = (shutil.which("prlimit") or "prlimit", f"--nproc={PROCESSES}")
    return Sandbox(level, (tool, *alone, *drop, *caged, *start))


def _bwrap_options(python: str) -> tuple[str, ...]:
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    options += ["--setenv", "PATH", "/usr/bin:/bin", "--ro-bind", "/usr", "/usr"]
    for link in ("bin", "lib", "lib64"):
        options += ["--symlink", f"usr/{link}", f"/{link}"]
    if not python.startswith("/usr/"):
        options += ["--ro-bind", python, python]
    options += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",  # noqa: S108 - the sandbox's own
        "--bind",
        "{work}",
        "{work}",
        "--chdir",
        "{work}",
    ]
    return (*options, "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL")


def _probe(sandbox: Sandbox) -> str:
    """Empty when a program really runs at this level, else what was said."""
    with tempfile.TemporaryDirectory(prefix="baton-probe-") as folder:
        work = Path(folder)
        work.chmod(0o777)
        try:
            done = subprocess.run(  # noqa: S603 - the program is ours
                sandbox.argv(work, ["-c", "print(6 * 7)"]), capture_output=True, timeout=PROBE_TIMEOUT_S, cwd=folder,
                stdin=subprocess.DEVNULL, check=False, env={"PATH": "/usr/bin:/bin"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return "" if done.stdout.strip() == b"42" else done.stderr.decode(errors="replace").strip()[:200] or "no output"
