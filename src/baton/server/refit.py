"""Learning as traffic changes: now and then a process of its own trains a challenger on the ledger's newest grades.

It replaces what serves only where it is not worse (`measure/learn/refit.py`); the new version is then taken up as any
change of the config is. A process of its own, for numpy would double the memory of the gateway. Where several processes
share a folder of versions, one of them learns at a time.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from baton.flow.house import House

HOUR_S = 3_600.0
LOOK_S = 1.0
"""How often it is looked at whether it is time; a new config may say otherwise."""
TIMEOUT_S = 3_600.0
SHOWN = 500
"""Characters of an error of the process that go into the log."""
log = logging.getLogger("baton.learned")


class Refits:
    """`command` runs `baton learn`; `house` gives the house in force; `monotonic` is a clock in seconds."""

    def __init__(self, house: Callable[[], House], command: Sequence[str], monotonic: Callable[[], float]) -> None:
        self._house = house
        self._command = tuple(command)
        self._monotonic = monotonic
        self._last = monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Call inside the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """A process under way is ended with it: nothing of its version is kept then."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            learned = self._house().config.learned
            if learned.path is None or learned.refit_hours is None:
                continue
            if self._monotonic() - self._last >= learned.refit_hours * HOUR_S:
                self._last = self._monotonic()
                await self.once(learned.refit_new)

    async def once(self, fewest_new: int) -> dict[str, Any] | None:
        """What the process told; None where it failed, which is in the log."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, "--if-new", str(fewest_new), "--json", stdout=-1, stderr=-1
            )
        except OSError as error:
            log.error("learning could not be started (%s): %s", self._command[0], error)
            return None
        try:
            out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        except BaseException:
            if process.returncode is None:
                process.kill()
            raise
        try:
            told: dict[str, Any] = msgspec.json.decode(out)
        except msgspec.DecodeError:
            log.error(
                "learning failed (exit %s): %s", process.returncode, err.decode(errors="replace")[-SHOWN:].strip()
            )
            return None
        self._tell(told)
        return told

    def _tell(self, told: dict[str, Any]) -> None:
        if told.get("version") is not None:
            log.warning("version %s of what was learned is in force: %s", told["version"], told["why"])
        else:
            log.info("nothing new was learned: %s", told["why"])
        for alarm in told.get("alarms", ()):
            log.warning("alarm: %s", alarm)
            self._house().webhooks.tell("alarm", "unread_traffic", text=alarm)
