"""What is claimed of all task types together is less than what is claimed of each alone."""

from baton.cli.ladder import Mode, Rung, TypeLadder, fleet_claim
from baton.stats.intervals import Interval


def one(name: str, e_last: float, *, sound: bool = True, target: str = "m", mode: Mode = "walk") -> TypeLadder:
    rung = Rung("m", 10, 1.0, Interval(0.9, 1.0), e_last, 1.0, "adequate", None, 1.0, 0.95, 0, e_last)
    return TypeLadder(
        task_type=name, target=target, rungs=[rung], cost_usd=0.0, reference="r", rho=0.95, delta=0.05, mode=mode, family_wise="",
        certificates=[], dropped={}, grader="g", sound=sound, faults=[], stopped="", told="", simulated=True,
    )  # fmt: skip


def test_strong_evidence_carries_weak_evidence_with_it() -> None:
    assert "a: m, b: m" in fleet_claim([one("a", 25.0), one("b", 25.0)])
    assert fleet_claim([one("a", 1_000.0), one("b", 21.0), one("c", 21.0), one("d", 1.0, target="r")]).endswith(
        ": a: m"
    )
    assert fleet_claim([one("a", 21.0), one("b", 21.0), one("c", 1.0, target="r")]).endswith(": none")


def test_a_target_chosen_among_many_needs_more_evidence() -> None:
    from msgspec.structs import replace

    rungs = [replace(one("a", 30.0).rungs[0], model=name, verdict="degrades") for name in ("x", "y")]
    many = [replace(one(name, 30.0, mode="all"), rungs=[*one(name, 30.0).rungs, *rungs]) for name in ("a", "b")]
    assert fleet_claim(many).endswith(": none")
    walked = [replace(each, mode="walk") for each in many]
    assert fleet_claim(walked).endswith("a: m, b: m")


def test_one_type_and_unsound_graders_make_no_claim() -> None:
    assert fleet_claim([one("a", 1_000.0)]) == ""
    assert fleet_claim([one("a", 1_000.0), one("b", 1_000.0, sound=False)]) == ""
