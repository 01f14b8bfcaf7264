"""Pieces of configs that several tests are made of."""

from collections.abc import Mapping
from datetime import date

import pytest

from baton.config.load import parse_config
from baton.config.schema import Config
from baton.types.errors import ConfigError

DAY = date(2026, 11, 24)
ENV = {"OPENAI_API_KEY": "sk-canary-openai-000", "ANTHROPIC_API_KEY": "sk-canary-anthropic-000"}

FLEET = """\
version: 1
providers:
  sim: {base_url: http://127.0.0.1:9000/v1, dialects: [openai-chat, anthropic], auth: none, simulated: true}
models:
  - {id: sim/frontier, tier: frontier, context_window: 200000, max_output: 32000, price: {input_usd: 5, output_usd: 25}}
  - {id: sim/nano, tier: small, context_window: 100000, price: {input_usd: 0.1, output_usd: 0.4}}
"""


def parsed(text: str, env: Mapping[str, str] = ENV) -> Config:
    return parse_config(text, env, day=DAY)


def problems_of(text: str, env: Mapping[str, str] = ENV) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(text, env)
    return caught.value.problems


def only_problem_of(text: str, env: Mapping[str, str] = ENV) -> str:
    problems = problems_of(text, env)
    assert len(problems) == 1, problems
    return problems[0]
