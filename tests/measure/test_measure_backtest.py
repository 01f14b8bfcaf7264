"""A backtest says what another policy would have done with recorded traffic, and what it cannot know."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from baton.measure.backtest import Backtest, backtest
from baton.measure.traffic import from_file, from_ledger
from baton.record.ledger import Ledger
from baton.types.decision import Decision, PolicySnapshot
from baton.types.errors import DatasetError, LedgerError
from baton.types.money import Usage
from baton.types.outcome import Attempt, Content, Finished, Grade
from tests.config.texts import FLEET, parsed

STRONG, WEAK = "sim/frontier", "sim/nano"


def policy(**rules: str) -> PolicySnapshot:
    types = "".join(f"  {name}: {{rule: {rule}, reference: {STRONG}}}\n" for name, rule in rules.items())
    return parsed(f"{FLEET}task_types:\n{types}").snapshot


UP, DOWN = policy(analysis=STRONG, code=STRONG), policy(analysis=WEAK, code=STRONG)


def finished(number: int, model: str, content: bytes | None = None, task_type: str = "analysis") -> Finished:
    usage = Usage(1_000, 100)
    cost = UP.cards[model].price.cost(usage)
    decision = Decision(
        id=f"r{number}", model=model, provider="sim", route="auto", task_type=task_type, task_type_source="declared",
        rule="policy", asked="auto", floor=0.95, min_quality=None, lambda_=1.0, expected_cost=cost, reason="because",
    )  # fmt: skip
    return Finished(
        request_id=f"r{number}", task_id=f"r{number}", at=1_000.0 + number, dialect="openai-chat", key="k",
        status=200, ending="ok", error="", stream=False, simulated=True, duration_s=0.2, overhead_s=0.05, usage=usage,
        cost=cost, baseline_cost=cost, attempts=(Attempt(model, "sim", 200, "", 0.2, 0.1, usage, True, cost),),
        decision=decision, content=None if content is None else Content(content, b"{}"),
    )  # fmt: skip


def ledger(path: Path, rows: Iterable[tuple[Finished, float | None]]) -> Path:
    kept = Ledger.open(path)
    for one, score in rows:
        kept.put(one)
        if score is not None:
            kept.grade(Grade(one.request_id, score, "test", "", 2_000.0))
    kept.close()
    return path


def jsonl(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def replayed(path: Path, snapshot: PolicySnapshot) -> Backtest:
    return backtest(from_file(path) if path.suffix == ".jsonl" else from_ledger(path), snapshot)


def test_the_policy_that_made_the_log_changes_nothing(tmp_path: Path) -> None:
    made = [(finished(number, STRONG), 1.0 if number % 4 else 0.0) for number in range(40)]
    found = replayed(ledger(tmp_path / "l.db", made), UP)
    assert found.share_by_model[STRONG].before == found.share_by_model[STRONG].after == 1.0
    assert found.cost is not None
    assert found.cost.change_pct == 0.0
    assert found.difference is not None
    assert found.difference.mean == 0.0
    assert found.quality_after is not None
    assert found.quality_after.mean == 0.75
    assert found.changes.requests == 0


def test_a_cheaper_policy_is_costed_at_the_same_tokens_and_its_quality_is_not_made_up(tmp_path: Path) -> None:
    made = [(finished(number, STRONG), 1.0) for number in range(10)]
    found = replayed(ledger(tmp_path / "l.db", made), DOWN)
    assert found.share_by_model[WEAK].after == 1.0
    assert found.cost is not None
    cards = DOWN.cards
    ratio = cards[WEAK].price.cost(Usage(1_000, 100)) / cards[STRONG].price.cost(Usage(1_000, 100))
    assert found.cost.change_pct == pytest.approx(100 * (ratio - 1))
    assert found.quality_after is None
    assert found.difference is None
    assert found.changes.unknown == 10
    assert any("quality unknown for sim/nano" in one for one in found.unknown)


def test_text_that_was_kept_is_decided_on_and_what_was_not_is_said(tmp_path: Path) -> None:
    body = json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": "hello"}], "baton": {"task_type": "code"}}
    )
    made = [(finished(1, STRONG, body.encode()), None), (finished(2, STRONG), None)]
    found = replayed(ledger(tmp_path / "l.db", made), policy(analysis=STRONG, code=WEAK))
    assert found.share_by_model[WEAK].after == 0.5
    assert any(one.startswith("1 of 2 requests are rebuilt") for one in found.unknown)


def test_graded_pairs_give_the_difference_itself(tmp_path: Path) -> None:
    rows = []
    for number in range(200):
        base = {"id": f"p{number}", "prompt": f"question {number}", "task_type": "analysis", "cost_usd": 0.01}
        rows.append(base | {"model": STRONG, "grade": 1.0, "served": True})
        rows.append(base | {"model": WEAK, "grade": float(number % 5 > 0), "cost_usd": 0.001})
    found = replayed(jsonl(tmp_path / "pairs.jsonl", rows), DOWN)
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(-0.2)
    assert found.difference.interval.low < -0.2 < found.difference.interval.high
    assert found.changes.graded_both == 200
    assert found.cost is not None
    assert found.cost.change_pct == pytest.approx(-90.0)


def test_where_hard_cases_went_up_the_table_errs_and_the_logged_propensities_do_not(tmp_path: Path) -> None:
    """The weak model is right on 90 % of the easy and 30 % of the hard prompts, which it was sent seldom."""
    rng = random.Random(5)
    rows = []
    for number in range(6_000):
        hard = number % 2 == 0
        chance = 0.1 if hard else 0.9
        weak = rng.random() < chance
        right = rng.random() < ((0.3 if hard else 0.9) if weak else 0.95)
        rows.append({
            "id": f"p{number}", "prompt": "q", "task_type": "analysis", "model": WEAK if weak else STRONG,
            "grade": float(right), "propensity": chance if weak else 1 - chance,
        })  # fmt: skip
    found = replayed(jsonl(tmp_path / "log.jsonl", rows), DOWN)
    assert found.doubly_robust is not None
    assert found.quality_after is not None
    assert found.doubly_robust.mean == pytest.approx(0.6, abs=0.04)
    assert found.doubly_robust.interval.low < 0.6 < found.doubly_robust.interval.high
    assert found.quality_after.mean > 0.7
    assert any("flatter the cheap models" in one for one in found.unknown)


def test_what_the_new_policy_would_refuse_is_counted(tmp_path: Path) -> None:
    made = [(finished(number, STRONG), None) for number in range(3)]
    long = finished(9, STRONG)
    far = Usage(5_000_000, 10)
    made.append((type(long)(**{name: getattr(long, name) for name in long.__struct_fields__} | {"usage": far}), None))
    found = replayed(ledger(tmp_path / "l.db", made), DOWN)
    assert sum(found.refused.values()) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"model": WEAK}, "neither `id`"),
        ({"id": "a", "grade": 1.0}, "names no `model`"),
        ({"id": "a", "model": WEAK, "grade": 2}, "from 0 to 1"),
        ({"id": "a", "model": WEAK, "grade": "good"}, "from 0 to 1"),
        ({"id": "a", "model": WEAK, "propensity": 0.0}, "above 0"),
        ({"id": "a", "model": WEAK, "served": "yes"}, "true or false"),
        ({"id": "a", "model": WEAK, "cost_usd": -1}, "`cost_usd`"),
        ({"id": "a", "model": 7}, "`model` must be a text"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, row: dict[str, object], words: str) -> None:
    good = {"id": "b", "model": WEAK, "grade": 1.0}
    with pytest.raises(DatasetError, match=r"line 2: ") as caught:
        from_file(jsonl(tmp_path / "bad.jsonl", [good, row]))
    assert words in str(caught.value)


def test_rows_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    row = {"id": "a", "model": WEAK, "grade": 1.0}
    with pytest.raises(DatasetError, match="more than one row for 'sim/nano'"):
        from_file(jsonl(tmp_path / "twice.jsonl", [row, row]))
    with pytest.raises(DatasetError, match="of several answers that they were served"):
        from_file(jsonl(tmp_path / "both.jsonl", [row | {"served": True}, row | {"model": STRONG, "served": True}]))


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{")
    (tmp_path / "x.csv").write_text("a,b")
    (tmp_path / "x.parquet").write_bytes(b"no")
    (tmp_path / "empty.jsonl").write_text("\n")
    for name, words in {
        "x.jsonl": "not valid JSON", "x.csv": "no format", "x.parquet": "no Parquet", "empty.jsonl": "no rows",
        "gone.jsonl": "no such file",
    }.items():  # fmt: skip
        with pytest.raises(DatasetError, match=words):
            from_file(tmp_path / name)
    with pytest.raises(LedgerError):
        from_ledger(tmp_path / "gone.db")
    with pytest.raises(DatasetError, match="no answered request"):
        from_ledger(ledger(tmp_path / "empty.db", []))
