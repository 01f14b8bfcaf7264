"""The watching of the models inside a gateway, or beside it: one process leads, the others follow what it writes."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from baton.flow.house import House
from baton.state.lease import FileLease, Lease, RedisLease

if TYPE_CHECKING:
    from baton.measure.drift.runner import Watcher

LOOK_S = 1.0


async def watch_forever(house: Callable[[], House]) -> None:
    """Until it is cancelled. Nothing of it is loaded before a config wants it."""
    while house().config.proof.watching is None:  # noqa: ASYNC110 - configs come from files: there is no event
        await asyncio.sleep(LOOK_S)
    await watcher_of(house).run()


def watcher_of(house: Callable[[], House]) -> "Watcher":
    """`house`: the one in force now."""
    from baton.measure.drift.runner import Watcher
    from baton.record.watching import WatchStore

    return Watcher(house, lease_of(house()), WatchStore(house().ledger.place))


def lease_of(house: House) -> Lease:
    """Among all that share the Redis, or, without one, among the processes with this ledger."""
    if house.life.replicas is not None:
        owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        return RedisLease(house.life.replicas.link, "drift", owner)
    ledger = Path(house.ledger.path)
    return FileLease(ledger.with_name(f"{ledger.name}.watch"))
