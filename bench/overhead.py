"""CPU per request of the gateway beside nginx, in one run, with the shared load harness where it lies.

    python bench/overhead.py [--rounds 2] [--full] [--litellm BIN] [--json]

Needs gcc and nginx; redis-server and PostgreSQL for the set-up with replicas, which is left out without them. The
harness is looked for in ../shared/bench (or $BATON_BENCH). `bench/overhead_peers.py` says what is measured. The CPU
time is that of the gateway's processes; Redis and PostgreSQL have their own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services import PostgresServer, RedisServer  # noqa: E402

PEERS = Path(__file__).with_name("overhead_peers.py")
HARNESS = Path(os.environ.get("BATON_BENCH", ROOT.parent / "shared" / "bench")) / "overhead.py"
PHASES = ("json_c1", "json_c16", "json_sat", "stream_burst", "stream_paced")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="more requests per phase")
    parser.add_argument("--litellm", metavar="BIN", help="the command litellm, to be measured in the same run")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    if not HARNESS.exists() or shutil.which("gcc") is None or shutil.which("nginx") is None:
        sys.stderr.write(f"not run: needs gcc, nginx and the load harness at {HARNESS}\n")
        return 3
    names = ["nginx", "baton", "baton-auto", *(["litellm"] if given.litellm else [])]
    env = {"LITELLM_BIN": given.litellm} if given.litellm else {}
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, services() as found:
        if found:
            names.append("baton-replicas")
        gateways = measure(Path(folder), names, env | found, given.rounds, full=given.full)
    sys.stdout.write(json.dumps(summary(gateways), indent=None if given.json else 2) + "\n")
    return 0


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Where Redis and PostgreSQL are, both begun for this run; nothing where one of them is not installed."""
    with ExitStack() as stack:
        try:
            redis, postgres = stack.enter_context(RedisServer()), stack.enter_context(PostgresServer())
        except (pytest.fail.Exception, pytest.skip.Exception) as reason:
            sys.stderr.write(f"without replicas: {reason}\n")
            yield {}
        else:
            yield {"BENCH_REDIS_URL": redis.url, "BENCH_DATABASE_URL": postgres.url}


def measure(work: Path, names: list[str], env: dict[str, str], rounds: int, *, full: bool) -> dict[str, Any]:
    out = work / "result.json"
    argv = [sys.executable, str(HARNESS), "--suite", ",".join(names), "--rounds", str(rounds), "--work", str(work)]
    argv += ["--out", str(out), *([] if full else ["--quick"])]
    env = os.environ | {"EXTRA_PEERS": str(PEERS)} | env
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=env)
    gateways: dict[str, Any] = json.loads(out.read_text())["gateways"]
    for name, runs in gateways.items():
        if any("error" in run for run in runs):
            raise SystemExit(f"{name} did not start:\n{(work / f'{name}.log').read_text()[-2000:]}")
    return gateways


def summary(gateways: dict[str, Any]) -> dict[str, Any]:
    """CPU in microseconds: the least disturbed round. Ratios are to nginx, and of LiteLLM to Baton, in the same run."""
    cpu = {
        name: {phase: min(run["phases"][phase]["cpu_us_per_request"] for run in runs) for phase in PHASES}
        for name, runs in gateways.items()
    }
    runs = gateways["baton"]
    ours = [name for name in cpu if name.startswith("baton")]
    found = {
        "cpu_us": cpu,
        "times_nginx": {name: _ratios(cpu[name], cpu["nginx"]) for name in ours},
        "rss_mib": {name: max(run["rss_mib"] for run in gateways[name]) for name in ours},
        "start_s": min(run["start_s"] for run in runs),
        "cancelled_of_8": min(run["disconnect"]["cancelled"] for run in runs),
        "reads_per_paced_answer": min(run["phases"]["stream_paced"]["reads_per_answer"] for run in runs),
        "bad": sum(phase["bad"] for name in ours for run in gateways[name] for phase in run["phases"].values()),
    }
    if "litellm" in cpu:
        found["litellm_times_baton"] = _ratios(cpu["litellm"], cpu["baton"])
    return found


def _ratios(these: dict[str, float], those: dict[str, float]) -> dict[str, float]:
    return {phase: round(these[phase] / those[phase], 1) for phase in PHASES}


if __name__ == "__main__":
    sys.exit(main())
