"""Time of the processor, for laws about what no input may cost."""

import time
from collections.abc import Callable


def least_s(measured: Callable[[], object]) -> float:
    """The least of three runs in seconds: a busy machine only ever adds to it."""
    spent = []
    for _ in range(3):
        started = time.process_time()
        measured()
        spent.append(time.process_time() - started)
    return min(spent)
