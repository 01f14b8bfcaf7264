"""Kinds of kinds, gates and safety floors of task types."""

from .texts import FLEET, only_problem_of, parsed


def test_a_type_may_be_a_kind_of_another_with_a_gate_and_a_safety_floor() -> None:
    text = FLEET + (
        "task_types:\n"
        "  contracts: {parent: extraction, rule: cheapest, gate: 0.8, never_below: sim/nano}\n"
        "  extraction: {never_below: mid}\n"
        "routes:\n"
        "  - {name: careful, model: [auto], gate: 0.4}\n"
    )
    snapshot = parsed(text).snapshot
    contracts = snapshot.task_types["contracts"]
    assert (contracts.parent, contracts.gate, contracts.never_below) == ("extraction", 0.8, "sim/nano")
    assert snapshot.task_types["extraction"].never_below == "mid"
    assert snapshot.routes[0].gate == 0.4


def test_names_that_lead_nowhere_are_told_with_the_nearest() -> None:
    assert "task type 'extracton' is not in this config: did you mean 'extraction'?" in only_problem_of(
        FLEET + "task_types:\n  a: {parent: extracton}\n"
    )
    assert "tier or model 'fronter' is not in this config" in only_problem_of(
        FLEET + "task_types:\n  a: {never_below: fronter}\n"
    )
    assert "gate" in only_problem_of(FLEET + "task_types:\n  a: {gate: 1.5}\n")


def test_a_type_that_is_a_kind_of_itself_is_refused() -> None:
    text = FLEET + "task_types:\n  a: {parent: b}\n  b: {parent: a}\n"
    assert "is a kind of itself" in only_problem_of(text)
