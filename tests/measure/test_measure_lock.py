"""What recorded grades prove, and that no byte of lock or grades can change without being seen."""

import contextlib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from baton.config.lock import grades_path, lock_text, read_lock, why_void
from baton.measure.evidence import Climbed, LadderHeader, climbed
from baton.measure.files import bytes_of, hash_of, read_evidence
from baton.measure.lock import promote, verify, write_lock
from baton.types.card import ModelCard, Provider
from baton.types.decision import PolicySnapshot
from baton.types.errors import ProofError
from baton.types.money import Price
from baton.types.task import TaskType
from tests.measure.made import FRONTIER, MID, NANO, header, rows

REFERENCES = {"classification": FRONTIER, "code": FRONTIER}


def climb(seed: int = 1, n: int = 900, nano: float = 0.3, /, **changes: object) -> tuple[Climbed, bytes]:
    file = bytes_of(header(prompts=n - 30, **changes), rows(seed, n, {MID: 0.0, NANO: nano}))
    head, made = read_evidence(file, "grades")
    assert isinstance(head, LadderHeader)
    return climbed(head, made, hash_of(file)), file


def snapshot(**other: str) -> PolicySnapshot:
    names = {FRONTIER: "sim-frontier", MID: "sim-mid", NANO: "sim-nano"} | other
    cards = {name: ModelCard(name, "sim", upstream, "mid", 1000, 1000, Price(1, 1)) for name, upstream in names.items()}
    types = {name: TaskType(name) for name in REFERENCES}
    return PolicySnapshot(cards, {"sim": Provider("sim", "http://localhost")}, types, ())


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    found, file = climb()
    path = tmp_path / "policy.lock"
    write_lock(path, found.certificates, {hash_of(file): file})
    return path


def test_an_equal_rung_is_certified_and_a_worse_one_ends_the_walk() -> None:
    found, _ = climb()
    assert [one.verdict for one in found.standings] == ["adequate", "degrades"]
    assert found.target == MID
    (one,) = found.certificates
    assert (one.rung, one.reference, one.models) == (
        MID, FRONTIER, {FRONTIER: "sim sim-frontier", MID: "sim sim-mid"},
    )  # fmt: skip
    assert one.rho <= one.bound <= one.estimate
    assert (one.cost_per_task, one.reference_cost_per_task) == (200, 1000)


def test_the_same_grades_give_the_same_bytes() -> None:
    (one, file), (again, file_again) = climb(), climb()
    assert file == file_again
    assert lock_text(one.certificates) == lock_text(reversed(again.certificates))


@pytest.mark.parametrize("change", [{"faults": ("gold: .5",)}, {"judged": True}])
def test_an_unsound_or_a_judge_alone_proves_nothing(change: dict[str, object]) -> None:
    found, _ = climb(1, 900, 0.3, **change)
    assert found.certificates == ()
    assert found.target == (FRONTIER if "faults" in change else MID)


def test_a_rung_as_dear_as_the_reference_is_none() -> None:
    made = [replace(row, costs=row.costs | {MID: 1_000}) for row in rows(1, 200, {MID: 0.0, NANO: 0.3})]
    found = climbed(header(), made, "sha256:0")
    assert found.plan.dropped == {MID: "costs as much as the reference, or more"}
    assert [one.rung for one in found.standings] == [NANO]


def test_a_rung_that_cannot_be_graded_is_dropped_and_gaps_count_for_nothing() -> None:
    made = [
        replace(row, grades=row.grades | {NANO: None} | ({MID: None} if place % 10 == 3 else {}))
        for place, row in enumerate(rows(1, 900, {MID: 0.0, NANO: 0.3}))
    ]
    found = climbed(header(), made, "sha256:0")
    assert "30 of its 30 pilot answers could not be graded" in found.plan.dropped[NANO]
    (mid,) = found.standings
    assert mid.verdict == "adequate"
    assert mid.skipped > 0


def test_few_prompts_say_how_many_more() -> None:
    found, _ = climb(1, 50)
    assert found.certificates == ()
    mid, nano = found.standings
    assert (mid.verdict, nano.verdict) == ("undecided", "untested")
    assert mid.needs_more is not None
    assert mid.needs_more >= 10


def test_a_lock_verifies_and_reads_back(lock: Path) -> None:
    found = verify(lock)
    assert found.valid
    assert read_lock(lock) == found.certificates
    assert msgspec.json.decode(lock.read_bytes())["version"] == 1


