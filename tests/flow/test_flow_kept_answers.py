"""Answers of the Responses API that callers come back to by id."""

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.flow.vendors import Vendors, vendors

CLAUDE, GPT, GEMINI = "anthropic/sim-claude", "openai/sim-gpt", "gemini/sim-gemini"


def sdk(gateway: Vendors) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0)


async def ask(client: openai.AsyncOpenAI, *, stream: bool, **body: Any) -> Any:
    if not stream:
        return await client.responses.create(**body)
    async with client.responses.stream(**body) as events:
        return await events.get_final_response()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("first", "second"), [(GPT, GPT), (GPT, CLAUDE), (CLAUDE, GPT), (GEMINI, CLAUDE)])
def test_a_conversation_goes_on_from_an_id_also_at_another_vendor(
    tmp_path: Path, first: str, second: str, stream: bool
) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            one = await ask(client, stream=stream, model=first, input="the first question")
            two = await ask(
                client, stream=stream, model=second, input="the second question", previous_response_id=one.id
            )
            three = await ask(client, stream=stream, model=first, input="the third", previous_response_id=two.id)
            sent = gateway.sent[-1].body.decode()
            places = [sent.index(text) for text in ("the first question", "the second question", "the third")]
            assert places == sorted(places)
            assert "previous_response_id" not in sent
            assert three.output_text.endswith("to: the third")
            assert gateway.refusals() == []

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("content", "store", "told"),
    [("full", None, True), ("full", True, True), ("full", False, False), ("off", None, False)],
)
def test_a_translated_answer_says_whether_it_is_kept(
    tmp_path: Path, content: str, store: bool | None, told: bool, stream: bool
) -> None:
    async def run() -> None:
        given = {} if store is None else {"store": store}
        async with vendors(tmp_path, content=content) as gateway, sdk(gateway) as client:
            made = await ask(client, stream=stream, model=CLAUDE, input="hello", **given)
            assert made.model_dump()["store"] is told
            assert made.previous_response_id is None

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_translated_answer_names_the_one_that_it_goes_on_from(tmp_path: Path, stream: bool) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            one = await ask(client, stream=stream, model=CLAUDE, input="first")
            two = await ask(client, stream=stream, model=CLAUDE, input="second", previous_response_id=one.id)
            assert two.previous_response_id == one.id
            shown = await client.responses.retrieve(two.id)
            assert (shown.previous_response_id, shown.model_dump()["store"]) == (one.id, True)

    asyncio.run(run())


def test_a_kept_answer_is_shown_listed_and_deleted(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            made = await client.responses.create(model=CLAUDE, input="hello")
            shown = await client.responses.retrieve(made.id)
            assert shown.output_text == made.output_text
            items = await client.responses.input_items.list(made.id)
            assert json.loads(items.data[0].model_dump_json())["content"][0]["text"] == "hello"
            await client.responses.delete(made.id)
            with pytest.raises(openai.NotFoundError, match="not kept"):
                await client.responses.retrieve(made.id)

    asyncio.run(run())


def test_a_kept_answer_survives_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            made = await client.responses.create(model=GPT, input="before")
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            await client.responses.create(model=GPT, input="after", previous_response_id=made.id)
            assert b"before" in gateway.sent[-1].body

    asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "store", "says"),
    [("off", True, "content.mode is off"), ("full", False, "store false"), ("sampled", False, "store false")],
)
def test_an_answer_that_is_not_kept_is_a_clear_400(tmp_path: Path, content: str, store: bool, says: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path, content=content) as gateway, sdk(gateway) as client:
            made = await client.responses.create(model=GPT, input="hello", store=store)
            sent = len(gateway.sent)
            with pytest.raises(openai.BadRequestError, match=says) as raised:
                await client.responses.create(model=GPT, input="more", previous_response_id=made.id)
            assert raised.value.code == "not_kept"
            assert raised.value.param == "previous_response_id"
            assert len(gateway.sent) == sent

    asyncio.run(run())


@pytest.mark.parametrize("id_", ["resp_unknown", "", 7])
def test_an_id_of_nobody_is_refused(tmp_path: Path, id_: Any) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, sdk(gateway) as client:
            with pytest.raises(openai.BadRequestError, match=r"not kept here|must be a string"):
                await client.responses.create(model=GPT, input="more", previous_response_id=id_)
            assert gateway.sent == []

    asyncio.run(run())


def test_content_sampled_keeps_every_answer_that_a_caller_may_come_back_to(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path, content="sampled") as gateway, sdk(gateway) as client:
            for number in range(5):
                made = await client.responses.create(model=CLAUDE, input=f"number {number}")
                await client.responses.create(model=CLAUDE, input="more", previous_response_id=made.id)
            assert gateway.refusals() == []

    asyncio.run(run())
