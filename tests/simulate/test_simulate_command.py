"""`baton simulate`: a table, a config that can be used as it is, and a fleet that answers."""

import asyncio
import importlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from typer.testing import CliRunner

from baton.config.load import load_config
from baton.config.schema import Config
from baton.server.run import bind, serving
from baton.simulate.workload.item import item
from tests.simulate.raw_http import ask, chat, post

COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
from baton.cli import main
main()
"""


@contextmanager
def started(*options: str) -> Iterator[tuple[int, list[str]]]:
    """(port, lines printed so far) of the command in a process of its own, stopped as a user stops it."""
    command = [sys.executable, "-c", COMMAND, "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "/sim/journal" in line:
                    break
            found = re.search(r"http://127\.0\.0\.1:(\d+)", "".join(lines))
            assert found, lines
            yield int(found[1]), lines
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0


async def answers(config: Config) -> list[int]:
    """Statuses of a gateway with that config, in two dialects."""
    sock = bind("127.0.0.1", 0)
    asked = {"model": "sim/nano", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    async with (
        serving(config, sock),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=20) as http,
    ):
        return [(await http.post(path, json=asked)).status_code for path in ("/v1/chat/completions", "/v1/messages")]


def test_it_serves_and_writes_the_config_of_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "baton.yaml"
    with started("--config-out", str(target), "--time-scale", "0") as (port, lines):
        assert ask(port, post("/v1/chat/completions", chat(item(7, 0)))).status == 200
        config = yaml.safe_load(target.read_text())
        assert asyncio.run(answers(load_config(target, {}))) == [200, 200]
    assert any("sim-frontier" in line for line in lines)
    assert config["providers"]["sim"]["base_url"] == f"http://127.0.0.1:{port}/v1"
    assert len(config["models"]) == 5


def test_it_refuses_what_vendors_refuse_when_it_is_told_to() -> None:
    body = chat(item(7, 0), baton={})
    with started("--strict", "--time-scale", "0") as (port, _):
        refused = ask(port, post("/v1/chat/completions", body))
    assert refused.status == 400
    assert b"Unknown parameter: 'baton'." in refused.body


def test_it_replays_a_file_at_stated_prices(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "model": "lab/m", "correct": 1.0}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "f.parquet")
    with started("--data", str(tmp_path / "f.parquet"), "--price", "lab/m=1.25/10") as (_, lines):
        shown = "".join(lines)
    assert "1 prompts, 1 recorded answers" in shown
    assert re.search(r"lab/m +mid|lab/m +small", shown)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--price", "m=1/2"], "a price goes with --data"),
        (["--data", "x", "--price", "m=cheap"], "write MODEL=IN/OUT"),
        (["--data", "x", "--price", "m=1/-2"], "write MODEL=IN/OUT"),
        (["--port", "70000"], "65535"),
        (["--time-scale", "-1"], "time-scale"),
    ],
)
def test_wrong_options_are_told_what_is_right(options: list[str], told: str) -> None:
    result = CliRunner().invoke(importlib.import_module("baton.cli").app, ["simulate", *options])
    assert result.exit_code == 2
    assert told in result.output.replace("\n", " ")
