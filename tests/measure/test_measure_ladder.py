"""The ladder over HTTP on the simulated fleet: verdicts, money, resumption, and what stops it."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from baton.config.lock import read_lock
from baton.measure.baseline import TypeBaseline, baseline
from baton.measure.bench import Order, opened
from baton.measure.datasets.load import write_prompts
from baton.measure.datasets.prompt import PromptSet
from baton.measure.graders.grader import OutOfBudget
from baton.measure.journal import Answered, Journal
from baton.measure.ladder import Rules, Walk, walk
from baton.measure.lock import verify
from baton.measure.proposals import propose
from baton.simulate.answer import SimModel
from baton.simulate.fleet import Fleet, default_models
from baton.types.errors import ProofError
from tests.measure.sim import Stage, prompts, stage

KIND = "classification"


def skills(level: float) -> dict[str, float]:
    names = ("classification", "extraction", "format_check", "analysis", "code", "content", "agent")
    return dict.fromkeys(names, level)


def fleet(seed: int = 3, **levels: float) -> Fleet:
    """Models of the default fleet with other skills; without one a model is not in it."""
    models = {model.id.removeprefix("sim-"): model for model in default_models()}
    made = [_with(models[name], level) for name, level in levels.items()]
    return Fleet(made, seed=seed, discordance=0.02 if max(levels.values()) - min(levels.values()) < 0.9 else 0.005)


def _with(model: SimModel, level: float) -> SimModel:
    from msgspec.structs import replace

    return replace(model, skill=skills(level))


EQUAL_AND_WORSE = {"frontier": 1.2, "mid": 1.2, "nano": 0.5}


async def climbed(at: Stage, order: Order, rules: Rules | None = None) -> list[Walk]:
    async with opened(at.config, order) as bench:
        return [await walk(bench, one, rules or Rules(rho=0.9), lambda _: None) for one in bench.entrants]


def based(at: Stage, order: Order, per_type: int) -> list[TypeBaseline]:
    async def main() -> list[TypeBaseline]:
        async with opened(at.config, order) as bench:
            return [await baseline(bench, one, per_type, lambda: None) for one in bench.entrants]

    return asyncio.run(main())


@pytest.fixture(scope="module")
def many() -> PromptSet:
    return prompts(5, {KIND: 400})


@pytest.mark.timeout(60)
def test_an_equal_rung_is_certified_a_worse_one_degrades_and_nothing_is_asked_twice(
    tmp_path: Path, many: PromptSet
) -> None:
    with stage(tmp_path, fleet(frontier=1.2, mid=1.2, nano=0.5)) as at:
        (found,) = asyncio.run(climbed(at, at.order(many)))
        verdicts = {one.rung: one.verdict for one in found.climbed.standings}
        assert verdicts == {"sim/mid": "adequate", "sim/nano": "degrades"}
        assert found.climbed.target == "sim/mid"
        (certificate,) = found.climbed.certificates
        assert certificate.simulated
        assert certificate.cost_per_task < certificate.reference_cost_per_task
        asked = at.asked()
        assert max(Counter(asked).values()) == 1
        (again,) = asyncio.run(climbed(at, at.order(many)))
        assert again.file == found.file
        assert again.climbed.certificates == found.climbed.certificates
        assert at.asked() == asked
        propose(tmp_path / "policy.lock", found.file, found.climbed.certificates)
        assert verify(tmp_path / "policy.lock").valid


@pytest.mark.timeout(60)
def test_verdicts_do_not_depend_on_how_many_calls_run_at_once(tmp_path: Path, many: PromptSet) -> None:
    files = []
    for concurrency in (1, 64):
        folder = tmp_path / str(concurrency)
        folder.mkdir()
        with stage(folder, fleet(frontier=1.2, mid=1.2, nano=0.5)) as at:
            (found,) = asyncio.run(climbed(at, at.order(many, concurrency=concurrency)))
            files.append(found.file)
    assert files[0] == files[1]


@pytest.mark.timeout(60)
def test_mode_all_finds_the_specialist_below_a_rung_that_fails(tmp_path: Path, many: PromptSet) -> None:
    with stage(tmp_path, fleet(frontier=1.2, mid=0.5, nano=1.2)) as at:
        (walked,) = asyncio.run(climbed(at, at.order(many)))
        assert walked.climbed.target == "sim/frontier"
        (found,) = asyncio.run(climbed(at, at.order(many, command="all"), Rules(rho=0.9, mode="all")))
        assert {one.rung: one.verdict for one in found.climbed.standings} == {
            "sim/mid": "degrades", "sim/nano": "adequate",
        }  # fmt: skip
        assert found.climbed.target == "sim/nano"
        assert [one.rung for one in found.climbed.certificates] == ["sim/nano"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("usd", [0.12, 0.3])
def test_the_budget_is_never_passed_and_what_is_known_is_told(tmp_path: Path, many: PromptSet, usd: float) -> None:
    with stage(tmp_path, fleet(frontier=1.2, mid=1.2, nano=0.5)) as at:
        try:
            (found,) = asyncio.run(climbed(at, at.order(many, usd=usd), Rules(rho=1.0)))
            assert found.stopped == "budget", found.climbed.standings
            assert found.climbed.standings[0].verdict == "undecided"
            assert found.climbed.certificates == ()
        except OutOfBudget as error:
            assert "too small for any verdict" in error.message  # noqa: PT017 - either is a clear end
        paid = sum(entry.cost for entry in at.journal.since().entries)
        assert 0 < paid <= usd * 1e9
        assert not (tmp_path / "policy.proposed.lock").exists()


def test_a_budget_without_room_for_one_call_says_so(tmp_path: Path, many: PromptSet) -> None:
    with stage(tmp_path) as at:
        with pytest.raises(OutOfBudget, match="too small for any verdict on 'classification'"):
            asyncio.run(climbed(at, at.order(many, usd=0.001)))
        assert at.asked() == []
        with pytest.raises(OutOfBudget, match="too small for one prompt"):
            based(at, at.order(many, usd=0.001, command="baseline"), 5)


def test_a_month_s_limit_of_the_house_holds_beside_the_run_s_own(tmp_path: Path, many: PromptSet) -> None:
    with stage(tmp_path, spend={"measurement": {"month_usd": 0.11}}) as at:
        with pytest.raises(OutOfBudget, match="the budget of the month of the measurement"):
            asyncio.run(climbed(at, at.order(many, usd=50)))
        paid = sum(entry.cost for entry in at.journal.since().entries)
        assert 0 < paid <= 0.11e9


@pytest.mark.timeout(60)
def test_a_model_that_vanished_stops_the_run_with_its_name(tmp_path: Path, many: PromptSet) -> None:
    with stage(tmp_path, fleet(frontier=1.2, mid=1.2)) as at:
        gone = at.text.replace("upstream: sim-mid", "upstream: sim-gone")
        assert gone != at.text
        from baton.config.load import parse_config

        at.config = parse_config(gone, {})
        with pytest.raises(ProofError, match="model 'sim/mid' has answered none of its first 8 prompts"):
            asyncio.run(climbed(at, at.order(many)))
        with pytest.raises(ProofError, match="models that are not in the config: sim/other"):
            asyncio.run(climbed(at, at.order(many, models=("sim/other",))))


def test_prompts_that_cannot_be_measured_are_refused_before_anything_is_paid(tmp_path: Path) -> None:
    with stage(tmp_path) as at:
        few = prompts(5, {KIND: 20})
        with pytest.raises(ProofError, match="has 20 prompts, and 30 of them are the pilot"):
            asyncio.run(climbed(at, at.order(few)))
        from msgspec.structs import replace

        from baton.measure.datasets.prompt import pinned

        odd = pinned([replace(one, task_type="juggling") for one in few.prompts], "odd")
        with pytest.raises(ProofError, match="not in the config: juggling"):
            asyncio.run(climbed(at, at.order(odd)))
        assert at.asked() == []


@pytest.mark.timeout(60)
def test_the_baseline_has_intervals_costs_and_a_word_on_the_reference(tmp_path: Path) -> None:
    with stage(tmp_path, fleet(frontier=0.5, mid=1.5, nano=0.2)) as at:
        (found,) = based(at, at.order(prompts(5, {KIND: 150})), 150)
        assert (found.reference, found.reference_is) == ("sim/frontier", "contradicted")
        assert list(found.better) == ["sim/mid"]
        lines = {line.model: line for line in found.models}
        assert found.models[0].model == "sim/frontier"
        for line in lines.values():
            assert line.n == line.asked == 150
            assert line.quality is not None
            assert line.interval is not None
            assert line.interval.low < line.quality < line.interval.high
            assert line.cost_usd == pytest.approx(150 * line.cost_per_task_usd)
            assert line.cost_per_success_usd == pytest.approx(line.cost_per_task_usd / line.quality)
            assert line.latency_p50_s is not None
            assert line.latency_p95_s is not None
            assert line.latency_p50_s <= line.latency_p95_s
        paid = sum(entry.cost for entry in at.journal.since().entries)
        assert found.cost_usd == pytest.approx(paid / 1e9)


# --- the run record --------------------------------------------------------------------------------


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_without_paying_twice(tmp_path: Path, how: signal.Signals) -> None:
    write_prompts(prompts(5, {KIND: 300}), tmp_path / "p.jsonl")
    with stage(tmp_path, fleet(frontier=1.2, mid=1.2, nano=0.5)) as at:
        (tmp_path / "baton.yaml").write_text(at.text)
        command = [sys.executable, "-m", "baton", "ladder", "--prompts", "p.jsonl", "--budget", "5", "--json"]
        command += ["--concurrency", "4", "--date", "2026-01-31"]
        begun = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while len(at.asked()) < 60:
            time.sleep(0.01)
            assert begun.poll() is None, begun.communicate()
        begun.send_signal(how)
        _, told = begun.communicate(timeout=30)
        if how == signal.SIGINT:
            assert begun.returncode == 130, told
            assert b"the same command goes on from there" in told
        assert not (tmp_path / "policy.proposed.lock").exists()
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)
        assert found["target"] == "sim/mid"
        assert set(found["rungs"][0]) >= {
            "model", "n", "quality", "interval", "e_pass", "e_fail", "verdict", "needs_more",
        }  # fmt: skip
        twice = sum(count - 1 for count in Counter(at.asked()).values())
        assert twice <= 4  # what was under way at the kill
        assert verify(tmp_path / "policy.proposed.lock").valid
        assert read_lock(tmp_path / "policy.proposed.lock")[0].date == "2026-01-31"


def answered(call: int, cost: int = 5) -> Answered:
    return Answered(call, "run", f"p{call}", "m", cost, 1, 1, 0.1, 0.1)


def test_a_call_without_an_end_counts_in_full_and_a_cut_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Journal(path) as journal:
        for _ in range(2):
            call = journal.begin("run", 100)
            journal.answered(answered(call))
        journal.begin("run", 100)
        journal.begin("other", 1_000)
        assert journal.spent("run") == 5 + 5 + 100
    path.write_bytes(path.read_bytes()[:-9])
    with Journal(path) as journal:
        assert journal.spent("run") == 110
        assert journal.spent("other") == 0
        assert set(journal.answers) == {("p1", "m"), ("p2", "m")}
        assert journal.begin("run", 1) == 4
    assert path.read_bytes().count(b"\n") == len(path.read_bytes().splitlines())


def test_a_record_is_one_writer_s_of_one_version(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    with Journal(path), pytest.raises(ProofError, match="is being written by another run"):
        Journal(path)
    path.write_text('{"type":"record","version":2}\n')
    with pytest.raises(ProofError, match="no run record of this version"):
        Journal(path)
    path.write_text("what?\n")
    with pytest.raises(ProofError, match="line 1 is no line of a run record"):
        Journal(path)


def test_with_content_off_no_answer_is_written_down(tmp_path: Path) -> None:
    few = prompts(5, {KIND: 40})
    with stage(tmp_path, fleet(frontier=1.2, mid=1.2), content={"mode": "off"}) as at:
        asyncio.run(climbed(at, at.order(few)))
        lines = (tmp_path / "record.jsonl").read_text().splitlines()
        assert any('"type":"answer"' in line for line in lines)
        assert not any('"answer":{' in line for line in lines)
        before = at.asked()
        asyncio.run(climbed(at, at.order(few)))
        assert at.asked() == before


def test_what_is_measured_is_no_traffic_of_callers(tmp_path: Path) -> None:
    from baton.record.queries import report
    from baton.record.spend import spent_of

    with stage(tmp_path, fleet(frontier=1.2, mid=1.2)) as at:
        based(at, at.order(prompts(5, {KIND: 12})), 12)
        place = tmp_path / "ledger.db"
        assert report(place).tasks == 0
        assert set(spent_of(place, 0, 0)) == {"measurement"}
    assert (tmp_path / "record.jsonl").stat().st_mode & 0o077 == 0
