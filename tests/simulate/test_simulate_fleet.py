"""The default fleet: its ladder, its disagreement, its answers, and the config that reaches it."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from baton.simulate.answer import Ask, SimAnswer
from baton.simulate.conversation import Conversation, ToolUse, Turn
from baton.simulate.fleet import COMMON_SLIP, Fleet, card_id, default_models, gateway_config
from baton.simulate.skill import RECORDED_DISCORDANCE
from baton.simulate.workload.item import MIX, WorkItem, item
from baton.types.verdict import Answer, ToolCall

FLEET = Fleet(seed=5)
ITEMS = [item(5, index) for index in range(3_000)]
MODELS = {model.id: model for model in FLEET.models}
RIGHT = {name: [FLEET.is_right(one, model) for one in ITEMS] for name, model in MODELS.items()}
ORDER = ("sim-frontier", "sim-mid", "sim-code", "sim-local-7b", "sim-nano")


def quality(model: str, task_type: str | None = None) -> float:
    graded = [
        right for one, right in zip(ITEMS, RIGHT[model], strict=True) if task_type is None or one.task_type == task_type
    ]
    return sum(graded) / len(graded)


def answered(one: WorkItem, model: str, **changes: Any) -> SimAnswer:
    ask = msgspec.structs.replace(Ask(model, one.conversation), **changes)
    return FLEET.answer(ask, MODELS[model])


def as_answer(answer: SimAnswer) -> Answer:
    return Answer(answer.text, tuple(ToolCall(use.name, use.arguments) for use in answer.uses))


def test_the_fleet_is_a_ladder() -> None:
    assert tuple(MODELS) == ORDER
    qualities = [quality(name) for name in ORDER]
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > 0.9
    assert qualities[0] - qualities[-1] > 0.15


def test_small_models_are_nearly_as_good_where_the_task_is_small_and_clearly_worse_elsewhere() -> None:
    for small in ("sim-local-7b", "sim-nano"):
        for task_type in ("classification", "extraction", "format_check"):
            assert quality(small, task_type) > 0.93 * quality("sim-frontier", task_type)
        for task_type in ("analysis", "code", "agent"):
            assert quality(small, task_type) < 0.75 * quality("sim-frontier", task_type)


def test_the_code_model_equals_the_frontier_on_code_alone() -> None:
    assert quality("sim-code", "code") == pytest.approx(quality("sim-frontier", "code"), abs=0.04)
    assert quality("sim-code", "analysis") < quality("sim-frontier", "analysis") - 0.1


def test_the_weaker_neighbour_alone_is_right_on_about_five_percent_of_prompts() -> None:
    shares = []
    for strong, weak in pairwise(ORDER):
        alone = sum(w and not s for s, w in zip(RIGHT[strong], RIGHT[weak], strict=True))
        shares.append(alone / len(ITEMS))
    assert sum(shares) / len(shares) == pytest.approx(RECORDED_DISCORDANCE, abs=0.01)
    assert all(0.01 < share < 0.1 for share in shares)


def test_prices_are_spread_as_real_ones() -> None:
    outputs = [model.price.output for model in FLEET.models]
    assert 30 <= max(outputs) / min(outputs) <= 100


def test_the_answer_is_the_right_one_exactly_when_the_draw_says_so() -> None:
    for one, right in zip(ITEMS[:600], RIGHT["sim-mid"], strict=False):
        answer = answered(one, "sim-mid")
        assert answer.truth.outcome == ("right" if right else "wrong")
        assert answer.truth.correct == float(right)
        assert answer.truth.task_type == one.task_type
        given = as_answer(answer)
        assert given == one.right if right else given in [wrong.answer for wrong in one.wrong]


def test_wrong_models_often_make_the_same_mistake() -> None:
    both = [
        (as_answer(answered(one, "sim-local-7b")), as_answer(answered(one, "sim-nano")))
        for place, one in enumerate(ITEMS)
        if not RIGHT["sim-local-7b"][place] and not RIGHT["sim-nano"][place]
    ]
    same = sum(first == second for first, second in both) / len(both)
    assert COMMON_SLIP**2 < same < 0.7


def test_another_sample_may_come_out_otherwise_and_is_repeatable() -> None:
    outcomes = {answered(ITEMS[3], "sim-nano", sample=sample).truth.outcome for sample in range(40)}
    assert answered(ITEMS[3], "sim-nano", sample=9) == answered(ITEMS[3], "sim-nano", sample=9)
    many = [len({answered(one, "sim-nano", sample=sample).truth.outcome for sample in range(6)}) for one in ITEMS[:60]]
    assert 2 in many
    assert outcomes <= {"right", "wrong"}


def test_a_tool_loop_goes_on_to_its_closing_once_the_result_is_there() -> None:
    one = next(one for one in ITEMS if one.closing and FLEET.is_right(one, MODELS["sim-frontier"]))
    first = answered(one, "sim-frontier")
    assert first.finish == "tool_calls"
    use = ToolUse("call_1", first.uses[0].name, first.uses[0].arguments)
    turns = (*one.conversation.turns, Turn("assistant", uses=(use,)), Turn("tool", "{}", result_of="call_1"))
    conversation = msgspec.structs.replace(one.conversation, turns=turns)
    second = answered(one, "sim-frontier", conversation=conversation)
    assert (second.text, second.uses, second.finish) == (one.closing, (), "stop")
    assert FLEET.name_of(conversation) != FLEET.name_of(one.conversation)


def test_without_offered_tools_no_call_is_made() -> None:
    one = next(one for one in ITEMS if one.closing and FLEET.is_right(one, MODELS["sim-frontier"]))
    bare = msgspec.structs.replace(one.conversation, tools=())
    answer = answered(one, "sim-frontier", conversation=bare)
    assert not answer.uses
    assert answer.truth.outcome == "wrong"


def test_a_prompt_of_another_origin_is_told_that_nobody_real_answers() -> None:
    conversation = Conversation((Turn("user", "hello"),))
    answer = FLEET.answer(Ask("sim-nano", conversation), MODELS["sim-nano"])
    assert "simulated answer of sim-nano" in answer.text
    assert answer.truth.outcome == "unknown"
    assert FLEET.name_of(conversation) is None


def test_a_fleet_of_own_models_and_another_disagreement() -> None:
    base = default_models()[0]
    twin = msgspec.structs.replace(base, id="twin", skill={name: skill - 0.1 for name, skill in base.skill.items()})
    close, far = Fleet([base, twin], discordance=0.01), Fleet([base, twin], discordance=0.04)
    assert close.own_share < far.own_share


def test_the_gateway_config_says_all_that_a_card_needs() -> None:
    config = gateway_config(FLEET, "http://127.0.0.1:9")
    assert config["providers"] == {
        "sim": {
            "base_url": "http://127.0.0.1:9",
            "dialects": ["openai-chat", "anthropic"],
            "auth": "none",
            "simulated": True,
        }
    }
    cards = {card["id"]: card for card in config["models"]}
    assert set(cards) == {"sim/frontier", "sim/mid", "sim/code", "sim/local-7b", "sim/nano"}
    assert cards["sim/code"]["specialities"] == ["code"]
    assert cards["sim/nano"] == {
        "id": "sim/nano",
        "provider": "sim",
        "upstream": "sim-nano",
        "tier": "small",
        "context_window": 128_000,
        "max_output": 16_000,
        "price": {"input_usd": 0.05, "output_usd": 0.4, "cache_read_usd": 0.005},
        "capabilities": ["structured_output", "tools"],
    }


def test_card_ids_are_unique_and_carry_the_label() -> None:
    assert card_id("openai/gpt-5.6-luna") == "sim/openai/gpt-5.6-luna"
    assert len({card_id(model.id) for model in FLEET.models}) == len(FLEET.models)


def test_every_model_has_a_skill_for_every_task_type() -> None:
    assert all(set(model.skill) == set(MIX) for model in default_models())
