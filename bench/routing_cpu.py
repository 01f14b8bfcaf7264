"""CPU of reading a prompt, in microseconds: the least of many runs, since a busy machine only ever adds to it."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from routing_data import GPT_4, pairs

from baton.config.load import parse_config
from baton.decide.features import read
from baton.decide.policy import Policy
from baton.decide.prior import hardness
from baton.decide.residual import ResidualReader
from baton.decide.text import normalised
from baton.protocol.request import read_request
from baton.types.decision import PolicySnapshot
from baton.types.learned import Learned, QualityTable, Residual
from baton.types.request import Caller, Request

RUNS = 400
CHARACTERS = {"tokens_500": 2_000, "tokens_4000": 16_000, "tokens_100000": 400_000}
LABELS = 1_500
ANYBODY = Caller()
FLEET = """
version: 1
providers: {sim: {base_url: 'http://127.0.0.1:9/v1', dialects: [openai-chat], auth: none, simulated: true}}
models:
  - {id: sim/frontier, tier: frontier, context_window: 500000, price: {input_usd: 5, output_usd: 25}}
  - {id: sim/mid, tier: mid, context_window: 500000, price: {input_usd: 1, output_usd: 5}}
  - {id: sim/code, tier: mid, context_window: 500000, price: {input_usd: 1, output_usd: 4}, specialities: [code]}
  - {id: sim/nano, tier: small, context_window: 500000, price: {input_usd: 0.1, output_usd: 0.4}}
  - {id: sim/local, tier: local, context_window: 500000, price: {input_usd: 0, output_usd: 0}}
"""
TEXT = (
    "the of a hotel charges pesos quantum superposition relates to entanglement measure curve income different "
    "countries ratio working poor group subgroup order finite divides lemma return value where not which"
)


def decision_cpu(data: Path) -> dict[str, Any]:
    """`residual_us` is of one model beside the reference; each further one adds its own sum.

    `decision_us` is the whole decision for `auto` among five models. It reads a text that was cut to head and tail at
    the door, so the parts above, which are given the whole text, may cost more than all of it.
    """
    from routing_learned import graded_of

    from baton.measure.learn.lesson import learn

    train = pairs(data / "routing", "routellm_mmlu", "train")
    rows = np.random.default_rng(0).permutation(len(train))[:LABELS]
    lesson = learn(graded_of(train.at(rows)), np.random.default_rng(0), reference=GPT_4)
    reader = ResidualReader(lesson.residual)
    text = prose(max(CHARACTERS.values()))
    told: dict[str, dict[str, float]] = {}
    plain, taught = (Policy(fleet(residual)) for residual in (None, lesson.residual))
    for name, size in CHARACTERS.items():
        features = read(normalised(text[:size]))
        told[name] = {
            "normalised_us": least_us(normalised, text[:size]),
            "features_us": least_us(read, normalised(text[:size])),
            "residual_us": least_us(lambda _text, seen=features: reader.scores(seen), text),
            "prior_us": least_us(hardness, normalised(text[:size])),
        }
        told[name]["features_and_residual_us"] = round(told[name]["features_us"] + told[name]["residual_us"], 1)
        asked = asked_for(text[:size])
        for word, policy in (("decision_us", plain), ("decision_with_residual_us", taught)):
            told[name][word] = least_us(lambda _text, of=policy, asked=asked: of.decide(asked, ANYBODY, "d"), text)
    return told


def fleet(residual: Residual | None) -> PolicySnapshot:
    """Five models, the built-in task types, rules and classifier; `residual` is of the first beside the reference."""
    snapshot = parse_config(FLEET, {}).snapshot
    if residual is None:
        return snapshot
    named = replace(residual, reference="sim/frontier", models=("sim/nano",), cheap="sim/nano")
    return replace(snapshot, learned=Learned(1, LABELS, QualityTable({}), named))


def asked_for(text: str) -> Request:
    """As it was read at the door: the decision begins after that."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    return read_request("openai-chat", msgspec.json.encode(body), {})


def prose(size: int) -> str:
    rng = random.Random(1)
    known = TEXT.split()
    words: list[str] = []
    for _ in range(size // 4):
        number = str(rng.randrange(10_000)) if rng.random() < 0.08 else ""
        words.append(rng.choice(known) + number + rng.choice(["", "", "", "s", ",", ". And", "?\n"]))
    return " ".join(words)


def least_us(measured: Callable[[str], object], text: str) -> float:
    least = float("inf")
    for _ in range(RUNS):
        begun = time.process_time_ns()
        measured(text)
        least = min(least, time.process_time_ns() - begun)
    return round(least / 1_000, 1)
