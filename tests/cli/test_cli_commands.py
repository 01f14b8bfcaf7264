"""Every command as it is called: what it prints on good input, and one line with exit code 1 or 2 on bad input."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from baton.cli.up import print_tables
from baton.config.environment import config_from_environment

MAIN = (sys.executable, "-m", "baton")
CONFIG = """
models:
  - {id: local/tiny, tier: local, context_window: 8000, max_output: 1000, price: {input_usd: 0, output_usd: 0}}
  - {id: local/big, tier: mid, context_window: 90000, max_output: 1000, price: {input_usd: 1, output_usd: 2}}
providers:
  local: {base_url: "http://127.0.0.1:1/v1", auth: none}
"""
LITELLM = """
model_list:
  - {model_name: mine, litellm_params: {model: ollama/x}}
  - {model_name: lost, litellm_params: {model: watsonx/y}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "baton.yaml").write_text(CONFIG)
    (tmp_path / "wrong.yaml").write_text("models: [{id: nothing}]\n")
    (tmp_path / "litellm.yaml").write_text(LITELLM)
    (tmp_path / "text.parquet").write_text("no parquet")
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    """`PYTHONPATH` goes along: where it is set, it says which of several checkouts is tested."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "COLUMNS": "80", **more}


def baton(folder: Path, *words: str, said: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [*MAIN, *words], cwd=folder, env=environment(folder), input=said, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def serving(folder: Path, *words: str, **env: str) -> Iterator[tuple[str, list[str]]]:
    """(address, lines printed so far) of `baton up`, stopped as a user stops it."""
    command = [*MAIN, "up", "--port", "0", *words]
    with subprocess.Popen(
        command, cwd=folder, env=environment(folder, **env), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines, found = [], None
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(line)
                if found := re.search(r"serves at (http://[^ ]+)", line):
                    break
            assert found, lines
            yield found[1], lines
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def healthy(url: str) -> bool:
    for _ in range(200):
        try:
            return httpx2.get(f"{url}/health").status_code == 200
        except httpx2.TransportError:
            time.sleep(0.02)
    return False


def test_up_prints_what_is_served_and_serves(folder: Path) -> None:
    with serving(folder) as (url, lines):
        assert healthy(url)
    printed = "".join(lines)
    assert re.search(r"local/big +mid +1 +2 +90k", printed)
    assert re.search(r"other +reference", printed)


def test_up_with_ollama_alone_serves(folder: Path) -> None:
    (folder / "baton.yaml").unlink()
    with serving(folder, OLLAMA_HOST="127.0.0.1:1") as (url, lines):
        assert healthy(url)
        models = httpx2.get(f"{url}/v1/models").json()["data"]
    assert "ollama/llama3.2:3b" in {model["id"] for model in models}
    assert any("ollama/llama3.2:3b" in line for line in lines)


@pytest.mark.parametrize("width", ["50", "80", "200"])
def test_up_never_cuts_the_id_of_a_model(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_from_environment({"OPENAI_API_KEY": "a", "AWS_BEARER_TOKEN_BEDROCK": "b"})
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", printed)
    monkeypatch.setenv("COLUMNS", width)
    print_tables(config)
    for model in config.snapshot.cards:
        assert model in printed.getvalue()


@pytest.mark.parametrize("command", ["up", "simulate"])
def test_a_port_in_use_is_named_with_what_would_help(folder: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, errors = baton(folder, command, "--port", port)
    assert code == 1
    assert errors.splitlines()[-1] == (
        f"baton: cannot listen on 127.0.0.1:{port}: something listens there already: stop it, or take another port "
        "with --port (0: any free one)"
    )


def test_route_tells_which_model_and_why(folder: Path) -> None:
    code, printed, _ = baton(folder, "route", "write a poem")
    assert (code, "proof:" in printed, "local/" in printed) == (0, True, True)
    code, printed, _ = baton(folder, "route", "-", "--model", "local/big", "--json", said="write a poem")
    assert (code, json.loads(printed)["model"]) == (0, "local/big")


def test_report_and_explain_read_the_ledger_of_the_config_that_is_named(folder: Path) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    config = other / "other.yaml"
    config.write_text(f"{CONFIG}ledger: {{path: {other / 'ledger.db'}}}\n")
    with serving(folder, "--config", str(config)) as (url, _):
        assert healthy(url)
        body = {"model": "local/tiny", "messages": [{"role": "user", "content": "hello"}]}
        asked = httpx2.post(f"{url}/v1/chat/completions", json=body)
        assert asked.status_code == 502
    code, printed, _ = baton(folder, "explain", asked.headers["x-baton-request-id"], "--config", str(config), "--json")
    assert (code, json.loads(printed)["model"]) == (0, "local/tiny")
    code, printed, errors = baton(folder, "report", "--config", str(config))
    assert (code, errors) == (0, "")
    assert "What they cost" in printed


def test_validate_and_import_tell_what_they_found(folder: Path) -> None:
    code, printed, _ = baton(folder, "validate")
    assert (code, printed.splitlines()[-1]) == (0, "baton.yaml is valid: 2 models, 8 task types, 2 routes")
    code, printed, errors = baton(folder, "import", "litellm", "litellm.yaml", "--out", "new.yaml")
    assert (code, printed) == (0, "")
    assert "left out: watsonx is asked in a way of its own" in errors
    assert baton(folder, "validate", "new.yaml")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("up", "--config", "nowhere.yaml"), 1, "nowhere.yaml: no such file"),
        (("up", "--config", "wrong.yaml"), 1, "models[0]"),
        (("up", "--host", "0.0.0.0", "--port", "0"), 1, "server.host"),
        (("up", "--host", "203.0.113.1", "--port", "0"), 1, "server.host"),
        (("up", "--workers", "0"), 2, "--workers"),
        (("route",), 2, "Missing argument"),
        (("route", "hi", "--model", "local/bog"), 1, "local/bog"),
        (("route", "hi", "--model", "local/tiny", "--floor", "7"), 1, "floor"),
        (("route", "hi", "--audience", "nobody"), 1, "audience"),
        (("route", "hi", "--config", "wrong.yaml"), 1, "models[0]"),
        (("explain", "unknown"), 1, "there is no ledger at 'baton.db'"),
        (("explain", "unknown", "--ledger", "nowhere.db"), 1, "nowhere.db"),
        (("explain", "unknown", "--ledger", "text.parquet"), 1, "text.parquet"),
        (("report", "--ledger", "nowhere.db"), 1, "nowhere.db"),
        (("report", "--ledger", "text.parquet"), 1, "text.parquet"),
        (("report", "--since", "tomorrow"), 2, "'tomorrow' is not a span of time"),
        (("report", "--config", "wrong.yaml"), 1, "models[0]"),
        (("validate", "nowhere.yaml"), 1, "nowhere.yaml: no such file"),
        (("validate", "."), 1, "."),
        (("validate", "wrong.yaml"), 1, "models[0]"),
        (("import", "litellm", "nowhere.yaml"), 1, "nowhere.yaml: no such file"),
        (("import", "litellm", "baton.yaml"), 1, "has no list `model_list`"),
        (("import", "litellm", "litellm.yaml", "--out", "baton.yaml"), 2, "exists"),
        (("import", "litellm", "litellm.yaml", "--out", "no/such/folder.yaml"), 1, "folder.yaml"),
        (("simulate", "--port", "70000"), 2, "--port"),
        (("simulate", "--data", "nowhere.parquet"), 1, "nowhere.parquet"),
        (("simulate", "--data", "text.parquet"), 1, "text.parquet"),
        (("simulate", "--host", "203.0.113.1", "--port", "0"), 1, "that is no address of this machine"),
        (("simulate", "--config-out", "no/such/folder.yaml", "--port", "0"), 1, "folder.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_told_without_a_stack(folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    ended, _, errors = baton(folder, *words)
    assert ended == code, errors
    assert "Traceback" not in errors
    assert says in (errors.splitlines()[-1] if code == 1 else errors), errors
