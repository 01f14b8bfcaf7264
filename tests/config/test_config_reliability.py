"""Several deployments of a model, and how calls are repeated, limited and kept away from what is broken."""

import re
from pathlib import Path

import pytest

from baton.config.shape import json_schema
from baton.types.card import Deployment
from baton.types.errors import UpstreamFault, UsageFault
from baton.types.reliability import BreakerPolicy, Reliability

from .texts import ENV, FLEET, only_problem_of, parsed

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"
TWO = """\
providers:
  eu: {base_url: http://127.0.0.1:9001/v1, api_key: k1}
  us: {base_url: http://127.0.0.1:9002/v1, api_key: k2, dialects: [openai-chat, anthropic]}
models:
  - id: openai/gpt-4o
    deployments: DEPLOYMENTS
"""


def two(deployments: str) -> str:
    return TWO.replace("DEPLOYMENTS", deployments)


def test_a_model_with_deployments_keeps_its_built_in_card() -> None:
    config = parsed(two("[{provider: eu}, {provider: us, upstream: gpt-4o-us, weight: 2, max_concurrency: 8}]"))
    card = config.snapshot.cards["openai/gpt-4o"]
    assert card.deployments == (Deployment("eu", "gpt-4o"), Deployment("us", "gpt-4o-us", 2.0, 8))
    assert (card.provider, card.upstream) == ("eu", "gpt-4o")
    assert card.context_window == parsed("models: [openai/gpt-4o]", ENV).snapshot.cards["openai/gpt-4o"].context_window
    assert set(config.snapshot.providers) == {"eu", "us"}


def test_a_model_of_ones_own_needs_its_attributes_stated_as_ever() -> None:
    text = two("[{provider: eu, upstream: x}]").replace("openai/gpt-4o", "team/x")
    assert "models[0]" in only_problem_of(text.replace("{provider: eu, upstream: x}", "{provider: us, weight: 0}"))
    own = text + "    tier: small\n    context_window: 1000\n    price: {input_usd: 1, output_usd: 2}\n"
    assert parsed(own).snapshot.cards["team/x"].deployments == (Deployment("eu", "x"),)


@pytest.mark.parametrize(
    ("deployments", "says"),
    [
        ("[{provider: nowhere}]", "provider 'nowhere' is not known"),
        ("[{provider: eu}, {provider: nowhere}]", "provider 'nowhere' is not known"),
        ("[{provider: eu}, {provider: eu}]", "is given twice at 'eu' as 'gpt-4o'"),
        ("[{provider: anthropic}, {provider: eu}]", "cannot be asked in 'anthropic' at 'eu'"),
        ("[{provider: eu, weight: 0}]", "must be more than 0"),
        ("[{provider: eu, max_concurrency: 0}]", "must be at least 1"),
        ("[{upstream: x}]", "'provider' is missing"),
        ("[{provider: eu}]\n    base_url: http://127.0.0.1:1/v1", "has `deployments`: take out provider, base_url"),
        ("[{provider: eu}]\n    provider: us", "has `deployments`: take out provider, base_url"),
    ],
)
def test_a_deployment_that_cannot_be_is_named_with_its_place(deployments: str, says: str) -> None:
    problem = only_problem_of(two(deployments))
    assert says in problem
    assert "models[0]" in problem


def test_without_the_section_the_defaults_hold() -> None:
    assert parsed(FLEET).reliability == Reliability()


def test_the_section_is_read_member_by_member() -> None:
    section = "reliability: {attempts: 3, retry_share: 0, breaker: {failures: 2, open_s: 1.5}, queue: {length: 0}}\n"
    found = parsed(FLEET + section).reliability
    assert (found.attempts, found.retry_share, found.queue.length, found.queue.wait_s) == (3, 0.0, 0, 10.0)
    assert found.breaker == BreakerPolicy(failures=2, open_s=1.5)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{attempts: 0}", "reliability.attempts: must be at least 1"),
        ("{retry_share: 2}", "reliability.retry_share: must be at least 0 and at most 1"),
        ("{breaker: {share: 0}}", "reliability.breaker.share"),
        ("{breaker: {failurs: 2}}", "did you mean 'failures'"),
        ("{hedge: {quantile: 1}}", "reliability.hedge.quantile"),
        ("{queue: {wait_s: -1}}", "reliability.queue.wait_s"),
    ],
)
def test_what_cannot_be_meant_is_refused(section: str, says: str) -> None:
    assert says in only_problem_of(f"{FLEET}reliability: {section}\n")


def test_a_route_may_ask_for_hedging() -> None:
    routes = parsed(FLEET + "routes: [{name: fast, hedge: true}, {name: slow}]\n")
    assert {route.name: route.hedge for route in routes.snapshot.routes if route.name in {"fast", "slow"}} == {
        "fast": True, "slow": False,
    }  # fmt: skip


def test_what_the_docs_show_is_a_config() -> None:
    section, deployments = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert parsed(FLEET + section).reliability == Reliability()
    card = parsed(deployments, ENV | {"EU_KEY": "k"}).snapshot.cards["openai/gpt-4o"]
    assert [place.provider for place in card.deployments] == ["team-eu", "openai"]


def test_the_docs_name_every_fault_of_an_upstream() -> None:
    text = DOCS.read_text()
    for fault in UpstreamFault.__subclasses__():
        if fault is not UsageFault and fault.__name__.startswith("U"):
            assert f"`{fault.code}`" in text


def test_editors_are_told_of_all_of_it() -> None:
    text = str(json_schema())
    for word in ("retry_after_cap_s", "max_concurrency", "Failed calls in a row that open it", "hedge"):
        assert word in text
