"""Where the demo plays: the fleet in a thread, the gateway as a process of its own, one ledger for each of two acts."""

import asyncio
import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from msgspec import Struct
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from baton.cli.demo.drift import Drift
from baton.cli.demo.drive import Outcome, drive
from baton.cli.demo.handoff import HandoffShown, converse
from baton.cli.demo.handoff import gateway_config as gateway_config_of_two
from baton.cli.demo.jobs import Source
from baton.cli.demo.orchestration import WRONG_SHARE, OrchestrationShown, orchestrate
from baton.cli.demo.proof import Proof
from baton.cli.demo.summary import Summary, summarise
from baton.simulate.ensemble import Ensemble
from baton.simulate.fleet import gateway_config
from baton.simulate.obedient import Obedient
from baton.simulate.serve import serve_in_thread
from baton.types.errors import BatonError

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
START_TIMEOUT_S = 30.0
POLL_S = 0.02


class Gateway(Struct, frozen=True):
    name: str
    url: str
    ledger: Path


class Act(Struct, frozen=True):
    gateway: Gateway
    outcomes: list[Outcome]


class Stage:
    """Entered once; everything that it started is stopped when it is left."""

    def __init__(self, source: Source, folder: Path, console: "Console") -> None:
        self._source = source
        self._folder = folder
        self._console = console
        self._open = contextlib.ExitStack()
        self._fleet_url = ""

    def __enter__(self) -> Self:
        self._fleet_url = self._open.enter_context(serve_in_thread(self._source.fleet)).base_url
        self._console.print(f"No key needed: {self._source.what}. [yellow]Every answer is simulated.[/yellow]")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def tasks(self) -> int:
        return len(self._source.jobs)

    def run(self, name: str, *, on_reference: bool, concurrency: int) -> Act:
        """One act on a gateway that is stopped afterwards."""
        with self.gateway(name, 0) as gateway:
            return self.drive(gateway, on_reference=on_reference, concurrency=concurrency)

    def run_with(self, name: str, changed: Callable[[dict[str, Any]], dict[str, Any]], *, concurrency: int) -> Act:
        """One act of routed tasks by another config, on a gateway that is stopped afterwards."""
        with self.gateway(name, 0, changed(self._config())) as gateway:
            return self.drive(gateway, on_reference=False, concurrency=concurrency)

    def measure(self, work: Callable[[Path, Path, "Console"], T]) -> T:
        """With a folder, and the file of a config whose models are measured."""
        config = self._folder / "measured.yaml"
        config.write_text(_written(self._config(), self._folder / "measured.db"))
        return work(self._folder, config, self._console)

    def drive(self, gateway: Gateway, *, on_reference: bool, concurrency: int) -> Act:
        columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task(gateway.name, total=len(self._source.jobs))
            outcomes = asyncio.run(
                drive(
                    gateway.url,
                    self._source.jobs,
                    on_reference=on_reference,
                    concurrency=concurrency,
                    done=lambda: progress.advance(bar),
                )
            )
        _get(gateway.url, "/v1/baton/report")  # what waits is written before it is read
        return Act(gateway, outcomes)

    def config(self) -> dict[str, Any]:
        """A config that reaches the fleet."""
        return self._config()

    @property
    def lock(self) -> Path:
        """Where what was measured is promoted to."""
        return self._folder / "policy.lock"

    def summarise(
        self,
        baseline: Act,
        routed: Act,
        handoff: HandoffShown,
        proof: Proof | None,
        drift: Drift | None,
        orchestration: OrchestrationShown | None,
    ) -> Summary:
        return summarise(
            self._source.what,
            (baseline.outcomes, baseline.gateway.ledger),
            (routed.outcomes, routed.gateway.ledger),
            handoff,
            proof,
            drift,
            orchestration,
        )

    def hand_off(self) -> HandoffShown:
        """A conversation between two strict vendors, on a gateway of its own."""
        with serve_in_thread(Obedient(), strict=True) as vendors:
            config = gateway_config_of_two(vendors.base_url)
            with self.gateway("handoff", 0, config) as gateway:
                hops = asyncio.run(converse(gateway.url))
            refused = sum(entry.refusal is not None for entry in vendors.journal.since().entries)
        return HandoffShown(simulated=True, client="openai-chat", hops=tuple(hops), refused=refused)

    def orchestrate(self) -> OrchestrationShown:
        """One orchestrated run, on a gateway of its own."""
        ensemble = Ensemble(wrong=WRONG_SHARE)
        with serve_in_thread(ensemble) as upstream:
            config = gateway_config(ensemble, f"{upstream.base_url}/v1")
            with self.gateway("orchestration", 0, config) as gateway:
                return asyncio.run(orchestrate(gateway.url))

    @contextlib.contextmanager
    def gateway(self, name: str, port: int, config_of: Mapping[str, Any] | None = None) -> Iterator[Gateway]:
        """The real command, as a user starts it. Raises BatonError when it does not come up, with what it said."""
        ledger, config, log = (self._folder / f"{name}{ending}" for ending in (".db", ".yaml", ".log"))
        config.write_text(_written(self._config() if config_of is None else config_of, ledger))
        command = [sys.executable, "-m", "baton", "up", "--quiet", "--config", str(config), "--port", str(port)]
        with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:  # noqa: S603
            try:
                url = _address(process, log)
                yield Gateway(name, url, ledger)
            finally:
                process.terminate()

    def wait(self, gateway: Gateway) -> None:
        """Leave everything running until Ctrl-C."""
        body = '{"model": "auto", "messages": [{"role": "user", "content": "Classify: my parcel is late"}]}'
        self._console.print(f"\nThe gateway is running at {gateway.url}. Try:")
        self._console.print(f"  curl -i {gateway.url}/v1/chat/completions -d '{body}'", soft_wrap=True, markup=False)
        self._console.print(f"  baton report --ledger {gateway.ledger}", soft_wrap=True)
        self._console.print("Ctrl-C stops it.")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3_600)

    def _config(self) -> dict[str, Any]:
        config = gateway_config(self._source.fleet, f"{self._fleet_url}/v1")
        for model in config["models"]:
            if quality := self._source.quality.get(model["id"]):
                model["quality"] = dict(quality)
        if self._source.task_types:
            config["task_types"] = {name: dict(entry) for name, entry in self._source.task_types.items()}
        return config


def _written(config: Mapping[str, Any], ledger: Path) -> str:
    import yaml

    kept = {**config.get("ledger", {}), "path": str(ledger)}
    whole = {"version": 1, "content": {"mode": "off"}, **config, "ledger": kept}
    return str(yaml.safe_dump(whole, sort_keys=False))


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The gateway tells its address in its log once it is bound; ready is when it says so itself."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        said = log.read_text(errors="replace")
        if process.poll() is not None:
            raise BatonError(f"the gateway of the demo did not start:\n{said.strip()}")
        for line in said.splitlines():
            if line.startswith("Baton serves at "):
                url = line.split()[3]
                with contextlib.suppress(OSError):
                    _get(url, "/readyz")
                    return url
        time.sleep(POLL_S)
    raise BatonError(f"the gateway of the demo was not ready after {START_TIMEOUT_S:g} s:\n{log.read_text()}")


def _get(url: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=START_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
