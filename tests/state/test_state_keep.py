"""Values outlive the process that kept them, for their time and no longer."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.state.keep import Keep
from baton.types.errors import LedgerError


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def test_a_value_is_there_at_once_and_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    keep = Keep(tmp_path / "state.db", clock)
    keep.put("turn", "a", b"1", 60.0)
    assert keep.get("turn", "a") == b"1"
    assert keep.get("other", "a") is None
    keep.close()
    again = Keep(tmp_path / "state.db", clock)
    assert again.get("turn", "a", in_file=False) is None
    assert again.get("turn", "a") == b"1"
    assert again.get("turn", "a", in_file=False) == b"1"  # in memory by now
    again.close()


def test_a_value_is_seen_by_another_process_when_it_is_written(tmp_path: Path) -> None:
    first, second = (Keep(tmp_path / "state.db", Clock()) for _ in range(2))
    first.put("turn", "a", b"1", 60.0)
    first.flush()
    assert second.get("turn", "a") == b"1"
    first.close()
    second.close()


@pytest.mark.parametrize("path", [None, "state.db"])
def test_a_value_ends_with_its_time(tmp_path: Path, path: str | None) -> None:
    clock = Clock()
    keep = Keep(tmp_path / path if path else None, clock)
    keep.put("turn", "a", b"1", 60.0)
    clock.at += 59.0
    assert keep.get("turn", "a") == b"1"
    clock.at += 1.0
    assert keep.get("turn", "a") is None
    keep.close()


def test_what_has_expired_leaves_the_file(tmp_path: Path) -> None:
    clock = Clock()
    keep = Keep(tmp_path / "state.db", clock)
    keep.put("turn", "a", b"1", 60.0)
    keep.close()
    clock.at += 61.0
    Keep(tmp_path / "state.db", clock).close()
    with sqlite3.connect(tmp_path / "state.db") as found:
        assert found.execute("SELECT COUNT(*) FROM kept").fetchone() == (0,)
    found.close()


def test_a_dropped_value_is_gone_for_good(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "state.db", Clock())
    keep.put("turn", "a", b"1", 60.0)
    keep.drop("turn", "a")
    assert keep.get("turn", "a") is None
    keep.close()
    again = Keep(tmp_path / "state.db", Clock())
    assert again.get("turn", "a") is None
    again.close()


def test_what_is_not_durable_is_not_in_the_file(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "state.db", Clock())
    keep.put("turn", "a", b"heliotrope", 60.0, durable=False)
    assert keep.get("turn", "a") == b"heliotrope"
    keep.close()
    assert b"heliotrope" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=300)), max_size=40))
def test_memory_has_a_limit_and_the_file_does_not(puts: list[tuple[str, bytes]]) -> None:
    keep = Keep(None, Clock(), memory_bytes=1_000)
    for key, value in puts:
        keep.put("s", key, value, 60.0)
        assert keep.get("s", key) == value
        assert keep.health().size_bytes <= 1_000
    keep.close()


def test_what_memory_forgot_is_read_from_the_file(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "state.db", Clock(), memory_bytes=1_000)
    for number in range(20):
        keep.put("s", str(number), b"x" * 300, 60.0)
    keep.flush()
    assert keep.health().entries < 20
    assert all(keep.get("s", str(number)) == b"x" * 300 for number in range(20))
    keep.close()


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"state\.path"):
        Keep(tmp_path / "missing" / "state.db", Clock())
    (tmp_path / "text.db").write_text("this is no database, and long enough to be taken for one " * 10)
    with pytest.raises(LedgerError, match="private state cannot be kept"):
        Keep(tmp_path / "text.db", Clock())


def test_a_write_that_fails_is_told_and_loses_nothing_of_this_process(tmp_path: Path) -> None:
    keep = Keep(tmp_path / "state.db", Clock())
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("DROP TABLE kept")
    other.close()
    keep.put("turn", "a", b"1", 60.0)
    keep.flush()
    assert "kept" in keep.health().last_error
    assert keep.get("turn", "a") == b"1"
    keep.close()
