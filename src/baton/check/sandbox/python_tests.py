"""Tests of an answer's code, each in a process of its own inside the sandbox.

The program that is run inside reads the code, the tests and a random word from standard input, forks once per test,
and prints the word with the results. A test has passed only when its process came to the end of the test and wrote so
into a pipe: leaving early (`sys.exit`, `os._exit`), printing, or killing itself is a failure.
Code that sets out to deceive its own test from inside the same process could still do so by searching for the pipe; it
cannot leave the sandbox.
"""

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from baton.check.sandbox.levels import Level, Sandbox, best_sandbox, limits

MAX_OUTPUT_BYTES = 256 * 1024
START_S = 5.0
"""Granted on top of the time for the tests: a loaded machine is slow to start an interpreter."""

HARNESS = r"""
import json, os, sys
given = json.loads(sys.stdin.buffer.read())
word, code, tests, seconds = given["word"], given["code"], given["tests"], given["seconds"]
def attempt(test):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        silent = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silent, descriptor)
        said = b"stopped before its end"
        try:
            import resource, signal
            signal.alarm(max(1, int(seconds)))
            space = {"__name__": "answer"}
            exec(compile(code, "answer.py", "exec"), space)
            exec(compile(test, "test.py", "exec"), space)
            said = b"passed"
        except AssertionError as error:
            said = ("assertion failed: " + (str(error) or test))[:300].encode("utf-8", "replace")
        except BaseException as error:
            said = (type(error).__name__ + ": " + str(error))[:300].encode("utf-8", "replace")
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    said = b""
    while True:
        piece = os.read(reader, 4096)
        if not piece:
            break
        said += piece
    os.close(reader)
    os.waitpid(child, 0)
    return said.decode("utf-8", "replace") or "stopped before its end"
results = [attempt(test) for test in tests]
sys.stdout.write(word + json.dumps(results))
"""


class TestRun(Struct, frozen=True):
    """What each test said: `passed`, or why not. `problem` is set instead when nothing could be run."""

    level: Level
    said: tuple[str, ...] = ()
    problem: str = ""


def run_tests(
    code: str, tests: Sequence[str], *, timeout_s: float, memory_mib: int, sandbox: Sandbox | None = None
) -> TestRun:
    """`timeout_s` bounds all tests together. Raises NoSandbox when this machine offers no isolation."""
    sandbox = sandbox or best_sandbox()
    word = secrets.token_hex(16)
    given = msgspec.json.encode({"word": word, "code": code, "tests": list(tests), "seconds": timeout_s})
    with tempfile.TemporaryDirectory(prefix="baton-run-") as folder:
        work = Path(folder)
        work.chmod(0o777)
        with subprocess.Popen(  # noqa: S603 - running it in isolation is the purpose
            sandbox.argv(work, ["-c", HARNESS]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, cwd=folder, env={"PATH": "/usr/bin:/bin"}, start_new_session=True,
            preexec_fn=limits(memory_mib * 1024 * 1024, int(timeout_s + START_S) + 1),  # noqa: PLW1509 - no threads wait on it
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(given, timeout=timeout_s + START_S)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.communicate()
                return TestRun(sandbox.level, problem=f"ran longer than {timeout_s:g} s and was stopped")
    return _read(output[:MAX_OUTPUT_BYTES], word, sandbox.level)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(output: bytes, word: str, level: Level) -> TestRun:
    before, found, results = output.partition(word.encode())
    if not found or before:
        return TestRun(level, problem="the program ended without results (out of memory, or it was killed)")
    return TestRun(level, tuple(msgspec.json.decode(results, type=list[str])))
