"""A third party's conformance checks against the simulated vendors in strict mode: our own tests cannot share its errors."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from baton.simulate.obedient import Obedient
from baton.simulate.serve import Running, serve_in_thread
from baton.simulate.vendors import VENDOR_MODELS

COMMAND = Path(sys.executable).with_name("llm-comply")
NAMES = {"sim-gpt": "gpt-5", "sim-claude": "claude-opus-4-7", "sim-gemini": "gemini-3-pro"}
"""Names by which the suite knows what it may ask of a model."""

CHECKS = {"open-responses": 13, "openai-chat": 9, "anthropic": 9, "google-genai": 9}

REFUSED = {"openai-chat": ["chat-reasoning-summary"]}
"""It sends a member `reasoning`, which is of the other API and which this one's vendor refuses."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    models = [msgspec.structs.replace(model, id=NAMES.get(model.id, model.id)) for model in VENDOR_MODELS]
    with serve_in_thread(Obedient(models), strict=True) as started:
        yield started


@pytest.mark.skipif(not COMMAND.exists(), reason="the suite is not installed")
@pytest.mark.parametrize(
    ("form", "path", "model"),
    [
        ("open-responses", "/v1", "gpt-5"),
        ("openai-chat", "/v1", "gpt-5"),
        ("anthropic", "/v1", "claude-opus-4-7"),
        ("google-genai", "", "gemini-3-pro"),
    ],
)
def test_every_check_passes_but_those_that_the_vendor_itself_refuses(
    running: Running, form: str, path: str, model: str
) -> None:
    address = f"{running.base_url}{path}"
    command = [str(COMMAND), "run", "--format", form, "-u", address, "-k", "key", "-m", model, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=15)
    told = json.loads(run.stdout)
    failed = [check["id"] for check in told["results"] if check["status"] != "passed"]
    assert failed == REFUSED.get(form, [])
    assert told["summary"]["total"] == CHECKS[form]
