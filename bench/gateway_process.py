"""A gateway of its own for a measurement: the process of `baton up`, and what the system says of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

START_S = 60.0
POLL_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")
COMMAND = """\
import asyncio, gc, pathlib, signal, sys

def count(*_):
    tasks = sum(isinstance(one, asyncio.Future) and hasattr(one, "get_coro") and not one.done()
                for one in gc.get_objects())
    pathlib.Path("tasks").write_text(f"{tasks}\\n")

signal.signal(signal.SIGUSR1, count)
from baton.cli import main
sys.argv[0] = "baton"
main()
"""
"""The command `baton`, which on SIGUSR1 writes down how many tasks are not done."""


class GatewayProcess(Struct, frozen=True):
    url: str
    port: int
    pid: int
    folder: Path

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self) -> int:
        return sum(_target(file).startswith("socket:") for file in Path(f"/proc/{self.pid}/fd").iterdir())

    def files(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def tasks(self) -> int:
        """Not done; those of the gateway itself included."""
        found = self.folder / "tasks"
        found.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        _until(lambda: found.exists() and found.read_text().endswith("\n"), "the gateway counted no tasks")
        return int(found.read_text())


@contextmanager
def up(folder: Path, config: dict[str, Any]) -> Iterator[GatewayProcess]:
    (folder / "baton.yaml").write_text(yaml.safe_dump({"ledger": {"path": str(folder / "ledger.db")}, **config}))
    log = folder / "log"
    command = [sys.executable, "-c", COMMAND, "up", "--quiet", "--port", "0", "--config", str(folder / "baton.yaml")]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=folder) as process:
        try:
            url = ""

            def is_up() -> bool:
                nonlocal url
                if process.poll() is not None:
                    raise SystemExit(f"the gateway ended with {process.returncode}: {log.read_text()[-2_000:]}")
                found = re.search(r"serves at (\S+)", log.read_text())
                url = found[1] if found else ""
                return bool(url) and listens(int(url.rpartition(":")[2]))

            _until(is_up, "the gateway did not start")
            yield GatewayProcess(url, int(url.rpartition(":")[2]), process.pid, folder)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def _until(holds: Any, why: str) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(why)
        time.sleep(POLL_S)
