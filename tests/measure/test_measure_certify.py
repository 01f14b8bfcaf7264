"""Gates and whole policies over HTTP: what is proven holds offline, and is void when the policy changes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from baton.config.load import parse_config
from baton.config.lock import policy_of, read_lock, why_void
from baton.config.proof import references_of
from baton.config.schema import Config
from baton.flow.arrival import Arrival
from baton.flow.dry_run import decide_only
from baton.flow.house import open_house
from baton.flow.request import serve
from baton.measure.bench import opened
from baton.measure.datasets.load import write_prompts
from baton.measure.evidence import Row
from baton.measure.files import bytes_of, hash_of, proven, read_evidence
from baton.measure.gate import GateHeader, gated
from baton.measure.gating import Difficulty, GateWalk, walk_gate
from baton.measure.ladder import Rules, Walk, walk
from baton.measure.lock import verify
from baton.measure.proposals import propose
from baton.record.queries import decision_of
from baton.types.request import Caller
from tests.measure.made import FRONTIER, NANO
from tests.measure.sim import Stage, prompts, stage
from tests.measure.test_measure_ladder import KIND, fleet

HASH = "sha256:" + "1" * 64


def gate_header(**changes: Any) -> GateHeader:
    fields: dict[str, Any] = {
        "task_type": KIND, "reference": FRONTIER, "rung": NANO, "models": {FRONTIER: "sim f", NANO: "sim n"},
        "rho": 0.95, "delta": 0.05, "pilot": 100, "grader": "verified:1", "judged": False, "prompt_set": HASH,
        "features": "1:prior", "order_seed": 7, "date": "2026-01-31", "simulated": True,
    }  # fmt: skip
    return GateHeader(**(fields | changes))


def gate_rows(n: int, hard_from: float, unread: int = 0) -> list[Row]:
    """The frontier is right on all but every tenth; nano on those of them whose difficulty is below `hard_from`."""
    made = []
    for number in range(n):
        difficulty = (number * 37 % 100) / 100
        frontier = float(number % 10 != 0)
        nano = frontier if difficulty < hard_from else 0.0
        costs = {FRONTIER: 1_000, NANO: 10}
        made.append(Row(f"p{number}", {FRONTIER: frontier, NANO: nano}, costs, None if number < unread else difficulty))
    return made


def test_the_gate_stops_where_the_rung_gets_worse() -> None:
    found = gated(gate_header(), gate_rows(1_500, 0.6), HASH)
    assert found.threshold is not None
    assert 0.5 <= found.threshold <= 0.66
    (one,) = found.certificates
    assert (one.serves, one.thresholds, one.features) == ("gate", {"difficulty": found.threshold}, "1:prior")
    assert one.share == pytest.approx(found.share)
    assert 10 < one.cost_per_task < 1_000
    assert found.quality is not None
    assert found.reference_quality is not None
    assert found.quality >= 0.95 * found.reference_quality


def test_a_hopeless_rung_an_unsound_grader_or_a_small_pilot_proves_no_gate() -> None:
    assert gated(gate_header(rho=0.99), gate_rows(1_500, 0.0), HASH).threshold is None
    assert gated(gate_header(faults=("gold",)), gate_rows(1_500, 0.6), HASH).certificates == ()
    assert gated(gate_header(), gate_rows(60, 0.6), HASH).certificates == ()


def test_what_cannot_be_read_goes_to_the_reference() -> None:
    made = [replace(row, difficulty=None) if place % 2 else row for place, row in enumerate(gate_rows(2_000, 1.1))]
    found = gated(gate_header(), made, HASH)
    assert found.threshold is not None
    assert found.unread == 950
    assert found.share == pytest.approx(0.5, abs=0.02)


def test_a_gate_is_recomputed_from_its_file() -> None:
    file = bytes_of(gate_header(), gate_rows(800, 0.6))
    assert (
        proven(*read_evidence(file, "g"), hash_of(file))
        == gated(gate_header(), gate_rows(800, 0.6), hash_of(file)).certificates
    )


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("nano", "rho", "proves"), [(1.2, 0.9, True), (0.1, 0.995, False)])
def test_a_gate_over_http(tmp_path: Path, nano: float, rho: float, proves: bool) -> None:
    async def main(at: Stage) -> GateWalk:
        async with opened(at.config, at.order(prompts(6, {KIND: 400}), models=(NANO,))) as bench:
            difficulty = Difficulty(at.config.snapshot)
            (entrants,) = bench.entrants
            return await walk_gate(bench, entrants, NANO, Rules(rho=rho, pilot=100), difficulty, lambda: None)

    with stage(tmp_path, fleet(frontier=1.2, nano=nano)) as at:
        found = asyncio.run(main(at))
        assert (found.gated.threshold is not None) is proves
        propose(tmp_path / "policy.lock", found.file, found.gated.certificates)
        assert (tmp_path / "policy.lock").exists() is proves
        if proves:
            assert verify(tmp_path / "policy.lock").valid
            (one,) = read_lock(tmp_path / "policy.lock")
            snapshot = at.config.snapshot
            assert why_void(one, snapshot, references_of(snapshot)) == ""
            read_otherwise = replace(one, features="0:older")
            assert "difficulty is read by" in why_void(read_otherwise, snapshot, references_of(snapshot))


@pytest.mark.timeout(90)
def test_a_whole_policy_is_asked_as_callers_ask_and_void_when_it_changes(tmp_path: Path) -> None:
    async def main(at: Stage) -> Walk:
        async with opened(at.config, at.order(prompts(6, {KIND: 400}), models=("auto",))) as bench:
            (entrants,) = bench.entrants
            return await walk(bench, entrants, Rules(serves="policy"), lambda _: None)

    with stage(tmp_path, fleet(frontier=1.2, mid=1.2, nano=1.2), task_types={KIND: {"floor": 0.9}}) as at:
        found = asyncio.run(main(at))
        (one,) = found.climbed.certificates
        assert (one.serves, one.rung, one.models["auto"]) == ("policy", "auto", policy_of(at.config.snapshot))
        assert one.cost_per_task < one.reference_cost_per_task / 10  # the rule of the type is `cheapest`
        served = {entry.model for entry in at.journal.since().entries}
        assert served == {"sim-frontier", "sim-nano"}
        propose(tmp_path / "policy.lock", found.file, found.climbed.certificates)
        proof = {"proof": {"mode": "certified", "lock": str(tmp_path / "policy.lock")}}
        certified = parse_config(at.text + yaml.safe_dump(proof), {})
        assert [held.name for held in certified.snapshot.certificates] == [one.name]
        for wish, model, name in (
            ({}, "sim/nano", one.name),
            ({"lambda": 3.0}, "sim/frontier", "none"),
            ({"models": ["sim/mid", "sim/frontier"]}, "sim/frontier", "none"),
            ({"floor": 0.95}, "sim/frontier", "none"),
        ):
            said = [{"role": "user", "content": "Sort this."}]
            body = {"model": "auto", "messages": said, "baton": {"task_type": KIND, **wish}}
            decided = decide_only(certified.snapshot, "openai-chat", json.dumps(body).encode(), {})
            assert (decided.model, decided.proof) == (model, name), wish
        references = references_of(at.config.snapshot)
        assert why_void(one, at.config.snapshot, references) == ""
        whole = yaml.safe_load(at.text) | {"task_types": {KIND: {"floor": 0.9, "rule": "mid"}}}
        changed = parse_config(yaml.safe_dump(whole), {}).snapshot
        assert why_void(one, changed, references) == "the policy has changed since"


@pytest.mark.timeout(120)
def test_the_commands_propose_verify_and_promote(tmp_path: Path) -> None:
    def baton(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "baton", *words]
        env = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=env)

    with stage(tmp_path, fleet(frontier=1.2, nano=1.2)) as at:
        lock = {"proof": {"mode": "certified", "lock": str(tmp_path / "policy.lock")}}
        (tmp_path / "baton.yaml").write_text(at.text + yaml.safe_dump(lock))
        write_prompts(prompts(6, {KIND: 400}), tmp_path / "p.jsonl")
        refused = baton("promote")
        assert refused.returncode == 1
        assert "cannot be read" in refused.stderr
        made = baton("certify", "--prompts", "p.jsonl", "--budget", "9", "--rho", "0.9", "--json")
        assert made.returncode == 0, made.stderr
        (gate,) = json.loads(made.stdout)
        assert gate["certificates"]
        assert gate["threshold"] is not None
        assert baton("verify", "policy.proposed.lock").returncode == 0
        assert baton("promote").returncode == 0
        shown = baton("verify", "--json")
        assert json.loads(shown.stdout)["valid"] is True
        assert baton("validate").returncode == 0
        (grades,) = (tmp_path / "policy.grades").iterdir()
        grades.write_bytes(grades.read_bytes().replace(b":1.0", b":0.0", 1))
        broken = baton("verify")
        assert broken.returncode == 1
        assert "grades have been changed" in broken.stderr


@pytest.mark.timeout(90)
def test_headers_and_decisions_say_which_certificate_carried_them(tmp_path: Path) -> None:
    async def walked(at: Stage) -> Walk:
        async with opened(at.config, at.order(prompts(6, {KIND: 400}))) as bench:
            return await walk(bench, bench.entrants[0], Rules(rho=0.95), lambda _: None)

    async def asked(config: Config, task_type: str, floor: float | None = None) -> Mapping[str, str]:
        house = open_house(config)
        wish = {"task_type": task_type} | ({} if floor is None else {"floor": floor})
        body = {"model": "auto", "messages": [{"role": "user", "content": "Sort this."}], "baton": wish}
        try:
            reply = await serve(Arrival("openai-chat", json.dumps(body).encode(), {}, Caller()), house)
            house.ledger.flush()
            decided = decision_of(house.ledger.place, reply.headers["x-baton-request-id"])
            assert decided is not None
            assert decided.proof == reply.headers["x-baton-proof"]
            return reply.headers
        finally:
            await house.close()

    with stage(tmp_path, fleet(frontier=1.2, mid=1.2, nano=0.5)) as at:
        found = asyncio.run(walked(at))
        lock = tmp_path / "policy.lock"
        propose(lock, found.file, found.climbed.certificates)
        (certificate,) = found.climbed.certificates
        rules = {"task_types": {"classification": {"rule": "cheapest"}, "code": {"rule": "cheapest"}}}
        proof = {"proof": {"mode": "certified", "lock": str(lock)}}
        certified = parse_config(at.text + yaml.safe_dump(rules | proof), {})
        headers = asyncio.run(asked(certified, KIND))
        assert (headers["x-baton-model"], headers["x-baton-proof"]) == ("sim/mid", certificate.name)
        for task_type, floor in (("code", None), (KIND, 0.99)):
            headers = asyncio.run(asked(certified, task_type, floor))
            assert (headers["x-baton-model"], headers["x-baton-proof"]) == ("sim/frontier", "none")
        headers = asyncio.run(asked(parse_config(at.text + yaml.safe_dump(rules), {}), KIND))
        assert (headers["x-baton-model"], headers["x-baton-proof"]) == ("sim/nano", "none")
