"""References to environment variables, wherever they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.config.variables import Variables

from .texts import FLEET, only_problem_of, parsed


def path_of(value: str, env: dict[str, str]) -> str:
    return parsed(FLEET + f"ledger: {{path: {value}}}", env).ledger.path


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${NAME}", "value"),
        ("'${NAME}'", "value"),
        ('"${NAME}"', "value"),
        ("a-${NAME}-b", "a-value-b"),
        ("${NAME}${NAME}", "valuevalue"),
        ("${NOT_SET:-fallback}", "fallback"),
        ("${NAME:-fallback}", "value"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${NOT_SET:-}x", "x"),
        ("${NOT_SET:-a, b: [c]}", "a, b: [c]"),
        ("$${NAME}", "${NAME}"),
        ("'$NAME'", "$NAME"),
        ("${NUMBER}", "42"),
    ],
)
def test_references_are_filled_in(written: str, meant: str) -> None:
    assert path_of(written, {"NAME": "value", "EMPTY": "", "NUMBER": "42"}) == meant


def test_a_value_from_the_environment_is_never_yaml() -> None:
    assert path_of("${NAME}", {"NAME": "[a, {b: c}]\n# d"}) == "[a, {b: c}]\n# d"
    assert path_of("${NAME}", {"NAME": "${OTHER}", "OTHER": "x"}) == "${OTHER}"


def test_numbers_and_flags_may_come_from_the_environment() -> None:
    config = parsed(FLEET + "server: {port: ${PORT}, total_s: ${TOTAL:-7}}", {"PORT": "4200"})
    assert (config.server.port, config.server.total_s) == (4200, 7.0)


def test_a_missing_variable_is_named_with_what_to_do() -> None:
    problem = only_problem_of(FLEET + "ledger: {path: ${LEDGER_PATH}}", {})
    assert "baton.yaml:7: ledger.path: environment variable 'LEDGER_PATH' is not set" in problem
    assert "${LEDGER_PATH:-...}" in problem


def test_a_reference_in_a_comment_is_no_reference() -> None:
    assert parsed(FLEET + "# ${NOT_SET}\n", {}) == parsed(FLEET, {})


def test_a_wrong_value_is_shown_as_it_is_written() -> None:
    problem = only_problem_of(FLEET + "server: {port: ${PORT}}", {"PORT": "hunter2"})
    assert "server.port: must be a whole number, not '${PORT}'" in problem


@given(st.text(max_size=60), st.text(max_size=20))
def test_what_is_put_aside_comes_back(text: str, value: str) -> None:
    variables = Variables({"A": value})
    clean = text.replace("\ue000", "").replace("\ue001", "")
    assert variables.written(variables.shield(clean + "${A}")) == clean + "${A}"
    assert variables.expand(variables.shield("${A}")).text == value
