"""One of several processes leads, and a later leader has a greater token."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from baton.state.lease import FileLease

HOLDER = """
import asyncio, sys, time
from pathlib import Path
from baton.state.lease import FileLease
lease = FileLease(Path(sys.argv[1]))
assert asyncio.run(lease.renew())
print(lease.token, flush=True)
time.sleep(60)
"""


def test_one_at_a_time_and_tokens_grow_also_where_the_clock_is_set_back(tmp_path: Path) -> None:
    async def main() -> None:
        one, other = FileLease(tmp_path / "watch"), FileLease(tmp_path / "watch", now=lambda: 1.0)
        assert await one.renew()
        assert not await other.renew()
        assert not other.held
        await one.give_up()
        assert await other.renew()
        assert other.token > one.token

    asyncio.run(main())


def test_who_is_killed_leads_no_more(tmp_path: Path) -> None:
    path = tmp_path / "watch"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        token = int(holder.stdout.readline())
        lease = FileLease(path)
        assert not asyncio.run(lease.renew())
        holder.kill()
        holder.wait()
        for _ in range(100):
            if asyncio.run(lease.renew()):
                break
            time.sleep(0.05)
        assert lease.token > token
