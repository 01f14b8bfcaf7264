"""Replay of recorded answers: what is served, what it cost, who is eligible, and which files are refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import openai
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from baton.simulate.drive import anthropic_arguments, openai_arguments
from baton.simulate.fleet import gateway_config
from baton.simulate.replay.fleet import ReplayFleet, load_replay
from baton.simulate.replay.price import SOURCE, Spent, derived_price
from baton.simulate.replay.table import ReplayError, read_rows
from baton.simulate.serve import Running, serve_in_thread
from baton.types.money import NANO_PER_USD, Price, price_from_usd

Rows = list[dict[str, Any]]


def row(prompt: str, model: str, correct: float, **more: Any) -> dict[str, Any]:
    spent = {"input_tokens": 100, "output_tokens": 20, "cost_usd": 100 * 2e-6 + 20 * 8e-6}
    named = {"system": "Be brief.", "task": "t", "task_type": "reasoning", "prompt_id": f"id {prompt}"}
    return {
        "prompt": prompt,
        "model": model,
        "correct": correct,
        "response": f"{model}: {prompt}!",
        **named,
        **spent,
        **more,
    }


ROWS: Rows = [
    row("one", "lab/big", 1.0),
    row("one", "lab/small", 0.0, output_tokens=70, cost_usd=0.00001),
    row("two", "lab/big", 0.75, output_tokens=40, cost_usd=100 * 2e-6 + 40 * 8e-6),
    row("two", "lab/small", 1.0, response=None, input_tokens=50, cost_usd=0.000005),
    row("three", "lab/big", 1.0, task_type="code"),
]


def written(folder: Path, rows: Rows, name: str = "rows.parquet") -> Path:
    parquet.write_table(pa.Table.from_pylist(rows), folder / name)
    return folder / name


@pytest.fixture
def fleet(tmp_path: Path) -> ReplayFleet:
    return load_replay(written(tmp_path, ROWS))


@pytest.fixture
def running(fleet: ReplayFleet) -> Iterator[Running]:
    with serve_in_thread(fleet) as started:
        yield started


def test_items_tell_who_is_eligible_and_how_each_did(fleet: ReplayFleet) -> None:
    one, two, three = fleet.items()
    assert (one.name, one.system, one.prompt, one.task, one.task_type) == (
        "id one",
        "Be brief.",
        "one",
        "t",
        "analysis",
    )
    assert one.eligible == ("lab/big", "lab/small")
    assert three.eligible == ("lab/big",)
    assert three.task_type == "code"
    assert [two.recorded[name].correct for name in two.eligible] == [0.75, 1.0]
    assert two.recorded["lab/small"].cost == 5_000
    assert fleet.notes.graded
    assert (fleet.notes.rows, fleet.notes.repeats, fleet.notes.without_text) == (5, 0, 1)


def test_the_recorded_answer_goes_over_both_wires(running: Running, fleet: ReplayFleet) -> None:
    item = fleet.items()[0]
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="x", max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(model="lab/small", **openai_arguments(item.conversation))
        answer = raw.parse()
    assert answer.choices[0].message.content == "lab/small: one!"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 70)
    assert raw.headers["x-sim-cost-usd"] == "0.00001"
    assert raw.headers["x-baton-simulated"] == "true"
    with anthropic.Anthropic(base_url=running.base_url, api_key="x", max_retries=0) as other:
        message = other.messages.create(model="lab/big", **anthropic_arguments(item.conversation))
    assert message.content[0].text == "lab/big: one!"
    first, second = running.journal.since().entries
    assert (first.outcome, first.correct, first.cost) == ("wrong", 0.0, 10_000)
    assert (second.outcome, second.nonce) == ("right", first.nonce)


def test_a_grade_between_is_a_grade_and_a_missing_text_is_said(running: Running, fleet: ReplayFleet) -> None:
    item = fleet.items()[1]
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="x", max_retries=0) as client:
        client.chat.completions.create(model="lab/big", **openai_arguments(item.conversation))
        told = client.chat.completions.create(model="lab/small", **openai_arguments(item.conversation))
    assert "Only a grade was recorded for this answer of lab/small: 1 of 1" in (told.choices[0].message.content or "")
    graded, textless = running.journal.since().entries
    assert (graded.outcome, graded.correct) == ("graded", 0.75)
    assert (textless.outcome, textless.usage.input, textless.cost) == ("right", 50, 5_000)


def test_a_model_without_a_record_for_the_prompt_is_not_eligible(running: Running, fleet: ReplayFleet) -> None:
    item = fleet.items()[2]
    with (
        openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="x", max_retries=0) as client,
        pytest.raises(openai.BadRequestError, match=r"No answer of 'lab/small' .*Ask one of: lab/big") as caught,
    ):
        client.chat.completions.create(model="lab/small", **openai_arguments(item.conversation))
    assert caught.value.code == "not_recorded"


def test_the_system_text_is_part_of_the_key_where_there_is_one(tmp_path: Path) -> None:
    rows = [row("p", "m", 1.0, system="A", response="from A"), row("p", "m", 0.0, system="B", response="from B")]
    rows.append(row("q", "m", 1.0, system=None, response="from q"))
    with (
        serve_in_thread(load_replay(written(tmp_path, rows))) as running,
        openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="x", max_retries=0) as client,
    ):

        def said(system: str, prompt: str) -> str:
            messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
            return client.chat.completions.create(model="m", messages=messages).choices[0].message.content or ""

        assert said("A", "p") == "from A"
        assert said("B", "p") == "from B"
        assert said("of the caller's own", "q") == "from q"
        assert "holds no answer to this prompt" in said("C", "p")


def test_one_item_for_each_prompt_id_in_the_variant_that_most_models_answered(tmp_path: Path) -> None:
    rows = [
        row("old words", "a", 1.0, prompt_id="case"),
        row("new words", "a", 0.0, prompt_id="case"),
        row("new words", "b", 0.0, prompt_id="case"),
        row("other", "a", 1.0),
    ]
    fleet = load_replay(written(tmp_path, rows))
    assert [(item.name, item.prompt) for item in fleet.items()] == [("case", "new words"), ("id other", "other")]
    assert [item.prompt for item in fleet.variants()] == ["old words", "new words", "other"]


def test_without_ids_every_distinct_prompt_is_an_item(tmp_path: Path) -> None:
    rows = [row(prompt, model, 1.0) for prompt in ("p", "q") for model in ("a", "b")]
    for each in rows:
        del each["prompt_id"]
    items = load_replay(written(tmp_path, rows)).items()
    assert [item.prompt for item in items] == ["p", "q"]
    assert len({item.name for item in items}) == 2


def test_of_repeated_runs_the_first_is_replayed_and_the_others_are_counted(tmp_path: Path) -> None:
    rows = [row("p", "m", grade, prompt_id=f"run {number}") for number, grade in enumerate((1.0, 1.0, 0.0))]
    fleet = load_replay(written(tmp_path, rows))
    assert [item.recorded["m"].correct for item in fleet.items()] == [1.0, 1.0, 1.0]
    assert (fleet.notes.repeats, fleet.notes.disagreeing) == (2, 1)


def test_prices_come_from_the_recorded_costs(fleet: ReplayFleet) -> None:
    big = next(model for model in fleet.models if model.id == "lab/big")
    assert big.price == Price(2 * NANO_PER_USD, 8 * NANO_PER_USD, source=SOURCE)
    assert gateway_config(fleet, "http://h:1")["models"][0]["price"] == {"input_usd": 2.0, "output_usd": 8.0}
    assert gateway_config(fleet, "http://h:1")["models"][0]["id"] == "sim/lab/big"


AMOUNT = st.integers(1, 4_000)


@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=2, max_size=9), AMOUNT, AMOUNT)
def test_a_price_explains_the_recorded_total(tokens: list[tuple[int, int]], read_rate: int, written_rate: int) -> None:
    spent = [Spent(read, made, read * read_rate + made * written_rate) for read, made in tokens]
    price = derived_price(spent)
    total = sum(each.cost for each in spent)
    explained = sum(each.read * price.input + each.written * price.output for each in spent) / 1_000_000
    assert explained == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    "spent",
    [
        [Spent(100, 20, 5_000)],
        [Spent(100, 20, 5_000), Spent(200, 40, 11_000)],
        [Spent(100, 10, 900), Spent(100, 50, 200), Spent(100, 90, 30)],
    ],
)
def test_where_two_rates_cannot_be_told_apart_output_costs_four_times_input(spent: list[Spent]) -> None:
    price = derived_price(spent)
    assert price.output == pytest.approx(4 * price.input, rel=1e-6)
    assert derived_price([Spent(9, 9, 0)]) == Price(0, 0, source=SOURCE)


def test_without_recorded_cost_a_price_has_to_be_stated(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "model": name, "correct": 1.0, "task": "mmlu/law"} for name in ("a", "b")]
    path = written(tmp_path, rows)
    with pytest.raises(ReplayError, match=r"no cost_usd for 'a', 'b': .*--price a=1\.25/10"):
        load_replay(path)
    fleet = load_replay(path, prices={"a": price_from_usd(1, 2), "b": price_from_usd(3, 4)})
    (item,) = fleet.items()
    assert item.task_type == "analysis"
    assert item.recorded["a"].cost is None
    assert fleet.notes.without_tokens == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"correct": None}, r"column 'correct' has no value in row 1"),
        ({"prompt": None}, r"column 'prompt' has no value in row 1"),
        ({"correct": 1.5}, r"'correct' must hold a grade from 0 to 1, but holds 1\.5 in row 1"),
        ({"correct": float("nan")}, r"a grade from 0 to 1, but holds nan"),
        ({"model": " "}, r"the name of a model, but holds ' '"),
        ({"cost_usd": -1.0}, r"dollars from 0, but holds -1\.0"),
        ({"cost_usd": float("inf")}, r"dollars from 0, but holds inf"),
        ({"input_tokens": -4}, r"whole numbers from 0, but holds -4"),
    ],
)
def test_bad_rows_are_refused_with_their_place(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = written(tmp_path, [row("p", "m", 1.0), row("q", "m", 1.0) | change])
    with pytest.raises(ReplayError, match=told):
        load_replay(path)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("correct", ["yes", "no"], "'correct' must hold a grade"),
        ("prompt", [1, 2], "'prompt' must hold text"),
        ("output_tokens", [1.5, 2.0], "'output_tokens' must hold whole numbers"),
        ("response", [3, 4], "'response' must hold text"),
    ],
)
def test_columns_of_a_wrong_type_are_refused(tmp_path: Path, column: str, values: list[Any], told: str) -> None:
    path = written(tmp_path, [row("p", "m", 1.0) | {column: value} for value in values])
    with pytest.raises(ReplayError, match=told):
        load_replay(path)


def test_files_that_are_no_record_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        ReplayError, match=r"no column 'model', 'correct' \(found: prompt\).*needs prompt, model, correct"
    ):
        load_replay(written(tmp_path, [{"prompt": "p", "tier": 1}]))
    with pytest.raises(ReplayError, match="is not a file"):
        load_replay(tmp_path / "none.parquet")
    with pytest.raises(ReplayError, match="is not a file"):
        load_replay(tmp_path)
    (tmp_path / "text.parquet").write_text("PAR1 no")
    with pytest.raises(ReplayError, match="not a Parquet file"):
        load_replay(tmp_path / "text.parquet")
    schema = pa.schema([("prompt", pa.string()), ("model", pa.string()), ("correct", pa.float32())])
    parquet.write_table(schema.empty_table(), tmp_path / "empty.parquet")
    with pytest.raises(ReplayError, match="has no rows"):
        load_replay(tmp_path / "empty.parquet")
    cut = written(tmp_path, ROWS, "cut.parquet")
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(ReplayError, match="not a Parquet file"):
        load_replay(cut)


def test_columns_that_hold_nothing_are_as_good_as_absent(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row("p", "m", 1.0)])
    place = table.schema.get_field_index("system")
    table = table.set_column(place, "system", pa.array([None], pa.float64()))
    parquet.write_table(table, tmp_path / "f.parquet")
    assert [each.system for each in read_rows(tmp_path / "f.parquet")] == [""]


def test_tiers_follow_the_price(tmp_path: Path) -> None:
    rows = [row("p", name, 1.0, cost_usd=cost) for name, cost in (("dear", 1.0), ("fair", 0.1), ("cheap", 0.01))]
    fleet = load_replay(written(tmp_path, rows))
    assert {model.id: model.tier for model in fleet.models} == {"dear": "frontier", "fair": "mid", "cheap": "small"}


def test_recorded_lengths_fit_into_the_window(tmp_path: Path) -> None:
    (model,) = load_replay(written(tmp_path, [row("p", "m", 1.0, input_tokens=300_000, output_tokens=40_000)])).models
    assert (model.context_window, model.max_output) == (600_000, 80_000)
    assert msgspec.json.encode(model)
