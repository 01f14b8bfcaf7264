"""The section `learned`: the folder that `baton learn` keeps its versions in, of which the current one is served.

A version is a folder `v7` with `learned.json` (the card and everything that is no weight) and, where there are weights,
`learned.npz`. `current` names the version in force. Read without numpy, never pickled.
"""

import re
import zipfile
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from baton.config.builtin_classifier import byte_arrays
from baton.decide.residual import ResidualMisfit, ResidualReader
from baton.types.decision import PolicySnapshot
from baton.types.errors import BatonError
from baton.types.learned import Learned

CURRENT, CARD, WEIGHTS = "current", "learned.json", "learned.npz"
VERSION_NAME = re.compile(r"v[1-9]\d{0,8}")


class LearnedConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was learned from graded answers, and whether decisions use it."""

    path: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="Folder of versions, relative to the working directory; null: nothing learned is used"),
    ] = None
    refit_hours: Annotated[
        Annotated[float, Meta(gt=0, le=10_000)] | None,
        Meta(description="How often `baton up` learns from the ledger's new grades; null: when you say so"),
    ] = None
    refit_new: Annotated[
        Annotated[int, Meta(ge=1, le=100_000_000)],
        Meta(description="Grades that what serves has not seen, from which learning anew is worth it"),
    ] = 500


class LearnedError(BatonError):
    """A version that cannot be read: a gateway does not serve by half of it."""

    code = "learned_error"


def with_learned(snapshot: PolicySnapshot, config: LearnedConfig) -> tuple[PolicySnapshot, list[str]]:
    """The snapshot with the current version, and a sentence where it cannot be used as it is.

    Raises LearnedError for files that are damaged.
    """
    if config.path is None:
        return snapshot, []
    learned = current(Path(config.path))
    if learned is None:
        return snapshot, [f"nothing has been learned in {config.path} yet: baton learn --out {config.path}"]
    notes = []
    if (residual := learned.residual) is not None:
        try:
            ResidualReader(residual)
        except ResidualMisfit as error:
            notes.append(f"of {config.path}, version {learned.version}, only the table is used: {error.message}")
            learned = replace(learned, residual=None)
        if strange := sorted({*residual.models, residual.reference} - set(snapshot.cards)):
            notes.append(f"{config.path} was learned of models that are not configured: {', '.join(strange)}")
    return replace(snapshot, learned=learned), notes


def current(folder: Path) -> Learned | None:
    """The version in force; None where there is none yet. Raises LearnedError."""
    pointer = folder / CURRENT
    try:
        name = pointer.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LearnedError(f"{pointer}: cannot be read ({error}): baton learn writes it anew") from error
    if not VERSION_NAME.fullmatch(name):
        raise LearnedError(f"{pointer}: names {name[:40]!r}, which is no version: write one of the folders beside it")
    return version(folder / name)


def version(folder: Path) -> Learned:
    """Raises LearnedError."""
    try:
        learned = msgspec.convert(msgspec.json.decode((folder / CARD).read_bytes())["learned"], Learned)
        if learned.residual is None:
            return learned
        arrays = byte_arrays((folder / WEIGHTS).read_bytes())
        residual = replace(learned.residual, weights=arrays["weights"], seen=arrays["seen"])
    except FileNotFoundError as error:
        raise LearnedError(f"{folder}: {Path(error.filename).name} is missing: name another version") from error
    except (OSError, msgspec.MsgspecError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise LearnedError(f"{folder}: is damaged ({error}): name another version in {CURRENT}") from error
    return replace(learned, residual=residual)
