"""The same names draw the same numbers, in every process."""

import os
import statistics
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.draw import digest, generator, label, normal, uniform

PARTS = st.lists(st.one_of(st.text(), st.integers()), min_size=1, max_size=4)

EVERYTHING = """
import hashlib, msgspec
from baton.simulate.answer import Ask
from baton.simulate.fleet import Fleet
from baton.simulate.wire import anthropic, openai_chat
from baton.simulate.workload.item import item
found = hashlib.sha256()
fleet = Fleet(seed=11)
for index in range(120):
    one = item(11, index)
    found.update(msgspec.json.encode(one))
    for model in fleet.models:
        answer = fleet.answer(Ask(model.id, one.conversation), model)
        found.update(openai_chat.whole(answer, "x") + b"".join(anthropic.events(answer, "x", False)))
print(found.hexdigest())
"""


def test_draws_are_the_ones_they_always_were() -> None:
    assert digest("a", 1) == 9331952569449725121
    assert uniform("fault", 7, "sim-nano", "7-000001", 0) == pytest.approx(0.6742410487, abs=1e-9)
    assert label(24, "x") == label(32, "x")[:24]


@given(PARTS)
def test_a_draw_is_a_function_of_its_parts(parts: list[str | int]) -> None:
    assert digest(*parts) == digest(*parts)
    assert 0 < uniform(*parts) < 1
    assert generator(*parts).random() == generator(*parts).random()


def test_parts_are_kept_apart() -> None:
    assert digest("a", "bc") != digest("ab", "c")


def test_draws_are_spread_as_they_should_be() -> None:
    flat = [uniform("spread", number) for number in range(4_000)]
    bell = [normal("spread", number) for number in range(4_000)]
    assert statistics.fmean(flat) == pytest.approx(0.5, abs=0.02)
    assert statistics.fmean(bell) == pytest.approx(0, abs=0.06)
    assert statistics.stdev(bell) == pytest.approx(1, abs=0.05)


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    found = set()
    for hash_seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", EVERYTHING],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
