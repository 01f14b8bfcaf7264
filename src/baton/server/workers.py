"""Several workers on one socket: forks of this process, replaced when they die, stopped and reloaded with it."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
AGAIN_AFTER_S = 0.5
"""A worker that dies at once is not replaced faster than this."""


def supervise(work: Callable[[], None], count: int) -> None:
    """Returns when all workers have ended after SIGTERM or SIGINT."""
    workers: set[int] = set()
    stopping = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    for _ in range(count):
        workers.add(_fork(work))
    while workers:
        ended, status = os.wait()
        workers.discard(ended)
        if not stopping:
            sys.stderr.write(f"baton: worker {ended} ended ({_how(status)}): another one takes its place\n")
            time.sleep(AGAIN_AFTER_S)
        if not stopping:  # nor asked to stop meanwhile
            workers.add(_fork(work))


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    status = 1
    try:
        work()
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
