"""A new config without a restart: on SIGHUP, and when its file changes, the lock with the certificates in force, or
the version of what was learned.

1. The new text is read and validated beside the work; 2. what is wrong with it is told, and the last good one stays;
3. else it is swapped in as a whole: requests under way end with the config that they began with.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from baton.config.schema import Config
from baton.server.app import App
from baton.types.errors import ConfigError

POLL_S = 1.0
log = logging.getLogger("baton.config")

Load = Callable[[], Config]
"""Reads the config anew; raises ConfigError."""


class Reloader:
    """`path` None: there is no file to watch, SIGHUP alone reloads."""

    def __init__(self, app: App, load: Load, path: Path | None) -> None:
        self._app = app
        self._load = load
        self._path = path
        self._seen = self._signatures()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Call inside the running loop, in the main thread."""
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():  # where alone signals are to be had
            loop.add_signal_handler(signal.SIGHUP, self._begin)
        self.watch()

    def watch(self) -> None:
        """The files alone."""
        if self._path is not None:
            self._keep(asyncio.get_running_loop().create_task(self._watch()))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def reload(self) -> None:
        async with self._turn:
            self._seen = self._signatures()
            try:
                config = await asyncio.to_thread(self._load)
                kept = self._app.swap(config)
            except ConfigError as error:
                self._app.refuse_config(error.problems)
                log.error("the new config is wrong, the last good one stays:\n%s", "\n".join(error.problems))
            except Exception as error:  # whatever it is, the next config must be looked at all the same
                self._app.refuse_config([f"it could not be put in force: {error}"])
                log.exception("the new config could not be put in force, the last good one stays")
            else:
                for name in kept:
                    log.warning("%s has changed: it takes effect after a restart", name)
                for note in config.notes:
                    log.warning("%s", note)
                log.warning("a new config is in force: %d models", len(config.snapshot.cards))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if self._signatures() != self._seen:
                await self.reload()

    def _signatures(self) -> tuple[tuple[int, ...], ...]:
        return _signature(self._path), _signature(self._app.lock), _signature(self._app.learned)

    def _begin(self) -> None:
        self._keep(asyncio.get_running_loop().create_task(self.reload()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _signature(path: Path | None) -> tuple[int, ...]:
    """Differs when the file was written, replaced, or a link to it was turned; a missing file has none."""
    if path is None:
        return ()
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)
