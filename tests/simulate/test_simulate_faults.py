"""Faults: how they are written, that their schedule is pure, and where exactly they strike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.delivery import HOLD_S, Delivery
from baton.simulate.faults import DEFAULT_SLOW_S, GARBAGE, HTML_PAGE, Case, Fault, afflict, parse_fault, seeded

PLAN = Delivery(200, (("content-type", "text/event-stream"),), (b"one", b"two!", b"three"), "chunked")
WHOLE = Delivery(200, (("content-type", "application/json"),), (b'{"a": 1}',))
CASES = [Case("m", f"n{number}", attempt) for number in range(1_000) for attempt in range(2)]


def struck(text: str, plan: Delivery = PLAN, where: float = 0.5) -> Delivery:
    return afflict(parse_fault(text), plan, error_event=b"ERR", where=where)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("500", Fault("status", status=500)),
        (
            "429;retry_after=Wed, 21 Oct 2015 07:28:00 GMT",
            Fault("status", status=429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
        ),
        ("cut@12", Fault("cut", at=12)),
        ("reset@3e;framing=close", Fault("reset", at=3, events=True, framing="close")),
        ("stall@0;seconds=0.5", Fault("stall", at=0, seconds=0.5)),
        (" html ", Fault("html")),
        ("unfinished", Fault("unfinished")),
    ],
)
def test_faults_are_read_as_they_are_written(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "boom",
        "200",
        "600",
        "cut@",
        "cut@-1",
        "cut@x",
        "cut;at=3",
        "html@4",
        "500@2",
        "slow;seconds=fast",
        "cut;framing=soup",
        "cut@1ee",
        "status",
    ],
)
def test_what_cannot_be_read_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read: write KIND"):
        parse_fault(text)


def test_the_schedule_is_a_pure_function_of_its_case() -> None:
    rates = {"m": {"500": 0.1, "cut": 0.1}}
    first, second = seeded(rates, seed=3), seeded(rates, seed=3)
    drawn = [first(case) for case in CASES]
    assert drawn == [second(case) for case in reversed(CASES)][::-1]
    assert drawn != [seeded(rates, seed=4)(case) for case in CASES]
    assert drawn != [seeded(rates, seed=3, scenario="D05")(case) for case in CASES]


def test_faults_come_at_their_rates_and_a_second_attempt_is_drawn_anew() -> None:
    schedule = seeded({"m": {"500": 0.1, "cut": 0.2}}, seed=1)
    kinds = [fault.kind if fault else None for fault in map(schedule, CASES)]
    assert kinds.count("status") / len(kinds) == pytest.approx(0.1, abs=0.02)
    assert kinds.count("cut") / len(kinds) == pytest.approx(0.2, abs=0.03)
    assert any(kinds[place] != kinds[place + 1] for place in range(0, len(kinds), 2))
    assert schedule(Case("other", "n1", 0)) is None


@pytest.mark.parametrize("rates", [{"500": -0.1}, {"500": 0.6, "cut": 0.6}, {"boom": 0.1}])
def test_impossible_rates_are_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"fault rates of 'm'|cannot be read"):
        seeded({"m": rates}, seed=1)


@given(st.integers(0, 14), st.sampled_from(["cut", "reset", "unfinished", "stall"]))
def test_a_position_is_exact_to_the_byte(at: int, kind: str) -> None:
    plan = struck(f"{kind}@{at}")
    assert b"".join(plan.pieces) == b"onetwo!three"[:at]
    assert b"".join(plan.pieces + plan.rest) == b"onetwo!three"[: None if kind == "stall" else at]
    assert all(plan.pieces)


@pytest.mark.parametrize(("events", "left"), [(0, ()), (2, (b"one", b"two!")), (9, PLAN.pieces)])
def test_a_position_in_events_keeps_whole_events(events: int, left: tuple[bytes, ...]) -> None:
    assert struck(f"cut@{events}e").pieces == left


def test_each_kind_does_what_it_says() -> None:
    assert struck("slow").first_s == DEFAULT_SLOW_S
    assert struck("slow;seconds=2").first_s == 2
    assert struck("stall@3").hold_s == HOLD_S
    assert struck("cut@3").end == "cut"
    assert struck("reset@3").end == "reset"
    assert struck("unfinished@1e").end == "complete"
    assert struck("error@1e").pieces == (b"one", b"ERR")
    assert struck("empty").pieces == ()
    assert struck("garbage").pieces == (GARBAGE,)
    page = struck("html")
    assert (page.pieces, page.framing, page.headers) == ((HTML_PAGE,), "length", (("content-type", "text/html"),))
    assert struck("cut@3;framing=close").framing == "close"


def test_a_whole_answer_keeps_claiming_its_full_length_when_it_is_cut() -> None:
    assert struck("cut@3", WHOLE).length == 8
    assert struck("unfinished@3", WHOLE).length is None
    assert struck("error", WHOLE).pieces == (b"ERR",)


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(["cut", "reset", "unfinished", "error", "stall"]))
def test_an_open_position_is_drawn_before_the_end(where: float, kind: str) -> None:
    plan = struck(kind, where=where)
    assert len(b"".join(plan.pieces).replace(b"ERR", b"")) < 12
    if kind in ("unfinished", "error"):
        assert b"".join(plan.pieces).removesuffix(b"ERR") == b""  # of three events the last two are never reached
