"""The border to YAML: bounds, line numbers, YAML 1.2 scalars, and what of YAML is refused."""

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from baton.config.load import parse_config
from baton.config.problems import Problems
from baton.config.tree import MAX_NODES, MAX_TEXT_BYTES, Node, read_tree
from baton.config.variables import Variables
from baton.types.errors import ConfigError

from .texts import ENV, FLEET, only_problem_of, parsed, problems_of


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "baton.yaml: is empty"),
        ("# only a comment\n", "is empty"),
        ("---\n", "must be a mapping"),
        ("- a\n- b\n", "must be a mapping ('key: value' lines), not a list"),
        ("just text", "must be a mapping ('key: value' lines), not 'just text'"),
        ("42", "must be a mapping"),
        ("models:\n\t- openai/*\n", "baton.yaml:2: is indented with a tab: YAML wants spaces"),
        ("models: [openai/*\n", "is not YAML"),
        ("models: a: b\n", "baton.yaml:1: is not YAML: mapping values are not allowed"),
        ("a: @x", "is not YAML"),
        ("a: 'x", "is not YAML"),
        ("%YAML 9.9\n---\na: b", "is not YAML"),
        ("models: []\n---\nmodels: []\n", "baton.yaml:2: holds more than one document"),
        ("models: *nowhere\n", "uses an anchor ('*...') that is not defined before"),
        ("models: &m [*m]\n", "uses an anchor ('*...') inside of itself"),
        ("? [a, b]\n: c\n", "a list or a mapping cannot be a key"),
        ("models: \x00\n", "holds characters that YAML does not allow"),
        ("models: \ud800\n", "holds characters that YAML does not allow"),
        ("[" * 100_000, "is nested deeper than"),
        ("{" * 100_000, "is nested deeper than"),
        ("- " * 100_000, "is nested deeper than"),
        ("a: [" + "x, " * MAX_NODES + "]", f"holds more than {MAX_NODES} values"),
        ("a: " + "x" * MAX_TEXT_BYTES, "is larger than"),
    ],
)
def test_what_is_no_config_at_all_is_refused_with_one_reason(text: str, said: str) -> None:
    assert said in only_problem_of(text)


@pytest.mark.parametrize("levels", [3, 9, 40])
def test_anchors_that_multiply_exhaust_nothing(levels: int) -> None:
    started = time.process_time()
    problems = problems_of(laughs(levels))
    assert time.process_time() - started < 2
    if levels > 5:
        assert f"holds more than {MAX_NODES} values" in problems[0]


def test_a_megabyte_of_anything_is_answered_soon() -> None:
    started = time.process_time()
    for piece in ("[", "{a: ", "&a ", "!x ", "*a ", "- ", "? ", "a: b\n", "'", "|\n", "\t", "\u2028", "${A}"):
        with pytest.raises(ConfigError):
            parse_config(piece * (1_000_000 // len(piece)), {})
    assert time.process_time() - started < 10


def test_harmless_anchors_are_allowed() -> None:
    config = parsed(
        FLEET.replace("price: {input_usd: 5", "price: &p {input_usd: 5").replace(
            "price: {input_usd: 0.1, output_usd: 0.4}", "price: *p"
        )
    )
    assert config.snapshot.cards["sim/nano"].price == config.snapshot.cards["sim/frontier"].price


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server: {port: 1, port: 2}", "server.port: is given twice, first on line"),
        ("server: {port: 1}\nserver: {port: 2}", "server: is given twice, first on line"),
        ("server: {<<: {port: 1}}", "merge keys are not supported"),
        ("server: !!python/object:os.system {port: 1}", "server: has a YAML tag ('!...'), which is not supported"),
        ("ledger: {path: !secret x}", "ledger.path: has a YAML tag"),
    ],
)
def test_what_of_yaml_is_refused(text: str, said: str) -> None:
    assert any(said in problem for problem in problems_of(FLEET + text))


def test_lines_are_those_of_the_file() -> None:
    text = FLEET + "\n\n# a comment\nserver:\n  port: 1\n  hots: x\n\nroutes:\n  - name: a\n    rule: ghost\n"
    lines = text.splitlines()
    first, second = problems_of(text)
    assert f"baton.yaml:{lines.index('  hots: x') + 1}: server.hots" in first
    assert f"baton.yaml:{lines.index('    rule: ghost') + 1}: routes[0].rule" in second


@pytest.mark.parametrize("word", ["off", "no", "yes", "on", "n", "Off"])
def test_words_that_old_yaml_takes_for_flags_are_texts(word: str) -> None:
    assert parsed(FLEET + f"ledger: {{path: {word}}}").ledger.path == word


@pytest.mark.parametrize(
    ("text", "value"), [("1e3", 1000.0), ("1000", 1000.0), ("+1.5", 1.5), (".5", 0.5), ("5.", 5.0)]
)
def test_numbers_are_those_of_yaml_1_2(text: str, value: float) -> None:
    assert parsed(FLEET + f"server: {{total_s: {text}}}").server.total_s == value


@pytest.mark.parametrize("text", ["0x10", "1_000", "12:30:45", "1,5", "٣", "--1", "1e", "e5", "inf", "NaN"])
def test_what_is_no_number_in_yaml_1_2_is_refused(text: str) -> None:
    assert "server.total_s: must be a number" in only_problem_of(FLEET + f"server: {{total_s: '{text}'}}")


def test_a_quoted_number_is_a_number_where_one_is_wanted() -> None:
    assert parsed(FLEET + "server: {port: '4200', max_body_bytes: 1e6}").server.port == 4200


@pytest.mark.parametrize("empty", ["", "~", "null"])
def test_nothing_means_the_default(empty: str) -> None:
    assert parsed(FLEET + f"ledger: {{path: {empty}}}").ledger.path == "baton.db"


def test_a_quoted_nothing_is_a_text() -> None:
    assert parsed(FLEET + "ledger: {path: 'null'}").ledger.path == "null"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SECTIONS = ["version", "providers", "models", "aliases", "task_types", "routes", "server", "ledger", "content"]


@given(st.dictionaries(st.sampled_from(SECTIONS), ODD, max_size=9))
def test_whatever_yaml_holds_the_answer_is_a_config_or_problems(tree: dict[str, Any]) -> None:
    check_answer(yaml.safe_dump(tree, allow_unicode=True))


@given(st.text(max_size=200))
@example("a: ${")
@example("${A:-${B}}: [\ue0000\ue001]")
@example("\ue0009\ue001")
def test_whatever_the_text_the_answer_is_a_config_or_problems(text: str) -> None:
    check_answer(text)
    check_answer(FLEET + text)


def check_answer(text: str) -> None:
    found = found_wrong(text)
    assert found != []
    assert all(problem.startswith("baton.yaml:") for problem in found or ())


def found_wrong(text: str) -> list[str] | None:
    """None for a text that is a config."""
    try:
        parse_config(text, ENV)
    except ConfigError as error:
        return list(error.problems)
    return None


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), max_size=40))
def test_a_quoted_text_comes_back_as_it_was_written(text: str) -> None:
    assume("${" not in text and "\ufeff" not in text)
    tree = read_tree(f"a: {json.dumps(text, ensure_ascii=False)}\n", Variables({}), Problems("x"))
    assert tree.value == {"a": Node(1, text, plain=False)}
