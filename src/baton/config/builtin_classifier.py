"""The classifier of task types that comes with Baton: `task_types.npz` beside its card `task_types.json`.

Made by `tools/train_task_types.py`. Read without numpy: an .npz is a zip of arrays, each behind a short header.
"""

import io
import re
import zipfile
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from baton.types.classifier import ClassifierWeights

NAME = "task_types"
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(rb"\{'descr': '\|[iu]1', 'fortran_order': False, 'shape': \([\d, ]*\), \} *\n")


@cache
def builtin_classifier() -> ClassifierWeights:
    folder = files("baton.config")
    return classifier_of(folder.joinpath(f"{NAME}.npz").read_bytes(), folder.joinpath(f"{NAME}.json").read_bytes())


def classifier_of(arrays: bytes, card: bytes) -> ClassifierWeights:
    """Raises ValueError for arrays of other than single bytes, or a card that lacks something."""
    found = byte_arrays(arrays)
    model: dict[str, Any] = msgspec.json.decode(card)["model"]
    return msgspec.convert({**model, **found}, ClassifierWeights)


def byte_arrays(data: bytes) -> dict[str, bytes]:
    """The arrays of an .npz whose items are bytes, signed or not, in row order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.removesuffix(".npy"): _items(archive.read(name), name) for name in archive.namelist()}


def _items(array: bytes, name: str) -> bytes:
    begin = len(MAGIC) + 2
    size = int.from_bytes(array[len(MAGIC) : begin], "little")
    if not array.startswith(MAGIC) or not HEADER.fullmatch(array[begin : begin + size]):
        raise ValueError(f"{name} is not an array of single bytes in row order")
    return array[begin + size :]
