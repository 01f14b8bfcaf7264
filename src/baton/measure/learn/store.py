"""Versions of what was learned, in a folder: written whole, put into force by one rename, the last five kept."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from baton.config.learned import CARD, CURRENT, VERSION_NAME, WEIGHTS, LearnedError, version
from baton.types.learned import Learned

KEPT = 5
PROMPTS = "prompts.bin"
"""Beside a version: hashes of the prompts that it was trained on, so that it is not judged on them."""
MOST_BYTES = 100_000
PARTIAL = ".part"
LOCK = ".learning"


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether this process is the one that learns into the folder; the lock goes with the process that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def keep(folder: Path, learned: Learned, card: dict[str, object], prompt_hashes: np.ndarray) -> Learned:
    """Writes the next version and puts it into force; what is returned has its number.

    `card`: what is to be known of it besides, for whoever reads the file. Raises LearnedError where it is too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbered = replace(learned, version=max(versions(folder), default=0) + 1)
    name = f"v{numbered.version}"
    partial = folder / f"{name}{PARTIAL}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    _write(partial, numbered, card)
    (partial / PROMPTS).write_bytes(np.unique(prompt_hashes.astype("<u4")).tobytes())
    partial.rename(folder / name)
    activate(folder, numbered.version)
    for old in sorted(versions(folder))[:-KEPT]:
        shutil.rmtree(folder / f"v{old}")
    return numbered


def activate(folder: Path, number: int) -> None:
    """Raises LearnedError for a version that is not there or cannot be read."""
    version(folder / f"v{number}")
    pointer = folder / f"{CURRENT}{PARTIAL}"
    with pointer.open("w", encoding="ascii") as file:
        file.write(f"v{number}\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(folder / CURRENT)


def versions(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(one.name[1:]) for one in folder.iterdir() if one.is_dir() and VERSION_NAME.fullmatch(one.name)]


def prompts_of(folder: Path, number: int) -> np.ndarray:
    """Hashes of the prompts that a version was trained on; none where it does not say."""
    path = folder / f"v{number}" / PROMPTS
    return np.frombuffer(path.read_bytes() if path.is_file() else b"", dtype="<u4")


def _write(folder: Path, learned: Learned, card: dict[str, object]) -> None:
    bare = learned
    if (residual := learned.residual) is not None:
        bare = replace(learned, residual=replace(residual, weights=b"", seen=b""))
        size = 1 << residual.bits
        np.savez_compressed(
            folder / WEIGHTS,
            weights=np.frombuffer(residual.weights, dtype=np.int8).reshape(-1, size),
            seen=np.frombuffer(residual.seen, dtype=np.uint8),
        )
    (folder / CARD).write_bytes(msgspec.json.encode({"card": card, "learned": bare}))
    total = sum(one.stat().st_size for one in folder.iterdir())
    if residual is not None and total > MOST_BYTES:
        raise LearnedError(f"{total:,} bytes, at most {MOST_BYTES:,}: learn fewer models or task types at once")
