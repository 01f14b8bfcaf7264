"""A settings file of somebody else's: read whole, replaced in one step, with the original and a record beside it."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

import msgspec

from baton.cli.wire.entries import Gateway
from baton.types.errors import ConfigError

NEW_FILE_MODE = 0o600
"""It may hold a key."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was wired, and whether there was a file before."""

    existed: bool
    url: str
    key: str

    @property
    def gateway(self) -> Gateway:
        return Gateway(self.url, self.key)


class Place:
    """`path` may be a symbolic link: what it points to is replaced, the link stays."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.backup = Path(f"{path}.baton-backup")
        self._record = Path(f"{path}.baton-wired")

    def read(self) -> str | None:
        """None where there is no file."""
        return _read(self.path)

    def write(self, text: str | None) -> None:
        """None takes the file away."""
        target = Path(os.path.realpath(self.path))
        if text is None:
            with _told(self.path):
                target.unlink(missing_ok=True)
        else:
            _replace(target, text, shown=self.path)

    def record(self) -> Record | None:
        text = _read(self._record)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=Record)
        except msgspec.MsgspecError as error:
            raise ConfigError([f"{self._record}: is not what Baton wrote ({error}): remove it"]) from error

    def original(self, record: Record) -> str | None:
        """The text before it was wired. Raises ConfigError when the backup is gone."""
        text = _read(self.backup) if record.existed else None
        if record.existed and text is None:
            raise ConfigError([f"{self.backup}: the backup is gone: take Baton out of {self.path} by hand"])
        return text

    def keep(self, original: str | None, gateway: Gateway) -> None:
        """Called before the first write. A backup of an earlier time that says something else is never overwritten."""
        kept = _read(self.backup)
        if kept is not None and kept != original:
            raise ConfigError([f"{self.backup}: is left from an earlier time: move it away first"])
        if original is not None:
            _replace(self.backup, original, shown=self.backup, like=Path(os.path.realpath(self.path)))
        self.note(gateway, existed=original is not None)

    def note(self, gateway: Gateway, *, existed: bool) -> None:
        written = msgspec.json.encode(Record(existed, gateway.url, gateway.key)).decode()
        _replace(self._record, written, shown=self._record)

    def forget(self) -> None:
        for path in (self._record, self.backup):
            with _told(path):
                path.unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    with _told(path):
        try:
            kind = path.stat().st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(kind):
            raise ConfigError([f"{path}: is not a file: move it away first"])
        try:
            return path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError([f"{path}: is not UTF-8 (byte {error.start}): mend it first"]) from error


def _replace(target: Path, text: str, *, shown: Path, like: Path | None = None) -> None:
    """The new file takes the place of the old in one step, with its permissions and owner."""
    with _told(shown):
        target.parent.mkdir(parents=True, exist_ok=True)
        model = like or target
        before = model.stat() if model.exists() else None
        if target.exists() and not os.access(target, os.W_OK):
            raise ConfigError([f"{shown}: is read-only: make it writable, or see what to write with --print"])
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(stat.S_IMODE(before.st_mode) if before else NEW_FILE_MODE)
            if before is not None and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, before.st_uid, before.st_gid)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class _told(contextlib.AbstractContextManager[None]):  # noqa: N801 - used as a function
    """An OSError becomes one line that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise ConfigError(
                [f"{self._path}: {error.strerror or error}: check the path and its permissions"]
            ) from error
