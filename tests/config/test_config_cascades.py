"""Cascades, limits of going up, and steps of effort as a file says them."""

import re
from pathlib import Path

import pytest

from baton.types.cascade import CascadeStep
from baton.types.task import EscalationLimit

from .texts import FLEET as TWO
from .texts import only_problem_of, parsed

FLEET = TWO + "  - {id: sim/mid, tier: mid, context_window: 100000, price: {input_usd: 1, output_usd: 5}}\n"


def test_a_task_type_has_a_cascade_and_a_limit() -> None:
    text = FLEET + (
        "task_types:\n"
        "  extraction:\n"
        "    reference: sim/frontier\n"
        "    cascade: {models: [sim/nano, sim/mid], checks: [executes], min_logprob: -0.5, hold: true, share_kept: 0.8}\n"
        "    escalation: {limit: 0.1, window: 100, on_cap: refuse}\n"
    )
    found = parsed(text).snapshot.task_types["extraction"]
    assert found.cascade is not None
    assert found.cascade.steps == (CascadeStep("sim/nano", ("executes",)), CascadeStep("sim/mid", ("executes",)))
    assert found.cascade.escalate_to == "sim/frontier"
    assert (found.cascade.hold, found.cascade.min_logprob, found.cascade.share_kept) == (True, -0.5, 0.8)
    assert found.escalation == EscalationLimit(0.1, 100, "refuse")


def test_agreement_needs_two_of_the_cheap_models() -> None:
    text = FLEET + (
        "routes:\n  - {name: sure, model: [auto], escalation: {}, "
        "cascade: {models: [sim/nano], agree_with: sim/mid, escalate_to: sim/frontier}}\n"
    )
    route = parsed(text).snapshot.routes[0]
    assert route.cascade is not None
    assert route.cascade.steps == (CascadeStep("sim/nano", quorum=2), CascadeStep("sim/mid", quorum=2))
    assert route.escalation == EscalationLimit()


@pytest.mark.parametrize(
    ("cascade", "problem"),
    [
        ("{models: [sim/nano]}", "has no `escalate_to`"),
        ("{models: [sim/nano], escalate_to: sim/fronter}", "did you mean 'sim/frontier'?"),
        ("{models: [sim/nano, sim/nano], escalate_to: sim/frontier}", "names 'sim/nano' twice"),
        ("{models: [sim/nano], escalate_to: sim/nano}", "names 'sim/nano' twice"),
        ("{models: [sim/nano], agree_with: sim/nano, escalate_to: sim/frontier}", "names 'sim/nano' twice"),
        ("{models: [], escalate_to: sim/frontier}", "is an empty list"),
        ("{models: [sim/nano], escalate_to: sim/frontier, min_logprob: 1}", "must be at most 0"),
        ("{models: [sim/nano], escalate_to: sim/frontier, agre: 2}", "unknown key 'agre'"),
    ],
)
def test_what_is_wrong_with_a_cascade_is_told(cascade: str, problem: str) -> None:
    text = FLEET + f"routes:\n  - name: sure\n    cascade: {cascade}\n"
    assert problem in only_problem_of(text)


def test_steps_of_effort_are_rungs() -> None:
    text = (
        "models:\n"
        "  - id: openai/gpt-5\n"
        "    efforts: {low: {output_factor: 0.3, quality: {analysis: 0.8}}, high: {output_factor: 3}}\n"
        "task_types:\n"
        "  analysis: {ladder: [openai/gpt-5@low, openai/gpt-5], rule: openai/gpt-5@low}\n"
        "  extraction: {cascade: {models: [openai/gpt-5@low], escalate_to: openai/gpt-5@high}}\n"
    )
    snapshot = parsed(text, env={"OPENAI_API_KEY": "k"}).snapshot
    steps = snapshot.cards["openai/gpt-5"].efforts
    assert (steps["low"].output_factor, steps["low"].quality) == (0.3, {"analysis": 0.8})
    assert snapshot.task_types["analysis"].ladder == ("openai/gpt-5@low", "openai/gpt-5")
    assert snapshot.task_types["analysis"].rule == "openai/gpt-5@low"
    plan = snapshot.task_types["extraction"].cascade
    assert plan is not None
    assert (plan.steps[0].arm, plan.escalate_to) == ("openai/gpt-5@low", "openai/gpt-5@high")


def test_a_step_that_no_card_names_is_told() -> None:
    text = (
        "models:\n  - {id: openai/gpt-5, efforts: {low: {}}}\ntask_types:\n  analysis: {ladder: [openai/gpt-5@max]}\n"
    )
    assert "'openai/gpt-5@max' is not in this config" in only_problem_of(text, env={"OPENAI_API_KEY": "k"})
    text = "models:\n  - {id: openai/gpt-5, efforts: {lower: {}}}\n"
    assert "'lower' is not a choice here" in only_problem_of(text, env={"OPENAI_API_KEY": "k"})


def test_what_the_document_shows_can_be_loaded() -> None:
    document = (Path(__file__).parents[2] / "docs" / "deciding.md").read_text()
    shown = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)
    env = {"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
    models = "models: [openai/gpt-5, openai/gpt-5-nano, gemini/gemini-2.5-flash-lite]\n"
    server = "server: {keys: [{name: legal, key: secret-of-legal}]}\n"
    for text in shown:
        assert parsed(server + (text if text.startswith("models") else models + text), env).snapshot.cards
    assert shown
