"""Prompts out of the traffic: what callers asked, as far as its content was kept, the same number of each task type.

A request that asks for a JSON schema is graded by it; everything else has no gold and needs a judge.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from baton.measure.datasets.prompt import Prompt, PromptSet, in_order, pinned
from baton.record.contents import Kept, kept_contents
from baton.record.database import Place
from baton.types.errors import DatasetError
from baton.types.verdict import Check, Shape

NOT_ASKED_AGAIN = ("model", "stream", "stream_options", "baton", "metadata", "user", "safety_identifier", "store")
"""Members that do not belong to the question: who asks, and how he wants to be told."""


def from_ledger(place: Place, *, per_type: int, seed: int, since: float = 0.0, mode: str = "sampled") -> PromptSet:
    """`mode`: the content rule of the config. Raises DatasetError where nothing was kept, saying why that may be."""
    kept = kept_contents(place, since)
    if not kept:
        why = (
            "`content.mode` is off, so no prompt is ever kept: measure on a pinned prompt set (--prompts FILE)"
            if mode == "off"
            else "no answered request of it has its content kept yet: wait for traffic, or raise content.sample_rate"
        )
        raise DatasetError(f"ledger {place}", [why])
    prompts, left_out = _prompts(kept)
    chosen = [one for group in _by_type(prompts).values() for one in in_order(group, seed)[:per_type]]
    if not chosen:
        raise DatasetError(f"ledger {place}", [f"{len(kept)} requests were kept, and none can be asked again"])
    told = ", ".join(f"{count} {why}" for why, count in sorted(left_out.items()))
    source = f"{len(chosen)} of {len(kept)} kept requests, at most {per_type} of a task type"
    return pinned(chosen, f"{source}; left out: {told}" if told else source)


def prompts_of(kept: Iterable[Kept]) -> list[Prompt]:
    """One for each request that can be read; the same question may stand in several."""
    return [prompt for one in kept if (prompt := _prompt(one)) is not None]


def _prompt(one: Kept) -> Prompt | None:
    body = body_of(one.request)
    if body is None:
        return None
    return Prompt(
        id=one.request_id,
        task_type=one.task_type,
        body=body,
        dialect=msgspec.convert(one.dialect, Prompt.__annotations__["dialect"]),
        check=check_of(body),
        cluster=one.task_id if one.task_id != one.request_id else "",
    )


def _prompts(kept: Iterable[Kept]) -> tuple[list[Prompt], Counter[str]]:
    found: dict[tuple[str, str], Prompt] = {}
    left_out: Counter[str] = Counter()
    for one in kept:
        prompt = _prompt(one)
        if prompt is None:
            left_out["that are no JSON"] += 1
            continue
        if (prompt.task_type, prompt.key) in found:
            left_out["asked before"] += 1
        found.setdefault((prompt.task_type, prompt.key), prompt)
    return list(found.values()), left_out


def _by_type(prompts: Iterable[Prompt]) -> dict[str, list[Prompt]]:
    found: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        found.setdefault(prompt.task_type, []).append(prompt)
    return found


def body_of(request: bytes) -> dict[str, Any] | None:
    try:
        body = msgspec.json.decode(request)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    return {name: value for name, value in body.items() if name not in NOT_ASKED_AGAIN}


def check_of(body: Mapping[str, Any]) -> Check | None:
    """The schema that the caller himself asked for, in Chat Completions or the Responses API."""
    text = body.get("text")
    for place in (body.get("response_format"), text.get("format") if isinstance(text, dict) else None):
        if isinstance(place, dict) and place.get("type") == "json_schema":
            schema = place.get("schema") or (place.get("json_schema") or {}).get("schema")
            if isinstance(schema, dict):
                return Shape(schema)
    return None
