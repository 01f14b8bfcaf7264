"""A third party's conformance checks against the gateway, in every dialect, before a strict vendor of each dialect."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tests.flow.vendors import ALL, PLAIN, VENDORS, card, vendors

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
COMMAND = Path(sys.executable).with_name("llm-comply")

FORMS = {
    "openai-chat": (9, "/v1", "gpt-5"),
    "anthropic": (9, "/v1", "claude-opus-4-7"),
    "google-genai": (9, "", "gemini-3-pro"),
    "open-responses": (13, "/v1", "gpt-5"),
}
"""Format of the suite -> how many checks it has, below which path, and by which name it knows that a model reasons."""

NO_FORCED_CALL = "Ollama's dialect has no choice of tools: nothing forces the call (the handoff report says so)"
OTHER_API = "the member `reasoning` is of the other API: it goes on as it is, and the vendor of this one refuses it"

EXPLAINED: dict[tuple[str, str], dict[str, str]] = {
    ("openai-chat", "chat"): {"chat-reasoning-summary": OTHER_API},
    ("openai-chat", "deepseek"): {"chat-reasoning-summary": OTHER_API},
    ("openai-chat", "ollama"): {"chat-tool-calling": NO_FORCED_CALL},
    ("anthropic", "ollama"): {"anth-tool-calling": NO_FORCED_CALL},
    ("google-genai", "ollama"): {"google-tool-calling": NO_FORCED_CALL},
    ("open-responses", "ollama"): {"tool-calling": NO_FORCED_CALL},
}
"""(format, upstream) -> the checks that fail there, each with its reason. All others pass; none is skipped."""

REFUSED = {
    ("openai-chat", "chat"): ["Unknown parameter: 'reasoning'."],
    ("openai-chat", "deepseek"): ["Unknown parameter: 'reasoning'."],
    ("anthropic", "anthropic"): ["max_tokens: Field required"],
}
"""What the vendor refuses: in its own dialect, the suite's broken requests too reach it as they are."""


async def comply(form: str, address: str, model: str) -> Any:
    asked = ["run", "--format", form, "-u", address, "-k", "none", "-m", model, "--timeout", "10", "--json"]
    run = await asyncio.create_subprocess_exec(str(COMMAND), *asked, stdout=asyncio.subprocess.PIPE)
    told, _ = await run.communicate()
    return msgspec.json.decode(told)


@pytest.mark.parametrize("upstream", VENDORS)
@pytest.mark.parametrize("form", FORMS)
def test_every_check_passes_but_those_that_are_explained(tmp_path: Path, form: str, upstream: str) -> None:
    async def run() -> None:
        total, path, name = FORMS[form]
        _, vendors_name, _ = VENDORS[upstream]
        able = ALL - {"reasoning"} if vendors_name in PLAIN else ALL
        model = card(f"{upstream}/{name}", upstream, vendors_name, capabilities=able)
        async with vendors(tmp_path, models=[model]) as gateway:
            told = await comply(form, f"{gateway.url}{path}", model.id)
            results = {check["id"]: check["status"] for check in told["results"]}
            assert {check for check, status in results.items() if status != "passed"} == set(
                EXPLAINED.get((form, upstream), ())
            ), told["results"]
            assert len(results) == told["summary"]["total"] == total
            assert told["summary"]["skipped"] == 0
            assert gateway.refusals() == REFUSED.get((form, upstream), [])

    asyncio.run(run())


def test_compaction_is_told_to_be_no_service_of_the_gateway(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, httpx2.AsyncClient(base_url=gateway.url) as http:
            answer = await http.post("/v1/responses/compact", json={"model": "openai/sim-gpt", "input": "hi"})
            assert answer.status_code == 404
            assert "compacts no conversations" in answer.json()["error"]["message"]
            assert gateway.sent == []

    asyncio.run(run())


def test_the_page_tells_these_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for form, (total, _, _) in FORMS.items():
        passed = [f"{total - len(EXPLAINED.get((form, upstream), ()))} of {total}" for upstream in VENDORS]
        assert f"| {' | '.join([form, *passed])} |" in page
    assert f"| {' | '.join(['format', *VENDORS])} |" in page
    assert all(f"`{check}`" in page for failures in EXPLAINED.values() for check in failures)
