"""Who a conversation is written for: what is known of families and kinds, and what the config says over it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.providers.quirks import quirks_of, target_for
from baton.types.card import Dialect, ModelCard, Provider
from baton.types.conversation import Sampling
from baton.types.handoff import Target
from baton.types.money import price_from_usd
from baton.types.quirks import Quirks, SamplingName


def target(
    upstream: str, dialect: Dialect = "openai-chat", kind: str = "openai-compatible", stated: Quirks | None = None
) -> Target:
    card = ModelCard(f"p/{upstream}", "p", upstream, "mid", 1_000, 77, price_from_usd(1, 2))
    return target_for(card, Provider("p", "http://box/v1", kind=kind), dialect, stated)


@pytest.mark.parametrize(
    ("upstream", "dialect", "expected"),
    [
        ("claude-opus-5-5", "anthropic", {"sampling": frozenset(), "prefill": False, "mid_system": True, "reasoning_style": "effort"}),
        ("claude-opus-4-7", "anthropic", {"sampling": frozenset(), "prefill": False, "mid_system": False}),
        ("claude-opus-4-6", "anthropic", {"prefill": False, "mid_system": False, "reasoning_style": "effort"}),
        ("claude-sonnet-4-5-20250929", "anthropic", {"prefill": True, "mid_system": False, "reasoning_style": "budget"}),
        ("claude-opus-4-20250514", "anthropic", {"reasoning_style": "budget", "prefill": True}),
        ("claude-opus-4-1-20250805", "anthropic", {"reasoning_style": "budget"}),
        ("claude-opus-4-1@20250805", "anthropic", {"reasoning_style": "budget"}),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic", {"reasoning_style": "budget"}),
        ("anthropic/claude-opus-5.5", "openai-chat", {"sampling": frozenset(), "efforts": ("low", "medium", "high", "xhigh", "max")}),
        ("claude-3-5-haiku-20241022", "anthropic", {"efforts": (), "prefill": True}),
        ("gpt-5-mini", "openai-chat", {"efforts": ("minimal", "low", "medium", "high"), "stop_limit": 0}),
        ("gpt-5.4", "openai-chat", {"efforts": ("none", "low", "medium", "high", "xhigh")}),
        ("openai/gpt-6-luna", "openai-chat", {"max_tokens_member": "max_completion_tokens", "sampling": frozenset({"seed", "candidates"})}),
        ("gpt-4.1-mini", "openai-chat", {"efforts": (), "sampling": None}),
        ("o3", "openai-chat", {"efforts": ("low", "medium", "high")}),
        ("openai/gpt-oss-20b", "openai-chat", {"efforts": ("low", "medium", "high"), "max_tokens_member": "max_tokens"}),
        ("deepseek-v4-pro", "openai-chat", {"reasoning_member": "reasoning_content", "max_tokens_member": "max_tokens"}),
        ("gemini-2.5-flash", "gemini", {"reasoning_style": "budget", "mid_system": False}),
        ("gemini-4-argon", "gemini", {"reasoning_style": "effort", "efforts": ("minimal", "low", "medium", "high")}),
        ("models/gemini-3.1-pro-preview", "gemini", {"efforts": ("low", "medium", "high")}),
        ("gemini-2.5-flash", "openai-chat", {"mid_system": True, "efforts": ("none", "low", "medium", "high")}),
        ("somebody/new-7b", "openai-chat", {"efforts": None, "sampling": None, "system_role": "system"}),
    ],
)  # fmt: skip
def test_a_family_is_known_under_every_name(upstream: str, dialect: Dialect, expected: dict[str, Any]) -> None:
    found = target(upstream, dialect)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("openai-compatible", {"max_tokens_member": "max_tokens", "system_role": "system", "tool_id_length": None}),
        ("openai", {"max_tokens_member": None, "system_role": None}),
        ("azure", {"max_tokens_member": None, "tool_id_length": 40}),
        ("vertex", {"stop_limit": 5}),
    ],
)
def test_a_kind_of_provider_has_quirks_of_its_own(kind: str, expected: dict[str, Any]) -> None:
    found = target("m", kind=kind)
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_config_outweighs_what_is_known() -> None:
    found = target("gpt-5", stated=Quirks(sampling=frozenset({"temperature"}), tool_id_length=40))
    assert found.sampling == frozenset({"temperature"})
    assert (found.tool_id_length, found.stop_limit, found.max_output) == (40, 0, 77)


def test_a_card_without_reasoning_takes_no_control_of_it() -> None:
    card = ModelCard("p/new", "p", "new", "mid", 1_000, 77, price_from_usd(1, 2), capabilities=frozenset({"tools"}))
    provider = Provider("p", "http://box/v1")
    assert target_for(card, provider, "openai-chat").efforts == ()
    assert target_for(card, provider, "openai-chat", Quirks(efforts=("low",))).efforts == ("low",)
    assert target("new").efforts is None, "a card that says nothing about capabilities denies none"


def test_quirks_speak_of_fields_that_a_target_and_sampling_have() -> None:
    assert set(Quirks.__struct_fields__) <= set(Target.__struct_fields__)
    assert set(SamplingName.__args__) == set(Sampling.__struct_fields__)  # type: ignore[attr-defined]


quirks = st.builds(
    Quirks,
    prefill=st.none() | st.booleans(),
    stop_limit=st.none() | st.integers(0, 9),
    sampling=st.none() | st.frozensets(st.sampled_from(["temperature", "seed"])),
)


@given(quirks, quirks, quirks)
def test_the_nearest_word_holds_in_any_grouping(near: Quirks, far: Quirks, farther: Quirks) -> None:
    assert near.over(far).over(farther) == near.over(far.over(farther))
    assert near.over(Quirks()) == Quirks().over(near) == near
    for name in Quirks.__struct_fields__:
        assert getattr(near.over(far), name) in {getattr(near, name), getattr(far, name)}


def test_quirks_of_nothing_known_are_those_of_the_kind() -> None:
    card = ModelCard("p/x", "p", "x", "mid", 1_000, 77, price_from_usd(1, 2))
    assert quirks_of(card, Provider("p", "http://b", kind="openai"), "openai-chat") == Quirks()
