"""`python -m tests.clients`: install, cut the network, run every client onto every dialect, write the results."""

import argparse
import asyncio
import contextlib
import datetime as dt
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Iterator
from importlib.metadata import version
from pathlib import Path

from tests.clients import packages
from tests.clients.agents import AGENTS, run_agent
from tests.clients.ai_sdk import MODES, PROVIDERS, run_ai_sdk
from tests.clients.report import as_json, as_page
from tests.clients.result import Result
from tests.clients.scanners import CANARY_PROFILES, COMPLY_FORMATS, Scan, canary, comply
from tests.clients.stage import UPSTREAMS, Stage, simulated
from tests.clients.transformers_upstream import PYTHON_VARIABLE, transformers

OFFLINE = "BATON_CLIENTS_OFFLINE"


def main() -> int:
    wanted = _arguments()
    where = packages.folder()
    packages.install(where)
    _cut_the_network()
    folder = Path(tempfile.mkdtemp(prefix="baton-clients-"))
    try:
        results, scans = asyncio.run(_all(wanted, where, folder))
    finally:
        if not wanted.keep:
            shutil.rmtree(folder)
    if wanted.json:
        wanted.json.write_text(as_json(results, scans))
    if wanted.page:
        network = "off" if os.environ.get(OFFLINE) else "not needed (it could not be switched off here)"
        date = dt.datetime.now(tz=dt.UTC).date().isoformat()
        page = as_page(results, scans, network=network, date=date, version=version("batonpass"))
        wanted.page.write_text(page)
    failed = sum(result.outcome == "failed" for result in results)
    print(f"{len(results) - failed} of {len(results)} passed" + (f"; the runs are in {folder}" if wanted.keep else ""))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--page", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--only", default="", help="only clients whose name holds this")
    parser.add_argument("--onto", default="", choices=["", *UPSTREAMS, "transformers"], help="only this upstream")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    return parser.parse_args()


def _cut_the_network() -> None:
    """Run again in a network namespace that has loopback only, where the system allows it."""
    unshare = shutil.which("unshare")
    if os.environ.get(OFFLINE) is not None or unshare is None or shutil.which("ip") is None:
        return
    probe = [unshare, "--map-root-user", "--net", "sh", "-c"]
    again = 'ip link set lo up && exec "$@"'
    if os.spawnv(os.P_WAIT, unshare, [*probe, "ip link set lo up"]) != 0:
        return
    os.environ[OFFLINE] = "1"
    os.execv(unshare, [*probe, again, "sh", sys.executable, "-m", "tests.clients", *sys.argv[1:]])


def _upstreams() -> list[str]:
    """One more where its environment is named."""
    return [*UPSTREAMS, *(["transformers"] if os.environ.get(PYTHON_VARIABLE) else [])]


@contextlib.asynccontextmanager
async def _stage(upstream: str, folder: Path) -> AsyncGenerator[Stage, None]:
    if upstream == "transformers":
        async with transformers(folder) as stage:
            yield stage
    else:
        async with simulated(upstream, folder) as stage:
            yield stage


async def _all(wanted: argparse.Namespace, where: Path, folder: Path) -> tuple[list[Result], list[Scan]]:
    results: list[Result] = []
    scans: list[Scan] = []
    for upstream in [wanted.onto] if wanted.onto else _upstreams():
        inside = folder / upstream
        async with _stage(upstream, inside / "gateway") as stage:
            results += [_shown(await one) for one in _clients(wanted.only, where, stage, inside)]
            scans += [_scanned(await one) for one in _scans(wanted.only, where, stage, inside)]
    return results, scans


def _clients(only: str, where: Path, stage: Stage, folder: Path) -> Iterator[Awaitable[Result]]:
    for agent in AGENTS:
        if only in agent.wire and stage.journal is not None:  # a tiny model has no room for what an agent says
            yield run_agent(agent, where, stage, folder / agent.wire)
    for provider in PROVIDERS:
        for mode in MODES:
            if only in f"ai-{provider}":
                yield run_ai_sdk(provider, mode, where, stage, folder / f"ai-{provider}-{mode}")


def _scans(only: str, where: Path, stage: Stage, folder: Path) -> Iterator[Awaitable[Scan]]:
    if stage.journal is None:
        return
    for format_ in COMPLY_FORMATS:
        if only in "llm-comply":
            yield comply(format_, stage, folder / f"comply-{format_}")
    for profile in CANARY_PROFILES:
        if only in "compatcanary":
            yield canary(profile, where, stage, folder / f"canary-{profile}")


def _shown(result: Result) -> Result:
    print(
        f"{result.outcome:7} {result.client} ({result.mode}) onto {result.upstream}: {result.handoff} {result.detail}"
    )
    return result


def _scanned(scan: Scan) -> Scan:
    print(f"{scan.suite} {scan.profile} onto {scan.upstream}: {scan.passed} of {scan.total} {'; '.join(scan.failures)}")
    return scan


if __name__ == "__main__":
    sys.exit(main())
