"""The engine between fleet and wire: routes, keys, attempts, forced and scheduled faults, and the journal of it all."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from baton.simulate.answer import Ask, SimAnswer, SimModel
from baton.simulate.faults import Case, Fault, parse_fault
from baton.simulate.fleet import Fleet, default_models
from baton.simulate.journal import Entry, Journal, Page
from baton.simulate.serve import Running, serve_in_thread
from baton.simulate.workload.item import item
from baton.types.money import Usage
from baton.types.secret import Secret
from tests.simulate.raw_http import Received, ask, chat, messages, post

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ITEM = item(7, 2)


@pytest.fixture
def running() -> Iterator[Running]:
    with serve_in_thread(Fleet()) as started:
        yield started


def get(port: int, path: str, **headers: str) -> Received:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return ask(port, f"GET {path} HTTP/1.1\r\nhost: sim\r\n{lines}\r\n".encode())


def test_the_journal_knows_the_truth_of_every_answer(running: Running) -> None:
    fleet = Fleet()
    nano = fleet.models[-1]
    for index in range(40):
        ask(running.port, post(CHAT, chat(item(7, index), "sim-nano")))
    entries = running.journal.since().entries
    assert [entry.nonce for entry in entries] == [f"7-{index:06d}" for index in range(40)]
    for index, entry in enumerate(entries):
        right = fleet.is_right(item(7, index), nano)
        assert (entry.outcome, entry.correct) == ("right" if right else "wrong", float(right))
        assert entry.cost == nano.price.cost(entry.usage) > 0
        assert (entry.status, entry.ending, entry.model, entry.dialect) == (200, "complete", "sim-nano", "openai-chat")
        assert entry.ended_s >= entry.started_s


def test_the_journal_is_read_over_http_page_by_page(running: Running) -> None:
    for _ in range(3):
        ask(running.port, post(CHAT, chat(ITEM)))
    first = msgspec.json.decode(get(running.port, "/sim/journal").body, type=Page)
    assert len(first.entries) == 3
    ask(running.port, post(MESSAGES, messages(ITEM)))
    second = msgspec.json.decode(get(running.port, f"/sim/journal?since={first.next}").body, type=Page)
    assert [entry.dialect for entry in second.entries] == ["anthropic"]
    assert get(running.port, "/sim/journal?since=x").status == 400


def test_attempts_are_counted_for_each_model_and_request(running: Running) -> None:
    for model in ("sim-nano", "sim-nano", "sim-mid"):
        ask(running.port, post(CHAT, chat(ITEM, model)))
    ask(running.port, post(CHAT, chat(item(7, 3), "sim-nano")))
    ask(running.port, post(CHAT, chat(ITEM, "sim-nano"), {"x-sim-nonce": "mine", "x-sim-attempt": "4"}))
    entries = running.journal.since().entries
    assert [entry.attempt for entry in entries] == [0, 1, 0, 0, 4]
    assert entries[-1].nonce == "mine"


def test_an_answer_is_the_same_bytes_for_the_same_attempt_in_another_server(running: Running) -> None:
    with serve_in_thread(Fleet()) as other:
        for body in (chat(ITEM), chat(ITEM, stream=True)):
            assert ask(running.port, post(CHAT, body)).body == ask(other.port, post(CHAT, body)).body
    repeated = ask(running.port, post(CHAT, chat(ITEM)))
    assert repeated.body != ask(running.port, post(CHAT, chat(ITEM))).body  # another attempt has another id


def test_a_schedule_sees_the_case_and_strikes_exactly_there() -> None:
    def first_attempt_of_nano(case: Case) -> Fault | None:
        return parse_fault("503") if case.model == "sim-nano" and case.attempt == 0 else None

    with serve_in_thread(Fleet(), schedule=first_attempt_of_nano) as running:
        statuses = [
            ask(running.port, post(CHAT, chat(ITEM, model))).status for model in ("sim-nano", "sim-nano", "sim-mid")
        ]
        assert statuses == [503, 200, 200]
        entries = running.journal.since().entries
    assert [entry.fault for entry in entries] == ["status", None, None]
    assert [entry.ending for entry in entries] == ["fault", "complete", "complete"]
    assert entries[0].usage == Usage()


def test_the_rates_that_a_model_states_are_its_schedule() -> None:
    models = [msgspec.structs.replace(model, faults={"500": 0.3}) for model in default_models()]
    with serve_in_thread(Fleet(models)) as running:
        statuses = [ask(running.port, post(CHAT, chat(item(7, index)))).status for index in range(150)]
    assert statuses.count(500) / 150 == pytest.approx(0.3, abs=0.12)
    assert set(statuses) == {200, 500}


def test_a_forced_fault_that_cannot_be_read_is_a_bad_request(running: Running) -> None:
    answer = ask(running.port, post(CHAT, chat(ITEM), {"x-sim-fault": "explode"}))
    assert answer.status == 400
    assert b"cannot be read: write KIND" in answer.body


@pytest.mark.parametrize("name", ["x-sim-attempt", "x-sim-sample"])
@pytest.mark.parametrize("value", ["-1", "x", "1.5", "٣"])
def test_control_headers_want_whole_numbers(running: Running, name: str, value: str) -> None:
    request = post(CHAT, chat(ITEM)).replace(b"\r\n\r\n", f"\r\n{name}: {value}\r\n\r\n".encode(), 1)
    assert ask(running.port, request).status == 400


def test_a_key_is_wanted_where_one_is_set() -> None:
    with serve_in_thread(Fleet(), api_key=Secret("right")) as running:
        assert ask(running.port, post(CHAT, chat(ITEM))).status == 401
        assert ask(running.port, post(CHAT, chat(ITEM), {"authorization": "Bearer wrong"})).status == 401
        assert ask(running.port, post(CHAT, chat(ITEM), {"authorization": "Bearer right"})).status == 200
        assert ask(running.port, post(MESSAGES, messages(ITEM), {"x-api-key": "right"})).status == 200
        refused = ask(running.port, post(MESSAGES, messages(ITEM)))
        assert msgspec.json.decode(refused.body)["error"]["type"] == "authentication_error"
        assert get(running.port, "/health").status == 200
        assert b"right" not in refused.body


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /v1/chat/completions", 405),
        ("DELETE /v1/models", 405),
        ("POST /health", 405),
        ("GET /", 404),
        ("PUT /v1/files", 404),
    ],
)
def test_wrong_paths_and_methods_are_told_what_there_is(running: Running, line: str, status: int) -> None:
    answer = ask(running.port, f"{line} HTTP/1.1\r\nhost: sim\r\ncontent-length: 0\r\n\r\n".encode())
    assert answer.status == status
    assert msgspec.json.decode(answer.body)["error"]["message"]
    assert answer.headers["x-baton-simulated"] == "true"


def test_the_model_list_speaks_the_dialect_of_its_client(running: Running) -> None:
    assert msgspec.json.decode(get(running.port, "/v1/models").body)["object"] == "list"
    assert "has_more" in msgspec.json.decode(
        get(running.port, "/v1/models", **{"anthropic-version": "2023-06-01"}).body
    )


def test_health_says_that_it_is_a_simulation(running: Running) -> None:
    told = msgspec.json.decode(get(running.port, "/health").body)
    assert told["simulated"] is True
    assert "sim-nano" in told["models"]


def test_what_a_model_cannot_do_is_refused() -> None:
    plain = msgspec.structs.replace(default_models()[0], id="plain", capabilities=frozenset(), context_window=60)
    calling = next(one for index in range(200) if (one := item(7, index)).tools)
    with serve_in_thread(Fleet([plain])) as running:
        refused = ask(running.port, post(CHAT, chat(calling, "plain")))
        assert msgspec.json.decode(refused.body)["error"]["param"] == "tools"
        too_long = ask(running.port, post(CHAT, chat(ITEM, "plain")))
        assert msgspec.json.decode(too_long.body)["error"]["code"] == "context_length_exceeded"


def test_every_answer_says_that_it_is_simulated(running: Running) -> None:
    for fault in ("", "500", "html", "empty", "garbage", "cut@5"):
        for stream in (False, True):
            answer = ask(running.port, post(CHAT, chat(ITEM, stream=stream), {"x-sim-fault": fault}))
            assert answer.headers["x-baton-simulated"] == "true"


class Broken(Fleet):
    def answer(self, ask: Ask, model: SimModel) -> SimAnswer:
        raise ZeroDivisionError


def test_a_bug_of_the_simulation_hangs_nobody() -> None:
    with serve_in_thread(Broken()) as running:
        answer = ask(running.port, post(CHAT, chat(ITEM)))
    assert (answer.status, answer.ended) == (0, "closed")


def test_the_journal_forgets_the_oldest_and_says_how_many() -> None:
    journal = Journal(kept=3)
    for _ in range(5):
        journal.write(
            Entry(
                journal.next_sequence(),
                0.0,
                0.0,
                "anthropic",
                "m",
                "n",
                0,
                200,
                False,
                "complete",
                0,
                None,
                "right",
                1.0,
                None,
                Usage(),
                0,
            )
        )
    page = journal.since()
    assert [entry.sequence for entry in page.entries] == [3, 4, 5]
    assert (page.next, page.dropped) == (5, 2)
    assert journal.since(5) == Page((), 5, 0)


def test_many_clients_at_once_get_their_own_answers(running: Running) -> None:
    async def one(index: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(post(CHAT, chat(item(7, index), "sim-frontier"), {"connection": "close"}))
        data = await reader.read()
        writer.close()
        return data

    async def everybody() -> list[bytes]:
        return await asyncio.gather(*map(one, range(60)))

    asyncio.run(everybody())
    assert sorted(entry.nonce for entry in running.journal.since().entries) == [f"7-{index:06d}" for index in range(60)]
