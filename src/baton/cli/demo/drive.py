"""The caller's side: the official SDKs, half of the tasks through each, a third of them streaming."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from baton.cli.demo.jobs import Job
from baton.simulate.drive import anthropic_answer, anthropic_arguments, openai_answer, openai_arguments
from baton.types.errors import BatonError
from baton.types.verdict import Answer, Verdict

TIMEOUT_S = 60.0
STREAM_EVERY = 3


class Outcome(Struct, frozen=True):
    job: Job
    model: str
    request_id: str
    verdict: Verdict


def require_sdks() -> None:
    """Raises BatonError that says what to install."""
    missing = [name for name in ("openai", "anthropic") if find_spec(name) is None]
    if missing:
        raise BatonError(f"the demo sends through the SDKs of {' and '.join(missing)}: pip install 'batonpass[demo]'")


async def drive(
    url: str, jobs: Sequence[Job], *, on_reference: bool, concurrency: int, done: Callable[[], None]
) -> list[Outcome]:
    """Send every job through the gateway at `url`, grade the answers, and tell the gateway the grades."""
    import aiohttp
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

    slots = asyncio.Semaphore(concurrency)
    options: dict[str, Any] = {"api_key": "demo", "timeout": TIMEOUT_S, "max_retries": 0}
    async with (
        AsyncOpenAI(base_url=f"{url}/v1", **options) as openai,
        AsyncAnthropic(base_url=url, **options) as anthropic,
        aiohttp.ClientSession() as session,
    ):

        async def one(number: int, job: Job) -> Outcome:
            async with slots:
                model = job.reference if on_reference else "auto"
                ask = _ask_anthropic if number % 2 else _ask_openai
                client = anthropic if number % 2 else openai
                streams = number % STREAM_EVERY == 0 and not job.conversation.tools
                answer, headers = await ask(client, job, model, streams)
                verdict = await asyncio.to_thread(job.grade, answer, headers)
                request_id = headers["x-baton-request-id"]
                score = verdict.score if verdict.verifier == "recorded" else float(verdict.passed)
                grade = {"request_id": request_id, "score": score, "grader": verdict.verifier, "reason": verdict.reason}
                async with session.post(f"{url}/v1/baton/feedback", json=grade) as reply:
                    reply.raise_for_status()
                done()
                return Outcome(job, headers["x-baton-model"], request_id, verdict)

        return list(await asyncio.gather(*(one(number, job) for number, job in enumerate(jobs))))


def _headers(job: Job) -> dict[str, str]:
    headers = {"x-baton-task-type": job.task_type, "x-baton-task-id": job.id}
    if job.audience is not None:
        headers["x-baton-audience"] = job.audience
    if job.models:
        headers["x-baton-models"] = ",".join(job.models)
    return headers


async def _ask_openai(client: Any, job: Job, model: str, streams: bool) -> tuple[Answer, Mapping[str, str]]:
    raw = await client.chat.completions.with_raw_response.create(
        model=model, extra_headers=_headers(job), stream=streams, **openai_arguments(job.conversation)
    )
    parsed = raw.parse()
    if not streams:
        return openai_answer(parsed.model_dump()), raw.headers
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in parsed if chunk.choices])
    return Answer(text), raw.headers


async def _ask_anthropic(client: Any, job: Job, model: str, streams: bool) -> tuple[Answer, Mapping[str, str]]:
    raw = await client.messages.with_raw_response.create(
        model=model, extra_headers=_headers(job), stream=streams, **anthropic_arguments(job.conversation)
    )
    parsed = await raw.parse()
    if not streams:
        return anthropic_answer(parsed.model_dump()), raw.headers
    pieces = [event.delta.text async for event in parsed if event.type == "content_block_delta"]
    return Answer("".join(pieces)), raw.headers
