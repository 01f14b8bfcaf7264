"""Prompts and grades from files and from the ledger: what is read, and what is refused with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import Table, parquet

from baton.measure.datasets.ledger import from_ledger
from baton.measure.datasets.load import holds_grades, load_prompts, load_recorded, write_prompts
from baton.measure.datasets.prompt import in_order, pinned
from baton.record.ledger import Ledger
from baton.types.decision import Decision
from baton.types.errors import DatasetError
from baton.types.money import Usage
from baton.types.outcome import Content, Finished
from baton.types.verdict import Exact, Numeric, Shape

GOOD = {"id": "a", "task_type": "analysis", "prompt": "2 + 2?", "check": {"type": "numeric", "gold": 4}}
GRADE = {"id": "a", "task_type": "analysis", "model": "m", "grade": 0.5, "cost_usd": 0.001}


def written(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_baton_rows_are_read(tmp_path: Path) -> None:
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    other = {"id": 7, "task_type": "code", "messages": [{"role": "user", "content": "hi"}], "gold": "yes",
             "system": "be brief", "response_format": schema}  # fmt: skip
    found = load_prompts(written(tmp_path / "p.jsonl", GOOD, other))
    seven, a = found.prompts
    assert (a.check, a.right_answer, a.body) == (
        Numeric(4), "4.0", {"messages": [{"role": "user", "content": "2 + 2?"}]},
    )  # fmt: skip
    assert (seven.id, seven.right_answer, seven.body["messages"][0]["role"]) == ("7", "yes", "system")
    assert found.hash.startswith("sha256:")


def test_openai_evals_are_read(tmp_path: Path) -> None:
    message = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Capital of France?"}]
    path = written(
        tmp_path / "evals.jsonl",
        {"input": message, "ideal": ["Paris", "paris, France"]},
        {"item": {"input": "1 + 1", "ideal": "2"}},
    )
    found = load_prompts(path, "other")
    assert {prompt.check for prompt in found.prompts} == {Exact(("Paris", "paris, France")), Exact(("2",))}
    with pytest.raises(DatasetError, match="line 1: names no `task_type`"):
        load_prompts(path)


def test_parquet_and_jsonl_are_the_same_set(tmp_path: Path) -> None:
    rows = [GOOD, GOOD | {"id": "b", "prompt": "3 + 1?"}]
    columns = {name: [json.dumps(row[name]) if name == "check" else row[name] for row in rows] for name in GOOD}
    parquet.write_table(Table.from_pydict(columns), tmp_path / "p.parquet")
    lines = load_prompts(written(tmp_path / "p.jsonl", *reversed(rows)))
    assert load_prompts(tmp_path / "p.parquet").hash == lines.hash
    write_prompts(lines, tmp_path / "again.jsonl")
    assert load_prompts(tmp_path / "again.jsonl").hash == lines.hash
    with pytest.raises(FileExistsError):
        write_prompts(lines, tmp_path / "again.jsonl")


@pytest.mark.parametrize("change", [{"check": {"type": "numeric", "gold": 5}}, {"prompt": "2+2"}, {"cluster": "x"}])
def test_the_hash_changes_with_anything_in_it(tmp_path: Path, change: dict[str, Any]) -> None:
    one = load_prompts(written(tmp_path / "1.jsonl", GOOD))
    assert load_prompts(written(tmp_path / "2.jsonl", GOOD | change)).hash != one.hash


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((GOOD, GOOD), "line 2: id 'a' stands already in line 1"),
        ((GOOD, GOOD | {"id": "b"}), "line 2: asks the same as line 1"),
        (("{nope",), "line 1: is not valid JSON"),
        (("[1]",), "line 1: is not a JSON object"),
        (({"id": "a", "task_type": "x"},), "needs one of `messages`, `prompt`, `body`"),
        ((GOOD | {"messages": [{"content": "x"}], "prompt": None},), "messages with a `role`"),
        ((GOOD | {"check": {"type": "magic"}},), "`check` is wrong"),
        ((GOOD | {"dialect": "smoke signals"},), "`dialect` is wrong"),
        ((GOOD | {"answer": "x"},), "members that are not known: answer"),
        (({"input": "x", "ideal": []},), "`ideal` must be"),
        ((), "holds no rows"),
    ],
)
def test_a_bad_prompt_is_named_with_its_line(tmp_path: Path, rows: tuple[object, ...], told: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load_prompts(written(tmp_path / "bad.jsonl", *rows))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (GRADE | {"grade": None}, "`grade` is missing"),
        ('{"id": "a", "task_type": "x", "model": "m", "grade": NaN}', "`grade` is NaN"),
        (GRADE | {"grade": 1.01}, "not 1.01"),
        (GRADE | {"grade": -1}, "not -1"),
        (GRADE | {"grade": "good"}, "not 'good'"),
        (GRADE | {"cost_usd": -0.1}, "`cost_usd` must be 0 or more"),
        (GRADE | {"id": None}, "names the `id` of its prompt"),
        (GRADE, "line 2: 'm' on prompt 'a' is graded already in line 1"),
    ],
)
def test_a_bad_grade_is_named_with_its_line(tmp_path: Path, row: object, told: str) -> None:
    path = written(tmp_path / "grades.jsonl", GRADE, row)
    assert holds_grades(path)
    with pytest.raises(DatasetError) as caught:
        load_recorded(path)
    assert told in str(caught.value)


def test_the_first_of_two_grades_is_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "g.jsonl", GRADE | {"task": "law"}, GRADE | {"grade": 1.0, "task": "law"})
    (one,) = load_recorded(path, column="task", first=True)
    assert (one.grade, one.task_type) == (0.5, "law")


def test_nan_in_parquet_is_refused(tmp_path: Path) -> None:
    columns = {
        "prompt_id": ["a", "b", "c"],
        "task_type": ["x"] * 3,
        "model": ["m"] * 3,
        "correct": [1.0, float("nan"), None],
    }
    parquet.write_table(Table.from_pydict(columns), tmp_path / "g.parquet")
    with pytest.raises(DatasetError, match=r"(?s)row 1: `correct` is NaN.*row 2: `correct` is missing"):
        load_recorded(tmp_path / "g.parquet")


@pytest.mark.parametrize(("name", "told"), [("none.jsonl", "no such file"), ("x.csv", "is no format")])
def test_what_cannot_be_a_dataset_is_refused(tmp_path: Path, name: str, told: str) -> None:
    if name.endswith("csv"):
        written(tmp_path / name, "a,b")
    with pytest.raises(DatasetError, match=told):
        load_prompts(tmp_path / name)


def test_the_order_follows_from_seed_and_id_alone(tmp_path: Path) -> None:
    rows = [GOOD | {"id": str(number), "prompt": f"{number}?"} for number in range(40)]
    prompts = load_prompts(written(tmp_path / "p.jsonl", *rows)).prompts
    first, again, other = (in_order(some, seed) for some, seed in ((prompts, 1), (prompts[::-1], 1), (prompts, 2)))
    assert first == again
    assert first != other
    fewer = in_order([prompt for prompt in prompts if prompt.id != "3"], 1)
    assert fewer == [prompt for prompt in first if prompt.id != "3"]


def test_a_pinned_set_does_not_care_for_its_source(tmp_path: Path) -> None:
    prompts = load_prompts(written(tmp_path / "p.jsonl", GOOD)).prompts
    assert pinned(prompts, "here").hash == pinned(prompts, "there").hash


# --- the ledger ------------------------------------------------------------------------------------


def finished(number: int, task_type: str, body: object, task_id: str | None = None, route: str = "auto") -> Finished:
    decision = Decision(
        id=str(number), model="m", provider="p", route=route, task_type=task_type, task_type_source="rule", rule="x",
        asked="auto", floor=0.95, min_quality=None, lambda_=1.0, expected_cost=1, reason="",
    )  # fmt: skip
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Finished(
        request_id=f"r{number}", task_id=task_id or f"r{number}", at=float(number), dialect="openai-chat", key="k",
        status=200, ending="ok", error="", stream=False, simulated=True, duration_s=0.1, overhead_s=0.0,
        usage=Usage(), cost=1, baseline_cost=2, decision=decision, content=Content(raw, b"{}"),
    )  # fmt: skip


def chat(words: str, **members: object) -> dict[str, object]:
    return {"model": "auto", "stream": True, "messages": [{"role": "user", "content": words}], **members}


def ledger_with(path: Path, *rows: Finished) -> Path:
    ledger = Ledger.open(path)
    for row in rows:
        ledger.put(row)
    ledger.close()
    return path


def test_the_ledger_gives_each_type_its_share_and_no_question_twice(tmp_path: Path) -> None:
    rows = [finished(number, "code" if number % 3 else "content", chat(f"{number % 20}?")) for number in range(60)]
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    rows += [
        finished(100, "extraction", chat("json!", response_format=schema), task_id="talk"),
        finished(101, "code", b"\xff not json"),
        finished(102, "code", chat("asked to measure"), route="measurement"),
    ]
    place = ledger_with(tmp_path / "l.db", *rows)
    found = from_ledger(place, per_type=5, seed=3)
    counts = {name: len(group) for name, group in found.by_type().items()}
    assert counts == {"code": 5, "content": 5, "extraction": 1}
    assert len({(prompt.task_type, prompt.key) for prompt in found.prompts}) == 11
    assert all("stream" not in prompt.body and "model" not in prompt.body for prompt in found.prompts)
    (asked_for,) = found.by_type()["extraction"]
    assert (asked_for.check, asked_for.cluster) == (Shape({"type": "object"}), "talk")
    assert "that are no JSON" in found.source
    assert "asked before" in found.source
    everything = from_ledger(place, per_type=1_000, seed=3)
    assert not any("asked to measure" in json.dumps(prompt.body) for prompt in everything.prompts)


@pytest.mark.parametrize(("mode", "told"), [("off", "`content.mode` is off"), ("sampled", "wait for traffic")])
def test_a_ledger_without_content_says_why(tmp_path: Path, mode: str, told: str) -> None:
    place = ledger_with(tmp_path / "l.db")
    with pytest.raises(DatasetError, match=told):
        from_ledger(place, per_type=5, seed=3, mode=mode)
