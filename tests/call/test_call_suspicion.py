"""What other replicas say of a deployment: one call finds out, the others go elsewhere, and nobody is shut out."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from baton.call.deployments import Pool, Standing
from baton.call.suspicion import Outcome, Suspicion
from baton.types.card import Deployment, ModelCard
from baton.types.money import Price
from baton.types.reliability import Reliability

OUTCOMES: tuple[Outcome, ...] = ("good", "bad", "none")


def pool_of(*names: str) -> Pool:
    card = ModelCard("sim/m", "a", "m", "small", 1_000, 100, Price(1, 1))
    return Pool(card, [Standing(Deployment(name, "m"), Reliability()) for name in names])


def chosen(pool: Pool, now: float, tried: tuple[Standing, ...] = (), count: int = 200) -> set[str]:
    random = Random(7)
    found = (pool.choose(now, tried, lambda _: True, random.random, stream=False) for _ in range(count))
    return {one.deployment.provider for one in found if one is not None}


def suspect(pool: Pool, place: int = 0, now: float = 0.0, seconds: float = 10.0) -> Suspicion:
    made = pool.standings[place].suspicion = Suspicion()
    made.hinted(now, seconds)
    return made


def test_one_call_finds_out_while_the_others_go_elsewhere() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    assert chosen(pool, 0.5) == {"a", "b"}, "the first one to choose it is the probe"
    said.begin(1.0)
    assert chosen(pool, 1.5) == {"b"}
    said.ended(1.0, "bad")
    assert chosen(pool, 2.0) == {"b"}
    assert chosen(pool, 10.1) == {"a", "b"}, "until what was said has run out"


def test_a_probe_that_goes_well_ends_it_also_where_it_is_said_again() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    said.begin(1.0)
    said.ended(1.0, "good")
    for now in (1.0, 4.0, 7.0):
        said.hinted(now, 10.0 - now)
        assert chosen(pool, now) == {"a", "b"}
        assert not said.holds(now)


def test_the_breaker_there_opens_again_and_one_call_finds_out_again() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    said.begin(1.0)
    said.ended(1.0, "bad")
    said.hinted(9.0, 20.0)
    assert not said.shuns(9.5)
    said.begin(9.5)
    assert said.shuns(9.6)
    said.ended(9.5, "good")
    assert not said.holds(9.7)


def test_a_probe_without_an_outcome_leaves_it_to_the_next_one() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    said.begin(1.0)
    said.ended(1.0, "none")
    assert not said.shuns(1.5)
    assert said.holds(1.5)


def test_calls_from_before_it_was_said_are_no_evidence() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool, now=5.0)
    for outcome in OUTCOMES:
        said.ended(4.0, outcome)
        assert said.holds(6.0)
        assert not said.shuns(6.0)


def test_the_last_way_stays_open() -> None:
    alone = pool_of("a")
    said = suspect(alone)
    said.begin(1.0)
    said.ended(1.0, "bad")
    assert chosen(alone, 2.0) == {"a"}
    both = pool_of("a", "b")
    for place in (0, 1):
        one = suspect(both, place)
        one.begin(1.0)
        one.ended(1.0, "bad")
    assert chosen(both, 2.0) == {"a", "b"}


def test_the_one_that_was_tried_comes_after_the_suspect() -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    said.begin(1.0)
    said.ended(1.0, "bad")
    assert chosen(pool, 2.0, (pool.standings[1],)) == {"a"}


EVENTS = st.lists(
    st.tuples(st.sampled_from(["hint", "begin", "good", "bad", "none"]), st.floats(0, 5), st.floats(0, 30)), max_size=30
)


@given(EVENTS)
def test_whatever_is_said_a_way_is_left_and_the_end_comes(events: list[tuple[str, float, float]]) -> None:
    pool = pool_of("a", "b")
    said = suspect(pool)
    now, begun = 0.0, []
    for what, later, seconds in events:
        now += later
        if what == "hint":
            said.hinted(now, seconds)
        elif what == "begin":
            said.begin(now)
            begun.append(now)
        elif begun:
            said.ended(begun.pop(), what)  # type: ignore[arg-type]
        assert chosen(pool, now) == ({"b"} if said.shuns(now) else {"a", "b"})
    assert not said.holds(now + 31.0)
