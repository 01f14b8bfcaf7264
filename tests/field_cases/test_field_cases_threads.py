"""Every numbered case has a test, every test a case, and every thread is named by a test of its case."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.field_cases.threads import THREADS

NUMBERED = re.compile(r"test_case_(\d\d)_(\w+)")
HERE = Path(__file__)
MODULES = sorted(path.stem for path in HERE.parent.glob("test_*.py") if path != HERE)
CASES = 56


def all_tests() -> Iterator[tuple[str, Callable[..., None]]]:
    for module in MODULES:
        for name, value in vars(import_module(f"tests.field_cases.{module}")).items():
            if name.startswith("test_"):
                yield name, value


def names_of(case: int) -> str:
    """The names of its tests with what their parameters are called, each between commas."""
    found: list[str] = []
    for name, test in all_tests():
        if name.startswith(f"test_case_{case:02}_"):
            found.append(name)
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "parametrize":
                    found += [
                        str(value) for row in mark.args[1] for value in (row if isinstance(row, tuple) else [row])
                    ]
    return ",".join(found) + ","


def test_the_56_numbers_are_covered_exactly() -> None:
    numbers = {int(found[1]) for name, _ in all_tests() if (found := NUMBERED.fullmatch(name))}
    assert sorted(numbers) == list(range(1, CASES + 1)) == sorted(THREADS)


def test_every_test_here_bears_a_number_and_says_what_happened_in_the_field() -> None:
    for name, test in all_tests():
        assert NUMBERED.fullmatch(name), f"{name} bears no number"
        assert (test.__doc__ or "").strip(), f"{name} does not say what happened"


@pytest.mark.parametrize("case", THREADS)
def test_every_thread_is_named_by_a_test_of_its_case(case: int) -> None:
    names = names_of(case)
    missing = [thread for thread in THREADS[case] if not re.search(rf"(?<![a-z0-9]){thread}[_,]", names)]
    assert missing == []


def test_no_thread_belongs_to_two_cases() -> None:
    threads = [thread for found in THREADS.values() for thread in found]
    assert len(threads) == len(set(threads)) == 90
