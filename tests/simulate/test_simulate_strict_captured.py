"""Requests of real clients keep every strict rule, but for private state that no simulated vendor has made."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulate.posed import Vendor

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
VENDOR = Vendor()
MODELS = {"/v1/messages": "sim-claude", "/v1/responses": "sim-gpt", "/v1/chat/completions": "sim-gpt-plain"}
FOREIGN_STATE = ("not made by this vendor", "reasoning_content'")


def model_for(path: str, body: dict[str, Any]) -> str:
    """One whose traits fit what the client sends."""
    if body.get("reasoning_effort"):
        return "sim-gpt"
    messages = body.get("messages", ())
    if any("reasoning_content" in one for one in messages) and all(one["role"] != "developer" for one in messages):
        return "sim-deepseek"
    return MODELS[path.partition("?")[0]]


@pytest.mark.skipif(not NAMES, reason="there are no captures beside the checkout")
@pytest.mark.parametrize("name", NAMES)
def test_a_captured_request_is_accepted(name: str) -> None:
    capture = json.loads((FOLDER / f"{name}.json").read_text())
    path, body = capture["path"], capture["body"]
    if "/models/" in path:
        path = "/v1beta/models/sim-gemini:" + path.rpartition(":")[2]
    else:
        body = {**body, "model": model_for(path, body)}
    held = {header: value for header, value in capture["headers"].items() if header.startswith("anthropic-")}
    answer = VENDOR.ask(path, body, **held)
    assert answer.status == 200 or any(told in answer.message for told in FOREIGN_STATE), answer.message