def test_a_lock_says_when_it_rests_on_other_prompts(lock: Path) -> None:
    (one,) = read_lock(lock)
    assert verify(lock, one.prompt_set).valid
    (finding,) = verify(lock, "sha256:" + "2" * 64).findings
    assert "it rests on the prompts" in finding.problem


def test_every_changed_byte_is_seen(lock: Path) -> None:
    (certificate,) = read_lock(lock)
    grades = grades_path(lock, certificate.grades)
    for path, step in ((lock, 7), (grades, 997)):
        whole = path.read_bytes()
        for place in range(0, len(whole), step):
            changed = whole[place] ^ 1
            path.write_bytes(whole[:place] + bytes([changed]) + whole[place + 1 :])
            with contextlib.suppress(ProofError):
                assert not verify(lock).valid, (path, place)
        path.write_bytes(whole)
    assert verify(lock).valid


def test_a_lie_with_a_fitting_digest_is_seen_by_the_grades(lock: Path) -> None:
    (one,) = read_lock(lock)
    lock.write_text(lock_text([replace(one, rho=0.98, bound=0.99)]))
    (finding,) = verify(lock).findings
    assert "rho is 0.98, the grades say 0.95" in finding.problem
    lock.write_text(lock_text([replace(one, rung=NANO)]))
    (finding,) = verify(lock).findings
    assert "do not prove 'sim/nano' adequate" in finding.problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no policy.lock"),
        ("{}", "is of version None"),
        ('{"version": 2, "certificates": []}', "is of version 2, this Baton reads 1"),
        ('{"version": 1, "certificates": [{}], "digest": "x"}', "is no policy.lock"),
        ('{"version": 1, "certificates": [], "digest": "x"}', "changed by hand"),
        ("\x00\xff", "is no policy.lock"),
    ],
)
def test_what_is_no_lock_says_so(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "policy.lock"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ProofError, match=told):
        verify(path)
    with pytest.raises(ProofError, match="cannot be read"):
        verify(tmp_path / "none.lock")


def test_grades_of_another_version_prove_nothing(lock: Path) -> None:
    (one,) = read_lock(lock)
    file = grades_path(lock, one.grades).read_bytes().replace(b'"version":1', b'"version":2', 1)
    write_lock(lock, [replace(one, grades=hash_of(file))], {hash_of(file): file})
    (finding,) = verify(lock).findings
    assert "version 2 is not 1" in finding.problem


# --- promotion -------------------------------------------------------------------------------------


def test_promotion_replaces_what_it_covers_and_keeps_the_rest(lock: Path, tmp_path: Path) -> None:
    target = tmp_path / "live" / "policy.lock"
    other, file = climb(4, task_type="code")
    write_lock(target, other.certificates, {hash_of(file): file})
    taken = promote(lock, target, snapshot(), REFERENCES, frozenset())
    assert [one.task_type for one in taken] == ["classification"]
    assert [one.task_type for one in read_lock(target)] == ["classification", "code"]
    assert verify(target).valid
    before = target.read_bytes()
    promote(lock, target, snapshot(), REFERENCES, frozenset({"classification"}))
    assert target.read_bytes() == before


def test_promotion_without_a_valid_certificate_changes_nothing(lock: Path, tmp_path: Path) -> None:
    target = tmp_path / "live.lock"
    cases = (
        (snapshot(), frozenset({"code"}), "there is no certificate for code"),
        (snapshot(**{MID: "sim-mid-2"}), frozenset[str](), "'sim sim-mid-2' now, not 'sim sim-mid'"),
    )
    for now, only, told in cases:
        with pytest.raises(ProofError, match=told):
            promote(lock, target, now, REFERENCES, only)
    (one,) = read_lock(lock)
    grades_path(lock, one.grades).write_bytes(b"{}")
    with pytest.raises(ProofError, match="grades have been changed"):
        promote(lock, target, snapshot(), REFERENCES, frozenset())
    assert not target.exists()


def test_a_certificate_is_void_when_what_it_names_changes(lock: Path) -> None:
    (one,) = read_lock(lock)
    assert why_void(one, snapshot(), REFERENCES) == ""
    gone = snapshot()
    assert "reference" in why_void(one, gone, {"classification": MID})
    without = replace(gone, cards={name: card for name, card in gone.cards.items() if name != MID})
    assert "not in the config any more" in why_void(one, without, REFERENCES)
    assert "no task type" in why_void(one, replace(gone, task_types={}), REFERENCES)
    assert "verifiers are of version" in why_void(replace(one, grader="verified:0"), gone, REFERENCES)
